/* http.h - the HTTP client: kept-alive connections, TLS, streaming bodies, server-sent events.
 *
 *     pb_http_spec spec = pb_http_spec_make("POST", url);
 *     spec.body = body;
 *     status = pb_http_open(&spec, &http);            parks until the header of the answer is there
 *     while (!status && !(status = pb_http_read(http, &chunk)) && chunk.size) …
 *     pb_http_close(http);
 */
#ifndef PATCHBAY_HTTP_H
#define PATCHBAY_HTTP_H

#include <patchbay/memory.h>

struct pb_header {
    pb_str name;
    pb_str value;
};

/* A request. Borrowed until pb_http_open returns. Times of 0 mean the host's limits. */
struct pb_http_spec {
    uint32_t size;
    uint32_t header_count;
    pb_str method;
    pb_str url; /* http:// or https:// */
    const pb_header *headers;
    pb_str body;               /* Content-Length is set by the host */
    pb_duration connect;       /* to connect, and again for TLS */
    pb_duration first_byte;    /* from the request's end to the header of the answer */
    pb_duration between_bytes; /* of the answer */
    int64_t max_body;          /* of the answer, bytes; 0: 64 MiB */
    pb_str proxy;              /* http://host:port, or absent */
    pb_str ca_file;            /* PEM of the authorities to trust instead of the system's */
    uint32_t follow;           /* redirects to follow (GET and HEAD), 0: none */
    uint32_t public_only;      /* 1: refuse loopback, private and link-local addresses (URLs that a
                                  user or a model can choose) */
};

static inline pb_http_spec pb_http_spec_make(const char *method, pb_str url)
{
    pb_http_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.size = (uint32_t)sizeof spec;
    spec.method = pb_str_of(method);
    spec.url = url;
    return spec;
}

/* Sends the request and waits for the answer's header. Parks. On PB_OK *out must be closed.
 *     PB_INVALID       the URL is none                 PB_FORBIDDEN     public_only and it is not
 *     PB_UNAVAILABLE   unknown host, refused, reset    PB_TIMEOUT       connect, TLS or first byte
 *     PB_BAD_UPSTREAM  not HTTP, or TLS not trusted    PB_CANCELLED     the connection is closed
 * A request on a kept connection that the server closed meanwhile is sent once more on a new one. */
static inline pb_status pb_http_open(const pb_http_spec *spec, pb_http **out)
{
    return PB_CALL(http_open)(spec, out);
}

/* The answer's status: 200. */
static inline int32_t pb_http_status(pb_http *http)
{
    return PB_CALL(http_status)(http);
}

/* A header of the answer by name (any case); absent when it is not there. Valid until close. */
static inline pb_str pb_http_header(pb_http *http, pb_str name)
{
    return PB_CALL(http_header)(http, name);
}

/* The next bytes of the body, as they come; an empty string is the end. Parks. *out is valid until
 * the next call. PB_BAD_UPSTREAM when the body breaks off, PB_TOO_LARGE beyond max_body, PB_TIMEOUT,
 * PB_CANCELLED. */
static inline pb_status pb_http_read(pb_http *http, pb_str *out)
{
    return PB_CALL(http_read)(http, out);
}

/* Gives the connection back (body read to its end) or closes it at once. Does not park. */
static inline void pb_http_close(pb_http *http)
{
    PB_CALL(http_close)(http);
}

/* Reads the rest of the body into the running scope. Parks. */
static inline pb_status pb_http_read_all(pb_http *http, pb_str *out)
{
    pb_buf buf;
    pb_str chunk;
    pb_status status;

    memset(&buf, 0, sizeof buf);
    while ((status = pb_http_read(http, &chunk)) == PB_OK && chunk.size)
        pb_buf_add(&buf, chunk);
    pb_buf_byte(&buf, 0);
    if (status == PB_OK)
        status = pb_buf_status(&buf);
    *out = pb_str_make(buf.data, buf.size ? buf.size - 1 : 0);
    return status;
}

/* --- server-sent events ----------------------------------------------------------------------- */

/* Reads events from a body. Format: WHATWG HTML, "Server-sent events". Nothing is copied but what
 * crosses the end of a chunk and events of several data lines; those go to buffers that are used
 * again, so call it in the scope it was made in (do what allocates per event in a scope of its own,
 * after the call). */
typedef struct pb_sse {
    pb_http *http;
    size_t limit;  /* longest line and longest event, bytes */
    pb_str chunk;  /* what was read and not yet looked at */
    pb_buf line;   /* a line whose end has not come yet */
    pb_buf joined; /* data of several lines, or kept from an earlier chunk */
    pb_buf event;  /* kept from an earlier chunk */
    pb_buf id;
    bool carriage; /* the last line ended with \r: a \n that follows belongs to it */
    bool started;  /* the first line was seen: no byte order mark any more */
    bool ended;
} pb_sse;

typedef struct pb_sse_event {
    pb_str event; /* its type, or absent for "message" */
    pb_str data;
    pb_str id; /* absent when the event sets none */
} pb_sse_event;

