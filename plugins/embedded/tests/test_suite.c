/* What every vector store must do, as this one is by default, and with a file and a list for every
 * few passages. */
#include "kit.h"

static void before_small(void)
{
    options = ", tail: 64, lists_above: 8, segment: 1000";
    before();
}

int main(void)
{
    return suite_run_cases("suite",
                           (TCase *const[]){vector_store_case("default", before, after),
                                            vector_store_case("small", before_small, after), NULL});
}
