/* remote.c - see remote.h. */
#include "app/remote.h"

#include "plugin/instances.h"
#include <patchbay/json.h>
#include <stdio.h>
#include <unistd.h>

enum { FOLDER = 512 }; /* the path of a socket is shorter anyway */

/* "/run/web.sock" as the host of a URL. */
static pb_str socket_url(pb_str path, const char *folder)
{
    char whole[FOLDER + 256];
    pb_buf url = {0};

    if (pb_str_starts(path, pb_lit("/")) || pb_str_starts(path, pb_lit("@")) || !folder)
        folder = NULL;
    snprintf(whole, sizeof whole, "%s%s%.*s", folder ? folder : "", folder ? "/" : "", PB_ARG(path));
    pb_buf_add(&url, pb_lit("http+unix://"));
    for (const char *at = whole; *at; at++)
        if ((*at >= '0' && *at <= '9') || ((*at | 32) >= 'a' && (*at | 32) <= 'z') || *at == '.')
            pb_buf_byte(&url, *at);
        else
            pb_buf_printf(&url, "%%%02X", (unsigned)(unsigned char)*at);
    return pb_buf_str(&url);
}

/* The folder that we are in. */
static const char *here(char *out)
{
    return getcwd(out, FOLDER) ? out : NULL;
}

pb_str remote_base(const struct invocation *invocation)
{
    char folder[FOLDER];

    if (invocation->url) {
        pb_str url = pb_str_of(invocation->url);
        if (pb_str_starts(url, pb_lit("unix:")))
            return socket_url(pb_str_slice(url, 5, url.size), here(folder));
        while (url.size && url.data[url.size - 1] == '/')
            url.size--;
        return url;
    }
    for (pb_instance *at = instances_all(); at; at = at->next) {
        if (!pb_str_is(at->kind, "transport") || !at->node)
            continue;
        const struct config_node *listen = config_node_get(at->node, "listen");
        if (listen && pb_str_starts(listen->text, pb_lit("unix:")))
            return socket_url(pb_str_slice(listen->text, 5, listen->text.size),
                              instances_data_dir());
        if (listen && listen->text.size && !pb_str_starts(listen->text, pb_lit("systemd:")))
            return pb_printf("http://%.*s", PB_ARG(listen->text));
    }
    return pb_lit("http://127.0.0.1:8080");
}

/* A body that is read: the client sends it from memory. */
static pb_status gather(const struct remote_request *request, pb_str *out)
{
    size_t size = 0, room = (size_t)request->length;
    char *data = pb_alloc(room + 1);
    pb_bytes piece;

    if (!data)
        return PB_NO_MEMORY;
    for (;;) {
        pb_status status = request->reader->read(request->reader, &piece);
        if (status != PB_OK)
            return status;
        if (!piece.size)
            break;
        if (piece.size > room - size)
            return pb_fail(PB_CONFLICT, "what is sent grew while it was read");
        memcpy(data + size, piece.data, piece.size);
        size += piece.size;
    }
    *out = pb_str_make(data, size);
    return PB_OK;
}

pb_status remote_open(const struct invocation *invocation, const struct remote_request *request,
                      pb_http **out)
{
    pb_str body = request->body;
    pb_status read = request->reader ? gather(request, &body) : (pb_status)PB_OK;
    pb_str base = remote_base(invocation);
    pb_header headers[3];
    uint32_t count = 0;

    if (read != PB_OK)
        return read;
    headers[count++] = (pb_header){
        pb_lit("Accept"), request->accept.data ? request->accept : pb_lit("application/json")};
    if (body.data)
        headers[count++] =
            (pb_header){pb_lit("Content-Type"),
                        request->type.data ? request->type : pb_lit("application/json")};
    if (invocation->key)
        headers[count++] =
            (pb_header){pb_lit("Authorization"), pb_printf("Bearer %s", invocation->key)};
    pb_http_spec spec = pb_http_spec_make(
        request->method, pb_printf("%.*s%.*s", PB_ARG(base), PB_ARG(request->path)));
    spec.headers = headers;
    spec.header_count = count;
    spec.body = body;
    pb_status status = pb_http_open(&spec, out);
    if (status == PB_UNAVAILABLE)
        return pb_fail(PB_UNAVAILABLE, "no server answers at %.*s; start one with 'patchbay serve', "
                                       "or name another with --url", PB_ARG(base));
    return status;
}

pb_status remote_problem(int32_t http_status, pb_str body)
{
    const pb_json *json = NULL;
    pb_status status = PB_INTERNAL;
    pb_str sentence = {0};

    if (pb_json_parse(body, &json) == PB_OK) {
        pb_buf fields = {0};
        sentence = pb_json_text(pb_json_get(json, "detail"));
        if (!sentence.size) /* of a dialect */
            sentence = pb_json_text(pb_json_get(pb_json_get(json, "error"), "message"));
        for (const pb_json *at = pb_json_at(pb_json_get(json, "errors"), 0); at; at = at->next)
            pb_buf_printf(&fields, "%s%.*s: %.*s", fields.size ? "; " : "",
                          PB_ARG(pb_json_text(pb_json_get(at, "pointer"))),
                          PB_ARG(pb_json_text(pb_json_get(at, "detail"))));
        if (fields.size)
            sentence = pb_buf_str(&fields);
    }
#define PICK(name, number, http, retry, exit, slug, title)                                         \
    if (http_status == (http) && status == PB_INTERNAL && (number) != PB_DECLINED)                 \
        status = (number);
    PB_STATUS_MAP(PICK)
#undef PICK
    if (!sentence.size)
        return pb_fail(status, "the server answered with status %d", http_status);
    return pb_fail(status, "%.*s", PB_ARG(sentence));
}

pb_status remote_call(const struct invocation *invocation, const struct remote_request *request,
                      pb_str *body)
{
    pb_http *http;
    pb_status status = remote_open(invocation, request, &http);

    if (status != PB_OK)
        return status;
    status = pb_http_read_all(http, body);
    if (status == PB_OK && pb_http_status(http) >= 400)
        status = remote_problem(pb_http_status(http), *body);
    pb_http_close(http);
    return status;
}
