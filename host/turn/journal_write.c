/* journal_write.c - the sink of a launched turn, and its rows on the way to the database.
 *
 * Deltas of text that come between two batches become one row; a tool call for the client becomes a
 * row when it is whole. A row has its number from the moment it is made and is written until it is
 * there, so a batch may be tried again. The first batch goes at once, the next one 50 ms later or
 * when 4 kB have come. Each batch asks whether the turn is still ours: a worker that was taken for
 * dead writes no more.
 */
#include "turn/journal.h"

#include <patchbay/cluster.h>
#include <patchbay/log.h>
#include <stdlib.h>

static const pb_duration between = 50 * PB_MILLISECOND;
static const pb_duration pause_between_tries = 250 * PB_MILLISECOND;
static const pb_duration patience = 60 * PB_SECOND, patience_when_draining = 5 * PB_SECOND;

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

static pb_status close_text(struct journal_turn *journal)
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
    pb_status status = close_text(journal);

    return status == PB_OK ? add_row(journal, event) : status;
}

static pb_status add_text(struct journal_turn *journal, const pb_event *event)
{
    const pb_event *open = &journal->text_event;
    bool joins = open->type == event->type && open->branch == event->branch &&
                 open->flags == event->flags && journal->text.size < JOURNAL_BATCH;
    pb_status status = joins ? PB_OK : close_text(journal);

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

    reply->kept -= call->id.size + call->name.size + call->arguments.size;
    free(call->id.data);
    free(call->name.data);
    free(call->arguments.data);
    reply->call_count--;
    memmove(call, call + 1, (reply->call_count - at) * sizeof *call);
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
        status = add_other(journal, &event);
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
        status = close_text(journal);
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
    if (event->type == PB_EVENT_TEXT || event->type == PB_EVENT_THINKING)
        return event->text.size ? add_text(journal, event) : PB_OK;
    if (event->type == PB_EVENT_SOURCE && event->data)
        status = pb_reply_note_source(&journal->reply, event->data);
    return status == PB_OK ? add_other(journal, event) : status;
}

