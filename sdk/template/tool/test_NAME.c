/* The functions by themselves, and as a model calls them. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("tools: {dates: {use: @NAME@, holidays: [2026-12-25]}}\n"
                             "llms: {main: {use: scripted}}\n"
                             "pipelines:\n"
                             "  p: {stages: [generate: {llm: main, tools: [dates]}]}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A call, and what comes of it: the result as text, or the sentence of the failure. */
struct call {
    const char *name, *arguments;
    char result[200];
};

static pb_status run_call(void *arg)
{
    struct call *call = arg;
    const pb_json *arguments, *result;
    pb_buf text = {0};
    pb_status status = pb_json_parse(pb_str_of(call->arguments), &arguments);

    if (status == PB_OK)
        status = pb_tool_call_function(pb_harness_instance(harness, "tool", "dates"),
                                       pb_str_of(call->name), arguments, &result);
    if (status == PB_OK)
        pb_json_write(&text, result);
    else
        pb_buf_add(&text, pb_error_last()->sentence);
    (void)snprintf(call->result, sizeof call->result, "%.*s", (int)text.size, text.data);
    return status;
}

static void expect(const char *name, const char *arguments, pb_status status, const char *result)
{
    struct call call = {.name = name, .arguments = arguments};

    ck_assert_int_eq(pb_harness_run(harness, run_call, &call, NULL), status);
    ck_assert_str_eq(call.result, result);
}

START_TEST(weekdays)
{
    expect("weekday", "{\"date\": \"2026-11-21\"}", PB_OK, "\"Saturday\"");
    expect("weekday", "{\"date\": \"2000-02-29\"}", PB_OK, "\"Tuesday\"");
    expect("weekday", "{\"date\": \"1900-03-01\"}", PB_OK, "\"Thursday\"");
}
END_TEST

START_TEST(days)
{
    expect("days_between", "{\"from\": \"2026-12-21\", \"to\": \"2026-12-28\"}", PB_OK,
           "{\"days\":7,\"working_days\":4}");
    expect("days_between", "{\"from\": \"2026-12-21\", \"to\": \"2026-12-21\"}", PB_OK,
           "{\"days\":0,\"working_days\":0}");
}
END_TEST

START_TEST(refused)
{
    expect("weekday", "{\"date\": \"tomorrow\"}", PB_INVALID,
           "'tomorrow' is no date: YYYY-MM-DD is");
    expect("weekday", "{\"date\": \"2026-02-29\"}", PB_INVALID,
           "there is no 2026-02-29: the month is shorter");
    expect("days_between", "{\"from\": \"2026-02-02\", \"to\": \"2026-02-01\"}", PB_INVALID,
           "'to' is a day after 'from', at most ten years later");
    expect("moon", "{}", PB_NOT_FOUND, "there is no function 'moon'");
}
END_TEST

START_TEST(a_model_calls_it)
{
    pb_script(harness, "main",
              PB_STEP_TOOL_CALL(0, "c1", "weekday", "{\"date\": \"2026-11-21\"}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "main", PB_STEP_TEXT("It is a Saturday."), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "Which day is it?");
    ck_text(reply->text, "It is a Saturday.");
    const pb_json *second = pb_scripted_request(harness, "main", 1);
    ck_text(pb_json_text(pb_json_path(second, "messages/2/role")), "tool");
    ck_text(pb_json_text(pb_json_path(second, "messages/2/content")), "Saturday");
}
END_TEST

START_TEST(a_wrong_option_has_a_sentence)
{
    pb_harness_refuse("tools: {dates: {use: @NAME@, holidays: [2026-12-25, Easter]}}",
                      (const pb_plugin *const[]){&patchbay_plugin_@ID@, NULL},
                      (const char *const[]){"'Easter' is no date", NULL});
}
END_TEST

int main(void)
{
    const TTest *const calls[] = {weekdays, days, refused, a_model_calls_it, NULL};
    const TTest *const options[] = {a_wrong_option_has_a_sentence, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("calls", begin, end, calls),
                                            suite_case("options", NULL, NULL, options), NULL});
}
