/* schema_describe.c - a table as JSON Schema (draft 2020-12), for editors and for OpenAPI.
 *
 * Tables may contain themselves (a condition made of conditions): the inner one is then only said
 * to be an object.
 */
#include "config/schema_internal.h"

struct describe {
    const struct schema_style *style;
    pb_json_writer *writer;
    const pb_field *tables[16]; /* that are being written, outermost first */
    size_t depth;
};

#define DURATION_PATTERN "^(0|-?[0-9]+(\\\\.[0-9]+)? ?(d|h|m|s|ms|us|ns))$"
#define SIZE_PATTERN "^[0-9]+(\\\\.[0-9]+)? ?(TiB|GiB|MiB|KiB|TB|GB|MB|kB|KB|B)?$"

static void describe_table(struct describe *describe, const pb_field *fields);
static void describe_kind(struct describe *describe, const pb_field *field);

static void text(struct describe *describe, const char *key, const char *value)
{
    pb_jw_key(describe->writer, key);
    pb_jw_str(describe->writer, pb_str_of(value));
}

static void bounds(struct describe *describe, const pb_field *field)
{
    if (describe->style->output)
        return;
    pb_jw_key(describe->writer, "minimum");
    pb_jw_double(describe->writer, field->min);
    if (field->max != 0) {
        pb_jw_key(describe->writer, "maximum");
        pb_jw_double(describe->writer, field->max);
    }
}

/* Text; in YAML a plain number or truth value is text too. */
static void describe_text(struct describe *describe, const pb_field *field)
{
    bool config = describe->style->config;

    if (config && !field->pattern)
        pb_jw_key(describe->writer, "type"),
            pb_jw_raw(describe->writer, pb_lit("[\"string\",\"number\",\"boolean\"]"));
    else
        text(describe, "type", "string");
    if (describe->style->output)
        return;
    if (field->max_length && !config) {
        pb_jw_key(describe->writer, "maxLength");
        pb_jw_int(describe->writer, field->max_length);
    }
    if (field->pattern) {
        pb_str whole = config ? pb_printf("^(%s)$|\\$\\{", field->pattern)
                              : pb_printf("^(%s)$", field->pattern);
        text(describe, "pattern", whole.data);
    }
}

