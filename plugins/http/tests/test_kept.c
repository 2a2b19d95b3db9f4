/* Turns that outlive their connection, over HTTP: Idempotency-Key, detach, streams that are
 * resumed. */
#include "client.h"
#include "suite.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_sqlite, patchbay_plugin_memory, patchbay_plugin_ratelimit;

static char folder[] = "/tmp/patchbay-test-XXXXXX";

static void begin(void)
{
    static char yaml[1024];

    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s/test.db}}\n"
                   "auth: {keys: {use: api-key, keys: [{name: one, key: 'secret-number-one-1'}, "
                   "{name: two, key: 'secret-number-two-2'}]}}\n" CONFIG(", auth: [keys]"),
                   folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_http, &patchbay_plugin_generate,
                             &patchbay_plugin_api_key, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(harness, false);
}

static void end(void)
{
    char command[128];

    unserve();
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

static const char *key_of_client = "secret-number-one-1";

static void send(const char *method, const char *path, const char *body, const char *name,
                 const char *value)
{
    char bearer[64];
    pb_header headers[3];
    uint32_t count = 0;

    (void)snprintf(bearer, sizeof bearer, "Bearer %s", key_of_client);
    headers[count++] = (pb_header){pb_lit("Authorization"), pb_str_of(bearer)};
    if (body)
        headers[count++] = (pb_header){pb_lit("Content-Type"), pb_lit("application/json")};
    if (name)
        headers[count++] = (pb_header){pb_str_of(name), pb_str_of(value)};
    ask_with(method, path, body, headers, count);
}

static void keyed(const char *path, const char *key, const char *body)
{
    send("POST", path, body, "Idempotency-Key", key);
}

static char first_body[1 << 16], turn[64];

static void remember(void)
{
    ck_assert_uint_lt(reply.size, sizeof first_body);
    strcpy(first_body, reply.body);
    (void)snprintf(turn, sizeof turn, "%s", header("x-patchbay-turn"));
}

static void events_after(const char *id)
{
    char path[128];

    (void)snprintf(path, sizeof path, "/v1/turns/%s/events", turn);
    send("GET", path, NULL, id ? "Last-Event-ID" : NULL, id);
}

/* --- keys ------------------------------------------------------------------------------------- */

#define HI "{\"message\":\"hi\"}"

START_TEST(the_same_answer)
{
    pb_script(harness, "main", PB_STEP_TEXT("first"), PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_TEXT("second"), PB_STEP_STOP);
    keyed("/v1/turns", "\"a key\"", HI);
    ck_assert_int_eq(reply.status, 200);
    ck_at("message/text", "first");
    ck_at("usage/output_tokens", "3");
    ck_at("id", header("x-patchbay-turn"));
    remember();
    keyed("/v1/turns", "\"a key\"", HI);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.body, first_body);
    ck_assert_str_eq(header("x-patchbay-turn"), turn);
    keyed("/v1/turns", "\"a key\"", "{\"message\":\"ho\"}");
    ck_assert_int_eq(reply.status, 422);
    ck_at("type", "/problems/unprocessable");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    keyed("/v1/turns", "another", HI);
    ck_at("message/text", "second");
}
END_TEST

START_TEST(the_same_failure)
{
    pb_script(harness, "main", PB_STEP_FAIL_RETRY(PB_UNAVAILABLE, 2 * PB_SECOND, "away"));
    keyed("/v1/turns", "k", HI);
    ck_assert_int_eq(reply.status, 503);
    ck_assert_str_eq(header("retry-after"), "2");
    ck_at("instance", header("x-request-id"));
    remember();
    keyed("/v1/turns", "k", HI);
    ck_assert_int_eq(reply.status, 503);
    ck_assert_str_eq(reply.body, first_body);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
}
END_TEST

START_TEST(the_same_chat_completion)
{
    static const char body[] =
        "{\"model\":\"support\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    static const char streamed[] = "{\"model\":\"support\",\"stream\":true,"
                                   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    pb_script(harness, "main", PB_STEP_TEXT("one"), PB_STEP_STOP);
    keyed("/v1/chat/completions", "k", body);
    ck_assert_int_eq(reply.status, 200);
    ck_at("choices/0/message/content", "one");
    remember();
    keyed("/v1/chat/completions", "k", body);
    ck_assert_str_eq(reply.body, first_body);
    keyed("/v1/turns", "k", HI); /* keys are the endpoint's */
    ck_assert_int_eq(reply.status, 200);
    keyed("/v1/chat/completions", "k", streamed);
    ck_assert_int_eq(reply.status, 422);
    ck_at("error/type", "invalid_request_error");
    keyed("/v1/chat/completions", "s", streamed);
    ck_assert_int_eq(reply.status, 200);
    remember();
    keyed("/v1/chat/completions", "s", streamed);
    ck_assert_str_eq(reply.body, first_body);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 3);
}
END_TEST

