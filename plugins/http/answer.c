/* answer.c - headers of every answer, and errors: RFC 9457 documents, or OpenAI's own shape. */
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
    exchange->begun = true;
    pb_status status = pb_respond_begin(exchange->request, content->status ? content->status : 200,
                                        headers.list, headers.count);
    if (status == PB_OK && events)
        pb_respond_heartbeat(exchange->request, exchange->http->limits.heartbeat,
                             pb_lit(": still here\n\n"));
    return status;
}

/* What OpenAI's clients know: its types and codes for what it has, our slugs for the rest. */
static void openai_kind(pb_status status, const char **type, const char **code)
{
    *code = pb_status_name(status);
    switch (status) {
    case PB_UNAUTHENTICATED:
        *type = "invalid_request_error";
        *code = "invalid_api_key";
        return;
    case PB_FORBIDDEN:
        *type = "permission_error";
        return;
    case PB_RATE_LIMITED:
        *type = "rate_limit_error";
        *code = "rate_limit_exceeded";
        return;
    case PB_INVALID:
        *type = "invalid_request_error";
        *code = NULL;
        return;
    default:
        *type = pb_status_http(status) < 500 ? "invalid_request_error" : "server_error";
    }
}

void openai_error_write(pb_json_writer *writer, const struct exchange *exchange,
                        const pb_error *error)
{
    const char *type, *code;
    pb_str sentence = error->sentence;

    openai_kind(error->status, &type, &code);
    if (exchange->late)
        type = "invalid_request_error";
    if (!sentence.size)
        sentence = pb_str_of(pb_status_title(error->status));
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "message", sentence);
    pb_jw_member(writer, "type", pb_str_of(type));
    pb_jw_member(writer, "param", pointer_as_param(error->pointer));
    pb_jw_member(writer, "code", exchange->code.size ? exchange->code : pb_str_of(code));
    pb_jw_close(writer, '}');
}

/* 405 where the path is known, 408 for a late body, 501 for what nobody configured; otherwise what
 * the status says. */
static int32_t http_status(const struct exchange *exchange, const pb_error *error)
{
    if (exchange->allow.size && error->status == PB_UNSUPPORTED)
        return 405;
    if (exchange->late && error->status == PB_TIMEOUT)
        return 408;
    if (exchange->unable && error->status == PB_UNSUPPORTED)
        return 501;
    return pb_status_http(error->status);
}

/* The request that a failure is about: of a kept turn the one that launched it. */
static pb_str request_of(const struct exchange *exchange)
{
    const struct source *source = exchange->source;

    return source && source->info.request_id.size ? source->info.request_id : exchange->request->id;
}

/* One whose status is not what its kind usually has. */
static void problem_write_other(pb_json_writer *writer, const struct exchange *exchange,
                                const pb_error *error, int32_t status)
{
    bool method = status == 405;
    const char *name = method ? "method_not_allowed" : pb_status_name(error->status);

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type", pb_printf("/problems/%s", name));
    pb_jw_member(writer, "title",
                 pb_str_of(method ? "Method not allowed" : pb_status_title(error->status)));
    pb_jw_count(writer, "status", status);
    pb_jw_member(writer, "detail", error->sentence);
    pb_jw_member(writer, "instance", exchange->request->id);
    pb_jw_close(writer, '}');
}

static void problem_write(pb_json_writer *writer, const struct exchange *exchange,
                          const pb_error *error, int32_t status)
{
    if (status != pb_status_http(error->status))
        problem_write_other(writer, exchange, error, status);
    else
        pb_problem_write(writer->buf, error, request_of(exchange), exchange->faults,
                         exchange->fault_count);
}

pb_status answer_failure(struct exchange *exchange, const pb_error *error)
{
    struct headers headers;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    int32_t status = http_status(exchange, error);
    int64_t wait = pb_retry_seconds(error);

    fill(exchange, &headers,
         exchange->openai ? pb_lit("application/json") : pb_lit(PB_PROBLEM_TYPE));
    drop(&headers, wait > 0 ? pb_lit("Retry-After") : (pb_str){0});
    if (wait > 0)
        add(&headers, pb_lit("Retry-After"), pb_printf("%lld", (long long)wait));
    if (status == 401)
        add(&headers, pb_lit("WWW-Authenticate"), pb_lit("Bearer"));
    if (exchange->openai) {
        pb_jw_open(&writer, '{');
        pb_jw_key(&writer, "error");
        openai_error_write(&writer, exchange, error);
        pb_jw_close(&writer, '}');
    } else {
        problem_write(&writer, exchange, error, status);
    }
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
