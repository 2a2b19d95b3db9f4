/* The stage history: what is stored when, what the model sees, two turns at once. Time is
 * virtual. */
#include "kit.h"

/* --- what is stored ------------------------------------------------------------------------------- */

START_TEST(a_turn_is_stored)
{
    pb_script(harness, "a", PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"), PB_STEP_USAGE(7, 3),
              PB_STEP_STOP);
    const pb_outcome *reply = say("new", "hi\nthere");
    ck_assert_str_eq(stored(), "user:hi\nthere assistant:hello");
    nothing_is_held();
    const char *id = text_of(reply->conversation);
    const pb_json *page = call("GET", path_of(id, "/messages"), NULL, 200);
    const pb_json *said = pb_json_path(page, "messages/1");
    ck_text(reply->reply, member(said, "id"));
    ck_text(reply->id, member(said, "turn"));
    ck_assert_str_eq(member(said, "status"), "done");
    ck_assert_str_eq(member(said, "finish"), "stop");
    ck_assert_str_eq(member(said, "llm"), "a");
    ck_assert_str_eq(member(said, "model"), "scripted-1");
    ck_assert_str_eq(member(said, "usage/input_tokens"), "7");
    ck_assert_str_eq(member(said, "usage/output_tokens"), "3");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "title"), "hi");
}
END_TEST

START_TEST(the_model_sees_what_was_said)
{
    const char *id = begin("one");
    ck_assert_str_eq(seen(), "user:one");
    say(id, "two");
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two");
    say("new", "else");
    ck_assert_str_eq(seen(), "user:else");
    say(id, "three");
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two assistant:ok user:three");
    ck_assert_int_eq(number("SELECT count(*) FROM conversations"), 2);
}
END_TEST

START_TEST(without_a_conversation_nothing_is_stored)
{
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    ck_assert_str_eq(seen(), "user:hi");
    ck_assert_str_eq(stored(), "");
}
END_TEST

START_TEST(an_unknown_conversation_is_not_found)
{
    const char *id = begin("hi");
    const pb_outcome *reply = ask_in("01890000-0000-7000-8000-000000000000", "hi");
    ck_assert_int_eq(reply->status, PB_NOT_FOUND);
    reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .conversation = id, .principal = &other});
    ck_assert_int_eq(reply->status, PB_NOT_FOUND);
    reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .conversation = id, .principal = &stranger});
    ck_assert_int_eq(reply->status, PB_NOT_FOUND);
    call("DELETE", path_of(id, ""), NULL, 204);
    ck_assert_int_eq(ask_in(id, "hi")->status, PB_NOT_FOUND);
    ck_assert_str_eq(stored(), "user:hi assistant:ok");
}
END_TEST

START_TEST(a_title_is_cut_between_words)
{
    const char *id = begin("  Twelve characters and so on, until there are more than eighty of them "
                           "in this one line\nand another");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "title"),
                     "Twelve characters and so on, until there are more than eighty of them in this");
    id = begin("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
               "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4zz");
    ck_assert_uint_eq(strlen(member(call("GET", path_of(id, ""), NULL, 200), "title")), 160);
}
END_TEST

/* --- ends that are not good ------------------------------------------------------------------------ */

START_TEST(a_failed_turn_keeps_what_was_said)
{
    pb_script(harness, "a", PB_STEP_TEXT("half"), PB_STEP_FAIL(PB_UNAVAILABLE, "it broke"));
    const pb_outcome *reply = ask_in("new", "hi");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_assert_str_eq(reply->sentence.data, "it broke");
    ck_assert_str_eq(stored(), "user:hi assistant/failed:half");
    ck_assert_str_eq(sql("SELECT reason FROM messages WHERE status = 4"), "it broke");
    nothing_is_held();
}
END_TEST