START_TEST(keys_are_the_clients_own)
{
    keyed("/v1/turns", "k", HI);
    remember();
    key_of_client = "secret-number-two-2";
    keyed("/v1/turns", "k", "{\"message\":\"ho\"}");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_ne(header("x-patchbay-turn"), turn);
    events_after(NULL);
    ck_assert_int_eq(reply.status, 404);
    ck_assert_str_eq(header("x-patchbay-turn"), "");
    key_of_client = "secret-number-one-1";
    events_after(NULL);
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

START_TEST(malformed_keys)
{
    static const char *const bad[] = {"\"open", "\"in\"side\"", "\"\\x\"", "\"\\\"",     "a b",
                                      "a,b",    "\"\"",         "a;p=1",   "caf\xc3\xa9"};
    static char longest[256], longer[257];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        keyed("/v1/turns", bad[i], HI);
        ck_assert_msg(reply.status == 400, "%s: %d", bad[i], reply.status);
    }
    memset(longest, 'k', 255);
    memset(longer, 'k', 256);
    keyed("/v1/turns", longer, HI);
    ck_assert_int_eq(reply.status, 400);
    keyed("/v1/turns", longest, HI);
    ck_assert_int_eq(reply.status, 200);
    remember();
    keyed("/v1/turns", "\"\\\"\\\\\"", HI);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 2);
}
END_TEST

/* --- streams ---------------------------------------------------------------------------------- */

/* The ids and types of the events, as one line. */
static const char *events(void)
{
    static char line[1024];
    size_t size = 0;
    int id;
    char type[32];

    line[0] = 0;
    for (const char *from = reply.body; (from = strstr(from, "id: ")); from += 4)
        if (sscanf(from, "id: %d\nevent: %31s\n", &id, type) == 2)
            size += (size_t)snprintf(line + size, sizeof line - size, "%d %s, ", id, type);
    return line;
}

START_TEST(a_stream_is_resumed)
{
    static const char *const rest[] = {
        "1 thinking, 2 text, 4 tool.call, 5 usage, 6 done, ",
        "2 text, 4 tool.call, 5 usage, 6 done, ",
        "4 tool.call, 5 usage, 6 done, ",
        "4 tool.call, 5 usage, 6 done, ", /* 3 is the usage of one call, which streams leave out */
        "5 usage, 6 done, ",
        "6 done, ",
    };
    char id[16];

    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_TOOL_CALL(0, "c0", "f", "{"), PB_STEP_TOOL_CALL(0, NULL, NULL, "}"),
              PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    keyed("/v1/turns", "k", "{\"message\":\"hi\",\"stream\":true}");
    ck_assert_int_eq(reply.status, 200);
    remember();
    ck_event(2, "delta", "hello");
    ck_event(3, "arguments", "{}");
    for (int i = 0; i < 6; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        events_after(id);
        ck_assert_int_eq(reply.status, 200);
        ck_assert_str_eq(events(), rest[i]);
    }
    events_after("6"); /* browsers come again, until they are told that there is no more */
    ck_assert_int_eq(reply.status, 204);
    events_after(NULL);
    ck_assert_str_eq(reply.body, first_body);
    events_after("x");
    ck_assert_int_eq(reply.status, 400);
    keyed("/v1/turns", "k", "{\"message\":\"hi\",\"stream\":true}");
    ck_assert_str_eq(reply.body, first_body);
}
END_TEST

START_TEST(a_failure_is_an_event_of_the_past)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_BAD_UPSTREAM, "ill"));
    keyed("/v1/turns", "k", "{\"message\":\"hi\",\"stream\":true}");
    ck_assert_int_eq(reply.status, 502);
    remember();
    events_after(NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(events(), "0 turn, 2 error, ");
    ck_event(1, "status", "502");
}
END_TEST

