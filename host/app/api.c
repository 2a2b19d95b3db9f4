/* api.c - see api.h. */
#include "app/api.h"

#include "app/worker.h"
#include "base/scope.h"
#include <patchbay/json.h>

static pb_status call_here(const struct remote_request *request, pb_content *content)
{
    size_t end = pb_str_find(request->path, '?');
    pb_operation_match match = {.size = sizeof match};
    pb_call call = {.size = sizeof call,
                    .principal = terminal_principal(),
                    .match = &match,
                    .query = pb_str_slice(request->path, end + 1, request->path.size),
                    .body = request->body};
    const pb_operation *operation;

    pb_status status = pb_operation_route(pb_str_of(request->method),
                                          pb_str_slice(request->path, 0, end), &operation, &match);
    if (status != PB_OK)
        return pb_fail(PB_UNSUPPORTED, "the configuration has no service for this: %s %.*s",
                       request->method, (int)end, request->path.data);
    status = pb_operation_call(operation, &call, content);
    if (status == PB_OK && content->status >= 400)
        return remote_problem(content->status, content->body);
    return status;
}

/* Bytes of an answer that is written piece by piece, in memory of their own: who writes may do so in a
 * scope that ends before the next piece. */
struct gathering {
    pb_writer base;
    struct arena arena;
    pb_buf buf;
};

static pb_status gather(pb_writer *writer, pb_bytes bytes)
{
    struct gathering *gathering = (struct gathering *)writer;
    struct arena *before = scope_arena_swap(&gathering->arena);

    pb_buf_add(&gathering->buf, pb_str_make((const char *)bytes.data, bytes.size));
    (void)scope_arena_swap(before);
    return pb_buf_status(&gathering->buf);
}

pb_status api_call(const struct invocation *invocation, const struct remote_request *request,
                   pb_str *body)
{
    pb_content content = {.size = sizeof content};
    struct gathering writer = {.base = {.size = sizeof(pb_writer), .write = gather}};

    if (invocation->url)
        return remote_call(invocation, request, body);
    pb_status status = call_here(request, &content);
    if (status == PB_OK && content.send) {
        arena_init(&writer.arena, 0);
        status = content.send(content.arg, &writer.base);
        content.body = pb_copy(pb_buf_str(&writer.buf));
        arena_fini(&writer.arena);
    }
    *body = content.body;
    return status;
}

pb_status api_json(const struct invocation *invocation, const struct remote_request *request,
                   const pb_json **out)
{
    pb_str body = {0};
    pb_status status = api_call(invocation, request, &body);

    if (status == PB_OK && !body.size)
        body = pb_lit("null");
    return status == PB_OK ? pb_json_parse(body, out) : status;
}

pb_status api_get(const struct invocation *invocation, pb_str path, const pb_json **out)
{
    struct remote_request request = {.method = "GET", .path = path};
    return api_json(invocation, &request, out);
}

pb_status api_fetch(const struct invocation *invocation, pb_str path, pb_writer *writer)
{
    struct remote_request request = {.method = "GET", .path = path, .accept = pb_lit("*/*")};
    pb_content content = {.size = sizeof content};
    pb_str piece;
    pb_http *http;
    pb_status status;

    if (!invocation->url) {
        status = call_here(&request, &content);
        if (status == PB_OK && content.send)
            return content.send(content.arg, writer);
        pb_bytes bytes = {(const uint8_t *)content.body.data, content.body.size};
        return status == PB_OK ? writer->write(writer, bytes) : status;
    }
    status = remote_open(invocation, &request, &http);
    if (status != PB_OK)
        return status;
    if (pb_http_status(http) >= 400) {
        status = pb_http_read_all(http, &piece);
        if (status == PB_OK)
            status = remote_problem(pb_http_status(http), piece);
    }
    while (status == PB_OK && (status = pb_http_read(http, &piece)) == PB_OK && piece.size)
        status = writer->write(writer, (pb_bytes){(const uint8_t *)piece.data, piece.size});
    pb_http_close(http);
    return status;
}

pb_str api_quoted(pb_str text)
{
    pb_buf buf = {0};

    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c && strchr("-._~", c)))
            pb_buf_byte(&buf, (char)c);
        else
            pb_buf_printf(&buf, "%%%02X", c);
    }
    return buf.data ? pb_buf_str(&buf) : pb_lit("");
}
