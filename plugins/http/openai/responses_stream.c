/* responses_stream.c - a response as a stream of events.
 *
 * The header waits for the first piece, so that what fails before it still has a status of its own. Function
 * calls end together at the end, because a model may speak of several at once; text and reasoning end when
 * something else begins.
 */
#include "openai/responses.h"

struct stream {
    pb_sink base;
    struct exchange *exchange;
    const struct response *response;
    struct output output;
    int64_t sequence;
    bool told; /* response.created is out */
};

/* --- frames ------------------------------------------------------------------------------------- */

struct frame {
    struct stream *stream;
    pb_scope *scope;
    pb_buf buf;
    pb_json_writer writer;
};

static void frame_begin(struct frame *frame, struct stream *stream, const char *type)
{
    memset(frame, 0, sizeof *frame);
    frame->stream = stream;
    frame->scope = pb_scope_begin();
    frame->writer = pb_json_writer_make(&frame->buf);
    pb_buf_add(&frame->buf, pb_lit("event: "));
    pb_buf_add(&frame->buf, pb_str_of(type));
    pb_buf_add(&frame->buf, pb_lit("\ndata: "));
    pb_jw_open(&frame->writer, '{');
    pb_jw_member(&frame->writer, "type", pb_str_of(type));
    pb_jw_count(&frame->writer, "sequence_number", stream->sequence++);
}

static pb_status frame_end(struct frame *frame)
{
    struct exchange *exchange = frame->stream->exchange;
    pb_status status = PB_OK;

    pb_jw_close(&frame->writer, '}');
    pb_buf_add(&frame->buf, pb_lit("\n\n"));
    if (frame->buf.failed)
        status = PB_NO_MEMORY;
    if (status == PB_OK && !exchange->begun)
        status = answer_begin(exchange);
    if (status == PB_OK)
        status = answer_write(exchange, pb_buf_str(&frame->buf));
    pb_scope_end(frame->scope);
    return status;
}

/* An event about an item: which one, and where in the output. */
static void frame_begin_item(struct frame *frame, struct stream *stream, const char *type,
                             size_t place)
{
    frame_begin(frame, stream, type);
    pb_jw_member(&frame->writer, "item_id",
                 item_name(&stream->output.items[place], stream->response->base));
    pb_jw_count(&frame->writer, "output_index", (int64_t)place);
}

/* What part of the item: the only one it has. */
static void add_part_index(struct frame *frame, int32_t type)
{
    if (type != ITEM_CALL)
        pb_jw_count(&frame->writer, type == ITEM_MESSAGE ? "content_index" : "summary_index", 0);
}

/* --- the response as a whole -------------------------------------------------------------------- */

static pb_status emit_response(struct stream *stream, const char *type,
                               const struct standing *standing)
{
    struct frame frame;

    frame_begin(&frame, stream, type);
    pb_jw_key(&frame.writer, "response");
    response_write(&frame.writer, stream->response, standing);
    return frame_end(&frame);
}

static pb_status tell_begin(struct stream *stream)
{
    struct standing standing = {.status = "in_progress"};

    if (stream->told)
        return PB_OK;
    stream->told = true;
    pb_status status = emit_response(stream, "response.created", &standing);
    return status == PB_OK ? emit_response(stream, "response.in_progress", &standing) : status;
}

/* --- items -------------------------------------------------------------------------------------- */

static pb_status emit_item(struct stream *stream, const char *type, size_t place,
                           const char *status)
{
    const struct output *output = &stream->output;
    struct frame frame;

    frame_begin(&frame, stream, type);
    pb_jw_count(&frame.writer, "output_index", (int64_t)place);
    pb_jw_key(&frame.writer, "item");
    item_write(&frame.writer, output, &output->items[place], stream->response->base, status);
    return frame_end(&frame);
}

/* The part of a message or of reasoning: empty when it begins, whole when it is done. */
static pb_status emit_part(struct stream *stream, const char *type, size_t place, bool done)
{
    const struct item *item = &stream->output.items[place];
    bool message = item->type == ITEM_MESSAGE;
    struct frame frame;

    frame_begin_item(&frame, stream, type, place);
    add_part_index(&frame, item->type);
    pb_jw_key(&frame.writer, "part");
    pb_jw_open(&frame.writer, '{');
    pb_jw_member(&frame.writer, "type", message ? pb_lit("output_text") : pb_lit("summary_text"));
    pb_jw_key(&frame.writer, "text");
    pb_jw_str(&frame.writer, done ? item_text(&stream->output, item) : pb_lit(""));
    if (message)
        pb_jw_raw(&frame.writer, pb_lit("\"annotations\":[],\"logprobs\":[]"));
    pb_jw_close(&frame.writer, '}');
    return frame_end(&frame);
}

static pb_status begin_item(struct stream *stream, size_t place)
{
    int32_t type = stream->output.items[place].type;
    pb_status status = emit_item(stream, "response.output_item.added", place, "in_progress");

    if (status != PB_OK || type == ITEM_CALL)
        return status;
    return emit_part(stream,
                     type == ITEM_MESSAGE ? "response.content_part.added"
                                          : "response.reasoning_summary_part.added",
                     place, false);
}

static const char *delta_type(int32_t type)
{
    return type == ITEM_MESSAGE     ? "response.output_text.delta"
           : type == ITEM_REASONING ? "response.reasoning_summary_text.delta"
                                    : "response.function_call_arguments.delta";
}

