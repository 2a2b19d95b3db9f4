/* Launched turns: their events are numbered and durable before anybody sees them, and any follower
 * gets all of them from wherever it begins. With real SQLite files. */
#include "journal_bench.h"

/* --- the whole way ---------------------------------------------------------------------------- */

static pb_status launch_and_follow(void *arg)
{
    struct follower *follower = arg;
    pb_status status = launch("hi", NULL, NULL);

    ck_assert_int_eq(status, PB_OK);
    ck_assert_uint_eq(launched.known, 0);
    ck_assert_uint_eq(launched.id.size, 36);
    ck_text(launched.pipeline, "p");
    ck_text(launched.request_id, "request-1");
    (void)follow(follower, launched.id);
    ck_assert_int_eq(follower->status, PB_OK);
    ck_assert(pb_str_equal(follower->about.id, launched.id));
    ck_assert(pb_str_equal(follower->about.reply, launched.reply));
    ck_assert_int_eq(follower->about.created, launched.created);
    ck_text(follower->about.request_id, "request-1");
    wait_for_all();
    ck_assert_int_eq(
        number("SELECT COUNT(*) FROM turns WHERE status = 'done' AND ended IS NOT NULL"), 1);
    ck_assert_int_eq(number("SELECT events FROM turns"), (int64_t)follower->last);
    ck_assert_int_eq(number("SELECT bytes = (SELECT SUM(LENGTH(CAST(data AS BLOB))) FROM "
                            "turn_events) FROM turns"),
                     1);
    return PB_OK;
}

START_TEST(a_turn_is_kept)
{
    struct follower follower = {0};

    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_TOOL_CALL(0, "c0", "f", "{\"a\""), PB_STEP_TOOL_CALL(1, "c1", "g", "{"),
              PB_STEP_TOOL_CALL(0, NULL, NULL, ":1}"), PB_STEP_TOOL_CALL(1, NULL, NULL, "}"),
              PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    run(launch_and_follow, &follower);
    /* deltas of one moment are one row, calls are whole, and a number is left before the end */
    ck_assert_str_eq(follower.text, "1 2 hm\n2 1 hello\n3 6 \n4 3 c0f{\"a\":1}\n5 3 c1g{}\n"
                                    "7 done done\n");
    ck_assert_int_eq(follower.result.usage.input_tokens, 7);
    ck_assert_int_eq(follower.result.usage.output_tokens, 3);
    ck_assert_int_eq(follower.result.finish, PB_FINISH_STOP);
    ck_assert_str_eq(follower.model, "scripted-1 by main");
    ck_assert_int_gt(follower.result.total, 0);
}
END_TEST

static pb_status follow_from_everywhere(void *arg)
{
    struct follower whole = {0};
    char *at = whole.text;

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&whole, launched.id), PB_OK);
    for (uint64_t after = 0; after <= whole.last; after++) {
        struct follower rest = {.after = after};
        pb_status status = follow(&rest, launched.id);
        while (*at && strtoull(at, NULL, 10) <= after)
            at = strchr(at, '\n') + 1;
        ck_assert_int_eq(status, after < whole.last ? PB_OK : PB_DECLINED);
        ck_assert_str_eq(rest.text, at);
        ck_assert_uint_eq(rest.about.id.size, 36);
    }
    wait_for_all();
    return PB_OK;
}

START_TEST(following_begins_anywhere)
{
    static pb_script_step steps[200];

    for (int i = 0; i < 198; i++) /* more than a page, each a row of its own */
        steps[i] =
            i % 2 ? (pb_script_step)PB_STEP_THINKING("odd") : (pb_script_step)PB_STEP_TEXT("even");
    steps[198] = (pb_script_step)PB_STEP_USAGE(1, 1);
    steps[199] = (pb_script_step)PB_STEP_STOP;
    pb_script_add(harness, "main", steps, 200);
    run(follow_from_everywhere, NULL);
}
END_TEST

static pb_status follow_many_pieces(void *arg)
{
    struct follower follower = {0};

    (void)arg;
    for (int turn = 0; turn < 5; turn++) {
        memset(&follower, 0, sizeof follower);
        ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
        ck_assert_int_eq(follow(&follower, launched.id), PB_OK);
        ck_assert_str_eq(follower.said, "0123456789012345678901234567890123456789");
    }
    wait_for_all();
    return PB_OK;
}

START_TEST(pieces_that_come_while_others_are_written)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    static pb_script_step steps[121];

    for (int i = 0; i < 40; i++) { /* a thought between two texts makes each a row */
        steps[3 * i] = (pb_script_step)PB_STEP_TEXT(digits[i % 10]);
        steps[3 * i + 1] = (pb_script_step)PB_STEP_THINKING("hm");
        steps[3 * i + 2] = (pb_script_step)PB_STEP_WAIT(PB_MILLISECOND);
    }
    steps[120] = (pb_script_step)PB_STEP_STOP;
    pb_script_add(harness, "main", steps, 121);
    run(follow_many_pieces, NULL);
}
END_TEST

