/* The gemini llm against a service whose every byte the test wrote. */
#include "canned.h"
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_gemini;
extern const pb_plugin patchbay_plugin_generate;

#define SSE                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define JSON(status)                                                                               \
    "HTTP/1.1 " status "\r\nContent-Type: application/json; charset=UTF-8\r\nConnection: close\r\n"
#define PARTS(parts)                                                                               \
    "{\"candidates\":[{\"content\":{\"parts\":[" parts                                              \
    "],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"gemini-1\",\"responseId\":\"r\"}"
#define DATA(json)        "data: " json "\r\n\r\n"
#define PIECE(parts)      DATA(PARTS(parts))
#define TEXT(text)        PIECE("{\"text\":\"" text "\"}")
#define CALL(name, more)  "{\"functionCall\":{\"name\":\"" name "\"" more "}}"
#define END(reason)                                                                                \
    DATA("{\"candidates\":[{\"finishReason\":\"" reason                                             \
         "\"}],\"usageMetadata\":{\"promptTokenCount\":1000,\"candidatesTokenCount\":150,"            \
         "\"thoughtsTokenCount\":50,\"cachedContentTokenCount\":400,\"totalTokenCount\":1200}}")
#define SIMPLE(text)      TEXT(text) END("STOP")
#define SO_FAR            TEXT("so far")

static pb_harness *harness;

static void begin_with(const char *options)
{
    char yaml[2048];

    canned_start();
    (void)snprintf(yaml, sizeof yaml,
                   "llms:\n  main: {use: gemini, model: gemini-3-m, base_url: 'http://127.0.0.1:%d/v1beta/', "
                   "api_key: sk-planted%s}\n"
                   "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                   canned.port, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_gemini, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
}

static void begin(void)
{
    begin_with(", price: {input: 2, output: 8, cached: 1}, headers: {X-Extra: more}, "
               "params: {temperature: 0.5, generationConfig: {topK: 3, temperature: 0.9}, "
               "safetySettings: [{category: X, threshold: Y}]}");
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

static void ask(const pb_ask *how)
{
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(harness, how);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
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

static void ck_not_sent(const char *part)
{
    ck_assert_msg(!strstr(canned_request(), part), "'%s' was sent:\n%s", part, canned_request());
}

static pb_str ignored(const pb_outcome *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (pb_str_is(reply->headers[i].name, "Patchbay-Ignored"))
            return reply->headers[i].value;
    return (pb_str){0};
}

START_TEST(a_stream)
{
    const pb_outcome *reply = stream(SSE TEXT("Hel") TEXT("lo w\xc3\xb6rld")
                                         TEXT("\\n\\\"x\\\" \\u00e9") TEXT("") END("MAX_TOKENS"));

    ck_said(reply, "Hello w\xc3\xb6rld\n\"x\" \xc3\xa9");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 3);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert(pb_str_is(reply->result->model, "gemini-1"));
    ck_assert_int_eq(reply->result->usage.input_tokens, 1000);
    ck_assert_int_eq(reply->result->usage.cached_tokens, 400);
    ck_assert_int_eq(reply->result->usage.output_tokens, 200);
    ck_assert_int_eq(reply->result->usage.reasoning_tokens, 50);
    ck_assert_double_eq_tol(reply->result->usage.cost, (600 * 2 + 400 * 1 + 200 * 8) / 1e6, 1e-12);
    ck_sent("POST /v1beta/models/gemini-3-m:streamGenerateContent?alt=sse HTTP/1.1\r\n");
    ck_sent("x-goog-api-key: sk-planted\r\n");
    ck_sent("X-Extra: more\r\n");
    ck_sent("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],"
            "\"generationConfig\":{\"temperature\":0.5,\"topK\":3},"
            "\"safetySettings\":[{\"category\":\"X\",\"threshold\":\"Y\"}]}");
}
END_TEST

START_TEST(thinking_and_tools)
{
    const pb_outcome *reply = stream(
        SSE PIECE("{\"text\":\"h\",\"thought\":true},{\"text\":\"m\",\"thought\":true}")
            PIECE("{\"executableCode\":{\"code\":\"1\"}}")
                PIECE("{\"functionCall\":{\"id\":\"c0\",\"name\":\"f\",\"args\":{\"a\":1}},"
                      "\"thoughtSignature\":\"S0\"}," CALL("g", ""))
                    PIECE("{\"text\":\"\",\"thoughtSignature\":\"S1\"}") END("STOP"));

    ck_assert(pb_str_is(reply->thinking, "hm"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 2);
    const pb_event *call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert(pb_str_is(call->id, "c0") && pb_str_is(call->text, "{\"a\":1}") && call->index == 0);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(call->data, "signature")), "gemini:S0"));
    call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 1);
    ck_assert(pb_str_starts(call->id, pb_lit("gemini-")) && pb_str_is(call->text, "{}"));
    ck_assert(call->index == 1 && !call->data);
    const pb_event *last = pb_outcome_event(reply, PB_EVENT_THINKING, 2);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(last->data, "signature")), "gemini:S1"));
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
}
END_TEST

