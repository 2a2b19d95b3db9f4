/* The rules of the loop: limits, forced calls, tools of both sides, clients that go away. */
#include "desk.h"
#include "rig.h"
#include "suite.h"

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

/* A service that signs its model's thinking and calls wants them back, unsigned thinking it does not. */
START_TEST(what_was_signed_goes_back)
{
    begin(", tools: [desk]");
    pb_script(harness, "main", PB_STEP_THINKING("h"), PB_STEP_THINKING("m"),
              PB_STEP_SIGNED("{\"signature\": \"S1\"}"), PB_STEP_SIGNED("{\"redacted\": \"DARK\"}"),
              PB_STEP_SIGNED("{\"signature\": \"S2\"}"), PB_STEP_TEXT("Let me see."),
              PB_STEP_THINKING("unsigned"),
              {.type = PB_SCRIPT_TOOL_CALL, .id = "c1", .name = "clock", .text = "{}",
               .data = "{\"signature\": \"S3\"}"},
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
    is(pb_harness_say(harness, "hi")->text, "Let me see.done");
    is(request_text(1, "messages/1/content"), "Let me see.");
    is(request_text(1, "messages/1/tool_calls/0/signature"), "S3");
    is(request_text(1, "messages/1/thinking/0/text"), "hm");
    is(request_text(1, "messages/1/thinking/0/content"), "S1");
    ck_assert_ptr_null(request(1, "messages/1/thinking/1/text"));
    is(request_text(1, "messages/1/thinking/1/content"), "DARK");
    is(request_text(1, "messages/1/thinking/2/text"), "");
    is(request_text(1, "messages/1/thinking/2/content"), "S2");
    ck_assert_ptr_null(request(1, "messages/1/thinking/3"));
    end();
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
    const pb_event *call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert_uint_eq(call->index, 0);
    ck_assert_uint_eq(call->flags, 0);
    is(call->id, "c2");
    is(call->name, "theirs");
    is(call->text, "{");
    is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 1)->text, "}");
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

int main(void)
{
    return suite_run("rounds",
                     (const TTest *const[]){the_client_goes_away_between, rounds_have_an_end,
                                            calls_have_a_limit, forced_calls_are_forced_once,
                                            what_was_signed_goes_back,
                                            both_kinds_of_tools, a_cut_answer_runs_nothing,
                                            offers_that_fail, NULL});
}
