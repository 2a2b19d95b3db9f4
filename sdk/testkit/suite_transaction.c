/* suite_transaction.c - what every database must do when more than one works on it: transactions,
 * 64 tasks at once, tasks that are cancelled. */
#include "suite_database.h"

#define TRANSACTION_CASE(name)                                                                     \
    static void name##_body(pb_instance *instance);                                                \
    void name(pb_harness *harness, pb_instance *instance)                                          \
    {                                                                                              \
        suite_in_task(harness, name##_body, instance);                                             \
    }                                                                                              \
    static void name##_body(pb_instance *instance)

/* --- commit and rollback ---------------------------------------------------------------------- */

static pb_status add_one(void *arg)
{
    pb_value values[] = {pb_value_int(1 + suite_number(arg, "SELECT n FROM suite_t WHERE id = 1"))};
    pb_status status = suite_ask(arg, "UPDATE suite_t SET n = $1 WHERE id = 1", values, 1, NULL);

    if (status == PB_OK)
        EXPECT_INT(suite_number(arg, "SELECT n FROM suite_t WHERE id = 1"), values[0].integer,
                   "what a transaction reads of its own write");
    return status;
}

TRANSACTION_CASE(suite_db_commits)
{
    suite_table(instance);
    EXPECT_OK(suite_insert(instance, 1), "insert");
    EXPECT_OK(pb_db_transaction(instance, add_one, instance), "transaction");
    EXPECT_OK(pb_db_transaction(instance, add_one, instance), "a second transaction");
    EXPECT_INT(suite_number(instance, "SELECT n FROM suite_t WHERE id = 1"), 2,
               "a number after two transactions that add 1");
}

static pb_status write_and_fail(void *arg)
{
    const pb_value values[] = {pb_value_int(7)};
    const pb_statement two[] = {
        pb_statement_make(pb_lit("INSERT INTO suite_t (id) VALUES (6)"), NULL, 0),
        pb_statement_make(pb_lit("INSERT INTO suite_t (id) VALUES ($1)"), values, 1)};

    suite_must(arg, "UPDATE suite_t SET n = 100 WHERE id = 1");
    EXPECT_OK(pb_db_batch(arg, two, 2, NULL), "a batch in a transaction");
    return pb_fail(PB_FORBIDDEN, "there is a reason");
}

TRANSACTION_CASE(suite_db_rolls_back)
{
    suite_table(instance);
    EXPECT_OK(suite_insert(instance, 1), "insert");
    EXPECT_STATUS(pb_db_transaction(instance, write_and_fail, instance), PB_FORBIDDEN,
                  "a transaction whose function returns 'forbidden'");
    EXPECT_STR(pb_error_last()->sentence, pb_lit("there is a reason"),
               "the sentence of a transaction that was rolled back");
    EXPECT_INT(suite_number(instance, "SELECT sum(n) + count(*) FROM suite_t"), 1,
               "the sum of the table after a transaction was rolled back");
    EXPECT_OK(suite_insert(instance, 6), "a write after a transaction was rolled back");
}

static pb_status begin_again(void *arg)
{
    EXPECT_OK(suite_insert(arg, 1), "insert");
    EXPECT_STATUS(pb_db_transaction(arg, add_one, arg), PB_INVALID, "a transaction in another");
    EXPECT_STATUS(pb_db_backup(arg, suite_path("suite-inside")), PB_INVALID,
                  "backup in a transaction");
    EXPECT_STATUS(pb_db_restore(arg, suite_path("suite-inside")), PB_INVALID,
                  "restore in a transaction");
    pb_error_clear();
    return suite_insert(arg, 2);
}

TRANSACTION_CASE(suite_db_nests)
{
    suite_table(instance);
    EXPECT_OK(pb_db_transaction(instance, begin_again, instance),
              "a transaction that tried to begin another");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 2, "what it wrote");
}

/* --- seen by others --------------------------------------------------------------------------- */

static struct {
    bool inside, looked;
} watch;

/* Statements park where the database needs it: the other task looks meanwhile. */
static pb_status stay(void *arg)
{
    EXPECT_OK(suite_insert(arg, 1), "insert");
    watch.inside = true;
    for (int i = 0; i < 200 && !watch.looked; i++)
        suite_must(arg, "UPDATE suite_t SET n = n + 1 WHERE id = 1");
    watch.inside = false;
    return PB_OK;
}

static void stay_or_look(void *shared, int number)
{
    if (number == 0) {
        EXPECT_OK(pb_db_transaction(shared, stay, shared), "transaction");
        watch.looked = true;
        return;
    }
    while (!watch.inside && !watch.looked)
        EXPECT_OK(pb_sleep(0), "waiting");
    bool inside = watch.inside;
    int64_t seen = suite_number(shared, "SELECT count(*) FROM suite_t");
    if (inside && watch.inside)
        EXPECT_INT(seen, 0, "how many rows others see that a transaction has not committed");
    watch.looked = true;
    EXPECT_OK(suite_insert(shared, 2), "a write while another task has a transaction");
    EXPECT(!watch.inside, "a write came between the statements of a transaction");
}

