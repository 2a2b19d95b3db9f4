/* What a model gets to see. The harness is a host in this program: no network, no waiting. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_mask;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines:\n"
                             "  p:\n"
                             "    stages:\n"
                             "      - mask: {keep: [Example.com]}\n"
                             "      - generate: {llm: main}\n",
                             &patchbay_plugin_mask);
}

static void end(void)
{
    pb_harness_free(harness);
}

static pb_str told(const char *at)
{
    return pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0), at));
}

START_TEST(addresses_are_masked)
{
    pb_harness_say(harness, "Ask ann@home.example or bob@work.example.");
    ck_text(told("messages/0/content"), "Ask [e-mail] or [e-mail].");
}
END_TEST

START_TEST(a_domain_may_stay)
{
    pb_harness_say(harness, "\xc3\xbc help@example.com, x@a.example");
    ck_text(told("messages/0/content"), "\xc3\xbc help@example.com, [e-mail]");
}
END_TEST

START_TEST(earlier_messages_too)
{
    const char *messages = "[{\"role\": \"system\", \"content\": \"You are a@b.example\"},"
                           " {\"role\": \"assistant\", \"content\": \"c@d.example?\"},"
                           " {\"role\": \"user\", \"content\": \"yes\"}]";

    pb_harness_ask(harness, &(pb_ask){.messages = messages});
    ck_text(told("messages/0/content"), "You are [e-mail]");
    ck_text(told("messages/1/content"), "c@d.example?");
    ck_text(told("messages/2/content"), "yes");
}
END_TEST

START_TEST(a_failure_below_is_returned)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
    ck_assert_int_eq(pb_harness_say(harness, "a@b.example")->status, PB_UNAVAILABLE);
}
END_TEST

START_TEST(a_wrong_domain_has_a_sentence)
{
    pb_harness_refuse("llms: {main: {use: scripted}}\n"
                      "pipelines: {p: {stages: [mask: {keep: [a.org, localhost]}]}}\n",
                      (const pb_plugin *const[]){&patchbay_plugin_mask, NULL},
                      (const char *const[]){"'localhost' is no domain: 'example.com' is", NULL});
}
END_TEST

int main(void)
{
    const TTest *const turns[] = {addresses_are_masked, a_domain_may_stay, earlier_messages_too,
                                  a_failure_below_is_returned, NULL};
    const TTest *const options[] = {a_wrong_domain_has_a_sentence, NULL};

    return suite_run_cases("mask",
                           (TCase *const[]){suite_case("turns", begin, end, turns),
                                            suite_case("options", NULL, NULL, options), NULL});
}
