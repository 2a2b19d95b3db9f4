/* Operations as tools, pipelines as tools: turns with progress and cancellation. */
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

/* --- tools --------------------------------------------------------------------------------- */

START_TEST(tools_are_listed_by_scope)
{
    const char *heard = call("tools/list", NULL);

    has(heard,
        "{\"name\":\"ask_support\",\"title\":\"Ask support\",\"description\":\"Answers about "
        "the product.\",\"inputSchema\":{\"type\":\"object\"");
    has(heard,
        "\"name\":\"notes_get\",\"title\":\"One note\",\"description\":\"One note.\\n\\nMore "
        "about it.\"");
    has(heard, "\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,"
               "\"openWorldHint\":false");
    has(heard, "\"name\":\"notes_delete\"");
    has(heard, "\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":true");
    has(heard, "\"outputSchema\":{\"type\":\"object\"");
    has_not(heard, "notes_secret");
    has_not(heard, "notes_upload");
    has_not(heard, "notes_either");
    has_not(heard, "Picture");
    has(heard, "\"inputSchema\":{\"type\":\"object\",\"title\":\"Free\"}");
    has_not(heard, "documents_events");
    has_not(heard, "\"mcp_post\"");
    has_not(heard, "health");
    has_not(heard, "\"turns_");
    has_not(heard, "as an earlier answer named it");
    begin("2024-11-05");
    heard = call("tools/list", NULL);
    has(heard, "\"name\":\"notes_get\",\"description\"");
    has_not(heard, "annotations");
    has_not(heard, "outputSchema");
    begin_as("2025-11-25", &bert);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
    said.principal = &bert;
    heard = say(&said, 200);
    has(heard, "documents_get");
    has(heard, "notes_image");
    has_not(heard, "notes_get");
    has_not(heard, "ask_support");
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
                "\"notes_get\",\"arguments\":{\"id\":\"a\"}}}";
    has(say(&said, 200), "-32602");
}
END_TEST

START_TEST(tools_are_called)
{
    has(call("tools/call", "{\"name\":\"notes_get\",\"arguments\":{\"id\":\"a\",\"count\":3}}"),
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
        "\"{\\\"id\\\":\\\"a\\\",\\\"text\\\":\\\"hello\\\",\\\"count\\\":3}\"}],"
        "\"structuredContent\":{\"id\":\"a\",\"text\":\"hello\",\"count\":3},\"isError\":false}}");
    has(call("tools/call", "{\"name\":\"notes_delete\",\"arguments\":{\"id\":\"a\"}}"),
        "\"text\":\"done\"}],\"isError\":false");
    has(call("tools/call", "{\"name\":\"notes_image\"}"),
        "{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AP8A/wD/\"}");
    begin("2025-03-26");
    has_not(call("tools/call", "{\"name\":\"notes_get\",\"arguments\":{\"id\":\"a\"}}"),
            "structuredContent");
}
END_TEST

START_TEST(what_a_tool_fails_with_is_a_result)
{
    const char *heard =
        call("tools/call", "{\"name\":\"notes_get\",\"arguments\":{\"id\":\"gone\"}}");

    has(heard, "{\"type\":\"text\",\"text\":\"there is no such note\"}");
    has(heard, "\"isError\":true");
    heard = call("tools/call", "{\"name\":\"notes_get\",\"arguments\":{\"count\":9,\"wrong\":1}}");
    has(heard, "/count: ");
    has(heard, "/wrong: ");
    has(heard, "\"isError\":true");
    heard = call("tools/call", "{\"name\":\"notes_long\"}");
    has(heard, "longer than 65536 bytes");
    has(heard, "\"isError\":true");
}
END_TEST

/* --- turns --------------------------------------------------------------------------------- */

#define ASK(id, meta)                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":"           \
    "\"ask_support\",\"arguments\":{\"message\":\"Hi\"}" meta "}}"
#define TOKEN ",\"_meta\":{\"progressToken\":\"p\"}"

START_TEST(a_pipeline_answers)
{
    pb_script(harness, "main", PB_STEP_TEXT("Hello "), PB_STEP_TEXT("you."), PB_STEP_USAGE(10, 2),
              PB_STEP_STOP);
    const char *heard = post(ASK("1", ""));

    ck_assert_str_eq(said.kind, "text/event-stream");
    ck_assert_ptr_eq(
        strstr(heard, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"), heard);
    has(heard, "\"content\":[{\"type\":\"text\",\"text\":\"Hello you.\"}]");
    has(heard, "\"structuredContent\":{\"turn\":\"");
    has(heard, "\"conversation\":null,\"text\":\"Hello you.\",\"finish\":\"stop\",\"sources\":[]");
    has(heard, "\"input_tokens\":10");
    has(heard, "\"isError\":false}}\n\n");
    has_not(heard, "notifications/");
    ck_text(
        pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0), "messages/0/content")),
        "Hi");
}
END_TEST

