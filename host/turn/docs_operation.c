/* docs_operation.c - one operation of the reference: what it takes, an example to paste, what it answers. */
#include "turn/docs.h"

static pb_str text_of(const pb_json *json, const char *key)
{
    return pb_json_text(pb_json_get(json, key));
}

/* A schema by its address, or itself. */
static const pb_json *resolve(const pb_json *document, const pb_json *schema)
{
    pb_str address = text_of(schema, "$ref");
    const pb_json *at = document;

    if (!address.size)
        return schema;
    address = pb_str_slice(address, 2, address.size); /* "#/" */
    while (address.size && at) {
        pb_str step = pb_str_slice(address, 0, pb_str_find(address, '/'));
        at = pb_json_member(at, step);
        address = pb_str_slice(address, step.size + 1, address.size);
    }
    return at;
}

static const pb_json *body_media(const struct docs_entry *entry)
{
    const pb_json *content = pb_json_get(pb_json_get(entry->operation, "requestBody"), "content");

    return content ? content->child : NULL;
}

/* --- what it takes ---------------------------------------------------------------------------- */

static void add_parameters(pb_buf *buf, const struct docs_entry *entry)
{
    const pb_json *list = pb_json_get(entry->operation, "parameters");

    if (!list || !list->child)
        return;
    pb_buf_add(buf, pb_lit("<h4>Parameters</h4><div class=\"scroll\"><table><thead><tr><th scope=\"col\">"
                           "name</th><th scope=\"col\">in</th><th scope=\"col\">type</th><th scope=\"col\">"
                           "what it is</th></tr></thead><tbody>"));
    for (const pb_json *at = list->child; at; at = at->next) {
        pb_buf_add(buf, pb_lit("<tr><td><code>"));
        html_text(buf, text_of(at, "name"));
        pb_buf_add(buf, pb_lit("</code>"));
        if (pb_json_bool(pb_json_get(at, "required"), false))
            pb_buf_add(buf, pb_lit(" <span class=\"need\">required</span>"));
        if (pb_json_bool(pb_json_get(at, "deprecated"), false))
            pb_buf_add(buf, pb_lit(" <span class=\"soft\">deprecated</span>"));
        pb_buf_add(buf, pb_lit("</td><td>"));
        html_text(buf, text_of(at, "in"));
        pb_buf_add(buf, pb_lit("</td><td>"));
        docs_type(buf, pb_json_get(at, "schema"));
        pb_buf_add(buf, pb_lit("</td><td>"));
        html_prose(buf, text_of(at, "description"));
        docs_notes(buf, pb_json_get(at, "schema"));
        pb_buf_add(buf, pb_lit("</td></tr>"));
    }
    pb_buf_add(buf, pb_lit("</tbody></table></div>"));
}

static void add_body(pb_buf *buf, const struct docs_entry *entry)
{
    const pb_json *media = body_media(entry);

    if (!media)
        return;
    pb_buf_add(buf, pb_lit("<h4>Body</h4>"));
    for (const pb_json *at = media; at; at = at->next) {
        const pb_json *schema = pb_json_get(at, "schema");
        pb_buf_add(buf, pb_lit("<p class=\"soft\">"));
        html_text(buf, at->key);
        pb_buf_add(buf, pb_lit(": "));
        docs_type(buf, schema);
        pb_buf_add(buf, pb_lit("</p>"));
        schema = resolve(entry->document, schema);
        if (pb_json_get(schema, "properties"))
            docs_fields(buf, schema, 0);
    }
}

/* --- an example ------------------------------------------------------------------------------- */

static pb_str example_of(const struct docs_entry *entry, pb_str name)
{
    const pb_json *list = pb_json_get(entry->operation, "parameters");
    pb_buf buf = {0};

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        const pb_json *example = pb_json_get(at, "example");
        if (!example || !pb_str_equal(text_of(at, "name"), name))
            continue;
        if (example->type == PB_JSON_STRING)
            return example->text;
        pb_json_write(&buf, example);
        return pb_buf_str(&buf);
    }
    return (pb_str){0};
}

