/* The script is played to the letter, piece by piece, and can be cancelled between two pieces. */
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_generate;

static const pb_plugin *const plugins[] = {&patchbay_plugin_replay, &patchbay_plugin_generate,
                                           NULL};
static pb_harness *harness;

/* `options` are lines below `use: replay`. */
static void begin(const char *options)
{
    char yaml[2048];

    snprintf(yaml, sizeof yaml,
             "host: {limits: {kept_turns: 8}}\n"
             "llms:\n  main:\n    use: replay\n%s"
             "pipelines: {p: {stages: [generate: {}]}}\n",
             options);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
}

static void says(const char *question, const char *expected)
{
    const pb_outcome *reply = pb_harness_say(harness, question);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_assert_msg(pb_str_is(reply->text, expected), "%.*s", PB_ARG(reply->text));
}

START_TEST(the_first_that_fits)
{
    begin("    notice: ''\n"
          "    replies:\n"
          "      - {contains: [price, cost], text: money}\n"
          "      - {contains: [PRICE, time], text: clock}\n"
          "      - {text: anything}\n");
    says("What does it COST?", "money");
    says("price and time", "money");
    says("sometimes", "clock");
    says("", "anything");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"the price\"},"
                                       "{\"role\": \"assistant\", \"content\": \"money\"},"
                                       "{\"role\": \"user\", \"content\": \"and now?\"}]"});
    ck_assert(pb_str_is(reply->text, "anything")); /* only the last one counts */
    end();
}
END_TEST

START_TEST(nothing_fits)
{
    begin("    replies: [{contains: [a-b], text: x}]\n");
    const pb_outcome *reply = pb_harness_say(harness, "other");
    ck_assert_int_eq(reply->status, PB_NOT_FOUND);
    ck_assert(pb_str_is(reply->sentence, "the script has no reply for this question"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 0);
    ck_assert(pb_str_is(reply->error_instance, "llms.main"));
    end();
}
END_TEST

START_TEST(it_says_what_it_is)
{
    begin("    replies: [text: hello]\n");
    says("x", "[This answer comes from a script: no model is configured.] hello");
    const pb_outcome *reply = pb_harness_say(harness, "x");
    ck_assert_int_eq(reply->result->finish, PB_FINISH_STOP);
    ck_assert(pb_str_is(reply->result->model, "replay"));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_USAGE), 0);
    end();
}
END_TEST

START_TEST(pieces_and_pauses)
{
    pb_ask ask = {.text = "x"};
    const pb_outcome *reply;

    begin("    notice: ''\n    words: 2\n    delay: 2s\n"
          "    replies: [{text: \" one two  three\\n\\nfour \\tfive\", thinking: hm hm hm}]\n");
    reply = pb_harness_ask(harness, &ask);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 3);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_THINKING), 2);
    ck_assert(pb_str_is(pb_outcome_event(reply, PB_EVENT_TEXT, 0)->text, " one two  "));
    ck_assert(pb_str_is(pb_outcome_event(reply, PB_EVENT_TEXT, 1)->text, "three\n\nfour \t"));
    ck_assert(pb_str_is(reply->text, " one two  three\n\nfour \tfive"));
    ck_assert(pb_str_is(reply->thinking, "hm hm hm"));
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 10);
    ask.whole = true; /* nobody reads along: one piece each */
    reply = pb_harness_ask(harness, &ask);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 1);
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 4);
    end();
}
END_TEST

START_TEST(tools_and_tokens)
{
    begin("    replies:\n"
          "      - text: let me see\n"
          "        tools: [{name: clock}, {name: map, arguments: {at: [1, \"zwei\"]}}]\n"
          "        input_tokens: 5\n"
          "        output_tokens: 7\n");
    const pb_outcome *reply = pb_harness_say(harness, "x");
    const pb_event *call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0);
    ck_assert(pb_str_is(call->name, "clock") && pb_str_is(call->text, "{}"));
    ck_assert(pb_str_is(call->id, "call_1_1"));
    call = pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 1);
    ck_assert(pb_str_is(call->name, "map") && pb_str_is(call->text, "{\"at\":[1,\"zwei\"]}"));
    ck_assert(pb_str_is(call->id, "call_1_2"));
    ck_assert_uint_eq(call->index, 1);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_TOOL_CALLS);
    ck_assert_int_eq(reply->result->usage.input_tokens, 5);
    ck_assert_int_eq(reply->result->usage.output_tokens, 7);
    /* the result of a tool is what the next round is about, and its calls have other ids */
    reply =
        pb_harness_ask(harness, &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"x\"},"
                                                      "{\"role\": \"tool\", \"content\": \"y\"}]"});
    ck_assert(pb_str_is(pb_outcome_event(reply, PB_EVENT_TOOL_CALL, 0)->id, "call_2_1"));
    end();
}
END_TEST

