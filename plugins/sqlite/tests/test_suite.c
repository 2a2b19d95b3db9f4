/* What every database must do. */
#include "interface_case.h"

extern const pb_plugin patchbay_plugin_sqlite;

/* On the real clock: what the threads of the plugin do takes real time. */
static void begin(void)
{
    interface_begin(pb_harness_new("databases: {main: {use: sqlite}}\n", &patchbay_plugin_sqlite),
                    "database", "main");
    pb_harness_virtual_time(interface_harness, false);
}

int main(void)
{
    return suite_run_cases("sqlite suite",
                           (TCase *const[]){interface_case("database", begin), NULL});
}
