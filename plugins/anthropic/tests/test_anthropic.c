/* The anthropic llm against a service whose every byte the test wrote. */
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

static void begin_with(const char *options)
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

static void begin(void)
{
    begin_with(", price: {input: 2, output: 8, cached: 1, cache_write: 3}, "
               "params: {temperature: 0.5, service_tier: auto}, headers: {X-Extra: more}, "
               "beta: [one-2026, two-2026]");
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

START_TEST(a_stream_in_single_bytes)
{
    canned.piece = 1;
    const pb_outcome *reply = stream(SSE START BEGIN_TEXT TEXT("w\xc3\xb6rld") STOP TOOL("c", "f")
                                         INPUT("{\\\"a\\\":") INPUT("1}") STOP END("tool_use"));
    ck_said(reply, "w\xc3\xb6rld");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 3);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
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

START_TEST(parameters)
{
    ask(&(pb_ask){.text = "hi",
                  .params = "{\"temperature\":0,\"max_tokens\":9,\"stop\":\"END\",\"user\":\"u\","
                            "\"reasoning_effort\":\"minimal\",\"response_format\":{\"type\":"
                            "\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"object\"}}},"
                            "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                            "\"description\":\"d\",\"parameters\":{\"type\":\"object\"},"
                            "\"strict\":true}}],\"tool_choice\":\"required\","
                            "\"parallel_tool_calls\":false,\"odd\":1}"});
    ck_sent("\"temperature\":0,");
    ck_sent("\"max_tokens\":9,");
    ck_sent("\"stop_sequences\":[\"END\"]");
    ck_sent("\"metadata\":{\"user_id\":\"u\"}");
    ck_sent("\"thinking\":{\"type\":\"adaptive\"}");
    ck_sent("\"output_config\":{\"effort\":\"low\",\"format\":{\"type\":\"json_schema\","
            "\"schema\":{\"type\":\"object\"}}}");
    ck_sent("\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
            "\"object\"},\"strict\":true}]");
    ck_sent("\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}");
    ck_not_sent("0.5");
    ck_not_sent("odd"); /* of no dialect that is known */
}
END_TEST

START_TEST(what_it_cannot_do_is_named)
{
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(
        harness,
        &(pb_ask){.text = "hi",
                  .params = "{\"seed\":0,\"presence_penalty\":1,\"frequency_penalty\":0,"
                            "\"logprobs\":true,\"top_logprobs\":0,\"response_format\":{\"type\":"
                            "\"json_object\"},\"odd\":1,\"tools\":[{\"type\":\"custom\"}]}"});
    ck_assert_msg(pb_str_is(ignored(reply),
                            "odd, tools[0], response_format, seed, presence_penalty, logprobs"),
                  "%.*s", PB_ARG(ignored(reply)));
}
END_TEST

START_TEST(a_client_of_this_dialect)
{
    ask(&(pb_ask){
        .dialect = "anthropic",
        .params =
            "{\"top_k\":3,\"anthropic_tools\":[{\"name\":\"f\",\"input_schema\":{},"
            "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"web_search_20250305\","
            "\"name\":\"web_search\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
            "\"f\"}},{\"type\":\"function\",\"function\":{\"name\":\"ours\"}}],\"tool_choice\":"
            "{\"type\":\"function\",\"function\":{\"name\":\"f\"}},\"max_tokens\":0,"
            "\"thinking\":{\"type\":\"between_tools\"},\"anthropic_beta\":[\"new-2026\"]}",
        .messages =
            "[{\"role\":\"system\",\"content\":\"s\",\"source\":[{\"type\":\"text\",\"text\":"
            "\"s\",\"cache_control\":{}}]},"
            "{\"role\":\"user\",\"content\":\"u\",\"source\":{\"role\":\"user\",\"content\":\"U\"}},"
            "{\"role\":\"assistant\",\"content\":\"\",\"source\":{\"role\":\"assistant\","
            "\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}]}},"
            "{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\",\"source\":{\"type\":"
            "\"tool_result\",\"tool_use_id\":\"c\",\"is_error\":true}},"
            "{\"role\":\"user\",\"content\":\"v\",\"source\":{\"role\":\"user\",\"content\":\"V\"}}]"});
    ck_sent("\"max_tokens\":0,\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{}}],"
            "\"messages\":[{\"role\":\"user\",\"content\":\"U\"},{\"role\":\"assistant\","
            "\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}]},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\","
            "\"is_error\":true},{\"type\":\"text\",\"text\":\"V\"}]}]");
    ck_sent("\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"cache_control\":{\"type\":"
            "\"ephemeral\"}},{\"name\":\"ours\",\"input_schema\":{\"type\":\"object\","
            "\"properties\":{}}},{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
            "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}");
    ck_sent("\"thinking\":{\"type\":\"between_tools\"}");
    ck_sent("\"top_k\":3");
    ck_sent("anthropic-beta: one-2026,two-2026,new-2026\r\n");
    ck_not_sent("anthropic_beta");
    ck_not_sent("anthropic_tools");
}
END_TEST

START_TEST(messages_of_others)
{
    ask(&(pb_ask){
        .messages =
            "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":["
            "{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image\",\"mime\":\"image/gif\","
            "\"content\":\"R0lG\"},{\"type\":\"image\",\"url\":\"https://x/y.png\"},"
            "{\"type\":\"file\",\"mime\":\"application/pdf\",\"name\":\"a.pdf\",\"content\":"
            "\"JVBE\"},{\"type\":\"file\",\"mime\":\"text/plain\",\"content\":\"aGVsbG8=\"}]},"
            "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"text\":\"hm\","
            "\"content\":\"SIG\"},{\"type\":\"thinking\",\"content\":\"DARK\"},{\"type\":"
            "\"thinking\",\"text\":\"x\",\"content\":\"gemini:Z\"},{\"type\":\"text\",\"text\":"
            "\"ok\"}],\"tool_calls\":[{\"id\":\"a:1\",\"function\":{\"name\":\"f\",\"arguments\":"
            "\"{\\\"x\\\": 1}\"}},{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":"
            "\"oops\"}}]},"
            "{\"role\":\"tool\",\"tool_call_id\":\"a:1\",\"content\":\"42\"},"
            "{\"role\":\"system\",\"content\":\"late\"},"
            "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"43\"},"
            "{\"role\":\"user\",\"content\":\"and?\"},{\"role\":\"assistant\",\"content\":\"\"}]"});
    ck_sent("\"system\":[{\"type\":\"text\",\"text\":\"s\"},{\"type\":\"text\",\"text\":\"late\"}]");
    ck_sent("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},"
            "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"R0lG\",\"media_type\":"
            "\"image/gif\"}},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
            "\"https://x/y.png\"}},{\"type\":\"document\",\"title\":\"a.pdf\",\"source\":{\"type\":"
            "\"base64\",\"data\":\"JVBE\",\"media_type\":\"application/pdf\"}},{\"type\":"
            "\"document\",\"source\":{\"type\":\"text\",\"data\":\"hello\",\"media_type\":"
            "\"text/plain\"}}]}");
    ck_sent("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\","
            "\"signature\":\"SIG\"},{\"type\":\"redacted_thinking\",\"data\":\"DARK\"},{\"type\":"
            "\"text\",\"text\":\"ok\"},{\"type\":\"tool_use\",\"id\":\"a_1\",\"name\":\"f\","
            "\"input\":{\"x\":1}},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\",\"input\":"
            "{\"arguments\":\"oops\"}}]}");
    ck_sent("{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"a_1\","
            "\"content\":\"42\"},{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":"
            "\"43\"},{\"type\":\"text\",\"text\":\"and?\"}]}]");
}
END_TEST

START_TEST(parts_that_it_does_not_take)
{
    static const struct {
        const char *part;
        pb_status status;
    } parts[] = {
        {"{\"type\":\"audio\",\"content\":\"AAAA\"}", PB_UNSUPPORTED},
        {"{\"type\":\"file\",\"mime\":\"image/tiff\",\"content\":\"AAAA\"}", PB_UNSUPPORTED},
        {"{\"type\":\"file\",\"mime\":\"application/pdf\"}", PB_UNSUPPORTED},
        {"{\"type\":\"file\",\"mime\":\"text/plain\",\"content\":\"!!\"}", PB_INVALID},
    };
    char messages[256];
    int count = canned.count;

    (void)snprintf(messages, sizeof messages, "[{\"role\":\"user\",\"content\":[%s]}]",
                   parts[_i].part);
    ck_assert_int_eq(pb_harness_ask(harness, &(pb_ask){.messages = messages})->status,
                     parts[_i].status);
    ck_assert_int_eq(canned.count, count);
}
END_TEST

START_TEST(budgets_of_thinking)
{
    static const struct {
        const char *params, *sent;
    } budgets[] = {
        {"{\"reasoning_effort\":\"medium\",\"max_tokens\":9000}", "\"budget_tokens\":4096}"},
        {"{\"reasoning_effort\":\"high\",\"max_tokens\":3000}", "\"budget_tokens\":2999}"},
        {"{\"reasoning_effort\":\"none\"}", "\"thinking\":{\"type\":\"disabled\"}"},
    };

    begin_with(", thinking: budget, ignore: [temperature]");
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        ask(&(pb_ask){.text = "hi", .params = budgets[i].params});
        ck_sent(budgets[i].sent);
        ck_not_sent("output_config");
    }
    canned_set(SSE SIMPLE("x"), canned.at_end);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi",
                           .params = "{\"reasoning_effort\":\"low\",\"max_tokens\":100,"
                                     "\"temperature\":1}"});
    ck_assert(pb_str_is(ignored(reply), "temperature, reasoning_effort"));
    ck_not_sent("thinking");
    ck_not_sent("temperature");
    end();
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
    TCase *cases = suite_case(
        "anthropic", begin, end,
        (const TTest *const[]){a_stream, a_stream_in_single_bytes, thinking_and_tools,
                               a_whole_answer, parameters, what_it_cannot_do_is_named,
                               a_client_of_this_dialect, messages_of_others, breaking_connections,
                               NULL});
    TCase *others = suite_case(
        "others", NULL, NULL,
        (const TTest *const[]){budgets_of_thinking, silence,
                               a_cancelled_turn_closes_the_connection, answers_have_a_limit,
                               options_are_checked, NULL});

    tcase_add_loop_test(cases, reasons_to_stop, 0, 6);
    tcase_add_loop_test(cases, parts_that_it_does_not_take, 0, 4);
    tcase_add_loop_test(cases, failures, 0, sizeof failing / sizeof *failing);
    return suite_run_cases("anthropic", (TCase *const[]){cases, others, NULL});
}
