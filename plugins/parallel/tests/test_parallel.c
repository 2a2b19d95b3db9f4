/* Branches: how they are joined, who wins, what the turn keeps, and parallel in other stages. Time
 * is virtual.
 */
#include "parallel_test.h"

/* --- join: all -------------------------------------------------------------------------------- */

START_TEST(all_speak_side_by_side)
{
    open_stages("[parallel: {" AB "}, generate: {llm: c}]");
    speak("a", 2, "one");
    speak("b", 1, "two");
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_OK, 3, "2:two 1:one 2:. 1:. 0:ok");
    ck_assert_uint_eq(reply->result->usage.calls, 3);
    end();
}
END_TEST

START_TEST(quiet_ones_are_not_heard)
{
    open_stages("[parallel: {quiet: true, " AB "}, generate: {llm: c}]");
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_THINKING("hm"), PB_STEP_USAGE(5, 6),
              PB_STEP_TOOL_CALL(0, "c", "f", "{}"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_OK, 0, "0:ok");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_THINKING), 0);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TOOL_CALL), 0);
    ck_assert_int_eq(reply->result->usage.input_tokens, 5);
    end();
}
END_TEST

START_TEST(one_that_fails_ends_the_others)
{
    open_stages("[parallel: {" AB "}, generate: {llm: c}]");
    speak("a", 100, "one");
    pb_script(harness, "b", PB_STEP_WAIT(2 * PB_SECOND),
              PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 9 * PB_SECOND, "busy"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_RATE_LIMITED, 2, "");
    ck_assert_str_eq(reply->sentence.data, "branch 'b': busy");
    ck_assert_int_eq(reply->retry_after, 9 * PB_SECOND);
    ck_assert_uint_eq(pb_scripted_count(harness, "c"), 0);
    end();
}
END_TEST

/* The first to fail in time, not in the file, and though others failed because of it. */
START_TEST(the_first_failure_counts)
{
    open_stages("[parallel: {branches: {" A ", " B ", " C "}}]");
    pb_script(harness, "a", PB_STEP_WAIT(3 * PB_SECOND), PB_STEP_FAIL(PB_UNAVAILABLE, "first"));
    pb_script(harness, "b", PB_STEP_WAIT(2 * PB_SECOND), PB_STEP_FAIL(PB_BAD_UPSTREAM, "second"));
    pb_script(harness, "c", PB_STEP_WAIT(4 * PB_SECOND), PB_STEP_FAIL(PB_INVALID, "third"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_BAD_UPSTREAM, 2, "");
    ck_assert_str_eq(reply->sentence.data, "branch 'b': second");
    end();
}
END_TEST

START_TEST(those_that_are_not_required_may_fail)
{
    open_stages("[parallel: {required: false, " AB "}, generate: {llm: c}]");
    speak("a", 3, "one");
    pb_script(harness, "b", PB_STEP_FAIL(PB_BAD_UPSTREAM, "odd"));
    check(pb_harness_say(harness, "hi"), PB_OK, 4, "1:one 1:. 0:ok");
    end();
    open_stages("[parallel: {required: false, " AB "}, generate: {llm: c}]");
    pb_script(harness, "a", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_FAIL(PB_BAD_UPSTREAM, "odd"));
    const pb_outcome *reply = pb_harness_say(harness, "hi"); /* but not all of them */
    check(reply, PB_UNAVAILABLE, 1, "");
    ck_assert_str_eq(reply->sentence.data, "branch 'a': down");
    end();
}
END_TEST

START_TEST(writes_stay_in_the_branch)
{
    open_stages("[prompt: {text: before}, parallel: {quiet: true, branches: {"
                "a: [prompt: {text: from a}, generate: {llm: a}],"
                "b: [prompt: {text: from b}, generate: {llm: b}]}}, generate: {llm: c}]");
    check(pb_harness_say(harness, "hi"), PB_OK, 0, "0:ok");
    ck_assert(asked("a", 0, "before") && asked("a", 0, "from a") && !asked("a", 0, "from b"));
    ck_assert(asked("b", 0, "before") && asked("b", 0, "from b") && !asked("b", 0, "from a"));
    ck_assert(asked("c", 0, "before") && !asked("c", 0, "from a") && !asked("c", 0, "from b"));
    end();
}
END_TEST

START_TEST(what_is_kept_replaces_the_turns)
{
    static const char *const keeps[] = {"[a]", "[a, b]", "[b, a]"};
    static const char *const wins[] = {"from a", "from b", "from a"};
    char stages[512];

    for (int i = 0; i < 3; i++) {
        (void)snprintf(stages, sizeof stages,
                       "[parallel: {keep: %s, branches: {a: [prompt: {text: from a}],"
                       "b: [prompt: {text: from b}]}}, generate: {llm: c}]",
                       keeps[i]);
        open_stages(stages);
        check(pb_harness_say(harness, "hi"), PB_OK, 0, "0:ok");
        ck_assert(asked("c", 0, wins[i]));
        ck_assert_uint_eq(pb_json_get(pb_scripted_request(harness, "c", 0), "messages")->count, 2);
        end();
    }
}
END_TEST

START_TEST(of_a_branch_that_failed_nothing_is_kept)
{
    open_stages("[parallel: {required: false, keep: [a, b], branches: {a: [prompt: {text: from a}],"
                "b: [prompt: {text: from b}, generate: {llm: b}]}}, generate: {llm: c}]");
    pb_script(harness, "b", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    check(pb_harness_say(harness, "hi"), PB_OK, 0, "0:ok");
    ck_assert(asked("c", 0, "from a") && !asked("c", 0, "from b"));
    end();
}
END_TEST

/* --- join: first ------------------------------------------------------------------------------ */

START_TEST(the_first_that_speaks_is_the_answer)
{
    open_stages("[parallel: {join: first, " AB "}]");
    speak("a", 3, "one");
    speak("b", 2, "two");
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_OK, 3, "2:two 2:.");
    ck_assert(pb_str_is(reply->result->llm, "b"));
    end();
}
END_TEST

START_TEST(a_loser_that_never_parks_says_nothing)
{
    open_stages("[parallel: {join: first, " AB "}]"); /* both say "ok" at once */
    check(pb_harness_say(harness, "hi"), PB_OK, 0, "1:ok");
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 0); /* it was not even asked */
    end();
}
END_TEST

