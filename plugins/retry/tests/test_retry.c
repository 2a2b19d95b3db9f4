/* How often, after which failures and how long it waits in between. No test waits: time is virtual.
 */
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_prompt;
extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_retry;
extern const pb_plugin patchbay_plugin_timeout;

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_prompt,
                                           &patchbay_plugin_replay,   &patchbay_plugin_retry,
                                           &patchbay_plugin_timeout,  NULL};
static pb_harness *harness;

#define LLMS "llms: {a: {use: scripted}, b: {use: scripted}}\n"

static void open_stages(const char *stages)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml, LLMS "pipelines: {p: {stages: %s}}\n", stages);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static void fail_times(int times)
{
    while (times--)
        pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
}

static void check_elapsed(const pb_outcome *reply, double least, double most)
{
    double seconds = (double)reply->elapsed / (double)PB_SECOND;

    ck_assert_msg(seconds >= least && seconds <= most + 0.01, "%g s, not %g to %g", seconds, least,
                  most);
}

START_TEST(it_tries_again)
{
    open_stages("[retry: {}, generate: {llm: a}]");
    fail_times(2);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(reply->text.data, "up");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 3);
    check_elapsed(reply, 0.75 * 1.5, 1.25 * 1.5); /* 0.5 s, 1 s */
    ck_assert_uint_eq(reply->result->fallback, 0);
    end();
}
END_TEST

START_TEST(attempts_is_how_often)
{
    open_stages("[retry: {attempts: 5, wait: 1s, factor: 1}, generate: {llm: a}]");
    fail_times(10);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_assert_str_eq(reply->sentence.data, "down");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 5);
    check_elapsed(reply, 0.75 * 4, 1.25 * 4);
    end();
}
END_TEST

START_TEST(waits_grow_up_to_the_longest)
{
    open_stages("[retry: {attempts: 100, wait: 1s, factor: 10, max_wait: 50s}, "
                "generate: {llm: a}]");
    fail_times(98);
    const pb_outcome *reply = pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 0});
    ck_assert_int_eq(reply->status, PB_TIMEOUT); /* the turn's own 600 s are over */
    ck_assert_uint_ge(pb_scripted_count(harness, "a"), 3 + 590 / 50 - 1);
    ck_assert_uint_le(pb_scripted_count(harness, "a"), 3 + 590 / 37 + 1);
    end();
}
END_TEST

START_TEST(no_wait_at_all)
{
    open_stages("[retry: {attempts: 100, wait: 0s}, generate: {llm: a}]");
    fail_times(99);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    check_elapsed(reply, 0, 0.5);
    end();
}
END_TEST

START_TEST(waits_differ)
{
    pb_duration first = 0;
    bool differ = false;

    open_stages("[retry: {wait: 10s, attempts: 2}, generate: {llm: a}]");
    for (int i = 0; i < 20; i++) {
        pb_script_reset(harness, "a");
        fail_times(1);
        const pb_outcome *reply = pb_harness_say(harness, "hi");
        check_elapsed(reply, 7.5, 12.5);
        differ = differ || (first && llabs(reply->elapsed - first) > 100 * PB_MILLISECOND);
        first = first ? first : reply->elapsed;
    }
    ck_assert(differ);
    end();
}
END_TEST

START_TEST(a_failure_says_how_long)
{
    open_stages("[retry: {wait: 100ms}, generate: {llm: a}]");
    pb_script(harness, "a", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 12 * PB_SECOND, "busy"));
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    check_elapsed(reply, 12, 15); /* never sooner */
    end();
}
END_TEST

START_TEST(more_than_the_longest_wait_is_not_waited)
{
    open_stages("[retry: {max_wait: 10s}, generate: {llm: a}]");
    pb_script(harness, "a", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 11 * PB_SECOND, "busy"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_assert_str_eq(reply->sentence.data, "busy");
    ck_assert_int_eq(reply->retry_after, 11 * PB_SECOND);
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    check_elapsed(reply, 0, 0.5);
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 10 * PB_SECOND, "busy"));
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
    reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    check_elapsed(reply, 10, 10);
    end();
}
END_TEST

