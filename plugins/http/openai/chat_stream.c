/* chat_stream.c - a chat completion as a stream of chunks.
 *
 * All chunks of a stream begin and end alike: what stands around the delta is formatted once, and a
 * piece of text is one quoted string written behind it and one write. The header waits for the
 * first piece, so that what fails before it still has a status of its own; where nothing comes for
 * as long as a heartbeat may take, it goes out alone.
 */
#include "openai/openai.h"

enum { ROOM = 768 }; /* behind the beginning, for deltas that need no memory of their own */

struct stream {
    pb_sink base;
    struct exchange *exchange;
    const struct chat *chat;
    char *frame; /* the beginning, and room behind it */
    size_t begin;
    size_t capacity;
    pb_str end;
    bool spoke;     /* the role has been sent */
    pb_reply reply; /* of sources and thinking only */
};

/* A buffer that starts in the frame, behind the beginning. */
static pb_buf frame_begin(const struct stream *stream)
{
    pb_buf buf = {.data = stream->frame, .size = stream->begin, .capacity = stream->capacity};
    return buf;
}

static pb_status write_frame(struct stream *stream, pb_buf *buf)
{
    pb_status status = PB_OK;

    if (buf->failed)
        return PB_NO_MEMORY;
    if (!stream->exchange->begun)
        status = answer_begin(stream->exchange);
    if (status == PB_OK)
        status = answer_write(stream->exchange, pb_buf_str(buf));
    return status;
}

/* The first delta of a stream says who speaks. */
static void add_role(struct stream *stream, pb_buf *buf)
{
    if (!stream->spoke)
        pb_buf_add(buf, pb_lit("\"role\":\"assistant\","));
    stream->spoke = true;
}

static pb_status emit_text(struct stream *stream, pb_str key, pb_str text)
{
    bool small = text.size <= (ROOM - 256) / 6; /* a byte is quoted as six at most */
    pb_scope *scope = small ? NULL : pb_scope_begin();
    pb_buf buf = frame_begin(stream);

    add_role(stream, &buf);
    pb_buf_add(&buf, key);
    pb_json_quote(&buf, text);
    pb_buf_add(&buf, stream->end);
    pb_status status = write_frame(stream, &buf);
    if (scope)
        pb_scope_end(scope);
    return status;
}

/* A piece of text with what is known of its tokens. */
static pb_status emit_logprobs(struct stream *stream, const pb_event *event)
{
    const pb_json *list = pb_json_get(event->data, "logprobs");
    pb_scope *scope = pb_scope_begin();
    pb_buf buf = frame_begin(stream);

    add_role(stream, &buf);
    pb_buf_add(&buf, pb_lit("\"content\":"));
    pb_json_quote(&buf, event->text);
    if (pb_json_is(list, PB_JSON_ARRAY)) {
        pb_buf_add(&buf, pb_lit("},\"logprobs\":{\"content\":"));
        pb_json_write(&buf, list);
        pb_buf_add(&buf, pb_lit(",\"refusal\":null"));
    }
    pb_buf_add(&buf, stream->end);
    pb_status status = write_frame(stream, &buf);
    pb_scope_end(scope);
    return status;
}

/* Thinking, and at the end of a block the whole of it with its signature: what the client sends back. */
static pb_status emit_thinking(struct stream *stream, const pb_event *event)
{
    size_t before = stream->reply.blocks.size;
    pb_status status = pb_reply_note(&stream->reply, event);
    pb_str block = pb_reply_str(&stream->reply.blocks);

    if (status == PB_OK && event->text.size)
        status = emit_text(stream, pb_lit("\"reasoning_content\":"), event->text);
    if (status != PB_OK || block.size == before)
        return status;
    pb_scope *scope = pb_scope_begin();
    pb_buf buf = frame_begin(stream);

    add_role(stream, &buf);
    pb_buf_add(&buf, pb_lit("\"thinking_blocks\":["));
    pb_buf_add(&buf, pb_str_slice(block, before + (before > 0), block.size)); /* behind the comma */
    pb_buf_byte(&buf, ']');
    pb_buf_add(&buf, stream->end);
    status = write_frame(stream, &buf);
    pb_scope_end(scope);
    return status;
}

static pb_status emit_tool_call(struct stream *stream, const pb_event *event)
{
    pb_scope *scope = pb_scope_begin();
    pb_buf buf = frame_begin(stream);
    bool first = event->id.size || event->name.size;

    add_role(stream, &buf);
    pb_buf_printf(&buf, "\"tool_calls\":[{\"index\":%u,", event->index);
    if (event->id.size) {
        pb_buf_add(&buf, pb_lit("\"id\":"));
        pb_json_quote(&buf, event->id);
        pb_buf_byte(&buf, ',');
    }
    pb_buf_add(&buf,
               first ? pb_lit("\"type\":\"function\",\"function\":{") : pb_lit("\"function\":{"));
    if (event->name.size) {
        pb_buf_add(&buf, pb_lit("\"name\":"));
        pb_json_quote(&buf, event->name);
        pb_buf_byte(&buf, ',');
    }
    pb_buf_add(&buf, pb_lit("\"arguments\":"));
    pb_json_quote(&buf, event->text);
    pb_buf_byte(&buf, '}');
    if (event->data) {
        pb_json_writer writer = {.buf = &buf, .comma = true};
        openai_signature_write(&writer, pb_json_text(pb_json_get(event->data, "signature")));
    }
    pb_buf_add(&buf, pb_lit("}]"));
    pb_buf_add(&buf, stream->end);
    pb_status status = write_frame(stream, &buf);
    pb_scope_end(scope);
    return status;
}