/* The path with its variables filled in, or in capitals. */
static void add_path(pb_buf *buf, const struct docs_entry *entry)
{
    pb_str rest = entry->path;

    while (rest.size) {
        size_t open = pb_str_find(rest, '{'), close = pb_str_find(rest, '}');
        pb_buf_add(buf, pb_str_slice(rest, 0, open));
        if (open == rest.size)
            return;
        pb_str name = pb_str_slice(rest, open + 1, close - open - 1);
        pb_str value = example_of(entry, name);
        if (value.size)
            pb_buf_add(buf, value);
        for (size_t i = 0; !value.size && i < name.size; i++)
            pb_buf_byte(buf, name.data[i] >= 'a' && name.data[i] <= 'z' ? (char)(name.data[i] - 32)
                                                                        : name.data[i]);
        rest = pb_str_slice(rest, close + 1, rest.size);
    }
}

/* Within single quotes of a shell. */
static void add_quoted(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\'')
            pb_buf_add(buf, pb_lit("'\\''"));
        else
            pb_buf_byte(buf, text.data[i]);
}

static void add_curl(pb_buf *page, const struct docs_entry *entry)
{
    const pb_json *media = body_media(entry), *security = pb_json_get(entry->operation, "security");
    pb_buf buf = {0}, body = {0};

    pb_buf_add(&buf, pb_lit("curl "));
    if (!pb_str_is(entry->method, "GET"))
        pb_buf_printf(&buf, "-X %.*s ", PB_ARG(entry->method));
    pb_buf_add(&buf, pb_lit("\"$PATCHBAY_URL"));
    add_path(&buf, entry);
    pb_buf_byte(&buf, '"');
    if (security && security->count)
        pb_buf_add(&buf, pb_lit(" \\\n  -H \"Authorization: Bearer $PATCHBAY_KEY\""));
    if (media && pb_str_is(media->key, "application/json")) {
        const pb_json *example = pb_json_get(media, "example");
        if (example)
            pb_json_write(&body, example);
        pb_buf_add(&buf, pb_lit(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '"));
        add_quoted(&buf, example ? pb_buf_str(&body) : pb_lit("{}"));
        pb_buf_byte(&buf, '\'');
    } else if (media && pb_str_starts(media->key, pb_lit("multipart/"))) {
        pb_buf_add(&buf, pb_lit(" \\\n  -F file=@manual.pdf"));
    }
    pb_buf_add(page, pb_lit("<h4>Example</h4><pre tabindex=\"0\"><code>"));
    html_text(page, pb_buf_str(&buf));
    pb_buf_add(page, pb_lit("</code></pre>"));
}

/* --- what it answers -------------------------------------------------------------------------- */

/* JSON with a line a member. */
static void add_pretty(pb_buf *buf, const pb_json *json, int depth)
{
    bool object = json->type == PB_JSON_OBJECT;

    if ((!object && json->type != PB_JSON_ARRAY) || !json->child) {
        pb_json_write(buf, json);
        return;
    }
    pb_buf_byte(buf, object ? '{' : '[');
    for (const pb_json *at = json->child; at; at = at->next) {
        pb_buf_printf(buf, "\n%*s", depth * 2 + 2, "");
        if (object) {
            pb_json_quote(buf, at->key);
            pb_buf_add(buf, pb_lit(": "));
        }
        add_pretty(buf, at, depth + 1);
        if (at->next)
            pb_buf_byte(buf, ',');
    }
    pb_buf_printf(buf, "\n%*s%c", depth * 2, "", object ? '}' : ']');
}

static void add_answer(pb_buf *buf, const struct docs_entry *entry, const pb_json *listed)
{
    const pb_json *answer = resolve(entry->document, listed);
    const pb_json *content = pb_json_get(answer, "content");

    pb_buf_printf(buf, "<tr><td><code>%.*s</code></td><td>", PB_ARG(listed->key));
    html_line(buf, text_of(answer, "description"));
    pb_buf_add(buf, pb_lit("</td><td>"));
    for (const pb_json *at = content ? content->child : NULL; at; at = at->next) {
        pb_buf_add(buf, pb_lit("<span class=\"soft\">"));
        html_text(buf, at->key);
        pb_buf_add(buf, pb_lit("</span> "));
        docs_type(buf, pb_json_get(at, "schema"));
        pb_buf_add(buf, at->next ? pb_lit("<br>") : pb_lit(""));
    }
    pb_buf_add(buf, pb_lit("</td></tr>"));
}

static bool is_failure(const pb_json *listed)
{
    return listed->key.size && listed->key.data[0] >= '4';
}

static void add_table(pb_buf *buf, const struct docs_entry *entry, bool failures)
{
    const pb_json *list = pb_json_get(entry->operation, "responses");

    pb_buf_add(buf, pb_lit("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">status</th>"
                           "<th scope=\"col\">when</th><th scope=\"col\">what</th></tr></thead><tbody>"));
    for (const pb_json *at = list->child; at; at = at->next)
        if (is_failure(at) == failures)
            add_answer(buf, entry, at);
    pb_buf_add(buf, pb_lit("</tbody></table></div>"));
}

static void add_answers(pb_buf *buf, const struct docs_entry *entry)
{
    const pb_json *list = pb_json_get(entry->operation, "responses"), *example = NULL;
    pb_buf pretty = {0};

    for (const pb_json *at = list->child; at && !example; at = at->next) {
        const pb_json *content = pb_json_get(at, "content");
        if (content && content->child && !is_failure(at))
            example = pb_json_get(content->child, "example");
    }
    pb_buf_add(buf, pb_lit("<h4>Answers</h4>"));
    add_table(buf, entry, false);
    if (example) {
        add_pretty(&pretty, example, 0);
        pb_buf_add(buf, pb_lit("<pre tabindex=\"0\"><code>"));
        html_text(buf, pb_buf_str(&pretty));
        pb_buf_add(buf, pb_lit("</code></pre>"));
    }
    pb_buf_add(buf, pb_lit("<details><summary>Errors</summary>"));
    add_table(buf, entry, true);
    pb_buf_add(buf, pb_lit("</details>"));
}

/* --- the whole -------------------------------------------------------------------------------- */

void docs_operation(pb_buf *buf, const struct docs_entry *entry)
{
    pb_str id = text_of(entry->operation, "operationId");

    pb_buf_printf(buf, "<article id=\"%.*s\" data-find=\"", PB_ARG(id));
    html_text(buf, pb_printf("%.*s %.*s %.*s", PB_ARG(id), PB_ARG(entry->path),
                             PB_ARG(text_of(entry->operation, "summary"))));
    pb_buf_printf(buf, "\"><h3><a href=\"#%.*s\">%.*s</a></h3>", PB_ARG(id), PB_ARG(id));
    pb_buf_printf(buf, "<div class=\"call\"><span class=\"method %.*s\">%.*s</span><span class=\"path\">",
                  PB_ARG(entry->method), PB_ARG(entry->method));
    html_text(buf, entry->path);
    pb_buf_add(buf, pb_lit("</span></div>"));
    pb_str summary = text_of(entry->operation, "summary");
    pb_str description = text_of(entry->operation, "description");
    if (!pb_str_starts(description, summary)) {
        pb_buf_add(buf, pb_lit("<p class=\"about\">"));
        html_line(buf, summary);
        pb_buf_add(buf, pb_lit("</p>"));
    }
    html_prose(buf, description);
    add_parameters(buf, entry);
    add_body(buf, entry);
    add_curl(buf, entry);
    add_answers(buf, entry);
    pb_buf_add(buf, pb_lit("</article>"));
}
