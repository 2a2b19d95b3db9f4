/* The openai llm against a service whose every byte the test wrote. */
#include "canned.h"
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_openai;
extern const pb_plugin patchbay_plugin_generate;

#define SSE                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: "            \
    "close\r\n\r\n"
#define JSON(status)                                                                               \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"
#define DELTA(delta)                                                                               \
    "data: {\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":" delta                          \
    ",\"finish_reason\":null}]}\n\n"
#define TEXT(text) DELTA("{\"content\":\"" text "\"}")
#define END(reason)                                                                                \
    "data: {\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{},"                             \
    "\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static pb_harness *harness;

static void begin_with(const char *options)
{
    char yaml[2048];

    canned_start();
    (void)snprintf(yaml, sizeof yaml,
                   "llms:\n  main: {use: openai, model: m, base_url: 'http://127.0.0.1:%d/v1/', "
                   "api_key: sk-planted%s}\n"
                   "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                   canned.port, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_openai, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
}

static void begin(void)
{
    begin_with(", price: {input: 2, output: 8, cached: 1}, params: {temperature: 0.5, top_p: 1}, "
               "headers: {X-Extra: more}, organization: org");
}

static void end(void)
{
    pb_harness_free(harness);
    canned_stop();
}

static const pb_outcome *stream(const char *answer)
{
    canned_set(answer, canned.at_end);
    return pb_harness_say(harness, "hi");
}

static const pb_outcome *whole(const char *answer)
{
    canned_set(answer, canned.at_end);
    return pb_harness_ask(harness, &(pb_ask){.text = "hi", .whole = true});
}

static void ck_said(const pb_outcome *reply, const char *text)
{
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_assert_msg(pb_str_is(reply->text, text), "%.*s", PB_ARG(reply->text));
}

static void ck_fails(const pb_outcome *reply, pb_status status, const char *says)
{
    ck_assert_msg(reply->status == status, "%s: %.*s", pb_status_name(reply->status),
                  PB_ARG(reply->sentence));
    ck_assert_msg(memmem(reply->sentence.data, reply->sentence.size, says, strlen(says)), "%.*s",
                  PB_ARG(reply->sentence));
    ck_assert_ptr_null(memmem(reply->sentence.data, reply->sentence.size, "sk-planted", 10));
}

static void ck_sent(const char *part)
{
    ck_assert_msg(strstr(canned_request(), part), "'%s' was not sent:\n%s", part, canned_request());
}

START_TEST(a_stream)
{
    const pb_outcome *reply = stream(
        SSE DELTA("{\"role\":\"assistant\",\"content\":\"\"}") TEXT("Hel") TEXT("lo")
            TEXT(" w\xc3\xb6rld") TEXT("\\n\\\"x\\\" \\u00e9") TEXT("!")
                END("length") "data: "
                              "{\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_"
                              "tokens\":200,"
                              "\"prompt_tokens_details\":{\"cached_tokens\":400},"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":50}}}\n\n" DONE);

    ck_said(reply, "Hello w\xc3\xb6rld\n\"x\" \xc3\xa9!");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 5);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert(pb_str_is(reply->result->model, "m-1"));
    ck_assert_int_eq(reply->result->usage.input_tokens, 1000);
    ck_assert_int_eq(reply->result->usage.cached_tokens, 400);
    ck_assert_int_eq(reply->result->usage.reasoning_tokens, 50);
    ck_assert_double_eq_tol(reply->result->usage.cost, (600 * 2 + 400 * 1 + 200 * 8) / 1e6, 1e-12);
    ck_sent("POST /v1/chat/completions HTTP/1.1\r\n");
    ck_sent("Authorization: Bearer sk-planted\r\n");
    ck_sent("OpenAI-Organization: org\r\n");
    ck_sent("X-Extra: more\r\n");
    ck_sent("Accept: text/event-stream\r\n");
    ck_sent("\"model\":\"m\"");
    ck_sent("\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]");
    ck_sent("\"temperature\":0.5");
    ck_sent("\"stream\":true,\"stream_options\":{\"include_usage\":true}");
}
END_TEST

