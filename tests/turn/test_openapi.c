/* The OpenAPI document, the page made from it, and the pages of problems. */
#include "probe.h"

static const char yaml[] = "services: {one: {use: notes}}\n"
                           "pipelines: {p: {stages: [{probe: {act: a}}]}}\n";

static pb_harness *harness_new(void)
{
    return pb_harness_new(yaml, &patchbay_plugin_probe);
}

static const char *body_of(pb_harness *harness, const char *path)
{
    pb_content content = pb_harness_call(harness, "GET", path, NULL, NULL);

    ck_assert_int_eq(content.status, 200);
    return content.body.data;
}

static void has(const char *text, const char *words)
{
    ck_assert_msg(strstr(text, words) != NULL, "no '%s' in: %s", words, text);
}

START_TEST(path_query_and_body_are_told_apart)
{
    pb_harness *harness = harness_new();
    const char *text = body_of(harness, "/openapi.json");

    has(text, "\"openapi\":\"3.1.0\"");
    has(text, "\"/v1/notes/{id}\":{\"get\":{\"operationId\":\"notes.get\"");
    has(text, "{\"name\":\"id\",\"in\":\"path\"");
    has(text, "{\"name\":\"count\",\"in\":\"query\"");
    has(text, "\"requestBody\":{\"required\":");
    has(text, "{\"$ref\":\"#/components/schemas/NotesPutRequest\"}");
    has(text, "\"x-scope\":\"notes.read\"");
    const char *body = strstr(text, "\"NotesPutRequest\":{");
    ck_assert_ptr_nonnull(body);
    has(body, "\"count\"");
    const char *end = strstr(body, "\"additionalProperties\"");
    ck_assert_msg(!strstr(body, "\"id\":") || strstr(body, "\"id\":") > end, "the path's id is in the body");
    pb_harness_free(harness);
}
END_TEST

START_TEST(what_get_answers_is_named_after_its_noun)
{
    pb_harness *harness = harness_new();
    const char *text = body_of(harness, "/openapi.json");

    has(text, "\"Note\":{\"type\":\"object\",\"properties\":{\"text\"");
    has(text, "\"required\":[\"tags\"]"); /* text may be absent */
    ck_assert_ptr_null(strstr(text, "NotesGetResponse"));
    pb_harness_free(harness);
}
END_TEST

START_TEST(schemas_that_are_written_out_bring_their_parts)
{
    pb_harness *harness = harness_new();
    const char *text = body_of(harness, "/openapi.json");

    has(text, "\"TurnExplained\":{");
    has(text, "\"TurnSpan\":{");
    has(text, "{\"$ref\":\"#/components/schemas/TurnSpan\"}");
    ck_assert_ptr_null(strstr(text, "$defs"));
    pb_harness_free(harness);
}
END_TEST

START_TEST(the_page_shows_each_operation)
{
    pb_harness *harness = harness_new();
    pb_content page = pb_harness_call(harness, "GET", "/docs", NULL, NULL);

    ck_assert_int_eq(page.status, 200);
    has(page.body.data, "<article id=\"notes.put\"");
    has(page.body.data, "<article data-find=\"Note\" id=\"schema-Note\"");
    has(page.body.data, "/v1/notes/ID");
    pb_harness_free(harness);
}
END_TEST

START_TEST(every_kind_of_problem_has_a_page)
{
    pb_harness *harness = harness_new();

    for (pb_status kind = PB_DECLINED; kind <= PB_STATUS_LAST; kind++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/problems/%s", pb_status_name(kind));
        const char *text = body_of(harness, path);
        has(text, "\"meaning\":\"");
        ck_assert_msg(!strstr(text, "\"meaning\":\"\"") && !strstr(text, "\"remedy\":\"\""),
                      "%s is not explained", path);
    }
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {path_query_and_body_are_told_apart,
                                what_get_answers_is_named_after_its_noun,
                                schemas_that_are_written_out_bring_their_parts,
                                the_page_shows_each_operation,
                                every_kind_of_problem_has_a_page,
                                NULL};
    return probe_main("openapi", all);
}
