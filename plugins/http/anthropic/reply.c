/* reply.c - a message in one piece. The answer goes out when the turn is done.
 *
 * Its content is a list of blocks in the order in which the model spoke. What they hold is malloc'd, as that of
 * pb_reply, which counts it and keeps the sources.
 */
#include "anthropic/anthropic.h"
#include "openai/openai.h"

enum kind { TEXT, THINKING, REDACTED, CALL };

struct block {
    enum kind kind;
    uint32_t index; /* of a call */
    int32_t branch;
    bool whole; /* thinking that was signed */
    pb_reply_text id;
    pb_reply_text name;
    pb_reply_text text; /* or arguments */
    pb_reply_text signature;
};

struct whole {
    pb_sink base;
    struct exchange *exchange;
    const struct ask *ask;
    pb_reply reply;
    struct block *blocks;
    size_t count;
    size_t room;
};

/* --- gathering -------------------------------------------------------------------------------- */

enum { BLOCKS_MOST = 4096 };

static pb_status add_block(struct whole *whole, enum kind kind, struct block **out)
{
    if (whole->count == BLOCKS_MOST)
        return pb_fail(PB_BAD_UPSTREAM, "the reply has more than %d blocks", BLOCKS_MOST);
    if (whole->count == whole->room) {
        size_t room = whole->room ? whole->room * 2 : 4;
        struct block *blocks = realloc(whole->blocks, room * sizeof *blocks);
        if (!blocks)
            return pb_fail(PB_NO_MEMORY, "out of memory");
        whole->blocks = blocks;
        whole->room = room;
    }
    *out = &whole->blocks[whole->count++];
    memset(*out, 0, sizeof **out);
    (*out)->kind = kind;
    return PB_OK;
}

static pb_status note_text(struct whole *whole, enum kind kind, pb_str text)
{
    struct block *last = whole->count ? &whole->blocks[whole->count - 1] : NULL;
    pb_status status = PB_OK;

    if (!text.size)
        return PB_OK;
    if (!last || last->kind != kind || last->whole)
        status = add_block(whole, kind, &last);
    return status == PB_OK ? pb_reply_add(&whole->reply, &last->text, text) : status;
}

static pb_status note_thinking(struct whole *whole, const pb_event *event)
{
    pb_str signature = pb_json_text(pb_json_get(event->data, "signature"));
    pb_str redacted = pb_json_text(pb_json_get(event->data, "redacted"));
    pb_status status = note_text(whole, THINKING, event->text);
    struct block *last = whole->count ? &whole->blocks[whole->count - 1] : NULL;

    if (status != PB_OK || (!signature.data && !redacted.data))
        return status;
    if (redacted.data)
        status = add_block(whole, REDACTED, &last);
    else if (!last || last->kind != THINKING || last->whole)
        status = add_block(whole, THINKING, &last);
    if (status != PB_OK)
        return status;
    last->whole = true;
    return pb_reply_add(&whole->reply, redacted.data ? &last->text : &last->signature,
                        redacted.data ? redacted : signature);
}

static pb_status note_call(struct whole *whole, const pb_event *event)
{
    struct block *call = NULL;
    pb_status status = PB_OK;

    for (size_t i = 0; i < whole->count && !call; i++)
        if (whole->blocks[i].kind == CALL && whole->blocks[i].index == event->index &&
            whole->blocks[i].branch == event->branch)
            call = &whole->blocks[i];
    if (!call)
        status = add_block(whole, CALL, &call);
    if (status != PB_OK)
        return status;
    call->index = event->index;
    call->branch = event->branch;
    if (!call->id.size)
        status = pb_reply_add(&whole->reply, &call->id, event->id);
    if (status == PB_OK && !call->name.size)
        status = pb_reply_add(&whole->reply, &call->name, event->name);
    if (status == PB_OK && event->data && !call->signature.size)
        status = pb_reply_add(&whole->reply, &call->signature,
                              pb_json_text(pb_json_get(event->data, "signature")));
    return status == PB_OK ? pb_reply_add(&whole->reply, &call->text, event->text) : status;
}

static void forget(struct whole *whole)
{
    for (size_t i = 0; i < whole->count; i++) {
        free(whole->blocks[i].id.data);
        free(whole->blocks[i].name.data);
        free(whole->blocks[i].text.data);
        free(whole->blocks[i].signature.data);
    }
    free(whole->blocks);
    pb_reply_end(&whole->reply);
}

/* --- writing ---------------------------------------------------------------------------------- */

void anthropic_message_begin(pb_json_writer *writer, const struct exchange *exchange, pb_str model)
{
    pb_buf_add(writer->buf, pb_lit("{\"id\":\"msg_"));
    pb_buf_add(writer->buf, exchange->source->info.id);
    pb_buf_add(writer->buf, pb_lit("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"));
    pb_json_quote(writer->buf, model);
    pb_buf_add(writer->buf, pb_lit(",\"content\":["));
    writer->comma = false;
}

static pb_str stop_reason(const pb_turn_result *result)
{
    switch (result->finish) {
    case PB_FINISH_LENGTH:
        return pb_lit("max_tokens");
    case PB_FINISH_TOOL_CALLS:
        return pb_lit("tool_use");
    case PB_FINISH_FILTER:
        return pb_lit("refusal");
    default:
        return result->stop.size ? pb_lit("stop_sequence") : pb_lit("end_turn");
    }
}

