/* What nobody writes any more ends as interrupted, what is old is deleted, and no statement of the
 * journal grows with what is stored. */
#include "journal_bench.h"

/* --- what nobody writes any more -------------------------------------------------------------- */

/* A turn as a worker left it that died after its second row. */
static void leave_dead(const char *node)
{
    pb_value values[] = {pb_value_text(pb_str_of(node))};

    sql("DELETE FROM turn_events WHERE number > 2");
    sql_with("UPDATE turns SET status = 'running', ended = NULL, events = 2, node = $1", values, 1,
             NULL);
}

static pb_status find_dead(void *arg)
{
    const char *node = arg;
    struct follower whole = {0}, late = {.after = 2}, again = {.after = 2};

    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    pb_str id = launched.id;
    wait_for_all();
    leave_dead(node);
    ck_assert_int_eq(follow(&whole, id), PB_UNAVAILABLE);
    ck_assert(pb_str_starts(pb_error_last()->sentence, pb_lit("the worker died")));
    ck_assert_str_eq(whole.text, "1 2 one\n2 1 two\n4 done interrupted\n");
    ck_assert_uint_eq(whole.result.interrupted, 1);
    ck_assert_int_eq(follow(&late, id), PB_UNAVAILABLE);
    ck_assert_str_eq(late.text, "4 done interrupted\n");
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    ck_assert_uint_eq(launched.known, 1);
    leave_dead(node);
    ck_assert_int_eq(journal_sweep(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    ck_assert_int_eq(journal_sweep(database), PB_OK);
    ck_assert_int_eq(follow(&again, id), PB_UNAVAILABLE);
    ck_assert_str_eq(again.text, "4 done interrupted\n");
    return PB_OK;
}

START_TEST(a_dead_node_interrupts)
{
    pb_script(harness, "main", PB_STEP_THINKING("one"), PB_STEP_TEXT("two"),
              PB_STEP_THINKING("three"), PB_STEP_STOP);
    run(find_dead, "never-was-1");
}
END_TEST

START_TEST(a_node_that_does_not_know_it_interrupts)
{
    static char node[64];
    pb_str own = pb_node_id();

    snprintf(node, sizeof node, "%.*s", PB_ARG(own));
    pb_script(harness, "main", PB_STEP_THINKING("one"), PB_STEP_TEXT("two"),
              PB_STEP_THINKING("three"), PB_STEP_STOP);
    run(find_dead, node);
}
END_TEST

static pb_status lose_it(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_int_eq(journal_interrupt(database, number("SELECT id FROM turns"), pb_node_id()), PB_OK);
    wait_for_all(); /* the model goes on for minutes, but the next row is refused */
    ck_assert_int_eq(follow(&rest, launched.id), PB_UNAVAILABLE);
    ck_assert_str_eq(rest.text, "3 done interrupted\n");
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turn_events"), 2);
    return PB_OK;
}

START_TEST(who_was_taken_for_dead_writes_no_more)
{
    pb_harness_log(PB_ERROR + 1, NULL);
    pb_script(harness, "main", PB_STEP_TEXT("one"), PB_STEP_WAIT(200 * PB_MILLISECOND),
              PB_STEP_TEXT("two"), PB_STEP_HANG);
    run(lose_it, NULL);
}
END_TEST

/* --- what is old ------------------------------------------------------------------------------ */

static pb_status clean_old(void *arg)
{
    (void)arg;
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    wait_for_all();
    sql("UPDATE turns SET ended = ended + id");
    ck_assert_int_eq(journal_clean(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 4); /* journal_turns */
    ck_assert_int_eq(number("SELECT MIN(id) FROM turns"), 3);
    ck_assert_int_eq(number("SELECT COUNT(DISTINCT turn) FROM turn_events"), 4);
    sql("UPDATE turns SET ended = 1 WHERE id = 5");
    ck_assert_int_eq(journal_clean(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE id = 5"), 0);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 3);
    sql("UPDATE turns SET status = 'running', ended = NULL WHERE id = 3"); /* never too old */
    sql("UPDATE turns SET bytes = 40000 WHERE id > 3");
    ck_assert_int_eq(journal_clean(database), PB_OK); /* 80,000 of 65,536 bytes */
    ck_assert_int_eq(number("SELECT MAX(id) FROM turns"), 6);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 2);
    ck_assert_int_eq(number("SELECT COUNT(DISTINCT turn) FROM turn_events"), 2);
    return PB_OK;
}

static pb_status clean_aged(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    wait_for_all();
    sql("UPDATE turns SET ended = ended - 7200000 WHERE id = 1"); /* two hours */
    sql("UPDATE turns SET ended = ended - 1800000 WHERE id = 2");
    ck_assert_int_eq(journal_clean(database), PB_OK);
    ck_assert_int_eq(number("SELECT MIN(id) FROM turns"), 2);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 2);
    return PB_OK;
}

START_TEST(aged_ones_go)
{
    pb_harness_free(harness);
    open_with("host: {limits: {journal_age: 1h}}\n" CONFIG);
    run(clean_aged, NULL);
}
END_TEST

START_TEST(old_ones_go)
{
    pb_harness_free(harness);
    open_with("host: {limits: {journal_turns: 4, journal_bytes: 65536}}\n" CONFIG);
    run(clean_old, NULL);
}
END_TEST

static pb_status explain(void *arg)
{
    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    wait_for_all();
    for (int i = 0; i < JOURNAL_STATEMENTS; i++) {
        char text[1024];
        pb_value nothing[16] = {{0}};
        pb_rows rows;
        size_t values = 0;
        snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %.*s", PB_ARG(journal_sql[i]));
        for (char name[8]; snprintf(name, sizeof name, "$%zu", values + 1), strstr(text, name);)
            values++;
        sql_with(text, nothing, values, &rows);
        for (size_t j = 0; j < rows.count; j++) {
            pb_str plan = pb_cell(&rows, j, rows.columns - 1)->text;
            bool covering = i == SQL_SUM || i == SQL_OLDEST; /* in the background, along an index */
            ck_assert_msg(covering || !pb_str_starts(plan, pb_lit("SCAN")), "%s: %.*s", text,
                          PB_ARG(plan));
            ck_assert_msg(memmem(plan.data, plan.size, "INDEX", 5) ||
                              memmem(plan.data, plan.size, "PRIMARY KEY", 11),
                          "%s: %.*s", text, PB_ARG(plan));
            ck_assert_msg(!memmem(plan.data, plan.size, "TEMP B-TREE", 11), "%s: %.*s", text,
                          PB_ARG(plan));
        }
    }
    return PB_OK;
}

START_TEST(every_statement_has_its_index)
{
    run(explain, NULL);
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "journal_ends", begin, end,
        (const TTest *const[]){a_dead_node_interrupts, a_node_that_does_not_know_it_interrupts,
                               who_was_taken_for_dead_writes_no_more, old_ones_go, aged_ones_go,
                               every_statement_has_its_index, NULL});

    return suite_run_cases("journal_ends", (TCase *const[]){cases, NULL});
}
