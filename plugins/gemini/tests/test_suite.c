/* What every llm must do, asked at a service that answers as Gemini does. */
#include "interface_case.h"
#include "upstream_kit.h"

extern const pb_plugin patchbay_plugin_gemini;

static void begin(void)
{
    char yaml[200];

    (void)snprintf(
        yaml, sizeof yaml,
        "llms: {main: {use: gemini, model: m, base_url: '%s/v1beta', api_key: sk-suite}}\n",
        pb_upstream_url());
    interface_begin(pb_harness_new(yaml, &patchbay_plugin_gemini), "llm", "main");
}

int main(void)
{
    return suite_run_cases("gemini suite", (TCase *const[]){interface_case("llm", begin), NULL});
}
