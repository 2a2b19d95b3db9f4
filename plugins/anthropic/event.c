/* event.c - one event of a stream, or one block of a whole answer, made into events.
 *
 * An event is parsed in a scope of its own, which ends before anything is emitted: a sink may keep what
 * it is given in memory of the running scope, and memory does not grow with tokens. Blocks of other types
 * (what tools of the service itself did) have no word here and are passed over.
 */
#include "anthropic.h"

static int32_t finish_of(pb_str reason)
{
    if (!reason.size)
        return PB_FINISH_NONE;
    if (pb_str_is(reason, "tool_use"))
        return PB_FINISH_TOOL_CALLS;
    if (pb_str_is(reason, "refusal"))
        return PB_FINISH_FILTER;
    if (pb_str_is(reason, "max_tokens") || pb_str_is(reason, "model_context_window_exceeded") ||
        pb_str_is(reason, "pause_turn")) /* the answer is not over in any of them */
        return PB_FINISH_LENGTH;
    return PB_FINISH_STOP;
}

void answer_note_stop(struct answer *answer, const pb_json *json)
{
    int32_t finish = finish_of(pb_json_text(pb_json_get(json, "stop_reason")));
    pb_str stop = pb_json_text(pb_json_get(json, "stop_sequence"));
    if (finish != PB_FINISH_NONE)
        answer->finish = finish;
    if (stop.size)
        answer->stop = stop;
}

/* Totals: a later event says them again, or leaves out what did not change. */
static void note(const pb_json *usage, const char *name, int64_t *out)
{
    int64_t count = pb_json_int(pb_json_get(usage, name), -1);
    if (count >= 0)
        *out = count;
}

void answer_note_usage(struct answer *answer, const pb_json *usage)
{
    if (!pb_json_is(usage, PB_JSON_OBJECT))
        return;
    answer->has_usage = true;
    note(usage, "input_tokens", &answer->fresh);
    note(usage, "cache_read_input_tokens", &answer->cache_read);
    note(usage, "cache_creation_input_tokens", &answer->cache_write);
    note(usage, "output_tokens", &answer->usage.output_tokens);
    note(pb_json_get(usage, "output_tokens_details"), "thinking_tokens",
         &answer->usage.reasoning_tokens);
}

static void add_usage(const struct anthropic *anthropic, struct answer *answer)
{
    const struct price *price = &anthropic->price;
    double cached = price->cached > 0 ? price->cached : price->input;
    double written = price->cache_write > 0 ? price->cache_write : price->input;
    pb_usage *usage = &answer->usage;

    usage->size = (uint32_t)sizeof *usage;
    usage->calls = 1;
    usage->input_tokens = answer->fresh + answer->cache_read + answer->cache_write;
    usage->cached_tokens = answer->cache_read;
    usage->cost =
        ((double)answer->fresh * price->input + (double)answer->cache_read * cached +
         (double)answer->cache_write * written + (double)usage->output_tokens * price->output) /
        1e6;
}

/* {name: text} in the running scope, or NULL. */
static const pb_json *one_member(pb_str name, pb_str text)
{
    pb_json *json = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));
    pb_json_add(json, name, pb_json_string(text));
    return json;
}

pb_status answer_emit(struct answer *answer, const struct piece *piece)
{
    pb_event event = pb_event_make(piece->type);

    event.index = piece->index;
    event.id = piece->id;
    event.name = piece->name;
    event.text = piece->text;
    if (piece->signature.size)
        event.data = one_member(pb_lit("signature"), pb_copy(piece->signature));
    else if (piece->redacted.size)
        event.data = one_member(pb_lit("redacted"), pb_copy(piece->redacted));
    if (!event.text.size && !event.id.size && !event.data)
        return PB_OK;
    return pb_sink_emit(answer->sink, &event);
}

pb_status answer_end(const struct anthropic *anthropic, struct answer *answer)
{
    pb_event event = pb_event_make(PB_EVENT_USAGE);

    if (answer->has_usage) {
        add_usage(anthropic, answer);
        event.usage = &answer->usage;
        pb_status status = pb_sink_emit(answer->sink, &event);
        if (status != PB_OK)
            return status;
    }
    event = pb_event_make(PB_EVENT_FINISH);
    event.finish = answer->finish;
    event.text = answer->model;
    event.name = answer->stop;
    return pb_sink_emit(answer->sink, &event);
}

/* Arguments as text: whole ones, or "" where they are to come. */
static pb_str input_text(const pb_json *input)
{
    pb_buf buf = {0};

    if (input && input->count)
        pb_json_write(&buf, input);
    return pb_buf_str(&buf);
}

