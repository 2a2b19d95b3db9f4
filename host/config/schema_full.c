/* schema_full.c - a table as YAML that says everything: each option as a comment that becomes the
 * option when its "#" is taken away, with its default, else empty. */
#include "config/schema_internal.h"

enum { STEP = 2 };

static bool is_many(const pb_field *field)
{
    return field->kind == PB_KIND_LIST || field->kind == PB_KIND_MAP;
}

/* What stands behind "name:"; lists and maps without a default are empty ones, the rest is left out. */
static pb_str value(const pb_field *field)
{
    struct config_node scalar = {.type = CONFIG_SCALAR};
    pb_buf text = {0};

    if (!field->def)
        return field->kind == PB_KIND_LIST || field->kind == PB_KIND_PIPELINE ? pb_lit(" []")
               : field->kind == PB_KIND_MAP                                   ? pb_lit(" {}")
                                                                              : pb_lit("");
    if (!schema_is_scalar(field->kind))
        return pb_printf(" %s", field->def);
    scalar.text = pb_str_of(field->def);
    scalar.quoted = field->kind == PB_KIND_STR || field->kind == PB_KIND_SECRET;
    config_tree_print(&scalar, &text, false);
    return pb_printf(" %.*s", PB_ARG(pb_str_trim(pb_buf_str(&text))));
}

static void write(const pb_field **tables, size_t depth, int indent, pb_buf *out)
{
    for (const pb_field *at = tables[depth - 1]; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        const char *name = pb_field_name(&field);
        if (field.help)
            pb_buf_printf(out, "%*s# %s\n", indent, "", field.help);
        pb_buf_printf(out, "%*s# ", indent, "");
        schema_facets(&field, out);
        tables[depth] = schema_table_below(&field, tables, depth);
        if (!tables[depth]) {
            pb_buf_printf(out, "\n%*s#%s:%.*s\n", indent, "", name, PB_ARG(value(&field)));
            continue;
        }
        pb_buf_printf(out, "\n%*s#%s:\n", indent, "", name);
        if (is_many(&field))
            pb_buf_printf(out, "%*s#%s\n", indent + STEP, "",
                          field.kind == PB_KIND_LIST ? "-" : "name:");
        write(tables, depth + 1, indent + (is_many(&field) ? 2 : 1) * STEP, out);
    }
}

void schema_full_yaml(const pb_field *fields, int indent, pb_buf *out)
{
    const pb_field *tables[SCHEMA_DEEPEST + 1] = {fields};

    write(tables, 1, indent, out);
}
