/* What the model is told, and when. The harness is a host in this program: no network, no waiting. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines:\n"
                             "  p:\n"
                             "    stages:\n"
                             "      - @NAME@: {terms: {Blue Desk: the night shift, P1: urgent}}\n"
                             "      - generate: {llm: main}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness); /* fails on a leaked task, turn or handle */
}

/* What the model got as its message number `at`. */
static pb_str told(const char *at)
{
    return pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0), at));
}

START_TEST(a_term_is_explained)
{
    const pb_outcome *reply = pb_harness_say(harness, "Who of the blue desks was there?");

    ck_assert_int_eq(reply->status, PB_OK);
    ck_text(reply->text, "ok");
    ck_text(told("messages/0/role"), "system");
    ck_text(told("messages/0/content"), "Words that are used here:\nBlue Desk: the night shift");
    ck_text(told("messages/1/content"), "Who of the blue desks was there?");
}
END_TEST

START_TEST(several_are)
{
    pb_harness_say(harness, "Is it P1 for the blue desk?");
    ck_text(told("messages/0/content"),
            "Words that are used here:\nBlue Desk: the night shift\nP1: urgent");
}
END_TEST

START_TEST(other_questions_stay_as_they_are)
{
    pb_harness_say(harness, "Is the desk blue-green? No, the table.");
    pb_script_reset(harness, "main");
    pb_harness_say(harness, "Hello");
    ck_text(told("messages/0/role"), "user");
    ck_text(told("messages/0/content"), "Hello");
}
END_TEST

START_TEST(a_failure_below_is_returned)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "the model is down"));
    const pb_outcome *reply = pb_harness_say(harness, "Hello");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_text(reply->sentence, "the model is down");
}
END_TEST

START_TEST(a_wrong_option_has_a_sentence)
{
    pb_harness_refuse("pipelines: {p: {stages: [@NAME@: {terms: {'?': what}}]}}",
                      (const pb_plugin *const[]){&patchbay_plugin_@ID@, NULL},
                      (const char *const[]){"the term '?' has no word in it", NULL});
}
END_TEST

int main(void)
{
    const TTest *const turns[] = {a_term_is_explained, several_are,
                                  other_questions_stay_as_they_are, a_failure_below_is_returned,
                                  NULL};
    const TTest *const options[] = {a_wrong_option_has_a_sentence, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("turns", begin, end, turns),
                                            suite_case("options", NULL, NULL, options), NULL});
}
