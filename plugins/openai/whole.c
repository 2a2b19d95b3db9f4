/* whole.c - reads an answer that comes in one piece, which is cheaper when nobody reads along. */
#include "openai.h"

static pb_status emit_text(struct answer *answer, int32_t type, const pb_json *value, pb_str data)
{
    struct piece piece = {.type = type, .text = pb_json_text(value), .data = data};
    return answer_emit(answer, &piece);
}

/* The reasoning: whole where it is not signed, else block by block. */
static pb_status emit_thinking(struct answer *answer, const pb_json *message)
{
    const pb_json *reasoning = pb_json_get(message, "reasoning_content");
    const pb_json *blocks = pb_json_get(message, "thinking_blocks");
    pb_status status = PB_OK;

    if (!pb_json_is(blocks, PB_JSON_ARRAY) || !blocks->count)
        return emit_text(answer, PB_EVENT_THINKING,
                         reasoning ? reasoning : pb_json_get(message, "reasoning"), (pb_str){0});
    for (const pb_json *at = blocks->child; at && status == PB_OK; at = at->next)
        status = emit_text(answer, PB_EVENT_THINKING, pb_json_get(at, "thinking"),
                           data_of_block(at));
    return status;
}

static pb_status emit_tool_calls(struct answer *answer, const pb_json *calls)
{
    const pb_json *call = pb_json_is(calls, PB_JSON_ARRAY) ? calls->child : NULL;

    for (uint32_t index = 0; call; call = call->next, index++) {
        const pb_json *function = pb_json_get(call, "function");
        struct piece piece = {
            .type = PB_EVENT_TOOL_CALL,
            .index = index,
            .id = pb_json_text(pb_json_get(call, "id")),
            .name = pb_json_text(pb_json_get(function, "name")),
            .text = pb_json_text(pb_json_get(function, "arguments")),
            .data = data_of_call(call),
        };
        pb_status status = answer_emit(answer, &piece);
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

static pb_status emit_message(struct answer *answer, const pb_json *choice)
{
    const pb_json *message = pb_json_get(choice, "message");
    const pb_json *refusal = pb_json_get(message, "refusal");
    pb_status status = emit_thinking(answer, message);

    if (status == PB_OK)
        status = emit_text(answer, PB_EVENT_TEXT, pb_json_get(message, "content"),
                           data_of_choice(choice));
    if (status == PB_OK && pb_json_text(refusal).size) {
        answer->refused = true;
        status = emit_text(answer, PB_EVENT_TEXT, refusal, (pb_str){0});
    }
    if (status == PB_OK)
        status = emit_tool_calls(answer, pb_json_get(message, "tool_calls"));
    return status;
}

pb_status whole_read(const struct openai *openai, pb_http *http, struct answer *answer)
{
    const pb_json *json, *choice;
    pb_str text;
    pb_status status = pb_http_read_all(http, &text);

    if (status != PB_OK)
        return pb_upstream_fail_read(&openai->service.upstream, status);
    if (pb_json_parse(text, &json) != PB_OK)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer that is not JSON");
    if (pb_json_get(json, "error") && pb_json_get(json, "error")->type != PB_JSON_NULL)
        return failure_of_error(&openai->service, pb_json_get(json, "error"));
    choice = pb_json_at(pb_json_get(json, "choices"), 0);
    if (!pb_json_is(pb_json_get(choice, "message"), PB_JSON_OBJECT))
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer without a message");
    answer_note(openai, answer, json);
    answer->model = pb_json_text(pb_json_get(json, "model"));
    return emit_message(answer, choice);
}
