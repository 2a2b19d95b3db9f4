/* turns_stream.c - a turn of the native API as typed server-sent events.
 *
 * The header and the event `turn` go out with the first event, so that what fails before it has a
 * status of its own; a turn that is silent for a moment shows them anyway: a client knows the id by
 * which it may cancel. Text is one quoted string between two constants. A tool call is sent when it
 * is whole. The events of a kept turn carry their numbers as ids, so that a stream can be resumed.
 */
#include "native/native.h"

enum { ROOM = 1024 };

static const pb_duration silence = 250 * PB_MILLISECOND;

struct stream {
    pb_sink base;
    struct exchange *exchange;
    uint64_t number; /* of the event that is written, its id */
    size_t flushed;  /* tool calls that were sent */
    char *frame;     /* ROOM bytes to write an event in */
    pb_reply reply;  /* of sources and tool calls */
};

/* Begins an event in the frame, or in the scope when it outgrows that. The events of a plain turn
 * are counted, those of a kept one have their numbers. */
static pb_buf event_begin(struct stream *stream, const char *name)
{
    pb_buf buf = {.data = stream->frame, .capacity = ROOM};

    if (!stream->exchange->source->kept)
        stream->number++;
    pb_buf_printf(&buf, "id: %llu\nevent: %s\ndata: ", (unsigned long long)stream->number, name);
    return buf;
}

static pb_status event_end(struct stream *stream, pb_buf *buf)
{
    pb_buf_add(buf, pb_lit("\n\n"));
    if (buf->failed)
        return PB_NO_MEMORY;
    return answer_write(stream->exchange, pb_buf_str(buf));
}

static void add_branch(pb_buf *buf, const pb_event *event)
{
    if (event->branch)
        pb_buf_printf(buf, ",\"branch\":%d", event->branch);
}

static pb_status emit_text(struct stream *stream, const char *name, const pb_event *event)
{
    pb_buf buf = event_begin(stream, name);

    pb_buf_add(&buf, pb_lit("{\"delta\":"));
    pb_json_quote(&buf, event->text);
    add_branch(&buf, event);
    pb_buf_byte(&buf, '}');
    return event_end(stream, &buf);
}

static pb_status emit_turn(struct stream *stream)
{
    const pb_turn_info *info = &stream->exchange->source->info;
    pb_buf buf = event_begin(stream, "turn");
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", info->id);
    pb_jw_member(&writer, "conversation", info->conversation);
    pb_jw_member(&writer, "pipeline", info->pipeline);
    if (info->request_id.size)
        pb_jw_member(&writer, "request_id", info->request_id);
    pb_jw_close(&writer, '}');
    return event_end(stream, &buf);
}

/* The header, and who speaks, unless the client knows that from before. */
static pb_status open_stream(struct stream *stream)
{
    struct source *source = stream->exchange->source;

    source_describe(source);
    pb_status status = answer_begin(stream->exchange);
    return status == PB_OK && !source->resumed ? emit_turn(stream) : status;
}

/* What goes wrong here the next write runs into. */
static void open_silent(void *arg)
{
    struct stream *stream = arg;
    const struct source *source = stream->exchange->source;

    if (!stream->exchange->begun && (source->turn || source->about.id.size))
        (void)open_stream(stream);
}

struct call {
    pb_str id, name, arguments;
    int32_t branch;
    bool local; /* run here: its result follows */
};

static pb_status send_call(struct stream *stream, const struct call *call)
{
    pb_buf buf = event_begin(stream, "tool.call");
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", call->id);
    pb_jw_member(&writer, "name", call->name);
    pb_jw_member(&writer, "arguments", call->arguments);
    pb_jw_key(&writer, "local");
    pb_jw_bool(&writer, call->local);
    if (call->branch)
        pb_jw_count(&writer, "branch", call->branch);
    pb_jw_close(&writer, '}');
    return event_end(stream, &buf);
}

/* Sends the calls that are whole: all but the newest, or all. */
static pb_status flush_calls(struct stream *stream, bool all)
{
    size_t whole = stream->reply.call_count;
    pb_status status = PB_OK;

    if (!all && whole)
        whole--;
    while (status == PB_OK && stream->flushed < whole) {
        const pb_reply_call *at = &stream->reply.calls[stream->flushed++];
        struct call call = {.id = pb_reply_str(&at->id),
                            .name = pb_reply_str(&at->name),
                            .arguments = pb_reply_str(&at->arguments),
                            .branch = at->branch};
        status = send_call(stream, &call);
    }
    return status;
}

static pb_status emit_call(struct stream *stream, const pb_event *event)
{
    bool local = event->flags & PB_EVENT_LOCAL;
    struct call call = {event->id, event->name, event->text, event->branch, local};

    /* kept calls are whole */
    return local || event->number ? send_call(stream, &call) : pb_reply_note(&stream->reply, event);
}

