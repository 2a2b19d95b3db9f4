/* Conversations that are copied, carried out and in: forks, exports, imports of our own and of
 * ChatGPT's. And two processes on one file. */
#include "kit.h"

/* --- forks ----------------------------------------------------------------------------------------- */

START_TEST(a_fork_goes_its_own_way)
{
    char body[128];
    const char *id = begin("one");
    say(id, "two");
    call("PATCH", path_of(id, ""), "{\"tags\":[\"red\"],\"pinned\":true}", 200);
    (void)snprintf(body, sizeof body, "{\"message\":\"%s\"}", message_id(id, 1));
    const pb_json *fork = call("POST", path_of(id, "/fork"), body, 200);
    const char *copy = member(fork, "id");
    ck_assert_str_ne(copy, id);
    ck_assert_str_eq(member(fork, "forked_from"), id);
    ck_assert_str_eq(member(fork, "title"), "one");
    ck_assert_str_eq(member(fork, "tags/0"), "red");
    ck_assert(!pb_json_bool(pb_json_get(fork, "pinned"), true));
    say(copy, "three");
    ck_assert_str_eq(seen(), "user:one assistant:ok user:three");
    say(id, "four");
    ck_assert_str_eq(seen(), "user:one assistant:ok user:two assistant:ok user:four");
    ck_assert_str_ne(message_id(copy, 0), message_id(id, 0));
}
END_TEST

START_TEST(a_fork_of_all)
{
    const char *id = begin("one");
    say(id, "two");
    call("POST", path_of(id, "/regenerate"), "{}", 200);
    const pb_json *fork = call("POST", path_of(id, "/fork"), "{\"title\":\"Other\"}", 200);
    ck_assert_str_eq(member(fork, "title"), "Other");
    const pb_json *page =
        call("GET", path_of(member(fork, "id"), "/messages?superseded=true"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 4); /* what was replaced stays behind */
    char body[128];
    page = call("GET", path_of(id, "/messages?superseded=true"), NULL, 200);
    (void)snprintf(body, sizeof body, "{\"message\":\"%s\"}", member(page, "messages/3/id"));
    call("POST", path_of(id, "/fork"), body, 409);
    call("POST", path_of(id, "/fork"), "{\"message\":\"01890000-0000-7000-8000-000000000000\"}", 404);
}
END_TEST

START_TEST(a_long_one_is_copied_in_pieces)
{
    const char *id = begin("one");
    (void)sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
              "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, status, "
              "created) SELECT 1, i + 2, randomblob(16), 'default', 'tester', 2 - i % 2, i, 0, 1 "
              "FROM n");
    (void)sql("UPDATE conversations SET next_seq = 503");
    const char *copy = member(call("POST", path_of(id, "/fork"), "{}", 200), "id");
    ck_assert_int_eq(number("SELECT count(*) FROM messages WHERE conversation = 2"), 502);
    ck_assert_int_eq(number("SELECT count(*) FROM messages AS a JOIN messages AS b ON a.seq = b.seq "
                            "AND a.text = b.text AND b.conversation = 2 WHERE a.conversation = 1"),
                     502);
    say(copy, "on");
    ck_assert_int_eq(number("SELECT max(seq) FROM messages WHERE conversation = 2"), 504);
}
END_TEST

/* --- our own export -------------------------------------------------------------------------------- */

/* All ids become the same. */
static char *without_ids(pb_str text)
{
    char *copy = (char *)(uintptr_t)text_of(text);

    for (char *at = copy; (at = strstr(at, "\"id\":\"")); at++)
        if (strspn(at + 6, "0123456789abcdef-") == 36)
            memset(at + 6, '0', 36);
    return copy;
}

static pb_str exported(const char *id, const char *format)
{
    char rest[64];

    (void)snprintf(rest, sizeof rest, "/export?format=%s", format);
    pb_content content = pb_harness_call(harness, "GET", path_of(id, rest), NULL, NULL);
    ck_assert_int_eq(content.status, 200);
    return content.body;
}

