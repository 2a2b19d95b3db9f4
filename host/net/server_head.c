/* server_head.c - see server_head.h: the head. RFC 9112. */
#include "net/server_head.h"

#include "base/trace_context.h"
#include <string.h>

/* --- where the head ends ---------------------------------------------------------------------- */

size_t head_size(const char *data, size_t size, size_t *scanned)
{
    const char *at = data + *scanned, *end = data + size;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        /* A bare LF ends a line here too, so that it is refused rather than waited for. */
        if (at + 1 < end && at[1] == '\n')
            return (size_t)(at + 2 - data);
        if (at + 2 < end && at[1] == '\r' && at[2] == '\n')
            return (size_t)(at + 3 - data);
        if (at + 2 >= end)
            break;
        at++;
    }
    *scanned = at ? (size_t)(at - data) : size;
    return 0;
}

size_t head_blank(const char *data, size_t size)
{
    size_t at = 0;

    while (at + 1 < size && data[at] == '\r' && data[at + 1] == '\n')
        at += 2;
    return at;
}

static bool is_token(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

bool head_plausible(const char *data, size_t size)
{
    return size == 0 || is_token(data[0]) || (data[0] == '\r' && (size == 1 || data[1] == '\n'));
}

/* --- parsing ---------------------------------------------------------------------------------- */

static bool refuse(struct request_head *head, int status, const char *sentence)
{
    if (!head->status) {
        head->status = status;
        head->sentence = sentence;
    }
    return false;
}

static int on_target(llhttp_t *parser, const char *at, size_t size)
{
    struct request_head *head = parser->data;

    if (head->target.data)
        head->target.size += size;
    else
        head->target = pb_str_make(at, size);
    return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    struct request_head *head = parser->data;

    if (head->header_count == HEAD_HEADERS_MOST) {
        refuse(head, 431, "the request has too many headers");
        return -1;
    }
    head->headers[head->header_count++] =
        (pb_header){.name = pb_str_make(at, size), .value = PB_LIT("")};
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct request_head *head = parser->data;

    head->headers[head->header_count - 1].value = pb_str_trim(pb_str_make(at, size));
    return 0;
}

static int on_end_of_head(llhttp_t *parser)
{
    struct request_head *head = parser->data;

    head->keep_alive = llhttp_should_keep_alive(parser) == 1;
    parser->upgrade = 0; /* offers of other protocols are not taken up */
    return HPE_PAUSED;
}

/* Every line ends with CR LF, there is no other CR or LF and no NUL, and no line begins blank
 * (folded headers) or with a colon (llhttp would give its value to the header before). */
static bool clean_lines(const char *data, size_t size)
{
    const char *at = data, *end = data + size;

    if (memchr(data, 0, size))
        return false;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line || line == at || line[-1] != '\r' || *at == ' ' || *at == '\t' || *at == ':')
            return false;
        if (memchr(at, '\r', (size_t)(line - 1 - at)))
            return false;
        at = line + 1;
    }
    return true;
}

