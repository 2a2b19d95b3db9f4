/* fuzz_sse.c - any bytes as a stream of events: cut in pieces of any size they mean the same as in
 * one. The first two bytes say the size of a piece and the limit. */
#include <patchbay/http.h>
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

static pb_status read_events(pb_str text, size_t pieces, size_t limit, pb_buf *out)
{
    pb_sse sse = pb_sse_make(NULL, limit);
    pb_sse_event event;
    bool ended = false;
    pb_status status;

    source = text;
    piece = pieces;
    while ((status = pb_sse_next(&sse, &event, &ended)) == PB_OK && !ended) {
        pb_buf_printf(out, "%zu %zu %zu ", event.event.size, event.id.size, event.data.size);
        pb_buf_add(out, event.event);
        pb_buf_add(out, event.id);
        pb_buf_add(out, event.data);
        if (event.data.size > sse.limit)
            abort();
    }
    free(chunk);
    chunk = NULL;
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_buf whole = {0}, cut = {0};

    if (size < 2)
        return 0;
    pb_scope *scope = pb_scope_begin();
    pb_str text = pb_str_make((const char *)data + 2, size - 2);
    size_t limit = (size_t)data[1] * 64;
    pb_status one = read_events(text, SIZE_MAX, limit, &whole);
    pb_status two = read_events(text, 1u + data[0], limit, &cut);
    if (one != two || !pb_str_equal(pb_buf_str(&whole), pb_buf_str(&cut))) {
        fprintf(stderr, "in one: %d, %zu bytes; in pieces: %d, %zu bytes\n", one, whole.size, two,
                cut.size);
        abort();
    }
    pb_scope_end(scope);
    return 0;
}
