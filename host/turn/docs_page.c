/* docs_page.c - GET /docs: the OpenAPI document as one page, by nouns. It is made once; what takes long in it
 * yields between operations. */
#include "turn/docs.h"

#include <stdlib.h>

static pb_str made; /* malloc'd; absent until somebody asks */

/* Calls `each` for every operation of this noun; absent: of all. */
struct walk {
    const pb_json *document;
    pb_str noun;
    pb_buf *buf;
    void (*each)(pb_buf *buf, const struct docs_entry *entry);
};

static bool is_of(const pb_json *operation, pb_str noun)
{
    return pb_str_equal(pb_json_text(pb_json_at(pb_json_get(operation, "tags"), 0)), noun);
}

static pb_str upper(pb_str text)
{
    char *out = (char *)(uintptr_t)pb_copy(text).data;

    for (size_t i = 0; out && i < text.size; i++)
        out[i] = (char)(out[i] & ~0x20);
    return pb_str_make(out, out ? text.size : 0);
}

static void walk(const struct walk *walk)
{
    const pb_json *paths = pb_json_get(walk->document, "paths");

    for (const pb_json *path = paths->child; path; path = path->next)
        for (const pb_json *at = path->child; at; at = at->next) {
            struct docs_entry entry = {walk->document, upper(at->key), path->key, at};
            if (!is_of(at, walk->noun))
                continue;
            walk->each(walk->buf, &entry);
            (void)pb_step();
        }
}

static void add_entry(pb_buf *buf, const struct docs_entry *entry)
{
    pb_str id = pb_json_text(pb_json_get(entry->operation, "operationId"));

    pb_buf_add(buf, pb_lit("<li data-find=\""));
    html_text(buf, pb_printf("%.*s %.*s %.*s", PB_ARG(id), PB_ARG(entry->path),
                             PB_ARG(pb_json_text(pb_json_get(entry->operation, "summary")))));
    pb_buf_printf(buf, "\"><a href=\"#%.*s\">%.*s</a></li>", PB_ARG(id), PB_ARG(id));
}

static void add_navigation(pb_buf *buf, const pb_json *document)
{
    pb_buf_add(buf, pb_lit("<nav aria-label=\"Operations\"><div id=\"search\" role=\"search\" hidden>"
                           "<label for=\"find\" class=\"soft\">Find an operation</label>"
                           "<input id=\"find\" type=\"search\" placeholder=\"conversations  /\" "
                           "autocomplete=\"off\"><p id=\"told\" class=\"soft\" aria-live=\"polite\"></p>"
                           "</div>"));
    for (const pb_json *at = pb_json_get(document, "tags")->child; at; at = at->next) {
        pb_str noun = pb_json_text(pb_json_get(at, "name"));
        pb_buf_add(buf, pb_lit("<section data-group><h2>"));
        html_text(buf, noun);
        pb_buf_add(buf, pb_lit("</h2><ul>"));
        walk(&(struct walk){document, noun, buf, add_entry});
        pb_buf_add(buf, pb_lit("</ul></section>"));
    }
    pb_buf_add(buf, pb_lit("<h2>schemas</h2><ul><li><a href=\"#schemas\">All of them</a></li></ul></nav>"));
}

static void add_operations(pb_buf *buf, const pb_json *document)
{
    for (const pb_json *at = pb_json_get(document, "tags")->child; at; at = at->next) {
        pb_str noun = pb_json_text(pb_json_get(at, "name"));
        pb_buf_add(buf, pb_lit("<section data-group><h2 class=\"noun\">"));
        html_text(buf, noun);
        pb_buf_add(buf, pb_lit("</h2>"));
        walk(&(struct walk){document, noun, buf, docs_operation});
        pb_buf_add(buf, pb_lit("</section>"));
    }
}

static void add_schemas(pb_buf *buf, const pb_json *document)
{
    const pb_json *list = pb_json_get(pb_json_get(document, "components"), "schemas");

    pb_buf_add(buf, pb_lit("<section data-group><h2 class=\"noun\" id=\"schemas\">schemas</h2>"));
    for (const pb_json *at = list->child; at; at = at->next) {
        pb_buf_add(buf, pb_lit("<article data-find=\""));
        html_text(buf, at->key);
        pb_buf_add(buf, pb_lit("\" id=\"schema-"));
        html_text(buf, at->key);
        pb_buf_add(buf, pb_lit("\"><h3>"));
        html_text(buf, at->key);
        pb_buf_add(buf, pb_lit("</h3>"));
        html_prose(buf, pb_json_text(pb_json_get(at, "description")));
        docs_fields(buf, at, 0);
        pb_buf_add(buf, pb_lit("</article>"));
        (void)pb_step();
    }
    pb_buf_add(buf, pb_lit("</section>"));
}

static pb_status make(pb_buf *buf)
{
    const pb_json *document;
    pb_str text;
    pb_status status = openapi_document(&text);

    if (status == PB_OK)
        status = pb_json_parse(text, &document);
    if (status != PB_OK)
        return status;
    const pb_json *info = pb_json_get(document, "info");
    html_begin(buf, pb_lit("Patchbay reference"));
    pb_buf_add(buf, pb_lit("<a class=\"skip\" href=\"#main\">To the operations</a><div class=\"frame\">"));
    add_navigation(buf, document);
    pb_buf_add(buf, pb_lit("<main id=\"main\"><h1>Patchbay reference</h1><p class=\"soft\">Version "));
    html_text(buf, pb_json_text(pb_json_get(info, "version")));
    pb_buf_add(buf, pb_lit(" · <a href=\"/openapi.json\">openapi.json</a></p>"));
    html_prose(buf, pb_json_text(pb_json_get(info, "description")));
    html_prose(buf, pb_lit("Each call can be made with `patchbay call ID --field value` too, and each but a few "
                           "is a tool for models at `/mcp` where that is configured."));
    add_operations(buf, document);
    add_schemas(buf, document);
    pb_buf_add(buf, pb_lit("</main></div>"));
    html_end(buf, true);
    return pb_buf_status(buf);
}

pb_status docs_page(pb_content *out)
{
    pb_buf buf = {0};
    pb_status status = made.data ? (pb_status)PB_OK : make(&buf);

    if (status == PB_OK && !made.data) { /* nobody else was first */
        char *copy = malloc(buf.size);
        if (!copy)
            return PB_NO_MEMORY;
        memcpy(copy, buf.data, buf.size);
        made = pb_str_make(copy, buf.size);
    }
    return status == PB_OK ? html_answer(out, made, true) : status;
}

void docs_fini(void)
{
    free((void *)(uintptr_t)made.data);
    made = (pb_str){0};
}
