/* Which failures lead to the next list, which end it, and what is left of an attempt that failed.
 */
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_fallback;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_prompt;
extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_timeout;

static const pb_plugin *const plugins[] = {&patchbay_plugin_fallback, &patchbay_plugin_generate,
                                           &patchbay_plugin_prompt,   &patchbay_plugin_replay,
                                           &patchbay_plugin_timeout,  NULL};
static pb_harness *harness;

#define LLMS "llms: {a: {use: scripted}, b: {use: scripted}, c: {use: scripted}}\n"
#define A    "[generate: {llm: a}]"
#define B    "[generate: {llm: b}]"
#define C    "[generate: {llm: c}]"

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

START_TEST(the_first_that_answers_is_the_answer)
{
    open_stages("[fallback: {try: [" A "," B "]}]");
    pb_script(harness, "a", PB_STEP_TEXT("from a"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(reply->text.data, "from a");
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0);
    ck_assert_uint_eq(reply->result->fallback, 0);
    end();
}
END_TEST

START_TEST(the_next_answers_for_one_that_fails)
{
    open_stages("[fallback: {try: [" A "," B "," C "]}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_FAIL(PB_BAD_UPSTREAM, "odd"));
    pb_script(harness, "c", PB_STEP_TEXT("from c"), PB_STEP_USAGE(3, 4), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(reply->text.data, "from c");
    ck_assert_uint_eq(reply->result->fallback, 1);
    ck_assert(pb_str_is(reply->result->llm, "c"));
    ck_assert_uint_eq(reply->result->usage.calls, 3);
    ck_assert_ptr_null(reply->result->error);
    end();
}
END_TEST

START_TEST(the_last_failure_is_the_turns)
{
    open_stages("[fallback: {try: [" A "," B "]}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 7 * PB_SECOND, "busy"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_assert_str_eq(reply->sentence.data, "busy");
    ck_assert_int_eq(reply->retry_after, 7 * PB_SECOND);
    ck_assert(pb_str_is(reply->error_instance, "llms.b") || pb_str_is(reply->error_instance, "b"));
    end();
}
END_TEST

/* Each status: does the default go on, does `when` with its name? */
START_TEST(when_says_after_which_failures)
{
    static const struct {
        pb_status status;
        bool by_default;
    } cases[] = {
        {PB_UNAVAILABLE, true},    {PB_TIMEOUT, true},          {PB_RATE_LIMITED, true},
        {PB_BAD_UPSTREAM, true},   {PB_NOT_FOUND, false},       {PB_TOO_LARGE, false},
        {PB_UNSUPPORTED, false},   {PB_INVALID, false},         {PB_CONFLICT, false},
        {PB_UNPROCESSABLE, false}, {PB_UNAUTHENTICATED, false}, {PB_FORBIDDEN, false},
        {PB_INTERNAL, false},      {PB_NO_MEMORY, false},       {PB_NO_SPACE, false},
    };
    char stages[256];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_stages("[fallback: {try: [" A "," B "]}]");
        pb_script(harness, "a", PB_STEP_FAIL(cases[i].status, "no"));
        const pb_outcome *reply = pb_harness_say(harness, "hi");
        ck_assert_int_eq(reply->status, cases[i].by_default ? PB_OK : cases[i].status);
        end();
        (void)snprintf(stages, sizeof stages, "[fallback: {when: [%s], try: [" A "," B "]}]",
                       pb_status_name(cases[i].status));
        open_stages(stages);
        pb_script(harness, "a", PB_STEP_FAIL(cases[i].status, "no"));
        ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
        pb_script_reset(harness, "a");
        pb_script(harness, "a",
                  PB_STEP_FAIL(cases[i].status == PB_TIMEOUT ? PB_INVALID : PB_TIMEOUT, "no"));
        ck_assert_int_ne(pb_harness_say(harness, "hi")->status, PB_OK);
        end();
    }
}
END_TEST

START_TEST(what_was_said_is_not_tried_again)
{
    open_stages("[fallback: {try: [" A "," B "]}]");
    pb_script(harness, "a", PB_STEP_TEXT("so far"), PB_STEP_FAIL(PB_UNAVAILABLE, "gone"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_assert_str_eq(reply->text.data, "so far");
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0);
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_THINKING("hm"), PB_STEP_FAIL(PB_UNAVAILABLE, "gone"));
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_UNAVAILABLE);
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_TOOL_CALL(0, "c1", "f", "{}"),
              PB_STEP_FAIL(PB_UNAVAILABLE, "gone"));
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_UNAVAILABLE);
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0);
    end();
}
END_TEST

START_TEST(what_says_nothing_does_not_count)
{
    open_stages("[fallback: {try: [" A "," B "]}]");
    pb_script(harness, "a", PB_STEP_TEXT(""), PB_STEP_USAGE(1, 0),
              PB_STEP_FAIL(PB_UNAVAILABLE, "gone"));
    const pb_outcome *reply = pb_harness_ask(harness, &(pb_ask){.text = "hi", .stages = true});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(reply->text.data, "ok");
    ck_assert_uint_gt(pb_outcome_count(reply, PB_EVENT_STAGE), 0);
    end();
}
END_TEST

