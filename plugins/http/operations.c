/* operations.c - a request that is an operation's: its body whole or as it comes, its answer in one
 * piece or as it is written. */
#include "negotiate.h"

struct upload {
    pb_reader base;
    struct exchange *exchange;
};

static pb_status read_upload(pb_reader *base, pb_bytes *out)
{
    struct exchange *exchange = ((struct upload *)(void *)base)->exchange;
    pb_status status = pb_request_read(exchange->request, out);

    exchange->late = status == PB_TIMEOUT;
    return status;
}

struct sending {
    pb_writer base;
    struct exchange *exchange;
    const pb_content *content; /* its header is not out yet */
};

static pb_status begin(struct sending *sending)
{
    const pb_content *content = sending->content;

    sending->content = NULL;
    return answer_begin_content(sending->exchange, content);
}

static pb_status write_answer(pb_writer *base, pb_bytes bytes)
{
    struct sending *sending = (struct sending *)(void *)base;
    pb_status status = sending->content && bytes.size ? begin(sending) : (pb_status)PB_OK;

    return status == PB_OK ? answer_write(sending->exchange,
                                          pb_str_make((const char *)bytes.data, bytes.size))
                           : status;
}

/* The header goes out with the first byte: until then a failure is the answer. Readers have it before
 * (what they have already is not sent again), and so has who waits for events. */
static pb_status send_content(struct exchange *exchange, const pb_content *content)
{
    struct sending sending = {.base = {.size = (uint32_t)sizeof(pb_writer), .write = write_answer},
                              .exchange = exchange,
                              .content = content};
    bool first = exchange_reads(exchange) ||
                 pb_str_starts(content->type, pb_lit("text/event-stream"));
    pb_status status = first ? begin(&sending) : (pb_status)PB_OK;

    if (exchange->answered) /* the client has it, or does not take it */
        return status;
    if (status == PB_OK)
        status = content->send(content->arg, &sending.base);
    if (status != PB_OK && sending.content)
        return answer_error(exchange);
    if (status == PB_OK && sending.content) /* nothing was written */
        status = begin(&sending);
    return status == PB_OK ? answer_end(exchange) : status;
}

bool exchange_reads(const struct exchange *exchange)
{
    return pb_str_is(exchange->request->method, "GET") || pb_str_is(exchange->request->method, "HEAD");
}

/* What changes something is refused before it does, by the types that are described; what only reads by
 * the answer that it has (answer.c). */
static pb_status check_accept(const struct exchange *exchange, const pb_operation *operation)
{
    pb_str types = operation->output_type ? pb_str_of(operation->output_type)
                                          : pb_lit("application/json");

    if (exchange_reads(exchange) || (operation->handle && !operation->output) ||
        client_takes(exchange, types))
        return PB_OK;
    return not_acceptable(types);
}

/* Files come as they are: nobody unpacks them. */
static pb_status body_check_plain(struct exchange *exchange)
{
    pb_str coding = pb_request_header(exchange->request, "content-encoding");

    if (!coding.size || pb_str_same(coding, pb_lit("identity")))
        return PB_OK;
    exchange->refused_coding = true;
    return pb_fail(PB_UNSUPPORTED, "a file is sent as it is, without Content-Encoding");
}

static pb_status read_body(struct exchange *exchange, const pb_operation *operation,
                           struct upload *upload, pb_call *call)
{
    pb_status status;

    if (!operation->upload) {
        status = body_read(exchange, &call->body);
        if (status != PB_OK || exchange_reads(exchange))
            return status;
        return !call->body.size             ? access_check_page(exchange)
               : operation->input_type     ? (pb_status)PB_OK
                                            : body_check_type(exchange);
    }
    upload->base.size = (uint32_t)sizeof(pb_reader);
    upload->base.read = read_upload;
    upload->exchange = exchange;
    call->reader = &upload->base;
    if ((status = body_check_plain(exchange)) != PB_OK)
        return status;
    return access_check_page(exchange);
}

static const struct dialect *dialect_named(const char *name)
{
    return strcmp(name, "openai") == 0      ? &openai_dialect
           : strcmp(name, "anthropic") == 0 ? &anthropic_dialect
                                            : &native_dialect;
}

pb_status operation_run(struct exchange *exchange, const pb_operation *operation)
{
    pb_request *request = exchange->request;
    pb_content content = {.size = (uint32_t)sizeof content};
    struct upload upload;
    pb_call call = {
        .size = (uint32_t)sizeof call,
        .match = &exchange->match,
        .query = request->query,
        .request_id = request->id,
        .type = pb_request_header(request, "content-type"),
        .headers = request->headers,
        .header_count = request->header_count,
        .remote = request->remote,
    };

    if (operation->dialect)
        exchange->dialect = dialect_named(operation->dialect);
    if (!operation->public_access) {
        if (access_authenticate(exchange) != PB_OK)
            return answer_error(exchange);
        call.principal = &exchange->principal;
    }
    if (check_accept(exchange, operation) != PB_OK ||
        read_body(exchange, operation, &upload, &call) != PB_OK)
        return answer_error(exchange);
    /* A failure leaves its problem document in the content. */
    pb_status status = pb_operation_call(operation, &call, &content);
    if (status != PB_OK && (!content.body.size || exchange->late || operation->dialect))
        return answer_error(exchange);
    return content.send ? send_content(exchange, &content) : answer_content(exchange, &content);
}