/* "METHOD target HTTP/1.x": llhttp would let other protocols and more spaces pass. */
static bool read_request_line(struct request_head *head, pb_str line)
{
    size_t space = pb_str_find(line, ' ');
    pb_str rest = pb_str_slice(line, space + 1, line.size);
    size_t second = pb_str_find(rest, ' ');
    pb_str version = pb_str_slice(rest, second + 1, rest.size);

    head->method = pb_str_slice(line, 0, space);
    for (size_t i = 0; i < space; i++)
        if (!is_token(line.data[i]))
            return refuse(head, 400, "the request line is malformed");
    if (!space || !second || second == rest.size || version.size != 8 ||
        !pb_str_starts(version, pb_lit("HTTP/")) || version.data[6] != '.' ||
        version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0' ||
        version.data[7] > '9')
        return refuse(head, 400, "the request line is malformed");
    if (version.data[5] != '1' || version.data[7] > '1')
        return refuse(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->old = version.data[7] == '0';
    head->head = pb_str_is(head->method, "HEAD");
    return true;
}

/* Origin form, absolute form, or "*" for OPTIONS. */
static bool read_target(struct request_head *head)
{
    pb_str target = head->target, path = target;
    size_t question;

    for (size_t i = 0; i < target.size; i++)
        if ((unsigned char)target.data[i] <= ' ' || (unsigned char)target.data[i] >= 127 ||
            target.data[i] == '#')
            return refuse(head, 400, "the request's target has characters that must be escaped");
    if (pb_str_is(head->method, "CONNECT"))
        return refuse(head, 501, "CONNECT is not offered here");
    if (pb_str_same(pb_str_slice(target, 0, 7), pb_lit("http://")) ||
        pb_str_same(pb_str_slice(target, 0, 8), pb_lit("https://"))) {
        size_t authority = target.data[4] == ':' ? 7 : 8;
        pb_str after = pb_str_slice(target, authority, target.size);
        size_t slash = pb_str_find(after, '/'), query = pb_str_find(after, '?');
        path = pb_str_slice(after, slash < query ? slash : query, after.size);
        if (path.size == 0)
            path = pb_lit("/");
    } else if (target.size == 0 ||
               (target.data[0] != '/' &&
                !(pb_str_is(target, "*") && pb_str_is(head->method, "OPTIONS")))) {
        return refuse(head, 400, "the request's target must begin with '/'");
    }
    question = pb_str_find(path, '?');
    head->path = question ? pb_str_slice(path, 0, question) : pb_lit("/");
    if (question < path.size)
        head->query = pb_str_slice(path, question + 1, path.size);
    return true;
}

static bool valid_id(pb_str id)
{
    if (id.size == 0 || id.size > 64)
        return false;
    for (size_t i = 0; i < id.size; i++) {
        char byte = id.data[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-'))
            return false;
    }
    return true;
}

/* What the headers that matter here were seen to say. */
struct seen {
    int hosts, lengths, encodings, traces;
    pb_str host, encoding, expect;
};

static void look_at(struct request_head *head, struct seen *seen, const pb_header *header)
{
    switch (header->name.size) {
    case 4:
        if (pb_str_same(header->name, pb_lit("host"))) {
            seen->hosts++;
            seen->host = header->value;
        }
        break;
    case 6:
        if (pb_str_same(header->name, pb_lit("expect")))
            seen->expect = header->value;
        break;
    case 11:
        if (pb_str_same(header->name, pb_lit("traceparent"))) {
            bool fine = seen->traces++ == 0 && trace_context_valid(header->value);
            head->trace = fine ? header->value : pb_str_make(NULL, 0);
        }
        break;
    case 12:
        if (pb_str_same(header->name, pb_lit("x-request-id")) && valid_id(header->value))
            head->id = header->value;
        break;
    case 14:
        if (pb_str_same(header->name, pb_lit("content-length")))
            seen->lengths++;
        break;
    case 17:
        if (pb_str_same(header->name, pb_lit("transfer-encoding"))) {
            seen->encodings++;
            seen->encoding = header->value;
        }
        break;
    }
}

static bool plain_host(pb_str host)
{
    for (size_t i = 0; i < host.size; i++)
        if ((unsigned char)host.data[i] <= ' ' || (unsigned char)host.data[i] >= 127 ||
            strchr("/?#@\\,\"<>", host.data[i]))
            return false;
    return true;
}

static bool read_headers(struct request_head *head)
{
    struct seen seen = {0};

    for (uint32_t i = 0; i < head->header_count; i++)
        look_at(head, &seen, &head->headers[i]);
    if (seen.hosts > 1 || (seen.hosts == 0 && !head->old) || !plain_host(seen.host))
        return refuse(head, 400, "the request needs one Host header");
    if (seen.lengths > 1 || (seen.lengths && seen.encodings))
        return refuse(head, 400, "the request's length is ambiguous");
    if (seen.encodings && head->old)
        return refuse(head, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (seen.encodings && (seen.encodings > 1 || !pb_str_same(seen.encoding, pb_lit("chunked"))))
        return refuse(head, 501, "no Transfer-Encoding but chunked is understood here");
    if (head->old && !seen.lengths &&
        (pb_str_is(head->method, "POST") || pb_str_is(head->method, "PUT")))
        return refuse(head, 411, "the request needs a Content-Length");
    head->expects_continue = !head->old && pb_str_same(seen.expect, pb_lit("100-continue"));
    if (seen.expect.size && !head->old && !head->expects_continue)
        return refuse(head, 417, "only 100-continue can be expected");
    head->chunked = seen.encodings != 0;
    head->content_length = seen.lengths ? (int64_t)head->parser.content_length : 0;
    if (head->content_length < 0)
        return refuse(head, 413, "the request's body is too large");
    return true;
}

static bool explain(struct request_head *head, enum llhttp_errno error)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return refuse(head, 501, "the request's method is not known here");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return refuse(head, 400, "the request's length is ambiguous");
    case HPE_INVALID_CONTENT_LENGTH:
        return refuse(head, 400, "the request's Content-Length is malformed");
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(head, 400, "the request's Transfer-Encoding is malformed");
    case HPE_INVALID_URL:
        return refuse(head, 400, "the request's target is malformed");
    default:
        return refuse(head, 400, "the request's header is malformed");
    }
}

bool head_parse(const char *data, size_t size, struct request_head *out)
{
    static llhttp_settings_t settings;
    enum llhttp_errno error;

    if (!settings.on_url) {
        llhttp_settings_init(&settings);
        settings.on_url = on_target;
        settings.on_header_field = on_name;
        settings.on_header_value = on_value;
        settings.on_headers_complete = on_end_of_head;
    }
    memset(out, 0, offsetof(struct request_head, headers));
    memset(&out->header_count, 0, sizeof *out - offsetof(struct request_head, header_count));
    if (!clean_lines(data, size))
        return refuse(out, 400, "the request's lines must end with CR LF and hold no NUL");
    if (!read_request_line(out, pb_str_make(data, pb_str_find(pb_str_make(data, size), '\r'))))
        return false;
    llhttp_init(&out->parser, HTTP_REQUEST, &settings);
    out->parser.data = out;
    error = llhttp_execute(&out->parser, data, size);
    if (error != HPE_PAUSED)
        return explain(out, error);
    return read_target(out) && read_headers(out);
}
