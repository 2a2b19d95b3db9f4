/* docs_schema.c - JSON Schema as people read it: what a field is, between what bounds, and why. */
#include "turn/docs.h"

static const pb_str part = PB_LIT("#/components/schemas/");

enum { DEPTH = 4 };

static void add_link(pb_buf *buf, pb_str address)
{
    pb_str name = pb_str_slice(address, part.size, address.size);

    pb_buf_add(buf, pb_lit("<a href=\"#schema-"));
    html_text(buf, name);
    pb_buf_add(buf, pb_lit("\">"));
    html_text(buf, name);
    pb_buf_add(buf, pb_lit("</a>"));
}

static void add_value(pb_buf *buf, const pb_json *value)
{
    pb_buf json = {0};

    pb_json_write(&json, value);
    pb_buf_add(buf, pb_lit("<code>"));
    html_text(buf, pb_buf_str(&json));
    pb_buf_add(buf, pb_lit("</code>"));
}

/* All of a list, with a word between. */
static void add_each(pb_buf *buf, const pb_json *list, void (*add)(pb_buf *, const pb_json *))
{
    for (const pb_json *at = list->child; at; at = at->next) {
        add(buf, at);
        if (at->next)
            pb_buf_add(buf, pb_lit(" or "));
    }
}

static void add_word(pb_buf *buf, const pb_json *name)
{
    html_text(buf, pb_str_is(name->text, "string")    ? pb_lit("text")
                   : pb_str_is(name->text, "integer") ? pb_lit("whole number")
                                                      : name->text);
}

void docs_type(pb_buf *buf, const pb_json *schema)
{
    const pb_json *type = pb_json_get(schema, "type"), *at;

    if ((at = pb_json_get(schema, "$ref")))
        add_link(buf, at->text);
    else if ((at = pb_json_get(schema, "const")))
        add_value(buf, at);
    else if ((at = pb_json_get(schema, "enum")))
        add_each(buf, at, add_value);
    else if ((at = pb_json_get(schema, "oneOf")) || (at = pb_json_get(schema, "anyOf")) ||
             (at = pb_json_get(schema, "allOf")))
        add_each(buf, at, docs_type);
    else if (pb_str_is(pb_json_text(type), "array")) {
        pb_buf_add(buf, pb_lit("list of "));
        docs_type(buf, pb_json_get(schema, "items"));
    } else if (pb_json_is(type, PB_JSON_ARRAY))
        add_each(buf, type, add_word);
    else if (type)
        add_word(buf, type);
    else
        pb_buf_add(buf, pb_lit("anything"));
}

static void add_bound(pb_buf *buf, const pb_json *schema, const char *key, const char *words)
{
    const pb_json *value = pb_json_get(schema, key);

    if (!value)
        return;
    pb_buf_printf(buf, " <span class=\"soft\">%s ", words);
    add_value(buf, value);
    pb_buf_add(buf, pb_lit("</span>"));
}

void docs_notes(pb_buf *buf, const pb_json *schema)
{
    add_bound(buf, schema, "default", "default");
    add_bound(buf, schema, "minimum", "from");
    add_bound(buf, schema, "maximum", "to");
    add_bound(buf, schema, "maxLength", "length at most");
    add_bound(buf, schema, "maxItems", "items at most");
    add_bound(buf, schema, "pattern", "pattern");
    add_bound(buf, schema, "format", "format");
}

static bool is_in(const pb_json *list, pb_str name)
{
    for (const pb_json *at = list ? list->child : NULL; at; at = at->next)
        if (pb_str_equal(at->text, name))
            return true;
    return false;
}

static void add_row(pb_buf *buf, const pb_json *field, bool required, int depth)
{
    pb_buf_add(buf, pb_lit("<tr><td><code>"));
    html_text(buf, field->key);
    pb_buf_add(buf, pb_lit("</code>"));
    if (required)
        pb_buf_add(buf, pb_lit(" <span class=\"need\">required</span>"));
    pb_buf_add(buf, pb_lit("</td><td>"));
    docs_type(buf, field);
    pb_buf_add(buf, pb_lit("</td><td>"));
    html_prose(buf, pb_json_text(pb_json_get(field, "description")));
    docs_notes(buf, field);
    if (pb_json_get(field, "properties") && depth < DEPTH)
        docs_fields(buf, field, depth + 1);
    pb_buf_add(buf, pb_lit("</td></tr>"));
}

void docs_fields(pb_buf *buf, const pb_json *schema, int depth)
{
    const pb_json *properties = pb_json_get(schema, "properties");

    if (!properties || !properties->child) {
        pb_buf_add(buf, pb_lit("<p>"));
        docs_type(buf, schema);
        docs_notes(buf, schema);
        pb_buf_add(buf, pb_lit("</p>"));
        return;
    }
    pb_buf_add(buf, pb_lit("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">field</th>"
                           "<th scope=\"col\">type</th><th scope=\"col\">what it is</th></tr></thead>"
                           "<tbody>"));
    for (const pb_json *at = properties->child; at; at = at->next)
        add_row(buf, at, is_in(pb_json_get(schema, "required"), at->key), depth);
    pb_buf_add(buf, pb_lit("</tbody></table></div>"));
}
