/* What every llm must do, asked at a service that answers as OpenAI does. */
#include "interface_case.h"
#include "upstream_kit.h"

extern const pb_plugin patchbay_plugin_openai;

static void begin(void)
{
    char yaml[200];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {main: {use: openai, model: m, base_url: '%s/v1', api_key: sk-suite}}\n",
                   pb_upstream_url());
    interface_begin(pb_harness_new(yaml, &patchbay_plugin_openai), "llm", "main");
}

int main(void)
{
    return suite_run_cases("openai suite", (TCase *const[]){interface_case("llm", begin), NULL});
}
