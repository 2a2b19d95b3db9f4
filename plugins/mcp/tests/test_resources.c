/* Documents as resources, what is told of their changes, prompts. */
#include "kit.h"

static void open_all(void)
{
    open_with(CONFIG(
        "pipelines: [support, cited], max_content: 64KiB, tools: {deny: [\"turns.*\", "
        "\"pipelines.*\"]}, "
        "instructions: Ask away., prompts: {review: {title: Review, description: Looks at code., "
        "arguments: [{name: code, description: The code., required: true}, {name: language, "
        "values: "
        "[C, C++, Python]}], template: \"Review this {{ language }} code:\\n{{code}}\"}}"));
}

/* --- resources ----------------------------------------------------------------------------- */

START_TEST(documents_are_resources)
{
    const char *heard = call("resources/list", NULL);

    has(heard,
        "{\"uri\":\"patchbay://documents/d1\",\"name\":\"a.md\",\"title\":\"A\",\"mimeType\":"
        "\"text/markdown\",\"size\":3,\"annotations\":{\"lastModified\":"
        "\"2026-01-02T03:04:05.000Z\"}}");
    has(heard, "\"nextCursor\":\"2\"");
    heard = call("resources/list", "{\"cursor\":\"2\"}");
    has(heard, "patchbay://documents/d2");
    has_not(heard, "nextCursor");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/d1\"}"),
        "\"contents\":[{\"uri\":\"patchbay://documents/d1\",\"mimeType\":\"text/"
        "markdown\",\"text\":"
        "\"# A\"}]");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/d2\"}"),
        "\"mimeType\":\"image/png\",\"blob\":\"AP8A/wD/\"");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/d3\"}"), "-32002");
    has(call("resources/templates/list", NULL), "patchbay://documents/{id}");
}
END_TEST

START_TEST(changes_are_told)
{
    has(call("resources/subscribe", "{\"uri\":\"patchbay://documents/d1\"}"), "\"result\":{}");
    has(call("resources/subscribe", "{\"uri\":\"patchbay://documents/d2\"}"), "\"result\":{}");
    has(call("resources/unsubscribe", "{\"uri\":\"patchbay://documents/d2\"}"), "\"result\":{}");
    has(call("resources/subscribe", "{\"uri\":\"patchbay://documents/d3\"}"), "-32002");
    memset(&said, 0, offsetof(struct say, heard));
    said.method = "GET";
    const char *heard = say(&said, 200);
    ck_assert_str_eq(said.kind, "text/event-stream");
    ck_assert_uint_eq(times(heard, "notifications/resources/list_changed"), 3);
    ck_assert_uint_eq(times(heard, "notifications/resources/updated"), 2);
    has(heard, "{\"uri\":\"patchbay://documents/d1\"}");
    has_not(heard, "\"id\"");
}
END_TEST

static struct say ending;

static pb_status listen_and_end(void *arg)
{
    pb_task *task;

    (void)arg;
    memset(&said, 0, offsetof(struct say, heard));
    memset(&ending, 0, offsetof(struct say, heard));
    said.method = "GET";
    ending.method = "DELETE";
    ck_assert_int_eq(pb_spawn(say_it, &said, &task), PB_OK);
    ck_assert_int_eq(pb_sleep(1500 * PB_MILLISECOND), PB_OK);
    ck_assert_int_eq(say_it(&ending), PB_OK);
    return pb_join(task);
}

START_TEST(the_stream_ends_with_its_session)
{
    ck_assert_int_eq(pb_harness_run(harness, listen_and_end, NULL, NULL), PB_OK);
    ck_assert_int_eq(said.end, PB_OK);
    ck_assert_uint_eq(times(said.heard, "list_changed"), 1);
}
END_TEST

