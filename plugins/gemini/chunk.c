/* chunk.c - one GenerateContentResponse, whole or a piece of a stream, made into events.
 *
 * It is parsed in a scope of its own, which ends before anything is emitted: a sink may keep what it is
 * given in memory of the running scope, and memory does not grow with tokens. What the events need is
 * copied into room that is used again for the next.
 */
#include "gemini.h"

#include <stdalign.h>

/* PB_FINISH_NONE with an error: the answer is spoilt. */
static const struct {
    const char *reason;
    int32_t finish;
} reasons[] = {
    {"STOP", PB_FINISH_STOP},
    {"OTHER", PB_FINISH_STOP},
    {"MAX_TOKENS", PB_FINISH_LENGTH},
    {"CONTINUATION", PB_FINISH_LENGTH},
    {"MALFORMED_FUNCTION_CALL", PB_FINISH_NONE},
    {"UNEXPECTED_TOOL_CALL", PB_FINISH_NONE},
    {"TOO_MANY_TOOL_CALLS", PB_FINISH_NONE},
    {"MISSING_THOUGHT_SIGNATURE", PB_FINISH_NONE},
    {"MALFORMED_RESPONSE", PB_FINISH_NONE},
};

/* All other reasons are those of filters: SAFETY, RECITATION, LANGUAGE, BLOCKLIST, SPII, … */
static pb_status note_finish(struct answer *answer, pb_str reason)
{
    int32_t finish = PB_FINISH_FILTER;

    if (!reason.size || pb_str_is(reason, "FINISH_REASON_UNSPECIFIED"))
        return PB_OK;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (pb_str_is(reason, reasons[i].reason))
            finish = reasons[i].finish;
    if (finish == PB_FINISH_NONE)
        return pb_fail(PB_BAD_UPSTREAM, "the model spoilt its answer: %.*s",
                       PB_ARG(pb_str_slice(reason, 0, 64)));
    answer->finish = finish;
    return PB_OK;
}

static int64_t tokens(const pb_json *usage, const char *name)
{
    int64_t count = pb_json_int(pb_json_get(usage, name), 0);
    return count > 0 ? count : 0;
}

/* Totals so far: the last ones count. */
static void note_usage(struct answer *answer, const pb_json *json)
{
    pb_usage *usage = &answer->usage;

    if (!pb_json_is(json, PB_JSON_OBJECT))
        return;
    answer->has_usage = true;
    usage->reasoning_tokens = tokens(json, "thoughtsTokenCount");
    usage->input_tokens =
        tokens(json, "promptTokenCount") + tokens(json, "toolUsePromptTokenCount");
    usage->output_tokens = tokens(json, "candidatesTokenCount") + usage->reasoning_tokens;
    usage->cached_tokens = tokens(json, "cachedContentTokenCount");
    if (usage->cached_tokens > usage->input_tokens)
        usage->cached_tokens = usage->input_tokens;
}

/* --- taking apart, in the chunk's scope ------------------------------------------------------- */

/* {"signature": "gemini:…"}, or NULL. */
static const pb_json *signature_data(const pb_json *part)
{
    pb_str signature = pb_json_text(pb_json_get(part, "thoughtSignature"));
    pb_json *data = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));

    if (!signature.size)
        return NULL;
    pb_json_add(data, pb_lit("signature"),
                pb_json_string(pb_printf(SIGNATURE "%.*s", PB_ARG(signature))));
    return data;
}

static void add(struct chunk *chunk, const struct piece *piece)
{
    if (chunk->count < PIECES_MOST && (piece->text.size || piece->id.size || piece->data))
        chunk->pieces[chunk->count] = *piece;
    chunk->count += piece->text.size || piece->id.size || piece->data;
}

