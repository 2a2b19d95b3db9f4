/* OpenAI's dialect: requests, answers, streams, errors. */
#include "client.h"
#include "suite.h"

#define CHAT(more)                                                                                 \
    "{\"model\":\"support\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"

static void chat(const char *body)
{
    ask("POST", "/v1/chat/completions", body);
}

START_TEST(a_completion)
{
    pb_script(harness, "main", PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo \"you\""), PB_STEP_USAGE(7, 3),
              PB_STEP_FINISH(PB_FINISH_LENGTH));
    chat(CHAT(""));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(header("content-type"), "application/json");
    ck_assert_str_eq(header("cache-control"), "no-store");
    ck_assert_str_eq(header("x-content-type-options"), "nosniff");
    ck_assert_str_ne(header("x-request-id"), "");
    ck_at("object", "chat.completion");
    ck_at("model", "support");
    ck_at("choices/0/message/role", "assistant");
    ck_at("choices/0/message/content", "hello \"you\"");
    ck_at("choices/0/finish_reason", "length");
    ck_at("usage/prompt_tokens", "7");
    ck_at("usage/completion_tokens", "3");
    ck_at("usage/total_tokens", "10");
    ck_at("patchbay/llm", "main");
    ck_at("patchbay/model", "scripted-1");
    ck_at("patchbay/fallback", "false");
    ck_at("patchbay/turn", header("x-patchbay-turn"));
    ck_at("sources", "(none)");
    ck_assert(
        pb_json_is(pb_json_path(pb_scripted_request(harness, "main", 0), "stream"), PB_JSON_FALSE));
}
END_TEST

START_TEST(a_stream)
{
    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo\n"),
              PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    chat(CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(header("content-type"), "text/event-stream");
    ck_assert_uint_eq(event_count(), 6);
    ck_event(0, "object", "chat.completion.chunk");
    ck_event(0, "choices/0/delta/role", "assistant");
    ck_event(0, "choices/0/delta/reasoning_content", "hm");
    ck_event(0, "usage", "null");
    ck_event(1, "choices/0/delta/role", "(none)");
    ck_event(1, "choices/0/delta/content", "hel");
    ck_event(1, "choices/0/finish_reason", "null");
    ck_event(2, "choices/0/delta/content", "lo\n");
    ck_event(3, "choices/0/delta", "{}");
    ck_event(3, "choices/0/finish_reason", "stop");
    ck_event(3, "patchbay/turn", header("x-patchbay-turn"));
    ck_event(4, "choices", "[]");
    ck_event(4, "usage/total_tokens", "10");
    ck_assert(pb_str_is(event_data(5), "[DONE]"));
}
END_TEST

START_TEST(a_stream_without_usage_or_text)
{
    pb_script(harness, "main", PB_STEP_STOP);
    chat(CHAT(",\"stream\":true"));
    ck_assert_uint_eq(event_count(), 2);
    ck_event(0, "choices/0/delta/role", "assistant");
    ck_event(0, "choices/0/delta/content", "");
    ck_event(0, "usage", "(none)");
    ck_assert(pb_str_is(event_data(1), "[DONE]"));
}
END_TEST

START_TEST(long_text_in_one_piece)
{
    static char text[100001];
    memset(text, '"', sizeof text - 1); /* every byte needs an escape */
    pb_script(harness, "main", PB_STEP_TEXT(text), PB_STEP_STOP);
    chat(CHAT(",\"stream\":true"));
    ck_assert_uint_eq(event_count(), 3);
    ck_assert_uint_gt(event_data(0).size, 200000);
    ck_event(1, "choices/0/finish_reason", "stop");
}
END_TEST

START_TEST(tool_calls)
{
    static const char *const bodies[] = {CHAT(""), CHAT(",\"stream\":true")};

    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "call_1", "get_weather", ""),
              PB_STEP_TOOL_CALL(0, NULL, NULL, "{\"city\""),
              PB_STEP_TOOL_CALL(0, NULL, NULL, ":\"Ghent\"}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    chat(bodies[0]);
    ck_at("choices/0/message/content", "null");
    ck_at("choices/0/message/tool_calls/0/id", "call_1");
    ck_at("choices/0/message/tool_calls/0/type", "function");
    ck_at("choices/0/message/tool_calls/0/function/name", "get_weather");
    ck_at("choices/0/message/tool_calls/0/function/arguments", "{\"city\":\"Ghent\"}");
    ck_at("choices/0/finish_reason", "tool_calls");
    chat(bodies[1]);
    ck_assert_uint_eq(event_count(), 5);
    ck_event(0, "choices/0/delta/tool_calls/0/id", "call_1");
    ck_event(0, "choices/0/delta/tool_calls/0/function/name", "get_weather");
    ck_event(0, "choices/0/delta/tool_calls/0/function/arguments", "");
    ck_event(1, "choices/0/delta/tool_calls/0/id", "(none)");
    ck_event(2, "choices/0/delta/tool_calls/0/function/arguments", ":\"Ghent\"}");
    ck_event(3, "choices/0/finish_reason", "tool_calls");
}
END_TEST

START_TEST(a_tool_round_trip_reaches_the_model)
{
    chat("{\"model\":\"support\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
         "\"tool_choice\":\"auto\",\"messages\":["
         "{\"role\":\"developer\",\"content\":\"be kind\"},"
         "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
         "{\"type\":\"text\",\"text\":\"b\"}]},"
         "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"
         "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"}]}");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(asked("messages/0/role"), "system");
    ck_assert_str_eq(asked("messages/1/content"), "a\n\nb");
    ck_assert_str_eq(asked("messages/2/tool_calls/0/id"), "c1");
    ck_assert_str_eq(asked("messages/3/tool_call_id"), "c1");
    ck_assert_str_eq(asked("messages/3/content"), "42");
    ck_assert_str_eq(asked("params/tools/0/function/name"), "f");
    ck_assert_str_eq(asked("params/tool_choice"), "auto");
    ck_assert_str_eq(asked("dialect"), "openai");
}
END_TEST