START_TEST(results_of_tools_are_looked_at)
{
    begin("    notice: ''\n"
          "    replies: [{contains: [noon], text: lunch}, {text: no}]\n");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"x\"},"
                                       "{\"role\": \"tool\", \"content\": \"noon\"}]"});
    ck_assert(pb_str_is(reply->text, "lunch"));
    end();
}
END_TEST

START_TEST(failures)
{
    static const struct {
        const char *name;
        pb_status status;
    } known[] = {{"unavailable", PB_UNAVAILABLE},
                 {"timeout", PB_TIMEOUT},
                 {"rate_limited", PB_RATE_LIMITED},
                 {"bad_upstream", PB_BAD_UPSTREAM},
                 {"invalid", PB_INVALID}};
    char options[128];

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        snprintf(options, sizeof options, "    replies: [{fail: not %%s today, status: %s}]\n",
                 known[i].name);
        begin(options);
        const pb_outcome *reply = pb_harness_say(harness, "x");
        ck_assert_int_eq(reply->status, known[i].status);
        ck_assert(pb_str_is(reply->sentence, "not %s today"));
        end();
    }
    begin("    replies: [fail: gone]\n");
    ck_assert_int_eq(pb_harness_say(harness, "x")->status, PB_UNAVAILABLE);
    end();
}
END_TEST

START_TEST(it_ends_when_it_is_told_to)
{
    pb_ask ask = {.text = "x", .cancel_after = 2500 * PB_MILLISECOND};
    const pb_outcome *reply;

    begin("    notice: ''\n    delay: 1s\n    replies: [text: one two three four]\n");
    reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert(pb_str_is(reply->text, "one two "));
    ck_assert_int_ge(reply->elapsed / PB_MILLISECOND, 2500);
    ck_assert_int_lt(reply->elapsed / PB_MILLISECOND, 3000); /* when the next word would come */
    ask = (pb_ask){.text = "x", .cancel_at_event = 1};
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_CANCELLED);
    ask = (pb_ask){.text = "x", .fail_at_event = 2, .fail_with = PB_CANCELLED};
    reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert(pb_str_is(reply->text, "one "));
    says("x", "one two three four");
    end();
    harness = pb_harness_open("host: {limits: {turn: 5s}}\n"
                              "llms: {main: {use: replay, delay: 3s, replies: [text: a b c]}}\n"
                              "pipelines: {p: {stages: [generate: {}]}}\n",
                              plugins, NULL);
    ck_assert_int_eq(pb_harness_say(harness, "x")->status, PB_TIMEOUT);
    end();
}
END_TEST

START_TEST(a_thousand_turns)
{
    begin("    replies: [{text: hello world, tools: [{name: clock, arguments: {a: 1}}]}]\n");
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "x"}, 1000), 4096);
    end();
}
END_TEST

static void reports(const char *options, const char *expected)
{
    char yaml[1024], *problems = NULL;

    /* the last instance makes sure that warnings are printed too */
    snprintf(yaml, sizeof yaml, "llms:\n  main:\n    use: replay\n%s  bad: {use: replay}\n",
             options);
    ck_assert_ptr_null(pb_harness_open(yaml, plugins, &problems));
    ck_assert_msg(strstr(problems, expected), "%s", problems);
    free(problems);
}

START_TEST(options_are_checked)
{
    reports("    replies: []\n",
            "test.yaml:4:14: llms.main.replies: the script is empty; write at least one reply");
    reports("    replies:\n      - {contains: [x]}\n",
            "test.yaml:5:9: llms.main.replies[0]: a reply needs 'text', 'tools' or 'fail'");
    reports("    replies: [{text: a, fail: b}]\n",
            "llms.main.replies[0]: a reply that fails says nothing else; keep only 'fail'");
    reports("    replies: [{text: a, status: timeout}]\n",
            "llms.main.replies[0]: 'status' says how 'fail' fails, and there is no 'fail'");
    reports("    replies: [{contains: [''], text: a}]\n",
            "llms.main.replies[0]: an empty word is in every question; leave 'contains' out");
    reports("    replies: [{tools: [{name: a, arguments: [1]}]}]\n",
            "llms.main.replies[0]: the arguments of 'a' must be a map");
    reports("    replies: [{text: a}, {text: b}]\n",
            "llms.main.replies[0]: warning: this reply fits every question, so those behind it are "
            "never played");
    reports("    replies: [{text: a}]\n    words: 0\n    delay: 2m\n", "llms.main.words");
    reports("    replies: [{text: a}]\n    delay: 2m\n", "llms.main.delay");
    reports("    replies: [{fail: a, status: sad}]\n", "llms.main.replies[0].status");
    reports("", "replies");
}
END_TEST

int main(void)
{
    return suite_run("replay",
                     (const TTest *const[]){
                         the_first_that_fits, nothing_fits, it_says_what_it_is, pieces_and_pauses,
                         tools_and_tokens, results_of_tools_are_looked_at, failures,
                         it_ends_when_it_is_told_to, a_thousand_turns, options_are_checked, NULL});
}