START_TEST(out_and_in_and_out_again)
{
    reopen("[history: {}, generate: {llm: a, tools: [desk]}]");
    pb_script(harness, "a", PB_STEP_TEXT("So: "), PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "a", PB_STEP_THINKING("hm"), PB_STEP_TEXT("n\xc3\xb6\xc3\xb6n \"\\"),
              PB_STEP_USAGE(12, 4), PB_STEP_STOP);
    const char *id = begin("what\ntime");
    pb_script(harness, "a", PB_STEP_TEXT("half"), PB_STEP_FAIL(PB_UNAVAILABLE, "it broke"));
    (void)ask_in(id, "and now");
    pb_script(harness, "a", PB_STEP_TEXT("fine"), PB_STEP_STOP);
    call("POST", path_of(id, "/regenerate"), "{}", 200);
    call("PATCH", path_of(id, ""), "{\"tags\":[\"a\",\"b c\"],\"pinned\":true,\"title\":\"T\"}", 200);
    pb_str first = exported(id, "json");
    const pb_json *report = call("POST", "/v1/conversations/import", text_of(first), 200);
    ck_assert_str_eq(member(report, "imported"), "1");
    const char *copy = member(report, "items/0/id");
    ck_assert_str_ne(copy, id);
    ck_assert_str_eq(member(report, "items/0/messages"), "5");
    char *before = without_ids(first), *after = without_ids(exported(copy, "json"));
    ck_assert_str_eq(before, after);
    ck_assert_ptr_nonnull(strstr(before, "\"steps\""));
    ck_assert_ptr_nonnull(strstr(before, "\"superseded\":true"));
    ck_assert_ptr_nonnull(strstr(before, "it broke"));
    ck_assert_str_eq(without_ids(exported(id, "markdown")), without_ids(exported(copy, "markdown")));
    say(copy, "go on");
    ck_assert_str_eq(seen(), "user:what\ntime assistant:So: ! tool:noon assistant:n\xc3\xb6\xc3\xb6n "
                             "\"\\ user:and now assistant:fine user:go on");
}
END_TEST

START_TEST(markdown_is_for_people)
{
    pb_script(harness, "a", PB_STEP_TEXT("<b>Hello</b>"), PB_STEP_STOP);
    pb_script(harness, "a", PB_STEP_TEXT("hal"), PB_STEP_FAIL(PB_UNAVAILABLE, "x"));
    const char *id = begin("hi");
    (void)ask_in(id, "more");
    pb_str text = exported(id, "markdown");
    const char *all = text_of(text);
    ck_assert_ptr_eq(strstr(all, "# hi\n\n_p, "), all);
    ck_assert_ptr_nonnull(strstr(all, "\n## User\n\nhi\n\n## Assistant (scripted-1)\n\n"
                                      "<b>Hello</b>\n\n## User\n\nmore\n"));
    ck_assert_ptr_nonnull(strstr(all, "hal\n\n_failed_\n"));
}
END_TEST

START_TEST(what_is_not_sound_is_reported)
{
    const pb_json *report =
        call("POST", "/v1/conversations/import",
             "[{\"title\":\"good\",\"messages\":[{\"role\":\"user\",\"text\":\"hi\"}]},"
             "{\"title\":\"bad\",\"messages\":[{\"role\":\"king\",\"text\":\"hi\"}]},"
             "{\"title\":\"none\"},"
             "{\"title\":\"also good\",\"pipeline\":\"q\",\"messages\":[]}]",
             200);
    ck_assert_str_eq(member(report, "imported"), "2");
    ck_assert_ptr_nonnull(member(report, "items/0/id"));
    ck_assert_ptr_nonnull(strstr(member(report, "items/1/error"), "role"));
    ck_assert_ptr_null(member(report, "items/1/id"));
    ck_assert_ptr_nonnull(member(report, "items/2/error"));
    const pb_json *page = call("GET", "/v1/conversations", NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "conversations")->count, 2);
    call("POST", "/v1/conversations/import", "{\"conversations\":1}", 400);
    call("POST", "/v1/conversations/import", "[}", 400);
    call("POST", "/v1/conversations/import", NULL, 400);
}
END_TEST

