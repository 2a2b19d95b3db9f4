/* Which limit ends what and when, alone, nested in both ways, and around branches. Time is virtual.
 */
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_fallback;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_parallel;
extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_retry;
extern const pb_plugin patchbay_plugin_timeout;

static const pb_plugin *const plugins[] = {&patchbay_plugin_fallback,
                                           &patchbay_plugin_generate,
                                           &patchbay_plugin_parallel,
                                           &patchbay_plugin_replay,
                                           &patchbay_plugin_retry,
                                           &patchbay_plugin_timeout,
                                           NULL};
static pb_harness *harness;

#define LLMS "llms: {a: {use: scripted}, b: {use: scripted}}\n"
#define A    "generate: {llm: a}"
#define B    "generate: {llm: b}"

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

/* Says "one" after `first` seconds and "two" `then` seconds later. */
static void speak(const char *llm, int first, int then)
{
    pb_script(harness, llm, PB_STEP_WAIT(first * PB_SECOND), PB_STEP_TEXT("one"),
              PB_STEP_WAIT(then * PB_SECOND), PB_STEP_TEXT("two"), PB_STEP_STOP);
}

static void check(const pb_outcome *reply, pb_status status, int seconds, const char *text)
{
    ck_assert_msg(reply->status == status, "%s: %s", pb_status_name(reply->status),
                  reply->sentence.data);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, seconds);
    ck_assert_str_eq(reply->text.data, text);
    ck_assert_uint_eq(reply->done_count, 1);
}

START_TEST(after_limits_the_whole)
{
    open_stages("[timeout: {after: 10s}, " A "]");
    speak("a", 4, 5);
    check(pb_harness_say(harness, "hi"), PB_OK, 9, "onetwo");
    pb_script_reset(harness, "a");
    speak("a", 4, 7);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 10, "one");
    ck_assert_str_eq(reply->sentence.data, "the reply was not complete after 10 s");
    end();
}
END_TEST

START_TEST(first_text_limits_the_silence_only)
{
    open_stages("[timeout: {first_text: 5s}, " A "]");
    speak("a", 4, 500);
    check(pb_harness_say(harness, "hi"), PB_OK, 504, "onetwo");
    pb_script_reset(harness, "a");
    speak("a", 6, 1);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 5, "");
    ck_assert_str_eq(reply->sentence.data, "no reply had begun after 5 s");
    end();
}
END_TEST

START_TEST(both_limits)
{
    open_stages("[timeout: {first_text: 1500ms, after: 10s}, " A "]");
    speak("a", 1, 20);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 10, "one");
    ck_assert_str_eq(reply->sentence.data, "the reply was not complete after 10 s");
    pb_script_reset(harness, "a");
    speak("a", 3, 1);
    reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 1, "");
    ck_assert_str_eq(reply->sentence.data, "no reply had begun after 1.5 s");
    end();
}
END_TEST

START_TEST(thinking_and_tool_calls_begin_a_reply)
{
    open_stages("[timeout: {first_text: 5s}, " A "]");
    pb_script(harness, "a", PB_STEP_THINKING("hm"), PB_STEP_WAIT(20 * PB_SECOND),
              PB_STEP_TEXT("one"), PB_STEP_STOP);
    check(pb_harness_say(harness, "hi"), PB_OK, 20, "one");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_TOOL_CALL(0, "c", "f", "{}"), PB_STEP_WAIT(20 * PB_SECOND),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    check(pb_harness_say(harness, "hi"), PB_OK, 20, "");
    end();
}
END_TEST

START_TEST(usage_stages_and_empty_pieces_do_not)
{
    open_stages("[timeout: {first_text: 5s, stages: [timeout: {after: 300s}, " A "]}]");
    pb_script(harness, "a", PB_STEP_USAGE(1, 2), PB_STEP_TEXT(""), PB_STEP_HANG);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .stages = true}), PB_TIMEOUT, 5, "");
    end();
}
END_TEST

