/* The operations that list, search and change, and who may: everything with an id is not found by
 * others. */
#include "kit.h"

static size_t count_of(const pb_json *page)
{
    return pb_json_get(page, "conversations")->count;
}

static const char *title_at(const pb_json *page, size_t at)
{
    const char *title = member(pb_json_at(pb_json_get(page, "conversations"), at), "title");
    return title ? title : "";
}

/* --- lists ----------------------------------------------------------------------------------------- */

START_TEST(a_page_ends_where_the_next_begins)
{
    char titles[64] = "", path[128] = "/v1/conversations?limit=2";
    static const char *const words[] = {"a", "b", "c", "d", "e"};
    const char *cursor;

    for (int i = 0; i < 5; i++)
        (void)begin(words[i]);
    (void)sql("UPDATE conversations SET updated = 1000 WHERE id > 1"); /* four at once */
    (void)sql("UPDATE conversations SET updated = 2000 WHERE id = 1");
    do {
        const pb_json *page = call("GET", path, NULL, 200);
        for (size_t i = 0; i < count_of(page); i++)
            strcat(titles, title_at(page, i));
        if (strlen(titles) == 2)
            (void)begin("late"); /* the newest: repeats and hides nothing */
        cursor = member(page, "next");
        if (cursor)
            (void)snprintf(path, sizeof path, "/v1/conversations?limit=2&cursor=%s", cursor);
    } while (cursor);
    ck_assert_str_eq(titles, "aedcb");
    call("GET", "/v1/conversations?cursor=rubbish", NULL, 400);
    call("GET", "/v1/conversations?cursor=1.2x", NULL, 400);
    call("GET", "/v1/conversations?limit=0", NULL, 400);
}
END_TEST

START_TEST(filters)
{
    const char *a = begin("alpha"), *b = begin("beta"), *c = begin("gamma");
    call("PATCH", path_of(a, ""), "{\"tags\":[\"red\",\" blue \",\"red\"],\"pinned\":true}", 200);
    call("PATCH", path_of(b, ""), "{\"tags\":[\"blue\"],\"archived\":true}", 200);
    call("DELETE", path_of(c, ""), NULL, 204);
    const pb_json *page = call("GET", "/v1/conversations", NULL, 200);
    ck_assert_uint_eq(count_of(page), 1);
    ck_assert_str_eq(member(page, "conversations/0/tags/1"), "blue");
    ck_assert_uint_eq(pb_json_path(page, "conversations/0/tags")->count, 2);
    ck_assert_str_eq(title_at(call("GET", "/v1/conversations?pinned=true", NULL, 200), 0), "alpha");
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?pinned=false", NULL, 200)), 0);
    ck_assert_str_eq(title_at(call("GET", "/v1/conversations?archived=true", NULL, 200), 0), "beta");
    ck_assert_str_eq(title_at(call("GET", "/v1/conversations?deleted=true", NULL, 200), 0), "gamma");
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?tag=blue", NULL, 200)), 1);
    ck_assert_uint_eq(
        count_of(call("GET", "/v1/conversations?tag=blue&archived=true", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?tag=green", NULL, 200)), 0);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?pipeline=p", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?pipeline=q", NULL, 200)), 0);
    call("PATCH", path_of(a, ""), "{\"tags\":[],\"pinned\":false}", 200);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?tag=red", NULL, 200)), 0);
    call("PATCH", path_of(b, ""), "{\"archived\":false}", 200);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations", NULL, 200)), 2);
}
END_TEST

START_TEST(others_see_their_own)
{
    (void)begin("mine");
    ck_assert_uint_eq(count_of(call_as(&other, "GET", "/v1/conversations", NULL, 200)), 0);
    call_as(&other, "GET", "/v1/conversations?owner=tester", NULL, 403);
    ck_assert_uint_eq(
        count_of(call_as(&admin, "GET", "/v1/conversations?owner=tester", NULL, 200)), 1);
    ck_assert_uint_eq(
        count_of(call_as(&stranger, "GET", "/v1/conversations?owner=tester", NULL, 200)), 0);
}
END_TEST

START_TEST(search)
{
    const char *a = begin("The quick brown fox jumps over the lazy dog");
    const char *b = begin("Der Fuchs l\xc3\xa4uft \xc3\xbc" "ber die Br\xc3\xbc" "cke");
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=lazy", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=fox+quick", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=jum", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=quick+cat", NULL, 200)), 0);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=brucke", NULL, 200)), 1);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=ok", NULL, 200)), 2);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=%22fox%22)%20OR%20who", NULL, 200)),
                      0);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=brown%22fox", NULL, 200)), 1);
    call("GET", "/v1/conversations?q=%22%22", NULL, 400);
    call("GET", "/v1/conversations?q=", NULL, 400);
    ck_assert_uint_eq(count_of(call_as(&other, "GET", "/v1/conversations?q=fox", NULL, 200)), 0);
    ck_assert_uint_eq(
        count_of(call_as(&stranger, "GET", "/v1/conversations?q=fox", NULL, 200)), 0);
    pb_script(harness, "a", PB_STEP_TEXT("an answer about zebras"), PB_STEP_STOP);
    say(a, "and");
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=zebras", NULL, 200)), 1);
    char *rest = keep(100);
    (void)snprintf(rest, 100, "/messages/%s", message_id(a, 3));
    call("DELETE", path_of(a, rest), NULL, 204);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=zebras", NULL, 200)), 0);
    call("DELETE", path_of(b, ""), NULL, 204);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=fuchs", NULL, 200)), 0);
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=fuchs&deleted=true", NULL, 200)), 1);
}
END_TEST

