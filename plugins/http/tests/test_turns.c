/* The native API: turns whole and streamed, and what is refused. */
#include "client.h"
#include "suite.h"

static void turn(const char *body)
{
    ask("POST", "/v1/turns", body);
}

START_TEST(a_turn)
{
    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    turn("{\"message\":\"hi\",\"overrides\":{\"temperature\":0.2},\"variables\":{\"a\":1},"
         "\"metadata\":{\"b\":2},\"conversation\":null,\"detach\":false}");
    ck_assert_int_eq(reply.status, 200);
    ck_at("id", header("x-patchbay-turn"));
    ck_at("status", "done");
    ck_at("conversation", "null");
    ck_at("pipeline", "support");
    ck_at("message/role", "assistant");
    ck_at("message/text", "hello");
    ck_at("message/thinking", "hm");
    ck_at("message/finish", "stop");
    ck_at("sources", "[]");
    ck_at("answered_by/llm", "main");
    ck_at("answered_by/fallback", "false");
    ck_at("usage/input_tokens", "7");
    ck_at("usage/currency", "USD");
    ck_assert_str_ne(at("timing/total_ms"), "(none)");
    ck_at("error", "(none)");
    ck_assert_str_eq(asked("messages/0/content"), "hi");
    ck_assert_str_eq(asked("params/temperature"), "0.2");
}
END_TEST

START_TEST(a_message_of_parts)
{
    turn("{\"pipeline\":\"a/b\",\"message\":[{\"type\":\"text\",\"text\":\"look\"},"
         "{\"type\":\"image\",\"mime\":\"image/png\",\"content\":\"AAAA\"}]}");
    ck_assert_int_eq(reply.status, 200);
    ck_at("pipeline", "a/b");
    ck_assert_str_eq(asked("messages/0/content"), "look");
}
END_TEST

/* The types of the events of a stream, with their ids, as one line. */
static const char *events(void)
{
    static char line[512];
    size_t size = 0;
    int id;
    char type[32];

    line[0] = 0;
    for (const char *from = reply.body; (from = strstr(from, "id: ")); from += 4)
        if (sscanf(from, "id: %d\nevent: %31s\n", &id, type) == 2)
            size += (size_t)snprintf(line + size, sizeof line - size, "%d %s, ", id, type);
    return line;
}

START_TEST(a_stream)
{
    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hello"), PB_STEP_USAGE(7, 3),
              PB_STEP_STOP);
    turn("{\"message\":\"hi\",\"stream\":true}");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(header("content-type"), "text/event-stream");
    ck_assert_str_eq(events(), "1 turn, 2 thinking, 3 text, 4 usage, 5 done, ");
    ck_event(0, "id", header("x-patchbay-turn"));
    ck_event(0, "pipeline", "support");
    ck_event(1, "delta", "hm");
    ck_event(2, "delta", "hello");
    ck_event(3, "output_tokens", "3");
    ck_event(4, "status", "done");
    ck_event(4, "message/text", "(none)");
    ck_event(4, "message/finish", "stop");
}
END_TEST

START_TEST(stages_and_tool_calls_in_a_stream)
{
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c0", "f", "{\"a\""),
              PB_STEP_TOOL_CALL(0, NULL, NULL, ":1}"), PB_STEP_TOOL_CALL(1, "c1", "g", "{}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    turn("{\"message\":\"hi\",\"stream\":true,\"stream_stages\":true}");
    ck_assert_str_eq(events(), "1 turn, 2 stage, 3 tool.call, 4 tool.call, 5 stage, 6 usage, "
                               "7 done, ");
    ck_event(1, "name", "generate");
    ck_event(1, "state", "begin");
    ck_event(2, "id", "c0");
    ck_event(2, "arguments", "{\"a\":1}");
    ck_event(2, "local", "false");
    ck_event(3, "name", "g");
    ck_event(4, "state", "end");
    ck_event(6, "message/finish", "tool_calls");
}
END_TEST

START_TEST(errors)
{
    pb_script(harness, "main", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, PB_SECOND, "busy"));
    turn("{\"message\":\"hi\"}");
    ck_assert_int_eq(reply.status, 429);
    ck_assert_str_eq(header("content-type"), "application/problem+json");
    ck_assert_str_eq(header("retry-after"), "1");
    ck_at("type", "/problems/rate_limited");
    ck_at("title", "Too many requests");
    ck_at("status", "429");
    ck_at("detail", "busy");
    ck_at("instance", header("x-request-id"));
    ck_at("retry_after", "1");
    turn("{\"message\":\"hi\",\"stream\":true}"); /* it said nothing yet */
    ck_assert_int_eq(reply.status, 429);
    ck_assert_str_eq(header("retry-after"), "1");
    ck_at("detail", "busy");
    ck_assert_str_ne(header("x-patchbay-turn"), "");
}
END_TEST

