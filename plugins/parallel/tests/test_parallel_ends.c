/* Branches and how they end: a client that is slow or leaves, cancelling, limits, memory. Time is
 * virtual.
 */
#include "parallel_test.h"

/* --- the client ------------------------------------------------------------------------------- */

/* One event is on its way at a time: with a client that takes a second for each, four take four. */
START_TEST(a_slow_client_gets_one_event_at_a_time)
{
    open_stages("[parallel: {" AB "}]");
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_TEXT("two"), PB_STEP_STOP);
    pb_script(harness, "b", PB_STEP_TEXT("three"), PB_STEP_TEXT("four"), PB_STEP_STOP);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .slow = PB_SECOND}), PB_OK, 4,
          "1:one 2:three 1:two 2:four");
    end();
}
END_TEST

/* b fails while a waits for the client, and c for its turn to speak: the client is still there. */
START_TEST(those_that_wait_for_the_client_can_be_ended)
{
    open_stages("[fallback: {try: [[parallel: {quiet: false, branches: {" A ", " B ", " C "}}]]}]");
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_TEXT("never"), PB_STEP_STOP);
    pb_script(harness, "b", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "c", PB_STEP_TEXT("never"), PB_STEP_STOP);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .slow = 10 * PB_SECOND});
    check(reply, PB_UNAVAILABLE, 1, "1:one"); /* and is told how it ended */
    ck_assert_str_eq(reply->sentence.data, "branch 'b': down");
    end();
}
END_TEST

START_TEST(stage_events_carry_the_branch)
{
    size_t first = 0, second = 0;

    open_stages("[parallel: {" AB "}]");
    const pb_outcome *reply = pb_harness_ask(harness, &(pb_ask){.text = "hi", .stages = true});
    check(reply, PB_OK, 0, "1:ok 2:ok");
    for (size_t i = 0; i < reply->event_count; i++) {
        first += reply->events[i]->type == PB_EVENT_STAGE && reply->events[i]->branch == 1;
        second += reply->events[i]->type == PB_EVENT_STAGE && reply->events[i]->branch == 2;
    }
    ck_assert_uint_eq(first, 2);
    ck_assert_uint_eq(second, 2);
    end();
}
END_TEST

START_TEST(a_client_that_leaves_ends_all)
{
    for (int event = 1; event <= 4; event++) {
        open_stages("[parallel: {" AB "}]");
        speak("a", 1, "one");
        speak("b", 1, "two");
        const pb_outcome *reply = pb_harness_ask(
            harness, &(pb_ask){.text = "hi", .fail_at_event = event, .fail_with = PB_CANCELLED});
        ck_assert_int_eq(reply->status, PB_CANCELLED);
        ck_assert_uint_eq(reply->done_count, 0);
        end();
    }
}
END_TEST

/* --- ends ------------------------------------------------------------------------------------- */

START_TEST(a_cancelled_turn_ends_every_branch)
{
    static const char *const joins[] = {"all", "first"};
    char stages[256];

    for (int i = 0; i < 2; i++) {
        (void)snprintf(stages, sizeof stages, "[parallel: {join: %s, " AB "}]", joins[i]);
        open_stages(stages);
        pb_script(harness, "a", PB_STEP_HANG);
        pb_script(harness, "b", PB_STEP_HANG);
        const pb_outcome *reply =
            pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 3 * PB_SECOND});
        check(reply, PB_CANCELLED, 3, "");
        ck_assert_str_eq(reply->sentence.data, "the turn was cancelled");
        end();
    }
}
END_TEST

START_TEST(the_turns_own_time_is_a_timeout)
{
    harness = pb_harness_open("host: {limits: {turn: 20s}}\n" LLMS
                              "pipelines: {p: {stages: [parallel: {" AB "}]}}\n",
                              plugins, NULL);
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "b", PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 20, "");
    ck_assert_str_eq(reply->sentence.data, "the turn took longer than is allowed");
    end();
}
END_TEST

START_TEST(a_timeout_outside_ends_every_branch)
{
    open_stages("[fallback: {try: [[timeout: {after: 5s, stages: [parallel: {" AB "}]}], "
                "[generate: {llm: c}]]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "b", PB_STEP_HANG);
    check(pb_harness_say(harness, "hi"), PB_OK, 5, "0:ok");
    end();
}
END_TEST

START_TEST(no_task_is_left_for_a_branch)
{
    static const char *const options[] = {"join: all", "required: false", "join: first"};
    static const size_t spoken[] = {0, 15, 1};
    char yaml[2048];
    size_t size;

    for (int i = 0; i < 3; i++) {
        size = (size_t)snprintf(yaml, sizeof yaml,
                                "host: {max_tasks: 16}\n" LLMS
                                "pipelines: {p: {stages: [parallel: {%s, branches: {",
                                options[i]);
        for (int branch = 1; branch <= 20; branch++)
            size += (size_t)snprintf(yaml + size, sizeof yaml - size, "b%d: [generate: {llm: a}], ",
                                     branch);
        (void)snprintf(yaml + size, sizeof yaml - size, "}}]}}\n");
        harness = pb_harness_open(yaml, plugins, NULL);
        const pb_outcome *reply = pb_harness_say(harness, "hi");
        ck_assert_int_eq(reply->status, i == 0 ? PB_UNAVAILABLE : PB_OK);
        ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), spoken[i]);
        if (i == 0) {
            ck_assert_str_eq(reply->sentence.data,
                             "branch 'b16': too much is going on at once, try again");
            ck_assert_int_eq(reply->retry_after, PB_SECOND);
        }
        end();
    }
}
END_TEST

/* --- memory ----------------------------------------------------------------------------------- */

START_TEST(a_thousand_turns_need_the_memory_of_one)
{
    harness = pb_harness_open(
        "host: {limits: {kept_turns: 8}}\n"
        "llms:\n"
        "  a: {use: replay, delay: 1s, replies: [{text: yes}]}\n"
        "  b: {use: replay, delay: 2s, replies: [{text: no}]}\n"
        "  c: {use: replay, replies: [{fail: down}]}\n"
        "pipelines:\n"
        "  p: {stages: [parallel: {required: false, branches: {" A ", " B ", " C "}}]}\n"
        "  q: {stages: [parallel: {join: first, branches: {" A ", " B ", " C "}}]}\n",
        plugins, NULL);
    pb_harness_log(PB_ERROR, NULL); /* not a thousand warnings */
    for (const char *pipeline = "pq"; *pipeline; pipeline++) {
        pb_ask ask = {.text = "hi", .pipeline = (char[]){*pipeline, 0}, .whole = true};
        ck_assert_int_le(pb_harness_growth(harness, &ask, 1000), 4096);
    }
    end();
}
END_TEST

int main(void)
{
    return suite_run(
        "parallel_ends",
        (const TTest *const[]){a_slow_client_gets_one_event_at_a_time,
                               those_that_wait_for_the_client_can_be_ended,
                               stage_events_carry_the_branch, a_client_that_leaves_ends_all,
                               a_cancelled_turn_ends_every_branch, the_turns_own_time_is_a_timeout,
                               a_timeout_outside_ends_every_branch, no_task_is_left_for_a_branch,
                               a_thousand_turns_need_the_memory_of_one, NULL});
}
