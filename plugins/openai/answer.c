/* answer.c - what a model said, as events: pieces as they come, usage and reason at the end. */
#include "openai.h"

static int32_t finish_of(pb_str reason)
{
    if (!reason.size)
        return PB_FINISH_NONE;
    if (pb_str_is(reason, "length"))
        return PB_FINISH_LENGTH;
    if (pb_str_is(reason, "tool_calls") || pb_str_is(reason, "function_call"))
        return PB_FINISH_TOOL_CALLS;
    if (pb_str_is(reason, "content_filter"))
        return PB_FINISH_FILTER;
    return PB_FINISH_STOP;
}

static int64_t tokens(const pb_json *usage, const char *name)
{
    int64_t count = pb_json_int(pb_json_get(usage, name), 0);
    return count > 0 ? count : 0;
}

static void note_usage(const struct openai *openai, struct answer *answer, const pb_json *json)
{
    const struct price *price = &openai->price;
    pb_usage *usage = &answer->usage;

    answer->has_usage = true;
    usage->size = (uint32_t)sizeof *usage;
    usage->calls = 1;
    usage->input_tokens = tokens(json, "prompt_tokens");
    usage->output_tokens = tokens(json, "completion_tokens");
    usage->cached_tokens = tokens(pb_json_get(json, "prompt_tokens_details"), "cached_tokens");
    usage->reasoning_tokens =
        tokens(pb_json_get(json, "completion_tokens_details"), "reasoning_tokens");
    if (usage->cached_tokens > usage->input_tokens)
        usage->cached_tokens = usage->input_tokens;
    double cached = price->cached > 0 ? price->cached : price->input;
    usage->cost =
        ((double)(usage->input_tokens - usage->cached_tokens) * price->input +
         (double)usage->cached_tokens * cached + (double)usage->output_tokens * price->output) /
        1e6;
}

void answer_note(const struct openai *openai, struct answer *answer, const pb_json *json)
{
    const pb_json *choice = pb_json_at(pb_json_get(json, "choices"), 0);
    const pb_json *usage = pb_json_get(json, "usage");
    int32_t finish = finish_of(pb_json_text(pb_json_get(choice, "finish_reason")));

    if (finish != PB_FINISH_NONE)
        answer->finish = finish;
    if (pb_json_is(usage, PB_JSON_OBJECT))
        note_usage(openai, answer, usage);
}

pb_status answer_emit(struct answer *answer, const struct piece *piece)
{
    pb_event event = pb_event_make(piece->type);

    if (!piece->text.size && !piece->data.size && piece->type != PB_EVENT_TOOL_CALL)
        return PB_OK;
    event.index = piece->index;
    event.id = piece->id;
    event.name = piece->name;
    event.text = piece->text;
    if (!piece->data.size)
        return pb_sink_emit(answer->sink, &event);
    pb_scope *scope = pb_scope_begin();
    pb_status status = pb_json_parse(piece->data, &event.data);
    if (status == PB_OK)
        status = pb_sink_emit(answer->sink, &event);
    pb_scope_end(scope);
    return status;
}

static pb_str data_with(const char *key, const pb_json *value)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, key);
    pb_jw_json(&writer, value);
    pb_jw_close(&writer, '}');
    return pb_buf_str(&buf);
}

pb_str data_of_choice(const pb_json *choice)
{
    const pb_json *list = pb_json_get(pb_json_get(choice, "logprobs"), "content");

    return pb_json_is(list, PB_JSON_ARRAY) && list->count ? data_with("logprobs", list) : (pb_str){0};
}

pb_str data_of_call(const pb_json *call)
{
    const pb_json *google = pb_json_get(pb_json_get(call, "extra_content"), "google");
    const pb_json *signature = pb_json_get(google, "thought_signature");

    return pb_json_text(signature).size ? data_with("signature", signature) : (pb_str){0};
}

pb_str data_of_block(const pb_json *block)
{
    const pb_json *signature = pb_json_get(block, "signature"), *data = pb_json_get(block, "data");

    if (pb_json_text(data).size)
        return data_with("redacted", data);
    return pb_json_text(signature).size ? data_with("signature", signature) : (pb_str){0};
}

pb_status answer_end(struct answer *answer)
{
    pb_event event = pb_event_make(PB_EVENT_USAGE);

    if (answer->has_usage) {
        event.usage = &answer->usage;
        pb_status status = pb_sink_emit(answer->sink, &event);
        if (status != PB_OK)
            return status;
    }
    event = pb_event_make(PB_EVENT_FINISH);
    event.finish = answer->finish ? answer->finish : PB_FINISH_STOP;
    if (answer->refused && event.finish == PB_FINISH_STOP)
        event.finish = PB_FINISH_FILTER;
    event.text = answer->model;
    return pb_sink_emit(answer->sink, &event);
}
