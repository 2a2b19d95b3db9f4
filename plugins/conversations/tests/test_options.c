/* What the options of `conversations` and `history` change that no other test needs. */
#include "kit.h"

/* Both on the database `main`; there is a second one. */
static void open_options(const char *service, const char *history)
{
    char yaml[1200];

    close_harness();
    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s/t.db}, "
                   "second: {use: sqlite, path: %s/second.db}}\n"
                   "services: {chats: {use: conversations, %s}}\n"
                   "llms: {a: {use: scripted}}\n"
                   "pipelines: {p: {stages: [history: {%s}, generate: {llm: a}]}}\n",
                   folder, folder, service, history);
    harness = pb_harness_open(yaml, plugins, NULL);
}

/* What was said in the database of the last turn is there, and the service lists it or does not. */
static void ck_listed(size_t wanted)
{
    const pb_json *page = call("GET", "/v1/conversations", NULL, 200);

    ck_assert_uint_eq(pb_json_get(page, "conversations")->count, wanted);
}

START_TEST(each_has_its_database)
{
    open_options("database: second", "database: main");
    (void)begin("hi");
    ck_assert_int_eq(number("SELECT count(*) FROM messages"), 2); /* of main */
    ck_listed(0);
    open_options("database: main", "database: main");
    ck_listed(1);
    open_options("database: second", "database: second");
    (void)begin("one");
    (void)begin("two");
    ck_listed(2);
    ck_assert_int_eq(number("SELECT count(*) FROM messages"), 2);
}
END_TEST

/* Somebody else changes the text: who remembers does not see it. */
START_TEST(what_is_remembered_is_not_read)
{
    static const char *const histories[] = {"database: main", "database: main, remember: 0"};
    static const char *const wanted[] = {"user:one assistant:ok user:two",
                                         "user:other assistant:ok user:two"};

    for (int i = 0; i < 2; i++) {
        open_options("database: main", histories[i]);
        const char *id = begin("one");
        (void)sql("UPDATE messages SET text = 'other' WHERE text = 'one'");
        say(id, "two");
        ck_assert_str_eq(seen(), wanted[i]);
    }
}
END_TEST

START_TEST(the_index_follows_after_a_while)
{
    static const char upto[] = "SELECT upto FROM conversations_search";

    open_options("database: main, search_delay: 100s", "database: main");
    pb_harness_wait(harness, 10 * PB_SECOND); /* the first look is behind it */
    (void)begin("hi");
    pb_harness_wait(harness, 80 * PB_SECOND);
    ck_assert_int_eq(number(upto), 0);
    pb_harness_wait(harness, 20 * PB_SECOND);
    ck_assert_int_gt(number(upto), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_has_its_database, what_is_remembered_is_not_read,
                                  the_index_follows_after_a_while, NULL};
    return suite_run_cases("options",
                           (TCase *const[]){suite_case("options", before, after, tests), NULL});
}
