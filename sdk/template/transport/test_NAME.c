/* Requests as a client sends them, over a real socket. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <patchbay/http.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines: {p: {stages: [generate: {llm: main}]}}\n"
                             "transports:\n"
                             "  text: {use: @NAME@, listen: '127.0.0.1:0', pipeline: p}\n",
                             &patchbay_plugin_@ID@);
    pb_harness_virtual_time(harness, false); /* sockets take real time */
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A request, and the answer to it. */
struct exchange {
    const char *method, *path, *body;
    int32_t status;
    char text[200];
};

static pb_status send_request(void *arg)
{
    struct exchange *exchange = arg;
    pb_str url = pb_printf("%s%s", pb_harness_url(harness), exchange->path);
    pb_http_spec spec = pb_http_spec_make(exchange->method, url);
    pb_http *http;
    pb_str text = {0};

    spec.body = pb_str_of(exchange->body);
    pb_status status = pb_http_open(&spec, &http);
    if (status != PB_OK)
        return status;
    exchange->status = pb_http_status(http);
    status = pb_http_read_all(http, &text);
    (void)snprintf(exchange->text, sizeof exchange->text, "%.*s", PB_ARG(text));
    pb_http_close(http);
    return status;
}

static void expect(struct exchange exchange, int32_t status, const char *text)
{
    pb_str sentence = {0};

    ck_assert_msg(pb_harness_run(harness, send_request, &exchange, &sentence) == PB_OK, "%.*s",
                  PB_ARG(sentence));
    ck_assert_str_eq(exchange.text, text);
    ck_assert_int_eq(exchange.status, status);
}

START_TEST(a_question_is_answered)
{
    pb_script(harness, "main", PB_STEP_TEXT("Push "), PB_STEP_TEXT("the door."), PB_STEP_STOP);
    expect((struct exchange){.method = "POST", .path = "/", .body = "How does it open?"}, 200, "Push the door.\n");
    ck_text(pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0),
                                      "messages/0/content")),
            "How does it open?");
}
END_TEST

START_TEST(a_failure_has_its_status)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "the model is down"));
    expect((struct exchange){.method = "POST", .path = "/", .body = "Hello"}, 503, "the model is down\n");
}
END_TEST

START_TEST(what_is_no_question_is_refused)
{
    expect((struct exchange){.method = "POST", .path = "/", .body = " \n"}, 400, "a question is expected as the body\n");
    expect((struct exchange){.method = "GET", .path = "/", .body = ""}, 405, "questions come with POST\n");
    expect((struct exchange){.method = "POST", .path = "/other", .body = "Hello"}, 404, "there is only /\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_question_is_answered, a_failure_has_its_status,
                                  what_is_no_question_is_refused, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("requests", begin, end, tests), NULL});
}
