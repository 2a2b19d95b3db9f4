/* config_schema.c - JSON Schema of a whole configuration, for editors: `patchbay schema`.
 *
 * Each plugin describes itself in a child process (registry_describe), so that one that crashes is
 * left out and the rest is there.
 */
#include "plugin/instances.h"

#include "config/schema.h"
#include "plugin/kinds.h"

static const struct schema_style style = {.config = true, .pipeline = "#/$defs/stages"};

/* A component's own schema, as its plugin described it. */
struct described {
    pb_str kind, name, help;
    const pb_json *schema;
    struct described *next;
};

static pb_status describe_all(struct described **out)
{
    struct described **tail = out;

    for (const struct plugin *plugin = registry_first(); plugin; plugin = plugin->next) {
        pb_str text;
        const pb_json *json = NULL;
        if (plugin->refused || registry_describe(plugin, &text) != PB_OK)
            continue;
        pb_status status = pb_json_parse(text, &json);
        if (status != PB_OK)
            return status;
        const pb_json *components = pb_json_get(json, "components");
        for (const pb_json *at = components ? components->child : NULL; at; at = at->next) {
            struct described *described = PB_NEW(struct described);
            if (!described)
                return PB_NO_MEMORY;
            *described = (struct described){.kind = pb_json_text(pb_json_get(at, "kind")),
                                            .name = pb_json_text(pb_json_get(at, "name")),
                                            .help = pb_json_text(pb_json_get(json, "help")),
                                            .schema = pb_json_get(at, "schema")};
            *tail = described;
            tail = &described->next;
        }
    }
    pb_error_clear();
    return PB_OK;
}

static void write_reference(pb_json_writer *writer, const char *to, pb_str more)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "$ref");
    pb_jw_str(writer, pb_printf("#/$defs/%s%.*s", to, PB_ARG(more)));
    pb_jw_close(writer, '}');
}

static void write_words(pb_json_writer *writer, const char *key, const char *const *words)
{
    pb_jw_key(writer, key);
    pb_jw_open(writer, '[');
    for (; *words; words++)
        pb_jw_str(writer, pb_str_of(*words));
    pb_jw_close(writer, ']');
}

static void write_pair(pb_json_writer *writer, const char *key, const char *value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, pb_str_of(value));
}

/* The options of a component with `use` among them: {"type": "object", "properties": {"use": …}}. */
static void write_options(pb_json_writer *writer, const struct described *component, bool use)
{
    pb_jw_open(writer, '{');
    for (const pb_json *at = component->schema ? component->schema->child : NULL; at;
         at = at->next) {
        pb_jw_key_str(writer, at->key);
        if (!use || !pb_str_is(at->key, "properties")) {
            pb_jw_json(writer, at);
            continue;
        }
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "use");
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "const");
        pb_jw_str(writer, component->name);
        if (component->help.data) {
            pb_jw_key(writer, "description");
            pb_jw_str(writer, component->help);
        }
        pb_jw_close(writer, '}');
        for (const pb_json *option = at->child; option; option = option->next) {
            pb_jw_key_str(writer, option->key);
            pb_jw_json(writer, option);
        }
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
}

/* {"enum": [names of the stages]}: a stage written as a bare name. */
static void write_bare_stage(pb_json_writer *writer, const struct described *components)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "enum");
    pb_jw_open(writer, '[');
    for (const struct described *at = components; at; at = at->next)
        if (pb_str_is(at->kind, "stage"))
            pb_jw_str(writer, at->name);
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

/* An object with one member: the stage's name and its options. */
static void write_stage_with_options(pb_json_writer *writer, const struct described *components)
{
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "object");
    pb_jw_key(writer, "properties");
    pb_jw_open(writer, '{');
    for (const struct described *at = components; at; at = at->next)
        if (pb_str_is(at->kind, "stage")) {
            pb_jw_key_str(writer, at->name);
            write_reference(writer, "stage.", at->name);
        }
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "additionalProperties");
    pb_jw_bool(writer, false);
    pb_jw_key(writer, "minProperties");
    pb_jw_int(writer, 1);
    pb_jw_key(writer, "maxProperties");
    pb_jw_int(writer, 1);
    pb_jw_close(writer, '}');
}

