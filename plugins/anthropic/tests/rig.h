/* rig.h - a pipeline with the llm, in front of a service whose every byte the test wrote. Include it once. */
#ifndef TEST_ANTHROPIC_RIG_H
#define TEST_ANTHROPIC_RIG_H

#include "canned.h"
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_anthropic;
extern const pb_plugin patchbay_plugin_generate;

#define SSE                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: "            \
    "close\r\n\r\n"
#define JSON(status)                                                                               \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"
#define EVENT(type, members) "event: " type "\ndata: {\"type\":\"" type "\"" members "}\n\n"
#define START                                                                                      \
    EVENT("message_start",                                                                         \
          ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"  \
          "\"claude-1\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":100,"      \
          "\"cache_read_input_tokens\":400,\"cache_creation_input_tokens\":500,"                   \
          "\"output_tokens\":1}}")
#define BLOCK(block) EVENT("content_block_start", ",\"index\":0,\"content_block\":" block)
#define DELTA(delta) EVENT("content_block_delta", ",\"index\":0,\"delta\":" delta)
#define STOP EVENT("content_block_stop", ",\"index\":0")
#define BEGIN_TEXT BLOCK("{\"type\":\"text\",\"text\":\"\"}")
#define TEXT(text) DELTA("{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define TOOL(id, name)                                                                             \
    BLOCK("{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}")
#define INPUT(json) DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"" json "\"}")
#define PING EVENT("ping", "")
#define END(reason)                                                                                \
    EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason                                 \
                           "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":200,"          \
                           "\"output_tokens_details\":{\"thinking_tokens\":50}}")                  \
    EVENT("message_stop", "")
#define SIMPLE(text) START PING BEGIN_TEXT TEXT(text) STOP END("end_turn")
#define WHOLE(content, reason)                                                                     \
    JSON("200 OK")                                                                                 \
    "\r\n{\"id\":\"msg_2\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-2\","    \
    "\"content\":[" content "],\"stop_reason\":\"" reason                                          \
    "\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}"

static pb_harness *harness;

static inline void begin_with(const char *options)
{
    char yaml[2048];

    canned_start();
    (void)snprintf(yaml, sizeof yaml,
                   "llms:\n  main: {use: anthropic, model: m, base_url: 'http://127.0.0.1:%d/', "
                   "api_key: sk-planted%s}\n"
                   "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                   canned.port, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_anthropic, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
}

static inline void begin(void)
{
    begin_with(", price: {input: 2, output: 8, cached: 1, cache_write: 3}, "
               "params: {temperature: 0.5, service_tier: auto}, headers: {X-Extra: more}, "
               "beta: [one-2026, two-2026]");
}

static inline void end(void)
{
    pb_harness_free(harness);
    canned_stop();
}

static inline const pb_outcome *stream(const char *answer)
{
    canned_set(answer, canned.at_end);
    return pb_harness_say(harness, "hi");
}

static inline const pb_outcome *whole(const char *answer)
{
    canned_set(answer, canned.at_end);
    return pb_harness_ask(harness, &(pb_ask){.text = "hi", .whole = true});
}

static inline void ask(const pb_ask *how)
{
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(harness, how);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
}

static inline void ck_said(const pb_outcome *reply, const char *text)
{
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_assert_msg(pb_str_is(reply->text, text), "%.*s", PB_ARG(reply->text));
}

static inline void ck_fails(const pb_outcome *reply, pb_status status, const char *says)
{
    ck_assert_msg(reply->status == status, "%s: %.*s", pb_status_name(reply->status),
                  PB_ARG(reply->sentence));
    ck_assert_msg(memmem(reply->sentence.data, reply->sentence.size, says, strlen(says)), "%.*s",
                  PB_ARG(reply->sentence));
    ck_assert_ptr_null(memmem(reply->sentence.data, reply->sentence.size, "sk-planted", 10));
}

static inline void ck_sent(const char *part)
{
    ck_assert_msg(strstr(canned_request(), part), "'%s' was not sent:\n%s", part, canned_request());
}

static inline void ck_not_sent(const char *part)
{
    ck_assert_msg(!strstr(canned_request(), part), "'%s' was sent:\n%s", part, canned_request());
}

static inline pb_str ignored(const pb_outcome *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (pb_str_is(reply->headers[i].name, "Patchbay-Ignored"))
            return reply->headers[i].value;
    return (pb_str){0};
}

#endif
