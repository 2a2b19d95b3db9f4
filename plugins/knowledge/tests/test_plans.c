/* Every statement finds its rows by an index: the plan of each is asked for, and none scans a
 * table. */
#include "kit.h"

#include "../sql.h"

struct plan {
    const char *name, *sql; /* with EXPLAIN QUERY PLAN in front: static */
};

static const struct plan plans[] = {
#define PLAN(name, text) {#name, "EXPLAIN QUERY PLAN " text},
    KNOWLEDGE_SQL(PLAN)};

static size_t values_in(const char *text)
{
    size_t most = 0;

    for (const char *at = text; (at = strchr(at, '$')); at++) {
        size_t value = strtoul(at + 1, NULL, 10);
        most = value > most ? value : most;
    }
    return most;
}

/* A table that is read from end to end; not a JSON list, and not what is sorted for its few rows.
 */
static bool scans(pb_str step)
{
    return pb_str_contains(step, pb_lit("SCAN ")) &&
           !pb_str_contains(step, pb_lit("VIRTUAL TABLE")) &&
           !pb_str_contains(step, pb_lit("CONSTANT ROW")) &&
           !pb_str_contains(step, pb_lit("USING INDEX")) &&
           !pb_str_contains(step, pb_lit("USING COVERING INDEX"));
}

/* Pages are read along a key, never sorted. */
static bool sorts(const struct plan *plan, pb_str step)
{
    return strstr(plan->name, "list") && pb_str_contains(step, pb_lit("USE TEMP B-TREE FOR ORDER"));
}

static char problems[1 << 14];

static pb_status check_plan(void *arg)
{
    const struct plan *plan = arg;
    pb_value values[32];
    pb_rows rows = {.size = sizeof rows};
    size_t count = values_in(plan->sql);

    for (size_t i = 0; i < 32; i++)
        values[i] = pb_value_null();
    pb_statement statement = pb_statement_make(pb_str_of(plan->sql), values, count);
    statement.flags = PB_ALL_TENANTS;
    statement.tenant = pb_lit("default");
    pb_status status =
        pb_db_run(pb_harness_instance(harness, "database", "main"), &statement, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        pb_str step = pb_cell(&rows, i, 3)->text;
        if (scans(step) || sorts(plan, step))
            (void)snprintf(problems + strlen(problems), sizeof problems - strlen(problems),
                           "%s: %.*s\n", plan->name, PB_ARG(step));
    }
    return status;
}

START_TEST(no_statement_scans)
{
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        pb_str sentence;
        pb_status status =
            pb_harness_run(harness, check_plan, (void *)(uintptr_t)&plans[i], &sentence);
        ck_assert_msg(status == PB_OK, "%s: %.*s", plans[i].name, PB_ARG(sentence));
    }
    ck_assert_msg(!*problems, "%s", problems);
    ck_assert_uint_gt(sizeof plans / sizeof *plans, 50);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {no_statement_scans, NULL};
    return suite_run_cases("plans",
                           (TCase *const[]){suite_case("plans", before, after, tests), NULL});
}