/* {"anyOf":[number, text of this pattern]} */
static void number_or(struct describe *describe, const pb_field *field, const char *pattern)
{
    pb_json_writer *writer = describe->writer;

    pb_jw_key(writer, "anyOf");
    pb_jw_open(writer, '[');
    pb_jw_open(writer, '{');
    if (field->kind == PB_KIND_DURATION) {
        pb_jw_key(writer, "const");
        pb_jw_int(writer, 0);
    } else {
        text(describe, "type", field->kind == PB_KIND_FLOAT ? "number" : "integer");
        bounds(describe, field);
    }
    pb_jw_close(writer, '}');
    if (pattern) {
        pb_jw_open(writer, '{');
        text(describe, "type", "string");
        pb_jw_key(writer, "pattern");
        pb_jw_raw(writer, pb_printf("\"%s\"", pattern));
        pb_jw_close(writer, '}');
    }
    if (describe->style->config) {
        pb_jw_open(writer, '{');
        text(describe, "type", "string");
        text(describe, "pattern", "\\$\\{");
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void describe_number(struct describe *describe, const pb_field *field)
{
    if (describe->style->config) {
        number_or(describe, field, NULL);
        return;
    }
    text(describe, "type", field->kind == PB_KIND_INT ? "integer" : "number");
    bounds(describe, field);
}

static void describe_words(struct describe *describe, const pb_field *field)
{
    pb_json_writer *writer = describe->writer;

    pb_jw_key(writer, "enum");
    pb_jw_open(writer, '[');
    for (size_t i = 0; field->values && field->values[i]; i++)
        pb_jw_str(writer, pb_str_of(field->values[i]));
    pb_jw_close(writer, ']');
}

static void describe_bool(struct describe *describe)
{
    if (!describe->style->config)
        text(describe, "type", "boolean");
    else
        pb_jw_key(describe->writer, "anyOf"),
            pb_jw_raw(describe->writer, pb_lit("[{\"type\":\"boolean\"},{\"type\":\"string\","
                                               "\"pattern\":\"\\\\$\\\\{\"}]"));
}

static void describe_list(struct describe *describe, const pb_field *field)
{
    bool keyed = field->kind == PB_KIND_MAP;
    pb_field item = schema_item(field);

    text(describe, "type", keyed ? "object" : "array");
    if (field->max_length && !describe->style->output) {
        pb_jw_key(describe->writer, keyed ? "maxProperties" : "maxItems");
        pb_jw_int(describe->writer, field->max_length);
    }
    pb_jw_key(describe->writer, keyed ? "additionalProperties" : "items");
    pb_jw_open(describe->writer, '{');
    describe_kind(describe, &item);
    pb_jw_close(describe->writer, '}');
}

/* Of words: a list, or one of them alone. */
static void describe_items(struct describe *describe, const pb_field *field)
{
    pb_json_writer *writer = describe->writer;
    pb_field item = schema_item(field);

    if (field->kind == PB_KIND_MAP || item.kind != PB_KIND_ENUM) {
        describe_list(describe, field);
        return;
    }
    pb_jw_key(writer, "anyOf");
    pb_jw_open(writer, '[');
    pb_jw_open(writer, '{');
    describe_list(describe, field);
    pb_jw_close(writer, '}');
    pb_jw_open(writer, '{');
    describe_words(describe, &item);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, ']');
}

/* A struct that is described elsewhere. */
static bool refer(struct describe *describe, const pb_field *field)
{
    pb_str address = describe->style->reference
                         ? describe->style->reference(describe->style, field)
                         : (pb_str){0};

    if (address.data) {
        pb_jw_key(describe->writer, "$ref");
        pb_jw_str(describe->writer, address);
    }
    return address.data;
}

/* Anything, where its owner did not write out what. */
static void describe_json(struct describe *describe, const pb_field *field)
{
    const pb_json *schema = NULL;

    if (field->schema && pb_json_parse(pb_str_of(field->schema), &schema) == PB_OK)
        for (const pb_json *at = schema->child; at; at = at->next) {
            pb_jw_key_str(describe->writer, at->key);
            pb_jw_json(describe->writer, at);
        }
}

static void describe_size(struct describe *describe, const pb_field *field)
{
    bool duration = field->kind == PB_KIND_DURATION;

    if (describe->style->output)
        text(describe, "type", duration ? "string" : "integer");
    else
        number_or(describe, field, duration ? DURATION_PATTERN : SIZE_PATTERN);
}

static void describe_kind(struct describe *describe, const pb_field *field)
{
    switch (field->kind) {
    case PB_KIND_INT:
    case PB_KIND_FLOAT:
        describe_number(describe, field);
        break;
    case PB_KIND_BOOL:
        describe_bool(describe);
        break;
    case PB_KIND_SIZE:
    case PB_KIND_DURATION:
        describe_size(describe, field);
        break;
    case PB_KIND_ENUM:
        describe_words(describe, field);
        break;
    case PB_KIND_PIPELINE:
        if (describe->style->pipeline)
            text(describe, "$ref", describe->style->pipeline);
        else
            text(describe, "type", "array");
        break;
    case PB_KIND_LIST:
    case PB_KIND_MAP:
        describe_items(describe, field);
        break;
    case PB_KIND_STRUCT:
        if (!refer(describe, field))
            describe_table(describe, field->fields);
        break;
    case PB_KIND_JSON:
        describe_json(describe, field);
        break;
    default:
        describe_text(describe, field);
        break;
    }
}

static void describe_default(struct describe *describe, const pb_field *field)
{
    struct config_diagnostics ignored = {0};
    pb_str def = pb_str_of(field->def);
    struct config_node scalar = {.type = CONFIG_SCALAR, .text = def};
    struct config_node *node = &scalar;

    scalar.quoted = field->kind != PB_KIND_INT && field->kind != PB_KIND_FLOAT &&
                    field->kind != PB_KIND_BOOL && field->kind != PB_KIND_SIZE;
    if (!schema_is_scalar(field->kind))
        node = schema_default(field, &ignored);
    if (!node || field->kind == PB_KIND_SECRET)
        return;
    pb_jw_key(describe->writer, "default");
    pb_jw_json(describe->writer, config_node_json(node, false));
}

static void describe_field(struct describe *describe, const pb_field *field, bool deprecated)
{
    pb_jw_open(describe->writer, '{');
    if (field->help)
        text(describe, "description", field->help);
    describe_kind(describe, field);
    if (field->def && !deprecated && !describe->style->output)
        describe_default(describe, field);
    if (deprecated) {
        pb_jw_key(describe->writer, "deprecated");
        pb_jw_bool(describe->writer, true);
    }
    if (field->kind == PB_KIND_SECRET) {
        pb_jw_key(describe->writer, "writeOnly");
        pb_jw_bool(describe->writer, true);
    }
    pb_jw_close(describe->writer, '}');
}

static void properties(struct describe *describe, const pb_field *fields)
{
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        pb_jw_key(describe->writer, pb_field_name(&field));
        describe_field(describe, &field, false);
        if (field.alias) {
            pb_jw_key(describe->writer, field.alias);
            describe_field(describe, &field, true);
        }
    }
}

