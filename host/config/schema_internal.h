/* schema_internal.h - what the files of the schema walk share among themselves. */
#ifndef HOST_CONFIG_SCHEMA_INTERNAL_H
#define HOST_CONFIG_SCHEMA_INTERNAL_H

#include "config/internal.h"
#include "config/schema.h"

/* A field as this host knows it: what an older plugin's shorter entry lacks is zero. */
pb_field schema_field(const pb_field *entry);

/* The field that stands for one item of a list or map: the same facets, the item's kind. */
pb_field schema_item(const pb_field *field);

/* Does one scalar say it all (text, numbers, a reference's name)? */
bool schema_is_scalar(uint32_t kind);

/* --- schema_value.c: a value of YAML or of JSON, seen alike */
struct schema_value {
    struct config_node *node; /* YAML; or */
    const pb_json *json;      /* JSON; both NULL: not there */
};

enum { SCHEMA_NOTHING, SCHEMA_TEXT, SCHEMA_LIST, SCHEMA_MAP };

int schema_value_type(struct schema_value value);
pb_str schema_value_text(struct schema_value value); /* of SCHEMA_TEXT */
size_t schema_value_count(struct schema_value value);
struct schema_value schema_value_child(struct schema_value value);
struct schema_value schema_value_next(struct schema_value value);
struct schema_value schema_value_get(struct schema_value value, const char *name);
pb_str schema_value_key(struct schema_value value);
bool schema_value_there(struct schema_value value);

/* May this scalar be text, or a number, true or false? In YAML quotes decide, in JSON the type. */
bool schema_value_fits(struct schema_value value, uint32_t kind);
pb_str schema_value_found(struct schema_value value); /* "a list": for sentences */

/* A step on the way from the root of JSON, for pointers. */
struct schema_place {
    const struct schema_place *up;
    pb_str key; /* absent: an index */
    size_t index;
};

/* One reading: where its problems go. */
struct schema_walk {
    const struct schema_context *context;
    bool from_json;
    const struct schema_place *place; /* where the walk is, in JSON */
    const pb_field *default_of;       /* reads this field's default, or NULL */
    struct schema_value holder;       /* then: the map that left it out */
    size_t problems;
    int depth;
    pb_status status; /* of the first problem; PB_NO_MEMORY ends it all */
};

enum { SCHEMA_PROBLEMS = 200 }; /* after so many a value is not read on */

/* Reports at a value, at a member's name, at a member that is missing. */
void schema_problem(struct schema_walk *walk, struct schema_value value, pb_str sentence);
void schema_problem_key(struct schema_walk *walk, struct schema_value value, pb_str sentence);
void schema_problem_missing(struct schema_walk *walk, struct schema_value map, const char *name,
                            pb_str sentence);
/* "expected a number, found a list", and a hint or "". */
void schema_problem_expected(struct schema_walk *walk, const pb_field *field,
                             struct schema_value value, pb_str hint);
void schema_warning_key(struct schema_walk *walk, struct schema_value value, pb_str sentence);

/* --- schema_resolve.c: `text` of a path is made absolute; a reference that was left out is filled
 * where there is only one of its kind: false when that is to be reported as missing. */
void schema_read_ref(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                     pb_instance **out);
void schema_check_name(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                       pb_str name);
void schema_read_pipeline(struct schema_walk *walk, const pb_field *field,
                          struct schema_value value, pb_pipeline **out);
void schema_read_path(struct schema_walk *walk, const pb_field *field, struct schema_value value,
                      pb_str text, pb_str *out);
bool schema_fill_ref(struct schema_walk *walk, const pb_field *field, struct schema_value map,
                     pb_instance **out);

/* How a text fits a scalar field. */
enum { SCHEMA_FITS, SCHEMA_OTHER_KIND, SCHEMA_REFUSED };

/* Reads a scalar of any kind but paths, references and JSON into `out`. REFUSED: *sentence says
 * why; OTHER_KIND: *sentence is a hint ("; did you mean …") or empty. */
int schema_scalar(const pb_field *field, pb_str text, void *out, pb_str *sentence);

/* max_length and pattern of a text; the sentence, or absent. */
pb_str schema_text_wrong(const pb_field *field, pb_str text);

/* "1 to 10", "at least 1s", "at most 64KiB", or absent without bounds. */
pb_str schema_range(const pb_field *field);

/* What a field expects, in the plural where it is an item: "whole numbers". */
pb_str schema_expected_items(const pb_field *field);

/* "text, required", "a whole number, 1 to 10, default 1". */
void schema_facets(const pb_field *field, pb_buf *out);

/* The table of what a field holds, to be shown below it; NULL: none, or it is one of the `depth` tables
 * that are being shown. */
enum { SCHEMA_DEEPEST = 8 };
const pb_field *schema_table_below(const pb_field *field, const pb_field *const *tables, size_t depth);

/* A default that is more than a scalar, as a tree; NULL when the text is no YAML. */
struct config_node *schema_default(const pb_field *field, struct config_diagnostics *diagnostics);

#endif