START_TEST(plain_streams_cannot_be_resumed)
{
    send("POST", "/v1/turns", "{\"message\":\"hi\",\"stream\":true}", NULL, NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(events(), "1 turn, 2 text, 3 usage, 4 done, ");
    remember();
    events_after("2");
    ck_assert_int_eq(reply.status, 404);
    ck_assert_ptr_nonnull(strstr(reply.body, "only detached turns"));
}
END_TEST

/* --- detached --------------------------------------------------------------------------------- */

START_TEST(detached)
{
    char path[128];

    pb_script(harness, "main", PB_STEP_WAIT(50 * PB_MILLISECOND), PB_STEP_TEXT("later"),
              PB_STEP_STOP);
    keyed("/v1/turns", "k", "{\"message\":\"hi\",\"detach\":true}");
    ck_assert_int_eq(reply.status, 202);
    ck_at("id", header("x-patchbay-turn"));
    ck_at("status", "running");
    ck_at("conversation", "null");
    ck_at("pipeline", "support");
    remember();
    (void)snprintf(path, sizeof path, "/v1/turns/%s", turn);
    ck_assert_str_eq(header("location"), path);
    send("GET", path, NULL, NULL, NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_at("status", "running");
    events_after(NULL);
    ck_assert_str_eq(events(), "0 turn, 1 text, 2 usage, 3 done, ");
    send("GET", path, NULL, NULL, NULL);
    ck_at("status", "done");
    ck_at("message/text", "later");
    ck_at("stages/0/name", "generate");
    keyed("/v1/turns", "k", "{\"message\":\"hi\",\"detach\":true}");
    ck_assert_int_eq(reply.status, 202);
    ck_assert_str_eq(reply.body, first_body);
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
}
END_TEST

START_TEST(no_database)
{
    unserve();
    serve();
    ask("POST", "/v1/turns", "{\"message\":\"hi\",\"detach\":true}");
    ck_assert_ptr_nonnull(strstr(reply.body, "configure one under `databases`"));
    ck_assert_int_eq(reply.status, 501);
    ask("POST", "/v1/turns", HI);
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

START_TEST(conversations_need_history)
{
    ask_with("POST", "/v1/turns", "{}", NULL, 0);
    send("POST", "/v1/turns",
         "{\"message\":\"hi\",\"conversation\":\"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", NULL,
         NULL);
    ck_assert_int_eq(reply.status, 400);
    ck_at("errors/0/pointer", "/conversation");
    send("POST", "/v1/chat/completions",
         "{\"model\":\"support\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
         "Patchbay-Conversation", "new");
    ck_assert_int_eq(reply.status, 400);
    ck_at("error/param", "conversation");
    send("POST", "/v1/chat/completions",
         "{\"model\":\"support\",\"metadata\":{\"conversation\":7},"
         "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
         NULL, NULL);
    ck_assert_int_eq(reply.status, 400);
    ck_at("error/param", "metadata.conversation");
}
END_TEST

/* --- headers of stages ------------------------------------------------------------------------ */

START_TEST(headers_of_stages)
{
    static char yaml[1024];

    unserve();
    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s/test.db}}\n"
                   "caches: {shared: {use: memory}}\n"
                   "llms: {main: {use: scripted}}\n"
                   "pipelines: {p: {stages: [ratelimit: {rate: 2/hour}, generate: {llm: main}]}}\n"
                   "transports: {web: {use: http, listen: '127.0.0.1:0', pipelines: [p]}}\n",
                   folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_http, &patchbay_plugin_generate,
                             &patchbay_plugin_sqlite, &patchbay_plugin_memory,
                             &patchbay_plugin_ratelimit);
    pb_harness_virtual_time(harness, false);
    send("POST", "/v1/turns", "{\"message\":\"hi\",\"stream\":true}", NULL, NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=1"));
    keyed("/v1/turns", "k", HI);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=0"));
    keyed("/v1/turns", "k", HI); /* as the first was answered */
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=0"));
    send("POST", "/v1/turns", "{\"message\":\"hi\",\"stream\":true}", NULL, NULL);
    ck_assert_int_eq(reply.status, 429); /* and not a stream with an error in it */
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=0"));
    ck_assert_str_ne(header("retry-after"), "");
    send("POST", "/v1/chat/completions",
         "{\"model\":\"p\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
         NULL, NULL);
    ck_assert_int_eq(reply.status, 429);
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=0"));
    keyed("/v1/turns", "l", HI);
    ck_assert_int_eq(reply.status, 429);
    ck_assert_ptr_nonnull(strstr(header("ratelimit"), "r=0"));
    remember();
    keyed("/v1/turns", "l", HI); /* nothing was done: its key is free */
    ck_assert_int_eq(reply.status, 429);
    ck_assert_str_ne(header("x-patchbay-turn"), turn);
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("kept", begin, end,
                   (const TTest *const[]){
                       the_same_answer, the_same_failure, the_same_chat_completion,
                       keys_are_the_clients_own, malformed_keys, a_stream_is_resumed,
                       a_failure_is_an_event_of_the_past, plain_streams_cannot_be_resumed, detached,
                       no_database, conversations_need_history, headers_of_stages, NULL});

    return suite_run_cases("kept", (TCase *const[]){cases, NULL});
}
