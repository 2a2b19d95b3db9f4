/* stream.c - a message as a stream of events: message_start, blocks one after another, message_delta,
 * message_stop.
 *
 * A block's deltas all begin alike: what stands before their text is formatted when the block begins, and a piece
 * of text is one quoted string behind it and one write. Calls whose pieces interleave wait in calls.c. The header
 * and message_start wait for the first piece, so that what fails before it has a status of its own; where nothing
 * comes for as long as a heartbeat may take, they go out alone.
 */
#include "anthropic/stream.h"
#include "openai/openai.h"

enum { ROOM = 768 }; /* behind a delta's beginning, for text that needs no memory of its own */

static const pb_str delta_end = PB_LIT("}}\n\n");

static const struct kind {
    pb_str start;  /* of content_block_start, behind the index */
    pb_str before; /* of content_block_delta, from the index to the text */
} kinds[] = {
    [BLOCK_TEXT] = {PB_LIT("{\"type\":\"text\",\"text\":\"\",\"citations\":null}"),
                    PB_LIT("{\"type\":\"text_delta\",\"text\":")},
    [BLOCK_THINKING] = {PB_LIT("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
                        PB_LIT("{\"type\":\"thinking_delta\",\"thinking\":")},
    [BLOCK_CALL] = {PB_LIT(""), PB_LIT("{\"type\":\"input_json_delta\",\"partial_json\":")},
};

static pb_status write_out(struct stream *stream, const pb_buf *buf)
{
    return buf->failed ? (pb_status)PB_NO_MEMORY : answer_write(stream->exchange, pb_buf_str(buf));
}

static pb_status open_message(struct stream *stream)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    source_describe(stream->exchange->source);
    pb_status status = answer_begin(stream->exchange);
    if (status != PB_OK)
        return status;
    pb_buf_add(&buf, pb_lit("event: message_start\ndata: {\"type\":\"message_start\",\"message\":"));
    anthropic_message_begin(&writer, stream->exchange, stream->ask->model);
    pb_jw_close(&writer, ']');
    anthropic_stop_write(&writer, NULL);
    anthropic_usage_write(&writer, NULL);
    pb_buf_add(&buf, pb_lit("}}\n\n"));
    return write_out(stream, &buf);
}

/* What goes wrong here the next write runs into. */
static void open_silent(void *arg)
{
    struct stream *stream = arg;

    if (!stream->exchange->begun)
        (void)open_message(stream);
}

/* --- blocks ----------------------------------------------------------------------------------- */

pb_status stream_begin_block(struct stream *stream, int32_t block, pb_str start)
{
    pb_buf frame = {.data = stream->frame, .capacity = stream->capacity};
    pb_buf buf = {0};

    stream->open = block;
    pb_buf_printf(&frame,
                  "event: content_block_delta\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":%zu,\"delta\":%s",
                  stream->index, kinds[block].before.data);
    stream->begin = frame.size;
    pb_buf_printf(&buf,
                  "event: content_block_start\n"
                  "data: {\"type\":\"content_block_start\",\"index\":%zu,\"content_block\":",
                  stream->index);
    pb_buf_add(&buf, start);
    pb_buf_add(&buf, pb_lit("}\n\n"));
    return write_out(stream, &buf);
}

pb_status stream_end_block(struct stream *stream)
{
    pb_buf buf = {0};

    if (stream->open == BLOCK_NONE)
        return PB_OK;
    stream->open = BLOCK_NONE;
    pb_buf_printf(&buf,
                  "event: content_block_stop\n"
                  "data: {\"type\":\"content_block_stop\",\"index\":%zu}\n\n",
                  stream->index++);
    return write_out(stream, &buf);
}

pb_status stream_delta(struct stream *stream, pb_str text)
{
    bool small = text.size <= (ROOM - 16) / 6; /* a byte is quoted as six at most */
    pb_scope *scope = small ? NULL : pb_scope_begin();
    pb_buf buf = {.data = stream->frame, .size = stream->begin, .capacity = stream->capacity};

    pb_json_quote(&buf, text);
    pb_buf_add(&buf, delta_end);
    pb_status status = write_out(stream, &buf);
    if (scope)
        pb_scope_end(scope);
    return status;
}

/* Makes `block` the open one; calls that wait go out before it. */
static pb_status turn_to(struct stream *stream, int32_t block)
{
    pb_status status = calls_finish(stream);

    if (status == PB_OK && stream->open != block) {
        status = stream_end_block(stream);
        if (status == PB_OK)
            status = stream_begin_block(stream, block, kinds[block].start);
    }
    return status;
}

static pb_status emit_text(struct stream *stream, int32_t block, pb_str text)
{
    pb_status status = PB_OK;

    if (!text.size)
        return PB_OK;
    if (stream->open != block) {
        pb_scope *scope = pb_scope_begin();
        status = turn_to(stream, block);
        pb_scope_end(scope);
    }
    return status == PB_OK ? stream_delta(stream, text) : status;
}

