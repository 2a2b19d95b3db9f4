/* journal_sink.c - what a launched turn says, as rows that wait to be written.
 *
 * Deltas of text that come between two batches become one row; a tool call for the client becomes a
 * row when it is whole. A row has its number from the moment it is made. The turn runs ahead of the
 * database only so far; of its clients it never waits.
 */
#include "turn/journal.h"

#include <stdlib.h>

/* --- rows ------------------------------------------------------------------------------------- */

static pb_status add_row(struct journal_turn *journal, const pb_event *event)
{
    pb_scope *scope = pb_scope_begin();
    pb_buf buf = {0};
    struct journal_row *row = NULL;

    journal_event_write(&buf, event);
    if (!buf.failed && (row = malloc(sizeof *row + buf.size))) {
        *row = (struct journal_row){.number = ++journal->number, .size = buf.size};
        memcpy(row->data, buf.data, buf.size);
        *journal->last = row;
        journal->last = &row->next;
        journal->ahead += row->size;
        journal->bytes += (int64_t)row->size;
    }
    pb_scope_end(scope);
    return row ? PB_OK : pb_fail(PB_NO_MEMORY, "there is no memory for an event of the turn");
}

pb_status journal_close_text(struct journal_turn *journal)
{
    pb_event event = journal->text_event;

    if (!event.type)
        return PB_OK;
    journal->text_event.type = 0;
    event.text = buf_str(&journal->text);
    journal->ahead -= journal->text.size;
    pb_status status = add_row(journal, &event);
    journal->text.size = 0;
    return status;
}

static pb_status add_other(struct journal_turn *journal, const pb_event *event)
{
    pb_status status = journal_close_text(journal);

    return status == PB_OK ? add_row(journal, event) : status;
}

static pb_status add_text(struct journal_turn *journal, const pb_event *event)
{
    const pb_event *open = &journal->text_event;
    bool joins = open->type == event->type && open->branch == event->branch &&
                 open->flags == event->flags && journal->text.size < JOURNAL_BATCH;
    pb_status status = joins ? PB_OK : journal_close_text(journal);

    if (status != PB_OK)
        return status;
    if (!joins) {
        journal->text_event = pb_event_make(event->type);
        journal->text_event.branch = event->branch;
        journal->text_event.flags = event->flags;
    }
    if (!buf_add(&journal->text, event->text))
        return pb_fail(PB_NO_MEMORY, "there is no memory for an event of the turn");
    journal->ahead += event->text.size;
    return PB_OK;
}

/* --- what the turn says ----------------------------------------------------------------------- */

static void forget_call(pb_reply *reply, size_t at)
{
    pb_reply_call *call = &reply->calls[at];

    reply->kept -=
        call->id.size + call->name.size + call->arguments.size + call->signature.size;
    free(call->id.data);
    free(call->name.data);
    free(call->arguments.data);
    free(call->signature.data);
    reply->call_count--;
    memmove(call, call + 1, (reply->call_count - at) * sizeof *call);
}

/* {"signature": …}, or NULL. */
static const pb_json *signed_with(pb_str signature)
{
    pb_json *data = signature.size ? pb_json_new(PB_JSON_OBJECT, (pb_str){0}) : NULL;

    pb_json_add(data, pb_lit("signature"), pb_json_string(signature));
    return data;
}

/* The calls of a branch (-1: of all) that are whole, because something else came. */
static pb_status add_calls(struct journal_turn *journal, int32_t branch)
{
    pb_reply *reply = &journal->reply;
    pb_status status = PB_OK;

    for (size_t i = 0; i < reply->call_count && status == PB_OK;) {
        const pb_reply_call *call = &reply->calls[i];
        if (branch >= 0 && call->branch != branch) {
            i++;
            continue;
        }
        pb_event event = pb_event_make(PB_EVENT_TOOL_CALL);
        event.index = call->index;
        event.branch = call->branch;
        event.id = pb_reply_str(&call->id);
        event.name = pb_reply_str(&call->name);
        event.text = pb_reply_str(&call->arguments);
        pb_scope *scope = pb_scope_begin();
        event.data = signed_with(pb_reply_str(&call->signature));
        status = add_other(journal, &event);
        pb_scope_end(scope);
        forget_call(reply, i);
    }
    return status;
}

