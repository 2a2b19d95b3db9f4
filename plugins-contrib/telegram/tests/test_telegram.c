/* Updates become turns and turns become messages, against a Bot API of the test's own. */
#include "api.h"

#include <sys/stat.h>

extern const pb_plugin patchbay_plugin_telegram;

static pb_harness *harness;
static char log_path[300];

#define FROM(user, chat)                                                                           \
    "\"message_id\":5,\"from\":{\"id\":" user ",\"is_bot\":false,\"first_name\":\"Ann\","           \
    "\"language_code\":\"en\"},\"chat\":{\"id\":" chat ",\"type\":\"private\"},"
#define TEXT(words) FROM("7", "7") "\"text\":\"" words "\""

static void open_with(const char *options, const char *stages)
{
    static char yaml[2000];

    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite}}\n"
                   "llms: {main: {use: scripted}}\n"
                   "pipelines: {p: {stages: [%sgenerate: {llm: main}]}}\n"
                   "transports: {bot: {use: telegram, token: '77:token', database: main, pipeline: p,\n"
                   "  base_url: 'http://127.0.0.1:%d', edit_every: 20ms, %s}}\n",
                   stages, api.port, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_telegram);
    pb_harness_virtual_time(harness, false); /* sockets take real time */
    (void)snprintf(log_path, sizeof log_path, "%s/log", getenv("TMPDIR"));
    pb_harness_log(PB_DEBUG, log_path);
}

static void begin(void)
{
    api_start();
    open_with("users: [7], chats: [-500]", "");
}

static void end(void)
{
    if (harness)
        pb_harness_free(harness);
    harness = NULL;
    api_stop();
}

START_TEST(an_update_is_answered)
{
    pb_script(harness, "main", PB_STEP_TEXT("Push "), PB_STEP_TEXT("the door."), PB_STEP_STOP);
    api_push(TEXT("How does it open?"));
    const char *poll = api_await(harness, "getUpdates", "\"offset\":2,");
    ck_assert_ptr_nonnull(strstr(poll, "\"allowed_updates\":[\"message\"]"));
    ck_assert_ptr_nonnull(strstr(poll, "\"timeout\":50"));
    /* However the pieces came together, the last one shows all. */
    if (!api_count("sendMessage", "Push the door."))
        api_await(harness, api_count("sendMessage", "\"text\":\"Push\"") ? "editMessageText" : "sendMessage",
                  "\"text\":\"Push the door.\"");
    ck_assert_int_eq(api_count("sendMessage", "\"chat_id\":7"), 1);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    ck_text(pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0), "messages/0/content")),
            "How does it open?");
}
END_TEST

START_TEST(a_reply_grows)
{
    pb_script(harness, "main", PB_STEP_WAIT(100 * PB_MILLISECOND), PB_STEP_TEXT("First"), PB_STEP_WAIT(300 * PB_MILLISECOND),
              PB_STEP_TEXT(" second"), PB_STEP_WAIT(300 * PB_MILLISECOND), PB_STEP_TEXT(" third."),
              PB_STEP_STOP);
    api_push(TEXT("Count"));
    api_await(harness, "sendChatAction", "\"action\":\"typing\"");
    api_await(harness, "sendMessage", "\"text\":\"First");
    const char *last = api_await(harness, "editMessageText", "\"text\":\"First second third.\"");
    ck_assert_ptr_nonnull(strstr(last, "\"message_id\":1"));
    ck_assert_int_eq(api_count("sendMessage", ""), 1);
}
END_TEST

START_TEST(chats_are_answered_side_by_side_and_each_in_order)
{
    pb_script(harness, "main", PB_STEP_TEXT("slowly"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_TEXT("for the group"), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_TEXT("in its turn"), PB_STEP_STOP);
    api_hold("\"chat_id\":7");
    api_push(TEXT("one"));
    api_await(harness, "sendMessage", "slowly");
    api_push(TEXT("after it"));
    api_push("\"message_id\":9,\"from\":{\"id\":8},\"chat\":{\"id\":-500,\"type\":\"supergroup\"},"
             "\"message_thread_id\":3,\"is_topic_message\":true,\"text\":\"Hello\"");
    const char *sent = api_await(harness, "sendMessage", "for the group");
    ck_assert_ptr_nonnull(strstr(sent, "\"chat_id\":-500,\"message_thread_id\":3"));
    ck_assert_ptr_nonnull(strstr(sent, "\"reply_parameters\":{\"message_id\":9"));
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 2); /* "after it" waits */
    api_hold(NULL);
    api_await(harness, "sendMessage", "in its turn");
    ck_assert_int_eq(api_count("sendMessage", "slowly"), 1);
}
END_TEST

START_TEST(who_is_not_listed_gets_no_answer)
{
    api_push(FROM("8", "8") "\"text\":\"Hello\"");
    api_push("\"message_id\":9,\"from\":{\"id\":7,\"is_bot\":true},\"chat\":{\"id\":7},\"text\":\"x\"");
    api_push(TEXT("/help"));
    api_await(harness, "sendMessage", "\"chat_id\":7");
    ck_assert_int_eq(api_count("sendMessage", "\"chat_id\":8"), 0);
    ck_assert_int_eq(api_count("sendMessage", ""), 1);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 0);
}
END_TEST

