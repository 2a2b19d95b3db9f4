/* journal_clean.c - rows that nobody writes any more are ended as interrupted; old ones are
 * deleted.
 */
#include "turn/journal.h"

#include "plugin/instances.h"
#include <patchbay/cluster.h>
#include <patchbay/log.h>

enum { PAGE = 100, SLICE = 500 };

static const pb_duration breath = 5 * PB_MILLISECOND; /* others want the database too */

/* --- turns that nobody runs ------------------------------------------------------------------- */

static pb_str last_event(void)
{
    pb_error error = {.size = sizeof error,
                      .status = PB_UNAVAILABLE,
                      .sentence = PB_LIT("the worker died; what it had said until then is kept")};
    pb_turn_result result = {
        .size = sizeof result, .status = PB_UNAVAILABLE, .error = &error, .interrupted = 1};
    pb_event event = pb_event_make(PB_EVENT_DONE);
    pb_buf buf = {0};

    event.result = &result;
    journal_event_write(&buf, &event);
    return pb_buf_str(&buf);
}

pb_status journal_interrupt(pb_instance *database, int64_t row, pb_str node)
{
    pb_scope *scope = pb_scope_begin();
    pb_value end[] = {pb_value_int(row), pb_value_int(host_now()), pb_value_text(node)};
    pb_value event[] = {pb_value_int(row), pb_value_text(last_event())};
    pb_statement batch[] = {pb_statement_make(journal_sql[SQL_INTERRUPT], end, 3),
                            pb_statement_make(journal_sql[SQL_INTERRUPT_EVENT], event, 2)};
    pb_rows rows[2];

    batch[0].flags = PB_EXPECT_ROW | PB_ALL_TENANTS;
    batch[1].flags = PB_ALL_TENANTS;
    pb_status status = pb_db_batch(database, batch, 2, rows);
    if (status == PB_CONFLICT) { /* it ended, or somebody else saw it first */
        pb_error_clear();
        status = PB_OK;
    }
    pb_scope_end(scope);
    return status;
}

static bool has_writer(const pb_value *row)
{
    pb_str node = row[2].text;

    return pb_node_alive(node) &&
           (!pb_str_equal(node, pb_node_id()) || journal_find(pb_uuid_text(row[1].text.data)));
}

static pb_status sweep_page(pb_instance *database, int64_t *after, size_t *ended)
{
    pb_value values[] = {pb_value_int(*after)};
    pb_statement statement = pb_statement_make(journal_sql[SQL_RUNNING], values, 1);
    pb_rows rows;

    statement.flags = PB_ALL_TENANTS;
    pb_status status = pb_db_run(database, &statement, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        const pb_value *row = pb_cell(&rows, i, 0);
        *after = row[0].integer;
        if (has_writer(row))
            continue;
        status = journal_interrupt(database, row[0].integer, row[2].text);
        ++*ended;
    }
    return status == PB_OK && rows.count < PAGE ? PB_DECLINED : status;
}

pb_status journal_sweep(pb_instance *database)
{
    int64_t after = 0;
    size_t ended = 0;
    pb_status status = PB_OK;

    while (status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        status = sweep_page(database, &after, &ended);
        pb_scope_end(scope);
    }
    if (ended)
        pb_log(PB_WARN, "%zu turns were cut off by the death of their worker", ended);
    return status == PB_DECLINED ? PB_OK : status;
}

/* --- turns that are old, or too many ---------------------------------------------------------- */

static pb_status run(pb_instance *database, pb_str sql, const pb_value *values, size_t count,
                     pb_rows *out)
{
    pb_statement statement = pb_statement_make(sql, values, count);

    statement.flags = PB_ALL_TENANTS;
    return pb_db_run(database, &statement, out);
}

/* In slices, so that no write is long. */
static pb_status remove_turn(pb_instance *database, int64_t row, int64_t events)
{
    pb_status status = PB_OK;

    for (int64_t upto = SLICE; status == PB_OK && upto < events + SLICE; upto += SLICE) {
        pb_value values[] = {pb_value_int(row), pb_value_int(upto)};
        status = run(database, journal_sql[SQL_EVENTS_DELETE], values, 2, NULL);
    }
    pb_value values[] = {pb_value_int(row)};
    if (status == PB_OK)
        status = run(database, journal_sql[SQL_TURN_DELETE], values, 1, NULL);
    return status == PB_OK ? pb_sleep(breath) : status;
}

struct excess {
    pb_time before; /* what ended earlier is too old */
    int64_t turns, bytes;
};

/* PB_DECLINED: nothing more is to be deleted. */
static pb_status clean_page(pb_instance *database, struct excess *excess)
{
    pb_rows rows;
    pb_status status = run(database, journal_sql[SQL_OLDEST], NULL, 0, &rows);

    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        const pb_value *row = pb_cell(&rows, i, 0);
        if (row[1].integer >= excess->before && excess->turns <= 0 && excess->bytes <= 0)
            return PB_DECLINED;
        excess->turns--;
        excess->bytes -= row[3].integer;
        status = remove_turn(database, row[0].integer, row[2].integer);
    }
    return status == PB_OK && rows.count < PAGE ? PB_DECLINED : status;
}

pb_status journal_clean(pb_instance *database)
{
    const struct host_limits *limits = &instances_host_options()->limits;
    struct excess excess = {.before = host_now() - limits->journal_age / PB_MILLISECOND};
    pb_scope *scope = pb_scope_begin();
    pb_rows rows;
    pb_status status = run(database, journal_sql[SQL_SUM], NULL, 0, &rows);

    if (status == PB_OK) {
        excess.turns = pb_cell(&rows, 0, 0)->integer - limits->journal_turns;
        excess.bytes = pb_cell(&rows, 0, 1)->integer - limits->journal_bytes;
    }
    pb_scope_end(scope);
    while (status == PB_OK) {
        scope = pb_scope_begin();
        status = clean_page(database, &excess);
        pb_scope_end(scope);
    }
    return status == PB_DECLINED ? PB_OK : status;
}