/* `limit`: the longest line or event in bytes, 0: 1 MiB. */
static inline pb_sse pb_sse_make(pb_http *http, size_t limit)
{
    pb_sse sse;
    memset(&sse, 0, sizeof sse);
    sse.http = http;
    sse.limit = limit ? limit : (size_t)1 << 20;
    return sse;
}

static inline pb_status pb_sse_too_long(const pb_sse *sse)
{
    return pb_fail(PB_BAD_UPSTREAM, "an event of the stream is longer than %zu bytes", sse->limit);
}

/* Cuts the next line, without its end, from what was read: false when its end is not there yet. The
 * line points into the chunk or, when it began in an earlier one, into sse->line. */
static inline bool pb_sse_cut(pb_sse *sse, pb_str *out)
{
    size_t end, carriage;

    if (sse->carriage && sse->chunk.size) {
        if (sse->chunk.data[0] == '\n')
            sse->chunk = pb_str_slice(sse->chunk, 1, sse->chunk.size);
        sse->carriage = false;
    }
    end = pb_str_find(sse->chunk, '\n');
    carriage = pb_str_find(pb_str_make(sse->chunk.data, end), '\r');
    if (carriage < end) {
        end = carriage;
        sse->carriage = true;
    }
    if (end == sse->chunk.size)
        return false;
    *out = pb_str_slice(sse->chunk, 0, end);
    sse->chunk = pb_str_slice(sse->chunk, end + 1, sse->chunk.size);
    if (sse->line.size) {
        pb_buf_add(&sse->line, *out);
        *out = pb_buf_str(&sse->line);
        sse->line.size = 0; /* its bytes stay until the next chunk is read */
    }
    return true;
}

/* Moves a string that points into what is about to go. */
static inline void pb_sse_keep(pb_buf *buf, pb_str *text)
{
    if (text->data && text->data != buf->data) {
        buf->size = 0;
        pb_buf_add(buf, *text);
        *text = text->size ? pb_buf_str(buf) : pb_lit("");
    }
}

/* Reads the next chunk; first keeps what points into the old one. Parks. */
static inline pb_status pb_sse_fill(pb_sse *sse, pb_sse_event *event)
{
    pb_sse_keep(&sse->event, &event->event);
    pb_sse_keep(&sse->id, &event->id);
    pb_sse_keep(&sse->joined, &event->data);
    if (sse->line.size + sse->chunk.size > sse->limit)
        return pb_sse_too_long(sse);
    pb_buf_add(&sse->line, sse->chunk);
    if (sse->line.failed || sse->joined.failed || sse->event.failed || sse->id.failed)
        return PB_NO_MEMORY;
    pb_status status = pb_http_read(sse->http, &sse->chunk);
    sse->ended = status == PB_OK && sse->chunk.size == 0;
    return status;
}

/* One more data line. The first is only pointed to. */
static inline void pb_sse_join(pb_sse *sse, pb_str *data, pb_str value)
{
    if (!data->data) {
        *data = value.data ? value : pb_lit("");
        return;
    }
    if (data->size == 0)
        sse->joined.size = 0;
    else
        pb_sse_keep(&sse->joined, data);
    pb_buf_byte(&sse->joined, '\n');
    pb_buf_add(&sse->joined, value);
    *data = pb_buf_str(&sse->joined);
}

/* The next event. Parks. *ended tells that the stream is over: an event without its blank line is
 * dropped, as the format says. Strings are valid until the next call. */
static inline pb_status pb_sse_next(pb_sse *sse, pb_sse_event *out, bool *ended)
{
    memset(out, 0, sizeof *out);
    *ended = false;
    for (;;) {
        pb_str line, value;
        size_t colon;

        if (!pb_sse_cut(sse, &line)) {
            pb_status status = sse->ended ? (pb_status)PB_OK : pb_sse_fill(sse, out);
            if (status != PB_OK)
                return status;
            if (!sse->ended)
                continue;
            memset(out, 0, sizeof *out);
            *ended = true;
            return PB_OK;
        }
        if (line.size + out->data.size > sse->limit)
            return pb_sse_too_long(sse);
        if (!sse->started && pb_str_starts(line, pb_lit("\xEF\xBB\xBF")))
            line = pb_str_slice(line, 3, line.size);
        sse->started = true;
        if (line.size == 0) {
            if (out->data.data)
                return pb_buf_status(&sse->joined);
            out->event = pb_str_make(NULL, 0); /* without data it is no event */
            continue;
        }
        colon = pb_str_find(line, ':');
        value = pb_str_slice(line, colon + 1, line.size);
        if (value.size && value.data[0] == ' ')
            value = pb_str_slice(value, 1, value.size);
        line.size = colon;
        if (pb_str_is(line, "data"))
            pb_sse_join(sse, &out->data, value);
        else if (pb_str_is(line, "event"))
            out->event = value;
        else if (pb_str_is(line, "id") && pb_str_find(value, 0) == value.size)
            out->id = value;
    }
}

#endif