START_TEST(only_what_may_pass_is_tried_again)
{
    open_stages("[retry: {wait: 0s, attempts: 2}, generate: {llm: a}]");
    for (pb_status status = PB_INVALID; status <= PB_STATUS_LAST; status++) {
        if (status == PB_CANCELLED)
            continue;
        pb_script_reset(harness, "a");
        pb_script(harness, "a", PB_STEP_FAIL(status, "no"));
        pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
        const pb_outcome *reply = pb_harness_say(harness, "hi");
        ck_assert_int_eq(reply->status, pb_status_retryable(status) ? PB_OK : status);
    }
    end();
}
END_TEST

START_TEST(what_was_said_is_not_said_again)
{
    open_stages("[retry: {}, generate: {llm: a}]");
    pb_script(harness, "a", PB_STEP_TEXT("so far"), PB_STEP_FAIL(PB_UNAVAILABLE, "gone"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_assert_str_eq(reply->text.data, "so far");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    end();
}
END_TEST

START_TEST(only_its_own_stages)
{
    open_stages("[retry: {wait: 0s, stages: [prompt: {text: careful}]}, generate: {llm: a}]");
    fail_times(1);
    ck_assert_str_eq(pb_harness_say(harness, "hi")->text.data, "up");
    const pb_json *asked = pb_json_get(pb_scripted_request(harness, "a", 1), "messages");
    ck_assert_uint_eq(asked->count, 2); /* the prompt stands there once */
    end();
}
END_TEST

START_TEST(a_cancelled_turn_stops_waiting)
{
    open_stages("[retry: {wait: 20s}, generate: {llm: a}]");
    fail_times(3);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 2 * PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    check_elapsed(reply, 2, 2.1);
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    ck_assert_uint_eq(reply->done_count, 1);
    end();
}
END_TEST

START_TEST(a_timeout_outside_ends_the_waiting)
{
    open_stages("[timeout: {after: 5s}, retry: {wait: 20s}, generate: {llm: a}]");
    fail_times(3);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_TIMEOUT);
    check_elapsed(reply, 5, 5.1);
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    end();
}
END_TEST

START_TEST(a_timeout_inside_is_tried_again)
{
    open_stages("[retry: {wait: 0s}, timeout: {after: 5s}, generate: {llm: a}]");
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    check_elapsed(reply, 5, 5.1);
    end();
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        "test.yaml:5:27: pipelines.p.stages[0].retry.attempts: out of range; expected 1 to 100",
        "test.yaml:6:25: pipelines.p.stages[1].retry.factor: out of range; expected 1 to 10",
        "test.yaml:7:23: pipelines.p.stages[2].retry.wait: out of range; expected 0s to 1h",
        "test.yaml:8:27: pipelines.p.stages[3].retry.attempts: warning: one attempt is none again; "
        "give at least 2",
        "test.yaml:9:23: pipelines.p.stages[4].retry.wait: warning: this is longer than "
        "'max_wait', which is waited instead",
        NULL,
    };

    pb_harness_refuse(LLMS "pipelines:\n"
                           "  p:\n"
                           "    stages:\n"
                           "      - retry: {attempts: 0}\n"
                           "      - retry: {factor: 0.5}\n"
                           "      - retry: {wait: 2h}\n"
                           "      - retry: {attempts: 1}\n"
                           "      - retry: {wait: 30s}\n"
                           "      - generate: {llm: a}\n",
                      plugins, wanted);
}
END_TEST

START_TEST(attempts_and_turns_need_the_memory_of_one)
{
    harness = pb_harness_open("host: {limits: {kept_turns: 8, turn_memory: 64KiB}}\n"
                              "llms: {a: {use: replay, replies: [{fail: no}]}}\n"
                              "pipelines: {p: {stages: [retry: {attempts: 100, wait: 0s}, prompt: "
                              "{text: careful}, generate: {llm: a}]}}\n",
                              plugins, NULL);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_UNAVAILABLE); /* not NO_MEMORY */
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "hi"}, 100), 4096);
    end();
}
END_TEST

int main(void)
{
    return suite_run(
        "retry",
        (const TTest *const[]){
            it_tries_again, attempts_is_how_often, waits_grow_up_to_the_longest, no_wait_at_all,
            waits_differ, a_failure_says_how_long, more_than_the_longest_wait_is_not_waited,
            only_what_may_pass_is_tried_again, what_was_said_is_not_said_again, only_its_own_stages,
            a_cancelled_turn_stops_waiting, a_timeout_outside_ends_the_waiting,
            a_timeout_inside_is_tried_again, problems_have_their_line,
            attempts_and_turns_need_the_memory_of_one, NULL});
}