/* After a chunk was learnt: others that look nearly like it are still read as what they are. */
START_TEST(chunks_that_differ_a_little)
{
    ck_said(stream(SSE TEXT("a") TEXT("b") TEXT("c\\\\") TEXT("\\\"") TEXT("") TEXT("d\xe2\x98\x83")
                       DELTA("{\"content\":\"e\",\"refusal\":null}") TEXT("f")
                           DELTA("{\"content\":\"g\\\"},\\\"x\"}") END("stop") DONE),
            "abc\\\"d\xe2\x98\x83"
            "efg\"},\"x");
    ck_fails(stream(SSE TEXT("a") TEXT("b\xff") END("stop") DONE), PB_BAD_UPSTREAM, "not JSON");
    ck_fails(stream(SSE TEXT("a") TEXT("\xed\xa0\x80") END("stop") DONE), PB_BAD_UPSTREAM,
             "not JSON");
    ck_fails(stream(SSE TEXT("a") TEXT("b\x01") END("stop") DONE), PB_BAD_UPSTREAM, "not JSON");
    ck_fails(stream(SSE TEXT("a") TEXT("b\\") END("stop") DONE), PB_BAD_UPSTREAM, "not JSON");
    ck_fails(stream(SSE TEXT("a") TEXT("b\"") END("stop") DONE), PB_BAD_UPSTREAM, "not JSON");
}
END_TEST