static pb_status emit_redacted(struct stream *stream, pb_str data)
{
    pb_buf start = {0};
    pb_status status = calls_finish(stream);

    if (status == PB_OK)
        status = stream_end_block(stream);
    pb_buf_add(&start, pb_lit("{\"type\":\"redacted_thinking\",\"data\":"));
    pb_json_quote(&start, data);
    pb_buf_add(&start, pb_lit("}"));
    if (status == PB_OK)
        status = stream_begin_block(stream, BLOCK_THINKING, pb_buf_str(&start));
    return status == PB_OK ? stream_end_block(stream) : status;
}

/* The signature is the last delta of its block. */
static pb_status emit_signature(struct stream *stream, pb_str signature)
{
    pb_buf buf = {0};
    pb_status status = turn_to(stream, BLOCK_THINKING);

    if (status != PB_OK)
        return status;
    pb_buf_printf(&buf,
                  "event: content_block_delta\n"
                  "data: {\"type\":\"content_block_delta\",\"index\":%zu,"
                  "\"delta\":{\"type\":\"signature_delta\",\"signature\":",
                  stream->index);
    pb_json_quote(&buf, signature);
    pb_buf_add(&buf, delta_end);
    status = write_out(stream, &buf);
    return status == PB_OK ? stream_end_block(stream) : status;
}

static pb_status emit_thinking(struct stream *stream, const pb_event *event)
{
    pb_str signature = pb_json_text(pb_json_get(event->data, "signature"));
    pb_str redacted = pb_json_text(pb_json_get(event->data, "redacted"));
    pb_status status = emit_text(stream, BLOCK_THINKING, event->text);

    if (status != PB_OK || (!signature.data && !redacted.data))
        return status;
    pb_scope *scope = pb_scope_begin();
    status = redacted.data ? emit_redacted(stream, redacted) : emit_signature(stream, signature);
    pb_scope_end(scope);
    return status;
}

/* --- the end ---------------------------------------------------------------------------------- */

static pb_status emit_end(struct stream *stream, const pb_event *event)
{
    const pb_turn_result *result = event->result;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = calls_finish(stream);

    if (status == PB_OK)
        status = stream_end_block(stream);
    if (status != PB_OK)
        return status;
    pb_reply_sources_of(&stream->reply, event);
    pb_buf_add(&buf, pb_lit("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"));
    anthropic_stop_write(&writer, result);
    pb_jw_close(&writer, '}');
    anthropic_usage_write(&writer, result);
    openai_extras_write(&writer, &stream->reply, stream->exchange->source->info.id, result);
    pb_buf_add(&buf,
               pb_lit("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    status = write_out(stream, &buf);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

/* In the middle: clients raise on this event; nothing follows. */
static pb_status emit_error(struct stream *stream, const pb_error *error)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_buf_add(&buf, pb_lit("event: error\ndata: "));
    anthropic_document_write(&writer, stream->exchange, error,
                             answer_status(stream->exchange, error));
    pb_buf_add(&buf, pb_lit("\n\n"));
    pb_status status = write_out(stream, &buf);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

static pb_status emit_done(struct stream *stream, const pb_event *event)
{
    const pb_turn_result *result = event->result;
    pb_status status = PB_OK;

    if (result->status != PB_OK) {
        const pb_error *error = result->error ? result->error : pb_error_last();
        return stream->exchange->begun ? emit_error(stream, error)
                                       : answer_failure(stream->exchange, error);
    }
    if (!stream->exchange->begun)
        status = open_message(stream);
    return status == PB_OK ? emit_end(stream, event) : status;
}

static pb_status emit(struct stream *stream, const pb_event *event)
{
    switch (event->type) {
    case PB_EVENT_TEXT:
        return emit_text(stream, BLOCK_TEXT, event->text);
    case PB_EVENT_THINKING:
        return emit_thinking(stream, event);
    case PB_EVENT_TOOL_CALL:
        return calls_note(stream, event);
    case PB_EVENT_SOURCE:
        return pb_reply_note(&stream->reply, event);
    default:
        return PB_OK;
    }
}

static pb_status stream_emit(pb_sink *sink, const pb_event *event)
{
    struct stream *stream = (struct stream *)sink;
    pb_status status = PB_OK;

    if (event->type == PB_EVENT_DONE)
        return emit_done(stream, event);
    if (event->type == PB_EVENT_TOOL_CALL && event->flags & PB_EVENT_LOCAL)
        return PB_OK; /* a call that was run here is none for the client to make */
    if (!stream->exchange->begun && event->type <= PB_EVENT_TOOL_CALL && pb_event_speaks(event)) {
        pb_scope *scope = pb_scope_begin();
        status = open_message(stream);
        pb_scope_end(scope);
    }
    return status == PB_OK ? emit(stream, event) : status;
}

pb_status anthropic_answer_stream(struct exchange *exchange, const struct ask *ask)
{
    struct stream stream = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = stream_emit},
        .exchange = exchange,
        .ask = ask,
        .capacity = ROOM + 256,
        .frame = pb_alloc(ROOM + 256),
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };

    if (!stream.frame)
        return PB_NO_MEMORY;
    answer_overdue(exchange, exchange->http->limits.heartbeat, open_silent, &stream);
    pb_status status = source_run(exchange, &stream.base);
    answer_overdue(exchange, 0, NULL, NULL);
    calls_forget(&stream);
    pb_reply_end(&stream.reply);
    return status;
}