START_TEST(failures_before_the_first_word_do_not_count)
{
    open_stages("[parallel: {join: first, " AB "}]");
    speak("a", 3, "one");
    pb_script(harness, "b", PB_STEP_USAGE(1, 0), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    check(pb_harness_say(harness, "hi"), PB_OK, 4, "1:one 1:.");
    end();
    open_stages("[parallel: {join: first, " AB "}]");
    pb_script(harness, "a", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_RATE_LIMITED, "busy"));
    pb_script(harness, "b", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_RATE_LIMITED, 1, "");
    ck_assert_str_eq(reply->sentence.data, "branch 'a': busy");
    end();
}
END_TEST

START_TEST(a_winner_that_fails_fails_the_turn)
{
    open_stages("[parallel: {join: first, " AB "}]");
    pb_script(harness, "a", PB_STEP_TEXT("so far"), PB_STEP_WAIT(PB_SECOND),
              PB_STEP_FAIL(PB_BAD_UPSTREAM, "broke off"));
    pb_script(harness, "b", PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_BAD_UPSTREAM, 1, "1:so far");
    ck_assert_str_eq(reply->sentence.data, "branch 'a': broke off");
    end();
}
END_TEST

START_TEST(the_first_that_ends_wins_when_all_are_quiet)
{
    open_stages("[parallel: {join: first, quiet: true, branches: {"
                "a: [prompt: {text: from a}, generate: {llm: a}],"
                "b: [prompt: {text: from b}, generate: {llm: b}]}}, generate: {llm: c}]");
    speak("a", 1, "one");
    pb_script(harness, "b", PB_STEP_WAIT(1500 * PB_MILLISECOND), PB_STEP_STOP);
    check(pb_harness_say(harness, "hi"), PB_OK, 1, "0:ok");
    ck_assert(asked("c", 0, "from b")); /* the winner is kept */
    end();
}
END_TEST

/* --- in one another --------------------------------------------------------------------------- */