static bool must_be_given(const pb_field *field)
{
    return field->required && field->kind != PB_KIND_REF && !field->alias;
}

/* What an answer always has: all but text, words and JSON, which may be absent, and objects of the process. */
static bool is_always_there(const pb_field *field)
{
    switch (field->kind) {
    case PB_KIND_INT:
    case PB_KIND_FLOAT:
    case PB_KIND_BOOL:
    case PB_KIND_SIZE:
    case PB_KIND_DURATION:
    case PB_KIND_LIST:
    case PB_KIND_MAP:
    case PB_KIND_STRUCT:
        return true;
    default:
        return field->required;
    }
}

static bool is_needed(const struct describe *describe, const pb_field *field)
{
    return describe->style->output ? is_always_there(field) : must_be_given(field);
}

static void describe_table(struct describe *describe, const pb_field *fields)
{
    bool any = false;

    text(describe, "type", "object");
    for (size_t i = 0; i < describe->depth; i++)
        if (describe->tables[i] == fields)
            return; /* inside of itself */
    if (describe->depth == sizeof describe->tables / sizeof *describe->tables)
        return;
    describe->tables[describe->depth++] = fields;
    pb_jw_key(describe->writer, "properties");
    pb_jw_open(describe->writer, '{');
    properties(describe, fields);
    pb_jw_close(describe->writer, '}');
    describe->depth--;
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        if (!is_needed(describe, &field))
            continue;
        if (!any) {
            pb_jw_key(describe->writer, "required");
            pb_jw_open(describe->writer, '[');
        }
        any = true;
        pb_jw_str(describe->writer, pb_str_of(pb_field_name(&field)));
    }
    if (any)
        pb_jw_close(describe->writer, ']');
    pb_jw_key(describe->writer, "additionalProperties");
    pb_jw_bool(describe->writer, false);
}

static const struct schema_style strict;

void schema_json_schema(const pb_field *fields, const struct schema_style *style,
                        pb_json_writer *writer)
{
    struct describe describe = {.style = style ? style : &strict, .writer = writer};

    pb_jw_open(writer, '{');
    describe_table(&describe, fields);
    pb_jw_close(writer, '}');
}

void schema_json_properties(const pb_field *fields, const struct schema_style *style,
                            pb_json_writer *writer)
{
    struct describe describe = {
        .style = style ? style : &strict, .writer = writer, .tables = {fields}, .depth = 1};

    properties(&describe, fields);
}

void schema_json_required(const pb_field *fields, pb_json_writer *writer)
{
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        if (must_be_given(&field))
            pb_jw_str(writer, pb_str_of(pb_field_name(&field)));
    }
}
