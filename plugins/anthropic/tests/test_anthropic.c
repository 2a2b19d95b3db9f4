/* The anthropic llm: what it makes of answers. */
#include "rig.h"

START_TEST(a_stream)
{
    const pb_outcome *reply =
        stream(SSE START BEGIN_TEXT PING TEXT("Hel") TEXT("lo w\xc3\xb6rld")
                   TEXT("\\n\\\"x\\\" \\u00e9") TEXT("") STOP END("max_tokens"));

    ck_said(reply, "Hello w\xc3\xb6rld\n\"x\" \xc3\xa9");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 3);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert(pb_str_is(reply->result->model, "claude-1"));
    ck_assert_int_eq(reply->result->usage.input_tokens, 1000);
    ck_assert_int_eq(reply->result->usage.cached_tokens, 400);
    ck_assert_int_eq(reply->result->usage.output_tokens, 200);
    ck_assert_int_eq(reply->result->usage.reasoning_tokens, 50);
    ck_assert_double_eq_tol(reply->result->usage.cost,
                            (100 * 2 + 400 * 1 + 500 * 3 + 200 * 8) / 1e6, 1e-12);
    ck_sent("POST /v1/messages HTTP/1.1\r\n");
    ck_sent("x-api-key: sk-planted\r\n");
    ck_sent("anthropic-version: 2023-06-01\r\n");
    ck_sent("anthropic-beta: one-2026,two-2026\r\n");
    ck_sent("X-Extra: more\r\n");
    ck_sent("Accept: text/event-stream\r\n");
    ck_sent("{\"model\":\"m\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":"
            "[{\"type\":\"text\",\"text\":\"hi\"}]}],\"temperature\":0.5,\"service_tier\":\"auto\","
            "\"stream\":true}");
}
END_TEST

START_TEST(thinking_and_tools)
{
    const pb_outcome *reply = stream(
        SSE START BLOCK("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
            DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"h\"}")
                DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"m\"}")
                    DELTA("{\"type\":\"signature_delta\",\"signature\":\"SIG\"}") STOP
                        BLOCK("{\"type\":\"redacted_thinking\",\"data\":\"DARK\"}") STOP
                            BLOCK("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web\"}")
                                INPUT("{}") STOP TOOL("c0", "f") INPUT("{\\\"a\\\":") INPUT("1}")
                                    STOP TOOL("c1", "g") STOP END("tool_use"));

    ck_assert(pb_str_is(reply->thinking, "hm"));
    const pb_event *signed_block = pb_outcome_event(reply, PB_EVENT_THINKING, 2);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(signed_block->data, "signature")), "SIG"));
    const pb_event *dark = pb_outcome_event(reply, PB_EVENT_THINKING, 3);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(dark->data, "redacted")), "DARK"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 5);
    const pb_event *call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert(pb_str_is(call->id, "c0") && pb_str_is(call->name, "f") && call->index == 0);
    call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 4); /* what had no arguments */
    ck_assert(call->index == 1 && pb_str_is(call->text, "{}"));
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
}
END_TEST

START_TEST(reasons_to_stop)
{
    static const struct {
        const char *answer;
        int32_t finish;
    } reasons[] = {
        {SSE START END("end_turn"), PB_FINISH_STOP},
        {SSE START END("stop_sequence"), PB_FINISH_STOP},
        {SSE START END("refusal"), PB_FINISH_FILTER},
        {SSE START END("pause_turn"), PB_FINISH_LENGTH},
        {SSE START END("model_context_window_exceeded"), PB_FINISH_LENGTH},
        {SSE START END("something_new"), PB_FINISH_STOP},
    };
    const pb_outcome *reply = stream(reasons[_i].answer);

    ck_said(reply, "");
    ck_assert_int_eq(reply->result->finish, reasons[_i].finish);
}
END_TEST

