/* What the model gets to see: budgets, tools and their results, whole lists of clients, what was
 * replaced or deleted. */
#include "kit.h"

/* --- limits ---------------------------------------------------------------------------------------- */

START_TEST(so_many_exchanges)
{
    reopen("[history: {turns: 2}, generate: {llm: a}]");
    const char *id = begin("1");
    say(id, "2");
    say(id, "3");
    say(id, "4");
    ck_assert_str_eq(seen(), "user:2 assistant:ok user:3 assistant:ok user:4");
    reopen("[history: {turns: 0}, generate: {llm: a}]");
    say(id, "5");
    ck_assert_str_eq(seen(), "user:5");
}
END_TEST

START_TEST(so_many_tokens)
{
    /* each exchange: 400 bytes and "ok": 104 + 5 by bytes; what is said now: 5 */
    char text[401] = {0};
    memset(text, 'x', 400);
    reopen("[history: {max_tokens: 230}, generate: {llm: a}]");
    const char *id = begin(text);
    say(id, text);
    say(id, text);
    say(id, "now");
    size_t count = pb_scripted_count(harness, "a");
    const pb_json *request = pb_scripted_request(harness, "a", count - 1);
    ck_assert_uint_eq(pb_json_get(request, "messages")->count, 5); /* two exchanges and this */
    reopen("[history: {max_tokens: 60}, generate: {llm: a}]");
    say(id, "again");
    ck_assert_str_eq(seen(), "user:now assistant:ok user:again");
    reopen("[history: {max_tokens: 1}, generate: {llm: a}]");
    say(id, "alone");
    ck_assert_str_eq(seen(), "user:alone");
}
END_TEST

START_TEST(a_long_conversation_is_read_by_pages)
{
    char wanted[4096] = "";
    reopen("[history: {turns: 70}, generate: {llm: a}]");
    const char *id = begin("0");
    (void)sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
              "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, status, "
              "created) SELECT 1, i + 2, randomblob(16), 'default', 'tester', 2 - i % 2, i, 0, 1 "
              "FROM n");
    (void)sql("UPDATE conversations SET next_seq = 403");
    for (int i = 261; i <= 400; i++)
        (void)sprintf(wanted + strlen(wanted), "%s:%d ", i % 2 ? "user" : "assistant", i);
    say(id, "end");
    strcat(wanted, "user:end");
    ck_assert_str_eq(seen(), wanted);
}
END_TEST

START_TEST(the_system_prompt_of_the_request_stays_in_front)
{
    const char *id = begin("one");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\":\"system\",\"content\":\"be kind\"},"
                                       "{\"role\":\"user\",\"content\":\"two\"}]",
                           .conversation = id});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(seen(), "system:be kind user:one assistant:ok user:two");
    ck_assert_str_eq(stored(), "user:one assistant:ok user:two assistant:ok");
}
END_TEST

START_TEST(of_a_whole_list_only_the_end_is_new)
{
    const char *id = begin("one");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\":\"user\",\"content\":\"one\"},"
                                       "{\"role\":\"assistant\",\"content\":\"ok\"},"
                                       "{\"role\":\"user\",\"content\":\"two\"}]",
                           .conversation = id});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two");
    ck_assert_str_eq(stored(), "user:one assistant:ok user:two assistant:ok");
    reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\":\"assistant\",\"content\":\"ok\"}]",
                           .conversation = id});
    ck_assert_int_eq(reply->status, PB_INVALID);
}
END_TEST

START_TEST(a_new_conversation_takes_the_whole_list)
{
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\":\"user\",\"content\":\"one\"},"
                                       "{\"role\":\"assistant\",\"content\":\"said\"},"
                                       "{\"role\":\"user\",\"content\":\"two\"}]",
                           .conversation = "new"});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(stored(), "user:one assistant:said user:two assistant:ok");
    say(text_of(reply->conversation), "three");
    ck_assert_str_eq(seen(), "user:one assistant:said user:two assistant:ok user:three");
}
END_TEST