TRANSACTION_CASE(suite_db_hides)
{
    watch.inside = watch.looked = false;
    suite_table(instance);
    suite_at_once(2, stay_or_look, instance);
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 2, "what both wrote");
}

/* Its statements are refused after 100 ms; the loop ends with that, however slow it is here. */
static pb_status hold(void *arg)
{
    pb_status status = suite_insert(arg, 1);
    pb_duration begin = pb_monotonic();

    while (status == PB_OK && pb_monotonic() - begin < 60 * PB_SECOND)
        status = suite_ask(arg, "UPDATE suite_t SET n = n + 1 WHERE id = 1", NULL, 0, NULL);
    EXPECT_STATUS(status, PB_TIMEOUT, "a statement of a transaction after more than 100 ms");
    pb_error_clear();
    return PB_OK;
}

TRANSACTION_CASE(suite_db_limits)
{
    suite_table(instance);
    EXPECT_STATUS(pb_db_transaction(instance, hold, instance), PB_TIMEOUT,
                  "a transaction of more than 100 ms");
    pb_error_clear();
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 0,
               "how many rows there are of a transaction that took too long");
    EXPECT_OK(suite_insert(instance, 1), "a write after that");
}

/* --- 64 at once ------------------------------------------------------------------------------- */

static void count_and_insert(void *shared, int number)
{
    for (int i = 0; i < 3; i++) {
        EXPECT_OK(pb_db_transaction(shared, add_one, shared), "one of 64 transactions at once");
        EXPECT_OK(suite_insert(shared, 100 + number * 3 + i), "one of 64 inserts at once");
    }
}

TRANSACTION_CASE(suite_db_counts_at_once)
{
    suite_table(instance);
    EXPECT_OK(suite_insert(instance, 1), "insert");
    suite_at_once(64, count_and_insert, instance);
    EXPECT_INT(suite_number(instance, "SELECT n FROM suite_t WHERE id = 1"), 192,
               "a number to which 64 tasks added 1 three times in a transaction");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 193,
               "how many rows there are after 64 tasks inserted 3 each");
}

/* --- cancelled -------------------------------------------------------------------------------- */

struct one {
    pb_instance *database;
    int64_t id;
};

static pb_status insert_one(void *arg)
{
    const struct one *one = arg;

    return suite_insert(one->database, one->id);
}

/* A cancelled task whose write has begun learns what became of it. */
TRANSACTION_CASE(suite_db_never_maybe)
{
    enum { TASKS = 64 };
    struct one *all = PB_NEW_ARRAY(struct one, TASKS);
    pb_task **tasks = PB_NEW_ARRAY(pb_task *, TASKS);

    suite_table(instance);
    for (int i = 0; i < TASKS; i++) {
        all[i] = (struct one){instance, i};
        EXPECT_OK(pb_spawn(insert_one, &all[i], &tasks[i]), "starting a task");
    }
    EXPECT_OK(pb_sleep(0), "waiting"); /* they begin */
    for (int i = 0; i < TASKS; i += 2)
        pb_task_cancel(tasks[i]);
    for (int i = 0; i < TASKS; i++) {
        pb_status status = pb_join(tasks[i]);
        const pb_value values[] = {pb_value_int(i)};
        pb_rows rows;
        EXPECT(status == PB_OK || (i % 2 == 0 && status == PB_CANCELLED), "an insert gave '%s'",
               pb_status_name(status));
        pb_error_clear();
        EXPECT_OK(suite_ask(instance, "SELECT 1 FROM suite_t WHERE id = $1", values, 1, &rows),
                  "select");
        EXPECT_INT(rows.count, status == PB_OK,
                   "how many rows are there of an insert that gave '%s'", pb_status_name(status));
    }
}

static pb_status add_slowly(void *arg)
{
    pb_status status = PB_OK;

    for (int i = 0; i < 50 && status == PB_OK; i++) {
        status = pb_db_transaction(arg, add_one, arg);
        if (status == PB_OK)
            status = pb_sleep(0);
    }
    return status;
}

TRANSACTION_CASE(suite_db_cancels)
{
    suite_table(instance);
    EXPECT_OK(suite_insert(instance, 1), "insert");
    EXPECT_STATUS(suite_cancelled(add_slowly, instance), PB_CANCELLED,
                  "a task with transactions that was cancelled");
    pb_error_clear();
    EXPECT_OK(pb_db_transaction(instance, add_one, instance),
              "a transaction after a task was cancelled");
}
