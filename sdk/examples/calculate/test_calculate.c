/* What is calculated, and what is not. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_calculate;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("tools: {sums: {use: calculate, constants: {rent: 1130}}}\n"
                             "llms: {main: {use: scripted}}\n"
                             "pipelines:\n"
                             "  p: {stages: [generate: {llm: main, tools: [sums]}]}\n",
                             &patchbay_plugin_calculate);
}

static void end(void)
{
    pb_harness_free(harness);
}

struct call {
    const char *expression;
    char result[200];
};

static pb_status run_call(void *arg)
{
    struct call *call = arg;
    const pb_json *result;
    pb_json *arguments = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_buf text = {0};

    pb_json_add(arguments, pb_lit("expression"), pb_json_string(pb_str_of(call->expression)));
    pb_status status = pb_tool_call_function(pb_harness_instance(harness, "tool", "sums"),
                                             pb_lit("calculate"), arguments, &result);
    if (status == PB_OK)
        pb_json_write(&text, result);
    else
        pb_buf_add(&text, pb_error_last()->sentence);
    (void)snprintf(call->result, sizeof call->result, "%.*s", (int)text.size, text.data);
    return status;
}

static void expect(const char *expression, pb_status status, const char *result)
{
    struct call call = {.expression = expression};

    ck_assert_int_eq(pb_harness_run(harness, run_call, &call, NULL), status);
    ck_assert_str_eq(call.result, result);
}

START_TEST(values)
{
    expect("1 + 2 * 3", PB_OK, "7");
    expect("(1 + 2) * 3 / 4", PB_OK, "2.25");
    expect("-2^2 + 2^3^2", PB_OK, "508");
    expect("sqrt(rent - 105) - abs(-2.5)", PB_OK, "29.5156211871642");
    expect("round(100 * pi)", PB_OK, "314");
}
END_TEST

START_TEST(refused)
{
    expect("1 +", PB_INVALID, "it cannot be calculated: a number was expected at character 4");
    expect("(1", PB_INVALID, "it cannot be calculated: ')' was expected at character 3");
    expect("1 2", PB_INVALID, "it cannot be calculated: the end was expected at character 3");
    expect("1 / (rent - 1130)", PB_INVALID,
           "it cannot be calculated: nothing can be divided by zero");
    expect("rents", PB_INVALID, "it cannot be calculated: 'rents' has no value");
    expect("log(2)", PB_INVALID, "it cannot be calculated: there is no function 'log'");
    expect("9^9^9^9", PB_INVALID, "it cannot be calculated: the result is no finite number");
    expect("sqrt(-1)", PB_INVALID, "it cannot be calculated: the result is no finite number");
}
END_TEST

START_TEST(depth_is_bounded)
{
    char deep[400];

    memset(deep, '(', 200);
    memset(deep + 200, '-', 199);
    deep[399] = 0;
    expect(deep, PB_INVALID, "it cannot be calculated: it is nested too deeply");
}
END_TEST

START_TEST(a_model_calls_it)
{
    pb_script(harness, "main",
              PB_STEP_TOOL_CALL(0, "c1", "calculate", "{\"expression\": \"rent/4\"}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    pb_script(harness, "main", PB_STEP_TEXT("282.50"), PB_STEP_STOP);
    ck_text(pb_harness_say(harness, "My share?")->text, "282.50");
    ck_text(pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 1),
                                      "messages/2/content")),
            "282.5");
}
END_TEST

START_TEST(a_wrong_name_has_a_sentence)
{
    pb_harness_refuse("tools: {sums: {use: calculate, constants: {2nd: 2}}}",
                      (const pb_plugin *const[]){&patchbay_plugin_calculate, NULL},
                      (const char *const[]){"the name '2nd' is not made of letters", NULL});
}
END_TEST

int main(void)
{
    const TTest *const calls[] = {values, refused, depth_is_bounded, a_model_calls_it, NULL};
    const TTest *const options[] = {a_wrong_name_has_a_sentence, NULL};

    return suite_run_cases("calculate",
                           (TCase *const[]){suite_case("calls", begin, end, calls),
                                            suite_case("options", NULL, NULL, options), NULL});
}