START_TEST(unknown_fields_are_kept_and_ours_are_not)
{
    chat(CHAT(",\"temperature\":0.5,\"top_k\":3,\"n\":1,\"user\":null"));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(asked("params/temperature"), "0.5");
    ck_assert_str_eq(asked("params/top_k"), "3");
    ck_assert_str_eq(asked("params/model"), "(none)");
    ck_assert_str_eq(asked("params/n"), "(none)");
    ck_assert_str_eq(asked("params/user"), "(none)");
}
END_TEST

START_TEST(an_unknown_model)
{
    chat("{\"model\":\"hidden\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    ck_assert_int_eq(reply.status, 404);
    ck_assert_str_eq(header("content-type"), "application/json");
    ck_at("error/code", "model_not_found");
    ck_at("error/type", "invalid_request_error");
    ck_at("error/param", "model");
}
END_TEST

/* What is wrong, and the field that the error names. */
static const struct {
    const char *body, *param;
} wrong[] = {
    {"{\"model\":1,\"messages\":[]}", "model"},
    {"{\"messages\":[]}", "model"},
    {"{\"model\":\"support\"}", "messages"},
    {"{\"model\":\"support\",\"messages\":[]}", "messages"},
    {"{\"model\":\"support\",\"messages\":{}}", "messages"},
    {"{\"model\":\"support\",\"messages\":[7]}", "messages[0]"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"boss\",\"content\":\"x\"}]}",
     "messages[0].role"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"user\",\"content\":7}]}",
     "messages[0].content"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"user\"}]}", "messages[0].content"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
     "messages[0].tool_call_id"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]"
     "}",
     "messages[0].content[0].type"},
    {"{\"model\":\"support\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"x\"}]}"
     "]}",
     "messages[0].tool_calls[0].function.name"},
    {CHAT(",\"temperature\":3"), "temperature"},
    {CHAT(",\"temperature\":\"hot\""), "temperature"},
    {CHAT(",\"max_tokens\":1.5"), "max_tokens"},
    {CHAT(",\"stream\":\"yes\""), "stream"},
    {CHAT(",\"stream_options\":1"), "stream_options"},
    {CHAT(",\"stop\":[1]"), "stop"},
    {CHAT(",\"tools\":[{}]"), "tools[0].type"},
    {CHAT(",\"n\":2"), "n"},
    {CHAT(",\"logprobs\":1"), "logprobs"},
    {CHAT(",\"top_logprobs\":21"), "top_logprobs"},
    {CHAT(",\"response_format\":{\"type\":\"json_schema\"}"), "response_format.json_schema.name"},
    {CHAT(",\"tool_choice\":\"maybe\""), "tool_choice"},
    {CHAT(",\"store\":\"yes\""), "store"},
    {CHAT(",\"modalities\":[\"audio\"]"), "modalities"},
    {CHAT(",\"metadata\":[]"), "metadata"},
};

