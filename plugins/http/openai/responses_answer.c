/* responses_answer.c - a response in one piece: it goes out when the turn is done. */
#include "openai/responses.h"

struct whole {
    pb_sink base;
    struct exchange *exchange;
    const struct response *response;
    struct output output;
};

static pb_status answer_done(struct whole *whole, const pb_turn_result *result)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    struct standing standing = {.status = response_status(result->finish),
                                .output = &whole->output,
                                .result = result,
                                .turn = whole->exchange->source->info.id};

    response_write(&writer, whole->response, &standing);
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(whole->exchange, 200, "application/json", pb_buf_str(&buf));
}

static pb_status whole_emit(pb_sink *sink, const pb_event *event)
{
    struct whole *whole = (struct whole *)sink;
    size_t item;
    bool fresh;

    if (event->type != PB_EVENT_DONE) {
        pb_status status = output_note(&whole->output, event, &item, &fresh);
        return status == PB_DECLINED ? (pb_status)PB_OK : status;
    }
    if (event->result->status == PB_OK)
        return answer_done(whole, event->result);
    if (event->result->error)
        return answer_failure(whole->exchange, event->result->error);
    return answer_error(whole->exchange);
}

pb_status response_answer_whole(struct exchange *exchange, struct response *response)
{
    struct whole whole = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = whole_emit},
        .exchange = exchange,
        .response = response,
        .output = output_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = source_run(exchange, &whole.base);

    output_end(&whole.output);
    return status;
}
