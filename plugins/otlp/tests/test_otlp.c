/* Spans at a collector that answers as the test says: the words of OTLP, and what is sent again. */
#include "canned.h"
#include "suite.h"
#include "testkit.h"

#include <patchbay/draft/exporter.h>

extern const pb_plugin patchbay_plugin_otlp;
extern const pb_plugin patchbay_plugin_generate;

#define TAKEN "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

static pb_harness *harness;

static void open_with(const char *more)
{
    char yaml[512];

    (void)snprintf(yaml, sizeof yaml,
                   "exporters: {out: {use: otlp, url: \"http://127.0.0.1:%d/v1/traces\", service: shop,\n"
                   "  headers: {X-Key: secret-key}%s}}\n"
                   "llms: {main: {use: scripted}}\n"
                   "pipelines: {p: {stages: [{generate: {llm: main}}]}}\n",
                   canned.port, more);
    harness = pb_harness_new(yaml, &patchbay_plugin_otlp, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
}

static void begin(void)
{
    canned_start();
    open_with("");
    canned_set(TAKEN, AT_END_CLOSE);
}

static void end(void)
{
    pb_harness_free(harness);
    canned_stop();
}

static pb_status send_one(void *arg)
{
    const pb_exporter *exporter =
        (const pb_exporter *)(const void *)patchbay_plugin_otlp.components[0]->interface;
    pb_json *notes = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    const pb_span_record span = {.size = sizeof span,
                                 .status = PB_TIMEOUT,
                                 .trace = PB_LIT("4bf92f3577b34da6a3ce929d0e0e4736"),
                                 .id = PB_LIT("00f067aa0ba902b7"),
                                 .parent = PB_LIT("53995c3f42cd8ad8"),
                                 .turn = PB_LIT("0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44"),
                                 .tenant = PB_LIT("acme"),
                                 .kind = PB_LIT("llm"),
                                 .name = PB_LIT("main"),
                                 .began = 1730000000123456789,
                                 .total = 5000000011,
                                 .notes = notes};

    (void)arg;
    pb_json_add(notes, pb_lit("input_tokens"), pb_json_number(12));
    pb_json_add(notes, pb_lit("cost"), pb_json_number(0.5));
    pb_json_add(notes, pb_lit("cached"), pb_json_boolean(true));
    return exporter->span(pb_harness_self(harness, "exporter", "out"),
                          (const pb_span_record *const[]){&span}, 1);
}

START_TEST(a_span_is_written_as_collectors_read_it)
{
    ck_assert_int_eq(pb_harness_run(harness, send_one, NULL, NULL), PB_OK);
    const char *said = canned_request(), *body = strstr(said, "\r\n\r\n") + 4;
    ck_assert_ptr_eq(strstr(said, "POST /v1/traces HTTP/1.1\r\n"), said);
    ck_assert_ptr_nonnull(strcasestr(said, "\r\ncontent-type: application/json\r\n"));
    ck_assert_ptr_nonnull(strcasestr(said, "\r\nx-key: secret-key\r\n"));
    ck_assert_str_eq(
        body,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"patchbay\"},\"spans\":[{"
        "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"spanId\":\"00f067aa0ba902b7\","
        "\"parentSpanId\":\"53995c3f42cd8ad8\",\"name\":\"llm main\",\"kind\":3,"
        "\"startTimeUnixNano\":\"1730000000123456789\",\"endTimeUnixNano\":\"1730000005123456800\","
        "\"attributes\":[{\"key\":\"patchbay.kind\",\"value\":{\"stringValue\":\"llm\"}},"
        "{\"key\":\"patchbay.turn\",\"value\":{\"stringValue\":\"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}},"
        "{\"key\":\"patchbay.tenant\",\"value\":{\"stringValue\":\"acme\"}},"
        "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"12\"}},"
        "{\"key\":\"patchbay.cost\",\"value\":{\"doubleValue\":0.5}},"
        "{\"key\":\"patchbay.cached\",\"value\":{\"boolValue\":true}},"
        "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"timeout\"}}],\"status\":{\"code\":2}}]}]}]}");
}
END_TEST

static void check_status(const char *answer, pb_status status, const char *words)
{
    pb_str sentence;

    canned_set(answer, AT_END_CLOSE);
    ck_assert_int_eq(pb_harness_run(harness, send_one, NULL, &sentence), status);
    if (words)
        ck_assert_msg(pb_str_contains(sentence, pb_str_of(words)), "%.*s", PB_ARG(sentence));
}

START_TEST(what_may_be_sent_again_is_told_from_what_may_not)
{
    check_status("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", PB_UNAVAILABLE,
                 "status 503");
    check_status("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", PB_RATE_LIMITED, "status 429");
    check_status("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", PB_INVALID, "status 400");
    check_status("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", PB_INVALID, "status 500");
    check_status("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops", PB_OK, NULL);
    pb_harness_log(PB_ERROR, NULL); /* the warning is expected */
    check_status("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"1\"}}  ",
                 PB_OK, NULL);
}
END_TEST

START_TEST(a_turn_arrives_at_the_latest_when_the_server_stops)
{
    pb_harness_say(harness, "a secret");
    pb_harness_free(harness);
    harness = NULL;
    ck_assert_int_eq(canned.count, 1);
    const char *said = canned_request();
    ck_assert_ptr_nonnull(strstr(said, "\"name\":\"turn p\",\"kind\":2,"));
    ck_assert_ptr_nonnull(strstr(said, "\"name\":\"stage generate\",\"kind\":1,"));
    ck_assert_ptr_nonnull(strstr(said, "\"name\":\"llm main\",\"kind\":3,"));
    ck_assert_ptr_null(strstr(said, "a secret"));
}
END_TEST

/* Gives up by itself, long before the deadline. */
static pb_status send_in_time(void *arg)
{
    int64_t deadline = pb_deadline_begin(3 * PB_SECOND);
    pb_status status = send_one(arg);

    ck_assert_int_eq(pb_sleep(1), PB_OK);
    pb_deadline_end(deadline);
    return status;
}

START_TEST(a_collector_that_says_nothing)
{
    pb_harness_free(harness);
    open_with(", timeout: 20ms");
    canned_set("", AT_END_WAIT);
    ck_assert_int_eq(pb_harness_run(harness, send_in_time, NULL, NULL), PB_TIMEOUT);
}
END_TEST

START_TEST(options_that_cannot_be_meant_are_refused)
{
    pb_harness_refuse("exporters: {a: {use: otlp, url: \"http://ann:pw@127.0.0.1/\"},\n"
                      "            b: {use: otlp, headers: {\"a b\": x}}, c: {use: otlp, timeout: 60s}}\n",
                      (const pb_plugin *const[]){&patchbay_plugin_otlp, NULL},
                      (const char *const[]){"use `headers`", "is no name of a header", "timeout", NULL});
}
END_TEST

int main(void)
{
    const TTest *const served[] = {a_collector_that_says_nothing,
                                   a_span_is_written_as_collectors_read_it,
                                   what_may_be_sent_again_is_told_from_what_may_not,
                                   a_turn_arrives_at_the_latest_when_the_server_stops, NULL};
    const TTest *const refused[] = {options_that_cannot_be_meant_are_refused, NULL};

    return suite_run_cases("otlp", (TCase *const[]){suite_case("collector", begin, end, served),
                                                    suite_case("options", NULL, NULL, refused), NULL});
}
