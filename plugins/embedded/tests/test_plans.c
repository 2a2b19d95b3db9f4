/* Every statement finds its rows by an index: the plan of each is asked for, and none scans a
 * table. */
#include "kit.h"

#include "../sql.h"

struct plan {
    const char *name, *sql;
};

static const struct plan plans[] = {
#define PLAN(name, text) {#name, "EXPLAIN QUERY PLAN " text},
    EMBEDDED_SQL(PLAN)};

static size_t values_in(const char *sql)
{
    size_t most = 0;

    for (const char *at = sql; (at = strchr(at, '$')); at++) {
        size_t number = strtoul(at + 1, NULL, 10);
        most = number > most ? number : most;
    }
    return most;
}

/* A table that is read from end to end. Lists of ids that come with the query are no tables, and
 * the index of what is gone has only that, of which 1,024 are taken. */
static bool scans(pb_str step)
{
    return pb_str_contains(step, pb_lit("SCAN ")) &&
           !pb_str_contains(step, pb_lit("VIRTUAL TABLE")) &&
           !pb_str_contains(step, pb_lit("SCAN CONSTANT ROW")) &&
           !pb_str_contains(step, pb_lit("INDEX vector_documents_gone")) &&
           !pb_str_is(step, "SCAN d");
}

static char problems[1 << 14];

static pb_status check_plan(void *arg)
{
    const struct plan *plan = arg;
    pb_value values[16];
    pb_rows rows = {.size = sizeof rows};

    for (size_t i = 0; i < 16; i++)
        values[i] = pb_value_null();
    pb_statement statement = pb_statement_make(pb_str_of(plan->sql), values, values_in(plan->sql));
    statement.flags = PB_ALL_TENANTS;
    statement.tenant = pb_lit("default");
    pb_status status =
        pb_db_run(pb_harness_instance(vs_harness, "database", "main"), &statement, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        pb_str step = pb_cell(&rows, i, 3)->text;
        if (scans(step))
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
            pb_harness_run(vs_harness, check_plan, (void *)(uintptr_t)&plans[i], &sentence);
        ck_assert_msg(status == PB_OK, "%s: %.*s", plans[i].name, PB_ARG(sentence));
    }
    ck_assert_msg(!*problems, "%s", problems);
    ck_assert_uint_gt(sizeof plans / sizeof *plans, 25);
}
END_TEST

int main(void)
{
    return suite_run_cases(
        "plans", (TCase *const[]){suite_case("plans", before, after,
                                             (const TTest *const[]){no_statement_scans, NULL}),
                                  NULL});
}