START_TEST(branches_in_a_fallback)
{
    open_stages("[fallback: {try: [[parallel: {join: first, " AB "}], [generate: {llm: c}]]}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    check(pb_harness_say(harness, "hi"), PB_OK, 1, "0:ok");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_TEXT("so far"), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    check(reply, PB_UNAVAILABLE, 0, "1:so far"); /* a branch's word counts as said */
    end();
}
END_TEST

START_TEST(a_fallback_in_a_branch)
{
    open_stages("[parallel: {branches: {a: [fallback: {try: [[generate: {llm: a}], [generate: "
                "{llm: c}]]}], " B "}}]");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "c", PB_STEP_TEXT("from c"), PB_STEP_STOP);
    speak("b", 1, "two");
    check(pb_harness_say(harness, "hi"), PB_OK, 2, "1:from c 2:two 2:.");
    end();
}
END_TEST

START_TEST(branches_in_branches)
{
    open_stages("[parallel: {branches: {inner: [parallel: {join: first, " AB "}], " C "}}]");
    speak("a", 5, "one");
    speak("b", 1, "two");
    speak("c", 2, "three");
    check(pb_harness_ask(harness, &(pb_ask){.text = "hi", .slow = PB_MILLISECOND}), PB_OK, 3,
          "1:two 2:three 1:. 2:."); /* the inner winner, in the outer branch */
    end();
    open_stages("[parallel: {join: first, branches: {inner: [parallel: {" AB "}], " C "}}]");
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "b", PB_STEP_HANG);
    speak("c", 2, "three");
    check(pb_harness_say(harness, "hi"), PB_OK, 3, "2:three 2:.");
    end();
}
END_TEST

START_TEST(branches_tried_again)
{
    open_stages("[retry: {wait: 1s, factor: 1, attempts: 3}, parallel: {" AB "}]");
    pb_script(harness, "a", PB_STEP_HANG);
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_STOP);
    pb_script(harness, "b", PB_STEP_WAIT(PB_SECOND), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_TEXT("two"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(said(reply), "1:one 2:two");
    end();
}
END_TEST

/* --- the configuration ------------------------------------------------------------------------ */

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        "test.yaml:5:30: pipelines.p.stages[0].parallel.branches: there is no branch; give at "
        "least two",
        "test.yaml:6:92: pipelines.p.stages[1].parallel.keep[1]: no branch is named 'bb'",
        "pipelines.p.stages[2].parallel.join: expected one of 'all' or 'first', found 'last'",
        "test.yaml:8:30: pipelines.p.stages[3].parallel.branches: warning: there is one branch "
        "only, so nothing beside it",
        "pipelines.p.stages[4].parallel.keep: warning: with join: first the winner is kept, "
        "whichever it is",
        "pipelines.p.stages[4].parallel.required: warning: with join: first one good branch is "
        "enough anyway",
        "test.yaml:10:9: pipelines.p.stages[5].parallel.branches: missing; ",
        NULL,
    };

    pb_harness_refuse(LLMS "pipelines:\n"
                           "  p:\n"
                           "    stages:\n"
                           "      - parallel: {branches: {}}\n"
                           "      - parallel: {" AB ", keep: [a, bb]}\n"
                           "      - parallel: {" AB ", join: last}\n"
                           "      - parallel: {branches: {" A "}}\n"
                           "      - parallel: {" AB ", join: first, keep: [a], required: false}\n"
                           "      - parallel: {}\n",
                      plugins, wanted);
}
END_TEST

int main(void)
{
    return suite_run(
        "parallel",
        (const TTest *const[]){
            all_speak_side_by_side, quiet_ones_are_not_heard, one_that_fails_ends_the_others,
            the_first_failure_counts, those_that_are_not_required_may_fail,
            writes_stay_in_the_branch, what_is_kept_replaces_the_turns,
            of_a_branch_that_failed_nothing_is_kept, the_first_that_speaks_is_the_answer,
            a_loser_that_never_parks_says_nothing, failures_before_the_first_word_do_not_count,
            a_winner_that_fails_fails_the_turn, the_first_that_ends_wins_when_all_are_quiet,
            branches_in_a_fallback, a_fallback_in_a_branch, branches_in_branches,
            branches_tried_again, problems_have_their_line, NULL});
}
