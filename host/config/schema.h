/* schema.h - what is done with a schema table (<patchbay/schema.h>): read YAML or JSON into the
 * struct, write the struct as JSON, describe it as JSON Schema and as help.
 *
 * Reading reports every problem of a value in one run. What is read lives in the running scope,
 * with one exception: PB_JSON fields read from JSON point into the tree they were read from.
 */
#ifndef HOST_CONFIG_SCHEMA_H
#define HOST_CONFIG_SCHEMA_H

#include "config/diagnostics.h"
#include <patchbay/pipeline.h>
#include <patchbay/schema.h>

/* How references and nested pipelines are resolved; the plugin layer embeds this in a struct of its
 * own. `node` is NULL when the value comes from JSON. A failure is reported at the value's place with
 * the sentence of pb_fail; PB_DECLINED says that the hook has reported it already. */
struct schema_hooks {
    /* The instance `name` of kind field->ref. Called without a name (absent) and with the map that
     * lacks it when a *required* reference was left out: *out is the only instance of its kind, or
     * NULL: then it is reported as missing. A reference that is not required stays NULL. */
    pb_status (*resolve_ref)(const struct schema_hooks *hooks, const pb_field *field, pb_str name,
                             struct config_node *node, pb_instance **out);
    /* A list of stages. */
    pb_status (*build_pipeline)(const struct schema_hooks *hooks, struct config_node *node,
                                pb_pipeline **out);
    /* A text of a field with `ref`: is there a pipeline of this name? May be NULL: not checked. */
    pb_status (*check_name)(const struct schema_hooks *hooks, const pb_field *field, pb_str name);
};

struct schema_context {
    struct config_diagnostics *diagnostics; /* NULL: only the first problem is kept, by pb_fail */
    const char *data_dir;                   /* for PB_DATA_PATH; NULL: the current folder */
    const struct schema_hooks *hooks;       /* NULL: references and pipelines stay NULL */
    const char *const *also;                /* keys of the outermost map that are not this table's
                                               business ("use"), NULL at the end; or NULL */
};

/* Reads the map `node` into the zeroed struct `out`; NULL and CONFIG_NULL count as an empty map.
 * PB_OK, PB_INVALID (problems were reported; pb_error_last() has the first), PB_NO_MEMORY. Marks
 * the nodes of secret fields. */
pb_status schema_read(const pb_field *fields, void *out, struct config_node *node,
                      const struct schema_context *context);

/* The same from JSON: the input of operations. Problems carry a JSON pointer as path and never show
 * the value; the first is also in pb_error_last(). `json` NULL counts as {}. */
pb_status schema_read_json(const pb_field *fields, void *out, const pb_json *json,
                           const struct schema_context *context);

/* Writes the struct as a JSON object. Left out: absent text, NULL JSON, references and pipelines
 * (objects of the process). Durations are text ("30s"), sizes bytes, secrets "***". */
void schema_write_json(const pb_field *fields, const void *from, pb_json_writer *writer);

/* How JSON Schema is written. NULL: for JSON input and output. */
struct schema_style {
    bool config;          /* for YAML: any scalar may also be a ${VAR} */
    const char *pipeline; /* what a pipeline refers to: "#/$defs/stages"; NULL: any list */
    bool output;          /* what schema_write_json writes: no bounds, required is what is always there */
    /* The address of the table of a struct or of items ("#/$defs/job") where it is described elsewhere;
     * absent: it is described in its place. NULL: always in its place. */
    pb_str (*reference)(const struct schema_style *style, const pb_field *field);
};

/* A table as JSON Schema (draft 2020-12, without $schema): {"type":"object","properties":…}. */
void schema_json_schema(const pb_field *fields, const struct schema_style *style,
                        pb_json_writer *writer);

/* Its parts, to compose a larger object: members for an open "properties" object, and names for an
 * open "required" array. References are never required: the only instance is taken. */
void schema_json_properties(const pb_field *fields, const struct schema_style *style,
                            pb_json_writer *writer);
void schema_json_required(const pb_field *fields, pb_json_writer *writer);

/* Help for a terminal, one entry per field with kind, range, default and sentence; nested tables
 * are indented. */
void schema_help(const pb_field *fields, int indent, pb_buf *out);

/* Every option as YAML to paste, with its help as a comment; what has no default is commented out. */
void schema_yaml(const pb_field *fields, int indent, pb_buf *out);

/* Every option, those of nested tables too, as commented YAML: a line "#name: value" is an option, which
 * counts without its "#"; a line "# text" tells its type, range, default and help. */
void schema_full_yaml(const pb_field *fields, int indent, pb_buf *out);

/* Every option as a table in Markdown, those of nested tables by their path ("keys[].name"). */
void schema_markdown(const pb_field *fields, pb_buf *out);

/* Bytes that a value of `kind` takes in the struct, for the field or for an item of it; 0: no such
 * kind. */
size_t schema_size(uint32_t kind, const pb_field *field);

/* "text", "a whole number", "a list of text": what a field expects, for sentences. */
pb_str schema_expected(const pb_field *field);

/* Durations and sizes as text and back. pb_duration "1500ms"; bytes "64MiB". Reading returns false
 * when `text` is none. */
pb_str schema_duration_text(pb_duration duration);
pb_str schema_size_text(int64_t bytes);
bool schema_duration_read(pb_str text, pb_duration *out);
bool schema_size_read(pb_str text, int64_t *out);

#endif
