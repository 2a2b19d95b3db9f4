/* documents_search.c - `patchbay documents search`: what is found, with the scores of both halves.
 */
#include "app/documents.h"

#include "app/flow.h"
#include "app/place.h"
#include <stdio.h>

enum { SHOWN = 10, TEXT_SHOWN = 600 };

static pb_str query_of(const struct documents *documents)
{
    const struct invocation *invocation = documents->invocation;
    pb_buf query = {0};

    for (size_t i = 1; i < invocation->word_count; i++)
        pb_buf_printf(&query, "%s%s", i > 1 ? " " : "", invocation->words[i]);
    return pb_buf_str(&query);
}

static pb_str body_of(const struct documents *documents)
{
    const char *collection = documents_option(documents, "collection");
    const char *limit = documents_option(documents, "limit");
    const char *mode = documents_option(documents, "mode");
    const pb_json *number = NULL;
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "query");
    pb_jw_str(&writer, query_of(documents));
    if (collection) {
        pb_jw_key(&writer, "collections");
        pb_jw_open(&writer, '[');
        pb_jw_str(&writer, pb_str_of(collection));
        pb_jw_close(&writer, ']');
    }
    if (mode) {
        pb_jw_key(&writer, "mode");
        pb_jw_str(&writer, pb_str_of(mode));
    }
    pb_jw_key(&writer, "top_k");
    if (limit && pb_json_parse(pb_str_of(limit), &number) == PB_OK)
        pb_jw_json(&writer, number);
    else
        pb_jw_int(&writer, SHOWN);
    pb_error_clear();
    pb_jw_close(&writer, '}');
    return pb_buf_str(&body);
}

static void add_score(pb_buf *buf, const char *before, const pb_json *value)
{
    if (pb_json_is(value, PB_JSON_NUMBER))
        pb_buf_printf(buf, "%s%.2f", before, pb_json_double(value, 0));
}

/* The passage's text in one wrapped paragraph. */
static void print_text(struct documents *documents, pb_str text)
{
    struct flow flow = {.width = terminal_width(&documents->terminal)};
    bool cut = text.size > TEXT_SHOWN;

    text = text_plain(pb_str_slice(text, 0, TEXT_SHOWN));
    flow_begin(&flow, pb_lit("    "), pb_lit("    "));
    flow_text(&flow, text);
    if (cut)
        flow_text(&flow, pb_lit("…"));
    flow_end(&flow);
    (void)terminal_write(&documents->terminal, buf_str(&flow.out));
    flow_fini(&flow);
}

static void print_passage(struct documents *documents, const pb_json *passage, int number)
{
    pb_buf scores = {0};

    add_score(&scores, "  ", pb_json_get(passage, "score"));
    add_score(&scores, "  meaning ", pb_json_get(passage, "vector_score"));
    add_score(&scores, "  words ", pb_json_get(passage, "keyword_score"));
    pb_str mark = pb_printf("[%d]", number);
    (void)terminal_print(
        &documents->terminal, "%s%.*s %.*s%.*s\n", number > 1 ? "\n" : "",
        PB_ARG(terminal_styled(&documents->terminal, STYLE_CITE, mark)),
        PB_ARG(terminal_styled(&documents->terminal, STYLE_BOLD, place_of(passage, SIZE_MAX))),
        PB_ARG(terminal_styled(&documents->terminal, STYLE_DIM, pb_buf_str(&scores))));
    print_text(documents, pb_json_text(pb_json_get(passage, "text")));
}

pb_status documents_search(struct documents *documents)
{
    struct remote_request request = {
        .method = "POST", .path = pb_lit("/v1/knowledge/search"), .body = body_of(documents)};
    const pb_json *json, *at;
    pb_str body;
    int number = 0;

    pb_status status = api_call(documents->invocation, &request, &body);
    if (status == PB_OK && documents->invocation->json)
        return terminal_print(&documents->terminal, "%.*s\n", PB_ARG(body));
    if (status == PB_OK)
        status = pb_json_parse(body, &json);
    if (status != PB_OK)
        return status;
    for (at = pb_json_at(pb_json_get(json, "passages"), 0); at; at = at->next)
        print_passage(documents, at, ++number);
    if (!number)
        return terminal_print(&documents->terminal, "nothing was found\n");
    return PB_OK;
}