START_TEST(a_cancelled_turn_keeps_what_was_said)
{
    pb_script(harness, "a", PB_STEP_TEXT("half"), PB_STEP_HANG);
    pb_script(harness, "a", PB_STEP_TEXT("whole"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .conversation = "new", .cancel_after = 5 * PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_str_eq(stored(), "user:hi assistant/cancelled:half");
    ck_assert_ptr_nonnull(sql("SELECT reason FROM messages WHERE reason <> ''"));
    nothing_is_held();
    say(text_of(reply->conversation), "go on");
    ck_assert_str_eq(seen(), "user:hi assistant:half user:go on");
}
END_TEST

START_TEST(a_client_that_is_gone_is_a_cancel)
{
    pb_script(harness, "a", PB_STEP_TEXT("one"), PB_STEP_TEXT("two"), PB_STEP_STOP);
    (void)pb_harness_ask(harness, &(pb_ask){.text = "hi",
                                            .conversation = "new",
                                            .fail_at_event = 2,
                                            .fail_with = PB_CANCELLED});
    ck_assert_str_eq(stored(), "user:hi assistant/cancelled:onetwo");
    nothing_is_held();
}
END_TEST

START_TEST(what_was_said_stays_when_a_stage_above_fails)
{
    reopen("[cliff: {fail: true}, history: {}, generate: {llm: a}]");
    ck_assert_int_eq(ask_in("new", "hi")->status, PB_UNAVAILABLE);
    ck_assert_str_eq(stored(), "user:hi assistant:ok");
    nothing_is_held();
}
END_TEST

START_TEST(a_stage_above_may_run_it_again)
{
    reopen("[retry: {}, history: {}, generate: {llm: a}]");
    const char *id = begin("one");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
    say(id, "two");
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two");
    ck_assert_str_eq(stored(), "user:one assistant:ok user:two assistant:up");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
    pb_script(harness, "a", PB_STEP_TEXT("up"), PB_STEP_STOP);
    say("new", "three");
    ck_assert_str_eq(stored(), "user:one assistant:ok user:two assistant:up user:three assistant:up");
    nothing_is_held();
}
END_TEST

START_TEST(a_branch_cannot_store)
{
    reopen("[parallel: {branches: {x: [history: {}, generate: {llm: a}]}}]");
    const pb_outcome *reply = ask_in("new", "hi");
    ck_assert_int_eq(reply->status, PB_INTERNAL);
    ck_assert_ptr_nonnull(strstr(reply->sentence.data, "belongs above"));
}
END_TEST

START_TEST(branches_below_are_all_stored)
{
    reopen("[history: {}, parallel: {branches: {x: [generate: {llm: a}], y: [generate: {llm: a}]}}]");
    pb_script(harness, "a", PB_STEP_TEXT("left"), PB_STEP_STOP);
    pb_script(harness, "a", PB_STEP_TEXT("right"), PB_STEP_STOP);
    say("new", "hi");
    ck_assert_str_eq(stored(), "user:hi assistant:left\n\nright");
}
END_TEST

/* --- two at once ----------------------------------------------------------------------------------- */

static void ask_together(const char *id, size_t count, const pb_outcome **replies)
{
    static const char *const texts[] = {"first", "second", "third", "fourth"};
    pb_ask asks[4];

    memset(asks, 0, sizeof asks);
    for (size_t i = 0; i < count; i++) {
        asks[i].text = texts[i];
        asks[i].conversation = id;
        pb_script(harness, "a", PB_STEP_WAIT(2 * PB_SECOND), PB_STEP_TEXT("."), PB_STEP_STOP);
    }
    pb_harness_together(harness, asks, count, replies);
}

START_TEST(a_second_turn_at_once_is_refused)
{
    const pb_outcome *replies[2];
    const char *id = begin("hi");
    ask_together(id, 2, replies);
    ck_assert_int_eq(replies[0]->status, PB_OK);
    ck_assert_int_eq(replies[1]->status, PB_CONFLICT);
    ck_assert_ptr_nonnull(strstr(replies[1]->sentence.data, "another turn is running"));
    ck_assert_str_eq(stored(), "user:hi assistant:ok user:first assistant:.");
    nothing_is_held();
    say(id, "now");
}
END_TEST

START_TEST(or_waits_for_its_turn_in_order)
{
    const pb_outcome *replies[4];
    reopen("[history: {queue: true}, generate: {llm: a}]");
    const char *id = begin("hi");
    ask_together(id, 4, replies);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(replies[i]->status, PB_OK);
    ck_assert_str_eq(stored(), "user:hi assistant:ok user:first assistant:. user:second assistant:. "
                               "user:third assistant:. user:fourth assistant:.");
    ck_assert_str_eq(seen(), "user:hi assistant:ok user:first assistant:. user:second assistant:. "
                             "user:third assistant:. user:fourth");
    nothing_is_held();
}
END_TEST

START_TEST(not_more_than_so_many_wait)
{
    const pb_outcome *replies[4];
    reopen("[history: {queue: true, queue_limit: 1}, generate: {llm: a}]");
    ask_together(begin("hi"), 3, replies);
    ck_assert_int_eq(replies[0]->status, PB_OK);
    ck_assert_int_eq(replies[1]->status, PB_OK);
    ck_assert_int_eq(replies[2]->status, PB_CONFLICT);
    ck_assert_ptr_nonnull(strstr(replies[2]->sentence.data, "too many"));
    nothing_is_held();
}
END_TEST

START_TEST(who_is_cancelled_leaves_the_queue)
{
    const pb_outcome *replies[3];
    reopen("[history: {queue: true}, generate: {llm: a}]");
    const char *id = begin("hi");
    pb_script(harness, "a", PB_STEP_WAIT(5 * PB_SECOND), PB_STEP_TEXT("."), PB_STEP_STOP);
    pb_harness_together(harness,
                        (pb_ask[]){{.text = "first", .conversation = id},
                                   {.text = "second", .conversation = id,
                                    .cancel_after = 2 * PB_SECOND},
                                   {.text = "third", .conversation = id}},
                        3, replies);
    ck_assert_int_eq(replies[1]->status, PB_CANCELLED);
    ck_assert_int_eq(replies[2]->status, PB_OK);
    ck_assert_str_eq(stored(),
                     "user:hi assistant:ok user:first assistant:. user:third assistant:.");
    nothing_is_held();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_turn_is_stored,
                                         the_model_sees_what_was_said,
                                         without_a_conversation_nothing_is_stored,
                                         an_unknown_conversation_is_not_found,
                                         a_title_is_cut_between_words,
                                         a_failed_turn_keeps_what_was_said,
                                         a_cancelled_turn_keeps_what_was_said,
                                         a_client_that_is_gone_is_a_cancel,
                                         what_was_said_stays_when_a_stage_above_fails,
                                         a_stage_above_may_run_it_again,
                                         a_branch_cannot_store,
                                         branches_below_are_all_stored,
                                         a_second_turn_at_once_is_refused,
                                         or_waits_for_its_turn_in_order,
                                         not_more_than_so_many_wait,
                                         who_is_cancelled_leaves_the_queue,
                                         NULL};
    return suite_run_cases(
        "history", (TCase *const[]){suite_case("turns", before, after, tests), NULL});
}