/* --- ChatGPT's ------------------------------------------------------------------------------------- */

#define NODE(id, parent, children, message)                                                        \
    "\"" id "\":{\"id\":\"" id "\",\"parent\":" parent ",\"children\":[" children "],\"message\":"     \
    message "}"
#define SAID(role, time, parts, more)                                                              \
    "{\"author\":{\"role\":\"" role "\",\"name\":null,\"metadata\":{}},\"create_time\":" time          \
    ",\"content\":{\"content_type\":\"text\",\"parts\":[" parts "]},\"status\":"                      \
    "\"finished_successfully\",\"recipient\":\"all\"" more "}"

static const char chatgpt[] =
    "[{\"title\":\"Birds\",\"create_time\":1706745600.5,\"update_time\":1706745900.25,"
    "\"conversation_id\":\"x\",\"is_archived\":false,\"current_node\":\"n6\",\"mapping\":{"
    NODE("root", "null", "\"sys\"", "null") ","
    NODE("sys", "\"root\"", "\"n1\"", SAID("system", "null", "\"\"", "")) ","
    NODE("n1", "\"sys\"", "\"n2\",\"n3\"", SAID("user", "1706745601.0", "\"What flies?\"", "")) ","
    NODE("n2", "\"n1\"", "", SAID("assistant", "1706745602.0", "\"Planes.\"", "")) ","
    NODE("n3", "\"n1\"", "\"t1\"",
         "{\"author\":{\"role\":\"assistant\"},\"create_time\":1706745603.0,\"content\":"
         "{\"content_type\":\"code\",\"language\":\"python\",\"text\":\"1+1\"},\"recipient\":"
         "\"python\"}") ","
    NODE("t1", "\"n3\"", "\"n4\"",
         "{\"author\":{\"role\":\"tool\",\"name\":\"python\"},\"content\":{\"content_type\":"
         "\"execution_output\",\"text\":\"2\"},\"recipient\":\"all\"}") ","
    NODE("n4", "\"t1\"", "\"h1\"",
         SAID("assistant", "1706745604.123", "\"Birds.\"",
              ",\"metadata\":{\"model_slug\":\"gpt-4o\"}")) ","
    NODE("h1", "\"n4\"", "\"n5\"",
         SAID("user", "1706745605.0", "\"secret\"",
              ",\"metadata\":{\"is_visually_hidden_from_conversation\":true}")) ","
    NODE("n5", "\"h1\"", "\"n6\"",
         "{\"author\":{\"role\":\"user\"},\"create_time\":1706745606.0,\"content\":{\"content_type\":"
         "\"multimodal_text\",\"parts\":[{\"content_type\":\"image_asset_pointer\",\"asset_pointer\":"
         "\"file-service://x\"},\"And this?\"]},\"recipient\":\"all\"}") ","
    NODE("n6", "\"n5\"", "", SAID("assistant", "1706745607.0", "\"A kite.\"", ""))
    "}},"
    "{\"title\":\"Round\",\"current_node\":\"a\",\"mapping\":{"
    NODE("a", "\"b\"", "\"b\"", "null") "," NODE("b", "\"a\"", "\"a\"", "null") "}},"
    "{\"title\":\"Lost\",\"current_node\":\"gone\",\"mapping\":{" NODE("a", "null", "", "null") "}},"
    "{\"title\":\"No end told\",\"create_time\":1706745600,\"mapping\":{"
    NODE("r", "null", "\"a\",\"b\"", "null") ","
    NODE("a", "\"r\"", "", SAID("user", "1", "\"old\"", "")) ","
    NODE("b", "\"r\"", "", SAID("user", "2", "\"new\"", "")) "}}]";

