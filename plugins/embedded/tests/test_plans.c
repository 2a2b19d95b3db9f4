/* Every statement finds its rows by an index: see suite_plans.h. */
#include "kit.h"
#include "suite_plans.h"

#include "../sql.h"

static const struct plan plans[] = {EMBEDDED_SQL(PLAN_OF)};

#define GONE      "SCAN vector_documents USING INDEX vector_documents_gone"
#define GONE_ONLY "the index has only what is to be swept, and 1,024 of it are taken"

static const struct plan_exception exceptions[] = {
    {"sweep_floats", GONE, GONE_ONLY},
    {"sweep_floats", "SCAN d", "the 1,024 of the line above"},
    {"sweep_passages", GONE, GONE_ONLY},
    {"sweep_passages", "SCAN d", "the 1,024 of the line above"},
    {"sweep_documents", "SCAN d USING INDEX vector_documents_gone", GONE_ONLY},
    {.statement = NULL},
};

START_TEST(no_statement_scans)
{
    plans_check(vs_harness, plans, sizeof plans / sizeof *plans, exceptions);
    ck_assert_uint_gt(sizeof plans / sizeof *plans, 25);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {no_statement_scans, NULL};
    return suite_run_cases("plans",
                           (TCase *const[]){suite_case("plans", before, after, tests), NULL});
}