START_TEST(reasons_to_stop)
{
    static const struct {
        const char *answer;
        int32_t finish;
    } reasons[] = {
        {SSE END("STOP"), PB_FINISH_STOP},
        {SSE END("OTHER"), PB_FINISH_STOP},
        {SSE END("SAFETY"), PB_FINISH_FILTER},
        {SSE END("RECITATION"), PB_FINISH_FILTER},
        {SSE END("PROHIBITED_CONTENT"), PB_FINISH_FILTER},
        {SSE DATA("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"), PB_FINISH_FILTER},
    };
    const pb_outcome *reply = stream(reasons[_i].answer);

    ck_said(reply, "");
    ck_assert_int_eq(reply->result->finish, reasons[_i].finish);
}
END_TEST

START_TEST(a_whole_answer)
{
    const pb_outcome *reply =
        whole(JSON("200 OK") "\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi.\"},"
              CALL("f", ",\"id\":\"c\"") "]},\"finishReason\":\"STOP\","
              "\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"Hi\",\"logProbability\":"
              "-0.5},{\"token\":\".\",\"logProbability\":-1}],\"topCandidates\":[{\"candidates\":"
              "[{\"token\":\"Hi\",\"logProbability\":-0.5},{\"token\":\"Ho\",\"logProbability\":"
              "-2}]}]}}],\"usageMetadata\":{\"promptTokenCount\":5},\"modelVersion\":\"gemini-2\"}");

    ck_said(reply, "Hi.");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 1);
    const pb_json *data = pb_outcome_event(reply, PB_EVENT_TEXT, 0)->data;
    ck_assert(pb_str_is(pb_json_text(pb_json_path(data, "logprobs/1/token")), "."));
    ck_assert(pb_str_is(pb_json_path(data, "logprobs/0/logprob")->text, "-0.5"));
    ck_assert(pb_str_is(pb_json_text(pb_json_path(data, "logprobs/0/top_logprobs/1/token")), "Ho"));
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    ck_assert_int_eq(reply->result->usage.input_tokens, 5);
    ck_assert(pb_str_is(reply->result->model, "gemini-2"));
    ck_sent("POST /v1beta/models/gemini-3-m:generateContent HTTP/1.1\r\n");
}
END_TEST

