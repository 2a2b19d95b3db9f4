/* http_server.h - serving HTTP: one task for each request, back-pressure on every write.
 *
 * The handler runs in a scope of its own that ends with it. When the client goes away its parking
 * calls return PB_CANCELLED.
 */
#ifndef PATCHBAY_HTTP_SERVER_H
#define PATCHBAY_HTTP_SERVER_H

#include <patchbay/http.h>

/* A request. Everything is borrowed and valid until the handler returns. */
struct pb_request {
    uint32_t size;
    uint32_t header_count;
    pb_str method;
    pb_str target; /* as sent: "/v1/models?limit=3" */
    pb_str path;   /* "/v1/models", not decoded */
    pb_str query;  /* "limit=3", or absent */
    const pb_header *headers;
    pb_str id;       /* X-Request-Id as sent when it is [A-Za-z0-9._-]{1,64}, else a new one */
    pb_str remote;   /* the peer's address; "unix": on a Unix socket */
    uint32_t secure; /* 1: TLS */
    uint32_t loopback; /* 1: the peer is on this machine */
    void *server; /* the host's own */
    pb_str trace; /* of this request, as a W3C traceparent: goes on that of the client, if it sent one */
    uint32_t traced; /* 1: it did */
    uint32_t reserved;
};

/* Where to listen and what to call. Borrowed until pb_listen returns. 0 means the host's limit. */
struct pb_listen_spec {
    uint32_t size;
    uint32_t mode;  /* of a Unix socket's file; 0: 0660 */
    pb_str address; /* "127.0.0.1:8080", "[::1]:8080", port 0: any free one; "unix:/path", "unix:@name";
                     * "systemd:NAME" */
    pb_str certificate; /* PEM files for TLS, or absent */
    pb_str key;
    void *self;
    pb_status (*handle)(void *self, pb_request *request);
    int64_t max_header; /* bytes of request line and header */
    int64_t max_body;
    pb_duration header_timeout;    /* from the first byte to the header's end */
    pb_duration body_timeout;      /* from the header's end to the body's */
    pb_duration write_timeout;     /* a write that makes no progress */
    pb_duration keepalive_timeout; /* an idle connection */
    int64_t max_connections;
    int64_t max_connections_per_address;
    int64_t max_upload; /* bytes of a body that is read piece by piece (pb_request_read) */
    pb_str group;       /* of a Unix socket's file; absent: that of the process */
};

/* Opens a listener, one socket for all workers; `handle` is called on a task for each request. Parks.
 * PB_INVALID when the address is none, PB_CONFLICT when it is taken, PB_FORBIDDEN. */
static inline pb_status pb_listen(const pb_listen_spec *spec, pb_listener **out)
{
    return PB_CALL(listen)(spec, out);
}

/* Stops accepting, lets running requests end, closes the rest. Parks until none is left (limit: the
 * drain time-out; then they are cancelled). */
static inline void pb_listener_close(pb_listener *listener)
{
    PB_CALL(listener_close)(listener);
}

/* A header by name (any case); absent when it is not there. */
static inline pb_str pb_request_header(const pb_request *request, const char *name)
{
    pb_str want = pb_str_of(name);
    for (uint32_t i = 0; i < request->header_count; i++)
        if (pb_str_same(request->headers[i].name, want))
            return request->headers[i].value;
    return pb_str_make(NULL, 0);
}

/* The next piece of the body, valid until the next call; an empty one is the end. For what is too long
 * to hold: instead of pb_request_body, never together. Parks. PB_TOO_LARGE beyond the listener's
 * max_upload, PB_TIMEOUT, PB_CANCELLED, PB_INVALID. */
static inline pb_status pb_request_read(pb_request *request, pb_bytes *out)
{
    return PB_CALL(request_read)(request, out);
}

/* The whole body. Parks until it has come. PB_TOO_LARGE, PB_TIMEOUT, PB_CANCELLED, PB_INVALID. */
static inline pb_status pb_request_body(pb_request *request, pb_str *out)
{
    return PB_CALL(request_body)(request, out);
}

/* Answers whole: Content-Length, Date and Connection are added. May park. */
static inline pb_status pb_respond(pb_request *request, int32_t status, const pb_header *headers,
                                   size_t count, pb_str body)
{
    return PB_CALL(respond)(request, status, headers, count, body);
}

/* Begins an answer that is written piece by piece. A header Content-Length tells its length: exactly so
 * much must be written then. What is written goes out together when the task parks
 * or 32 kB have gathered. Does not park. */
static inline pb_status pb_respond_begin(pb_request *request, int32_t status,
                                         const pb_header *headers, size_t count)
{
    return PB_CALL(respond_begin)(request, status, headers, count);
}

/* Calls fn(arg), once, on a task of its own when no answer was begun `after` from now: for a handler
 * that would rather know how its work goes before it answers, but does not leave its client without a
 * sign of life. Not called when the client is gone. `arg` must stay until the handler took it back:
 * with fn NULL, which parks while fn runs. */
static inline void pb_respond_overdue(pb_request *request, pb_duration after, void (*fn)(void *arg),
                                      void *arg)
{
    PB_CALL(respond_overdue)(request, after, fn, arg);
}

/* Appends to it; the bytes are copied. Parks while more than 64 kB wait for the client to read.
 * PB_CANCELLED when it is gone or made no progress for the write time-out. */
static inline pb_status pb_respond_write(pb_request *request, pb_str bytes)
{
    return PB_CALL(respond_write)(request, bytes);
}

/* Ends it. An answer that was begun and not ended when the handler returns breaks off: the client
 * sees that it is not whole. */
static inline pb_status pb_respond_end(pb_request *request)
{
    return PB_CALL(respond_end)(request);
}

/* Sends `bytes` (borrowed for the request's life) whenever nothing else was sent for `every`, from
 * respond_begin to respond_end. */
static inline void pb_respond_heartbeat(pb_request *request, pb_duration every, pb_str bytes)
{
    PB_CALL(respond_heartbeat)(request, every, bytes);
}

#endif
