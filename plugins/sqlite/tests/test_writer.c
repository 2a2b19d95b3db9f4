/* Writes: many in one commit, each undone alone, taken back before they were begun, and what
 * happens when somebody else has the lock. */
#include "common.h"

#include "../sqlite.h"
#include <sys/file.h>

#define TABLE "CREATE TABLE t (id INTEGER PRIMARY KEY)"

static struct sqlite *self;
static int results[100];

static void find_self(void)
{
    self = pb_harness_self(harness, "database", "main");
}

static void insert_some(int number)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(insert(number * 20 + i), PB_OK);
}

static void many_writes(void)
{
    find_self();
    must(TABLE);
    long long groups = self->figures.groups, requests = self->figures.requests;
    at_once(64, insert_some);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 64 * 20);
    ck_assert_int_eq(self->figures.requests - requests, 64 * 20);
    ck_assert_int_lt(self->figures.groups - groups, 64 * 20 / 4); /* commits are shared */
}

START_TEST(writes_share_commits)
{
    with_database(many_writes);
}
END_TEST

START_TEST(figures_are_shown)
{
    static const char *const names[] = {"groups_total",
                                        "writes_total 1281",
                                        "transactions_total 0",
                                        "failed_commits_total 0",
                                        "waiting_writes 0",
                                        "loop_reads_total",
                                        "thread_reads_total",
                                        "slow_on_loop_total",
                                        "slow_statements_total",
                                        "shared_log_bytes",
                                        "checkpoints_total",
                                        "checkpoint_seconds_total",
                                        "locked_by_strangers_total 0"};
    char line[100];

    make_folder();
    open_database();
    in_task(many_writes);
    pb_content metrics = pb_harness_call(harness, "GET", "/metrics", NULL, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = strchr(names[i], ' ');
        int size = value ? (int)(value - names[i]) : (int)strlen(names[i]);
        snprintf(line, sizeof line, "patchbay_database_%.*s{instance=\"main\"}%s", size, names[i],
                 value ? value : " ");
        ck_assert_msg(pb_str_contains(metrics.body, pb_str_of(line)), "no '%s' in\n%.*s", line,
                      PB_ARG(metrics.body));
    }
    close_database();
    drop_folder();
}
END_TEST

/* --- one that fails -----------------------------------------------------------------------------
 */

/* Every third breaks a rule with its second statement. */
static void insert_pair(int number)
{
    pb_value one[] = {pb_value_int(1000 + number)}, two[] = {pb_value_int(number % 3 ? number : 0)};
    pb_statement statements[] = {
        pb_statement_make(pb_lit("INSERT INTO t (id) VALUES ($1)"), one, 1),
        pb_statement_make(pb_lit("INSERT INTO u (id) VALUES (nullif($1, 0))"), two, 1)};

    results[number] = pb_db_batch(database, statements, 2, NULL);
}

static void some_fail(void)
{
    must(TABLE);
    must("CREATE TABLE u (id INTEGER NOT NULL)");
    at_once(60, insert_pair);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(results[i], i % 3 ? PB_OK : PB_CONFLICT);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 40);
    ck_assert_int_eq(integer("SELECT count(*) FROM u"), 40);
    ck_assert_int_eq(integer("SELECT count(*) FROM t WHERE (id - 1000) % 3 = 0"), 0);
}

START_TEST(one_that_fails_is_undone_alone)
{
    with_database(some_fail);
}
END_TEST

static void insert_or_ruin(int number)
{
    pb_value values[] = {pb_value_int(number)};

    results[number] = run_values("INSERT INTO t (id) VALUES ($1)", values, 1, NULL);
}

/* RAISE(ROLLBACK) takes the whole transaction with it, and so the work of all before it. */
static void some_ruin(void)
{
    must(TABLE);
    must("CREATE TRIGGER ruin BEFORE INSERT ON t WHEN new.id % 10 = 7 BEGIN "
         "SELECT RAISE(ROLLBACK, 'seven'); END");
    at_once(60, insert_or_ruin);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(results[i], i % 10 == 7 ? PB_CONFLICT : PB_OK);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 54);
}

START_TEST(one_that_ends_the_transaction_harms_nobody)
{
    with_database(some_ruin);
}
END_TEST

/* --- the lock of all processes ------------------------------------------------------------------
 */

static int take_lock(void)
{
    char path[340];
    int lock;

    snprintf(path, sizeof path, "%s.write", file);
    lock = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(flock(lock, LOCK_EX), 0);
    return lock;
}

static size_t waiting(void)
{
    pthread_mutex_lock(&self->writer.queue.mutex);
    size_t length = self->writer.queue.length;
    pthread_mutex_unlock(&self->writer.queue.mutex);
    return length;
}

static void wait_for_queue(size_t length)
{
    while (waiting() != length)
        ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
}

static int lock;

/* The first one gives the lock back when all the others wait. */
static void late_comer(int number)
{
    if (number > 0) {
        ck_assert_int_eq(insert(number), PB_OK);
        return;
    }
    wait_for_queue(30);
    close(lock);
}

static void all_in_one_group(void)
{
    find_self();
    must(TABLE);
    long long groups = self->figures.groups;
    lock = take_lock();
    at_once(31, late_comer);
    ck_assert_int_eq(self->figures.groups - groups, 1);
    ck_assert_int_eq(self->figures.requests, 31); /* and the table */
}

START_TEST(late_comers_join_the_group)
{
    with_database(all_in_one_group);
}
END_TEST