START_TEST(commands_and_what_is_no_text)
{
    api_push(TEXT("/start"));
    api_await(harness, "sendMessage", "Hello! Ask me something.");
    api_push(TEXT("/new@OUR_bot please"));
    api_await(harness, "sendMessage", "A new conversation begins.");
    api_push(TEXT("/start@other_bot"));
    api_push(FROM("7", "7") "\"voice\":{\"file_id\":\"x\"}");
    api_await(harness, "sendMessage", "I understand text only.");
    ck_assert_int_eq(api_count("sendMessage", ""), 3);
    api_push(FROM("7", "7") "\"photo\":[],\"caption\":\"What is this?\"");
    api_await(harness, "sendMessage", "\"text\":\"ok\"");
    api_push(TEXT("/unknown words"));
    api_await_nth(harness, "sendMessage", "\"text\":\"ok\"", 1);
    ck_text(pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 1), "messages/0/content")),
            "/unknown words");
}
END_TEST

START_TEST(a_failure_is_told)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_RATE_LIMITED, "the model is busy"));
    pb_script(harness, "main", PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_FAIL(PB_UNAVAILABLE, "it broke off"));
    api_push(TEXT("one"));
    api_await(harness, "sendMessage", "That did not work: the model is busy");
    api_push(TEXT("two"));
    api_await(harness, "sendMessage", "There is nothing to say to that.");
    api_push(TEXT("three"));
    api_await(harness, "sendMessage", "\"text\":\"half\"");
    api_await(harness, "sendMessage", "That did not work: it broke off");
}
END_TEST

START_TEST(a_long_reply_is_cut_between_paragraphs)
{
    static char text[12000], part[4200];

    memset(text, 'a', 3000);
    memset(text + 3000, '\n', 2);
    memset(text + 3002, 'b', 3000);
    memset(text + 6002, ' ', 1);
    memset(text + 6003, 'c', 4097);
    pb_script(harness, "main", PB_STEP_TEXT(text), PB_STEP_STOP);
    api_push(TEXT("long"));
    (void)snprintf(part, sizeof part, "\"text\":\"%.3000s\"", text);
    api_await(harness, "sendMessage", part);
    (void)snprintf(part, sizeof part, "\"text\":\"%.3000s\"", text + 3002);
    api_await(harness, "sendMessage", part);
    (void)snprintf(part, sizeof part, "\"text\":\"%.4096s\"", text + 6003);
    api_await(harness, "sendMessage", part);
    api_await(harness, "sendMessage", "\"text\":\"c\"");
    ck_assert_int_eq(api_count("sendMessage", ""), 4);
}
END_TEST

START_TEST(limits_of_telegram_are_kept)
{
    pb_script(harness, "main", PB_STEP_TEXT("patience"), PB_STEP_STOP);
    api_fail("sendMessage", 1, "429 Too Many Requests",
             "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 1\","
             "\"parameters\":{\"retry_after\":1}}");
    pb_duration from = pb_monotonic();
    api_push(TEXT("one"));
    api_await_nth(harness, "sendMessage", "patience", 1);
    ck_assert_int_ge(pb_monotonic() - from, PB_SECOND - 10 * PB_MILLISECOND);
    api_fail("sendMessage", 1, "502 Bad Gateway", "<html>no JSON</html>");
    api_push(TEXT("/help"));
    api_await_nth(harness, "sendMessage", "Ask me something", 1);
    api_fail("sendMessage", 1, "403 Forbidden",
             "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}");
    api_push(TEXT("/help"));
    api_push(TEXT("/new"));
    api_await(harness, "sendMessage", "A new conversation");
    ck_assert_int_eq(api_count("sendMessage", "Ask me something"), 3);
}
END_TEST

START_TEST(a_poll_that_fails_is_tried_again)
{
    api_fail("getUpdates", 1, "500 Internal Server Error", "{\"ok\":false}");
    api_push(TEXT("/help"));
    api_await(harness, "sendMessage", "Ask me something");
    ck_assert_int_ge(api_count("getUpdates", ""), 2);
}
END_TEST

/* --- what stays ---------------------------------------------------------------------------------- */

struct rows {
    pb_str sql;
    int64_t values[4];
    size_t count;
};

static pb_status query(void *arg)
{
    struct rows *rows = arg;
    pb_rows out;
    pb_status status = pb_db_query(pb_harness_instance(harness, "database", "main"), rows->sql, NULL, 0,
                                   &out);

    rows->count = status == PB_OK ? out.count : 0;
    for (size_t i = 0; i < out.columns && i < 4 && rows->count; i++)
        rows->values[i] = pb_cell(&out, 0, i)->integer;
    return status;
}

static struct rows rows_of(const char *sql)
{
    struct rows rows = {.sql = pb_str_of(sql)};
    pb_str sentence = {0};