/* Everything up to the first choice. */
static void begin_chunk(struct stream *stream, pb_json_writer *writer)
{
    pb_buf *buf = writer->buf;

    pb_buf_add(buf, pb_lit("data: {\"id\":\"chatcmpl-"));
    pb_buf_add(buf, stream->exchange->source->info.id);
    pb_buf_add(buf, pb_lit("\",\"object\":\"chat.completion.chunk\",\"created\":"));
    writer->comma = false;
    pb_jw_int(writer, stream->chat->created / 1000);
    pb_buf_add(buf, pb_lit(",\"model\":"));
    pb_json_quote(buf, stream->chat->model);
    pb_buf_add(buf, pb_lit(",\"choices\":["));
}

static void end_chunk(pb_json_writer *writer)
{
    pb_jw_close(writer, '}');
    pb_buf_add(writer->buf, pb_lit("\n\n"));
    writer->comma = false;
}

/* The chunk with the reason for stopping, the one with usage when it was asked for, and [DONE]. */
static pb_status emit_end(struct stream *stream, const pb_turn_result *result)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    const char *finish = openai_finish(result->finish);

    begin_chunk(stream, &writer);
    pb_buf_add(&buf, pb_lit("{\"index\":0,\"delta\":{"));
    if (!stream->spoke)
        pb_buf_add(&buf, pb_lit("\"role\":\"assistant\",\"content\":\"\""));
    pb_buf_add(&buf, pb_lit("},\"finish_reason\":\""));
    pb_buf_add(&buf, pb_str_of(finish ? finish : "stop"));
    pb_buf_add(&buf, pb_lit("\"}"));
    pb_jw_close(&writer, ']');
    if (stream->chat->include_usage)
        pb_jw_member(&writer, "usage", (pb_str){0});
    openai_extras_write(&writer, &stream->reply, stream->exchange->source->info.id, result);
    end_chunk(&writer);
    if (stream->chat->include_usage) {
        begin_chunk(stream, &writer);
        pb_jw_close(&writer, ']');
        pb_jw_key(&writer, "usage");
        openai_usage_write(&writer, &result->usage);
        end_chunk(&writer);
    }
    pb_buf_add(&buf, pb_lit("data: [DONE]\n\n"));
    pb_status status = write_frame(stream, &buf);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

/* An error in the middle: clients raise on an `error` member; no [DONE] follows. */
static pb_status emit_error(struct stream *stream, const pb_error *error)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_buf_add(&buf, pb_lit("data: "));
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "error");
    openai_error_write(&writer, stream->exchange, error);
    end_chunk(&writer);
    pb_status status = write_frame(stream, &buf);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

static pb_status emit_done(struct stream *stream, const pb_turn_result *result)
{
    const pb_error *error = result->error ? result->error : pb_error_last();

    if (result->status == PB_OK)
        return emit_end(stream, result);
    if (stream->exchange->begun)
        return emit_error(stream, error);
    return answer_failure(stream->exchange, error);
}

static pb_status stream_emit(pb_sink *sink, const pb_event *event)
{
    struct stream *stream = (struct stream *)sink;

    switch (event->type) {
    case PB_EVENT_TEXT:
        return event->data ? emit_logprobs(stream, event)
                           : emit_text(stream, pb_lit("\"content\":"), event->text);
    case PB_EVENT_THINKING:
        return emit_thinking(stream, event);
    case PB_EVENT_TOOL_CALL: /* a call that was run here is none for the client to make */
        return event->flags & PB_EVENT_LOCAL ? (pb_status)PB_OK : emit_tool_call(stream, event);
    case PB_EVENT_SOURCE:
        return pb_reply_note(&stream->reply, event);
    case PB_EVENT_DONE:
        return emit_done(stream, event->result);
    default:
        return PB_OK;
    }
}

static pb_status make_frame(struct stream *stream)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    begin_chunk(stream, &writer);
    pb_buf_add(&buf, pb_lit("{\"index\":0,\"delta\":{"));
    if (!pb_buf_room(&buf, ROOM))
        return PB_NO_MEMORY;
    stream->frame = buf.data;
    stream->begin = buf.size;
    stream->capacity = buf.capacity;
    stream->end = stream->chat->include_usage
                      ? pb_lit("},\"finish_reason\":null}],\"usage\":null}\n\n")
                      : pb_lit("},\"finish_reason\":null}]}\n\n");
    return PB_OK;
}

/* What goes wrong here the next write runs into. */
static void open_silent(void *arg)
{
    struct stream *stream = arg;

    if (!stream->exchange->begun)
        (void)answer_begin(stream->exchange);
}

pb_status chat_answer_stream(struct exchange *exchange, const struct chat *chat)
{
    struct stream stream = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = stream_emit},
        .exchange = exchange,
        .chat = chat,
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = make_frame(&stream);

    if (status == PB_OK) {
        answer_overdue(exchange, exchange->http->limits.heartbeat, open_silent,
                           &stream);
        status = source_run(exchange, &stream.base);
        answer_overdue(exchange, 0, NULL, NULL);
    }
    pb_reply_end(&stream.reply);
    return status;
}
