/* Asking a model: parameters, events, finish; and the loop in which our own tools are run. */
#include "desk.h"

#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_replay;

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_replay,
                                           &patchbay_plugin_desk, NULL};
static pb_harness *harness;

static void begin(const char *options)
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

static void end(void)
{
    ck_assert_int_eq(desk_running, 0);
    pb_harness_free(harness);
}

static void is(pb_str text, const char *expected)
{
    ck_assert_msg(pb_str_is(text, expected), "'%.*s', not '%s'", PB_ARG(text), expected);
}

static const pb_json *request(size_t index, const char *path)
{
    return pb_json_path(pb_scripted_request(harness, "main", index), path);
}

static pb_str request_text(size_t index, const char *path)
{
    return pb_json_text(request(index, path));
}

static const pb_event *event_of(const pb_outcome *reply, int32_t type, size_t number)
{
    for (size_t i = 0; i < reply->event_count; i++)
        if (reply->events[i]->type == type && number-- == 0)
            return reply->events[i];
    ck_abort_msg("there are fewer events of type %d", type);
}

static void failed(const pb_outcome *reply, pb_status status, const char *sentence)
{
    ck_assert_int_eq(reply->status, status);
    is(reply->sentence, sentence);
    ck_assert_uint_eq(reply->done_count, 1);
}

#define CALLS_CLOCK       PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS)
#define CLIENT_TOOL(name) "{\"type\": \"function\", \"function\": {\"name\": \"" name "\"}}"

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
    is(event_of(reply, PB_EVENT_TOOL_CALL, 0)->text, "{\"a\"");
    is(event_of(reply, PB_EVENT_TOOL_CALL, 0)->name, "theirs");
    ck_assert_uint_eq(event_of(reply, PB_EVENT_TOOL_CALL, 0)->flags, 0);
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
    const pb_event *call = event_of(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 1); /* in one piece */
    ck_assert_uint_eq(call->flags, PB_EVENT_LOCAL);
    is(call->id, "c1");
    is(call->name, "clock");
    is(call->text, "{ }");
    call = event_of(reply, PB_EVENT_TOOL_RESULT, 0);
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
        is(event_of(reply, PB_EVENT_TOOL_RESULT, 0)->text, known[i].result);
        is(request_text(1, "messages/2/content"), known[i].result);
    }
    pb_script_reset(harness, "main");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "clock", "{oops"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_STOP);
    ck_assert(pb_str_starts(event_of(pb_harness_say(harness, "hi"), PB_EVENT_TOOL_RESULT, 0)->text,
                            pb_lit("Error: ")));
    end();
}
END_TEST

START_TEST(long_results_are_cut)
{
    begin(", tools: [desk], max_result: 101");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "large", "{}"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_STOP);
    pb_str result = event_of(pb_harness_say(harness, "hi"), PB_EVENT_TOOL_RESULT, 0)->text;
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
    is(event_of(reply, PB_EVENT_TOOL_RESULT, 1)->text, "Error: the hands fell off");
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
    ck_assert(pb_str_starts(event_of(reply, PB_EVENT_TOOL_RESULT, 0)->text, pb_lit("Error: ")));
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

START_TEST(the_client_goes_away_between)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", CALLS_CLOCK);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .fail_at_event = 1, .fail_with = PB_CANCELLED});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_int_eq(desk_calls, 0);
    reply = pb_harness_ask(harness,
                           &(pb_ask){.text = "hi", .fail_at_event = 2, .fail_with = PB_CANCELLED});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_int_eq(desk_calls, 1);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 2); /* nobody was asked again */
    end();
}
END_TEST

START_TEST(rounds_have_an_end)
{
    begin(", tools: [desk], max_rounds: 2");
    pb_script(harness, "main", CALLS_CLOCK);
    failed(pb_harness_say(harness, "hi"), PB_UNPROCESSABLE,
           "the model still calls tools after 2 rounds");
    ck_assert_int_eq(desk_calls, 2);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 3);
    end();
}
END_TEST

START_TEST(calls_have_a_limit)
{
    begin(", tools: [desk], max_calls: 1");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"),
              PB_STEP_TOOL_CALL(1, "c2", "clock", "{}"), PB_STEP_STOP);
    failed(pb_harness_say(harness, "hi"), PB_BAD_UPSTREAM,
           "the model made more than 1 tool calls at once");
    end();
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(3, "c1", "clock", "{}"), PB_STEP_STOP);
    failed(pb_harness_say(harness, "hi"), PB_BAD_UPSTREAM,
           "the model's tool calls come out of order");
    ck_assert_int_eq(desk_calls, 0);
    end();
}
END_TEST

