/* Documents from upload to removal: versions, duplicates, forms, labels, lists, bulk calls. */
#include "kit.h"

START_TEST(what_is_uploaded_is_found)
{
    const pb_json *document = send_as(NULL, "name=a.md&tags=x,y&metadata=%7B%22year%22%3A2024%7D",
                                      "# Zebras\n\nZebras have stripes.\n", 201);
    const char *id = member(document, "id");
    ck_assert_str_eq(member(document, "type"), "text/markdown");
    ck_assert_str_eq(member(document, "collection"), "documents");
    ck_assert_str_eq(settle(id), "ready");
    document = call("GET", path_of(id, ""), NULL, 200);
    ck_assert_int_ge(number(document, "chunks"), 1);
    ck_assert_int_gt(number(document, "tokens"), 0);
    ck_assert_int_eq(number(document, "ready_version"), 1);
    ck_assert_str_eq(member(document, "tags/1"), "y");
    ck_assert_str_eq(member(document, "owner"), "tester");
    ck_assert_str_eq(found("stripes"), "a.md ");
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"stripes zebras\"}"), "a.md ");
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"stripes\",\"filter\":{\"year\":{\"gt\":2023}}}"),
                     "a.md ");
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"stripes\",\"filter\":{\"year\":{\"gt\":2024}}}"),
                     "");
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"stripes\",\"filter\":{\"tags\":[\"y\",\"z\"]}}"),
                     "a.md ");
    call("POST", "/v1/knowledge/search", "{\"query\":\"x\",\"filter\":{\"a\":{\"over\":1}}}", 400);
    const pb_json *chunks = call("GET", path_of(id, "/chunks"), NULL, 200);
    ck_assert(pb_str_contains(pb_json_path(chunks, "chunks/0/text")->text, pb_lit("stripes")));
    pb_content content = pb_harness_call(harness, "GET", path_of(id, "/content"), NULL, NULL);
    ck_text(content.body, "# Zebras\n\nZebras have stripes.\n");
    pass_time(30 * PB_SECOND); /* how often it was found is written down */
    ck_assert_int_ge(number(call("GET", path_of(id, ""), NULL, 200), "retrievals"), 3);
    const pb_json *jobs = call("GET", "/v1/jobs", NULL, 200);
    ck_assert_str_eq(member(jobs, "jobs/0/state"), "done");
    ck_assert_str_eq(member(jobs, "jobs/0/document"), id);
}
END_TEST

START_TEST(the_same_bytes_are_there_once)
{
    const char *id = bring("name=a.txt", "all the same words");
    const pb_json *again = send_as(NULL, "name=b.txt", "all the same words", 200);
    ck_assert_str_eq(member(again, "id"), id);
    ck_assert(pb_json_bool(pb_json_get(again, "duplicate"), false));
    ck_assert_int_eq(files(), 1);
    (void)send_as(&other, "name=a.txt", "all the same words", 201); /* another's is another */
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_documents"), 2);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_blobs"), 0);
}
END_TEST

START_TEST(a_new_version_replaces_the_old_when_it_is_ready)
{
    const char *id = bring("name=a.txt", "about giraffes");
    trap.fail = 100;
    trap.status = PB_UNPROCESSABLE;
    const pb_json *next = send_as(NULL, "name=a.txt", "about walruses", 201);
    ck_assert_str_eq(member(next, "id"), id);
    ck_assert_int_eq(number(next, "version"), 2);
    ck_assert_str_eq(settle(id), "failed");
    ck_assert_str_eq(member(call("GET", path_of(id, ""), NULL, 200), "error"), "told to fail");
    ck_assert_str_eq(found("giraffes"), "a.txt "); /* still */
    trap.fail = 0;
    call("POST", path_of(id, "/reprocess"), NULL, 200);
    ck_assert_str_eq(settle(id), "ready");
    ck_assert_str_eq(found("giraffes"), "");
    ck_assert_str_eq(found("walruses"), "a.txt ");
    const pb_json *versions = call("GET", path_of(id, "/versions"), NULL, 200);
    ck_assert_int_eq(number(versions, "versions/0/version"), 2);
    ck_assert_int_eq(number(versions, "versions/1/version"), 1);
    ck_text(pb_harness_call(harness, "GET", path_of(id, "/content?version=1"), NULL, NULL).body,
            "about giraffes");
    call("GET", path_of(id, "/content?version=3"), NULL, 404);
}
END_TEST