/* --- tools ----------------------------------------------------------------------------------------- */

#define TOOLS "[history: {%s}, generate: {llm: a, tools: [desk]}]"

static const char *clock_turn(const char *options)
{
    char stages[256];

    (void)snprintf(stages, sizeof stages, TOOLS, options);
    reopen(stages);
    pb_script(harness, "a", PB_STEP_TEXT("Let me see. "),
              PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "a", PB_STEP_TEXT("It is noon."), PB_STEP_STOP);
    return begin("what time");
}

START_TEST(tools_that_ran_here_are_seen_again)
{
    const char *id = clock_turn("");
    ck_assert_str_eq(stored(), "user:what time assistant:Let me see. It is noon.");
    say(id, "thanks");
    ck_assert_str_eq(seen(), "user:what time assistant:Let me see. ! tool:noon "
                             "assistant:It is noon. user:thanks");
    const pb_json *page = call("GET", path_of(id, "/messages"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/1/steps/0/calls/0/name"), "clock");
    ck_assert_str_eq(member(page, "messages/1/steps/0/calls/0/arguments"), "{}");
    ck_assert_str_eq(member(page, "messages/1/steps/0/results/0/text"), "noon");
    ck_assert_str_eq(member(page, "messages/1/text"), "Let me see. It is noon.");
}
END_TEST

/* The budget may fall anywhere: the model sees the exchange whole, or nothing of it. */
START_TEST(a_tool_exchange_is_cut_as_one)
{
    const char *id = clock_turn("");
    for (int most = 1; most < 80; most++) {
        char stages[128];
        (void)snprintf(stages, sizeof stages, TOOLS, "max_tokens: ");
        (void)snprintf(stages, sizeof stages, "[history: {max_tokens: %d}, generate: {llm: a}]",
                       most);
        (void)sql("DELETE FROM messages WHERE seq > 2");
        reopen(stages);
        say(id, "so");
        const char *got = seen();
        ck_assert_msg(strcmp(got, "user:so") == 0 ||
                          strcmp(got, "user:what time assistant:Let me see. ! tool:noon "
                                      "assistant:It is noon. user:so") == 0,
                      "%d: %s", most, got);
        ck_assert(most > 5 || strcmp(got, "user:so") == 0);
    }
    ck_assert_ptr_nonnull(strstr(seen(), "noon"));
}
END_TEST

#define CLIENT_TOOLS "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\"}}]}"

static const char *client_call(void)
{
    pb_script(harness, "a", PB_STEP_TOOL_CALL(0, "c1", "look", "{\"at\":1}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "a", PB_STEP_TEXT("I see."), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "look", .conversation = "new", .params = CLIENT_TOOLS});
    ck_assert_int_eq(reply->status, PB_OK);
    return text_of(reply->conversation);
}

START_TEST(a_clients_tools_go_on_in_the_next_turn)
{
    const char *id = client_call();
    const pb_outcome *reply = pb_harness_ask(
        harness,
        &(pb_ask){.messages = "[{\"role\":\"user\",\"content\":\"look\"},"
                              "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":"
                              "\"c1\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},"
                              "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"a bird\"}]",
                  .conversation = id});
    ck_assert_msg(reply->status == PB_OK, "%s", reply->sentence.data);
    ck_assert_str_eq(seen(), "user:look assistant:! tool:a bird");
    say(id, "good");
    ck_assert_str_eq(seen(), "user:look assistant:! tool:a bird assistant:I see. user:good");
    /* the newest exchange is needed whatever the budget */
    reopen("[history: {max_tokens: 1, turns: 0}, generate: {llm: a}]");
    id = client_call();
    reply = pb_harness_ask(
        harness,
        &(pb_ask){.messages = "[{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"a bird\"}]",
                  .conversation = id});
    ck_assert_msg(reply->status == PB_OK, "%s", reply->sentence.data);
    ck_assert_str_eq(seen(), "user:look assistant:! tool:a bird");
}
END_TEST

START_TEST(calls_without_results_are_not_seen)
{
    const char *id = client_call();
    say(id, "never mind");
    ck_assert_str_eq(seen(), "user:look user:never mind");
}
END_TEST

START_TEST(results_without_calls_are_refused)
{
    const char *id = begin("hi");
    const pb_outcome *reply = pb_harness_ask(
        harness,
        &(pb_ask){.messages = "[{\"role\":\"tool\",\"tool_call_id\":\"c9\",\"content\":\"x\"}]",
                  .conversation = id});
    ck_assert_int_eq(reply->status, PB_INVALID);
    nothing_is_held();
}
END_TEST

/* Calls of the database that a turn made. */
static size_t queries(const pb_outcome *reply)
{
    const pb_json *calls = pb_json_path(reply->explain, "stages/0/calls");
    size_t count = 0;

    for (const pb_json *at = calls ? calls->child : NULL; at; at = at->next)
        count += pb_str_is(pb_json_text(pb_json_get(at, "kind")), "database");
    return count;
}

START_TEST(what_this_worker_said_is_not_read_again)
{
    const char *id = begin("one");
    const pb_outcome *second =
        pb_harness_ask(harness, &(pb_ask){.text = "two", .conversation = id});
    ck_assert_uint_eq(queries(second), 2); /* what is said is stored, and what is answered */
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two");
    (void)sql("UPDATE messages SET text = 'changed' WHERE seq = 1");
    (void)sql("UPDATE conversations SET version = version + 1");
    const pb_outcome *third =
        pb_harness_ask(harness, &(pb_ask){.text = "three", .conversation = id});
    ck_assert_uint_eq(queries(third), 4); /* it stands otherwise; and is read */
    ck_assert_str_eq(seen(), "user:changed assistant:ok user:two assistant:ok user:three");
}
END_TEST

START_TEST(parts_come_back)
{
    const char *id = begin("hi");
    (void)sql("UPDATE messages SET extra = '{\"name\":\"ann\",\"parts\":[{\"type\":\"image\","
              "\"mime\":\"image/png\",\"content\":\"aGk=\"}]}' WHERE seq = 1");
    (void)sql("UPDATE conversations SET version = version + 1");
    say(id, "what is it");
    size_t count = pb_scripted_count(harness, "a");
    const pb_json *request = pb_scripted_request(harness, "a", count - 1);
    ck_assert_str_eq(member(request, "messages/0/name"), "ann");
    const pb_json *page = call("GET", path_of(id, "/messages"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/0/parts/0/mime"), "image/png");
    ck_assert_str_eq(member(page, "messages/0/name"), "ann");
}
END_TEST

/* --- said again, said differently -------------------------------------------------------------------- */

START_TEST(a_reply_is_made_again)
{
    const char *id = begin("one");
    say(id, "two");
    const char *reply = message_id(id, 1);
    pb_script(harness, "a", PB_STEP_TEXT("better"), PB_STEP_STOP);
    const pb_outcome *again =
        pb_harness_ask(harness, &(pb_ask){.conversation = id, .replaces = reply});
    ck_assert_msg(again->status == PB_OK, "%s", again->sentence.data);
    ck_assert_str_eq(seen(), "user:one");
    ck_assert_str_eq(stored(), "user:one assistant:ok~ user:two~ assistant:ok~ assistant:better");
    say(id, "three");
    ck_assert_str_eq(seen(), "user:one assistant:better user:three");
    again = pb_harness_ask(harness, &(pb_ask){.conversation = id, .replaces = reply});
    ck_assert_int_eq(again->status, PB_CONFLICT);
    again = pb_harness_ask(
        harness, &(pb_ask){.text = "no", .conversation = id, .replaces = message_id(id, 1)});
    ck_assert_int_eq(again->status, PB_INVALID);
    again = pb_harness_ask(harness, &(pb_ask){.conversation = id, .replaces = id});
    ck_assert_int_eq(again->status, PB_NOT_FOUND);
}
END_TEST

START_TEST(a_question_is_said_differently)
{
    const char *id = begin("one");
    say(id, "two");
    say(id, "three");
    const pb_outcome *again = pb_harness_ask(
        harness, &(pb_ask){.text = "zwei", .conversation = id, .replaces = message_id(id, 2)});
    ck_assert_msg(again->status == PB_OK, "%s", again->sentence.data);
    ck_assert_str_eq(seen(), "user:one assistant:ok user:zwei");
    ck_assert_str_eq(stored(), "user:one assistant:ok user:two~ assistant:ok~ user:three~ "
                               "assistant:ok~ user:zwei assistant:ok");
}
END_TEST

START_TEST(the_last_question_is_answered_again)
{
    const char *id = begin("one");
    const char *question = message_id(id, 0);
    const pb_outcome *again =
        pb_harness_ask(harness, &(pb_ask){.conversation = id, .replaces = question});
    ck_assert_msg(again->status == PB_OK, "%s", again->sentence.data);
    ck_assert_str_eq(seen(), "user:one");
    ck_assert_str_eq(stored(), "user:one assistant:ok~ assistant:ok");
    (void)sql("UPDATE messages SET deleted_at = 1 WHERE role = 2"); /* nothing behind it */
    again = pb_harness_ask(harness, &(pb_ask){.conversation = id, .replaces = question});
    ck_assert_int_eq(again->status, PB_OK);
}
END_TEST

START_TEST(a_retry_around_a_repeat)
{
    reopen("[retry: {}, history: {}, generate: {llm: a}]");
    const char *id = begin("one");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
    pb_script(harness, "a", PB_STEP_TEXT("better"), PB_STEP_STOP);
    const pb_outcome *again = pb_harness_ask(
        harness, &(pb_ask){.text = "uno", .conversation = id, .replaces = message_id(id, 0)});
    ck_assert_msg(again->status == PB_OK, "%s", again->sentence.data);
    ck_assert_str_eq(seen(), "user:uno");
    ck_assert_str_eq(stored(), "user:one~ assistant:ok~ user:uno assistant:better");
}
END_TEST

START_TEST(what_is_deleted_is_not_seen)
{
    const char *id = begin("one");
    say(id, "two");
    char *path = keep(200);
    (void)snprintf(path, 200, "/messages/%s", message_id(id, 0));
    call("DELETE", path_of(id, path), NULL, 204);
    say(id, "three");
    ck_assert_str_eq(seen(), "assistant:ok user:two assistant:ok user:three");
    strcat(path, "/restore");
    call("POST", path_of(id, path), NULL, 200);
    say(id, "four");
    ck_assert_str_eq(seen(),
                     "user:one assistant:ok user:two assistant:ok user:three assistant:ok user:four");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {so_many_exchanges,
                                  so_many_tokens,
                                  a_long_conversation_is_read_by_pages,
                                  the_system_prompt_of_the_request_stays_in_front,
                                  of_a_whole_list_only_the_end_is_new,
                                  a_new_conversation_takes_the_whole_list,
                                  tools_that_ran_here_are_seen_again,
                                  a_tool_exchange_is_cut_as_one,
                                  a_clients_tools_go_on_in_the_next_turn,
                                  calls_without_results_are_not_seen,
                                  results_without_calls_are_refused,
                                  parts_come_back, what_this_worker_said_is_not_read_again,
                                  a_reply_is_made_again,
                                  a_question_is_said_differently,
                                  the_last_question_is_answered_again,
                                  a_retry_around_a_repeat,
                                  what_is_deleted_is_not_seen,
                                  NULL};
    return suite_run_cases(
        "recall", (TCase *const[]){suite_case("recall", before, after, tests), NULL});
}