START_TEST(the_index_is_brought_up_to_date_by_itself)
{
    (void)begin("hi");
    ck_assert_int_eq(number("SELECT max(id) - (SELECT upto FROM conversations_search) FROM messages"), 2);
    let_time_pass();
    ck_assert_int_eq(number("SELECT max(id) - (SELECT upto FROM conversations_search) FROM messages"), 0);
    (void)sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
              "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, status, "
              "created) SELECT 1, i + 2, randomblob(16), 'default', 'tester', 1, 'needle' || i, 0, "
              "1 FROM n");
    (void)sql("UPDATE conversations SET next_seq = 1003");
    ck_assert_uint_eq(count_of(call("GET", "/v1/conversations?q=needle999", NULL, 200)), 1);
    ck_assert_int_eq(number("SELECT max(id) - (SELECT upto FROM conversations_search) FROM messages"), 0);
}
END_TEST

/* --- messages -------------------------------------------------------------------------------------- */

START_TEST(messages_page_by_page)
{
    const char *id = begin("1");
    say(id, "2");
    say(id, "3");
    const pb_json *page = call("GET", path_of(id, "/messages?limit=4"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 4);
    ck_assert_str_eq(member(page, "next"), "4");
    page = call("GET", path_of(id, "/messages?limit=4&cursor=4"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 2);
    ck_assert_str_eq(member(page, "messages/0/text"), "3");
    ck_assert_ptr_null(member(page, "next"));
    page = call("GET", path_of(id, "/messages?limit=1&sort=-seq"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/0/seq"), "6");
    page = call("GET", path_of(id, "/messages?limit=3&sort=-seq&cursor=6"), NULL, 200);
    ck_assert_str_eq(member(page, "messages/0/text"), "3");
    ck_assert_str_eq(member(page, "next"), "3");
    char *rest = keep(100);
    (void)snprintf(rest, 100, "/messages/%s", message_id(id, 2));
    ck_assert_str_eq(member(call("GET", path_of(id, rest), NULL, 200), "text"), "2");
    call("DELETE", path_of(id, rest), NULL, 204);
    page = call("GET", path_of(id, "/messages"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 5);
    page = call("GET", path_of(id, "/messages?deleted=true"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 6);
    call("POST", path_of(id, "/regenerate"), "{}", 200);
    page = call("GET", path_of(id, "/messages?superseded=true"), NULL, 200);
    ck_assert_uint_eq(pb_json_get(page, "messages")->count, 6);
}
END_TEST

/* --- changes --------------------------------------------------------------------------------------- */

START_TEST(a_title_that_is_set_stays)
{
    const char *id = begin("first words");
    const pb_json *after = call("PATCH", path_of(id, ""), "{\"title\":\" Mine \"}", 200);
    ck_assert_str_eq(member(after, "title"), "Mine");
    say(id, "more");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "title"), "Mine");
    call("PATCH", path_of(id, ""), "{\"title\":\" \"}", 400);
    call("PATCH", path_of(id, ""), "{\"pinned\":1}", 400);
    call("PATCH", path_of(id, ""), "{\"tags\":\"red\"}", 400);
    call("PATCH", path_of(id, ""), "{\"tags\":[\"\"]}", 400);
    call("PATCH", path_of(id, ""), "{\"colour\":\"red\"}", 400);
    ck_assert_str_eq(member(call("PATCH", path_of(id, ""), "{}", 200), "title"), "Mine");
}
END_TEST

START_TEST(deleting_and_restoring)
{
    const char *id = begin("hi");
    call("DELETE", path_of(id, ""), NULL, 204);
    call("DELETE", path_of(id, ""), NULL, 204);
    call("GET", path_of(id, ""), NULL, 404);
    call("GET", path_of(id, "/messages"), NULL, 404);
    call("PATCH", path_of(id, ""), "{\"title\":\"x\"}", 404);
    ck_assert_str_eq(member(call("POST", path_of(id, "/restore"), NULL, 200), "title"), "hi");
    say(id, "again");
}
END_TEST

START_TEST(a_message_that_is_written_cannot_be_deleted)
{
    const char *id = begin("hi");
    (void)sql("UPDATE messages SET status = 1 WHERE seq = 2");
    char text[256];
    (void)snprintf(text, sizeof text, "UPDATE messages SET node = (SELECT '%.*s') WHERE seq = 2",
                   PB_ARG(pb_node_id()));
    (void)sql(text);
    char *rest = keep(100);
    (void)snprintf(rest, 100, "/messages/%s", message_id(id, 1));
    call("DELETE", path_of(id, rest), NULL, 409);
}
END_TEST

/* --- again ----------------------------------------------------------------------------------------- */

START_TEST(a_reply_made_again_is_answered_whole)
{
    const char *id = begin("one");
    pb_script(harness, "a", PB_STEP_TEXT("better"), PB_STEP_STOP);
    const pb_json *turn = call("POST", path_of(id, "/regenerate"), "{}", 200);
    ck_assert_str_eq(member(turn, "status"), "done");
    ck_assert_str_eq(member(turn, "message/text"), "better");
    ck_assert_str_eq(member(turn, "pipeline"), "p");
    ck_assert_str_eq(stored(), "user:one assistant:ok~ assistant:better");
    char body[128];
    (void)snprintf(body, sizeof body, "{\"message\":\"%s\"}", message_id(id, 0));
    call("POST", path_of(id, "/regenerate"), body, 200);
    call("POST", path_of(id, "/regenerate"), "{\"message\":\"none\"}", 400);
    char *rest = keep(100);
    (void)snprintf(rest, 100, "/messages/%s/edit", message_id(id, 0));
    turn = call("POST", path_of(id, rest), "{\"text\":\"uno\"}", 200);
    ck_assert_str_eq(member(turn, "message/text"), "better");
    ck_assert_str_eq(seen(), "user:uno");
    call("POST", path_of(id, rest), "{\"text\":\"  \"}", 400);
    call("POST", path_of(id, rest), "{\"text\":\"dos\"}", 409); /* replaced already */
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
    call("POST", path_of(id, "/regenerate"), "{}", 503);
    nothing_is_held();
}
END_TEST

START_TEST(without_its_pipeline_it_cannot_go_on)
{
    const char *id = begin("one");
    (void)sql("UPDATE conversations SET pipeline = 'old'");
    call("POST", path_of(id, "/regenerate"), "{}", 409);
}
END_TEST

/* --- who may --------------------------------------------------------------------------------------- */

/* The path of an operation with these ids; false: it takes none. */
static bool fill_path(const char *template, const char *id, const char *message, char *out)
{
    const char *brace = strchr(template, '{');

    *out = 0;
    for (; brace; brace = strchr(template, '{')) {
        const char *end = strchr(brace, '}') + 1;
        strncat(out, template, (size_t)(brace - template));
        strcat(out, strncmp(brace, "{id}", 4) == 0 ? id : message);
        template = end;
    }
    strcat(out, template);
    return strstr(out, id) != NULL;
}

static const char *body_of(const char *operation)
{
    if (strcmp(operation, "messages.edit") == 0)
        return "{\"text\":\"x\"}";
    return strcmp(operation, "conversations.update") == 0 ? "{\"title\":\"x\"}" : NULL;
}

static size_t check_all(const pb_principal *principal, const char *id, const char *message,
                        const char *method)
{
    const pb_operation *operation;
    size_t count = 0;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++) {
        char path[256];
        if (strncmp(operation->path, "/v1/conversations/", 18) != 0 ||
            (method && strcmp(operation->method, method) == 0) ||
            !fill_path(operation->path, id, message, path))
            continue;
        call_as(principal, operation->method, path, body_of(operation->id), 404);
        count++;
    }
    return count;
}

START_TEST(what_belongs_to_others_is_not_there)
{
    const char *id = begin("hi"), *message = message_id(id, 1);
    ck_assert_uint_ge(check_all(&other, id, message, NULL), 12);
    ck_assert_uint_ge(check_all(&stranger, id, message, NULL), 12); /* an administrator elsewhere */
    ck_assert_uint_ge(check_all(&admin, id, message, "GET"), 8);    /* may read, and only that */
    call_as(&admin, "GET", path_of(id, ""), NULL, 200);
    call_as(&admin, "GET", path_of(id, "/messages"), NULL, 200);
    call_as(&admin, "GET", path_of(id, "/export"), NULL, 200);
    ck_assert_uint_ge(check_all(NULL, "01890000-0000-7000-8000-000000000000", message, NULL), 12);
    ck_assert_uint_ge(check_all(NULL, "no-id", message, NULL), 12);
    ck_assert_str_eq(stored(), "user:hi assistant:ok");
    ck_assert_int_eq(number("SELECT count(*) FROM conversations WHERE title = 'hi'"), 1);
}
END_TEST

START_TEST(scopes_are_needed)
{
    static const pb_str scopes[] = {PB_LIT("conversations.read")};
    const pb_principal reader = {.size = sizeof reader,
                                 .id = PB_LIT("tester"),
                                 .tenant = PB_LIT("default"),
                                 .scopes = scopes,
                                 .scope_count = 1};
    const char *id = begin("hi");
    call_as(&reader, "GET", path_of(id, ""), NULL, 200);
    call_as(&reader, "DELETE", path_of(id, ""), NULL, 403);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_page_ends_where_the_next_begins,
                                  filters,
                                  others_see_their_own,
                                  search,
                                  the_index_is_brought_up_to_date_by_itself,
                                  messages_page_by_page,
                                  a_title_that_is_set_stays,
                                  deleting_and_restoring,
                                  a_message_that_is_written_cannot_be_deleted,
                                  a_reply_made_again_is_answered_whole,
                                  without_its_pipeline_it_cannot_go_on,
                                  what_belongs_to_others_is_not_there,
                                  scopes_are_needed,
                                  NULL};
    return suite_run_cases(
        "operations", (TCase *const[]){suite_case("operations", before, after, tests), NULL});
}
