/* fuzz_response.c - any bytes as the answer of an upstream: cut in pieces of any size it means the
 * same as in one. The first byte says the size of a piece and whether the request was HEAD. */
#include "net/client_response.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BODY = 1 << 16 };

struct result {
    struct pb_http http;
    struct buf body;
};

static void resume(struct pb_http *http)
{
    (void)http;
}

static const struct exchange_ops ops = {.resume = resume};

/* What is there is read without parking. */
static void drain(struct result *result)
{
    pb_str chunk;

    while (result->http.body_size) {
        if (exchange_read(&result->http, &chunk) != PB_OK || !buf_add(&result->body, chunk))
            abort();
    }
}

static void parse(struct result *result, const char *data, size_t size, size_t piece, bool to_head)
{
    struct response response;
    bool more = true;

    memset(result, 0, sizeof *result);
    exchange_init(&result->http, &ops, "host");
    result->http.max_body = MAX_BODY;
    response_begin(&response, &result->http, to_head);
    for (size_t at = 0; more && at < size; at += piece) {
        size_t now = size - at < piece ? size - at : piece;
        char *copy = malloc(now);
        if (!copy)
            abort();
        memcpy(copy, data + at, now);
        more = response_feed(&response, copy, now);
        free(copy);
        drain(result);
    }
    if (more)
        response_end(&response, true, "the end");
    drain(result);
    if (!result->http.complete == !result->http.failed || result->body.size > MAX_BODY)
        abort();
}

static bool same(const struct result *a, const struct result *b)
{
    return a->http.status == b->http.status && a->http.complete == b->http.complete &&
           a->http.failed == b->http.failed && a->http.header_done == b->http.header_done &&
           pb_str_equal(buf_str(&a->body), buf_str(&b->body)) &&
           (!a->http.header_done ||
            pb_str_equal(buf_str(&a->http.headers), buf_str(&b->http.headers)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, cut;

    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    parse(&whole, text, size - 1, size, data[0] & 1);
    parse(&cut, text, size - 1, 1u + (data[0] >> 1), data[0] & 1);
    if (!same(&whole, &cut)) {
        fprintf(stderr, "in one: %d %d %zu; in pieces: %d %d %zu\n", whole.http.status,
                whole.http.failed, whole.body.size, cut.http.status, cut.http.failed, cut.body.size);
        abort();
    }
    (void)exchange_header(&whole.http, pb_lit("content-type"));
    exchange_fini(&whole.http);
    exchange_fini(&cut.http);
    buf_fini(&whole.body);
    buf_fini(&cut.body);
    return 0;
}