START_TEST(a_limit_that_was_met_is_gone)
{
    open_stages("[timeout: {first_text: 2s, stages: [" A "]}, timeout: {after: 5s, stages: [" A
                "]}, " B "]");
    pb_script(harness, "a", PB_STEP_TEXT("a"), PB_STEP_STOP);
    speak("b", 100, 100);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_TIMEOUT); /* what follows belongs to what is limited */
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 5);
    end();
    open_stages("[fallback: {try: [[timeout: {after: 2s, stages: [" A "]}], [" B "]]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    speak("b", 100, 100);
    check(pb_harness_say(harness, "hi"), PB_OK, 202, "onetwo");
    end();
}
END_TEST

/* --- nesting ---------------------------------------------------------------------------------- */

/* The outer limit is met by a word from inside the inner one, which stays in force. */
START_TEST(first_text_around_after)
{
    open_stages("[timeout: {first_text: 5s, stages: [timeout: {after: 20s, stages: [" A "]}]}]");
    speak("a", 1, 50);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 20, "one");
    ck_assert_str_eq(reply->sentence.data, "the reply was not complete after 20 s");
    pb_script_reset(harness, "a");
    speak("a", 1, 18); /* long after 5 s, and the outer limit does not come back */
    check(pb_harness_say(harness, "hi"), PB_OK, 19, "onetwo");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_HANG);
    reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 5, "");
    ck_assert_str_eq(reply->sentence.data, "no reply had begun after 5 s");
    end();
}
END_TEST

START_TEST(after_around_first_text)
{
    open_stages("[timeout: {after: 20s, stages: [timeout: {first_text: 5s, stages: [" A "]}]}]");
    speak("a", 1, 50);
    check(pb_harness_say(harness, "hi"), PB_TIMEOUT, 20, "one");
    pb_script_reset(harness, "a");
    speak("a", 6, 1);
    check(pb_harness_say(harness, "hi"), PB_TIMEOUT, 5, "");
    pb_script_reset(harness, "a");
    speak("a", 4, 15);
    check(pb_harness_say(harness, "hi"), PB_OK, 19, "onetwo");
    end();
}
END_TEST

START_TEST(first_text_around_first_text)
{
    open_stages("[timeout: {first_text: 20s, stages: [retry: {wait: 0s, stages: [timeout: "
                "{first_text: 5s, stages: [" A "]}]}]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    speak("a", 2, 90);
    check(pb_harness_say(harness, "hi"), PB_OK, 5 + 92, "onetwo");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_say(harness, "hi"); /* three times 5 s */
    check(reply, PB_TIMEOUT, 15, "");
    end();
    open_stages("[timeout: {first_text: 12s, stages: [retry: {wait: 0s, stages: [timeout: "
                "{first_text: 5s, stages: [" A "]}]}]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 12, "");
    ck_assert_str_eq(reply->sentence.data, "no reply had begun after 12 s");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 3);
    end();
}
END_TEST

/* Branches run in tasks of their own: the word of one meets the limit of all. */
START_TEST(first_text_around_branches)
{
    open_stages("[timeout: {first_text: 5s}, parallel: {branches: {a: [" A "], b: [" B "]}}]");
    speak("a", 4, 1);
    speak("b", 30, 1);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_OK, 31, "");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 4);
    pb_script_reset(harness, "a");
    pb_script_reset(harness, "b");
    speak("a", 6, 1);
    speak("b", 6, 1);
    check(pb_harness_say(harness, "hi"), PB_TIMEOUT, 5, "");
    end();
}
END_TEST

START_TEST(branches_have_limits_of_their_own)
{
    open_stages("[parallel: {required: false, branches: {a: [timeout: {after: 3s}, " A
                "], b: [timeout: {first_text: 3s}, " B "]}}]");
    speak("a", 4, 1);
    speak("b", 2, 20);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_OK, 22, "");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 2);
    end();
}
END_TEST

