/* turns.c - POST /v1/turns: a turn of the native API, answered whole. Streams are turns_stream.c.
 */
#include "native/native.h"

struct whole {
    pb_sink base;
    struct exchange *exchange;
    pb_reply reply;
};

static pb_status answer_done(struct whole *whole, const pb_turn_result *result)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_reply_write(&writer, &whole->reply, &whole->exchange->source->info, result);
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(whole->exchange, 200, "application/json", pb_buf_str(&buf));
}

static pb_status whole_emit(pb_sink *sink, const pb_event *event)
{
    struct whole *whole = (struct whole *)sink;

    if (event->type != PB_EVENT_DONE)
        return pb_reply_note(&whole->reply, event);
    if (event->result->status == PB_OK)
        return answer_done(whole, event->result);
    if (event->result->error)
        return answer_failure(whole->exchange, event->result->error);
    return answer_error(whole->exchange);
}

static pb_status answer_whole(struct exchange *exchange)
{
    struct whole whole = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = whole_emit},
        .exchange = exchange,
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = source_run(exchange, &whole.base);

    pb_reply_end(&whole.reply);
    return status;
}

/* A detached turn that nobody reads along: where it will be found. The same for each request with
 * its key. */
static pb_status answer_launched(struct exchange *exchange)
{
    const pb_turn_info *info = &exchange->source->info;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", info->id);
    pb_jw_member(&writer, "status", pb_lit("running"));
    pb_jw_member(&writer, "conversation", info->conversation);
    pb_jw_member(&writer, "pipeline", info->pipeline);
    pb_jw_close(&writer, '}');
    exchange->location = pb_printf("/v1/turns/%.*s", PB_ARG(info->id));
    if (buf.failed || !exchange->location.data)
        return PB_NO_MEMORY;
    return answer(exchange, 202, "application/json", pb_buf_str(&buf));
}

pb_status turns_create(struct exchange *exchange)
{
    struct turn_input input = {0};
    struct source source = {0};
    pb_status status = turn_input_read(exchange, &input);

    if (status == PB_OK)
        status = kept_read_key(exchange, &input.spec);
    if (status != PB_OK)
        return status;
    input.spec.stream = input.stream || input.detach; /* who follows reads along */
    input.spec.principal = &exchange->principal;
    input.spec.messages = &input.message;
    input.spec.message_count = input.message != NULL;
    input.spec.request_id = exchange->request->id;
    input.spec.remote = exchange->request->remote;
    input.spec.transport = pb_lit("http");
    status = source_begin(exchange, &input.spec, input.detach, &source);
    if (status != PB_OK)
        return status;
    if (input.stream)
        status = turns_answer_stream(exchange);
    else
        status = input.detach ? answer_launched(exchange) : answer_whole(exchange);
    return source_end(exchange, status);
}
