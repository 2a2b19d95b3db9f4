/* answer.c - headers of every answer, and errors in the words of the exchange's dialect. */
#include "negotiate.h"

enum { OWN_HEADERS = 24, HEADERS = OWN_HEADERS + 32 };

struct headers {
    pb_header list[HEADERS];
    size_t count;
};

static void add(struct headers *headers, pb_str name, pb_str value)
{
    if (headers->count < HEADERS)
        headers->list[headers->count++] = (pb_header){name, value};
}

/* A stage's Retry-After gives way to that of the failure. */
static void drop(struct headers *headers, pb_str name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (pb_str_same(headers->list[i].name, name))
            headers->list[i--] = headers->list[--headers->count];
}

/* What the stages of the turn set; what the transport says itself they cannot change. */
static void add_of_stages(struct headers *headers, const struct source *source)
{
    size_t count = source->about.header_count, own = headers->count;
    const pb_header *list =
        source->turn ? pb_turn_headers(source->turn, &count) : source->about.headers;

    for (size_t i = 0; i < count; i++) {
        bool taken = false;
        for (size_t j = 0; j < own; j++)
            taken = taken || pb_str_same(headers->list[j].name, list[i].name);
        if (!taken)
            add(headers, list[i].name, list[i].value);
    }
}

/* A page or a file: a browser that opens it must not run it as one of ours. Data nobody opens. */
static void add_of_page(struct headers *headers, pb_str type)
{
    if (pb_str_starts(type, pb_lit("application/json")) ||
        pb_str_starts(type, pb_lit("text/event-stream")) || pb_str_ends(type, pb_lit("+json")))
        return;
    add(headers, pb_lit("Content-Security-Policy"),
        pb_lit("default-src 'none'; frame-ancestors 'none'; sandbox"));
    add(headers, pb_lit("X-Frame-Options"), pb_lit("DENY"));
    add(headers, pb_lit("Referrer-Policy"), pb_lit("no-referrer"));
    add(headers, pb_lit("Cross-Origin-Resource-Policy"), pb_lit("same-origin"));
}

static void add_of_cors(const struct exchange *exchange, struct headers *headers)
{
    if (exchange->origin.size) {
        add(headers, pb_lit("Access-Control-Allow-Origin"), exchange->origin);
        if (exchange->http->cors.credentials)
            add(headers, pb_lit("Access-Control-Allow-Credentials"), pb_lit("true"));
        add(headers, pb_lit("Access-Control-Expose-Headers"),
            pb_lit("X-Request-Id, request-id, X-Patchbay-Turn, Patchbay-Conversation, "
                   "Patchbay-Ignored, Mcp-Session-Id, ETag, Link, Location, Allow, Retry-After, "
                   "RateLimit, RateLimit-Policy, Content-Disposition, traceresponse"));
    }
    if (exchange->http->cors.origins.count)
        add(headers, pb_lit("Vary"), pb_lit("Origin"));
}

/* What would have been taken, of a 415. */
static void add_of_refusal(const struct exchange *exchange, struct headers *headers)
{
    if (exchange->refused_coding)
        add(headers, pb_lit("Accept-Encoding"), pb_lit("gzip, zstd, identity"));
    if (exchange->refused_type)
        add(headers,
            pb_str_is(exchange->request->method, "PATCH") ? pb_lit("Accept-Patch")
                                                          : pb_lit("Accept-Post"),
            pb_lit("application/json"));
}

static void fill(const struct exchange *exchange, struct headers *headers, pb_str type)
{
    const struct source *source = exchange->source;

    headers->count = 0;
    if (type.size)
        add(headers, pb_lit("Content-Type"), type);
    add(headers, pb_lit("X-Request-Id"), exchange->request->id);
    if (exchange->dialect->id_header.size)
        add(headers, exchange->dialect->id_header, exchange->request->id);
    add(headers, pb_lit("Cache-Control"), pb_lit("no-store"));
    add(headers, pb_lit("X-Content-Type-Options"), pb_lit("nosniff"));
    if (source && source->info.id.size)
        add(headers, pb_lit("X-Patchbay-Turn"), source->info.id);
    if (source && source->info.conversation.size)
        add(headers, pb_lit("Patchbay-Conversation"), source->info.conversation);
    if (exchange->location.size)
        add(headers, pb_lit("Location"), exchange->location);
    if (exchange->allow.size)
        add(headers, pb_lit("Allow"), exchange->allow);
    if (exchange->request->traced)
        add(headers, pb_lit("traceresponse"), exchange->request->trace);
    if (exchange->http->hsts.size && exchange->request->secure)
        add(headers, pb_lit("Strict-Transport-Security"), exchange->http->hsts);
    add_of_page(headers, type);
    add_of_cors(exchange, headers);
    if (source)
        add_of_stages(headers, source);
}