static pb_status insert_one(void *arg)
{
    return insert(*(int64_t *)arg);
}

static void taken_back(void)
{
    int64_t id = 1;
    pb_task *task;

    find_self();
    must(TABLE);
    lock = take_lock();
    ck_assert_int_eq(pb_spawn(insert_one, &id, &task), PB_OK);
    wait_for_queue(1);
    pb_task_cancel(task);
    ck_assert_int_eq(pb_join(task), PB_CANCELLED);
    ck_assert_uint_eq(waiting(), 0);
    /* The limit of a stage. */
    int64_t deadline = pb_deadline_begin(5 * PB_MILLISECOND);
    ck_assert_int_eq(insert(2), PB_TIMEOUT);
    pb_deadline_end(deadline);
    ck_assert_ptr_null(strstr(pb_error_last()->sentence.data, "query_limit"));
    /* The database's own. */
    ck_assert_int_eq(insert(3), PB_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(pb_error_last()->sentence.data, "query_limit"));
    close(lock);
    ck_assert_int_eq(insert(4), PB_OK);
    ck_assert_int_eq(integer("SELECT sum(id) FROM t"), 4);
}

START_TEST(what_was_not_begun_is_taken_back)
{
    options = ", query_limit: 400ms";
    with_database(taken_back);
}
END_TEST

/* A cancelled task whose write has begun learns what became of it. */
static void begun_is_waited_for(void)
{
    int64_t ids[50];
    pb_task *tasks[50];

    must(TABLE);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++) {
            ids[i] = round * 50 + i;
            ck_assert_int_eq(pb_spawn(insert_one, &ids[i], &tasks[i]), PB_OK);
        }
        ck_assert_int_eq(pb_sleep(0), PB_OK); /* they begin */
        for (int i = 0; i < 50; i += 2)
            pb_task_cancel(tasks[i]);
        for (int i = 0; i < 50; i++) {
            pb_status status = pb_join(tasks[i]);
            pb_value values[] = {pb_value_int(ids[i])};
            pb_rows rows;
            ck_assert(status == PB_OK || (i % 2 == 0 && status == PB_CANCELLED));
            ck_assert_int_eq(run_values("SELECT 1 FROM t WHERE id = $1", values, 1, &rows), PB_OK);
            ck_assert_uint_eq(rows.count, status == PB_OK);
        }
    }
}

START_TEST(never_a_maybe)
{
    with_database(begun_is_waited_for);
}
END_TEST

/* --- strangers ----------------------------------------------------------------------------------
 */

static int to_child[2], from_child[2];

/* A program that knows nothing of the lock: begins, says so, ends when told. */
static void be_strange(int number)
{
    sqlite3 *db;
    char byte = 0;

    (void)number;
    if (sqlite3_open(file, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        write(from_child[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) < 0)
        _exit(1);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
}

static void beside_a_stranger(void)
{
    char byte;

    must(TABLE);
    ck_assert(pipe(to_child) == 0 && pipe(from_child) == 0);
    pid_t child = in_process(be_strange, 0);
    ck_assert_int_eq(read(from_child[0], &byte, 1), 1);
    must_not("INSERT INTO t VALUES (1)", PB_TIMEOUT, "locked by another");
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 0); /* reads go on */
    ck_assert_int_eq(write(to_child[1], "", 1), 1);
    end_well(child);
    must("INSERT INTO t VALUES (2)");
}

START_TEST(a_stranger_is_named_and_waited_for)
{
    char log[340], text[4096] = "";

    make_folder();
    snprintf(log, sizeof log, "%s/log", folder);
    options = ", query_limit: 200ms";
    open_database();
    pb_harness_log(PB_ERROR, log);
    in_task(beside_a_stranger);
    close_database();
    FILE *lines = fopen(log, "r");
    ck_assert_ptr_nonnull(lines);
    text[fread(text, 1, sizeof text - 1, lines)] = 0;
    fclose(lines);
    ck_assert_ptr_nonnull(strstr(text, "is locked by another program"));
    drop_folder();
}
END_TEST

/* --- the log
 * -------------------------------------------------------------------------------------- */

static void fill(int number)
{
    char *text = calloc(1, 100 * 1000);
    pb_value values[] = {pb_value_bytes(text, 100 * 1000)};

    (void)number;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(run_values("INSERT INTO b VALUES ($1)", values, 1, NULL), PB_OK);
    free(text);
}

static void much(void)
{
    struct stat there;
    char log[340];

    find_self();
    must("CREATE TABLE b (a)");
    for (int i = 0; i < 20; i++)
        at_once(8, fill); /* 160 MB in all */
    while (!self->figures.checkpoints)
        ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    snprintf(log, sizeof log, "%s-wal", file);
    ck_assert_int_eq(stat(log, &there), 0);
    ck_assert_int_lt(there.st_size, 64 * 1000 * 1000);
}

START_TEST(the_log_does_not_grow_for_ever)
{
    options = ", checkpoint: 1MiB, checkpoint_full: 8MiB";
    with_database(much);
}
END_TEST

int main(void)
{
    return suite_run("sqlite writer",
                     (const TTest *const[]){
                         writes_share_commits, figures_are_shown, one_that_fails_is_undone_alone,
                         one_that_ends_the_transaction_harms_nobody, late_comers_join_the_group,
                         what_was_not_begun_is_taken_back, never_a_maybe,
                         a_stranger_is_named_and_waited_for, the_log_does_not_grow_for_ever, NULL});
}
