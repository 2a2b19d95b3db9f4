/* What every llm must do. */
#include "interface_case.h"

extern const pb_plugin patchbay_plugin_replay;

static void begin(void)
{
    interface_begin(
        pb_harness_new(
            "llms: {main: {use: replay, notice: '', replies: [{text: 'Some words to say.'}]}}\n",
            &patchbay_plugin_replay),
        "llm", "main");
}

int main(void)
{
    return suite_run_cases("replay suite", (TCase *const[]){interface_case("llm", begin), NULL});
}