static pb_header *find(struct headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (pb_str_same(headers->list[i].name, pb_str_of(name)))
            return &headers->list[i];
    return NULL;
}

/* The client has it already. */
static bool is_known(const struct exchange *exchange, int32_t status, struct headers *headers)
{
    const pb_header *etag = status == 200 && exchange_reads(exchange) ? find(headers, "etag") : NULL;

    return etag && client_has(exchange, etag->value);
}

/* Packed bytes are another representation: its ETag is another, from which ours can be told. */
static void pack(const struct exchange *exchange, struct headers *headers, pb_str *body)
{
    const pb_header *type = find(headers, "content-type");
    pb_header *etag;

    if (!body->size || !type || !type_compresses(type->value) || find(headers, "content-encoding"))
        return;
    add(headers, pb_lit("Vary"), pb_lit("Accept-Encoding"));
    enum coding coding = compress_body(exchange, body);
    if (coding == CODING_NONE)
        return;
    add(headers, pb_lit("Content-Encoding"), pb_str_of(coding_name(coding)));
    if ((etag = find(headers, "etag")) && pb_str_ends(etag->value, pb_lit("\"")))
        etag->value = pb_printf("%.*s-%s\"", (int)etag->value.size - 1, etag->value.data,
                                coding_name(coding));
}

/* The only places that write: to the connection, or to whoever called from inside. */
static pb_status respond(struct exchange *exchange, int32_t status, struct headers *headers,
                         pb_str body)
{
    exchange->answered = true;
    if (!exchange->inside && is_known(exchange, status, headers)) {
        drop(headers, pb_lit("Content-Type"));
        return pb_respond(exchange->request, 304, headers->list, headers->count, pb_lit(""));
    }
    if (!exchange->inside && (exchange->must_pack || compress_worth(body.size)))
        pack(exchange, headers, &body);
    if (!exchange->inside)
        return pb_respond(exchange->request, status, headers->list, headers->count, body);
    pb_status result = inside_begin(exchange, status, headers->list, headers->count);
    return result == PB_OK ? inside_write(exchange, body) : result;
}

static pb_status begin(struct exchange *exchange, int32_t status, const struct headers *headers,
                       bool events)
{
    exchange->begun = true;
    if (exchange->inside)
        return inside_begin(exchange, status, headers->list, headers->count);
    pb_status result = pb_respond_begin(exchange->request, status, headers->list, headers->count);
    if (result == PB_OK && events)
        pb_respond_heartbeat(exchange->request, exchange->http->limits.heartbeat,
                             exchange->dialect->heartbeat.size ? exchange->dialect->heartbeat
                                                               : pb_lit(": still here\n\n"));
    return result;
}

pb_status answer_write(struct exchange *exchange, pb_str bytes)
{
    return exchange->inside ? inside_write(exchange, bytes)
                            : pb_respond_write(exchange->request, bytes);
}

pb_status answer_end(struct exchange *exchange)
{
    return exchange->inside ? (pb_status)PB_OK : pb_respond_end(exchange->request);
}

void answer_overdue(struct exchange *exchange, pb_duration after, void (*fn)(void *arg), void *arg)
{
    if (!exchange->inside)
        pb_respond_overdue(exchange->request, after, fn, arg);
}

pb_status answer(struct exchange *exchange, int32_t status, const char *type, pb_str body)
{
    struct headers headers;

    fill(exchange, &headers, pb_str_of(type));
    return respond(exchange, status, &headers, body);
}

pb_status answer_nothing(struct exchange *exchange)
{
    struct headers headers;

    fill(exchange, &headers, (pb_str){0});
    return respond(exchange, 204, &headers, pb_lit(""));
}

pb_status answer_begin(struct exchange *exchange)
{
    struct headers headers;

    fill(exchange, &headers, pb_lit("text/event-stream"));
    return begin(exchange, 200, &headers, true);
}

static void add_plain(pb_buf *buf, pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        pb_buf_byte(buf, c < ' ' || c > '~' || c == '"' || c == '\\' || c == '/' ? '_' : (char)c);
    }
}

