/* Asking a model: parameters, events, finish; and the loop in which our own tools are run. */
#include "desk.h"
#include "rig.h"
#include "suite.h"

/* --- without tools ---------------------------------------------------------------------------- */

START_TEST(a_reply_streams)
{
    begin("");
    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_USAGE(3, 4), PB_STEP_FINISH(PB_FINISH_LENGTH));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    is(reply->text, "hello");
    is(reply->thinking, "hm");
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    is(reply->result->model, "scripted-1");
    ck_assert_int_eq(reply->result->usage.output_tokens, 4);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_FINISH), 0); /* ends here */
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_USAGE), 1);
    ck_assert(pb_json_bool(request(0, "stream"), false));
    pb_harness_ask(harness, &(pb_ask){.text = "hi", .whole = true});
    ck_assert(!pb_json_bool(request(1, "stream"), true));
    end();
}
END_TEST

START_TEST(parameters)
{
    begin(", params: {temperature: 0.5, seed: 7}");
    pb_harness_ask(harness,
                   &(pb_ask){.text = "hi", .params = "{\"temperature\": 1, \"stop\": \"x\"}"});
    ck_assert_double_eq(pb_json_double(request(0, "params/temperature"), 0), 1);
    ck_assert_int_eq(pb_json_int(request(0, "params/seed"), 0), 7);
    is(request_text(0, "params/stop"), "x");
    ck_assert_uint_eq(request(0, "params")->count, 3);
    pb_harness_say(harness, "hi");
    ck_assert_double_eq(pb_json_double(request(1, "params/temperature"), 0), 0.5);
    end();
    begin("");
    pb_harness_say(harness, "hi");
    ck_assert_uint_eq(request(0, "params")->count, 0);
    end();
}
END_TEST

START_TEST(calls_are_the_clients)
{
    begin("");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "theirs", "{\"a\""),
              PB_STEP_TOOL_CALL(0, NULL, NULL, ": 1}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .params = "{\"tools\": [" CLIENT_TOOL("theirs") "]}"});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 2);
    is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0)->text, "{\"a\"");
    is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0)->name, "theirs");
    ck_assert_uint_eq(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0)->flags, 0);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    is(request_text(0, "params/tools/0/function/name"), "theirs");
    end();
}
END_TEST

START_TEST(failures_pass_unchanged)
{
    begin("");
    pb_script(harness, "main", PB_STEP_TEXT("a"),
              PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 7 * PB_SECOND, "slow down"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    failed(reply, PB_RATE_LIMITED, "slow down");
    ck_assert_int_eq(reply->retry_after, 7 * PB_SECOND);
    is(reply->text, "a");
    end();
}
END_TEST

START_TEST(it_can_be_cancelled)
{
    begin("");
    pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_HANG);
    ck_assert_int_eq(
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = PB_SECOND})->status,
        PB_CANCELLED);
    const pb_outcome *reply = pb_harness_say(harness, "hi"); /* host.limits.turn */
    ck_assert_int_eq(reply->status, PB_TIMEOUT);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 300);
    is(reply->text, "a");
    end();
}
END_TEST

/* --- with tools ------------------------------------------------------------------------------- */

START_TEST(a_tool_is_run)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TEXT("Let me "), PB_STEP_TEXT("look. "),
              PB_STEP_TOOL_CALL(0, "c1", "clock", "{"), PB_STEP_TOOL_CALL(0, NULL, NULL, " }"),
              PB_STEP_USAGE(1, 2), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "main", PB_STEP_TEXT("It is noon."), PB_STEP_USAGE(10, 20), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "what time is it?");
    ck_assert_int_eq(reply->status, PB_OK);
    is(reply->text, "Let me look. It is noon.");
    ck_assert_int_eq(reply->result->finish, PB_FINISH_STOP);
    ck_assert_int_eq(reply->result->usage.input_tokens, 11);
    const pb_event *call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 1); /* in one piece */
    ck_assert_uint_eq(call->flags, PB_EVENT_LOCAL);
    is(call->id, "c1");
    is(call->name, "clock");
    is(call->text, "{ }");
    call = pb_outcome_event(reply, PB_EVENT_TOOL_RESULT, 0);
    ck_assert_uint_eq(call->flags, PB_EVENT_LOCAL);
    is(call->id, "c1");
    is(call->text, "{\"time\":\"noon\"}");
    is(request_text(0, "params/tools/0/type"), "function");
    is(request_text(0, "params/tools/0/function/name"), "clock");
    is(request_text(0, "params/tools/0/function/description"), "Tells the time.");
    is(request_text(0, "params/tools/0/function/parameters/type"), "object");
    is(request_text(1, "messages/1/role"), "assistant");
    is(request_text(1, "messages/1/content"), "Let me look. ");
    is(request_text(1, "messages/1/tool_calls/0/id"), "c1");
    is(request_text(1, "messages/1/tool_calls/0/arguments"), "{ }");
    is(request_text(1, "messages/2/role"), "tool");
    is(request_text(1, "messages/2/tool_call_id"), "c1");
    is(request_text(1, "messages/2/content"), "{\"time\":\"noon\"}");
    end();
}
END_TEST

