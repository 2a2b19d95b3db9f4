/* capture.c - the sink that notes what is said, and the batch that stores it.
 *
 * What is said by several branches at once: the first that speaks is the reply,
 * the others stand behind it.
 */
#include "recent.h"

/* --- rounds of tools that run here ---------------------------------------------------------------
 */

enum { NO_STEP, IN_CALLS, IN_RESULTS };

static pb_status add_raw(struct capture *capture, pb_str json)
{
    return pb_reply_add(&capture->reply, &capture->steps, json);
}

static pb_status close_step(struct capture *capture)
{
    pb_str end = capture->in_step == IN_CALLS ? pb_lit("],\"results\":[]}") : pb_lit("]}");
    pb_status status = capture->in_step == NO_STEP ? (pb_status)PB_OK : add_raw(capture, end);

    capture->in_step = NO_STEP;
    return status;
}

/* Opens what the event belongs to: the calls of a new round, or the results of this one. */
static pb_status open_step(struct capture *capture, bool call)
{
    pb_status status = PB_OK;

    if (call && capture->in_step == IN_RESULTS)
        status = close_step(capture);
    if (status != PB_OK)
        return status;
    if (call && capture->in_step == NO_STEP) {
        capture->in_step = IN_CALLS;
        return add_raw(capture,
                       pb_printf("%s{\"at\":%zu,\"calls\":[", capture->steps.size ? "," : "",
                                 capture->reply.text.size));
    }
    if (!call && capture->in_step == IN_CALLS) {
        capture->in_step = IN_RESULTS;
        return add_raw(capture, pb_lit("],\"results\":["));
    }
    return add_raw(capture, pb_lit(","));
}

static pb_status note_tool(struct capture *capture, const pb_event *event)
{
    bool call = event->type == PB_EVENT_TOOL_CALL;
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    if (!call && capture->in_step == NO_STEP)
        return PB_OK; /* of a call that nobody announced */
    pb_scope *scope = pb_scope_begin();
    pb_status status = open_step(capture, call);
    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", event->id);
    pb_jw_member(&writer, "name", event->name);
    pb_jw_member(&writer, call ? "arguments" : "text", event->text);
    pb_jw_close(&writer, '}');
    if (status == PB_OK)
        status = pb_buf_status(&buf);
    if (status == PB_OK)
        status = add_raw(capture, pb_buf_str(&buf));
    pb_scope_end(scope);
    return status;
}

/* --- what is stored -----------------------------------------------------------------------------
 */

static void write_raw(pb_json_writer *writer, const char *key, const pb_reply_text *items)
{
    if (!items->size)
        return;
    pb_jw_key(writer, key);
    pb_jw_open(writer, '[');
    pb_jw_raw(writer, pb_reply_str(items));
    pb_jw_close(writer, ']');
}

