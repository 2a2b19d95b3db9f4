/* chat_sources.c - what an answer is based on: footnotes under it, and /sources with the quotes.
 *
 * Footnotes are those that the text cites as [1]; where it cites none, all.
 */
#include "app/chat.h"

#include "app/place.h"
#include <patchbay/json.h>
#include <stdlib.h>

static int64_t number_of(const pb_json *source)
{
    return pb_json_int(pb_json_get(source, "index"), 0);
}

static bool is_cited(const struct chat *chat, int64_t number)
{
    char mark[24];

    snprintf(mark, sizeof mark, "[%lld]", (long long)number);
    return chat->answer.size &&
           memmem(chat->answer.data, chat->answer.size, mark, strlen(mark)) != NULL;
}

/* One line: what does not fit is left out of the place, the score stays. */
static void print_line(struct chat *chat, const pb_json *source, bool strong)
{
    const pb_json *score = pb_json_get(source, "score");
    pb_str mark = pb_printf("[%lld]", (long long)number_of(source));
    pb_str rated = pb_json_is(score, PB_JSON_NUMBER) ? pb_printf("  %.2f", pb_json_double(score, 0))
                                                     : pb_lit("");
    size_t width = terminal_width(&chat->terminal);
    size_t used = 3 + mark.size + rated.size, room = width > used + 8 ? width - used : 8;
    pb_str place = place_of(source, chat->terminal.live ? room : SIZE_MAX);

    (void)terminal_print(&chat->terminal, "  %.*s %.*s%.*s\n",
                         PB_ARG(terminal_styled(&chat->terminal, STYLE_CITE, mark)),
                         PB_ARG(terminal_styled(&chat->terminal, strong ? STYLE_BOLD : 0, place)),
                         PB_ARG(terminal_styled(&chat->terminal, STYLE_DIM, rated)));
}

/* The sources of the last answer; NULL: none. */
static const pb_json *parse(struct chat *chat)
{
    const pb_json *list = NULL;
    pb_str text = pb_printf("[%.*s]", PB_ARG(buf_str(&chat->sources)));

    if (!chat->sources.size || pb_json_parse(text, &list) != PB_OK)
        pb_error_clear();
    return list;
}

/* The source with the lowest number above `after`, or NULL: they come in the order of their worth.
 */
static const pb_json *next_source(const pb_json *list, int64_t after)
{
    const pb_json *found = NULL;

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next)
        if (number_of(at) > after && (!found || number_of(at) < number_of(found)))
            found = at;
    return found;
}

void chat_sources_notes(struct chat *chat)
{
    pb_scope *scope = pb_scope_begin();
    const pb_json *list = parse(chat);
    size_t cited = 0, others = 0;

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next)
        *(is_cited(chat, number_of(at)) ? &cited : &others) += 1;
    if (cited || others)
        (void)terminal_write(&chat->terminal, pb_lit("\n"));
    for (const pb_json *at = next_source(list, 0); at; at = next_source(list, number_of(at)))
        if (!cited || is_cited(chat, number_of(at)))
            print_line(chat, at, false);
    if (cited && others && chat->input.engine)
        (void)chat_view_note(chat, pb_printf("  and %zu more that were found: /sources", others));
    pb_scope_end(scope);
}

/* Wrapped, with a bar in front of each line. */
static void print_quote(struct chat *chat, pb_str quote)
{
    struct flow flow = {.width = terminal_width(&chat->terminal), .colour = chat->terminal.colour};

    while (quote.size) {
        size_t end = pb_str_find(quote, '\n');
        pb_str line = text_plain(pb_str_slice(quote, 0, end));
        quote = pb_str_slice(quote, end + 1, quote.size);
        flow_begin(&flow, pb_lit("    │ "), pb_lit("    │ "));
        flow_style(&flow, STYLE_DIM);
        flow_text(&flow, line);
        flow_end(&flow);
    }
    (void)terminal_write(&chat->terminal, buf_str(&flow.out));
    flow_fini(&flow);
}

void chat_sources_full(struct chat *chat)
{
    const pb_json *list = parse(chat);

    if (!list || !list->child) {
        (void)terminal_print(&chat->terminal, "%s\n",
                             chat->answer.size ? "the last answer names no sources"
                                               : "there is no answer yet");
        return;
    }
    for (const pb_json *at = next_source(list, 0); at; at = next_source(list, number_of(at))) {
        pb_str url = pb_json_text(pb_json_get(at, "url"));
        print_line(chat, at, true);
        if (url.size)
            (void)terminal_print(
                &chat->terminal, "    %.*s\n",
                PB_ARG(terminal_styled(&chat->terminal, STYLE_LINK, text_plain(url))));
        print_quote(chat, pb_json_text(pb_json_get(at, "quote")));
        if (next_source(list, number_of(at)))
            (void)terminal_write(&chat->terminal, pb_lit("\n"));
    }
}