START_TEST(a_whole_answer)
{
    const pb_outcome *reply =
        whole(WHOLE("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"SIG\"},"
                    "{\"type\":\"text\",\"text\":\"Hi.\"},"
                    "{\"type\":\"web_search_tool_result\",\"content\":[]},"
                    "{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"a\":[1]}},"
                    "{\"type\":\"tool_use\",\"id\":\"d\",\"name\":\"g\",\"input\":{}}",
                    "tool_use"));

    ck_said(reply, "Hi.");
    ck_assert(pb_str_is(reply->thinking, "hm"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 2);
    ck_assert(pb_str_is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0)->text, "{\"a\":[1]}"));
    ck_assert(pb_str_is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 1)->text, "{}"));
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    ck_assert_int_eq(reply->result->usage.input_tokens, 5);
    ck_assert(pb_str_is(reply->result->model, "claude-2"));
    ck_sent("Accept: application/json\r\n");
    ck_not_sent("\"stream\"");
}
END_TEST

#define ERROR(type, message)                                                                       \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"}}"
#define SO_FAR START BEGIN_TEXT TEXT("so far")

static const struct {
    const char *answer;
    pb_status status;
    const char *says;
    pb_duration retry;
} failing[] = {
    {JSON("400 Bad") "\r\n" ERROR("invalid_request_error", "max_tokens: too large"), PB_INVALID,
     "rejects the request: max_tokens: too large", 0},
    {JSON("400 Bad") "\r\n" ERROR("invalid_request_error", "key sk-planted"), PB_INVALID, "hidden",
     0},
    {JSON("401 No") "\r\n" ERROR("authentication_error", "invalid x-api-key"), PB_UNAVAILABLE,
     "does not accept the key", 0},
    {JSON("403 No") "\r\n" ERROR("permission_error", "no"), PB_UNAVAILABLE, "key", 0},
    {JSON("404 No") "\r\n" ERROR("not_found_error", "model: m"), PB_BAD_UPSTREAM,
     "does not know the model 'm'", 0},
    {JSON("413 Big") "\r\n" ERROR("request_too_large", "Request exceeds"), PB_TOO_LARGE, "exceeds",
     0},
    {JSON("429 Slow") "retry-after: 7\r\n\r\n" ERROR("rate_limit_error", "x"), PB_RATE_LIMITED,
     "no more requests", 7 * PB_SECOND},
    {JSON("429 Slow") "retry-after-ms: 1500\r\nRetry-After: 9\r\n\r\n{}", PB_RATE_LIMITED, "",
     1500 * PB_MILLISECOND},
    {JSON("429 Slow") "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n\r\n{}", PB_RATE_LIMITED, "",
     24 * 3600 * PB_SECOND},
    {JSON("429 Slow") "Retry-After: Thu, 01 Jan 1970 00:00:01 GMT\r\n\r\n{}", PB_RATE_LIMITED, "",
     0},
    {JSON("429 Slow") "Retry-After: soon\r\n\r\nnot JSON", PB_RATE_LIMITED, "", 0},
    {JSON("500 Oops") "\r\n" ERROR("api_error", "secret detail"), PB_BAD_UPSTREAM, "status 500", 0},
    {JSON("504 Late") "\r\n" ERROR("timeout_error", "x"), PB_TIMEOUT, "too long", 0},
    {JSON("529 Busy") "Retry-After: 3\r\n\r\n" ERROR("overloaded_error", "Overloaded"),
     PB_UNAVAILABLE, "not available", 3 * PB_SECOND},
    {JSON("200 OK") "\r\n" ERROR("overloaded_error", "x"), PB_UNAVAILABLE, "not available", 0},
    {JSON("200 OK") "\r\nthis is { not JSON", PB_BAD_UPSTREAM, "not JSON", 0},
    {JSON("200 OK") "\r\n{\"type\":\"message\"}", PB_BAD_UPSTREAM, "without a message", 0},
    {"SSH-2.0-OpenSSH\r\n", PB_BAD_UPSTREAM, "", 0},
    {"", PB_UNAVAILABLE, "", 0},
    {SSE SO_FAR "event: error\ndata: " ERROR("overloaded_error", "x") "\n\n", PB_UNAVAILABLE,
     "not available", 0},
    {SSE SO_FAR "event: error\ndata: " ERROR("api_error", "x") "\n\n", PB_BAD_UPSTREAM,
     "in the middle", 0},
    {SSE SO_FAR "data: {\"type", PB_BAD_UPSTREAM, "broke off", 0},
    {SSE SO_FAR EVENT("message_stop", ""), PB_BAD_UPSTREAM, "broke off", 0},
    {SSE START, PB_BAD_UPSTREAM, "broke off", 0},
    {SSE SO_FAR "data: {\"type\": {\n\n", PB_BAD_UPSTREAM, "not JSON", 0},
    {SSE "data: 7\n\n", PB_BAD_UPSTREAM, "not JSON", 0},
};