static void wake(struct waiter **waiter)
{
    struct waiter *sleeping = *waiter;

    *waiter = NULL;
    if (sleeping)
        waiter_wake(sleeping);
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
        wake(&journal->writer);
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
    wake(&journal->writer);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void note_headers(struct journal_turn *journal)
{
    size_t count;
    const pb_header *headers = host_turn_headers(journal->turn, &count);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (journal->headers || !count)
        return;
    pb_jw_open(&writer, '{');
    for (size_t i = 0; i < count; i++) {
        pb_jw_key_str(&writer, headers[i].name);
        pb_jw_str(&writer, headers[i].value);
    }
    pb_jw_close(&writer, '}');
    if (!buf.failed)
        journal->headers = strndup(buf.data, buf.size);
}

/* The rows of the next batch, and how it ends. */
struct batch {
    pb_statement statements[JOURNAL_ROWS + 1];
    pb_value rows[JOURNAL_ROWS][3];
    pb_value update[7];
    size_t count; /* of rows */
    uint64_t last;
    bool final;
};

static void fill_update(struct journal_turn *journal, struct batch *batch)
{
    bool first = !journal->written;
    pb_statement *update = &batch->statements[batch->count];
    pb_str headers = pb_str_of(journal->headers);

    batch->update[0] = pb_value_int(journal->row);
    batch->update[1] = pb_value_int((int64_t)batch->last);
    batch->update[2] = pb_value_int(journal->bytes);
    batch->update[3] = journal->headers ? pb_value_text(headers) : pb_value_null();
    batch->update[4] = pb_value_text(pb_str_of(journal->state));
    batch->update[5] = pb_value_int(host_now());
    batch->update[6] = pb_value_int(journal->refused);
    *update = batch->final ? pb_statement_make(journal_sql[SQL_LAST_BATCH], batch->update, 7)
              : first      ? pb_statement_make(journal_sql[SQL_FIRST_BATCH], batch->update, 4)
                           : pb_statement_make(journal_sql[SQL_NEXT_BATCH], batch->update, 3);
    update->flags = PB_EXPECT_ROW;
}

static void fill_batch(struct journal_turn *journal, struct batch *batch)
{
    struct journal_row *row = journal->first;

    batch->last = journal->written;
    for (; row && batch->count < JOURNAL_ROWS; row = row->next) {
        pb_value *values = batch->rows[batch->count];
        values[0] = pb_value_int(journal->row);
        values[1] = pb_value_int((int64_t)row->number);
        values[2] = pb_value_text(pb_str_make(row->data, row->size));
        batch->statements[batch->count++] = pb_statement_make(journal_sql[SQL_EVENT], values, 3);
        batch->last = row->number;
    }
    batch->final = journal->over && !row;
    note_headers(journal);
    fill_update(journal, batch);
    for (size_t i = 0; i <= batch->count; i++)
        batch->statements[i].tenant = journal->turn->info.principal->tenant;
}

static void wake_followers(struct journal_turn *journal)
{
    char topic[64], number[24];

    journal_wake(journal);
    journal_topic(journal->turn->info.id, topic);
    int size = snprintf(number, sizeof number, "%llu", (unsigned long long)journal->written);
    pb_publish(pb_str_of(topic), pb_str_make(number, (size_t)size));
}

static void batch_written(struct journal_turn *journal, const struct batch *batch)
{
    while (journal->first && journal->first->number <= batch->last) { /* more came meanwhile */
        struct journal_row *row = journal->first;
        journal->first = row->next;
        journal->ahead -= row->size;
        free(row);
    }
    if (!journal->first)
        journal->last = &journal->first;
    journal->written = batch->last;
    wake(&journal->emitter);
    wake_followers(journal);
}

static pb_status write_batch(struct journal_turn *journal)
{
    struct batch *batch;
    pb_status status = close_text(journal);

    if (status != PB_OK)
        return status;
    pb_scope *scope = pb_scope_begin();
    if ((batch = PB_NEW(struct batch))) {
        pb_rows *rows = PB_NEW_ARRAY(pb_rows, JOURNAL_ROWS + 1);
        journal->wrote = trace_now();
        fill_batch(journal, batch);
        status = rows ? pb_db_batch(journal->database, batch->statements, batch->count + 1, rows)
                      : (pb_status)PB_NO_MEMORY;
        if (status == PB_OK)
            batch_written(journal, batch);
    }
    pb_scope_end(scope);
    return batch ? status : (pb_status)PB_NO_MEMORY;
}

/* The turn ends here, whatever becomes of its row. */
static void lose(struct journal_turn *journal, const char *sentence)
{
    struct turn_core *core = journal->turn->core;

    pb_log(PB_ERROR, "turn %s: its events are not kept any more: %s", core->id, sentence);
    journal->lost = true;
    journal_drop_rows(journal);
    wake(&journal->emitter);
    if (!journal->over) {
        core->stopped = "the events of the turn could not be kept";
        core->cancelled = true;
        if (core->task)
            task_cancel(core->task, core->stopped);
    }
}

/* A batch failed: is it tried again? */
static void bear(struct journal_turn *journal, pb_status status, pb_duration *failing)
{
    pb_duration now = trace_now();

    if (!*failing) {
        *failing = now;
        pb_log(PB_WARN, "turn %s: its events cannot be written: %.*s", journal->turn->core->id,
               PB_ARG(pb_error_last()->sentence));
    }
    if (status == PB_CONFLICT)
        lose(journal, "another worker took this one for dead");
    else if (now - *failing > (turn_draining() ? patience_when_draining : patience))
        lose(journal, "the database did not take them for too long");
    else
        (void)pb_sleep(pause_between_tries);
}

/* Parks until there is something to write; false: there never will be. */
static bool wait_for_work(struct journal_turn *journal)
{
    for (;;) {
        pb_duration wait = 0;
        if (journal->over)
            return journal->first != NULL && !journal->lost;
        if (journal->ahead && !journal->lost && !journal->ended) {
            wait = journal->wrote ? journal->wrote + between - trace_now() : 0;
            if (wait <= 0 || journal->ahead >= JOURNAL_BATCH)
                return true;
        }
        struct waiter waiter = {0};
        journal->writer = &waiter;
        if (wait > 0)
            (void)task_wait_for(&waiter, wait);
        else
            task_wait_always(&waiter);
        journal->writer = NULL;
    }
}

void journal_write_all(struct journal_turn *journal)
{
    pb_duration failing = 0;

    while (wait_for_work(journal)) {
        pb_status status = write_batch(journal);
        if (status == PB_OK)
            failing = 0;
        else
            bear(journal, status, &failing);
    }
}

void journal_drop_rows(struct journal_turn *journal)
{
    while (journal->first) {
        struct journal_row *row = journal->first;
        journal->first = row->next;
        free(row);
    }
    journal->last = &journal->first;
    journal->ahead = journal->text_event.type ? journal->text.size : 0;
}