static pb_content send_form(const char *form)
{
    return pb_harness_upload(harness, "/v1/documents", "multipart/form-data; boundary=xx",
                             pb_str_of(form), NULL);
}

#define PART(name, rest) "--xx\r\nContent-Disposition: form-data; name=\"" name "\"" rest "\r\n\r\n"

START_TEST(a_form_brings_several)
{
    const pb_json *list = answer(
        send_form(PART("file", "; filename=\"one.txt\"") "first words\r\n" PART(
            "tags", "") "[\"t\"]\r\n" PART("f2", "; filename=\"two.md\"\r\nContent-Type: "
                                                 "image/png") "# second\r\n" PART("access",
                                                                                  "") "owner\r\n--"
                                                                                      "xx--\r\n"),
        "form", 201);
    ck_assert_str_eq(member(list, "documents/0/name"), "one.txt");
    ck_assert_str_eq(member(list, "documents/1/type"), "text/markdown"); /* by content */
    ck_assert_str_eq(member(list, "documents/1/access/0"), "owner:tester");
    ck_assert_str_eq(member(list, "documents/1/tags/0"), "t");
    /* what cannot be read leaves nothing */
    answer(send_form(PART("file", "; filename=\"x.txt\"") "cut off"), "cut", 400);
    answer(send_form(
               PART("file", "; filename=\"x.txt\"") "abc\r\n" PART("colour", "") "red\r\n--xx--"),
           "field", 400);
    answer(send_form(PART("file", "; filename=\"x.txt\"") "abc\r\n" PART("access",
                                                                         "") "everybody\r\n--xx--"),
           "access", 400);
    answer(send_form(PART("file", "; filename=\"x.txt\"") "abc\r\n" PART("collection",
                                                                         "") "nowhere\r\n--xx--"),
           "collection", 404);
    answer(send_form(PART("file", "; filename=\"empty.txt\"") "\r\n--xx--"), "empty", 400);
    answer(send_form("--xx--"), "none", 400);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_documents"), 2);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_blobs"), 0);
    ck_assert_int_eq(files(), 2);
    send_as(NULL, "", "no name", 400);
}
END_TEST

START_TEST(others_find_what_they_may_see)
{
    const char *mine = bring("name=mine.txt&access=owner", "penguins for me");
    const char *staffs = bring("name=staff.txt&access=group:staff", "penguins for staff");
    const char *all = bring("name=all.txt", "penguins for all");
    ck_assert_str_eq(found_as(&other, "{\"query\":\"penguins\"}"), "all.txt ");
    ck_assert_int_eq((int)strlen(found_as(&staff, "{\"query\":\"penguins\"}")),
                     (int)strlen("all.txt staff.txt "));
    ck_assert_int_eq((int)strlen(found_as(&admin, "{\"query\":\"penguins\"}")),
                     (int)strlen("all.txt staff.txt mine.txt "));
    ck_assert_str_eq(found_as(&stranger, "{\"query\":\"penguins\"}"), "");
    call_as(&other, "GET", path_of(mine, ""), NULL, 404);
    call_as(&other, "GET", path_of(mine, "/content"), NULL, 404);
    call_as(&other, "GET", path_of(mine, "/chunks"), NULL, 404);
    call_as(&other, "DELETE", path_of(mine, ""), NULL, 404);
    call_as(&other, "DELETE", path_of(all, ""), NULL, 403);
    call_as(&stranger, "GET", path_of(all, ""), NULL, 404);
    call_as(&staff, "GET", path_of(staffs, ""), NULL, 200);
    ck_assert_uint_eq(
        pb_json_get(call_as(&other, "GET", "/v1/documents", NULL, 200), "documents")->count, 1);
    /* and from one moment to the next */
    call("PATCH", path_of(all, ""), "{\"access\":[\"owner\"],\"tags\":[\"new\"]}", 200);
    ck_assert_str_eq(found_as(&other, "{\"query\":\"penguins\"}"), "");
    call("PATCH", path_of(mine, ""), "{\"access\":[\"public\"]}", 200);
    ck_assert_str_eq(found_as(&other, "{\"query\":\"penguins\"}"), "mine.txt ");
    call("PATCH", path_of(mine, ""), "{\"access\":[\"anybody\"]}", 400);
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"penguins\",\"filter\":{\"$tags\":\"new\"}}"),
                     "all.txt ");
    call("POST", "/v1/documents/bulk", "{\"action\":\"delete\"}", 400);
}
END_TEST