static pb_status emit_named(struct stream *stream, const char *name, const pb_event *event,
                            const char *text_key)
{
    pb_buf buf = event_begin(stream, name);
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    if (event->id.data)
        pb_jw_member(&writer, "id", event->id);
    pb_jw_member(&writer, "name", event->name);
    if (text_key)
        pb_jw_member(&writer, text_key, event->text);
    if (event->data) {
        pb_jw_key(&writer, "data");
        pb_jw_json(&writer, event->data);
    }
    if (event->branch)
        pb_jw_count(&writer, "branch", event->branch);
    pb_jw_close(&writer, '}');
    return event_end(stream, &buf);
}

static pb_status emit_source(struct stream *stream, const pb_event *event)
{
    pb_buf buf = event_begin(stream, "source");

    pb_json_write(&buf, event->data);
    pb_status status = event_end(stream, &buf);
    return status == PB_OK ? pb_reply_note(&stream->reply, event) : status;
}

static pb_status emit_usage(struct stream *stream, const pb_turn_result *result)
{
    pb_buf buf = event_begin(stream, "usage");
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_usage_write(&writer, &result->usage);
    return event_end(stream, &buf);
}

static pb_status emit_error(struct stream *stream, const pb_error *error)
{
    pb_buf buf = event_begin(stream, "error");

    pb_problem_write(&buf, error, stream->exchange->source->info.request_id, NULL, 0);
    return event_end(stream, &buf);
}

/* usage and done; or error, which is the end. The number before that of a kept done is left for
 * `usage`. */
static pb_status emit_done(struct stream *stream, const pb_event *event)
{
    const struct source *source = stream->exchange->source;
    const pb_turn_result *result = event->result;
    bool failed = result->status != PB_OK && result->status != PB_CANCELLED;
    pb_status status = PB_OK;

    if (failed) {
        status = emit_error(stream, result->error ? result->error : pb_error_last());
    } else {
        pb_reply_sources_of(&stream->reply, event);
        if (source->kept)
            stream->number--;
        if (!source->kept || stream->number > source->after)
            status = emit_usage(stream, result);
        if (source->kept)
            stream->number++;
        if (status == PB_OK) {
            pb_buf buf = event_begin(stream, "done");
            pb_json_writer writer = pb_json_writer_make(&buf);
            pb_reply_write(&writer, &stream->reply, &source->info, result);
            status = event_end(stream, &buf);
        }
    }
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

static pb_status emit_event(struct stream *stream, const pb_event *event)
{
    switch (event->type) {
    case PB_EVENT_TEXT:
        return emit_text(stream, "text", event);
    case PB_EVENT_THINKING:
        return emit_text(stream, "thinking", event);
    case PB_EVENT_TOOL_CALL:
        return emit_call(stream, event);
    case PB_EVENT_TOOL_RESULT:
        return emit_named(stream, "tool.result", event, "result");
    case PB_EVENT_SOURCE:
        return event->data ? emit_source(stream, event) : (pb_status)PB_OK;
    case PB_EVENT_STAGE:
        return emit_named(stream, "stage", event, "state");
    case PB_EVENT_CUSTOM:
        return emit_named(stream, "custom", event, NULL);
    case PB_EVENT_DONE:
        return emit_done(stream, event);
    default:
        return PB_OK;
    }
}

/* Did the turn fail before it said anything, so that the answer can be the failure? */
static bool fails_at_once(const struct stream *stream, const pb_event *event)
{
    return event->type == PB_EVENT_DONE && event->result->status != PB_OK &&
           event->result->status != PB_CANCELLED && !stream->exchange->source->reread;
}

static pb_status begin_with(struct stream *stream, const pb_event *event)
{
    if (!fails_at_once(stream, event))
        return open_stream(stream);
    source_describe(stream->exchange->source);
    return answer_failure(stream->exchange,
                          event->result->error ? event->result->error : pb_error_last());
}

static pb_status stream_emit(pb_sink *sink, const pb_event *event)
{
    struct stream *stream = (struct stream *)sink;
    bool calling = event->type == PB_EVENT_TOOL_CALL;
    bool small = event->type == PB_EVENT_TEXT && event->text.size <= (ROOM - 256) / 6;

    if (event->type == PB_EVENT_USAGE) /* of one model call: clients get the sum */
        return PB_OK;
    pb_scope *scope = small ? NULL : pb_scope_begin();
    pb_status status = PB_OK;
    if (!stream->exchange->begun)
        status = begin_with(stream, event);
    if (status == PB_OK && !stream->exchange->answered) {
        if (event->number)
            stream->number = event->number;
        status = flush_calls(stream, !calling);
        if (status == PB_OK)
            status = emit_event(stream, event);
        if (status == PB_OK && calling)
            status = flush_calls(stream, false);
    }
    if (scope)
        pb_scope_end(scope);
    return status;
}

pb_status turns_answer_stream(struct exchange *exchange)
{
    struct stream stream = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = stream_emit},
        .exchange = exchange,
        .frame = pb_alloc(ROOM),
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };

    if (!stream.frame)
        return PB_NO_MEMORY;
    answer_overdue(exchange, silence, open_silent, &stream);
    pb_status status = source_run(exchange, &stream.base);
    answer_overdue(exchange, 0, NULL, NULL);
    pb_reply_end(&stream.reply);
    return status;
}