/* $defs: every component as <kind>.<name>, a stage, a list of stages. */
static void write_definitions(pb_json_writer *writer, const struct described *components)
{
    bool stages = false;

    pb_jw_key(writer, "$defs");
    pb_jw_open(writer, '{');
    for (const struct described *at = components; at; at = at->next) {
        bool stage = pb_str_is(at->kind, "stage");
        stages = stages || stage;
        pb_jw_key_str(writer, pb_printf("%.*s.%.*s", PB_ARG(at->kind), PB_ARG(at->name)));
        write_options(writer, at, !stage);
    }
    pb_jw_key(writer, "stages");
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "array");
    if (stages) {
        pb_jw_key(writer, "items");
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "anyOf");
        pb_jw_open(writer, '[');
        write_bare_stage(writer, components);
        write_stage_with_options(writer, components);
        pb_jw_close(writer, ']');
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* An open object that is completed with "anyOf": the options of each component of a kind. */
static void write_any(pb_json_writer *writer, const struct kind *kind,
                      const struct described *components)
{
    pb_jw_key(writer, "anyOf");
    pb_jw_open(writer, '[');
    for (const struct described *at = components; at; at = at->next)
        if (pb_str_is(at->kind, kind->name))
            write_reference(writer, kind->name, pb_printf(".%.*s", PB_ARG(at->name)));
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

/* "llms": a map of names to the options of one of the llms. `use` may be left out where the name is
 * a component's. */
static void write_section(pb_json_writer *writer, const struct kind *kind,
                          const struct described *components)
{
    static const char *const use[] = {"use", NULL};

    pb_jw_key(writer, kind->section);
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "object");
    pb_jw_key(writer, "properties");
    pb_jw_open(writer, '{');
    for (const struct described *at = components; at; at = at->next)
        if (pb_str_is(at->kind, kind->name)) {
            pb_jw_key_str(writer, at->name);
            pb_jw_open(writer, '{');
            write_any(writer, kind, components);
        }
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "additionalProperties");
    pb_jw_open(writer, '{');
    write_words(writer, "required", use);
    write_any(writer, kind, components);
    pb_jw_close(writer, '}');
}

static bool is_offered(const struct described *components, const char *kind)
{
    for (const struct described *at = components; at; at = at->next)
        if (pb_str_is(at->kind, kind))
            return true;
    return false;
}

static void write_pipelines(pb_json_writer *writer)
{
    static const char *const stages[] = {"stages", NULL};

    pb_jw_key(writer, "pipelines");
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "object");
    pb_jw_key(writer, "additionalProperties");
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "object");
    pb_jw_key(writer, "properties");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "description");
    pb_jw_open(writer, '{');
    write_pair(writer, "type", "string");
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "stages");
    write_reference(writer, "stages", pb_lit(""));
    pb_jw_close(writer, '}');
    write_words(writer, "required", stages);
    pb_jw_key(writer, "additionalProperties");
    pb_jw_bool(writer, false);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

static void write_properties(pb_json_writer *writer, const struct described *components)
{
    pb_jw_key(writer, "properties");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "include");
    pb_jw_raw(writer, pb_lit("{\"description\":\"Files whose content belongs here too.\","
                             "\"type\":[\"string\",\"array\"],\"items\":{\"type\":\"string\"}}"));
    pb_jw_key(writer, "host");
    schema_json_schema(host_options_fields, &style, writer);
    pb_jw_key(writer, "plugins");
    schema_json_schema(plugins_options_fields, &style, writer);
    for (const struct kind *kind = kinds; kind->name; kind++)
        if (kind->section && is_offered(components, kind->name))
            write_section(writer, kind, components);
    write_pipelines(writer);
    pb_jw_close(writer, '}');
}

pb_status instances_schema_write(pb_buf *out)
{
    pb_json_writer writer = pb_json_writer_make(out);
    struct described *components = NULL;
    pb_status status = registry_scan(loader_default_folders());

    if (status == PB_OK)
        status = describe_all(&components);
    if (status != PB_OK)
        return status;
    pb_jw_open(&writer, '{');
    write_pair(&writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
    write_pair(&writer, "title", "Patchbay configuration");
    write_pair(&writer, "type", "object");
    write_properties(&writer, components);
    pb_jw_key(&writer, "additionalProperties");
    pb_jw_bool(&writer, false);
    write_definitions(&writer, components);
    pb_jw_close(&writer, '}');
    return pb_buf_status(out);
}
