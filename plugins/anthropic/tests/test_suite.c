/* What every llm must do, asked at a service that answers as Anthropic does. */
#include "interface_case.h"
#include "upstream_kit.h"

extern const pb_plugin patchbay_plugin_anthropic;

static void begin(void)
{
    char yaml[200];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {main: {use: anthropic, model: m, base_url: '%s/', api_key: sk-suite}}\n",
                   pb_upstream_url());
    interface_begin(pb_harness_new(yaml, &patchbay_plugin_anthropic), "llm", "main");
}

int main(void)
{
    return suite_run_cases("anthropic suite", (TCase *const[]){interface_case("llm", begin), NULL});
}