START_TEST(results)
{
    static const struct {
        const char *name, *arguments, *result;
    } known[] = {
        {"echo", "{\"text\": \"hi\"}", "hi"},
        {"echo", "", ""},
        {"mute", "{}", ""},
        {"broken", "{}", "Error: the hands fell off"},
        {"declines", "{}", "Error: the tool does not do this"},
        {"clock", "[1]", "Error: the arguments must be a JSON object"},
        {"nobody", "{}", "Error: there is no function 'nobody'"},
        {"", "{}", "Error: there is no function ''"},
    };

    begin(", tools: [desk], max_result: 64");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        pb_script_reset(harness, "main");
        pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", known[i].name, known[i].arguments),
                  PB_STEP_STOP);
        pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
        const pb_outcome *reply = pb_harness_say(harness, "hi");
        ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
        is(reply->text, "done");
        is(pb_outcome_event(reply, PB_EVENT_TOOL_RESULT, 0)->text, known[i].result);
        is(request_text(1, "messages/2/content"), known[i].result);
    }
    pb_script_reset(harness, "main");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "clock", "{oops"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_STOP);
    ck_assert(pb_str_starts(
        pb_outcome_event(pb_harness_say(harness, "hi"), PB_EVENT_TOOL_RESULT, 0)->text,
        pb_lit("Error: ")));
    end();
}
END_TEST

START_TEST(long_results_are_cut)
{
    begin(", tools: [desk], max_result: 101");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "large", "{}"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_STOP);
    pb_str result = pb_outcome_event(pb_harness_say(harness, "hi"), PB_EVENT_TOOL_RESULT, 0)->text;
    ck_assert(pb_str_ends(result, pb_lit("\xC3\xA4 [cut: the result was longer]")));
    ck_assert_uint_eq(result.size, 100 + strlen(" [cut: the result was longer]"));
    end();
}
END_TEST

START_TEST(calls_run_side_by_side)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "slow", "{}"),
              PB_STEP_TOOL_CALL(1, "c2", "broken", "{}"), PB_STEP_TOOL_CALL(2, "c3", "slow", "{}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    is(reply->text, "done");
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 10);
    ck_assert_int_eq(desk_most, 2); /* the broken one ends at once */
    is(pb_outcome_event(reply, PB_EVENT_TOOL_RESULT, 1)->text, "Error: the hands fell off");
    is(request_text(1, "messages/4/tool_call_id"), "c3");
    is(request_text(1, "messages/4/content"), "late");
    end();
}
END_TEST

START_TEST(a_tool_that_hangs)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "hang", "{}"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi"); /* host.limits.tool */
    is(reply->text, "done");
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 60);
    ck_assert(
        pb_str_starts(pb_outcome_event(reply, PB_EVENT_TOOL_RESULT, 0)->text, pb_lit("Error: ")));
    pb_script_reset(harness, "main");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "hang", "{}"),
              PB_STEP_TOOL_CALL(1, "c2", "slow", "{}"), PB_STEP_STOP);
    reply = pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 1);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    end();
}
END_TEST

START_TEST(a_thousand_turns)
{
    harness = pb_harness_open(
        "host: {limits: {kept_turns: 8}}\n"
        "llms:\n"
        "  main:\n"
        "    use: replay\n"
        "    replies:\n"
        "      - {contains: [noon], text: It is noon.}\n"
        "      - {text: wait, tools: [{name: clock}, {name: broken}, {name: nobody}]}\n"
        "tools: {desk: {use: desk}}\n"
        "pipelines: {p: {stages: [generate: {tools: [desk], max_rounds: 1}]}}\n",
        plugins, NULL);
    desk_calls = 0;
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "hi"}, 1000), 4096);
    ck_assert_int_eq(desk_calls, 4000);
    end();
}
END_TEST

START_TEST(options_are_checked)
{
    static const char *const wrong[][2] = {
        {"{llm: main, params: [1]}", "generate.params: params must be a map"},
        {"{llm: main, params: {stream: true}}",
         "generate.params: 'stream' is no parameter: the turn decides it"},
        {"{llm: main, params: {messages: []}}", "'messages' is no parameter"},
        {"{llm: none}", "generate.llm"},
        {"{llm: main, tools: [main]}", "generate.tools"},
        {"{llm: main, max_rounds: 0}", "generate.max_rounds"},
        {"{llm: main, max_calls: 129}", "generate.max_calls"},
        {"{llm: main, max_result: 10}", "generate.max_result"},
    };
    char yaml[256], *problems;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(yaml, sizeof yaml,
                 "llms: {main: {use: scripted}}\n"
                 "pipelines:\n  p:\n    stages:\n      - generate: %s\n",
                 wrong[i][0]);
        ck_assert_ptr_null(pb_harness_open(yaml, plugins, &problems));
        ck_assert_msg(strstr(problems, wrong[i][1]), "%s", problems);
        ck_assert_msg(strstr(problems, "test.yaml:5:"), "%s", problems);
        free(problems);
    }
}
END_TEST

START_TEST(of_several_models_the_one_that_is_named)
{
    static const char *const names[] = {"main", "other"};
    char yaml[256];

    for (int i = 0; i < 2; i++) {
        snprintf(yaml, sizeof yaml,
                 "llms: {main: {use: scripted}, other: {use: scripted}}\n"
                 "pipelines: {p: {stages: [generate: {llm: %s}]}}\n",
                 names[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        is(pb_harness_say(harness, "hi")->text, "ok");
        ck_assert_uint_eq(pb_scripted_count(harness, names[i]), 1);
        ck_assert_uint_eq(pb_scripted_count(harness, names[!i]), 0);
        end();
    }
}
END_TEST

int main(void)
{
    return suite_run(
        "generate", (const TTest *const[]){
                        a_reply_streams, parameters, calls_are_the_clients, failures_pass_unchanged,
                        it_can_be_cancelled, a_tool_is_run, results, long_results_are_cut,
                        calls_run_side_by_side, a_tool_that_hangs, a_thousand_turns,
                        of_several_models_the_one_that_is_named, options_are_checked, NULL});
}