    ck_assert_msg(pb_harness_run(harness, query, &rows, &sentence) == PB_OK, "%.*s", PB_ARG(sentence));
    return rows;
}

/* Others work on while it looks, until there are `count` rows. */
static pb_status until_rows(void *arg)
{
    struct rows *rows = arg;
    size_t wanted = rows->count;
    pb_status status;

    do {
        status = query(rows);
        if (status == PB_OK && rows->count != wanted)
            status = pb_sleep(PB_MILLISECOND);
    } while (status == PB_OK && rows->count != wanted);
    return status;
}

static void await_rows(const char *sql, size_t count)
{
    struct rows rows = {.sql = pb_str_of(sql), .count = count};

    ck_assert_int_eq(pb_harness_run(harness, until_rows, &rows, NULL), PB_OK);
}

START_TEST(nothing_waits_when_all_is_answered)
{
    api_push(TEXT("one"));
    api_push(TEXT("two"));
    api_await_nth(harness, "sendMessage", "\"text\":\"ok\"", 1);
    api_await(harness, "getUpdates", "\"offset\":3,");
    await_rows("SELECT update_id FROM telegram_inbox", 0); /* the last row goes after its reply */
    ck_assert_int_eq(rows_of("SELECT next FROM telegram_bots WHERE bot = '77'").values[0], 3);
}
END_TEST

START_TEST(a_conversation_goes_on_until_new)
{
    pb_harness_free(harness);
    open_with("users: [7], stream: false", "history: {}, ");
    api_push(TEXT("first"));
    api_await(harness, "sendMessage", "\"text\":\"ok\"");
    api_push(TEXT("second"));
    api_await_nth(harness, "sendMessage", "\"text\":\"ok\"", 1);
    ck_assert_uint_eq(pb_json_path(pb_scripted_request(harness, "main", 1), "messages")->count, 3);
    api_push(TEXT("/new"));
    api_await(harness, "sendMessage", "A new conversation");
    api_push(TEXT("third"));
    api_await_nth(harness, "sendMessage", "\"text\":\"ok\"", 2);
    ck_assert_uint_eq(pb_json_path(pb_scripted_request(harness, "main", 2), "messages")->count, 1);
    /* Removed by somebody: a new one. */
    await_rows("SELECT chat FROM telegram_conversations", 1);
    rows_of("UPDATE telegram_conversations SET conversation = '0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44'");
    api_push(TEXT("fourth"));
    api_await_nth(harness, "sendMessage", "\"text\":\"ok\"", 3);
    ck_assert_int_eq(api_count("sendMessage", "did not work"), 0);
}
END_TEST

START_TEST(the_token_is_in_no_log)
{
    static char text[1 << 20];

    api_fail("getUpdates", 1, "409 Conflict",
             "{\"ok\":false,\"description\":\"Conflict: terminated by other getUpdates request; 77:token\"}");
    api_push(TEXT("secret words"));
    api_await(harness, "sendMessage", "\"text\":\"ok\"");
    api_fail("sendMessage", 1, "400 Bad Request", "{\"ok\":false,\"description\":\"no /bot77:token\"}");
    api_push(TEXT("/help"));
    api_push(TEXT("/new"));
    api_await(harness, "sendMessage", "A new conversation");
    pb_harness_free(harness);
    harness = NULL;
    FILE *file = fopen(log_path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ptr_nonnull(strstr(text, "no updates: another program polls this bot"));
    ck_assert_ptr_null(strstr(text, "77:token"));
    ck_assert_ptr_null(strstr(text, "secret words"));
}
END_TEST

START_TEST(wrong_options_have_sentences)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_telegram, NULL};

    pb_harness_refuse("databases: {main: {use: sqlite}}\n"
                      "llms: {main: {use: scripted}}\n"
                      "pipelines: {p: {stages: [generate: {llm: main}]}}\n"
                      "transports: {bot: {use: telegram, token: '77/token', database: main, pipeline: p}}\n",
                      plugins,
                      (const char *const[]){"is no token of a bot", "nobody may ask", NULL});
}
END_TEST

int main(void)
{
    const TTest *const chats[] = {an_update_is_answered,
                                  a_reply_grows,
                                  chats_are_answered_side_by_side_and_each_in_order,
                                  who_is_not_listed_gets_no_answer,
                                  commands_and_what_is_no_text,
                                  a_failure_is_told,
                                  a_long_reply_is_cut_between_paragraphs,
                                  NULL};
    const TTest *const trouble[] = {limits_of_telegram_are_kept, a_poll_that_fails_is_tried_again,
                                    nothing_waits_when_all_is_answered,
                                    a_conversation_goes_on_until_new, the_token_is_in_no_log, NULL};
    const TTest *const options[] = {wrong_options_have_sentences, NULL};

    return suite_run_cases("telegram",
                           (TCase *const[]){suite_case("chats", begin, end, chats),
                                            suite_case("trouble", begin, end, trouble),
                                            suite_case("options", NULL, NULL, options), NULL});
}