START_TEST(what_is_deleted_is_gone)
{
    const char *id = bring("name=a.txt", "about otters");
    call("DELETE", path_of(id, ""), NULL, 204);
    ck_assert_str_eq(found("otters"), "");
    call("GET", path_of(id, ""), NULL, 404);
    call("DELETE", path_of(id, ""), NULL, 404);
    pass_time(10 * PB_SECOND);
    ck_assert_int_eq(files(), 0);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_versions"), 0);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs WHERE state < 2"), 0);
    (void)bring("name=a.txt", "about otters"); /* as if it had never been */
    ck_assert_str_eq(found("otters"), "a.txt ");
}
END_TEST

START_TEST(lists_and_bulk)
{
    char query[64], seen[64] = "", path[128] = "/v1/documents?limit=2";
    const char *cursor;

    for (int i = 0; i < 5; i++) {
        (void)snprintf(query, sizeof query, "name=%c.txt&tags=%s", 'a' + i, i % 2 ? "odd" : "even");
        (void)bring(query, query);
    }
    do {
        const pb_json *page = call("GET", path, NULL, 200);
        for (const pb_json *at = pb_json_get(page, "documents")->child; at; at = at->next)
            strncat(seen, member(at, "name"), 1);
        cursor = member(page, "next");
        (void)snprintf(path, sizeof path, "/v1/documents?limit=2&cursor=%s", cursor);
    } while (*cursor);
    ck_assert_str_eq(seen, "edcba");
    ck_assert_uint_eq(
        pb_json_get(call("GET", "/v1/documents?tag=odd", NULL, 200), "documents")->count, 2);
    ck_assert_uint_eq(
        pb_json_get(
            call("GET", "/v1/documents?name=C.T&state=ready&collection=documents", NULL, 200),
            "documents")
            ->count,
        1);
    call("GET", "/v1/documents?state=fine", NULL, 400);
    call("GET", "/v1/documents?cursor=x", NULL, 400);
    const char *odd = "{\"action\":\"delete\",\"filter\":{\"tag\":\"odd\"},\"dry_run\":true}";
    const pb_json *dry = call("POST", "/v1/documents/bulk", odd, 200);
    ck_assert_int_eq(number(dry, "matched"), 2);
    ck_assert_int_eq(number(dry, "changed"), 0);
    ck_assert_uint_eq(pb_json_get(dry, "ids")->count, 2);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_documents WHERE deleted IS NULL"), 5);
    ck_assert_int_eq(number(call_as(&other, "POST", "/v1/documents/bulk", odd, 200), "matched"), 0);
    call("POST", "/v1/documents/bulk",
         "{\"action\":\"tag\",\"filter\":{\"tag\":\"even\"},\"tags\":[\"two\",\"even\"]}", 200);
    ck_assert_uint_eq(
        pb_json_get(call("GET", "/v1/documents?tag=two", NULL, 200), "documents")->count, 3);
    ck_assert_int_eq(number(call("POST", "/v1/documents/bulk",
                                 "{\"action\":\"delete\",\"filter\":{\"tag\":\"odd\"}}", 200),
                            "changed"),
                     2);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_documents WHERE deleted IS NULL"), 3);
}
END_TEST

