/* schema_markdown.c - a table of options as a table in Markdown. */
#include "config/schema_internal.h"

/* Inside of a cell. */
static void cell(pb_str text, pb_buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '|')
            pb_buf_byte(out, '\\');
        pb_buf_byte(out, text.data[i] == '\n' ? ' ' : text.data[i]);
    }
}

static void rows(const pb_field **tables, size_t depth, pb_str before, pb_buf *out)
{
    for (const pb_field *at = tables[depth - 1]; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        const char *many = field.kind == PB_KIND_LIST  ? "[]"
                           : field.kind == PB_KIND_MAP ? ".*"
                                                       : "";
        pb_buf facets = {0};
        pb_str path = pb_printf("%.*s%s", PB_ARG(before), pb_field_name(&field));
        pb_buf_printf(out, "| `%.*s` | ", PB_ARG(path));
        schema_facets(&field, &facets);
        cell(pb_buf_str(&facets), out);
        pb_buf_add(out, pb_lit(" | "));
        cell(pb_str_of(field.help ? field.help : ""), out);
        if (field.alias)
            pb_buf_printf(out, " Formerly `%s`.", field.alias);
        pb_buf_add(out, pb_lit(" |\n"));
        tables[depth] = schema_table_below(&field, tables, depth);
        if (tables[depth])
            rows(tables, depth + 1, pb_printf("%.*s%s.", PB_ARG(path), many), out);
    }
}

void schema_markdown(const pb_field *fields, pb_buf *out)
{
    const pb_field *tables[SCHEMA_DEEPEST + 1] = {fields};

    pb_buf_add(out, pb_lit("| name | what it is | meaning |\n|---|---|---|\n"));
    rows(tables, 1, pb_lit(""), out);
}