static pb_status follow_while_it_runs(void *arg)
{
    struct follower first = {.stop_at = 1}, second = {.slow = 20 * PB_MILLISECOND};
    pb_task *task;

    (void)arg;
    (void)task;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_str_eq(first.text, "1 1 one\n");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    ck_assert_ptr_nonnull(journal_find(launched.id)); /* it goes on without its client */
    second.after = 1;
    ck_assert_int_eq(follow(&second, launched.id), PB_OK);
    ck_assert_str_eq(second.text, "2 1 two\n3 1 three\n5 done done\n");
    wait_for_all();
    return PB_OK;
}

START_TEST(a_client_may_leave_and_come_back)
{
    pb_script(harness, "main", PB_STEP_TEXT("one"), PB_STEP_WAIT(100 * PB_MILLISECOND),
              PB_STEP_TEXT("two"), PB_STEP_WAIT(100 * PB_MILLISECOND), PB_STEP_TEXT("three"),
              PB_STEP_STOP);
    run(follow_while_it_runs, NULL);
}
END_TEST

static pb_status fail_and_follow(void *arg)
{
    struct follower follower = {0};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&follower, launched.id), PB_BAD_UPSTREAM);
    ck_text(pb_error_last()->sentence, "the model is ill");
    ck_assert_str_eq(follower.text, "1 1 half\n3 done failed\n");
    ck_assert_int_eq(follower.result.status, PB_BAD_UPSTREAM);
    wait_for_all();
    return PB_OK;
}

START_TEST(a_failure_is_kept)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"),
              PB_STEP_FAIL(PB_BAD_UPSTREAM, "the model is ill"));
    run(fail_and_follow, NULL);
}
END_TEST

static pb_status cancel_and_follow(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_int_eq(pb_turn_cancel(launched.id, &me), PB_OK);
    ck_assert_int_eq(follow(&rest, launched.id), PB_CANCELLED);
    ck_assert_str_eq(rest.text, "3 done cancelled\n");
    wait_for_all();
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'cancelled'"), 1);
    return PB_OK;
}

START_TEST(a_cancel_is_kept)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_HANG);
    run(cancel_and_follow, NULL);
}
END_TEST

static pb_status stop_and_follow(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    turn_cancel_all("the server is stopping");
    ck_assert_int_eq(follow(&rest, launched.id), PB_UNAVAILABLE);
    ck_assert_str_eq(rest.text, "3 done interrupted\n");
    wait_for_all();
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    return PB_OK;
}

START_TEST(the_end_of_a_drain_interrupts)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_HANG);
    run(stop_and_follow, NULL);
}
END_TEST

static char long_text[3001];

/* Built inside the scope of the last event, and read behind it. */
static pb_status show_it(void *arg)
{
    pb_buf alone = {0}, beside = {0};
    const pb_json *json;

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(journal_show(launched.id, &me, (pb_str){0}, &alone), PB_OK);
    ck_assert_int_eq(pb_json_parse(pb_buf_str(&alone), &json), PB_OK);
    ck_text(pb_json_text(pb_json_get(json, "status")), "running");
    wait_for_all();
    alone.size = 0;
    ck_assert_int_eq(journal_show(launched.id, &me, (pb_str){0}, &alone), PB_OK);
    ck_assert_int_eq(pb_json_parse(pb_buf_str(&alone), &json), PB_OK);
    ck_text(pb_json_text(pb_json_get(json, "status")), "done");
    ck_text(pb_json_text(pb_json_path(json, "message/text")), long_text);
    ck_assert_int_eq(journal_show(launched.id, &me, pb_lit("{\"a\":1}"), &beside), PB_OK);
    ck_assert_int_eq(pb_json_parse(pb_buf_str(&beside), &json), PB_OK);
    ck_assert_int_eq(pb_json_int(pb_json_get(json, "a"), 0), 1);
    ck_text(pb_json_text(pb_json_path(json, "message/text")), long_text);
    me = somebody("you", "default");
    ck_assert_int_eq(journal_show(launched.id, &me, (pb_str){0}, &alone), PB_NOT_FOUND);
    return PB_OK;
}

START_TEST(shown_from_the_journal_alone)
{
    memset(long_text, 'x', sizeof long_text - 1);
    pb_script(harness, "main", PB_STEP_TEXT(long_text), PB_STEP_STOP);
    run(show_it, NULL);
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("journal", begin, end,
                   (const TTest *const[]){a_turn_is_kept, following_begins_anywhere,
                                          pieces_that_come_while_others_are_written,
                                          a_client_may_leave_and_come_back, a_failure_is_kept,
                                          a_cancel_is_kept, the_end_of_a_drain_interrupts,
                                          shown_from_the_journal_alone, NULL});

    return suite_run_cases("journal", (TCase *const[]){cases, NULL});
}