/* The sources of the whole turn, for those that come in the middle. */
static const pb_json *all_sources(struct journal_turn *journal)
{
    const pb_json *json = NULL;

    if (!journal->reply.sources.size)
        return NULL;
    pb_str text = pb_printf("{\"sources\":[%.*s]}", PB_ARG(pb_reply_str(&journal->reply.sources)));
    if (!text.data || pb_json_parse(text, &json) != PB_OK)
        pb_error_clear();
    return json;
}

/* One that was refused before anything was done may be asked again with its key: the answer of
 * "try again in a second" would otherwise be the answer for ever. */
static bool is_refused(const struct journal_turn *journal, const pb_turn_result *result)
{
    return (result->status == PB_RATE_LIMITED || result->status == PB_CONFLICT) &&
           !journal->spoke && result->usage.calls == 0;
}

static pb_status add_done(struct journal_turn *journal, const pb_event *event)
{
    pb_turn_result result = *event->result;
    pb_event done = *event;
    pb_status status = add_calls(journal, -1);

    if (status == PB_OK)
        status = journal_close_text(journal);
    if (status != PB_OK)
        return status;
    pb_scope *scope = pb_scope_begin();
    if (journal->turn->core->stopped)
        result.interrupted = 1;
    done.result = &result;
    done.data = all_sources(journal);
    journal->number++; /* see pb_turn_follow */
    status = add_row(journal, &done);
    pb_scope_end(scope);
    journal->state = pb_result_state(&result);
    journal->refused = is_refused(journal, &result);
    journal->ended = status == PB_OK;
    return status;
}

static pb_status note(struct journal_turn *journal, const pb_event *event)
{
    pb_status status = PB_OK;

    journal->spoke = journal->spoke || pb_event_speaks(event);
    if (event->type == PB_EVENT_DONE)
        return add_done(journal, event);
    if (event->type == PB_EVENT_TOOL_CALL && !(event->flags & PB_EVENT_LOCAL))
        return pb_reply_note_call(&journal->reply, event);
    if (event->type != PB_EVENT_USAGE && event->type != PB_EVENT_STAGE)
        status = add_calls(journal, event->branch);
    if (status != PB_OK)
        return status;
    if ((event->type == PB_EVENT_TEXT || event->type == PB_EVENT_THINKING) && !event->data)
        return event->text.size ? add_text(journal, event) : PB_OK;
    if (event->type == PB_EVENT_SOURCE && event->data)
        status = pb_reply_note_source(&journal->reply, event->data);
    return status == PB_OK ? add_other(journal, event) : status;
}

static pb_status lost(void)
{
    return pb_fail(PB_UNAVAILABLE, "the events of the turn cannot be kept any more");
}

/* A turn runs ahead of the database only so far; of its clients it never waits. */
static pb_status wait_for_writer(struct journal_turn *journal)
{
    pb_status status = PB_OK;

    while (status == PB_OK && !journal->lost && journal->ahead > JOURNAL_AHEAD) {
        struct waiter waiter = {0};
        journal->emitter = &waiter;
        status = task_wait(&waiter);
        journal->emitter = NULL;
    }
    return status == PB_OK && journal->lost ? lost() : status;
}

pb_status journal_emit(pb_sink *sink, const pb_event *event)
{
    struct journal_turn *journal = list_entry(sink, struct journal_turn, sink);
    bool idle = journal->ahead == 0;

    if (journal->lost)
        return lost();
    pb_status status = note(journal, event);
    if (journal->ended || journal->ahead >= JOURNAL_BATCH || (idle && journal->ahead))
        journal_wake_one(&journal->writer);
    if (status == PB_OK && !journal->ended)
        status = wait_for_writer(journal);
    return status;
}

void journal_over(struct journal_turn *journal, pb_status status)
{
    pb_turn_result result = {.size = sizeof result, .status = status};
    pb_event event = pb_event_make(PB_EVENT_DONE);
    pb_error error = *pb_error_last();

    if (!journal->ended && !journal->lost) {
        if (status == PB_OK)
            result.status = PB_INTERNAL;
        if (error.status != result.status)
            error = (pb_error){.size = sizeof error,
                               .status = result.status,
                               .sentence = pb_str_of(pb_status_title(result.status))};
        result.error = &error;
        result.usage.size = sizeof result.usage;
        event.result = &result;
        if (add_done(journal, &event) != PB_OK)
            journal->lost = true; /* the row says running, until somebody sees that it does not */
    }
    journal->over = true;
    journal_wake_one(&journal->writer);
}
