/* Reads: short ones where they are asked, long ones on threads, none for ever. */
#include "common.h"

#include "../sqlite.h"

#define COUNT_TO(n)                                                                                \
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT " #n ") "               \
    "SELECT count(*) FROM n"
#define LONG    COUNT_TO(300000)
#define ENDLESS COUNT_TO(1000000000000)

static struct sqlite *self;

static void find_self(void)
{
    self = pb_harness_self(harness, "database", "main");
}

/* --- where they run --------------------------------------------------------------------------- */

static void short_ones(void)
{
    find_self();
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(insert(i), PB_OK);
        ck_assert_int_eq(integer("SELECT count(*) FROM t"), i + 1); /* what was just written */
    }
    /* All of them, but for what the machine holds up for a tenth of a second. */
    ck_assert_int_ge(self->figures.loop_reads, 60);
}

START_TEST(short_reads_run_at_once)
{
    options = ", read_limit: 100ms";
    with_database(short_ones);
}
END_TEST

static int rounds;
static bool over;

static void read_or_run(int number)
{
    if (number == 0) {
        ck_assert_int_eq(integer(LONG), 300000);
        over = true;
        return;
    }
    while (!over) {
        rounds++;
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    }
}

static void long_ones(void)
{
    find_self();
    over = false;
    rounds = 0;
    at_once(2, read_or_run);
    ck_assert_int_gt(rounds, 10); /* others ran meanwhile */
    ck_assert_int_eq(self->figures.slow_on_loop, 1);
    ck_assert_int_eq(self->figures.thread_reads, 1);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(integer(LONG), 300000);
    ck_assert_int_eq(self->figures.slow_on_loop, 1); /* remembered */
    ck_assert_int_eq(self->figures.thread_reads, 17);
    ck_assert_int_eq(integer(LONG), 300000);
    ck_assert_int_eq(self->figures.slow_on_loop, 2); /* tried again */
    ck_assert_int_eq(self->figures.thread_reads, 18);
}

START_TEST(long_reads_move_to_a_thread)
{
    options = ", read_limit: 1ms";
    with_database(long_ones);
}
END_TEST

static void read_many(int number)
{
    (void)number;
    ck_assert_int_eq(integer(COUNT_TO(20000)), 20000);
}

static void only_threads(void)
{
    find_self();
    at_once(20, read_many);
    ck_assert_int_eq(self->figures.loop_reads, 0);
    ck_assert_int_eq(self->figures.thread_reads, 20);
    ck_assert_uint_eq(self->readers.count, 3);
}

START_TEST(without_a_limit_all_reads_are_on_threads)
{
    options = ", read_limit: 0s, readers: 3";
    with_database(only_threads);
}
END_TEST

/* --- limits ------------------------------------------------------------------------------------
 */

static void given_up(void)
{
    must_not(ENDLESS, PB_TIMEOUT, "query_limit");
    must_not("CREATE TABLE e AS " ENDLESS, PB_TIMEOUT, "query_limit");
    must("CREATE TABLE e (a)");
    int64_t deadline = pb_deadline_begin(10 * PB_MILLISECOND);
    must_not(ENDLESS, PB_TIMEOUT, "within the time allowed");
    pb_deadline_end(deadline);
}

START_TEST(none_runs_for_ever)
{
    options = ", query_limit: 500ms";
    with_database(given_up);
}
END_TEST

static pb_status read_endless(void *arg)
{
    (void)arg;
    return run_values(ENDLESS, NULL, 0, NULL);
}

static bool one_works_and_one_waits(void)
{
    pthread_mutex_lock(&self->readers.queue.mutex);
    bool both = self->readers.count && !self->readers.queue.idle && self->readers.queue.length == 1;
    pthread_mutex_unlock(&self->readers.queue.mutex);
    return both;
}

static void cancelled(void)
{
    pb_task *first, *second;

    find_self();
    ck_assert_int_eq(pb_spawn(read_endless, NULL, &first), PB_OK);
    ck_assert_int_eq(pb_spawn(read_endless, NULL, &second), PB_OK);
    while (!one_works_and_one_waits())
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    pb_task_cancel(second);
    ck_assert_int_eq(pb_join(second), PB_CANCELLED);
    pb_task_cancel(first);
    ck_assert_int_eq(pb_join(first), PB_CANCELLED);
    ck_assert_int_eq(integer(COUNT_TO(5)), 5);
}

START_TEST(a_cancelled_read_stops)
{
    options = ", query_limit: 60s, readers: 1";
    with_database(cancelled);
}
END_TEST

/* --- the log of slow ones ----------------------------------------------------------------------
 */

static void slowly(void)
{
    pb_value values[] = {pb_value_text(pb_lit("a secret"))};
    pb_rows rows;

    ck_assert_int_eq(run_values("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "LIMIT 300000) SELECT count(*), $1 FROM n",
                                values, 1, &rows),
                     PB_OK);
    ck_assert_int_eq(integer("SELECT 4711"), 4711);
}

START_TEST(slow_statements_are_logged_without_values)
{
    char log[340], text[4096] = "";

    make_folder();
    snprintf(log, sizeof log, "%s/log", folder);
    options = ", slow: 1ms";
    open_database();
    pb_harness_log(PB_WARN, log);
    in_task(slowly);
    close_database();
    FILE *lines = fopen(log, "r");
    ck_assert_ptr_nonnull(lines);
    text[fread(text, 1, sizeof text - 1, lines)] = 0;
    fclose(lines);
    ck_assert_ptr_nonnull(strstr(text, "SELECT count(*), $1 FROM n"));
    ck_assert_ptr_null(strstr(text, "secret"));
    drop_folder();
}
END_TEST

/* --- one moment ---------------------------------------------------------------------------------
 */

static void insert_both(int number)
{
    pb_statement statements[] = {
        pb_statement_make(pb_lit("INSERT INTO t DEFAULT VALUES"), NULL, 0),
        pb_statement_make(pb_lit("INSERT INTO u DEFAULT VALUES"), NULL, 0)};

    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(pb_db_batch(database, statements, 2, NULL), PB_OK);
    over = over || number == 0;
}

static void compare(int number)
{
    pb_statement statements[] = {pb_statement_make(pb_lit("SELECT count(*) FROM t"), NULL, 0),
                                 pb_statement_make(pb_lit(COUNT_TO(3000)), NULL, 0),
                                 pb_statement_make(pb_lit("SELECT count(*) FROM u"), NULL, 0)};
    pb_rows rows[3];

    if (number > 3) {
        insert_both(number - 4);
        return;
    }
    while (!over)
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(pb_db_batch(database, statements, 3, rows), PB_OK);
            ck_assert_int_eq(pb_cell(&rows[0], 0, 0)->integer, pb_cell(&rows[2], 0, 0)->integer);
            ck_assert_int_eq(pb_sleep(0), PB_OK);
        }
}

static void one_moment(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE u (id INTEGER PRIMARY KEY)");
    over = false;
    at_once(8, compare);
}

START_TEST(reads_of_a_batch_see_one_moment)
{
    with_database(one_moment);
}
END_TEST

START_TEST(also_on_threads)
{
    options = ", read_limit: 0s";
    with_database(one_moment);
}
END_TEST

int main(void)
{
    return suite_run(
        "sqlite readers",
        (const TTest *const[]){short_reads_run_at_once, long_reads_move_to_a_thread,
                               without_a_limit_all_reads_are_on_threads, none_runs_for_ever,
                               a_cancelled_read_stops, slow_statements_are_logged_without_values,
                               reads_of_a_batch_see_one_moment, also_on_threads, NULL});
}
