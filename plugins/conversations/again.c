/* again.c - a reply made again, a question asked differently: a turn of the conversation's
 * pipeline, answered whole as POST /v1/turns does. */
#include "conversations.h"

struct answering {
    pb_sink base;
    pb_reply reply;
    const pb_turn_info *info;
    pb_buf body;
};

static pb_status answering_emit(pb_sink *sink, const pb_event *event)
{
    struct answering *answering = (struct answering *)(void *)sink;

    if (event->type != PB_EVENT_DONE)
        return pb_reply_note(&answering->reply, event);
    pb_json_writer writer = pb_json_writer_make(&answering->body);
    pb_reply_write(&writer, &answering->reply, answering->info, event->result);
    return pb_buf_status(&answering->body);
}

static pb_status answer(const pb_turn_spec *spec, pb_content *out)
{
    struct answering answering;
    pb_turn *turn;
    pb_status status = pb_turn_new(spec, &turn);

    if (status != PB_OK)
        return status;
    memset(&answering, 0, sizeof answering);
    answering.base.size = (uint32_t)sizeof answering.base;
    answering.base.emit = answering_emit;
    answering.reply = pb_reply_make(0);
    answering.info = pb_turn_info_of(turn);
    status = pb_turn_run(turn, &answering.base);
    pb_reply_end(&answering.reply);
    pb_turn_free(turn);
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&answering.body);
    return status;
}

static pb_status run(const struct asked *asked, const pb_call *call, const struct again_in *in,
                     pb_content *out)
{
    struct conversation conversation;
    pb_turn_spec spec = pb_turn_spec_make();
    pb_message said = {.size = (uint32_t)sizeof said, .role = PB_ROLE_USER, .text = in->text};
    const pb_message *messages[] = {&said};
    pb_status status = asked_read(asked, true, &conversation);

    if (status != PB_OK)
        return status;
    spec.pipeline = pb_pipeline_find(conversation.pipeline);
    if (!spec.pipeline)
        return pb_fail(PB_CONFLICT, "the pipeline '%.*s' of this conversation is not configured",
                       PB_ARG(conversation.pipeline));
    spec.principal = call->principal;
    spec.request_id = call->request_id;
    spec.conversation = conversation.id;
    spec.replaces = in->message;
    if (in->text.data) {
        spec.messages = messages;
        spec.message_count = 1;
    }
    return answer(&spec, out);
}

/* What was said last, where the caller does not say what to make again. */
static pb_status last_message(const struct asked *asked, pb_str *out)
{
    struct conversation conversation;
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_status status = asked_read(asked, true, &conversation);

    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_int(conversation.key)};
    status = pb_db_query(asked->database, sql_last, values, 1, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return pb_fail(PB_CONFLICT, "nothing was said in this conversation yet");
    *out = pb_uuid_text(pb_cell(&rows, 0, 0)->text.data);
    return PB_OK;
}

pb_status regenerate_raw(void *self, const pb_call *call, const void *in, pb_content *out)
{
    struct again_in input = *(const struct again_in *)in;
    struct asked asked;
    pb_status status = asked_for(self, call, input.id, &asked);

    input.text = pb_str_make(NULL, 0);
    if (status == PB_OK && !input.message.size)
        status = last_message(&asked, &input.message);
    return status == PB_OK ? run(&asked, call, &input, out) : status;
}

pb_status edit_raw(void *self, const pb_call *call, const void *in, pb_content *out)
{
    struct asked asked;
    const struct again_in *input = in;
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK && !pb_str_trim(input->text).size)
        status = pb_fail_at(PB_INVALID, "/text", "must not be empty");
    return status == PB_OK ? run(&asked, call, input, out) : status;
}
