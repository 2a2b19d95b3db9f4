/* Headers, sessions, versions and messages: what is taken and what is refused, and how. */
#include "kit.h"

static void open_plain(void)
{
    open_with(CONFIG("pipelines: [support], instructions: Ask away., origins: "
                     "[\"https://app.example.com\"]"));
}

/* --- the beginning ------------------------------------------------------------------------- */

START_TEST(versions_are_negotiated)
{
    static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

    for (size_t i = 0; i < 4; i++) {
        char member[64];
        begin(versions[i]);
        (void)snprintf(member, sizeof member, "\"protocolVersion\":\"%s\"", versions[i]);
        has(said.heard, member);
        ck_assert_uint_eq(strlen(said.begun), 32);
    }
    begin("1999-01-01");
    has(said.heard, "\"protocolVersion\":\"2025-11-25\"");
    has(said.heard, "\"serverInfo\":{\"name\":\"patchbay\"");
    has(said.heard, "\"instructions\":\"Ask away.\"");
    has(said.heard, "\"tools\":{");
    has(said.heard, "\"resources\":{\"subscribe\":true");
    has(said.heard, "\"logging\":{}");
    has_not(said.heard, "\"prompts\"");
    begin_as("2025-11-25", &bert); /* it may not read documents */
    has(said.heard, "\"resources\":{");
}
END_TEST

START_TEST(initialize_wants_a_version)
{
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}";
    said.id = "";
    has(say(&said, 200), "-32602");
    ck_assert_str_eq(said.begun, "");
}
END_TEST

START_TEST(sessions_belong_to_their_principal_and_end)
{
    struct say *end_it = &said;

    has(call("ping", NULL), "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}");
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    said.principal = &bert;
    has(say(&said, 404), "-32001");
    said.principal = &anna;
    said.id = "";
    has(say(&said, 400), "Mcp-Session-Id");
    said.id = "00000000000000000000000000000000";
    has(say(&said, 404), "-32001");
    said.id = "no session";
    has(say(&said, 404), "-32001");
    memset(&said, 0, offsetof(struct say, heard));
    end_it->method = "DELETE";
    (void)say(end_it, 204);
    (void)say(end_it, 404);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    has(say(&said, 404), "there is no such session");
}
END_TEST

START_TEST(sessions_expire)
{
    pb_harness_advance(harness, 25 * 3600 * PB_SECOND);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    (void)pb_harness_run(harness, say_it, &said, NULL);
    ck_assert_int_eq(said.status, 404);
}
END_TEST

START_TEST(sessions_last_as_long_as_configured)
{
    open_with(CONFIG("session: 1h"));
    pb_harness_advance(harness, 1800 * PB_SECOND);
    has(call("ping", NULL), "\"result\":{}");
    pb_harness_advance(harness, 3600 * PB_SECOND);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
    (void)say(&said, 404);
    end();
}
END_TEST

/* --- headers ------------------------------------------------------------------------------- */

START_TEST(headers_are_checked)
{
    static const struct {
        struct say say;
        int32_t status;
    } * at, cases[] = {
                {{.accept = "application/json"}, 406},
                {{.accept = "text/event-stream"}, 406},
                {{.accept = "text/html"}, 406},
                {{.accept = "*/*"}, 200},
                {{.accept = ""}, 200},
                {{.accept = "application/*;q=0.5, text/event-stream"}, 200},
                {{.version = "2025-11-25"}, 200},
                {{.version = "2024-11-05"}, 200},
                {{.version = "2026-07-28"}, 400},
                {{.version = "x"}, 400},
                {{.origin = "http://127.0.0.1:8080"}, 200},
                {{.origin = "https://app.example.com"}, 200},
                {{.origin = "https://evil.example.com"}, 403},
                {{.origin = "null"}, 403},
                {{.type = "text/plain"}, 415},
                {{.type = "application/json; charset=utf-8"}, 200},
            };

    for (at = cases; at < cases + sizeof cases / sizeof *cases; at++) {
        memset(&said, 0, offsetof(struct say, heard));
        memcpy(&said, &at->say, offsetof(struct say, heard));
        said.body = "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}";
        has(say(&said, at->status), at->status == 200 ? "\"result\":{}" : "-32000");
        ck_assert_str_eq(said.kind, "application/json");
    }
    memset(&said, 0, offsetof(struct say, heard));
    said.method = "GET";
    said.accept = "application/json";
    has(say(&said, 406), "text/event-stream");
    said.method = "DELETE";
    said.origin = "https://evil.example.com";
    (void)say(&said, 403);
}
END_TEST

/* --- messages ------------------------------------------------------------------------------ */

START_TEST(malformed_messages_are_refused)
{
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"", "-32700"},
        {"{", "-32700"},
        {"nonsense", "-32700"},
        {"{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "-32700"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "-32700"},
        {"7", "-32600"},
        {"null", "-32600"},
        {"\"ping\"", "-32600"},
        {"{}", "-32600"},
        {"{\"id\":1,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", "-32600"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[1]}", "-32600"},
        {"[]", "-32600"},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", "-32600"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&said, 0, offsetof(struct say, heard));
        said.body = cases[i].body;
        has(say(&said, 400), cases[i].code);
        has(said.heard, "\"id\":null");
    }
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    char deep[400];

    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    memset(&said, 0, offsetof(struct say, heard));
    said.body = deep;
    has(say(&said, 400), "-32700");
}
END_TEST

