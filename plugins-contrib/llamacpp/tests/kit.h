/* kit.h - a harness with a real model: LLAMACPP_TEST_MODEL names its file (SmolLM2 135M Instruct).
 */
#ifndef CONTRIB_LLAMACPP_KIT_H
#define CONTRIB_LLAMACPP_KIT_H

#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_llamacpp;

static pb_harness *harness;

static const char *model_file(void)
{
    return getenv("LLAMACPP_TEST_MODEL");
}

static void shut(void)
{
    if (harness)
        pb_harness_free(harness);
    harness = NULL;
}

/* llms.local has this model and these options (", context: 256, threads: 1"). Computing takes real
 * time. */
static void open_with(const char *options)
{
    char yaml[2000];

    shut();
    (void)snprintf(yaml, sizeof yaml,
                   "llms: {local: {use: llamacpp, model: '%s', "
                   "params: {temperature: 0}%s}}\n"
                   "pipelines: {p: {stages: [generate: {llm: local}]}}\n",
                   model_file(), options);
    harness = pb_harness_new(yaml, &patchbay_plugin_llamacpp);
    pb_harness_virtual_time(harness, false);
}

static const pb_outcome *ask(const char *text, const char *params)
{
    return pb_harness_ask(harness, &(pb_ask){.text = text, .params = params});
}

static const char *const question = "What is the capital of France?";

#define fails(reply, code, part)                                                                   \
    do {                                                                                           \
        const pb_outcome *fails_ = (reply);                                                        \
        ck_assert_msg(fails_->status == (code) && pb_str_contains(fails_->sentence, pb_lit(part)), \
                      "%s: %.*s", pb_status_name(fails_->status), PB_ARG(fails_->sentence));       \
    } while (0)

#endif