START_TEST(thinking_tools_and_refusals)
{
    const pb_outcome *reply = stream(
        SSE DELTA("{\"reasoning_content\":\"hm\"}") DELTA(
            "{\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c0\",\"type\":\"function\","
            "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
            DELTA(
                "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}},"
                "{\"index\":1,\"id\":\"c1\",\"function\":{\"name\":\"g\",\"arguments\":\"[]\"}}]}")
                END("tool_calls") DONE);
    ck_assert(pb_str_is(reply->thinking, "hm"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 3);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    reply = stream(SSE DELTA("{\"refusal\":\"No.\"}") END("stop") DONE);
    ck_said(reply, "No.");
    ck_assert_int_eq(reply->result->finish, PB_FINISH_FILTER);
}
END_TEST

START_TEST(streams_as_other_servers_write_them)
{
    ck_said(stream(SSE
                   ": PROCESSING\r\n\r\nevent: message\r\nid: 1\r\n"
                   "data: {\"choices\":[{\"index\":0,\r\ndata: \"delta\":{\"content\":\"odd\"}}]}"
                   "\r\n\r\n" END("stop") DONE),
            "odd");
    ck_said(stream(SSE TEXT("no done") END("stop")), "no done");
    ck_said(stream(SSE TEXT("no reason") DONE), "no reason");
    ck_said(stream(JSON("200 OK") "\r\n{\"choices\":[{\"message\":{\"content\":\"whole\"},"
                                  "\"finish_reason\":\"stop\"}]}"),
            "whole");
}
END_TEST

START_TEST(a_whole_answer)
{
    const pb_outcome *reply = whole(
        JSON("200 OK") "\r\n{\"model\":\"m-2\",\"choices\":[{\"message\":{\"role\":\"assistant\","
                       "\"content\":\"Hi.\",\"reasoning\":\"hm\",\"tool_calls\":[{\"id\":\"c\","
                       "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                       "\"finish_reason\":\"content_filter\"}],"
                       "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}");

    ck_said(reply, "Hi.");
    ck_assert(pb_str_is(reply->thinking, "hm"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 1);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_FILTER);
    ck_assert_int_eq(reply->result->usage.input_tokens, 5);
    ck_assert(pb_str_is(reply->result->model, "m-2"));
    ck_sent("Accept: application/json\r\n");
    ck_assert_ptr_null(strstr(canned_request(), "\"stream\""));
}
END_TEST

START_TEST(a_turns_parameters_win)
{
    canned_set(SSE TEXT("x") END("stop") DONE, canned.at_end);
    pb_harness_ask(harness, &(pb_ask){.text = "hi", .params = "{\"temperature\":0,\"odd\":1}"});
    ck_sent("\"temperature\":0,");
    ck_sent("\"top_p\":1");
    ck_assert_ptr_null(strstr(canned_request(), "0.5"));
    ck_assert_ptr_null(strstr(canned_request(), "odd")); /* of no dialect that is known */
}
END_TEST

START_TEST(tool_messages_are_written)
{
    canned_set(SSE TEXT("x") END("stop") DONE, canned.at_end);
    pb_harness_ask(
        harness,
        &(pb_ask){.messages =
                      "[{\"role\":\"system\",\"content\":\"s\"},"
                      "{\"role\":\"user\",\"content\":\"u\"},"
                      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\","
                      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                      "\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
                      "\"42\"}]"});
    ck_sent("{\"role\":\"system\",\"content\":\"s\"}");
    ck_sent("\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{}\"}}]");
    ck_sent("\"tool_call_id\":\"c\"");
}
END_TEST

static const struct {
    const char *answer;
    pb_status status;
    const char *says;
    pb_duration retry;
} failing[] = {
    {JSON("400 Bad") "\r\n{\"error\":{\"message\":\"max_tokens is too large\"}}", PB_INVALID,
     "rejects the request: max_tokens is too large", 0},
    {JSON("400 Bad") "\r\n{\"error\":{\"message\":\"key sk-planted is bad\"}}", PB_INVALID,
     "hidden", 0},
    {JSON("422 Bad") "\r\n{\"detail\":\"no such field\"}", PB_INVALID, "no such field", 0},
    {JSON("401 No") "\r\n{\"error\":{\"message\":\"Incorrect key sk-planted\"}}", PB_UNAVAILABLE,
     "does not accept the key", 0},
    {JSON("404 No") "\r\n{}", PB_BAD_UPSTREAM, "does not know the model 'm'", 0},
    {JSON("429 Slow") "Retry-After: 7\r\n\r\n{}", PB_RATE_LIMITED, "no more requests",
     7 * PB_SECOND},
    {JSON("429 Slow") "retry-after-ms: 1500\r\nRetry-After: 9\r\n\r\n{}", PB_RATE_LIMITED, "",
     1500 * PB_MILLISECOND},
    {JSON("429 Slow") "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n\r\n{}", PB_RATE_LIMITED, "",
     24 * 3600 * PB_SECOND},
    {JSON("429 Slow") "Retry-After: soon\r\n\r\nnot JSON", PB_RATE_LIMITED, "", 0},
    {JSON("408 Slow") "\r\n{}", PB_TIMEOUT, "too long", 0},
    {JSON("500 Oops") "\r\n{\"error\":{\"message\":\"secret detail\"}}", PB_BAD_UPSTREAM,
     "failed with status 500", 0},
    {JSON("503 Busy") "Retry-After: 3\r\n\r\n{}", PB_UNAVAILABLE, "not available", 3 * PB_SECOND},
    {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", PB_BAD_UPSTREAM, "302", 0},
    {JSON("200 OK") "\r\n{\"error\":{\"message\":\"x\",\"type\":\"overloaded_error\"}}",
     PB_UNAVAILABLE, "not available", 0},
    {JSON("200 OK") "\r\nthis is { not JSON", PB_BAD_UPSTREAM, "not JSON", 0},
    {JSON("200 OK") "\r\n{\"choices\":[]}", PB_BAD_UPSTREAM, "without a message", 0},
    {"SSH-2.0-OpenSSH\r\n", PB_BAD_UPSTREAM, "", 0},
    {"", PB_UNAVAILABLE, "", 0},
    {SSE TEXT("so far") "data: {\"error\":{\"message\":\"x\",\"code\":429}}\n\n", PB_RATE_LIMITED,
     "no more requests", 0},
    {SSE TEXT("so far") "data: {\"error\":{\"message\":\"x\"}}\n\n", PB_BAD_UPSTREAM,
     "in the middle", 0},
    {SSE TEXT("so far") "data: {\"choi", PB_BAD_UPSTREAM, "broke off", 0},
    {SSE TEXT("so far"), PB_BAD_UPSTREAM, "broke off", 0},
    {SSE, PB_BAD_UPSTREAM, "broke off", 0},
    {SSE "data: {\"choices\": [{\"delta\": {\n\n", PB_BAD_UPSTREAM, "not JSON", 0},
    {SSE "data: 7\n\n", PB_BAD_UPSTREAM, "not JSON", 0},
};

START_TEST(failures)
{
    const pb_outcome *reply = stream(failing[_i].answer);

    ck_fails(reply, failing[_i].status, failing[_i].says);
    ck_assert_int_eq(reply->retry_after, failing[_i].retry);
    ck_said(stream(SSE TEXT("fine") END("stop") DONE), "fine");
}
END_TEST

START_TEST(breaking_connections)
{
    canned_set(canned.answer, AT_END_RESET);
    ck_assert_int_ne(stream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                            "Content-Length: 100000\r\n\r\n" TEXT("so far"))
                         ->status,
                     PB_OK);
    ck_assert_int_ne(whole("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choi")->status,
                     PB_OK);
    /* after the reason for stopping nothing is missing */
    canned_set(canned.answer, AT_END_CLOSE);
    ck_said(stream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   "Content-Length: 100000\r\n\r\n" TEXT("all") END("stop")),
            "all");
}
END_TEST

START_TEST(silence)
{
    static const char *const answers[] = {"", SSE, SSE TEXT("so far")};

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
    canned_set(SSE TEXT("so far"), AT_END_WAIT);
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
    size_t size = (size_t)snprintf(answer, sizeof answer, "%s", SSE);

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

START_TEST(nobody_listens)
{
    begin_with("");
    canned_stop();
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_UNAVAILABLE);
    pb_harness_free(harness);
}
END_TEST

START_TEST(options_are_checked)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_openai, NULL};
    char *problems = NULL;

    ck_assert_ptr_null(pb_harness_open("llms: {main: {use: openai, model: m, base_url: 'ftp://x', "
                                       "params: [1], api_key: \"a\\nb\", "
                                       "headers: {'a b': x}}}\n",
                                       plugins, &problems));
    ck_assert_msg(strstr(problems, "base_url"), "%s", problems);
    ck_assert_ptr_null(strstr(problems, "a\nb"));
    free(problems);
    ck_assert_ptr_null(
        pb_harness_open("llms: {main: {use: openai, model: m, params: [1], headers: {'a b': x}}}\n",
                        plugins, &problems));
    ck_assert_msg(strstr(problems, "params"), "%s", problems);
    ck_assert_msg(strstr(problems, "is not the name of a header"), "%s", problems);
    free(problems);
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("openai", begin, end,
                   (const TTest *const[]){
                       a_stream, chunks_that_differ_a_little, thinking_tools_and_refusals,
                       streams_as_other_servers_write_them, a_whole_answer, a_turns_parameters_win,
                       tool_messages_are_written, breaking_connections, NULL});
    TCase *others = suite_case(
        "others", NULL, NULL,
        (const TTest *const[]){silence, a_cancelled_turn_closes_the_connection,
                               answers_have_a_limit, nobody_listens, options_are_checked, NULL});

    tcase_add_loop_test(cases, failures, 0, sizeof failing / sizeof *failing);
    return suite_run_cases("openai", (TCase *const[]){cases, others, NULL});
}