START_TEST(methods_fail_by_the_book)
{
    has(call("nothing/here", NULL), "\"id\":7,\"error\":{\"code\":-32601");
    has(call("tools/call", NULL), "-32602");
    has(call("tools/call", "{\"name\":7}"), "-32602");
    has(call("tools/call", "{\"name\":\"nope\"}"), "there is no tool 'nope'");
    has(call("tools/call", "{\"name\":\"notes_get\",\"arguments\":7}"), "-32602");
    has(call("tools/list", "{\"cursor\":\"x\"}"), "-32602");
    has(call("tools/list", "{\"cursor\":7}"), "-32602");
    has(call("tools/list", "{\"cursor\":\"\"}"), "-32602");
    has(call("prompts/list", NULL), "-32601");
    has(call("prompts/get", "{\"name\":\"x\"}"), "-32602");
    has(call("resources/read", "{\"uri\":\"file:///etc/passwd\"}"), "-32002");
    has(call("resources/read", "{\"uri\":\"patchbay://documents/\"}"), "-32002");
    has(call("resources/read", "{}"), "-32602");
    has(call("resources/list", "{\"cursor\":\"x\"}"), "-32602");
    has(call("logging/setLevel", "{\"level\":\"loud\"}"), "-32602");
    has(call("logging/setLevel", "{\"level\":\"debug\"}"), "\"result\":{}");
    has(call("completion/complete", "{}"), "-32602");
    has(post("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}"), "\"id\":\"a\"");
    has(post("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}"), "\"id\":1.5");
}
END_TEST

START_TEST(notifications_and_responses_have_no_answer)
{
    static const char *const bodies[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unheard\",\"params\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-1,\"message\":\"no\"}}",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        memset(&said, 0, offsetof(struct say, heard));
        said.body = bodies[i];
        ck_assert_str_eq(say(&said, 202), "");
    }
    said.id = "";
    (void)say(&said, 400);
}
END_TEST

START_TEST(batches_are_of_one_version)
{
    begin("2025-03-26");
    const char *heard = post("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},"
                             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"},"
                             "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"nope\"},7,"
                             "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"initialize\"},"
                             "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":{"
                             "\"name\":\"ask_support\",\"arguments\":{\"message\":\"Hi\"}}}]");
    ck_assert_uint_eq(times(heard, "\"jsonrpc\""), 5);
    has(heard, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},");
    has(heard, "\"id\":2,\"error\":{\"code\":-32601");
    has(heard, "\"id\":null,\"error\":{\"code\":-32600");
    has(heard, "\"id\":3,\"error\":{\"code\":-32600");
    has(heard, "\"id\":4,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]");
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}]";
    ck_assert_str_eq(say(&said, 202), "");
    said.body = "[]";
    has(say(&said, 400), "-32600");
}
END_TEST

START_TEST(without_its_cache_nothing_is_served)
{
    harness = pb_harness_open("llms: {main: {use: scripted}}\n"
                              "caches: {far: {use: away}, near: {use: memory}}\n"
                              "services: {mcp: {cache: far}}\n"
                              "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                              plugins, NULL);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                "\"protocolVersion\":\"2025-11-25\"}}";
    has(say(&said, 503), "{\"code\":-32603,\"message\":\"nobody is at home\"}");
    said.body = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}";
    said.id = "00000000000000000000000000000000";
    has(say(&said, 503), "nobody is at home");
    said.method = "DELETE";
    has(say(&said, 503), "nobody is at home");
    end();
}
END_TEST

/* --- configurations ------------------------------------------------------------------------ */

START_TEST(bad_configurations_are_refused)
{
    pb_harness_refuse(
        CONFIG("tools: {allow: [\"a*b\"], deny: [\"\"]}, origins: [here], prompts: {p: {template: "
               "\"{{x}}\"}, q: {template: \"{{\"}, r: {template: a, arguments: [{name: n}, {name: "
               "n}]}}"),
        plugins,
        (const char *const[]){"services.mcp.tools.allow[0]", "services.mcp.tools.deny[0]",
                              "names 'x', which is none", "has '{{' without '}}'", "is there twice",
                              "services.mcp.origins[0]", NULL});
    pb_harness_refuse("llms: {main: {use: scripted}}\nservices: {mcp: {pipelines: [nope]}}\n"
                      "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                      plugins, (const char *const[]){"cache", "nope", NULL});
}
END_TEST

int main(void)
{
    TCase *plain = suite_case(
        "plain", open_plain, end,
        (const TTest *const[]){
            versions_are_negotiated, initialize_wants_a_version,
            sessions_belong_to_their_principal_and_end, sessions_expire, headers_are_checked,
            malformed_messages_are_refused, deep_nesting_is_refused, methods_fail_by_the_book,
            notifications_and_responses_have_no_answer, batches_are_of_one_version, NULL});
    TCase *configured =
        suite_case("configured", NULL, NULL,
                   (const TTest *const[]){bad_configurations_are_refused,
                                          sessions_last_as_long_as_configured,
                                          without_its_cache_nothing_is_served, NULL});

    return suite_run_cases("mcp protocol", (TCase *const[]){plain, configured, NULL});
}