static void open_bare(void)
{
    harness =
        pb_harness_new("llms: {main: {use: scripted}}\ncaches: {shared: {use: memory}}\n"
                       "services: {mcp: {}}\n"
                       "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                       &patchbay_plugin_generate, &patchbay_plugin_mcp, &patchbay_plugin_memory);
    begin("2025-11-25");
}

START_TEST(without_documents_there_are_no_resources)
{
    has_not(said.heard, "resources");
    has(call("resources/list", NULL), "-32601");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/d1\"}"), "-32601");
    has(call("resources/templates/list", NULL), "-32601");
    has(call("resources/subscribe", "{\"uri\":\"patchbay://documents/d1\"}"), "-32601");
    memset(&said, 0, offsetof(struct say, heard));
    said.method = "GET";
    (void)say(&said, 405);
    ck_assert_str_eq(said.allow, "POST, DELETE, OPTIONS");
    has_not(call("tools/list", NULL), "ask_");
}
END_TEST

START_TEST(documents_that_are_not_offered)
{
    open_with(CONFIG("documents: false"));
    has_not(said.heard, "resources");
    has(call("resources/list", NULL), "-32601");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/d1\"}"), "-32601");
    has(call("tools/list", NULL), "documents_get"); /* the operations are still there */
    end();
}
END_TEST

/* --- prompts ------------------------------------------------------------------------------- */

START_TEST(prompts_are_filled_in)
{
    const char *heard = call("prompts/list", NULL);

    has(heard, "{\"name\":\"review\",\"title\":\"Review\",\"description\":\"Looks at code.\","
               "\"arguments\":[{\"name\":\"code\",\"description\":\"The code.\",\"required\":true},"
               "{\"name\":\"language\",\"required\":false}]}");
    has(call("prompts/get", "{\"name\":\"review\",\"arguments\":{\"code\":\"{{language}}\"}}"),
        "{\"description\":\"Looks at "
        "code.\",\"messages\":[{\"role\":\"user\",\"content\":{\"type\":"
        "\"text\",\"text\":\"Review this  code:\\n{{language}}\"}}]}");
    has(call("prompts/get",
             "{\"name\":\"review\",\"arguments\":{\"code\":\"x\",\"language\":\"C\"}}"),
        "Review this C code:\\nx");
    has(call("prompts/get", "{\"name\":\"review\"}"), "'code' is needed");
    has(call("prompts/get", "{\"name\":\"review\",\"arguments\":{\"code\":7}}"), "must be a text");
    has(call("prompts/get", "{\"name\":\"review\",\"arguments\":{\"x\":\"7\"}}"),
        "no argument 'x'");
}
END_TEST

START_TEST(arguments_are_completed)
{
#define COMPLETE(name, value)                                                                      \
    "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"review\"},\"argument\":{\"name\":\"" name        \
    "\",\"value\":\"" value "\"}}"
    has(call("completion/complete", COMPLETE("language", "c")),
        "{\"completion\":{\"values\":[\"C\",\"C++\"],\"total\":2,\"hasMore\":false}}");
    has(call("completion/complete", COMPLETE("code", "")), "\"values\":[]");
    has(call("completion/complete", COMPLETE("nope", "")), "-32602");
    has(call("completion/complete",
             "{\"ref\":{\"type\":\"ref/resource\",\"uri\":\"x\"},\"argument\":{\"name\":\"id\","
             "\"value\":\"\"}}"),
        "\"values\":[]");
}
END_TEST

int main(void)
{
    TCase *all =
        suite_case("all", open_all, end,
                   (const TTest *const[]){documents_are_resources, changes_are_told,
                                          the_stream_ends_with_its_session, prompts_are_filled_in,
                                          arguments_are_completed, NULL});
    TCase *bare =
        suite_case("bare", open_bare, end,
                   (const TTest *const[]){without_documents_there_are_no_resources, NULL});
    TCase *configured = suite_case("configured", NULL, NULL,
                                   (const TTest *const[]){documents_that_are_not_offered, NULL});

    return suite_run_cases("mcp resources", (TCase *const[]){all, bare, configured, NULL});
}
