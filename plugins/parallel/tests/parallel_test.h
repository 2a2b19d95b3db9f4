/* parallel_test.h - branches that speak to a schedule, and what came out of them. Include it once.
 */
#ifndef TESTS_PARALLEL_TEST_H
#define TESTS_PARALLEL_TEST_H

#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_fallback;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_parallel;
extern const pb_plugin patchbay_plugin_prompt;
extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_retry;
extern const pb_plugin patchbay_plugin_timeout;

static const pb_plugin *const plugins[] = {&patchbay_plugin_fallback, &patchbay_plugin_generate,
                                           &patchbay_plugin_parallel, &patchbay_plugin_prompt,
                                           &patchbay_plugin_replay,   &patchbay_plugin_retry,
                                           &patchbay_plugin_timeout,  NULL};
static pb_harness *harness;

#define LLMS "llms: {a: {use: scripted}, b: {use: scripted}, c: {use: scripted}}\n"
#define A    "a: [generate: {llm: a}]"
#define B    "b: [generate: {llm: b}]"
#define C    "c: [generate: {llm: c}]"
#define AB   "branches: {" A ", " B "}"

static inline void open_stages(const char *stages)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml, LLMS "pipelines: {p: {stages: %s}}\n", stages);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static inline void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static inline void speak(const char *llm, int after, const char *text)
{
    pb_script(harness, llm, PB_STEP_WAIT(after * PB_SECOND + 1), PB_STEP_TEXT(text),
              PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("."), PB_STEP_STOP);
}

/* "1:text 2:text" of all pieces, in their order. */
static inline const char *said(const pb_outcome *reply)
{
    static char text[1024];
    size_t size = 0;

    text[0] = 0;
    for (size_t i = 0; i < reply->event_count; i++)
        if (reply->events[i]->type == PB_EVENT_TEXT)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%d:%.*s", size ? " " : "",
                                     reply->events[i]->branch, PB_ARG(reply->events[i]->text));
    return text;
}

static inline void check(const pb_outcome *reply, pb_status status, int seconds, const char *pieces)
{
    ck_assert_msg(reply->status == status, "%s: %s", pb_status_name(reply->status),
                  reply->sentence.data);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, seconds);
    ck_assert_str_eq(said(reply), pieces);
    ck_assert_uint_eq(reply->done_count, 1);
}

static inline bool asked(const char *llm, size_t request, const char *words)
{
    const pb_json *messages = pb_json_get(pb_scripted_request(harness, llm, request), "messages");

    for (const pb_json *at = messages->child; at; at = at->next)
        if (pb_str_is(pb_json_text(pb_json_get(at, "content")), words))
            return true;
    return false;
}

#endif
