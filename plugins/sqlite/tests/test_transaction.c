/* Transactions: what fails in them, the limit of 100 ms, the lock of all processes. What every database
 * does is in test_suite.c. */
#include "common.h"

#include "../sqlite.h"
#include <sys/file.h>

static void make_account(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)");
    must("INSERT INTO account VALUES (1, 100), (2, 0)");
}

/* --- commit and rollback ---------------------------------------------------------------------- */

static pb_status add_one(void *arg)
{
    pb_rows rows;
    pb_value values[1];

    (void)arg;
    ck_assert_int_eq(run_values("SELECT amount FROM account WHERE id = 2", NULL, 0, &rows), PB_OK);
    values[0] = pb_value_int(pb_cell(&rows, 0, 0)->integer + 1);
    ck_assert_int_eq(run_values("UPDATE account SET amount = $1 WHERE id = 2", values, 1, NULL),
                     PB_OK);
    ck_assert_int_eq(integer("SELECT amount FROM account WHERE id = 2"), values[0].integer);
    return PB_OK;
}

static pb_status spend_and_fail(void *arg)
{
    must("UPDATE account SET amount = 0 WHERE id = 1");
    return pb_fail(*(pb_status *)arg, "there is a reason");
}

static pb_status fail_inside(void *arg)
{
    (void)arg;
    must("INSERT INTO t VALUES (1)");
    must_not("INSERT INTO t VALUES (1)", PB_CONFLICT, "UNIQUE"); /* undone alone */
    pb_error_clear();
    must("INSERT INTO t VALUES (2)");
    return PB_OK;
}

static void back(void)
{
    pb_status status = PB_FORBIDDEN;

    make_account();
    ck_assert_int_eq(pb_db_transaction(database, spend_and_fail, &status), PB_FORBIDDEN);
    ck_text(pb_error_last()->sentence, "there is a reason");
    ck_assert_int_eq(integer("SELECT amount FROM account WHERE id = 1"), 100);
    ck_assert_int_eq(pb_db_transaction(database, fail_inside, NULL), PB_OK);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 2);
}

START_TEST(what_fails_is_rolled_back)
{
    with_database(back);
}
END_TEST

/* --- inside and outside --------------------------------------------------------------------------
 */

static pb_status inside_again(void *arg)
{
    char path[340];

    (void)arg;
    must("INSERT INTO t VALUES (1)");
    ck_assert_int_eq(pb_db_transaction(database, add_one, NULL), PB_INVALID);
    snprintf(path, sizeof path, "%s/copy.db", folder);
    ck_assert_int_eq(pb_db_backup(database, pb_str_of(path)), PB_INVALID);
    ck_assert_int_eq(pb_db_restore(database, pb_str_of(path)), PB_INVALID);
    must_not("COMMIT", PB_INVALID, "not authorized");
    return PB_OK;
}

static void nested(void)
{
    make_account();
    ck_assert_int_eq(pb_db_transaction(database, inside_again, NULL), PB_OK);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 1);
}

START_TEST(another_one_inside_is_refused)
{
    with_database(nested);
}
END_TEST

/* --- the limit
 * ------------------------------------------------------------------------------------ */

static pb_status dawdle(void *arg)
{
    (void)arg;
    must("INSERT INTO t VALUES (1)");
    ck_assert_int_eq(pb_sleep(250 * PB_MILLISECOND), PB_OK);
    must_not("INSERT INTO t VALUES (2)", PB_TIMEOUT, "100 ms");
    must_not("SELECT 1", PB_TIMEOUT, "100 ms");
    return PB_OK; /* and yet it is not committed */
}

static pb_status compute(void *arg)
{
    must("INSERT INTO t VALUES (3)");
    must_not("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
             "INSERT INTO t SELECT max(i) FROM n",
             PB_TIMEOUT, "100 ms");
    return *(pb_status *)arg;
}

static void dawdle_or_write(int number)
{
    if (number == 0)
        ck_assert_int_eq(pb_db_transaction(database, dawdle, NULL), PB_TIMEOUT);
    else
        ck_assert_int_eq(insert(100 + number), PB_OK);
}

static void too_long(void)
{
    pb_status status = PB_OK;

    make_account();
    at_once(10, dawdle_or_write); /* the others wait for 100 ms, not for ever */
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 9);
    ck_assert_int_eq(pb_db_transaction(database, compute, &status), PB_TIMEOUT);
    status = PB_TIMEOUT;
    ck_assert_int_eq(pb_db_transaction(database, compute, &status), PB_TIMEOUT);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 9);
    must("INSERT INTO t VALUES (1)");
}

START_TEST(after_100_ms_it_is_undone)
{
    with_database(too_long);
}
END_TEST

static pb_status inside_one_only(void *arg)
{
    struct sqlite *self = arg;

    /* The lock is held: nobody else could begin. */
    struct write_lock lock;
    lock.file = open(self->lock_path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(lock.file, 0);
    ck_assert_int_ne(flock(lock.file, LOCK_EX | LOCK_NB), 0);
    close(lock.file);
    return PB_OK;
}

static void locked(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    ck_assert_int_eq(
        pb_db_transaction(database, inside_one_only, pb_harness_self(harness, "database", "main")),
        PB_OK);
}

START_TEST(it_holds_the_lock_of_all_processes)
{
    with_database(locked);
}
END_TEST

int main(void)
{
    return suite_run("sqlite transaction",
                     (const TTest *const[]){
                         what_fails_is_rolled_back, another_one_inside_is_refused,
                         after_100_ms_it_is_undone, it_holds_the_lock_of_all_processes, NULL});
}
