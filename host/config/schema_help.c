/* schema_help.c - what a table says to a person: what a field expects, help for a terminal, and a
 * block of YAML to paste. */
#include "config/schema_internal.h"

enum { DEEPEST = SCHEMA_DEEPEST, STEP = 2 };

static const char *const expects[][2] = {
    [PB_KIND_STR] = {"text", "text"},
    [PB_KIND_SECRET] = {"text", "text"},
    [PB_KIND_INT] = {"a whole number", "whole numbers"},
    [PB_KIND_FLOAT] = {"a number", "numbers"},
    [PB_KIND_BOOL] = {"true or false", "true or false"},
    [PB_KIND_SIZE] = {"a size such as 64KiB or 10MiB", "sizes such as 64KiB or 10MiB"},
    [PB_KIND_DURATION] = {"a duration such as 250ms, 30s or 5m", "durations such as 30s or 5m"},
    [PB_KIND_PATH] = {"a path", "paths"},
    [PB_KIND_DATA_PATH] = {"a path", "paths"},
    [PB_KIND_PIPELINE] = {"a list of stages", "lists of stages"},
    [PB_KIND_STRUCT] = {"a map", "maps"},
    [PB_KIND_JSON] = {"any value", "any values"},
};

static pb_str words(const pb_field *field)
{
    pb_buf list = {0};

    for (size_t i = 0; field->values && field->values[i]; i++)
        pb_buf_printf(&list, "%s'%s'",
                      i == 0                   ? ""
                      : field->values[i + 1] ? ", "
                                               : " or ",
                      field->values[i]);
    return pb_buf_str(&list);
}

static pb_str expected(const pb_field *field, bool many)
{
    pb_field item = schema_item(field);

    switch (field->kind) {
    case PB_KIND_ENUM:
        return pb_printf("%s%.*s", field->values && field->values[1] ? "one of " : "",
                         PB_ARG(words(field)));
    case PB_KIND_REF:
        return pb_printf(many ? "names of instances of kind '%s'"
                              : "the name of an instance of kind '%s'",
                         field->ref ? field->ref : "?");
    case PB_KIND_LIST:
        return pb_printf("a list of %.*s", PB_ARG(schema_expected_items(&item)));
    case PB_KIND_MAP:
        return pb_printf("a map of %.*s", PB_ARG(schema_expected_items(&item)));
    default:
        if (field->kind <= PB_KIND_JSON && expects[field->kind][many])
            return pb_str_of(expects[field->kind][many]);
        return pb_lit("something newer than this host");
    }
}

pb_str schema_expected(const pb_field *field)
{
    return expected(field, false);
}

pb_str schema_expected_items(const pb_field *field)
{
    return expected(field, true);
}

/* --- help --------------------------------------------------------------------------------------- */

void schema_facets(const pb_field *field, pb_buf *out)
{
    pb_str range = schema_range(field);

    pb_buf_add(out, schema_expected(field));
    if (range.data)
        pb_buf_printf(out, ", %.*s", PB_ARG(range));
    if (field->max_length && (field->kind == PB_KIND_LIST || field->kind == PB_KIND_MAP))
        pb_buf_printf(out, ", at most %lld items", (long long)field->max_length);
    else if (field->max_length)
        pb_buf_printf(out, ", at most %lld bytes", (long long)field->max_length);
    if (field->pattern)
        pb_buf_printf(out, ", like /%s/", field->pattern);
    if (field->kind == PB_KIND_DATA_PATH)
        pb_buf_add(out, pb_lit(" in the data folder"));
    if (field->required && field->kind == PB_KIND_REF)
        pb_buf_add(out, pb_lit("; may be left out where there is only one"));
    else if (field->required)
        pb_buf_add(out, pb_lit(", required"));
    if (field->def && field->kind == PB_KIND_STR)
        pb_buf_printf(out, ", default '%s'", field->def);
    else if (field->def)
        pb_buf_printf(out, ", default %s", field->def);
}

const pb_field *schema_table_below(const pb_field *field, const pb_field *const *tables, size_t depth)
{
    if (field->kind != PB_KIND_STRUCT && field->item != PB_KIND_STRUCT)
        return NULL;
    for (size_t i = 0; i < depth; i++)
        if (tables[i] == field->fields)
            return NULL;
    return depth < DEEPEST ? field->fields : NULL;
}

static void help(const pb_field **tables, size_t depth, int indent, pb_buf *out)
{
    for (const pb_field *at = tables[depth - 1]; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        pb_buf_printf(out, "%*s%s  ", indent, "", pb_field_name(&field));
        schema_facets(&field, out);
        pb_buf_byte(out, '\n');
        if (field.help)
            pb_buf_printf(out, "%*s%s\n", indent + 2 * STEP, "", field.help);
        tables[depth] = schema_table_below(&field, tables, depth);
        if (tables[depth])
            help(tables, depth + 1, indent + 2 * STEP, out);
    }
}

void schema_help(const pb_field *fields, int indent, pb_buf *out)
{
    const pb_field *tables[DEEPEST + 1] = {fields};

    help(tables, 1, indent, out);
}

/* --- YAML to paste -------------------------------------------------------------------------------- */

static void default_yaml(const pb_field *field, pb_buf *out)
{
    struct config_node scalar = {.type = CONFIG_SCALAR, .text = pb_str_of(field->def)};

    scalar.quoted = field->kind == PB_KIND_STR || field->kind == PB_KIND_SECRET;
    if (schema_is_scalar(field->kind))
        config_tree_print(&scalar, out, false); /* ends the line */
    else
        pb_buf_printf(out, "%s\n", field->def);
}

static void yaml(const pb_field **tables, size_t depth, int indent, pb_buf *out)
{
    for (const pb_field *at = tables[depth - 1]; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        if (field.help)
            pb_buf_printf(out, "%*s# %s\n", indent, "", field.help);
        tables[depth] = field.kind == PB_KIND_STRUCT && !field.required
                            ? schema_table_below(&field, tables, depth)
                            : NULL;
        if (field.def) {
            pb_buf_printf(out, "%*s%s: ", indent, "", pb_field_name(&field));
            default_yaml(&field, out);
        } else if (tables[depth]) {
            pb_buf_printf(out, "%*s%s:\n", indent, "", pb_field_name(&field));
            yaml(tables, depth + 1, indent + STEP, out);
        } else {
            pb_buf_printf(out, "%*s# %s:   # ", indent, "", pb_field_name(&field));
            schema_facets(&field, out);
            pb_buf_byte(out, '\n');
        }
    }
}

void schema_yaml(const pb_field *fields, int indent, pb_buf *out)
{
    const pb_field *tables[DEEPEST + 1] = {fields};

    yaml(tables, 1, indent, out);
}
