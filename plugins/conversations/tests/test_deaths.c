/* Workers that die in the middle of a reply, databases that fail, and who cleans up. */
#include "kit.h"

/* Another process has a turn in the conversation (NULL: a new one) and dies as the stages say. */
static void die_with(const char *stages, const char *conversation, const pb_script_step *steps,
                     size_t count)
{
    int status = 0;

    close_harness();
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        open_stages(stages);
        pb_script_add(harness, "a", steps, count);
        (void)ask_in(conversation ? conversation : "new", "are you there");
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "it ended with %x", status);
    open_stages(PLAIN);
    let_time_pass();
}

static const pb_script_step slow_steps[] = {PB_STEP_TEXT("one "), PB_STEP_WAIT(2 * PB_SECOND),
                                            PB_STEP_TEXT("two "), PB_STEP_TEXT("three"),
                                            PB_STEP_STOP};

START_TEST(what_was_said_is_there_before_the_model_is_asked)
{
    die_with("[history: {}, cliff: {before: true}, generate: {llm: a}]", NULL, slow_steps, 5);
    ck_assert_str_eq(stored(), "user:are you there assistant/interrupted:");
    nothing_is_held(); /* the sweep at the start */
}
END_TEST

START_TEST(a_dead_workers_reply_is_kept_as_it_was)
{
    const char *id = begin("hi");
    die_with("[history: {}, cliff: {}, generate: {llm: a}]", id, slow_steps, 5);
    ck_assert_str_eq(stored(), "user:hi assistant:ok user:are you there assistant/interrupted:one ");
    ck_assert_str_eq(sql("SELECT reason FROM messages WHERE status = 3"),
                     "the worker that wrote it ended");
    say(id, "and now");
    ck_assert_str_eq(seen(), "user:hi assistant:ok user:are you there assistant:one  user:and now");
}
END_TEST

static const pb_script_step silent_steps[] = {PB_STEP_TEXT("one "), PB_STEP_TEXT("two "),
                                              PB_STEP_WAIT(30 * PB_SECOND), PB_STEP_STOP};

START_TEST(a_reply_is_saved_while_the_model_is_silent)
{
    die_with("[history: {}, cliff: {}, generate: {llm: a}]", NULL, silent_steps, 4);
    ck_assert_str_eq(stored(), "user:are you there assistant/interrupted:one two ");
    die_with("[history: {checkpoint: 0s}, cliff: {}, generate: {llm: a}]", NULL, silent_steps, 4);
    ck_assert_int_eq(number("SELECT count(*) FROM messages WHERE role = 2 AND text = ''"), 1);
}
END_TEST

START_TEST(what_cannot_be_stored_fails_and_does_not_block)
{
    const char *id = begin("hi");
    pb_harness_log(PB_ERROR + 1, NULL);
    (void)sql("CREATE TRIGGER full BEFORE INSERT ON messages WHEN NEW.role = 2 "
              "AND NEW.status = 0 "
              "BEGIN SELECT RAISE(ABORT, 'no room'); END");
    const pb_outcome *reply = ask_in(id, "two");
    ck_assert_int_ne(reply->status, PB_OK);
    ck_assert_ptr_nonnull(reply->result); /* and is told so */
    (void)sql("DROP TRIGGER full");
    say(id, "three");
    ck_assert_str_eq(stored(), "user:hi assistant:ok user:two assistant/interrupted: user:three "
                               "assistant:ok");
    ck_assert_str_eq(sql("SELECT reason FROM messages WHERE status = 3"),
                     "its end could not be stored");
    nothing_is_held();
}
END_TEST

/* As if a worker had died after the sweep: rows that it holds, with a node that is not there. */
static void hold(const char *turn)
{
    char text[512];

    (void)snprintf(text, sizeof text,
                   "UPDATE conversations SET running = x'%s', running_node = 'gone', "
                   "running_reply = x'%s', next_seq = next_seq + 1",
                   turn, turn);
    (void)sql(text);
    (void)snprintf(text, sizeof text,
                   "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, status, "
                   "turn, node, created) SELECT id, next_seq - 1, x'%s', tenant, owner, 2, 'par', "
                   "1, x'%s', 'gone', 1 FROM conversations",
                   turn, turn);
    (void)sql(text);
}

START_TEST(a_turn_takes_over_from_a_dead_worker)
{
    const char *id = begin("hi");
    hold("00112233445566778899aabbccddeeff");
    say(id, "go on");
    ck_assert_str_eq(stored(),
                     "user:hi assistant:ok assistant/interrupted:par user:go on assistant:ok");
    nothing_is_held();
}
END_TEST

START_TEST(a_reader_finds_out_too)
{
    const char *id = begin("hi");
    hold("00112233445566778899aabbccddeeff");
    const pb_json *page = call("GET", path_of(id, "/messages"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/2/status"), "interrupted");
    ck_assert_ptr_null(member(call("GET", path_of(id, ""), NULL, 200), "turn"));
    nothing_is_held();
}
END_TEST

START_TEST(the_dead_do_not_wait_in_the_queue)
{
    reopen("[history: {queue: true}, generate: {llm: a}]");
    const char *id = begin("hi");
    (void)sql("INSERT INTO conversation_queue (conversation, turn, node) VALUES (1, x'00', 'gone')");
    say(id, "go on");
    nothing_is_held();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_was_said_is_there_before_the_model_is_asked,
                                  a_dead_workers_reply_is_kept_as_it_was,
                                  a_reply_is_saved_while_the_model_is_silent,
                                  what_cannot_be_stored_fails_and_does_not_block,
                                  a_turn_takes_over_from_a_dead_worker,
                                  a_reader_finds_out_too,
                                  the_dead_do_not_wait_in_the_queue,
                                  NULL};
    return suite_run_cases(
        "deaths", (TCase *const[]){suite_case("deaths", before, after, tests), NULL});
}