START_TEST(parameters)
{
    ask(&(pb_ask){
        .text = "hi",
        .params =
            "{\"model\":\"tunedModels/m \xc3\xb6\",\"temperature\":0,\"top_p\":0.25,"
            "\"max_tokens\":9,\"max_completion_tokens\":8,\"stop\":\"END\",\"seed\":7,"
            "\"presence_penalty\":1,\"frequency_penalty\":-1,\"logprobs\":true,\"top_logprobs\":2,"
            "\"reasoning_effort\":\"low\",\"response_format\":{\"type\":\"json_schema\","
            "\"json_schema\":{\"schema\":{\"type\":\"object\"}}},\"tools\":[{\"type\":"
            "\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":"
            "{\"type\":\"object\"}}}],\"tool_choice\":{\"type\":\"function\",\"function\":"
            "{\"name\":\"f\"}},\"parallel_tool_calls\":true,\"odd\":1}"});
    ck_sent("POST /v1beta/tunedModels/m%20%C3%B6:streamGenerateContent?alt=sse ");
    ck_sent("\"generationConfig\":{\"temperature\":0,\"topP\":0.25,\"maxOutputTokens\":8,"
            "\"stopSequences\":[\"END\"],\"seed\":7,\"presencePenalty\":1,\"frequencyPenalty\":-1,"
            "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":\"object\"},"
            "\"responseLogprobs\":true,\"logprobs\":2,\"thinkingConfig\":{\"thinkingLevel\":\"low\"},"
            "\"topK\":3}");
    ck_sent("\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\","
            "\"parametersJsonSchema\":{\"type\":\"object\"}}]}],\"toolConfig\":"
            "{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}}");
    ck_not_sent("odd");
}
END_TEST

START_TEST(what_it_cannot_do_is_named)
{
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi",
                           .params = "{\"user\":\"u\",\"parallel_tool_calls\":false,\"metadata\":{},"
                                     "\"response_format\":{\"type\":\"grammar\"},\"odd\":1,"
                                     "\"tools\":[{\"type\":\"custom\"}],\"logprobs\":false}"});
    ck_assert_msg(pb_str_is(ignored(reply),
                            "odd, tools[0], response_format, user, metadata, parallel_tool_calls"),
                  "%.*s", PB_ARG(ignored(reply)));
}
END_TEST

START_TEST(messages)
{
    ask(&(pb_ask){
        .messages =
            "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":["
            "{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image\",\"mime\":\"image/gif\","
            "\"content\":\"R0lG\"},{\"type\":\"file\",\"url\":\"https://x/y.pdf\"},{\"type\":"
            "\"audio\",\"content\":\"AAAA\"}]},"
            "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"text\":\"hm\","
            "\"content\":\"gemini:S0\"},{\"type\":\"thinking\",\"text\":\"x\",\"content\":"
            "\"OTHER\"},{\"type\":\"text\",\"text\":\"ok\"}],\"tool_calls\":[{\"id\":\"a\","
            "\"signature\":\"gemini:S1\",\"function\":{\"name\":\"f\",\"arguments\":"
            "\"{\\\"x\\\": 1}\"}},{\"id\":\"gemini-7\",\"function\":{\"name\":\"g\","
            "\"arguments\":\"oops\"}}]},"
            "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"42\"},"
            "{\"role\":\"system\",\"content\":\"late\"},"
            "{\"role\":\"tool\",\"tool_call_id\":\"gemini-7\",\"content\":\"43\"},"
            "{\"role\":\"user\",\"content\":\"and?\"},{\"role\":\"assistant\",\"content\":\"\","
            "\"tool_calls\":[{\"id\":\"z\",\"signature\":\"OTHER\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"lost\",\"content\":[{"
            "\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image\",\"content\":\"AA\"}]}]"});
    ck_sent("{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"},{\"text\":\"late\"}]},\"contents\":["
            "{\"role\":\"user\",\"parts\":[{\"text\":\"look\"},{\"inlineData\":{\"data\":\"R0lG\","
            "\"mimeType\":\"image/gif\"}},{\"fileData\":{\"fileUri\":\"https://x/y.pdf\"}},"
            "{\"inlineData\":{\"data\":\"AAAA\",\"mimeType\":\"audio/wav\"}}]}");
    ck_sent("{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"S0\"},{\"text\":"
            "\"ok\"},{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}},"
            "\"thoughtSignature\":\"S1\"},{\"functionCall\":{\"name\":\"g\",\"args\":{\"arguments\":"
            "\"oops\"}}}]}");
    ck_sent("{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"a\",\"name\":\"f\","
            "\"response\":{\"output\":\"42\"}}},{\"functionResponse\":{\"name\":\"g\",\"response\":"
            "{\"output\":\"43\"}}},{\"text\":\"and?\"}]}");
    ck_sent("{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"z\",\"name\":\"f\",\"args\":{}},"
            "\"thoughtSignature\":\"skip_thought_signature_validator\"}]}");
    ck_sent("{\"functionResponse\":{\"id\":\"lost\",\"name\":\"unknown\",\"response\":{\"output\":"
            "\"t\"}}},{\"inlineData\":{\"data\":\"AA\",\"mimeType\":\"image/png\"}}]}]");
}
END_TEST

START_TEST(thinking_as_it_is_configured)
{
    begin_with(", thinking: budget, thoughts: true, ignore: [seed], params: {generationConfig: "
               "{thinkingConfig: {thinkingBudget: 1}}}");
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .params = "{\"reasoning_effort\":\"medium\",\"seed\":1}"});
    ck_assert(pb_str_is(ignored(reply), "seed"));
    ck_sent("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":8192,"
            "\"includeThoughts\":true}}");
    end();
    begin_with(", params: {generationConfig: {thinkingConfig: {thinkingBudget: 1}}}");
    ask(&(pb_ask){.text = "hi"});
    ck_sent("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":1}}");
    ask(&(pb_ask){.text = "hi", .params = "{\"reasoning_effort\":\"none\"}"});
    ck_sent("\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":0}}");
    end();
}
END_TEST

