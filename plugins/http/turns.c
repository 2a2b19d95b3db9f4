/* turns.c - POST /v1/turns: a turn of the native API, answered whole. Streams are turns_stream.c.
 */
#include "http.h"

struct whole {
    pb_sink base;
    struct exchange *exchange;
    pb_turn *turn;
    pb_reply reply;
};

static pb_status answer_done(struct whole *whole, const pb_turn_result *result)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_reply_write(&writer, &whole->reply, pb_turn_info_of(whole->turn), result);
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

static pb_status answer_whole(struct exchange *exchange, pb_turn *turn)
{
    struct whole whole = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = whole_emit},
        .exchange = exchange,
        .turn = turn,
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = pb_turn_run(turn, &whole.base);

    pb_reply_end(&whole.reply);
    return status;
}

pb_status turns_create(struct exchange *exchange)
{
    struct turn_input input = {0};
    pb_turn *turn;
    pb_status status = turn_input_read(exchange, &input);

    if (status != PB_OK)
        return status;
    input.spec.stream = input.stream;
    input.spec.principal = &exchange->principal;
    input.spec.messages = &input.message;
    input.spec.message_count = 1;
    input.spec.request_id = exchange->request->id;
    input.spec.transport = pb_lit("http");
    status = pb_turn_new(&input.spec, &turn);
    if (status != PB_OK)
        return status;
    exchange->turn = pb_turn_info_of(turn)->id;
    status = input.stream ? turns_answer_stream(exchange, turn) : answer_whole(exchange, turn);
    if (status != PB_OK && !exchange->begun && !exchange->answered)
        status = answer_error(exchange);
    pb_turn_free(turn);
    exchange->turn = (pb_str){0};
    return status;
}