/* --- who is waited for ------------------------------------------------------------------------ */

START_TEST(a_slow_client_counts_in_after_but_not_in_first_text)
{
    open_stages("[timeout: {first_text: 5s}, " A "]");
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_TEXT("two"), PB_STEP_STOP);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .slow = 60 * PB_SECOND}), PB_OK, 120,
          "onetwo");
    end();
    open_stages("[timeout: {after: 5s}, " A "]");
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_TEXT("two"), PB_STEP_STOP);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .slow = 60 * PB_SECOND}), PB_TIMEOUT, 5,
          "one");
    end();
}
END_TEST

START_TEST(a_cancelled_turn_is_cancelled)
{
    open_stages("[timeout: {after: 30s, first_text: 20s}, " A "]");
    pb_script(harness, "a", PB_STEP_HANG);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 3 * PB_SECOND}),
          PB_CANCELLED, 3, "");
    end();
}
END_TEST

START_TEST(other_failures_pass_unchanged)
{
    open_stages("[timeout: {after: 30s, first_text: 20s}, " A "]");
    pb_script(harness, "a", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, PB_SECOND, "busy"));
    pb_script(harness, "a", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_TIMEOUT, "the model's own"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_RATE_LIMITED, 0, "");
    ck_assert_int_eq(reply->retry_after, PB_SECOND);
    reply = pb_harness_say(harness, "hi");
    check(reply, PB_TIMEOUT, 1, "");
    ck_assert_str_eq(reply->sentence.data, "the model's own");
    end();
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        ("test.yaml:5:18: "
         "pipelines.p.stages[0].timeout: nothing is limited; give 'after', 'first_text' or both"),
        ("test.yaml:6:18: "
         "pipelines.p.stages[1].timeout: nothing is limited; give 'after', 'first_text' or both"),
        "test.yaml:7:26: pipelines.p.stages[2].timeout.after: out of range; ",
        ("test.yaml:8:31: pipelines.p.stages[3].timeout.first_text: warning: 'after' ends it no "
         "later, so this has no effect"),
        NULL,
    };

    pb_harness_refuse(LLMS "pipelines:\n"
                           "  p:\n"
                           "    stages:\n"
                           "      - timeout: {}\n"
                           "      - timeout: {after: 0s, first_text: 0s}\n"
                           "      - timeout: {after: 2d}\n"
                           "      - timeout: {first_text: 10s, after: 10s}\n"
                           "      - generate: {llm: a}\n",
                      plugins, wanted);
}
END_TEST

START_TEST(a_thousand_turns_need_the_memory_of_one)
{
    harness = pb_harness_open(
        "host: {limits: {kept_turns: 8}}\n"
        "llms: {a: {use: replay, delay: 1s, replies: [{text: yes}]}}\n"
        "pipelines: {p: {stages: [timeout: {after: 5s, first_text: 2s}, timeout: {after: 9s}, " A
        "]}}\n",
        plugins, NULL);
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .whole = true}), PB_OK, 2,
          "[This answer comes from a script: no model is configured.] yes");
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "hi", .whole = true}, 1000),
                     4096);
    end();
}
END_TEST

int main(void)
{
    return suite_run(
        "timeout",
        (const TTest *const[]){
            after_limits_the_whole, first_text_limits_the_silence_only, both_limits,
            thinking_and_tool_calls_begin_a_reply, usage_stages_and_empty_pieces_do_not,
            a_limit_that_was_met_is_gone, first_text_around_after, after_around_first_text,
            first_text_around_first_text, first_text_around_branches,
            branches_have_limits_of_their_own, a_slow_client_counts_in_after_but_not_in_first_text,
            a_cancelled_turn_is_cancelled, other_failures_pass_unchanged, problems_have_their_line,
            a_thousand_turns_need_the_memory_of_one, NULL});
}
