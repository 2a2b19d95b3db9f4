/* rig.h - a pipeline with generate, the scripted model and the desk. Include it once, after desk.h.
 */
#ifndef TEST_GENERATE_RIG_H
#define TEST_GENERATE_RIG_H

#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_replay;

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_replay,
                                           &patchbay_plugin_desk, NULL};
static pb_harness *harness;

static inline void begin(const char *options)
{
    char yaml[1024];

    snprintf(yaml, sizeof yaml,
             "host: {limits: {kept_turns: 8, tool: 60s, turn: 300s}}\n"
             "llms: {main: {use: scripted}}\n"
             "tools: {desk: {use: desk}, other: {use: desk}, gone: {use: desk, fail: it is away}}\n"
             "pipelines: {p: {stages: [generate: {llm: main%s}]}}\n",
             options);
    harness = pb_harness_open(yaml, plugins, NULL);
    desk_calls = desk_running = desk_most = 0;
}

static inline void end(void)
{
    ck_assert_int_eq(desk_running, 0);
    pb_harness_free(harness);
}

static inline void is(pb_str text, const char *expected)
{
    ck_assert_msg(pb_str_is(text, expected), "'%.*s', not '%s'", PB_ARG(text), expected);
}

static inline const pb_json *request(size_t index, const char *path)
{
    return pb_json_path(pb_scripted_request(harness, "main", index), path);
}

static inline pb_str request_text(size_t index, const char *path)
{
    return pb_json_text(request(index, path));
}

static inline void failed(const pb_outcome *reply, pb_status status, const char *sentence)
{
    ck_assert_int_eq(reply->status, status);
    is(reply->sentence, sentence);
    ck_assert_uint_eq(reply->done_count, 1);
}

#define CALLS_CLOCK       PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS)
#define CLIENT_TOOL(name) "{\"type\": \"function\", \"function\": {\"name\": \"" name "\"}}"

#endif