START_TEST(sources_are_links_to_documents)
{
    const char *ask = "{\"name\":\"ask_cited\",\"arguments\":{\"message\":\"Hi\"},\"_meta\":{"
                      "\"progressToken\":[]}}";
    const char *heard = call("tools/call", ask);

    ck_assert_uint_eq(times(heard,
                            "{\"type\":\"resource_link\",\"uri\":\"patchbay://documents/d1\","
                            "\"name\":\"a.md\"}"),
                      1);
    ck_assert_uint_eq(times(heard, "\"document_id\":\"d1\""), 2);
    has_not(heard, "notifications/");
    begin("2025-03-26");
    has_not(call("tools/call", ask), "resource_link");
}
END_TEST

START_TEST(progress_is_told_as_text_comes)
{
    pb_script(harness, "main", PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("one "),
              PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("two "), PB_STEP_TEXT("three "),
              PB_STEP_TEXT("four "), PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("five"), PB_STEP_STOP);
    const char *heard = post(ASK("1", TOKEN));

    has(heard, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
               "\"progressToken\":\"p\",\"progress\":1,\"message\":\"generate\"}}");
    has(heard, "\"progress\":2,\"message\":\"one \"}");
    has(heard, "\"progress\":3,\"message\":\"one two \"}");
    has(heard, "\"progress\":4,\"message\":\"one two three four five\"}");
    has_not(heard, "\"progress\":5");
    has(heard, "\"id\":1,\"result\"");
}
END_TEST

START_TEST(stages_are_logged_when_asked_for)
{
    (void)call("logging/setLevel", "{\"level\":\"debug\"}");
    const char *heard = post(ASK("1", ""));
    has(heard, "\"method\":\"notifications/message\",\"params\":{\"level\":\"debug\",\"logger\":"
               "\"support\",\"data\":{\"stage\":\"generate\",\"state\":\"begin\"}}");
    (void)call("logging/setLevel", "{\"level\":\"error\"}");
    has_not(post(ASK("1", "")), "notifications/message");
}
END_TEST

START_TEST(a_turn_that_fails_is_a_result)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "the model is away"));
    const char *heard = post(ASK("1", ""));
    has(heard, "the model is away");
    has(heard, "\"isError\":true");
    has(call("tools/call", "{\"name\":\"ask_support\"}"), "'message' must be a text");
    has(call("tools/call", "{\"name\":\"ask_support\",\"arguments\":{\"message\":\"\"}}"),
        "'message' must be a text");
    has(call("tools/call", "{\"name\":\"ask_support\",\"arguments\":{\"message\":\"a\",\"x\":1}}"),
        "'x' is no argument");
    has(call("tools/call",
             "{\"name\":\"ask_support\",\"arguments\":{\"message\":\"a\",\"variables\":1}}"),
        "'variables' must be an object");
    ck_assert_str_eq(said.kind, "text/event-stream");
}
END_TEST

static struct say cancelling;

static pb_status ask_and_cancel(void *arg)
{
    pb_task *task;

    (void)arg;
    memset(&said, 0, offsetof(struct say, heard));
    memset(&cancelling, 0, offsetof(struct say, heard));
    said.body = ASK("\"req-1\"", TOKEN);
    cancelling.body = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
                      "\"requestId\":\"req-1\",\"reason\":\"enough\"}}";
    ck_assert_int_eq(pb_spawn(say_it, &said, &task), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_OK);
    ck_assert_int_eq(say_it(&cancelling), PB_OK);
    return pb_join(task);
}

