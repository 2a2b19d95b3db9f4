/* client_exchange.c - see client_exchange.h. */
#include "net/client_exchange.h"

#include "net/client.h"
#include <stdlib.h>

enum { HEADERS_KEPT = 4096, SMALLEST_BODY = 512 };

void exchange_init(struct pb_http *http, const struct exchange_ops *ops, const char *host)
{
    *http = (struct pb_http){.ops = ops, .host = host};
}

void exchange_limits(struct pb_http *http, const pb_http_spec *spec)
{
    const struct client_options *options = client_options_now();

    http->first_byte = spec->first_byte > 0 ? spec->first_byte : options->first_byte;
    http->between_bytes = spec->between_bytes > 0 ? spec->between_bytes : options->between_bytes;
    http->max_body = spec->max_body > 0 ? spec->max_body : options->max_body;
}

void exchange_clear(struct pb_http *http)
{
    buf_clear(&http->headers, HEADERS_KEPT);
    free(http->body);
    free(http->lent);
    free(http->sentence);
    http->body = http->lent = http->sentence = NULL;
    http->body_size = http->body_capacity = 0;
    http->waiter = NULL;
    http->received = 0;
    http->failed = PB_OK;
    http->status = 0;
    http->header_count = 0;
    http->header_done = http->complete = http->paused = false;
}

void exchange_fini(struct pb_http *http)
{
    exchange_clear(http);
    buf_fini(&http->headers);
}

/* --- the engine's side ------------------------------------------------------------------------ */

void exchange_wake(struct pb_http *http)
{
    if (http->waiter)
        waiter_wake(http->waiter);
}

void exchange_fail(struct pb_http *http, pb_status status, const char *format, ...)
{
    va_list args;

    if (http->failed)
        return;
    http->failed = status;
    va_start(args, format);
    if (vasprintf(&http->sentence, format, args) < 0)
        http->sentence = NULL;
    va_end(args);
    exchange_wake(http);
}

static bool no_memory(struct pb_http *http)
{
    exchange_fail(http, PB_NO_MEMORY, "there is no memory for the answer of '%s'", http->host);
    return false;
}

bool exchange_header_piece(struct pb_http *http, pb_str piece)
{
    if (piece.size == 0)
        return true;
    if (http->headers.size + piece.size > EXCHANGE_HEADER_BYTES) {
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' sent a header of more than %d kB", http->host,
                      EXCHANGE_HEADER_BYTES >> 10);
        return false;
    }
    return buf_add(&http->headers, piece) || no_memory(http);
}

bool exchange_header_done(struct pb_http *http)
{
    pb_str encoding = exchange_header(http, pb_lit("content-encoding"));

    if (encoding.size && !pb_str_same(encoding, pb_lit("identity"))) {
        exchange_fail(http, PB_BAD_UPSTREAM,
                      "'%s' sent a body with the encoding '%.*s', which was not asked for",
                      http->host, encoding.size > 32 ? 32 : (int)encoding.size, encoding.data);
        return false;
    }
    http->header_done = true;
    exchange_wake(http);
    return true;
}

bool exchange_body(struct pb_http *http, pb_str bytes, size_t more)
{
    if ((int64_t)bytes.size > http->max_body - http->received) {
        exchange_fail(http, PB_TOO_LARGE, "the answer of '%s' is larger than %lld bytes", http->host,
                      (long long)http->max_body);
        return false;
    }
    if (bytes.size > http->body_capacity - http->body_size) {
        size_t want = http->body_size + bytes.size + more;
        if (http->body_size && want < http->body_capacity * 2)
            want = http->body_capacity * 2;
        if (want < SMALLEST_BODY)
            want = SMALLEST_BODY;
        char *body = realloc(http->body, want);
        if (!body)
            return no_memory(http);
        http->body = body;
        http->body_capacity = want;
    }
    if (bytes.size)
        memcpy(http->body + http->body_size, bytes.data, bytes.size);
    http->body_size += bytes.size;
    http->received += (int64_t)bytes.size;
    if (http->body_size > EXCHANGE_UNREAD)
        http->paused = true;
    exchange_wake(http);
    return true;
}

void exchange_complete(struct pb_http *http)
{
    http->complete = true;
    exchange_wake(http);
}

/* --- the task's side -------------------------------------------------------------------------- */

pb_status exchange_wait(struct pb_http *http, pb_duration limit, bool *passed)
{
    struct waiter waiter = {0};
    pb_duration began = loop_refresh();

    http->waiter = &waiter;
    pb_status status = task_wait_for(&waiter, limit);
    http->waiter = NULL;
    *passed = status == PB_TIMEOUT && loop_now() - began >= limit;
    return status;
}

/* "60 s", "250 ms". */
static void say(char out[32], pb_duration limit)
{
    if (limit % PB_SECOND == 0)
        snprintf(out, 32, "%lld s", (long long)(limit / PB_SECOND));
    else
        snprintf(out, 32, "%.3g ms", (double)limit / (double)PB_MILLISECOND);
}

static pb_status failure(const struct pb_http *http)
{
    return pb_fail(http->failed, "%s", http->sentence ? http->sentence : "out of memory");
}

pb_status exchange_wait_header(struct pb_http *http)
{
    char limit[32];
    bool passed;

    while (!http->header_done && !http->failed) {
        pb_status status = exchange_wait(http, http->first_byte, &passed);
        if (passed && !http->header_done && !http->failed && !http->ops->sending(http)) {
            say(limit, http->first_byte);
            status = pb_fail(PB_TIMEOUT, "'%s' did not begin to answer within %s", http->host, limit);
        } else if (passed) {
            status = PB_OK;
        }
        if (status != PB_OK) {
            http->ops->abort(http);
            return status;
        }
    }
    return http->header_done ? PB_OK : failure(http);
}

/* Takes the text up to the next NUL, and the NUL. */
static pb_str cut_text(pb_str *rest)
{
    pb_str text = pb_str_slice(*rest, 0, pb_str_find(*rest, 0));

    *rest = pb_str_slice(*rest, text.size + 1, rest->size);
    return text;
}

pb_str exchange_header(const struct pb_http *http, pb_str name)
{
    pb_str rest = buf_str(&http->headers);

    while (rest.size) {
        pb_str found = cut_text(&rest);
        pb_str value = cut_text(&rest);
        if (found.size == name.size && pb_str_same(found, name))
            return value;
    }
    return pb_str_make(NULL, 0);
}

pb_status exchange_read(struct pb_http *http, pb_str *out)
{
    char limit[32];
    bool passed;

    *out = pb_str_make(NULL, 0);
    free(http->lent);
    http->lent = NULL;
    while (http->body_size == 0) {
        if (http->failed)
            return failure(http);
        if (http->complete)
            return PB_OK;
        pb_status status = exchange_wait(http, http->between_bytes, &passed);
        if (passed && http->body_size == 0 && !http->failed && !http->complete) {
            say(limit, http->between_bytes);
            status = pb_fail(PB_TIMEOUT, "'%s' fell silent for %s in the middle of its answer",
                             http->host, limit);
        } else if (passed) {
            status = PB_OK;
        }
        if (status != PB_OK) {
            exchange_fail(http, status, "%.*s", PB_ARG(pb_error_last()->sentence));
            http->ops->abort(http);
            return status;
        }
    }
    *out = pb_str_make(http->body, http->body_size);
    http->lent = http->body;
    http->body = NULL;
    http->body_size = http->body_capacity = 0;
    if (http->paused) {
        http->paused = false;
        http->ops->resume(http);
    }
    return PB_OK;
}
