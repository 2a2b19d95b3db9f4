/* answer.c - headers of every answer, and errors in the words of the exchange's dialect. */
#include "http.h"

enum { OWN_HEADERS = 16, HEADERS = OWN_HEADERS + 32 };

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

static void fill(const struct exchange *exchange, struct headers *headers, pb_str type)
{
    const struct source *source = exchange->source;

    headers->count = 0;
    if (type.size)
        add(headers, pb_lit("Content-Type"), type);
    add(headers, pb_lit("X-Request-Id"), exchange->request->id);
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
    if (exchange->origin.size) {
        add(headers, pb_lit("Access-Control-Allow-Origin"), exchange->origin);
        add(headers, pb_lit("Access-Control-Expose-Headers"),
            pb_lit("X-Request-Id, X-Patchbay-Turn, Patchbay-Conversation, Location, Retry-After, "
                   "RateLimit, RateLimit-Policy"));
    }
    if (exchange->http->cors.origins.count)
        add(headers, pb_lit("Vary"), pb_lit("Origin"));
    if (source)
        add_of_stages(headers, source);
}

pb_status answer(struct exchange *exchange, int32_t status, const char *type, pb_str body)
{
    struct headers headers;

    fill(exchange, &headers, pb_str_of(type));
    exchange->answered = true;
    return pb_respond(exchange->request, status, headers.list, headers.count, body);
}

pb_status answer_nothing(struct exchange *exchange)
{
    struct headers headers;

    fill(exchange, &headers, (pb_str){0});
    exchange->answered = true;
    return pb_respond(exchange->request, 204, headers.list, headers.count, pb_lit(""));
}

pb_status answer_write(struct exchange *exchange, pb_str bytes)
{
    return pb_respond_write(exchange->request, bytes);
}

pb_status answer_end(struct exchange *exchange)
{
    return pb_respond_end(exchange->request);
}

pb_status answer_begin(struct exchange *exchange)
{
    struct headers headers;

    fill(exchange, &headers, pb_lit("text/event-stream"));
    exchange->begun = true;
    pb_status status = pb_respond_begin(exchange->request, 200, headers.list, headers.count);
    if (status == PB_OK)
        pb_respond_heartbeat(exchange->request, exchange->http->limits.heartbeat,
                             pb_lit(": still here\n\n"));
    return status;
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

static void add_of_content(struct headers *headers, const pb_content *content)
{
    for (size_t i = 0; i < content->header_count; i++)
        add(headers, content->headers[i].name, content->headers[i].value);
}

pb_status answer_content(struct exchange *exchange, const pb_content *content)
{
    struct headers headers;

    fill(exchange, &headers, content->type.size ? content->type : pb_lit("application/json"));
    add_of_content(&headers, content);
    exchange->answered = true;
    return pb_respond(exchange->request, content->status ? content->status : 200, headers.list,
                      headers.count, content->body);
}

pb_status answer_begin_content(struct exchange *exchange, const pb_content *content)
{
    struct headers headers;
    bool events = pb_str_starts(content->type, pb_lit("text/event-stream"));

    fill(exchange, &headers,
         content->type.size ? content->type : pb_lit("application/octet-stream"));
    if (content->length > 0)
        add(&headers, pb_lit("Content-Length"), pb_printf("%lld", (long long)content->length));
    if (content->file_name.size)
        add(&headers, pb_lit("Content-Disposition"), disposition(content->file_name));
    add_of_content(&headers, content);
    exchange->begun = true;
    pb_status status = pb_respond_begin(exchange->request, content->status ? content->status : 200,
                                        headers.list, headers.count);
    if (status == PB_OK && events)
        pb_respond_heartbeat(exchange->request, exchange->http->limits.heartbeat,
                             pb_lit(": still here\n\n"));
    return status;
}

/* 405 where the path is known, 408 for a late body, 501 for what nobody configured; otherwise what
 * the status says. */
int32_t answer_status(const struct exchange *exchange, const pb_error *error)
{
    if (exchange->allow.size && error->status == PB_UNSUPPORTED)
        return 405;
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
    drop(&headers, wait > 0 ? pb_lit("Retry-After") : (pb_str){0});
    if (wait > 0)
        add(&headers, pb_lit("Retry-After"), pb_printf("%lld", (long long)wait));
    if (status == 401)
        add(&headers, pb_lit("WWW-Authenticate"), pb_lit("Bearer"));
    exchange->dialect->error(&writer, exchange, error, status);
    exchange->answered = true;
    return pb_respond(exchange->request, status, headers.list, headers.count, pb_buf_str(&buf));
}

pb_status answer_error(struct exchange *exchange)
{
    pb_error error = *pb_error_last();

    if (error.status ==
        PB_OK) /* a status without a sentence: a defect, but the client is answered */
        error.status = PB_INTERNAL;
    return answer_failure(exchange, &error);
}
