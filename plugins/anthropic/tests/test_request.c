/* The anthropic llm: what it asks for. */
#include "rig.h"

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

int main(void)
{
    TCase *cases = suite_case("requests", begin, end,
                              (const TTest *const[]){parameters, what_it_cannot_do_is_named,
                                                     a_client_of_this_dialect, messages_of_others,
                                                     NULL});
    TCase *others = suite_case("others", NULL, NULL, (const TTest *const[]){budgets_of_thinking, NULL});

    tcase_add_loop_test(cases, parts_that_it_does_not_take, 0, 4);
    return suite_run_cases("requests", (TCase *const[]){cases, others, NULL});
}