START_TEST(failures)
{
    const pb_outcome *reply = stream(failing[_i].answer);

    ck_fails(reply, failing[_i].status, failing[_i].says);
    ck_assert_int_eq(reply->retry_after, failing[_i].retry);
    ck_said(stream(SSE SIMPLE("fine")), "fine");
}
END_TEST

START_TEST(breaking_connections)
{
    canned_set(canned.answer, AT_END_RESET);
    ck_assert_int_ne(stream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Content-Length: 100000\r\n\r\n" SO_FAR)
                         ->status,
                     PB_OK);
    ck_assert_int_ne(whole("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"cont")->status,
                     PB_OK);
    /* after the reason for stopping nothing is missing */
    canned_set(canned.answer, AT_END_CLOSE);
    ck_said(stream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   "Content-Length: 100000\r\n\r\n" SO_FAR
                   EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}")),
            "so far");
}
END_TEST

START_TEST(silence)
{
    static const char *const answers[] = {"", SSE, SSE START PING, SSE SO_FAR};

    begin_with(", timeouts: {first_token: 300ms, between_tokens: 300ms, answer: 300ms}");
    canned_set(canned.answer, AT_END_WAIT);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ck_assert_int_eq(stream(answers[i])->status, PB_TIMEOUT);
        sem_wait(&canned.gone); /* the connection was closed */
    }
    ck_assert_int_eq(whole("")->status, PB_TIMEOUT);
    sem_wait(&canned.gone);
    end();
}
END_TEST

START_TEST(a_cancelled_turn_closes_the_connection)
{
    begin_with("");
    canned_set(SSE SO_FAR, AT_END_WAIT);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_at_event = 1});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    sem_wait(&canned.gone);
    end();
}
END_TEST

START_TEST(answers_have_a_limit)
{
    static char answer[1 << 18];
    size_t size = (size_t)snprintf(answer, sizeof answer, "%s", SSE START BEGIN_TEXT);

    begin_with(", max_body: 100kB, max_event: 2kB");
    while (size < 200000)
        size += (size_t)snprintf(answer + size, sizeof answer - size, "%s", TEXT("xxxxxxxxxx"));
    ck_fails(stream(answer), PB_BAD_UPSTREAM, "longer than");
    canned_set("", AT_END_CLOSE); /* waits until nobody writes `answer` any more */
    size = (size_t)snprintf(answer, sizeof answer, "%sdata: ", SSE);
    memset(answer + size, 'x', 10000);
    answer[size + 10000] = 0;
    ck_fails(stream(answer), PB_BAD_UPSTREAM, "longer than");
    end();
}
END_TEST

START_TEST(options_are_checked)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_anthropic, NULL};

    pb_harness_refuse("llms: {main: {use: anthropic, model: m, params: [1], beta: ['a b'], "
                      "base_url: 'http://me:secret@x', headers: {'a b': x}}}\n",
                      plugins,
                      (const char *const[]){"must be a map of parameters", "must be names",
                                            "must not have a user name",
                                            "is not the name of a header", NULL});
    pb_harness_refuse("llms: {main: {use: anthropic, model: m, api_key: \"a\\nb\"}}\n", plugins,
                      (const char *const[]){"holds a line break", NULL});
}
END_TEST

int main(void)
{
    TCase *cases = suite_case("anthropic", begin, end,
                              (const TTest *const[]){a_stream, thinking_and_tools, a_whole_answer,
                                                     breaking_connections, NULL});
    TCase *others = suite_case(
        "others", NULL, NULL,
        (const TTest *const[]){silence, a_cancelled_turn_closes_the_connection,
                               answers_have_a_limit, options_are_checked, NULL});

    tcase_add_loop_test(cases, reasons_to_stop, 0, 6);
    tcase_add_loop_test(cases, failures, 0, sizeof failing / sizeof *failing);
    return suite_run_cases("anthropic", (TCase *const[]){cases, others, NULL});
}
