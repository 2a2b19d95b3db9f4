/* calls.c - the tool calls of a stream, put in line.
 *
 * The blocks of a message follow one another; models may write several calls at the same time. The first is
 * written as it comes, the others wait until its arguments are a whole JSON object, or something else than a call
 * follows.
 */
#include "anthropic/stream.h"

/* How far the arguments of a call are, and what of them was written. */
struct progress {
    size_t sent;
    size_t seen;
    uint32_t depth;
    bool string, escape;
    bool whole;
};

static void look_on(struct progress *progress, pb_str arguments)
{
    for (; progress->seen < arguments.size; progress->seen++) {
        char c = arguments.data[progress->seen];
        if (progress->escape)
            progress->escape = false;
        else if (progress->string && c == '\\')
            progress->escape = true;
        else if (c == '"')
            progress->string = !progress->string;
        else if (!progress->string && (c == '{' || c == '['))
            progress->depth++;
        else if (!progress->string && (c == '}' || c == ']') && progress->depth)
            progress->whole = --progress->depth == 0;
    }
}

static pb_status begin(struct stream *stream, const pb_reply_call *call)
{
    pb_buf start = {0};
    pb_status status = stream_end_block(stream); /* text, or thinking */

    pb_buf_add(&start, pb_lit("{\"type\":\"tool_use\",\"id\":"));
    pb_json_quote(&start, pb_reply_str(&call->id));
    pb_buf_add(&start, pb_lit(",\"name\":"));
    pb_json_quote(&start, pb_reply_str(&call->name));
    pb_buf_add(&start, pb_lit(",\"input\":{}"));
    if (call->signature.size) {
        pb_buf_add(&start, pb_lit(",\"signature\":"));
        pb_json_quote(&start, pb_reply_str(&call->signature));
    }
    pb_buf_add(&start, pb_lit("}"));
    if (start.failed)
        return PB_NO_MEMORY;
    stream->begun++;
    return status == PB_OK ? stream_begin_block(stream, BLOCK_CALL, pb_buf_str(&start)) : status;
}

/* Writes what is there of the open call. */
static pb_status write_on(struct stream *stream)
{
    pb_str arguments = pb_reply_str(&stream->reply.calls[stream->begun - 1].arguments);
    struct progress *progress = &stream->calls[stream->begun - 1];
    pb_str more = pb_str_slice(arguments, progress->sent, arguments.size);

    progress->sent = arguments.size;
    return more.size ? stream_delta(stream, more) : (pb_status)PB_OK;
}

/* Goes on in line: to the first call that is not whole, or (`all`) to the end. */
static pb_status go_on(struct stream *stream, bool all)
{
    pb_status status = PB_OK;

    while (status == PB_OK) {
        if (stream->open == BLOCK_CALL) {
            status = write_on(stream);
            if (status != PB_OK || (!all && !stream->calls[stream->begun - 1].whole))
                return status;
            if (!all && stream->begun == stream->reply.call_count)
                return status; /* blanks may follow */
            status = stream_end_block(stream);
        } else if (stream->begun < stream->reply.call_count) {
            status = begin(stream, &stream->reply.calls[stream->begun]);
        } else {
            return status;
        }
    }
    return status;
}

static bool room_for(struct stream *stream, size_t count)
{
    if (count <= stream->room)
        return true;
    size_t room = stream->room ? stream->room * 2 : 4;
    struct progress *calls = realloc(stream->calls, room * sizeof *calls);
    if (!calls)
        return false;
    memset(calls + stream->room, 0, (room - stream->room) * sizeof *calls);
    stream->calls = calls;
    stream->room = room;
    return true;
}

pb_status calls_note(struct stream *stream, const pb_event *event)
{
    pb_scope *scope = pb_scope_begin();
    pb_status status = pb_reply_note_call(&stream->reply, event);

    if (status == PB_OK && !room_for(stream, stream->reply.call_count))
        status = pb_fail(PB_NO_MEMORY, "out of memory");
    for (size_t i = 0; status == PB_OK && i < stream->reply.call_count; i++) {
        const pb_reply_call *call = &stream->reply.calls[i];
        bool ended = i + 1 < stream->begun || (i + 1 == stream->begun && stream->open != BLOCK_CALL);
        if (call->index != event->index || call->branch != event->branch)
            continue;
        if (ended && pb_str_trim(event->text).size)
            status = pb_fail(PB_BAD_UPSTREAM, "the model went on with a tool call that was over");
        look_on(&stream->calls[i], pb_reply_str(&call->arguments));
    }
    if (status == PB_OK)
        status = go_on(stream, false);
    pb_scope_end(scope);
    return status;
}

pb_status calls_finish(struct stream *stream)
{
    if (stream->open != BLOCK_CALL && stream->begun == stream->reply.call_count)
        return PB_OK;
    return go_on(stream, true);
}

void calls_forget(struct stream *stream)
{
    free(stream->calls);
}