START_TEST(collections_come_and_go)
{
    call("POST", "/v1/collections", "{\"name\":\"own\",\"description\":\"mine\"}", 200);
    call("POST", "/v1/collections", "{\"name\":\"own\"}", 409);
    call("POST", "/v1/collections", "{\"name\":\"../x\"}", 400);
    call_as(&other, "GET", "/v1/collections/own", NULL, 404);
    const char *id = bring("name=a.txt&collection=own", "about badgers");
    ck_assert_str_eq(found_as(&other, "{\"query\":\"badgers\"}"), "");
    ck_assert_str_eq(found("badgers"), "a.txt ");
    const pb_json *own = call("GET", "/v1/collections/own", NULL, 200);
    ck_assert_int_eq(number(own, "documents/ready"), 1);
    ck_assert_str_eq(member(own, "model"), "hash/1");
    ck_assert_int_eq(number(own, "dimensions"), 64);
    call("PATCH", "/v1/collections/own", "{\"access\":[\"public\"]}", 200);
    call_as(&other, "GET", "/v1/collections/own", NULL, 200);
    send_as(&other, "name=b.txt&collection=own", "not here", 403);
    call("DELETE", "/v1/collections/documents", NULL, 403);
    call_as(&other, "DELETE", "/v1/collections/own", NULL, 403);
    call("DELETE", "/v1/collections/own", NULL, 204);
    call("GET", path_of(id, ""), NULL, 404);
    ck_assert_str_eq(found("badgers"), "");
    pass_time(10 * PB_SECOND);
    ck_assert_int_eq(files(), 0);
    call("POST", "/v1/collections", "{\"name\":\"own\"}", 200);
}
END_TEST

START_TEST(another_model_asks_for_a_new_index)
{
    (void)bring("name=a.txt", "about lynxes");
    model = "hash/2";
    reopen();
    const char *id = member(send_as(NULL, "name=b.txt", "about ravens", 201), "id");
    ck_assert_str_eq(settle(id), "failed");
    ck_assert(pb_str_contains(pb_json_get(call("GET", path_of(id, ""), NULL, 200), "error")->text,
                              pb_lit("collections.reindex")));
    ck_assert(pb_json_bool(
        pb_json_get(call("GET", "/v1/collections/documents", NULL, 200), "reindex"), false));
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"lynxes\"}"), "a.txt "); /* by its words */
    call("POST", "/v1/knowledge/search", "{\"query\":\"lynxes\",\"mode\":\"vector\"}", 409);
    call("POST", "/v1/collections/documents/reindex", NULL, 403);
    call_as(&admin, "POST", "/v1/collections/documents/reindex", NULL, 200);
    ck_assert_str_eq(settle(id), "ready");
    pass_time(10 * PB_SECOND);
    const pb_json *collection = call("GET", "/v1/collections/documents", NULL, 200);
    ck_assert_str_eq(member(collection, "model"), "hash/2");
    ck_assert_int_eq(number(collection, "documents/ready"), 2);
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"lynxes\",\"mode\":\"vector\",\"top_k\":1}"),
                     "a.txt ");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_is_uploaded_is_found,
                                  the_same_bytes_are_there_once,
                                  a_new_version_replaces_the_old_when_it_is_ready,
                                  a_form_brings_several,
                                  others_find_what_they_may_see,
                                  what_is_deleted_is_gone,
                                  lists_and_bulk,
                                  collections_come_and_go,
                                  another_model_asks_for_a_new_index,
                                  NULL};
    return suite_run_cases("documents",
                           (TCase *const[]){suite_case("documents", before, after, tests), NULL});
}