static void add_call(struct answer *answer, struct chunk *chunk, const pb_json *call,
                     const pb_json *data)
{
    const pb_json *arguments = pb_json_get(call, "args");
    struct piece piece = {.type = PB_EVENT_TOOL_CALL, .index = answer->calls++, .data = data};
    pb_buf text = {0};

    if (pb_json_is(arguments, PB_JSON_OBJECT))
        pb_json_write(&text, arguments);
    piece.id = pb_json_text(pb_json_get(call, "id"));
    if (!piece.id.size) {
        pb_str own = pb_uuid();
        piece.id = pb_printf(OWN_ID "%.*s", PB_ARG(own));
    }
    piece.name = pb_json_text(pb_json_get(call, "name"));
    piece.text = text.size ? pb_buf_str(&text) : pb_lit("{}");
    add(chunk, &piece);
}

/* Parts of other types (what tools of the service itself did) have no word here. */
static void add_part(struct answer *answer, struct chunk *chunk, const pb_json *part,
                     const pb_json **logprobs)
{
    const pb_json *call = pb_json_get(part, "functionCall"), *signature = signature_data(part);
    bool thought = pb_json_is(pb_json_get(part, "thought"), PB_JSON_TRUE);
    struct piece piece = {.text = pb_json_text(pb_json_get(part, "text"))};

    if (pb_json_is(call, PB_JSON_OBJECT)) {
        add_call(answer, chunk, call, signature);
        return;
    }
    piece.type = thought ? PB_EVENT_THINKING : PB_EVENT_TEXT;
    piece.data = thought ? signature : *logprobs;
    add(chunk, &piece);
    if (thought)
        return;
    *logprobs = NULL;
    piece = (struct piece){.type = PB_EVENT_THINKING, .data = signature};
    add(chunk, &piece); /* text that is signed: so ends the thinking before it */
}

static pb_status add_candidate(struct answer *answer, struct chunk *chunk, const pb_json *candidate)
{
    const pb_json *parts = pb_json_get(pb_json_get(candidate, "content"), "parts");
    const pb_json *logprobs = logprobs_read(candidate);

    for (const pb_json *at = pb_json_is(parts, PB_JSON_ARRAY) ? parts->child : NULL; at;
         at = at->next)
        add_part(answer, chunk, at, &logprobs);
    if (chunk->count > PIECES_MOST)
        return pb_fail(PB_BAD_UPSTREAM, "the model sent more than %d parts at once", PIECES_MOST);
    return note_finish(answer, pb_json_text(pb_json_get(candidate, "finishReason")));
}

static pb_status take_apart(const struct gemini *gemini, struct answer *answer, struct chunk *chunk,
                            pb_str data)
{
    const pb_json *json;

    if (pb_json_parse(data, &json) != PB_OK || json->type != PB_JSON_OBJECT)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer that is not JSON");
    if (pb_json_get(json, "error"))
        return failure_of_error(gemini, pb_json_get(json, "error"));
    const pb_json *candidate = pb_json_at(pb_json_get(json, "candidates"), 0);
    pb_str blocked = pb_json_text(pb_json_get(pb_json_get(json, "promptFeedback"), "blockReason"));
    note_usage(answer, pb_json_get(json, "usageMetadata"));
    if (!answer->model.size)
        chunk->model = pb_json_text(pb_json_get(json, "modelVersion"));
    if (!candidate && blocked.size)
        answer->finish = PB_FINISH_FILTER;
    return candidate ? add_candidate(answer, chunk, candidate) : (pb_status)PB_OK;
}

/* --- keeping ---------------------------------------------------------------------------------- */