START_TEST(a_failure_in_the_middle_of_a_stream)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_FAIL(PB_BAD_UPSTREAM, "ill"));
    turn("{\"message\":\"hi\",\"stream\":true}");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(events(), "1 turn, 2 text, 3 error, ");
    ck_event(2, "status", "502");
    ck_event(2, "detail", "ill");
}
END_TEST

/* A client that waits is told of its turn, though nothing was said yet. */
START_TEST(a_silent_stream_begins_all_the_same)
{
    pb_script(harness, "main", PB_STEP_WAIT(400 * PB_MILLISECOND), PB_STEP_FAIL(PB_BAD_UPSTREAM, "ill"));
    turn("{\"message\":\"hi\",\"stream\":true}");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(events(), "1 turn, 2 error, ");
    ck_event(0, "id", header("x-patchbay-turn"));
}
END_TEST

START_TEST(everything_wrong_is_said_at_once)
{
    turn("{\"mesage\":\"hi\",\"pipeline\":\"hidden\",\"conversation\":\"x\",\"detach\":1,"
         "\"overrides\":{\"temperature\":9,\"model\":\"gpt\",\"a/b\":1},\"metadata\":7}");
    ck_assert_int_eq(reply.status, 400);
    ck_assert_str_eq(header("content-type"), "application/problem+json");
    ck_at("type", "/problems/invalid");
    ck_at("errors/0/pointer", "/pipeline");
    ck_at("errors/1/pointer", "/conversation");
    ck_at("errors/2/pointer", "/message");
    ck_at("errors/3/pointer", "/detach");
    ck_at("errors/4/pointer", "/overrides/temperature");
    ck_at("errors/4/detail", "must be between 0 and 2");
    ck_at("errors/5/pointer", "/overrides/model");
    ck_at("errors/6/pointer", "/overrides/a~1b");
    ck_at("errors/7/pointer", "/metadata");
    ck_at("errors/8/pointer", "/mesage");
    ck_at("errors/9", "(none)");
    ck_at("detail", "9 fields of the request are wrong");
}
END_TEST

START_TEST(one_thing_wrong)
{
    turn("{\"message\":\"\"}");
    ck_assert_int_eq(reply.status, 400);
    ck_at("errors/0/pointer", "/message");
    ck_at("detail", "/message: must not be empty");
    turn("{\"message\":[{\"type\":\"image\",\"content\":\"AAAA\"}]}");
    ck_at("errors/0/pointer", "/message/0/mime");
    turn("{\"message\":\"x\",\"message\":\"y\"}");
    ck_assert_int_eq(reply.status, 400);
    ck_at("errors/0/pointer", "/message");
    turn("nonsense");
    ck_assert_int_eq(reply.status, 400);
    turn("");
    ck_assert_int_eq(reply.status, 400);
}
END_TEST

START_TEST(the_turn_can_be_looked_at)
{
    char path[128];

    turn("{\"message\":\"hi\"}");
    (void)snprintf(path, sizeof path, "/v1/turns/%s", header("x-patchbay-turn"));
    ask("GET", path, NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_at("stages/0/name", "generate");
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("turns", serve, unserve,
                   (const TTest *const[]){a_turn, a_message_of_parts, a_stream,
                                          stages_and_tool_calls_in_a_stream, errors,
                                          a_failure_in_the_middle_of_a_stream,
                                          a_silent_stream_begins_all_the_same,
                                          everything_wrong_is_said_at_once, one_thing_wrong,
                                          the_turn_can_be_looked_at, NULL});

    return suite_run_cases("turns", (TCase *const[]){cases, NULL});
}
