/* suite_plans.h - the plan of every statement of a plugin: each finds its rows by an index.
 *
 *     static const struct plan plans[] = {EXAMPLE_SQL(PLAN_OF)};
 *     plans_check(harness, plans, sizeof plans / sizeof *plans, exceptions);
 *
 * EXAMPLE_SQL(X) calls X(name, text) for each. Only SEARCH by an index or a key passes, whatever the
 * size of the table; a table or an index read from end to end is named in `exceptions` with the
 * reason. Lists that come with the statement (json_each), full-text indexes asked by their words and
 * what a statement made itself are no tables. One that is named like a list must not sort either:
 * pages are read along a key. Include it once.
 */
#ifndef PATCHBAY_SUITE_PLANS_H
#define PATCHBAY_SUITE_PLANS_H

#include "suite.h"
#include "testkit.h"

#include <patchbay/database.h>

#include <stdlib.h>
#include <string.h>

struct plan {
    const char *name, *sql; /* with EXPLAIN QUERY PLAN in front */
};

#define PLAN_OF(name, text) {#name, "EXPLAIN QUERY PLAN " text},

/* A step that may read from end to end. */
struct plan_exception {
    const char *statement; /* its name */
    const char *step;      /* that begins so */
    const char *reason;
};

struct plan_run {
    pb_harness *of;
    const struct plan *plan;
    const struct plan_exception *exceptions; /* an empty one at the end */
    bool met[32]; /* an exception that nothing needs is a defect */
    char problems[1 << 14];
};

static inline void plan_problem(struct plan_run *run, pb_str step)
{
    size_t used = strlen(run->problems);

    (void)snprintf(run->problems + used, sizeof run->problems - used, "%s: %.*s\n", run->plan->name,
                   PB_ARG(step));
}

static inline bool plan_is_excepted(struct plan_run *run, pb_str step)
{
    for (size_t i = 0; run->exceptions[i].statement; i++) {
        const struct plan_exception *one = &run->exceptions[i];
        if (strcmp(one->statement, run->plan->name) == 0 &&
            pb_str_starts(step, pb_str_of(one->step)))
            return run->met[i] = true;
    }
    return false;
}

/* Steps of lists that are the statement's own. */
static inline bool plan_is_own(pb_str step)
{
    return pb_str_contains(step, pb_lit("VIRTUAL TABLE INDEX")) ||
           pb_str_contains(step, pb_lit("SCAN CONSTANT ROW"));
}

static inline void plan_judge(struct plan_run *run, pb_str step)
{
    bool scans = (pb_str_starts(step, pb_lit("SCAN ")) && !plan_is_own(step)) ||
                 pb_str_contains(step, pb_lit(" USING AUTOMATIC ")); /* one made for the query */
    bool sorts = strstr(run->plan->name, "list") &&
                 pb_str_contains(step, pb_lit("USE TEMP B-TREE FOR ORDER"));

    if ((scans || sorts) && !plan_is_excepted(run, step))
        plan_problem(run, step);
}

static inline size_t plan_values(const char *sql)
{
    size_t most = 0;

    for (const char *at = sql; (at = strchr(at, '$')); at++) {
        size_t number = strtoul(at + 1, NULL, 10);
        most = number > most ? number : most;
    }
    return most;
}

static inline pb_status plan_ask(void *arg)
{
    struct plan_run *run = arg;
    pb_value values[32];
    pb_rows rows = {.size = sizeof rows};

    for (size_t i = 0; i < 32; i++)
        values[i] = pb_value_null();
    pb_statement statement =
        pb_statement_make(pb_str_of(run->plan->sql), values, plan_values(run->plan->sql));
    statement.flags = PB_ALL_TENANTS;
    statement.tenant = pb_lit("default");
    pb_status status =
        pb_db_run(pb_harness_instance(run->of, "database", "main"), &statement, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++)
        plan_judge(run, pb_cell(&rows, i, 3)->text);
    return status;
}

/* Of the database 'main'. */
static inline void plans_check(pb_harness *of, const struct plan *all, size_t count,
                               const struct plan_exception *excepted)
{
    static struct plan_run run;

    run = (struct plan_run){.of = of, .exceptions = excepted};
    for (size_t i = 0; i < count; i++) {
        pb_str sentence;
        run.plan = &all[i];
        ck_assert_uint_le(plan_values(run.plan->sql), 32);
        pb_status status = pb_harness_run(of, plan_ask, &run, &sentence);
        ck_assert_msg(status == PB_OK, "%s: %.*s", run.plan->name, PB_ARG(sentence));
    }
    ck_assert_msg(!*run.problems, "%s", run.problems);
    for (size_t i = 0; excepted[i].statement; i++)
        ck_assert_msg(run.met[i], "nothing needs the exception of %s", excepted[i].statement);
}

#endif
