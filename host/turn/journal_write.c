/* journal_write.c - the rows of a launched turn on their way to the database.
 *
 * A row is written until it is there, so a batch may be tried again. The first batch goes at once,
 * the next one 50 ms later or when 4 kB have come. Each batch asks whether the turn is still ours:
 * a worker that was taken for dead writes no more.
 */
#include "turn/journal.h"

#include <patchbay/cluster.h>
#include <patchbay/log.h>
#include <stdlib.h>

static const pb_duration between = 50 * PB_MILLISECOND;
static const pb_duration pause_between_tries = 250 * PB_MILLISECOND;
static const pb_duration patience = 60 * PB_SECOND, patience_when_draining = 5 * PB_SECOND;

/* --- batches ---------------------------------------------------------------------------------- */

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
    journal_wake_one(&journal->emitter);
    wake_followers(journal);
}

static pb_status write_batch(struct journal_turn *journal)
{
    struct batch *batch;
    pb_status status = journal_close_text(journal);

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

/* --- the writer ------------------------------------------------------------------------------- */

/* The turn ends here, whatever becomes of its row. */
static void lose(struct journal_turn *journal, const char *sentence)
{
    struct turn_core *core = journal->turn->core;

    pb_log(PB_ERROR, "turn %s: its events are not kept any more: %s", core->id, sentence);
    journal->lost = true;
    journal_drop_rows(journal);
    journal_wake_one(&journal->emitter);
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