START_TEST(each_attempt_begins_with_the_turn_as_it_was)
{
    open_stages("[fallback: {try: [[prompt: {text: first}, generate: {llm: a}],"
                "                  [prompt: {text: second}, generate: {llm: b}]]}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    const pb_json *asked = pb_json_get(pb_scripted_request(harness, "b", 0), "messages");
    ck_assert_uint_eq(asked->count, 2);
    ck_assert(pb_str_is(pb_json_text(pb_json_path(asked, "0/content")), "second"));
    end();
}
END_TEST

/* The lists stand where the stage stands: what follows is part of each attempt. */
START_TEST(what_follows_belongs_to_the_attempt)
{
    open_stages("[fallback: {try: [[prompt: {text: first}], []]}, generate: {llm: a}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "a", PB_STEP_TEXT("again"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_str_eq(reply->text.data, "again");
    ck_assert_uint_eq(pb_json_get(pb_scripted_request(harness, "a", 0), "messages")->count, 2);
    ck_assert_uint_eq(pb_json_get(pb_scripted_request(harness, "a", 1), "messages")->count, 1);
    end();
}
END_TEST

START_TEST(they_nest)
{
    open_stages("[fallback: {try: [[fallback: {try: [" A "," B "]}], " C "]}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    for (const char *llm = "abc"; *llm; llm++)
        ck_assert_uint_eq(pb_scripted_count(harness, (char[]){*llm, 0}), 1);
    end();
}
END_TEST

START_TEST(a_cancelled_turn_is_not_tried_again)
{
    open_stages("[fallback: {try: [" A "," B "]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 5 * PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 5);
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0);
    ck_assert_uint_eq(reply->done_count, 1);
    end();
}
END_TEST

START_TEST(a_timeout_inside_leads_to_the_next)
{
    open_stages("[fallback: {try: [[timeout: {after: 3s, stages: " A "}], " B "]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "b", PB_STEP_WAIT(10 * PB_SECOND), PB_STEP_TEXT("late"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(reply->text.data, "late");
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 13);
    end();
}
END_TEST

/* The time of all is over: the next list, which would not even have to wait, is not begun. */
START_TEST(a_timeout_outside_ends_all)
{
    open_stages("[timeout: {after: 3s, stages: [fallback: {try: [" A "," B "]}]}]");
    pb_script(harness, "a", PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_TIMEOUT);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 3);
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0);
    end();
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        "test.yaml:5:25: pipelines.p.stages[0].fallback.try: there is no list of stages; give at "
        "least two",
        "test.yaml:6:27: pipelines.p.stages[1].fallback.when[0]: expected one of 'unavailable', ",
        "test.yaml:7:9: pipelines.p.stages[2].fallback.try: missing; ",
        "test.yaml:8:35: pipelines.p.stages[3].fallback.try: warning: there is one list only, so "
        "nothing to fall back on",
        "test.yaml:8:26: pipelines.p.stages[3].fallback.when: warning: no failure is named, so "
        "only the first list is tried",
        NULL,
    };

    pb_harness_refuse(LLMS "pipelines:\n"
                           "  p:\n"
                           "    stages:\n"
                           "      - fallback: {try: []}\n"
                           "      - fallback: {when: [sometimes], try: [[]]}\n"
                           "      - fallback: {when: []}\n"
                           "      - fallback: {when: [], try: [" A "]}\n",
                      plugins, wanted);
}
END_TEST

START_TEST(a_thousand_turns_need_the_memory_of_one)
{
    harness = pb_harness_open("host: {limits: {kept_turns: 8}}\n"
                              "llms:\n"
                              "  a: {use: replay, replies: [{fail: no}]}\n"
                              "  b: {use: replay, replies: [{text: yes}]}\n"
                              "pipelines: {p: {stages: [fallback: {try: [" A "," B "]}]}}\n",
                              plugins, NULL);
    pb_harness_log(PB_ERROR, NULL); /* not a thousand warnings */
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "hi"}, 1000), 4096);
    end();
}
END_TEST

int main(void)
{
    return suite_run("fallback",
                     (const TTest *const[]){
                         the_first_that_answers_is_the_answer, the_next_answers_for_one_that_fails,
                         the_last_failure_is_the_turns, when_says_after_which_failures,
                         what_was_said_is_not_tried_again, what_says_nothing_does_not_count,
                         each_attempt_begins_with_the_turn_as_it_was,
                         what_follows_belongs_to_the_attempt, they_nest,
                         a_cancelled_turn_is_not_tried_again, a_timeout_inside_leads_to_the_next,
                         a_timeout_outside_ends_all, problems_have_their_line,
                         a_thousand_turns_need_the_memory_of_one, NULL});
}