void block_begin(struct answer *answer, const pb_json *block, struct piece *piece)
{
    pb_str type = pb_json_text(pb_json_get(block, "type"));

    answer->block = BLOCK_OTHER;
    if (pb_str_is(type, "text")) {
        answer->block = BLOCK_TEXT;
        piece->type = PB_EVENT_TEXT;
        piece->text = pb_json_text(pb_json_get(block, "text"));
    } else if (pb_str_is(type, "thinking")) {
        answer->block = BLOCK_THINKING;
        piece->type = PB_EVENT_THINKING;
        piece->text = pb_json_text(pb_json_get(block, "thinking"));
        piece->signature = pb_json_text(pb_json_get(block, "signature"));
    } else if (pb_str_is(type, "redacted_thinking")) {
        piece->type = PB_EVENT_THINKING;
        piece->redacted = pb_json_text(pb_json_get(block, "data"));
    } else if (pb_str_is(type, "tool_use")) {
        answer->block = BLOCK_TOOL;
        piece->type = PB_EVENT_TOOL_CALL;
        piece->index = answer->calls++;
        piece->id = pb_json_text(pb_json_get(block, "id"));
        piece->name = pb_json_text(pb_json_get(block, "name"));
        piece->text = input_text(pb_json_get(block, "input"));
        answer->arguments = piece->text.size > 0;
    }
}

static void block_delta(struct answer *answer, const pb_json *delta, struct piece *piece)
{
    static const struct {
        int32_t block, type;
        const char *name;
    } texts[] = {
        {BLOCK_TEXT, PB_EVENT_TEXT, "text"},
        {BLOCK_THINKING, PB_EVENT_THINKING, "thinking"},
        {BLOCK_TOOL, PB_EVENT_TOOL_CALL, "partial_json"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (answer->block == texts[i].block) {
            piece->type = texts[i].type;
            piece->text = pb_json_text(pb_json_get(delta, texts[i].name));
        }
    if (answer->block == BLOCK_THINKING)
        piece->signature = pb_json_text(pb_json_get(delta, "signature"));
    if (answer->block == BLOCK_TOOL) {
        piece->index = answer->calls - 1;
        answer->arguments |= piece->text.size > 0;
    }
}

/* A call without arguments has none in the stream either; clients parse them all the same. */
static void block_end(struct answer *answer, struct piece *piece)
{
    if (answer->block == BLOCK_TOOL && !answer->arguments)
        *piece = (struct piece){
            .type = PB_EVENT_TOOL_CALL, .index = answer->calls - 1, .text = pb_lit("{}")};
    answer->block = BLOCK_OTHER;
}

static pb_status take_apart(const struct anthropic *anthropic, struct answer *answer, pb_str data,
                            struct piece *piece)
{
    const pb_json *json;

    if (pb_json_parse(data, &json) != PB_OK || json->type != PB_JSON_OBJECT)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an event that is not JSON");
    pb_str type = pb_json_text(pb_json_get(json, "type"));
    if (pb_str_is(type, "content_block_delta")) {
        block_delta(answer, pb_json_get(json, "delta"), piece);
    } else if (pb_str_is(type, "content_block_start")) {
        block_begin(answer, pb_json_get(json, "content_block"), piece);
    } else if (pb_str_is(type, "content_block_stop")) {
        block_end(answer, piece);
    } else if (pb_str_is(type, "message_start")) {
        const pb_json *message = pb_json_get(json, "message");
        answer->model = pb_json_text(pb_json_get(message, "model"));
        answer_note_usage(answer, pb_json_get(message, "usage"));
    } else if (pb_str_is(type, "message_delta")) {
        answer_note_stop(answer, pb_json_get(json, "delta"));
        answer_note_usage(answer, pb_json_get(json, "usage"));
    } else if (pb_str_is(type, "message_stop")) {
        answer->ended = true;
    } else if (pb_str_is(type, "error")) {
        return failure_of_error(anthropic, pb_json_get(json, "error"));
    } /* ping, and what later versions of the API add */
    return PB_OK;
}

/* There is room: what was kept before must not move. */
static void keep(pb_buf *buf, pb_str *text)
{
    size_t at = buf->size;
    pb_buf_add(buf, *text);
    if (text->data) /* what is absent stays absent */
        *text = pb_str_make(buf->data + at, text->size);
}

pb_status event_read(const struct anthropic *anthropic, struct answer *answer, pb_str data,
                     pb_buf *text, struct piece *piece)
{
    pb_str model = answer->model, stop = answer->stop;

    text->size = 0;
    memset(piece, 0, sizeof *piece);
    if (!pb_buf_room(text,
                     data.size * 3 + 8)) /* whole arguments are written anew, "\\b" as "\\u0008" */
        return PB_NO_MEMORY;
    pb_scope *scope = pb_scope_begin();
    pb_status status = take_apart(anthropic, answer, data, piece);
    pb_str *const kept[] = {&piece->id,        &piece->name,     &piece->text,
                            &piece->signature, &piece->redacted, &answer->model};
    bool named = answer->model.data != model.data, stopped = answer->stop.data != stop.data;
    for (size_t i = 0; i < 5u + named; i++)
        keep(text, kept[i]);
    if (stopped)
        keep(text, &answer->stop);
    pb_scope_end(scope);
    if (stopped)
        answer->stop = pb_copy(answer->stop);
    if (named) /* once in a stream */
        answer->model = pb_copy(answer->model);
    return status == PB_OK ? pb_buf_status(text) : status;
}
