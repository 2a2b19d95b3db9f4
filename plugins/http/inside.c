/* inside.c - the own operations called in the process, without a connection: `patchbay call`, tools of models.
 *
 * The same code runs on a request that was put together from the call. What answer.c would send gathers
 * outside of any scope, because much of it is written in scopes that end before the call does; a stream
 * becomes one text.
 */
#include "http.h"

#include <patchbay/secret.h>

enum { GATHERED_MOST = 64 << 20, HEADERS_MOST = 48 };

struct inside {
    const pb_call *call;
    pb_reply reply; /* bounds what is gathered: */
    pb_reply_text body;
    pb_reply_text headers; /* name, NUL, value, NUL … */
    int32_t status;
};

pb_status inside_body(const struct exchange *exchange, pb_str *out)
{
    *out = exchange->inside->call->body;
    return PB_OK;
}

static pb_status add_text(struct inside *inside, pb_reply_text *to, pb_str text)
{
    return pb_reply_add(&inside->reply, to, text);
}

pb_status inside_begin(struct exchange *exchange, int32_t status, const pb_header *headers,
                       size_t count)
{
    struct inside *inside = exchange->inside;
    pb_status result = PB_OK;

    inside->status = status;
    for (size_t i = 0; i < count && i < HEADERS_MOST && result == PB_OK; i++) {
        result = add_text(inside, &inside->headers, headers[i].name);
        if (result == PB_OK)
            result = add_text(inside, &inside->headers, pb_str_make("", 1));
        if (result == PB_OK)
            result = add_text(inside, &inside->headers, headers[i].value);
        if (result == PB_OK)
            result = add_text(inside, &inside->headers, pb_str_make("", 1));
    }
    return result;
}

pb_status inside_write(struct exchange *exchange, pb_str bytes)
{
    return add_text(exchange->inside, &exchange->inside->body, bytes);
}

static pb_str next_text(pb_str *rest)
{
    pb_str text = pb_str_slice(*rest, 0, pb_str_find(*rest, 0));

    *rest = pb_str_slice(*rest, text.size + 1, rest->size);
    return text;
}

/* What was gathered, in the scope of the call. */
static pb_status hand_over(struct inside *inside, pb_content *out)
{
    pb_header *headers = PB_NEW_ARRAY(pb_header, HEADERS_MOST);
    pb_str rest = pb_copy(pb_reply_str(&inside->headers));

    out->status = inside->status;
    out->body = inside->body.size ? pb_copy(pb_reply_str(&inside->body)) : pb_lit("");
    if (!headers || !out->body.data || (inside->headers.size && !rest.data))
        return PB_NO_MEMORY;
    out->headers = headers;
    while (rest.size) {
        pb_header *header = &headers[out->header_count];
        header->name = next_text(&rest);
        header->value = next_text(&rest);
        if (pb_str_is(header->name, "Content-Type"))
            out->type = header->value;
        else
            out->header_count++;
    }
    return PB_OK;
}

static void gather_path(const pb_call *call, pb_operation_match *match)
{
    if (call->match)
        memcpy(match, call->match,
               call->match->size < sizeof *match ? call->match->size : sizeof *match);
    match->size = (uint32_t)sizeof *match;
}

pb_status inside_run(void *self, const pb_call *call, pb_content *out, const struct route *route)
{
    struct inside inside = {.call = call, .reply = pb_reply_make(GATHERED_MOST)};
    pb_request request = {
        .size = (uint32_t)sizeof request,
        .header_count = (uint32_t)call->header_count,
        .method = pb_str_of(route->operation->method),
        .target = pb_str_of(route->operation->path),
        .path = pb_str_of(route->operation->path),
        .query = call->query,
        .headers = call->headers,
        .id = call->request_id.size ? call->request_id : pb_uuid(),
        .remote = call->remote,
        .loopback = 1,
    };
    struct exchange exchange = {
        .http = self, .request = &request, .dialect = route->dialect, .inside = &inside};

    gather_path(call, &exchange.match);
    if (call->principal)
        exchange.principal = *call->principal;
    pb_status status = route->handle(&exchange);
    if (status != PB_OK && !exchange.answered && !exchange.begun)
        status = answer_error(&exchange);
    if (status == PB_OK || exchange.answered || exchange.begun)
        status = hand_over(&inside, out);
    free(inside.body.data);
    free(inside.headers.data);
    pb_reply_end(&inside.reply);
    return status;
}
