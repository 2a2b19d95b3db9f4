/* chunk.c - one event of a stream, or the same fields of a whole answer, made into events.
 *
 * A chunk is parsed in a scope of its own, which ends before anything is emitted: a sink may keep
 * what it is given in memory of the running scope, and memory does not grow with tokens.
 */
#include "openai.h"

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
    if (text.size) /* few come before tool calls: there is room */
        chunk->pieces[chunk->count++] = (struct piece){.type = type, .text = keep(chunk, text)};
}

/* The same for JSON that was written anew, for which there may be no room yet: chunk_read makes some and
 * comes again. */
static pb_str keep_data(struct chunk *chunk, pb_str data)
{
    chunk->extra += data.size;
    return chunk->extra <= chunk->extra_room ? keep(chunk, data) : (pb_str){0};
}

/* What is known of the text's tokens, or of a block of thinking, beside its delta or alone. */
static void add_data(struct chunk *chunk, int32_t type, pb_str data)
{
    struct piece *last = chunk->count ? &chunk->pieces[chunk->count - 1] : NULL;

    if (!data.size || (data = keep_data(chunk, data)).size == 0)
        return;
    if (last && last->type == type && !last->data.size)
        last->data = data;
    else if (chunk->count < PIECES - 3) /* the rest is for texts */
        chunk->pieces[chunk->count++] = (struct piece){.type = type, .data = data};
}

static void add_blocks(struct chunk *chunk, const pb_json *blocks)
{
    for (const pb_json *at = pb_json_is(blocks, PB_JSON_ARRAY) ? blocks->child : NULL; at;
         at = at->next)
        add_data(chunk, PB_EVENT_THINKING, data_of_block(at));
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
            .data = keep_data(chunk, data_of_call(call)),
        };
    }
    return PB_OK;
}

static pb_status take_apart(const struct openai *openai, struct answer *answer, pb_str data,
                            struct chunk *chunk)
{
    const pb_json *json, *choice, *delta, *reasoning, *refusal;

    if (pb_json_parse(data, &json) != PB_OK || json->type != PB_JSON_OBJECT)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an event that is not JSON");
    if (pb_json_get(json, "error"))
        return failure_of_error(&openai->service, pb_json_get(json, "error"));
    bool had_usage = answer->has_usage;
    int32_t had_finish = answer->finish;
    answer_note(openai, answer, json);
    if (!answer->model.size)
        answer->model = keep(chunk, pb_json_text(pb_json_get(json, "model")));
    choice = pb_json_at(pb_json_get(json, "choices"), 0);
    delta = pb_json_get(choice, "delta");
    reasoning = pb_json_get(delta, "reasoning_content");
    add_text(chunk, PB_EVENT_THINKING, reasoning ? reasoning : pb_json_get(delta, "reasoning"));
    add_blocks(chunk, pb_json_get(delta, "thinking_blocks"));
    add_text(chunk, PB_EVENT_TEXT, pb_json_get(delta, "content"));
    add_data(chunk, PB_EVENT_TEXT, data_of_choice(choice));
    refusal = pb_json_get(delta, "refusal");
    add_text(chunk, PB_EVENT_TEXT, refusal);
    answer->refused |= pb_json_text(refusal).size > 0;
    chunk->plain = chunk->count == 1 && chunk->pieces[0].type == PB_EVENT_TEXT &&
                   !chunk->extra && !pb_json_text(refusal).size &&
                   !pb_json_get(delta, "tool_calls") &&
                   answer->has_usage == had_usage && answer->finish == had_finish;
    pb_status status = add_tool_calls(chunk, pb_json_get(delta, "tool_calls"));
    return status == PB_OK && chunk->extra > chunk->extra_room ? (pb_status)PB_TOO_LARGE : status;
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
    chunk->extra_room = 0;
    for (;;) {
        chunk->text.size = 0;
        if (!pb_buf_room(&chunk->text, data.size + chunk->extra_room))
            return PB_NO_MEMORY;
        chunk->count = 0;
        chunk->extra = 0;
        chunk->plain = false;
        if (!named)
            answer->model.size = 0;
        pb_scope *scope = pb_scope_begin();
        status = take_apart(openai, answer, data, chunk);
        pb_scope_end(scope);
        if (status != PB_TOO_LARGE)
            break;
        if (chunk->extra > chunk->extra_room) {
            chunk->extra_room = chunk->extra;
            continue;
        }
        if (chunk->room == PIECES_MOST)
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
