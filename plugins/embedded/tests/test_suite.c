/* What every vector store must do, as this one is by default, and with a file and a list for every
 * few passages. */
#include "interface_case.h"

extern const pb_plugin patchbay_plugin_embedded;
extern const pb_plugin patchbay_plugin_sqlite;

static void begin_with(const char *options)
{
    char yaml[400];

    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite}}\n"
                   "vector_stores: {passages: {use: embedded%s}}\n",
                   options);
    interface_begin(pb_harness_new(yaml, &patchbay_plugin_embedded, &patchbay_plugin_sqlite),
                    "vector_store", "passages");
    pb_harness_virtual_time(interface_harness, false);
}

static void begin(void)
{
    begin_with("");
}

static void begin_small(void)
{
    begin_with(", tail: 64, lists_above: 8, segment: 1000");
}

int main(void)
{
    return suite_run_cases("suite",
                           (TCase *const[]){interface_case("vector_store", begin),
                                            interface_case("vector_store", begin_small), NULL});
}
