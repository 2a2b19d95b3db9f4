/* client_request.c - see client_request.h. One walk measures and, with a place to write, writes. */
#include "net/client_request.h"

#include "runtime/task.h"

#ifndef PATCHBAY_VERSION
#define PATCHBAY_VERSION "0"
#endif

enum { METHOD_LONGEST = 32, HEADERS_MOST = 256 };

/* What the host writes, or what would change how the connection works. */
static const char *const reserved[] = {
    "host",       "content-length", "transfer-encoding", "connection", "keep-alive", "te",
    "trailer",    "upgrade",        "expect",            "proxy-connection", "accept-encoding",
};

static bool is_token(pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!plain && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.size > 0;
}

static bool is_value(pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_reserved(pb_str name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (pb_str_same(name, pb_str_of(reserved[i])))
            return true;
    return false;
}

pb_status request_check(const pb_http_spec *spec)
{
    if (!is_token(spec->method) || spec->method.size > METHOD_LONGEST ||
        pb_str_is(spec->method, "CONNECT"))
        return pb_fail(PB_INVALID, "the method of an HTTP request must be a word such as GET");
    if (spec->header_count > HEADERS_MOST)
        return pb_fail(PB_INVALID, "an HTTP request may have at most %d headers", HEADERS_MOST);
    for (uint32_t i = 0; i < spec->header_count; i++) {
        const pb_header *header = &spec->headers[i];
        if (!is_token(header->name))
            return pb_fail(PB_INVALID, "the name of header %u has a character that no header name "
                                       "may have", i + 1);
        if (!is_value(header->value))
            return pb_fail(PB_INVALID, "the value of header '%.*s' has a control character",
                           PB_ARG(header->name));
        if (is_reserved(header->name))
            return pb_fail(PB_INVALID, "the header '%.*s' is set by the host", PB_ARG(header->name));
    }
    return PB_OK;
}

bool request_is_head(const pb_http_spec *spec)
{
    return pb_str_is(spec->method, "HEAD");
}

/* Without a place to write it only counts. */
struct pen {
    char *at;
    size_t size;
};

static void put(struct pen *pen, pb_str text)
{
    if (pen->at && text.size)
        memcpy(pen->at + pen->size, text.data, text.size);
    pen->size += text.size;
}

static void put_length(struct pen *pen, const pb_http_spec *spec)
{
    char digits[48];
    bool wanted = pb_str_is(spec->method, "POST") || pb_str_is(spec->method, "PUT") ||
                  pb_str_is(spec->method, "PATCH");

    if (spec->body.size == 0 && !wanted)
        return;
    int size = snprintf(digits, sizeof digits, "Content-Length: %zu\r\n", spec->body.size);
    put(pen, pb_str_make(digits, (size_t)size));
}

pb_str request_trace(const pb_http_spec *spec)
{
    pb_str trace = spec->public_only ? pb_str_make(NULL, 0) : task_local()->trace;

    for (uint32_t i = 0; trace.size && i < spec->header_count; i++)
        if (pb_str_same(spec->headers[i].name, pb_lit("traceparent")))
            return pb_str_make(NULL, 0);
    return trace;
}

static void walk(struct pen *pen, const pb_http_spec *spec, const struct url *url)
{
    char authority[URL_AUTHORITY];
    bool agent = false, accept = false;
    pb_str trace = request_trace(spec);

    put(pen, spec->method);
    put(pen, pb_lit(" "));
    put(pen, url->target);
    put(pen, pb_lit(" HTTP/1.1\r\nHost: "));
    put(pen, pb_str_make(authority, url_authority(url, authority)));
    put(pen, pb_lit("\r\n"));
    for (uint32_t i = 0; i < spec->header_count; i++) {
        const pb_header *header = &spec->headers[i];
        agent = agent || pb_str_same(header->name, pb_lit("user-agent"));
        accept = accept || pb_str_same(header->name, pb_lit("accept"));
        put(pen, header->name);
        put(pen, pb_lit(": "));
        put(pen, header->value);
        put(pen, pb_lit("\r\n"));
    }
    if (!agent)
        put(pen, pb_lit("User-Agent: patchbay/" PATCHBAY_VERSION "\r\n"));
    if (!accept)
        put(pen, pb_lit("Accept: */*\r\n"));
    if (trace.size) {
        put(pen, pb_lit("traceparent: "));
        put(pen, trace);
        put(pen, pb_lit("\r\n"));
    }
    put_length(pen, spec);
    put(pen, pb_lit("\r\n"));
}

size_t request_head_size(const pb_http_spec *spec, const struct url *url)
{
    struct pen pen = {0};

    walk(&pen, spec, url);
    return pen.size;
}

void request_head_write(const pb_http_spec *spec, const struct url *url, char *out)
{
    struct pen pen = {.at = out};

    walk(&pen, spec, url);
}
