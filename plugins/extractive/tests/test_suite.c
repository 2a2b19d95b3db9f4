/* What every llm must do. */
#include "interface_case.h"

extern const pb_plugin patchbay_plugin_extractive;

static void begin(void)
{
    interface_begin(
        pb_harness_new("llms: {main: {use: extractive}}\n", &patchbay_plugin_extractive), "llm",
        "main");
}

int main(void)
{
    return suite_run_cases("extractive suite",
                           (TCase *const[]){interface_case("llm", begin), NULL});
}