/* RFC 6266: for those who know it the name in UTF-8, for the others what of it is ASCII. */
static pb_str disposition(pb_str name)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, pb_lit("attachment; filename=\""));
    add_plain(&buf, name);
    pb_buf_add(&buf, pb_lit("\"; filename*=UTF-8''"));
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     (c && strchr("-._~", c));
        if (plain)
            pb_buf_byte(&buf, (char)c);
        else
            pb_buf_printf(&buf, "%%%02X", c);
    }
    return pb_buf_str(&buf);
}

/* What an operation says goes before what is said of all answers. */
static void add_of_content(struct headers *headers, const pb_content *content)
{
    for (size_t i = 0; i < content->header_count; i++) {
        const pb_header *header = &content->headers[i];
        if (pb_str_same(header->name, pb_lit("etag"))) { /* to be asked for again, by who may see it */
            drop(headers, pb_lit("Cache-Control"));
            add(headers, pb_lit("Cache-Control"), pb_lit("private, no-cache"));
        }
        if (!pb_str_same(header->name, pb_lit("vary")))
            drop(headers, header->name);
        add(headers, header->name, header->value);
    }
}

/* What reads was not refused by Accept before it was known what there is. */
static pb_status check_type(struct exchange *exchange, const pb_content *content, pb_str type)
{
    if (exchange->inside || !exchange_reads(exchange) || content->status >= 300 ||
        pb_str_starts(type, pb_lit("text/event-stream")) || client_takes(exchange, type))
        return PB_OK;
    return not_acceptable(type);
}

pb_status answer_content(struct exchange *exchange, const pb_content *content)
{
    pb_str type = content->type.size ? content->type : pb_lit("application/json");
    struct headers headers;

    if (check_type(exchange, content, type) != PB_OK)
        return answer_error(exchange);
    fill(exchange, &headers, content->status == 204 ? (pb_str){0} : type);
    add_of_content(&headers, content);
    return respond(exchange, content->status ? content->status : 200, &headers, content->body);
}

pb_status answer_begin_content(struct exchange *exchange, const pb_content *content)
{
    pb_str type = content->type.size ? content->type : pb_lit("application/octet-stream");
    struct headers headers;
    bool events = pb_str_starts(content->type, pb_lit("text/event-stream"));

    if (check_type(exchange, content, type) != PB_OK)
        return answer_error(exchange);
    fill(exchange, &headers, type);
    if (content->length > 0)
        add(&headers, pb_lit("Content-Length"), pb_printf("%lld", (long long)content->length));
    if (content->file_name.size)
        add(&headers, pb_lit("Content-Disposition"), disposition(content->file_name));
    add_of_content(&headers, content);
    if (!exchange->inside && is_known(exchange, content->status ? content->status : 200, &headers))
        return respond(exchange, 200, &headers, pb_lit(""));
    return begin(exchange, content->status ? content->status : 200, &headers, events);
}

/* 408 for a late body, 501 for what nobody configured; otherwise what
 * the status says. */
int32_t answer_status(const struct exchange *exchange, const pb_error *error)
{
    if (exchange->late && error->status == PB_TIMEOUT)
        return 408;
    if (exchange->unable && error->status == PB_UNSUPPORTED)
        return 501;
    return pb_status_http(error->status);
}

pb_status answer_failure(struct exchange *exchange, const pb_error *error)
{
    struct headers headers;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    int32_t status = answer_status(exchange, error);
    int64_t wait = pb_retry_seconds(error);

    fill(exchange, &headers, pb_str_of(exchange->dialect->type));
    add_of_refusal(exchange, &headers);
    drop(&headers, wait > 0 ? pb_lit("Retry-After") : (pb_str){0});
    if (wait > 0)
        add(&headers, pb_lit("Retry-After"), pb_printf("%lld", (long long)wait));
    if (status == 401)
        add(&headers, pb_lit("WWW-Authenticate"), pb_lit("Bearer"));
    exchange->dialect->error(&writer, exchange, error, status);
    return respond(exchange, status, &headers, pb_buf_str(&buf));
}

pb_status answer_error(struct exchange *exchange)
{
    pb_error error = *pb_error_last();

    if (error.status ==
        PB_OK) /* a status without a sentence: a defect, but the client is answered */
        error.status = PB_INTERNAL;
    return answer_failure(exchange, &error);
}