START_TEST(wrong_fields_are_named)
{
    chat(wrong[_i].body);
    ck_assert_msg(reply.status == 400, "%s: %s", wrong[_i].body, reply.body);
    ck_at("error/type", "invalid_request_error");
    ck_at("error/param", wrong[_i].param);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 0);
}
END_TEST

START_TEST(what_is_no_json)
{
    static const char *const bodies[] = {"{", "[]", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}",
                                         "\"x\""};

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        chat(bodies[i]);
        ck_assert_int_eq(reply.status, 400);
        ck_at("error/type", "invalid_request_error");
    }
    chat(CHAT(""));
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

START_TEST(an_error_before_the_first_byte)
{
    static const char *const bodies[] = {CHAT(""), CHAT(",\"stream\":true")};

    pb_script(harness, "main", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 1500 * PB_MILLISECOND, "busy"));
    for (size_t i = 0; i < 2; i++) {
        chat(bodies[i]);
        ck_assert_int_eq(reply.status, 429);
        ck_assert_str_eq(header("content-type"), "application/json");
        ck_assert_str_eq(header("retry-after"), "2");
        ck_assert_str_ne(header("x-patchbay-turn"), "");
        ck_at("error/message", "busy");
        ck_at("error/code", "rate_limit_exceeded");
    }
}
END_TEST

START_TEST(an_error_in_the_middle)
{
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_FAIL(PB_BAD_UPSTREAM, "it broke"));
    chat(CHAT(",\"stream\":true"));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_uint_eq(event_count(), 2);
    ck_event(0, "choices/0/delta/content", "so far");
    ck_event(1, "error/message", "it broke");
    ck_event(1, "error/type", "server_error");
    ck_event(1, "error/code", "bad_upstream");
}
END_TEST

START_TEST(models)
{
    ask("GET", "/v1/models", NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_at("object", "list");
    ck_at("data/0/id", "support");
    ck_at("data/0/object", "model");
    ck_at("data/0/owned_by", "patchbay");
    ck_at("data/0/description", "Answers.");
    ck_at("data/1/id", "a/b");
    ck_at("data/2", "(none)");
    ask("GET", "/v1/models/a%2Fb", NULL);
    ck_at("id", "a/b");
    ask("GET", "/v1/models/hidden", NULL);
    ck_assert_int_eq(reply.status, 404);
    ck_at("error/code", "model_not_found");
    ask("HEAD", "/v1/models", NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_uint_eq(reply.size, 0);
}
END_TEST

START_TEST(the_reply_has_a_limit)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    unserve();
    serve_with(CONFIG(", limits: {reply: 4kB}"));
    pb_script(harness, "main", PB_STEP_TEXT(text), PB_STEP_STOP);
    chat(CHAT(""));
    ck_assert_int_eq(reply.status, 502);
    ck_at("error/message", "the reply is longer than 4000 bytes");
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("chat", serve, unserve,
                   (const TTest *const[]){
                       a_completion, a_stream, a_stream_without_usage_or_text,
                       long_text_in_one_piece, tool_calls, a_tool_round_trip_reaches_the_model,
                       unknown_fields_are_kept_and_ours_are_not, an_unknown_model, what_is_no_json,
                       an_error_before_the_first_byte, an_error_in_the_middle, models,
                       the_reply_has_a_limit, NULL});

    tcase_add_loop_test(cases, wrong_fields_are_named, 0, sizeof wrong / sizeof *wrong);
    return suite_run_cases("chat", (TCase *const[]){cases, NULL});
}
