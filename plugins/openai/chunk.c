/* chunk.c - one event of a stream, or the same fields of a whole answer, made into events.
 *
 * A chunk is parsed in a scope of its own, which ends before anything is emitted: a sink may keep
 * what it is given in memory of the running scope, and memory does not grow with tokens.
 */
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

    if (!piece->text.size && piece->type != PB_EVENT_TOOL_CALL)
        return PB_OK;
    event.index = piece->index;
    event.id = piece->id;
    event.name = piece->name;
    event.text = piece->text;
    return pb_sink_emit(answer->sink, &event);
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

/* A copy that outlives the chunk's scope: there is room, a decoded string is not longer than its
 * source. */
static pb_str keep(struct chunk *chunk, pb_str text)
{
    size_t at = chunk->text.size;
    pb_buf_add(&chunk->text, text);
    return pb_str_make(chunk->text.data + at, text.size);
}

static void add_text(struct chunk *chunk, int32_t type, const pb_json *value)
{
    pb_str text = pb_json_text(value);
    if (text.size) /* three at most come before tool calls: there is room */
        chunk->pieces[chunk->count++] = (struct piece){.type = type, .text = keep(chunk, text)};
}

static pb_status add_tool_calls(struct chunk *chunk, const pb_json *calls)
{
    for (const pb_json *call = pb_json_is(calls, PB_JSON_ARRAY) ? calls->child : NULL; call;
         call = call->next) {
        const pb_json *function = pb_json_get(call, "function");
        if (chunk->count == PIECES_MOST)
            return pb_fail(PB_BAD_UPSTREAM, "the model sent more than %d pieces in one event",
                           PIECES_MOST);
        if (chunk->count == chunk->room)
            return PB_TOO_LARGE; /* chunk_read makes room and comes again */
        chunk->pieces[chunk->count++] = (struct piece){
            .type = PB_EVENT_TOOL_CALL,
            .index = (uint32_t)pb_json_int(pb_json_get(call, "index"), 0),
            .id = keep(chunk, pb_json_text(pb_json_get(call, "id"))),
            .name = keep(chunk, pb_json_text(pb_json_get(function, "name"))),
            .text = keep(chunk, pb_json_text(pb_json_get(function, "arguments"))),
        };
    }
    return PB_OK;
}

static pb_status take_apart(const struct openai *openai, struct answer *answer, pb_str data,
                            struct chunk *chunk)
{
    const pb_json *json, *delta, *reasoning, *refusal;

    if (pb_json_parse(data, &json) != PB_OK || json->type != PB_JSON_OBJECT)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an event that is not JSON");
    if (pb_json_get(json, "error"))
        return failure_of_error(&openai->service, pb_json_get(json, "error"));
    bool had_usage = answer->has_usage;
    int32_t had_finish = answer->finish;
    answer_note(openai, answer, json);
    if (!answer->model.size)
        answer->model = keep(chunk, pb_json_text(pb_json_get(json, "model")));
    delta = pb_json_get(pb_json_at(pb_json_get(json, "choices"), 0), "delta");
    reasoning = pb_json_get(delta, "reasoning_content");
    add_text(chunk, PB_EVENT_THINKING, reasoning ? reasoning : pb_json_get(delta, "reasoning"));
    add_text(chunk, PB_EVENT_TEXT, pb_json_get(delta, "content"));
    refusal = pb_json_get(delta, "refusal");
    add_text(chunk, PB_EVENT_TEXT, refusal);
    answer->refused |= pb_json_text(refusal).size > 0;
    chunk->plain = chunk->count == 1 && chunk->pieces[0].type == PB_EVENT_TEXT &&
                   !pb_json_text(refusal).size && !pb_json_get(delta, "tool_calls") &&
                   answer->has_usage == had_usage && answer->finish == had_finish;
    return add_tool_calls(chunk, pb_json_get(delta, "tool_calls"));
}

pb_status chunk_read(const struct openai *openai, struct answer *answer, pb_str data,
                     struct chunk *chunk)
{
    bool named = answer->model.size > 0;
    pb_status status;

    if (!chunk->pieces) {
        chunk->pieces = chunk->few;
        chunk->room = PIECES;
    }
    if (!pb_buf_room(&chunk->text, data.size))
        return PB_NO_MEMORY;
    for (;;) {
        chunk->count = 0;
        chunk->plain = false;
        chunk->text.size = 0;
        if (!named)
            answer->model.size = 0;
        pb_scope *scope = pb_scope_begin();
        status = take_apart(openai, answer, data, chunk);
        pb_scope_end(scope);
        if (status != PB_TOO_LARGE || chunk->room == PIECES_MOST)
            break;
        chunk->pieces = PB_NEW_ARRAY(struct piece, PIECES_MOST);
        chunk->room = PIECES_MOST;
        if (!chunk->pieces)
            return PB_NO_MEMORY;
    }
    if (!named && answer->model.size) /* once in a stream */
        answer->model = pb_copy(answer->model);
    return status;
}