/* What comes in one event is not bounded by what came before. */
START_TEST(large_pieces)
{
    static char answer[1 << 18];
    size_t size = (size_t)snprintf(answer, sizeof answer, "%s%s", SSE TEXT("a"), "data: ");

    size += (size_t)snprintf(answer + size, sizeof answer - size,
                             "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"");
    for (int i = 0; i < 100000; i++)
        answer[size++] = (char)('a' + i % 26);
    (void)snprintf(answer + size, sizeof answer - size, "\"},%s]}}]}\n\n%s",
                   CALL("f", ",\"args\":{\"b\":\"\\b\"}"), END("STOP"));
    const pb_outcome *reply = stream(answer);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_assert_uint_eq(reply->text.size, 100001);
    ck_assert_int_eq(reply->text.data[100000], 'a' + 99999 % 26);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 1);
}
END_TEST

#define ERROR(code, status, more)                                                                  \
    "{\"error\":{\"code\":" code ",\"message\":\"said\",\"status\":\"" status "\"" more "}}"
#define DETAIL(more) ",\"details\":[{\"@type\":\"x\"},{" more "}]"

static const struct {
    const char *answer;
    pb_status status;
    const char *says;
    pb_duration retry;
} failing[] = {
    {JSON("400 Bad") "\r\n" ERROR("400", "INVALID_ARGUMENT", ""), PB_INVALID,
     "rejects the request: said", 0},
    {JSON("400 Bad") "\r\n[" ERROR("400", "INVALID_ARGUMENT", "") "]", PB_INVALID,
     "rejects the request: said", 0},
    {JSON("400 Bad") "\r\n" ERROR("400", "INVALID_ARGUMENT",
                                  DETAIL("\"reason\":\"API_KEY_INVALID\"")),
     PB_UNAVAILABLE, "does not accept the key", 0},
    {JSON("403 No") "\r\n" ERROR("403", "PERMISSION_DENIED", ""), PB_UNAVAILABLE, "key", 0},
    {JSON("404 No") "\r\n" ERROR("404", "NOT_FOUND", ""), PB_BAD_UPSTREAM,
     "does not know the model 'gemini-3-m'", 0},
    {JSON("429 Slow") "\r\n" ERROR("429", "RESOURCE_EXHAUSTED",
                                   DETAIL("\"retryDelay\":\"34.5s\"")),
     PB_RATE_LIMITED, "no more requests", 34500 * PB_MILLISECOND},
    {JSON("429 Slow") "Retry-After: 7\r\n\r\n" ERROR("429", "RESOURCE_EXHAUSTED",
                                                     DETAIL("\"retryDelay\":\"34s\"")),
     PB_RATE_LIMITED, "", 7 * PB_SECOND},
    {JSON("429 Slow") "\r\n" ERROR("429", "RESOURCE_EXHAUSTED", DETAIL("\"retryDelay\":\"soon\"")),
     PB_RATE_LIMITED, "", 0},
    {JSON("500 Oops") "\r\n" ERROR("500", "INTERNAL", ""), PB_BAD_UPSTREAM, "status 500", 0},
    {JSON("503 Busy") "\r\n" ERROR("503", "UNAVAILABLE", ""), PB_UNAVAILABLE, "not available", 0},
    {JSON("504 Late") "\r\nnot JSON", PB_TIMEOUT, "too long", 0},
    {JSON("200 OK") "\r\n" ERROR("503", "UNAVAILABLE", ""), PB_UNAVAILABLE, "not available", 0},
    {JSON("200 OK") "\r\nthis is { not JSON", PB_BAD_UPSTREAM, "not JSON", 0},
    {JSON("200 OK") "\r\n{}", PB_BAD_UPSTREAM, "without a message", 0},
    {"SSH-2.0-OpenSSH\r\n", PB_BAD_UPSTREAM, "", 0},
    {"", PB_UNAVAILABLE, "", 0},
    {SSE END("MALFORMED_FUNCTION_CALL"), PB_BAD_UPSTREAM, "spoilt", 0},
    {SSE SO_FAR DATA(ERROR("429", "RESOURCE_EXHAUSTED", DETAIL("\"retryDelay\":\"2s\""))),
     PB_RATE_LIMITED, "no more requests", 2 * PB_SECOND},
    {SSE SO_FAR DATA("{\"error\":{}}"), PB_BAD_UPSTREAM, "in the middle", 0},
    {SSE SO_FAR "data: {\"cand", PB_BAD_UPSTREAM, "broke off", 0},
    {SSE SO_FAR, PB_BAD_UPSTREAM, "broke off", 0},
    {SSE, PB_BAD_UPSTREAM, "broke off", 0},
    {SSE SO_FAR "data: {\"candidates\": [{\n\n", PB_BAD_UPSTREAM, "not JSON", 0},
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
    ck_assert_int_ne(whole("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"cand")->status,
                     PB_OK);
    /* after the reason for stopping nothing is missing */
    canned_set(canned.answer, AT_END_CLOSE);
    ck_said(stream("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   "Content-Length: 100000\r\n\r\n" SO_FAR END("STOP")),
            "so far");
}
END_TEST

START_TEST(silence)
{
    static const char *const answers[] = {"", SSE, SSE SO_FAR};

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

START_TEST(options_are_checked)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_gemini, NULL};

    pb_harness_refuse("llms: {main: {use: gemini, model: m, params: [1], headers: {'a b': x}, "
                      "base_url: 'http://me:secret@x'}}\n",
                      plugins,
                      (const char *const[]){"must be a map of parameters",
                                            "must not have a user name",
                                            "is not the name of a header", NULL});
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "gemini", begin, end,
        (const TTest *const[]){a_stream, thinking_and_tools,
                               a_whole_answer, parameters, what_it_cannot_do_is_named, messages,
                               large_pieces, breaking_connections, NULL});
    TCase *others = suite_case(
        "others", NULL, NULL,
        (const TTest *const[]){thinking_as_it_is_configured, silence,
                               a_cancelled_turn_closes_the_connection, answers_have_a_limit,
                               options_are_checked, NULL});

    tcase_add_loop_test(cases, reasons_to_stop, 0, 6);
    tcase_add_loop_test(cases, failures, 0, sizeof failing / sizeof *failing);
    return suite_run_cases("gemini", (TCase *const[]){cases, others, NULL});
}