static size_t tree_size(const pb_json *json)
{
    size_t size = sizeof *json + json->key.size + json->text.size;

    for (const pb_json *at = json->child; at; at = at->next)
        size += tree_size(at);
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

/* There is room: nothing that was kept before moves. */
static void keep(pb_buf *buf, pb_str *text)
{
    size_t at = buf->size;
    pb_buf_add(buf, *text);
    if (text->data) /* what is absent stays absent */
        *text = pb_str_make(buf->data + at, text->size);
}

static pb_json *keep_tree(pb_buf *buf, const pb_json *json)
{
    static const char padding[alignof(max_align_t)];
    pb_json *copy = (pb_json *)(void *)(buf->data + buf->size);
    const pb_json **link = &copy->child;

    pb_buf_add(buf, pb_str_make((const char *)json, sizeof *json));
    keep(buf, &copy->key);
    keep(buf, &copy->text);
    pb_buf_add(buf, pb_str_make(padding, -buf->size % alignof(max_align_t)));
    for (const pb_json *at = json->child; at; at = at->next) {
        pb_json *child = keep_tree(buf, at);
        *link = child;
        link = &child->next;
        copy->last = child;
    }
    return copy;
}

/* How much room the pieces need. */
static size_t pieces_size(const struct chunk *chunk)
{
    size_t size = chunk->model.size;

    for (size_t i = 0; i < chunk->count; i++) {
        const struct piece *piece = &chunk->pieces[i];
        size += piece->id.size + piece->name.size + piece->text.size;
        size += piece->data ? tree_size(piece->data) : 0;
    }
    return size;
}

static void keep_pieces(struct chunk *chunk)
{
    chunk->kept.size = 0;
    for (size_t i = 0; i < chunk->count; i++) /* trees first: they are aligned */
        if (chunk->pieces[i].data)
            chunk->pieces[i].data = keep_tree(&chunk->kept, chunk->pieces[i].data);
    for (size_t i = 0; i < chunk->count; i++) {
        keep(&chunk->kept, &chunk->pieces[i].id);
        keep(&chunk->kept, &chunk->pieces[i].name);
        keep(&chunk->kept, &chunk->pieces[i].text);
    }
    keep(&chunk->kept, &chunk->model);
}

pb_status chunk_read(const struct gemini *gemini, struct answer *answer, struct chunk *chunk,
                     pb_str data)
{
    const struct answer before = *answer;
    pb_status status;

    for (;;) { /* again after room was made, which has to outlive the scope */
        chunk->count = 0;
        chunk->model = pb_lit("");
        pb_scope *scope = pb_scope_begin();
        status = take_apart(gemini, answer, chunk, data);
        size_t size = status == PB_OK ? pieces_size(chunk) : 0;
        bool fits = size < chunk->kept.capacity;
        if (status == PB_OK && fits)
            keep_pieces(chunk);
        pb_scope_end(scope);
        if (status != PB_OK || fits)
            break;
        *answer = before;
        chunk->kept.size = 0;
        if (!pb_buf_room(&chunk->kept, size * 2 + 1024))
            return PB_NO_MEMORY;
    }
    if (status == PB_OK && chunk->model.size) /* once in a stream */
        answer->model = pb_copy(chunk->model);
    return status;
}

/* --- emitting --------------------------------------------------------------------------------- */

pb_status chunk_emit(struct answer *answer, const struct chunk *chunk)
{
    pb_status status = PB_OK;

    for (size_t i = 0; status == PB_OK && i < chunk->count; i++) {
        const struct piece *piece = &chunk->pieces[i];
        pb_event event = pb_event_make(piece->type);
        event.index = piece->index;
        event.id = piece->id;
        event.name = piece->name;
        event.text = piece->text;
        event.data = piece->data;
        status = pb_sink_emit(answer->sink, &event);
    }
    return status;
}

pb_status answer_end(const struct gemini *gemini, struct answer *answer)
{
    const struct price *price = &gemini->price;
    pb_event event = pb_event_make(PB_EVENT_USAGE);
    pb_usage *usage = &answer->usage;

    if (answer->has_usage) {
        double cached = price->cached > 0 ? price->cached : price->input;
        usage->size = (uint32_t)sizeof *usage;
        usage->calls = 1;
        usage->cost =
            ((double)(usage->input_tokens - usage->cached_tokens) * price->input +
             (double)usage->cached_tokens * cached + (double)usage->output_tokens * price->output) /
            1e6;
        event.usage = usage;
        pb_status status = pb_sink_emit(answer->sink, &event);
        if (status != PB_OK)
            return status;
    }
    event = pb_event_make(PB_EVENT_FINISH);
    event.finish =
        answer->calls && answer->finish == PB_FINISH_STOP ? PB_FINISH_TOOL_CALLS : answer->finish;
    event.text = answer->model;
    return pb_sink_emit(answer->sink, &event);
}