START_TEST(chatgpts_export_is_taken_in)
{
    const pb_json *report = call("POST", "/v1/conversations/import", chatgpt, 200);
    ck_assert_str_eq(member(report, "imported"), "2");
    ck_assert_str_eq(member(report, "items/0/title"), "Birds");
    ck_assert_str_eq(member(report, "items/0/messages"), "4");
    ck_assert_str_eq(member(report, "items/0/skipped"), "4");
    ck_assert_ptr_nonnull(strstr(member(report, "items/1/error"), "circle"));
    ck_assert_ptr_nonnull(strstr(member(report, "items/2/error"), "current_node"));
    ck_assert_str_eq(stored(), "user:What flies? assistant:Birds. user:[image]\n\nAnd this? "
                               "assistant:A kite. user:new");
    const char *id = member(report, "items/0/id");
    const pb_json *about = call("GET", path_of(id, ""), NULL, 200);
    ck_assert_str_eq(member(about, "created"), "2024-02-01T00:00:00.500Z");
    ck_assert_str_eq(member(about, "updated"), "2024-02-01T00:05:00.250Z");
    const pb_json *page = call("GET", path_of(id, "/messages"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/1/model"), "gpt-4o");
    ck_assert_str_eq(member(page, "messages/1/created"), "2024-02-01T00:00:04.123Z");
    say(id, "Thanks");
    ck_assert_str_eq(seen(), "user:What flies? assistant:Birds. user:[image]\n\nAnd this? "
                             "assistant:A kite. user:Thanks");
}
END_TEST

START_TEST(an_import_names_the_pipeline_that_goes_on)
{
    const pb_json *report = call("POST", "/v1/conversations/import",
                                 "{\"pipeline\":\"q\",\"conversations\":[{\"messages\":[{\"role\":"
                                 "\"user\",\"text\":\"hi\"}]}]}",
                                 200);
    const char *id = member(report, "items/0/id");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "pipeline"), "q");
    call("POST", path_of(id, "/regenerate"), "{}", 200);
    say(id, "by another");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "pipeline"), "p");
}
END_TEST

/* --- two processes ---------------------------------------------------------------------------------- */

enum { ROUNDS = 20 };

/* Says something in the conversation until it was answered so often; a refusal is tried again. */
static int argue(const char *id, const char *stages)
{
    int refused = 0;

    open_stages(stages);
    pb_harness_virtual_time(harness, false);
    for (int said = 0; said < ROUNDS;) {
        const pb_outcome *reply = ask_in(id, "me");
        if (reply->status == PB_OK)
            said++;
        else if (reply->status == PB_CONFLICT)
            refused++;
        else
            _exit(100);
    }
    close_harness();
    return refused;
}

static void argue_in_two(const char *stages)
{
    int status = 0;
    const char *id = begin("hi");

    close_harness();
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)argue(id, stages);
        _exit(0);
    }
    (void)argue(id, stages);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ended with %x", status);
    open_stages(PLAIN);
    ck_assert_int_eq(number("SELECT count(*) FROM messages"), 2 + 4 * ROUNDS);
    ck_assert_int_eq(number("SELECT count(*) FROM messages WHERE status <> 0"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM messages AS u JOIN messages AS a ON a.seq = u.seq "
                            "+ 1 AND a.turn = u.turn WHERE u.role = 1 AND a.role = 2"),
                     1 + 2 * ROUNDS); /* nobody spoke in between */
    nothing_is_held();
}

START_TEST(two_workers_never_speak_at_once)
{
    argue_in_two(PLAIN);
}
END_TEST

START_TEST(two_workers_wait_for_one_another)
{
    argue_in_two("[history: {queue: true}, generate: {llm: a}]");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_fork_goes_its_own_way,
                                  a_fork_of_all,
                                  a_long_one_is_copied_in_pieces,
                                  out_and_in_and_out_again,
                                  markdown_is_for_people,
                                  what_is_not_sound_is_reported,
                                  chatgpts_export_is_taken_in,
                                  an_import_names_the_pipeline_that_goes_on,
                                  two_workers_never_speak_at_once,
                                  two_workers_wait_for_one_another,
                                  NULL};
    return suite_run_cases("carry",
                           (TCase *const[]){suite_case("carry", before, after, tests), NULL});
}