void anthropic_stop_write(pb_json_writer *writer, const pb_turn_result *result)
{
    pb_jw_member(writer, "container", (pb_str){0});
    pb_jw_member(writer, "stop_reason", result ? stop_reason(result) : (pb_str){0});
    pb_jw_member(writer, "stop_sequence",
                 result && result->finish == PB_FINISH_STOP ? result->stop : (pb_str){0});
    pb_jw_key(writer, "stop_details");
    if (result && result->finish == PB_FINISH_FILTER)
        pb_jw_raw(writer, pb_lit("{\"type\":\"refusal\",\"category\":null,\"explanation\":null}"));
    else
        pb_jw_null(writer);
}

/* There, tokens that were read from a cache are counted beside the others. */
void anthropic_usage_write(pb_json_writer *writer, const pb_turn_result *result)
{
    static const pb_usage none = {0};
    const pb_usage *usage = result ? &result->usage : &none;

    pb_jw_key(writer, "usage");
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "input_tokens", usage->input_tokens - usage->cached_tokens);
    pb_jw_count(writer, "output_tokens", usage->output_tokens);
    pb_jw_count(writer, "cache_read_input_tokens", usage->cached_tokens);
    pb_jw_count(writer, "cache_creation_input_tokens", 0);
    pb_jw_key(writer, "output_tokens_details");
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "thinking_tokens", usage->reasoning_tokens);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* An object; what is none is told as Anthropic's documentation proposes. */
static void write_input(pb_json_writer *writer, pb_str arguments)
{
    const pb_json *json;

    pb_jw_key(writer, "input");
    if (!pb_str_trim(arguments).size) {
        pb_jw_raw(writer, pb_lit("{}"));
    } else if (pb_json_parse(arguments, &json) == PB_OK && json->type == PB_JSON_OBJECT) {
        pb_jw_raw(writer, pb_str_trim(arguments));
    } else {
        pb_error_clear();
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "INVALID_JSON", arguments);
        pb_jw_close(writer, '}');
    }
}

static void write_block(pb_json_writer *writer, const struct block *block)
{
    pb_str text = block->text.data ? pb_reply_str(&block->text) : pb_lit("");

    pb_jw_open(writer, '{');
    switch (block->kind) {
    case TEXT:
        pb_jw_member(writer, "type", pb_lit("text"));
        pb_jw_member(writer, "text", text);
        pb_jw_member(writer, "citations", (pb_str){0});
        break;
    case THINKING:
        pb_jw_member(writer, "type", pb_lit("thinking"));
        pb_jw_member(writer, "thinking", text);
        pb_jw_key(writer, "signature");
        pb_jw_str(writer, pb_reply_str(&block->signature));
        break;
    case REDACTED:
        pb_jw_member(writer, "type", pb_lit("redacted_thinking"));
        pb_jw_member(writer, "data", text);
        break;
    case CALL:
        pb_jw_member(writer, "type", pb_lit("tool_use"));
        pb_jw_key(writer, "id");
        pb_jw_str(writer, pb_reply_str(&block->id));
        pb_jw_key(writer, "name");
        pb_jw_str(writer, pb_reply_str(&block->name));
        write_input(writer, text);
        if (block->signature.size)
            pb_jw_member(writer, "signature", pb_reply_str(&block->signature));
        break;
    }
    pb_jw_close(writer, '}');
}

static pb_status answer_done(struct whole *whole, const pb_turn_result *result)
{
    struct exchange *exchange = whole->exchange;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)pb_buf_room(&buf, whole->reply.kept + whole->reply.kept / 8 + 1024);
    anthropic_message_begin(&writer, exchange, whole->ask->model);
    for (size_t i = 0; i < whole->count; i++)
        write_block(&writer, &whole->blocks[i]);
    pb_jw_close(&writer, ']');
    anthropic_stop_write(&writer, result);
    anthropic_usage_write(&writer, result);
    openai_extras_write(&writer, &whole->reply, exchange->source->info.id, result);
    pb_jw_close(&writer, '}');
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

/* --- the sink --------------------------------------------------------------------------------- */

static pb_status whole_emit(pb_sink *sink, const pb_event *event)
{
    struct whole *whole = (struct whole *)sink;

    switch (event->type) {
    case PB_EVENT_TEXT:
        return note_text(whole, TEXT, event->text);
    case PB_EVENT_THINKING:
        return note_thinking(whole, event);
    case PB_EVENT_TOOL_CALL: /* a call that was run here is none for the client to make */
        return event->flags & PB_EVENT_LOCAL ? (pb_status)PB_OK : note_call(whole, event);
    case PB_EVENT_SOURCE:
        return pb_reply_note(&whole->reply, event);
    case PB_EVENT_DONE:
        break;
    default:
        return PB_OK;
    }
    if (event->result->status == PB_OK)
        return answer_done(whole, event->result);
    if (event->result->error)
        return answer_failure(whole->exchange, event->result->error);
    return answer_error(whole->exchange);
}

pb_status anthropic_answer_whole(struct exchange *exchange, const struct ask *ask)
{
    struct whole whole = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = whole_emit},
        .exchange = exchange,
        .ask = ask,
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = source_run(exchange, &whole.base);

    forget(&whole);
    return status;
}