START_TEST(forced_calls_are_forced_once)
{
    static const char *const choices[] = {"\"required\"", "{\"type\": \"function\"}", "\"auto\"",
                                          "\"none\""};
    char params[64];

    for (size_t i = 0; i < 4; i++) {
        begin(", tools: [desk], params: {tool_choice: required}");
        pb_script(harness, "main", CALLS_CLOCK);
        pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
        snprintf(params, sizeof params, "{\"tool_choice\": %s}", choices[i]);
        is(pb_harness_ask(harness, &(pb_ask){.text = "hi", .params = params})->text, "done");
        ck_assert_ptr_nonnull(request(0, "params/tool_choice"));
        ck_assert_int_eq(request(1, "params/tool_choice") != NULL, i >= 2);
        ck_assert_ptr_nonnull(request(1, "params/tools"));
        end();
    }
}
END_TEST

/* A round in which the client has a part is the client's: it gets its calls, numbered without
 * holes. */
START_TEST(both_kinds_of_tools)
{
    pb_ask ask = {.text = "hi", .params = "{\"tools\": [" CLIENT_TOOL("theirs") "]}"};

    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"),
              PB_STEP_TOOL_CALL(1, "c2", NULL, NULL), PB_STEP_TOOL_CALL(1, NULL, "theirs", "{"),
              PB_STEP_TOOL_CALL(1, NULL, NULL, "}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    const pb_outcome *reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 2);
    const pb_event *call = event_of(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert_uint_eq(call->index, 0);
    ck_assert_uint_eq(call->flags, 0);
    is(call->id, "c2");
    is(call->name, "theirs");
    is(call->text, "{");
    is(event_of(reply, PB_EVENT_TOOL_CALL, 1)->text, "}");
    ck_assert_int_eq(desk_calls, 0);
    is(request_text(0, "params/tools/0/function/name"), "theirs");
    is(request_text(0, "params/tools/1/function/name"), "clock");
    ask.params = "{\"tools\": [" CLIENT_TOOL("clock") "]}";
    failed(pb_harness_ask(harness, &ask), PB_INVALID,
           "a function 'clock' is offered here already; give yours another name");
    end();
}
END_TEST

START_TEST(a_cut_answer_runs_nothing)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_TOOL_CALL(0, "c1", "clock", "{\"a"),
              PB_STEP_FINISH(PB_FINISH_LENGTH));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert_int_eq(desk_calls, 0);
    end();
}
END_TEST

START_TEST(offers_that_fail)
{
    begin(", tools: [desk, other]");
    failed(pb_harness_say(harness, "hi"), PB_INTERNAL,
           "the tools 'desk' and 'other' both offer a function 'clock'");
    end();
    begin(", tools: [desk, gone]");
    failed(pb_harness_say(harness, "hi"), PB_UNAVAILABLE, "it is away");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 0);
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

int main(void)
{
    Suite *suite = suite_create("generate");
    TCase *cases = tcase_create("generate");

    tcase_add_test(cases, a_reply_streams);
    tcase_add_test(cases, parameters);
    tcase_add_test(cases, calls_are_the_clients);
    tcase_add_test(cases, failures_pass_unchanged);
    tcase_add_test(cases, it_can_be_cancelled);
    tcase_add_test(cases, a_tool_is_run);
    tcase_add_test(cases, results);
    tcase_add_test(cases, long_results_are_cut);
    tcase_add_test(cases, calls_run_side_by_side);
    tcase_add_test(cases, a_tool_that_hangs);
    tcase_add_test(cases, the_client_goes_away_between);
    tcase_add_test(cases, rounds_have_an_end);
    tcase_add_test(cases, calls_have_a_limit);
    tcase_add_test(cases, forced_calls_are_forced_once);
    tcase_add_test(cases, both_kinds_of_tools);
    tcase_add_test(cases, a_cut_answer_runs_nothing);
    tcase_add_test(cases, offers_that_fail);
    tcase_add_test(cases, a_thousand_turns);
    tcase_add_test(cases, options_are_checked);
    tcase_set_timeout(cases, 60);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