START_TEST(a_request_is_cancelled)
{
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_HANG);
    ck_assert_int_eq(pb_harness_run(harness, ask_and_cancel, NULL, NULL), PB_OK);
    ck_assert_int_eq(cancelling.status, 202);
    ck_assert_int_eq(said.end, PB_OK);
    has(said.heard, "\"message\":\"so far\"");
    has_not(said.heard, "\"result\"");
    has_not(said.heard, "\"error\"");
}
END_TEST

static pb_status ask_and_cancel_turn(void *arg)
{
    pb_task *task;

    (void)arg;
    memset(&said, 0, offsetof(struct say, heard));
    said.body = ASK("1", "");
    ck_assert_int_eq(pb_spawn(say_it, &said, &task), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_OK);
    const pb_operation *operation;
    pb_operation_match match = {.size = sizeof match};
    pb_content content = {.size = sizeof content};
    const pb_principal whole = {
        .size = sizeof whole, .id = anna.id, .tenant = anna.tenant, .name = anna.name};
    pb_call list = {.size = sizeof list, .principal = &whole, .match = &match};
    const pb_json *json;
    ck_assert_int_eq(pb_operation_route(pb_lit("GET"), pb_lit("/v1/turns"), &operation, &match),
                     PB_OK);
    ck_assert_int_eq(pb_operation_call(operation, &list, &content), PB_OK);
    ck_assert_int_eq(pb_json_parse(content.body, &json), PB_OK);
    pb_str id = pb_json_text(pb_json_path(json, "turns/0/id"));
    ck_assert_uint_eq(id.size, 36);
    ck_assert_int_eq(pb_turn_cancel(id, &anna), PB_OK);
    return pb_join(task);
}

START_TEST(a_turn_that_others_cancel_is_told)
{
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_HANG);
    ck_assert_int_eq(pb_harness_run(harness, ask_and_cancel_turn, NULL, NULL), PB_OK);
    has(said.heard, "\"isError\":true");
    has(said.heard, "cancelled");
}
END_TEST

START_TEST(a_client_that_leaves_ends_its_turn)
{
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_HANG);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = ASK("1", TOKEN);
    said.leave_at = 2;
    (void)say(&said, 200);
    ck_assert_int_eq(said.end, PB_CANCELLED);
    has_not(said.heard, "\"result\"");
}
END_TEST

/* --- pages --------------------------------------------------------------------------------- */

static void open_small(void)
{
    open_with(CONFIG("pipelines: [support], page: 2, tools: {allow: [\"notes.*\"], deny: "
                     "[notes.long]}, prompts: {a: {template: a}, b: {template: b}, c: {template: c}}"));
}

/* The names of all pages, one behind the other. */
static void walk(const char *method, const char *wanted)
{
    char names[256] = "", params[64] = "{}";
    size_t pages = 0;

    for (bool more = true; more; pages++) {
        const char *at = call(method, params), *next = strstr(at, "\"nextCursor\":\"");
        ck_assert_uint_le(times(at, "{\"name\":\""), 2);
        while ((at = strstr(at, "{\"name\":\""))) {
            at += strlen("{\"name\":\"");
            (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s ",
                           (int)strcspn(at, "\""), at);
        }
        more = next != NULL;
        if (more)
            (void)snprintf(params, sizeof params, "{\"cursor\":\"%.*s\"}",
                           (int)strcspn(next + 14, "\""), next + 14);
    }
    ck_assert_str_eq(names, wanted);
    ck_assert_uint_gt(pages, 1);
}

START_TEST(lists_have_pages)
{
    walk("tools/list", "ask_support notes_get notes_delete notes_image notes_free ");
    walk("prompts/list", "a b c ");
    has(call("tools/list", "{\"cursor\":\"99999\"}"), "\"tools\":[]");
}
END_TEST

int main(void)
{
    TCase *all = suite_case(
        "all", open_all, end,
        (const TTest *const[]){
            tools_are_listed_by_scope, tools_are_called, what_a_tool_fails_with_is_a_result,
            a_pipeline_answers, sources_are_links_to_documents, progress_is_told_as_text_comes,
            stages_are_logged_when_asked_for, a_turn_that_fails_is_a_result, a_request_is_cancelled,
            a_turn_that_others_cancel_is_told, a_client_that_leaves_ends_its_turn, NULL});
    TCase *small =
        suite_case("small", open_small, end, (const TTest *const[]){lists_have_pages, NULL});

    return suite_run_cases("mcp tools", (TCase *const[]){all, small, NULL});
}
