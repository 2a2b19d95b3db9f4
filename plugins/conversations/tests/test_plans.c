/* Every statement finds its rows by an index: see suite_plans.h. */
#include "kit.h"
#include "suite_plans.h"

#include "../sql.h"

static const struct plan plans[] = {CONVERSATION_SQL(PLAN_OF)};

static const struct plan_exception exceptions[] = {
    {.statement = NULL},
};

START_TEST(no_statement_scans)
{
    plans_check(harness, plans, sizeof plans / sizeof *plans, exceptions);
    ck_assert_uint_gt(sizeof plans / sizeof *plans, 30);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {no_statement_scans, NULL};
    return suite_run_cases("plans",
                           (TCase *const[]){suite_case("plans", before, after, tests), NULL});
}
