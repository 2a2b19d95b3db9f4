/* reply.h - for fuzz_anthropic.c and fuzz_gemini.c: any bytes as the answer of a model's service. Cut in
 * pieces of any size they mean the same events as in one. Include it once. */
#ifndef FUZZ_REPLY_H
#define FUZZ_REPLY_H

#include <patchbay/http.h>
#include <patchbay/turn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pb_str source;
static size_t piece;
static char *chunk; /* of its own memory: what is used too long is seen */

/* The reader calls this instead of the client's. */
pb_status host_http_read(pb_http *http, pb_str *out)
{
    size_t size = source.size < piece ? source.size : piece;

    (void)http;
    free(chunk);
    chunk = malloc(size + 1);
    if (!chunk)
        abort();
    if (size)
        memcpy(chunk, source.data, size);
    source = pb_str_slice(source, size, source.size);
    *out = pb_str_make(chunk, size);
    return PB_OK;
}

/* An answer's header says nothing here. */
int32_t host_http_status(pb_http *http)
{
    (void)http;
    return 200;
}

pb_str host_http_header(pb_http *http, pb_str name)
{
    (void)http;
    (void)name;
    return pb_str_make(NULL, 0);
}

/* Writes down what it is given; it may keep memory of the running scope. */
struct listener {
    pb_sink base;
    pb_buf heard;
};

static pb_status hear(pb_sink *sink, const pb_event *event)
{
    pb_buf *heard = &((struct listener *)(void *)sink)->heard;
    bool random = pb_str_starts(event->id, pb_lit("gemini-"));

    pb_buf_printf(heard, "\n%d %u %d ", event->type, event->index, event->finish);
    pb_buf_add(heard, random ? pb_lit("?") : event->id);
    pb_buf_byte(heard, ' ');
    pb_buf_add(heard, event->name);
    pb_buf_byte(heard, ' ');
    pb_buf_add(heard, event->text);
    if (event->data)
        pb_json_write(heard, event->data);
    return pb_buf_status(heard);
}

/* Reads an answer, a stream or a whole one, to its end. */
typedef pb_status fuzz_reader(pb_sink *sink, bool stream, size_t limit);

static pb_status read_reply(fuzz_reader *reader, pb_str text, size_t pieces, struct listener *out)
{
    bool stream = text.size < 2 || text.data[1] & 1;

    *out = (struct listener){.base = {.size = sizeof(pb_sink), .emit = hear}};
    source = pb_str_slice(text, 2, text.size);
    piece = pieces;
    pb_status status = reader(&out->base, stream, 64 + 64 * (size_t)(uint8_t)text.data[1]);
    free(chunk);
    chunk = NULL;
    return status;
}

/* The first two bytes say the size of a piece, the limit, and whether it is a stream. */
static int fuzz_reply(fuzz_reader *reader, const uint8_t *data, size_t size)
{
    pb_str text = pb_str_make((const char *)data, size);
    struct listener whole, cut;

    if (size < 2)
        return 0;
    pb_scope *scope = pb_scope_begin();
    pb_status one = read_reply(reader, text, SIZE_MAX, &whole);
    pb_status two = read_reply(reader, text, 1u + data[0], &cut);
    if (one != two || !pb_str_equal(pb_buf_str(&whole.heard), pb_buf_str(&cut.heard))) {
        fprintf(stderr, "in one: %d, %.*s\nin pieces: %d, %.*s\n", one,
                PB_ARG(pb_buf_str(&whole.heard)), two, PB_ARG(pb_buf_str(&cut.heard)));
        abort();
    }
    pb_scope_end(scope);
    return 0;
}

#endif