static pb_status emit_delta(struct stream *stream, size_t place, const pb_event *event)
{
    const struct item *item = &stream->output.items[place];
    const pb_json *logprobs = pb_json_get(event->data, "logprobs");
    struct frame frame;

    if (!event->text.size && !logprobs)
        return PB_OK;
    frame_begin_item(&frame, stream, delta_type(item->type), place);
    add_part_index(&frame, item->type);
    pb_jw_key(&frame.writer, "delta");
    pb_jw_str(&frame.writer, event->text);
    if (item->type == ITEM_MESSAGE) {
        pb_jw_key(&frame.writer, "logprobs");
        if (pb_json_is(logprobs, PB_JSON_ARRAY))
            pb_jw_json(&frame.writer, logprobs);
        else
            pb_jw_raw(&frame.writer, pb_lit("[]"));
    }
    return frame_end(&frame);
}

static pb_status emit_text_done(struct stream *stream, size_t place)
{
    const struct item *item = &stream->output.items[place];
    const char *type = item->type == ITEM_MESSAGE     ? "response.output_text.done"
                       : item->type == ITEM_REASONING ? "response.reasoning_summary_text.done"
                                                      : "response.function_call_arguments.done";
    bool call = item->type == ITEM_CALL;
    struct frame frame;

    frame_begin_item(&frame, stream, type, place);
    add_part_index(&frame, item->type);
    if (call)
        pb_jw_member(&frame.writer, "name",
                     pb_reply_str(&stream->output.reply.calls[item->number].name));
    pb_jw_key(&frame.writer, call ? "arguments" : "text");
    pb_jw_str(&frame.writer, item_text(&stream->output, item));
    if (item->type == ITEM_MESSAGE)
        pb_jw_raw(&frame.writer, pb_lit("\"logprobs\":[]"));
    return frame_end(&frame);
}

static pb_status end_item(struct stream *stream, size_t place, const char *how)
{
    struct item *item = &stream->output.items[place];
    pb_status status;

    if (item->ended)
        return PB_OK;
    item->ended = true;
    status = emit_text_done(stream, place);
    if (status == PB_OK && item->type != ITEM_CALL)
        status = emit_part(stream,
                           item->type == ITEM_MESSAGE ? "response.content_part.done"
                                                      : "response.reasoning_summary_part.done",
                           place, true);
    return status == PB_OK ? emit_item(stream, "response.output_item.done", place, how) : status;
}

/* Ends all that stand before `place`, but calls only at the very end. */
static pb_status end_items(struct stream *stream, size_t place, bool calls, const char *how)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < place && status == PB_OK; i++)
        if (calls || stream->output.items[i].type != ITEM_CALL)
            status = end_item(stream, i, i + 1 == stream->output.count ? how : "completed");
    return status;
}

static pb_status emit_piece(struct stream *stream, const pb_event *event)
{
    size_t place;
    bool fresh;
    pb_status status = output_note(&stream->output, event, &place, &fresh);

    if (status == PB_DECLINED)
        return PB_OK;
    if (status == PB_OK)
        status = tell_begin(stream);
    if (status == PB_OK && fresh)
        status = end_items(stream, place, false, "completed");
    if (status == PB_OK && fresh)
        status = begin_item(stream, place);
    return status == PB_OK ? emit_delta(stream, place, event) : status;
}

/* --- the end ------------------------------------------------------------------------------------ */

static pb_status emit_end(struct stream *stream, const pb_turn_result *result)
{
    const char *state = response_status(result->finish);
    struct standing standing = {.status = state,
                                .output = &stream->output,
                                .result = result,
                                .turn = stream->exchange->source->info.id};
    pb_status status = tell_begin(stream);

    if (status == PB_OK)
        status = end_items(stream, stream->output.count, true, state);
    if (status == PB_OK)
        status = emit_response(stream,
                               pb_str_is(pb_str_of(state), "completed") ? "response.completed"
                                                                        : "response.incomplete",
                               &standing);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

/* In the middle: what is wrong, and the response as far as it came. */
static pb_status emit_failure(struct stream *stream, const pb_turn_result *result,
                              const pb_error *error)
{
    struct standing standing = {.status = "failed",
                                .output = &stream->output,
                                .result = result,
                                .error = error,
                                .turn = stream->exchange->source->info.id};
    struct frame frame;
    pb_status status = tell_begin(stream);

    if (status != PB_OK)
        return status;
    frame_begin(&frame, stream, "error");
    openai_error_members(&frame.writer, stream->exchange, error);
    status = frame_end(&frame);
    if (status == PB_OK)
        status = emit_response(stream, "response.failed", &standing);
    return status == PB_OK ? answer_end(stream->exchange) : status;
}

static pb_status stream_emit(pb_sink *sink, const pb_event *event)
{
    struct stream *stream = (struct stream *)sink;
    const pb_turn_result *result = event->result;

    if (event->type != PB_EVENT_DONE)
        return emit_piece(stream, event);
    const pb_error *error = result->error ? result->error : pb_error_last();
    if (result->status == PB_OK)
        return emit_end(stream, result);
    return stream->exchange->begun ? emit_failure(stream, result, error)
                                   : answer_failure(stream->exchange, error);
}

/* What goes wrong here the next write runs into. */
static void open_silent(void *arg)
{
    struct stream *stream = arg;

    if (!stream->exchange->begun)
        (void)answer_begin(stream->exchange);
}

pb_status response_answer_stream(struct exchange *exchange, struct response *response)
{
    struct stream stream = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = stream_emit},
        .exchange = exchange,
        .response = response,
        .output = output_make((size_t)exchange->http->limits.reply),
    };

    answer_overdue(exchange, exchange->http->limits.heartbeat, open_silent, &stream);
    pb_status status = source_run(exchange, &stream.base);
    answer_overdue(exchange, 0, NULL, NULL);
    output_end(&stream.output);
    return status;
}