/* What the reply has beside its text; absent when nothing. */
static pb_status extra_text(const struct capture *capture, pb_str *out)
{
    const pb_reply *reply = &capture->reply;
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    *out = pb_str_make(NULL, 0);
    if (!capture->steps.size && !reply->call_count && !reply->sources.size && !reply->thinking.size &&
        !reply->blocks.size)
        return PB_OK;
    pb_jw_open(&writer, '{');
    if (reply->call_count)
        pb_reply_write_calls(&writer, reply);
    write_raw(&writer, "steps", &capture->steps);
    write_raw(&writer, "sources", &reply->sources);
    if (reply->thinking.size)
        pb_jw_member(&writer, "thinking", pb_reply_str(&reply->thinking));
    write_raw(&writer, "blocks", &reply->blocks);
    pb_jw_close(&writer, '}');
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* The text, with what other branches said behind it; a copy, because it may grow meanwhile. */
pb_status capture_text(const struct capture *capture, pb_str *out)
{
    pb_buf buf;

    memset(&buf, 0, sizeof buf);
    pb_buf_add(&buf, pb_reply_str(&capture->reply.text));
    for (size_t i = 0; i < capture->other_count; i++) {
        pb_buf_add(&buf, pb_lit("\n\n"));
        pb_buf_add(&buf, pb_reply_str(&capture->others[i]));
    }
    *out = buf.size ? pb_buf_str(&buf) : pb_lit("");
    return pb_buf_status(&buf);
}

/* --- the sink ------------------------------------------------------------------------------------
 */

static pb_reply_text *other_text(struct capture *capture, int32_t branch)
{
    for (size_t i = 0; i < capture->other_count; i++)
        if (capture->branches[i] == branch)
            return &capture->others[i];
    if (capture->other_count == CAPTURE_BRANCHES)
        return NULL;
    capture->branches[capture->other_count] = branch;
    return &capture->others[capture->other_count++];
}

static pb_status note(struct capture *capture, const pb_event *event)
{
    bool tool = event->type == PB_EVENT_TOOL_CALL || event->type == PB_EVENT_TOOL_RESULT;

    if (!pb_event_speaks(event))
        return PB_OK;
    if (capture->branch < 0)
        capture->branch = event->branch;
    if (event->branch != capture->branch && event->type == PB_EVENT_TEXT) {
        pb_reply_text *text = other_text(capture, event->branch);
        return text ? pb_reply_add(&capture->reply, text, event->text) : (pb_status)PB_OK;
    }
    if (event->branch != capture->branch && event->type != PB_EVENT_SOURCE)
        return PB_OK;
    if (tool && event->flags & PB_EVENT_LOCAL)
        return note_tool(capture, event);
    return pb_reply_note(&capture->reply, event);
}

static pb_status capture_emit(pb_sink *sink, const pb_event *event)
{
    struct capture *capture = (struct capture *)(void *)sink;
    pb_status status = note(capture, event);

    return status == PB_OK ? pb_pass(sink, event) : status;
}

void capture_begin(struct capture *capture, struct history *history)
{
    capture->base.size = (uint32_t)sizeof capture->base;
    capture->base.emit = capture_emit;
    capture->reply = pb_reply_make(0);
    capture->branch = -1;
    saver_add(history, capture);
}

/* --- the end ------------------------------------------------------------------------------------
 */

struct ending {
    struct capture *capture;
    pb_status status;
    pb_str reason;
    bool awaited;       /* somebody waits for the conversation */
    pb_str text, extra; /* as stored */
    int64_t output_tokens, version;
    bool taken; /* somebody else has it */
};

static pb_value count_value(int64_t count, uint32_t calls)
{
    return calls ? pb_value_int(count) : pb_value_null();
}

/* The next turn of the conversation need not read what was said in this one. */
static void remember(const struct claim *claim, const struct ending *ending)
{
    size_t count = claim->fresh_count;
    pb_scope *scope = pb_scope_begin();
    struct recall_row *rows = PB_NEW_ARRAY(struct recall_row, count + 1);
    pb_status status = rows ? PB_OK : PB_NO_MEMORY;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const pb_message *message = claim->fresh[i];
        rows[i] = (struct recall_row){claim->first + (int64_t)i, message->role, 0, message->text,
                                      pb_str_make(NULL, 0)};
        status = extra_of(message, &rows[i].extra);
    }
    if (status == PB_OK) {
        rows[count] = (struct recall_row){claim->first + (int64_t)count, PB_ROLE_ASSISTANT,
                                          ending->output_tokens, ending->text, ending->extra};
        recent_add(claim->recent, claim, ending->version, rows, count + 1);
    } else {
        recent_forget(claim->recent, claim->conversation);
    }
    pb_scope_end(scope);
}

/* Frees the conversation and stores the reply. First as it stood when it was taken, where nobody
 * waits for it: then nothing is asked. */
