/* stream.c - reads a stream of chunks.
 *
 * Chunks of one stream differ in nothing but the text: once one was parsed, the bytes around its
 * text are remembered, and a chunk with the same bytes around a plain string is that same document
 * with another string. It need not be parsed again. Everything else is.
 */
#include "openai.h"

enum { LEARN = 8, TEMPLATE_SIZE = 1024 }; /* tries to learn; longest chunk worth remembering */

struct template
{
    char *bytes;   /* what stood before the text, then what stood behind it */
    size_t before; /* 0: nothing learnt */
    size_t after;
    size_t room;   /* of bytes */
    int tries;
};

/* Is this the inside of a JSON string that stands for itself: no quote, escape or control
 * character, and valid UTF-8? */
static bool is_plain(pb_str text)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;

    while (at < end) {
        unsigned char c = *at++;
        if (c < 0x80) {
            if (c < 0x20 || c == '"' || c == '\\')
                return false;
            continue;
        }
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || end - at < more)
            return false;
        if ((c == 0xe0 && *at < 0xa0) || (c == 0xed && *at > 0x9f) || (c == 0xf0 && *at < 0x90) ||
            (c == 0xf4 && *at > 0x8f))
            return false;
        for (; more; more--)
            if ((*at++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static size_t skip_space(pb_str data, size_t at)
{
    while (at < data.size && (data.data[at] == ' ' || data.data[at] == '\t'))
        at++;
    return at;
}

/* Where the string behind the only `"content":` begins, or 0. */
static size_t find_content(pb_str data)
{
    static const char key[] = "\"content\"";
    const char *found = memmem(data.data, data.size, key, sizeof key - 1);

    if (!found)
        return 0;
    size_t at = (size_t)(found - data.data) + sizeof key - 1;
    if (memmem(data.data + at, data.size - at, key, sizeof key - 1))
        return 0;
    at = skip_space(data, at);
    if (at == data.size || data.data[at] != ':')
        return 0;
    at = skip_space(data, at + 1);
    return at < data.size && data.data[at] == '"' ? at + 1 : 0;
}

static void learn(struct template *template, pb_str data, pb_str text)
{
    size_t at = find_content(data);

    if (template->tries++ >= LEARN || data.size > TEMPLATE_SIZE || !at || !is_plain(text) ||
        data.size - at < text.size + 1 || data.data[at + text.size] != '"' ||
        memcmp(data.data + at, text.data, text.size) != 0)
        return;
    size_t size = data.size - text.size;
    if (size > template->room) {
        template->before = 0;
        template->room = size + size / 4;
        if (!(template->bytes = pb_alloc(template->room)))
            return;
    }
    template->before = at;
    template->after = size - at;
    memcpy(template->bytes, data.data, at);
    memcpy(template->bytes + at, data.data + at + text.size, template->after);
}

/* The text of a chunk that looks as the learnt one; false: parse it. */
static bool recognise(const struct template *template, pb_str data, pb_str *text)
{
    size_t before = template->before, after = template->after;

    if (!before || data.size <= before + after || memcmp(data.data, template->bytes, before) != 0 ||
        memcmp(data.data + data.size - after, template->bytes + before, after) != 0)
        return false;
    *text = pb_str_make(data.data + before, data.size - before - after);
    return is_plain(*text);
}

static pb_status read_event(const struct openai *openai, struct answer *answer, pb_str data,
                            struct chunk *chunk, struct template *template, pb_first_token *first)
{
    struct piece piece = {.type = PB_EVENT_TEXT};

    if (recognise(template, data, &piece.text))
        return answer_emit(answer, &piece);
    pb_status status = chunk_read(openai, answer, data, chunk);
    if (status != PB_OK)
        return status;
    if (chunk->plain)
        learn(template, data, chunk->pieces[0].text);
    if (chunk->count && first)
        pb_first_token_came(first);
    for (size_t i = 0; status == PB_OK && i < chunk->count; i++)
        status = answer_emit(answer, &chunk->pieces[i]);
    return status;
}

pb_status stream_read(const struct openai *openai, pb_http *http, struct answer *answer,
                      pb_first_token *first)
{
    pb_sse sse = pb_sse_make(http, (size_t)openai->service.upstream.max_event);
    struct template template = {0};
    struct chunk *chunk = PB_NEW(struct chunk);
    pb_sse_event event;
    bool ended;

    if (!chunk)
        return PB_NO_MEMORY;
    for (;;) {
        pb_status status = pb_sse_next(&sse, &event, &ended);
        if (status != PB_OK) {
            /* A connection that broke after the reason for stopping has lost nothing but usage. */
            bool broke = status == PB_BAD_UPSTREAM || status == PB_UNAVAILABLE;
            return broke && answer->finish ? (pb_status)PB_OK : pb_upstream_fail_read(&openai->service.upstream, status);
        }
        if (ended && !answer->finish)
            return pb_fail(PB_BAD_UPSTREAM, "the model's answer broke off before its end");
        if (ended || pb_str_is(event.data, "[DONE]"))
            return PB_OK;
        if (event.data.size == 0)
            continue;
        status = read_event(openai, answer, event.data, chunk, &template, first);
        if (status != PB_OK)
            return status;
    }
}
