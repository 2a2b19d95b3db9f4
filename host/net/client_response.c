/* client_response.c - see client_response.h. llhttp calls back with pieces of the bytes being fed. */
#include "net/client_response.h"

static struct response *of(llhttp_t *parser)
{
    return parser->data;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    struct response *response = of(parser);

    if (response->http->header_done) { /* a trailer */
        response->skipped += size;
        return response->skipped > EXCHANGE_HEADER_BYTES ? HPE_USER : 0;
    }
    return exchange_header_piece(response->http, pb_str_make(at, size)) ? 0 : HPE_USER;
}

/* The reason phrase, chunk extensions. */
static int on_extra(llhttp_t *parser, const char *at, size_t size)
{
    struct response *response = of(parser);

    (void)at;
    response->skipped += size;
    return response->skipped > EXCHANGE_HEADER_BYTES ? HPE_USER : 0;
}

static int on_name_end(llhttp_t *parser)
{
    struct pb_http *http = of(parser)->http;

    if (http->header_done)
        return 0;
    if (++http->header_count > EXCHANGE_HEADERS) {
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' sent more than %d headers", http->host,
                      EXCHANGE_HEADERS);
        return HPE_USER;
    }
    return exchange_header_piece(http, pb_str_make("", 1)) ? 0 : HPE_USER;
}

static int on_value_end(llhttp_t *parser)
{
    struct pb_http *http = of(parser)->http;
    struct buf *headers = &http->headers;

    if (http->header_done)
        return 0;
    while (headers->size && strchr(" \t", headers->data[headers->size - 1]) &&
           headers->data[headers->size - 1])
        headers->size--;
    return exchange_header_piece(http, pb_str_make("", 1)) ? 0 : HPE_USER;
}

/* 1: there is no body, whatever the header says. */
static int on_header_end(llhttp_t *parser)
{
    struct response *response = of(parser);
    struct pb_http *http = response->http;
    int status = parser->status_code;

    if (parser->http_major != 1 || status == 101 || status < 100) {
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' answered with another protocol than HTTP/1.1",
                      http->host);
        return -1;
    }
    if (status < 200)
        return 1;
    if ((parser->flags & F_TRANSFER_ENCODING) && !(parser->flags & F_CHUNKED)) {
        exchange_fail(http, PB_BAD_UPSTREAM,
                      "'%s' sent a body with a transfer encoding other than chunked", http->host);
        return -1;
    }
    http->status = status;
    if (!exchange_header_done(http))
        return -1;
    if (response->to_head || status == 204 || status == 304)
        return 1;
    if ((parser->flags & F_CONTENT_LENGTH) && !(parser->flags & F_CHUNKED) &&
        parser->content_length > (uint64_t)http->max_body) {
        exchange_fail(http, PB_TOO_LARGE, "the answer of '%s' is larger than %lld bytes", http->host,
                      (long long)http->max_body);
        return -1;
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct response *response = of(parser);
    size_t more = (size_t)(response->end - at) - size;

    response->skipped = 0;
    return exchange_body(response->http, pb_str_make(at, size), more) ? 0 : HPE_USER;
}

static int on_end(llhttp_t *parser)
{
    struct response *response = of(parser);
    struct pb_http *http = response->http;

    if (!http->header_done) { /* 1xx: the answer is still to come */
        response->skipped += http->headers.size + 16;
        http->headers.size = 0;
        http->header_count = 0;
        return response->skipped > EXCHANGE_HEADER_BYTES ? HPE_USER : 0;
    }
    response->keep = llhttp_should_keep_alive(parser) &&
                     (parser->flags & (F_CHUNKED | F_CONTENT_LENGTH)) != (F_CHUNKED | F_CONTENT_LENGTH);
    exchange_complete(http);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_status = on_extra,
    .on_chunk_extension_name = on_extra,
    .on_chunk_extension_value = on_extra,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_end,
    .on_header_value = on_name,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_header_end,
    .on_body = on_body,
    .on_message_complete = on_end,
};

void response_begin(struct response *response, struct pb_http *http, bool to_head)
{
    llhttp_init(&response->parser, HTTP_RESPONSE, &settings);
    response->parser.data = response;
    response->http = http;
    response->skipped = 0;
    response->to_head = to_head;
    response->keep = false;
}

bool response_feed(struct response *response, const char *data, size_t size)
{
    struct pb_http *http = response->http;

    response->end = data + size;
    llhttp_errno_t result = llhttp_execute(&response->parser, data, size);
    if (http->complete) {
        if (llhttp_get_error_pos(&response->parser) != data + size)
            response->keep = false; /* nobody asked for more */
        return false;
    }
    if (result == HPE_OK)
        return true;
    if (response->skipped > EXCHANGE_HEADER_BYTES)
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' sent more than %d kB around its answer",
                      http->host, EXCHANGE_HEADER_BYTES >> 10);
    exchange_fail(http, PB_BAD_UPSTREAM, "'%s' did not answer in HTTP: %s", http->host,
                  llhttp_get_error_reason(&response->parser));
    return false;
}

void response_end(struct response *response, bool clean, const char *sentence)
{
    struct pb_http *http = response->http;

    if (http->complete || http->failed)
        return;
    if (clean && http->header_done && llhttp_message_needs_eof(&response->parser) &&
        llhttp_finish(&response->parser) != HPE_INVALID_EOF_STATE && http->complete) {
        response->keep = false;
        return;
    }
    exchange_fail(http, PB_BAD_UPSTREAM, "'%s' broke off its answer: %s", http->host, sentence);
}