static pb_status end_batch(struct ending *ending, const pb_statement *reply)
{
    const struct claim *claim = ending->capture->claim;
    pb_value freed[] = {pb_value_int(pb_now()), pb_value_int(claim->key), id_value(claim->turn),
                        pb_value_int(claim->version)};
    pb_statement batch[] = {/* first what can fail: it has changed nothing then */
                            statement_of(sql_release_known, freed, 4, PB_EXPECT_ROW), *reply,
                            statement_of(sql_released, &freed[1], 1, 0)};
    pb_rows rows[3];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(&rows[i], 0, sizeof rows[i]);
        rows[i].size = (uint32_t)sizeof rows[i];
    }
    pb_status status = pb_db_batch(claim->database, batch, 2, rows);
    ending->version = claim->version + 1;
    if (status != PB_CONFLICT || !rows[0].failed)
        return status;
    pb_error_clear();
    batch[0] = statement_of(sql_release, freed, 3, PB_EXPECT_ROW);
    status = pb_db_batch(claim->database, batch, 3, rows);
    ending->taken = status == PB_CONFLICT && (rows[0].failed || rows[1].failed);
    if (status == PB_OK) {
        ending->version = pb_cell(&rows[2], 0, 0)->integer;
        ending->awaited = pb_cell(&rows[2], 0, 1)->integer != 0;
    }
    return status;
}

static pb_status store(void *arg)
{
    struct ending *ending = arg;
    struct capture *capture = ending->capture;
    const struct claim *claim = capture->claim;
    pb_turn_result now;
    pb_str text, extra;
    pb_status status = close_step(capture);

    if (status == PB_OK)
        status = capture_text(capture, &text);
    if (status == PB_OK)
        status = extra_text(capture, &extra);
    if (status != PB_OK)
        return status;
    pb_turn_so_far(capture->turn, &now);
    enum status how = ending->status == PB_OK          ? DONE
                      : ending->status == PB_CANCELLED ? CANCELLED
                                                       : FAILED;
    int32_t finish = how == DONE && now.finish == PB_FINISH_NONE ? PB_FINISH_STOP : now.finish;
    pb_value said[] = {pb_value_text(text),
                       pb_value_text(extra),
                       pb_value_int(how),
                       pb_value_text(ending->reason),
                       pb_value_text(now.llm),
                       pb_value_text(now.model),
                       count_value(now.usage.input_tokens, now.usage.calls),
                       count_value(now.usage.output_tokens, now.usage.calls),
                       count_value(now.usage.cached_tokens, now.usage.calls),
                       now.usage.calls ? pb_value_real(now.usage.cost) : pb_value_null(),
                       pb_value_int(now.total / PB_MILLISECOND),
                       pb_value_int(finish),
                       pb_value_int(claim->key),
                       pb_value_int(claim->answer),
                       id_value(claim->turn),
                       id_value(claim->reply),
                       pb_value_text(claim->info->principal->id),
                       pb_value_int(claim->began)};
    pb_statement reply = statement_of(sql_finish, said, sizeof said / sizeof *said, PB_EXPECT_ROW);
    status = end_batch(ending, &reply);
    if (ending->taken)
        return pb_fail(PB_CONFLICT, "the conversation was taken over by another worker");
    if (status != PB_OK)
        return status;
    ending->text = text;
    ending->extra = extra;
    ending->output_tokens = now.usage.calls ? now.usage.output_tokens : 0;
    return PB_OK;
}

static void capture_free(struct capture *capture)
{
    pb_reply_end(&capture->reply);
    free(capture->steps.data);
    for (size_t i = 0; i < capture->other_count; i++)
        free(capture->others[i].data);
}

pb_status capture_end(struct capture *capture, pb_status status)
{
    pb_error error = *pb_error_last();
    struct ending ending = {.capture = capture, .status = status};
    pb_str pointer = pb_copy(error.pointer);

    if (status != PB_OK)
        ending.reason = error.status == status && error.sentence.size
                            ? pb_copy(error.sentence)
                            : pb_str_of(pb_status_title(status));
    saver_remove(capture);
    pb_status stored = pb_shield(store, &ending);
    capture_free(capture);
    if (stored == PB_OK)
        remember(capture->claim, &ending);
    else
        recent_forget(capture->claim->recent, capture->claim->conversation);
    if (stored == PB_OK && ending.awaited)
        pb_publish(claim_topic(capture->claim), pb_lit("free"));
    capture->lost = stored != PB_OK && !ending.taken;
    if (stored != PB_OK)
        pb_log(PB_ERROR, "a reply could not be stored (%s: %.*s)", pb_status_name(stored),
               PB_ARG(pb_error_last()->sentence));
    if (status == PB_OK)
        return stored;
    (void)PB_CALL(fail)(status, ending.reason, pointer, error.retry_after);
    return status;
}
