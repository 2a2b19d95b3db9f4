/* Which case is taken: every condition that there is, alone and together, and what is refused. */
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_replay;
extern const pb_plugin patchbay_plugin_route;

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_replay,
                                           &patchbay_plugin_route, NULL};
static pb_harness *harness;

#define LLMS                                                                                       \
    "llms: {yes: {use: scripted, text: yes}, no: {use: scripted, text: no},"                       \
    " other: {use: scripted, text: other}}\n"

/* One case with this condition, whose model says "yes"; else "no". */
static void open_when(const char *when)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   LLMS "pipelines:\n  p:\n    stages:\n"
                        "      - route:\n"
                        "          cases:\n"
                        "            - when: {%s}\n"
                        "              stages: [generate: {llm: \"yes\"}]\n"
                        "          otherwise: [generate: {llm: \"no\"}]\n",
                   when);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static bool holds(const pb_ask *ask)
{
    const pb_outcome *reply = pb_harness_ask(harness, ask);

    ck_assert_int_eq(reply->status, PB_OK);
    return pb_str_is(reply->text, "yes");
}

static bool holds_for(const char *question)
{
    return holds(&(pb_ask){.text = question});
}

/* --- the question ----------------------------------------------------------------------------- */

START_TEST(matches)
{
    open_when("input: {matches: '(?i)\\binvoices?\\b'}");
    ck_assert(holds_for("Where is my Invoice?"));
    ck_assert(holds_for("INVOICES"));
    ck_assert(!holds_for("invoicing"));
    ck_assert(!holds_for(""));
    end();
    open_when("input: {matches: '^\\p{Lu}.*[^\\x00-\\x7F]$'}");
    ck_assert(holds_for("Öl für das Café"));
    ck_assert(!holds_for("öl für das Café"));
    ck_assert(!holds_for("Cafe"));
    end();
}
END_TEST

START_TEST(matches_in_a_long_question)
{
    static char text[30001]; /* long, but fast to search under Valgrind, too */

    open_when("input: {matches: '(?<=é)needle(?=é|$)'}");
    for (size_t at = 0; at + 2 < sizeof text; at += 2)
        memcpy(text + at, "é", 3);
    ck_assert(!holds_for(text));
    for (size_t at = 1022; at <= 1026; at += 2) { /* around the end of a window */
        memcpy(text + at, "needle", 6);
        ck_assert(holds_for(text));
        memcpy(text + at, "ééé", 6);
    }
    memcpy(text + 29000, "needle", 6);
    ck_assert(holds_for(text));
    end();
    open_when("input: {matches: '^x'}"); /* the beginning is that of the question */
    memset(text, 'y', sizeof text - 1);
    text[512] = text[1024] = 'x';
    ck_assert(!holds_for(text));
    end();
}
END_TEST

/* Does the log of what `question` led to say that the expression was given up? */
static bool given_up(const char *question)
{
    char path[] = "/tmp/patchbay-route-XXXXXX", line[1024] = "";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    pb_harness_log(PB_WARN, path);
    ck_assert(!holds_for(question));
    pb_harness_log(PB_WARN, NULL);
    ck_assert_int_ge(read(fd, line, sizeof line - 1), 0);
    close(fd);
    unlink(path);
    return strstr(line, "was given up, as if it did not match: match limit exceeded") != NULL;
}

/* An expression that goes wild is given up, so that it holds up nobody: one that needs too many
 * steps at one place, and one that needs many at each of many places. */
START_TEST(a_wild_expression_is_given_up)
{
    static char text[300001];

    memset(text, 'x', sizeof text - 1);
    open_when("input: {matches: '(x+x+)+[yz]'}");
    ck_assert(given_up(text));
    ck_assert(holds_for("xxy"));
    end();
    open_when("input: {matches: 'x{1,100}x{1,100}[yz]'}");
    ck_assert(given_up(text));
    text[200] = 0;
    ck_assert(!given_up(text));
    ck_assert(holds_for("xxy"));
    end();
}
END_TEST

START_TEST(contains)
{
    open_when("input: {contains: [invoice, 'credit note']}");
    ck_assert(holds_for("the INVOICE please"));
    ck_assert(holds_for("Credit Note"));
    ck_assert(!holds_for("credit"));
    end();
}
END_TEST

START_TEST(lengths)
{
    open_when("input: {longer_than: 3}");
    ck_assert(!holds_for("abc"));
    ck_assert(holds_for("abcd"));
    end();
    open_when("input: {shorter_than: 3}");
    ck_assert(!holds_for("abc"));
    ck_assert(holds_for("ab"));
    end();
    open_when("input: {longer_than: 1, shorter_than: 1KiB}");
    ck_assert(!holds_for("a"));
    ck_assert(holds_for("ab"));
    end();
}
END_TEST

START_TEST(it_is_the_last_question)
{
    open_when("input: {contains: [now]}");
    ck_assert(holds(&(pb_ask){.messages = "[{\"role\":\"user\",\"content\":\"then\"},"
                                          "{\"role\":\"assistant\",\"content\":\"?\"},"
                                          "{\"role\":\"user\",\"content\":\"now\"},"
                                          "{\"role\":\"assistant\",\"content\":\"!\"}]"}));
    ck_assert(!holds(&(pb_ask){.messages = "[{\"role\":\"user\",\"content\":\"now\"},"
                                           "{\"role\":\"user\",\"content\":\"then\"}]"}));
    ck_assert(!holds(&(pb_ask){.messages = "[{\"role\":\"system\",\"content\":\"now\"}]"}));
    end();
}
END_TEST

START_TEST(has_text)
{
    open_when("input: {has: [text]}");
    ck_assert(holds_for("a"));
    ck_assert(!holds_for(""));
    ck_assert(!holds(&(pb_ask){.messages = "[{\"role\":\"system\",\"content\":\"a\"}]"}));
    end();
    open_when("input: {has: [text, image]}"); /* each of them */
    ck_assert(!holds_for("a"));
    end();
}
END_TEST

/* --- who asks --------------------------------------------------------------------------------- */

static bool holds_as(pb_principal principal)
{
    principal.size = sizeof principal;
    return holds(&(pb_ask){.text = "hi", .principal = &principal});
}

START_TEST(principals)
{
    static const pb_str roles[] = {PB_LIT("staff"), PB_LIT("admin")};
    static const pb_str scopes[] = {PB_LIT("chat"), PB_LIT("premium")};
    pb_principal staff = {.id = PB_LIT("key:ci"),
                          .tenant = PB_LIT("acme"),
                          .roles = roles,
                          .role_count = 2,
                          .scopes = scopes,
                          .scope_count = 2};
    pb_principal plain = {
        .id = PB_LIT("key:web"), .tenant = PB_LIT("other"), .scopes = scopes, .scope_count = 1};
    static const char *const conditions[] = {
        "principal: {role: [boss, admin]}",
        "principal: {id: 'key:ci'}",
        "principal: {tenant: acme}",
        "principal: {scope: premium}",
        "principal: {role: [staff], id: 'key:ci', tenant: acme, scope: chat}",
    };

    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        open_when(conditions[i]);
        ck_assert(holds_as(staff));
        ck_assert(!holds_as(plain));
        end();
    }
    open_when("principal: {role: [boss]}");
    ck_assert(!holds_as(staff));
    end();
    open_when("principal: {scope: premium}");
    plain.scope_count = 0; /* no scopes at all: everything is allowed */
    ck_assert(holds_as(plain));
    end();
}
END_TEST

/* --- values ----------------------------------------------------------------------------------- */

START_TEST(values)
{
    static const char object[] = "{\"plan\":\"gold\",\"beta\":true,\"old\":false,\"n\":2.50,"
                                 "\"none\":null,\"list\":[1]}";
    static const struct {
        const char *want;
        bool holds;
    } cases[] = {
        {"plan: gold", true},     {"plan: Gold", false},           {"beta: 'true'", true},
        {"beta: 'false'", false}, {"old: 'false'", true},          {"n: '2.50'", true},
        {"n: '2.5'", false},      {"none: 'null'", false},         {"list: '1'", false},
        {"missing: ''", false},   {"plan: gold, n: '2.50'", true}, {"plan: gold, n: '3'", false},
    };
    static const char *const where[] = {"variables", "metadata", "params"};
    char when[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int j = 0; j < 3; j++) {
            (void)snprintf(when, sizeof when, "%s: {%s}", where[j], cases[i].want);
            open_when(when);
            pb_ask ask = {.text = "hi"};
            *(j == 0 ? &ask.variables : j == 1 ? &ask.metadata : &ask.params) = object;
            ck_assert_msg(holds(&ask) == cases[i].holds, "%s", when);
            ck_assert(!holds_for("hi")); /* nothing is set */
            end();
        }
}
END_TEST

START_TEST(all_must_hold)
{
    open_when("input: {contains: [a], shorter_than: 3}, metadata: {plan: gold}");
    ck_assert(holds(&(pb_ask){.text = "a", .metadata = "{\"plan\":\"gold\"}"}));
    ck_assert(!holds(&(pb_ask){.text = "abc", .metadata = "{\"plan\":\"gold\"}"}));
    ck_assert(!holds(&(pb_ask){.text = "a", .metadata = "{\"plan\":\"iron\"}"}));
    end();
}
END_TEST

/* --- cases ------------------------------------------------------------------------------------ */

START_TEST(the_first_case_that_holds)
{
    harness = pb_harness_open(
        LLMS "pipelines:\n"
             "  p:\n"
             "    stages:\n"
             "      - route:\n"
             "          cases:\n"
             "            - {when: {input: {contains: [a]}}, stages: [generate: {llm: \"yes\"}]}\n"
             "            - {when: {input: {contains: [b]}}, stages: [generate: {llm: \"no\"}]}\n"
             "            - {when: {input: {contains: [c]}}, stages: []}\n"
             "      - generate: {llm: other}\n",
        plugins, NULL);
    static const struct {
        const char *question, *answer;
    } cases[] = {{"b a", "yesother"}, {"b c", "noother"}, {"c", "other"}, {"d", "other"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(pb_harness_say(harness, cases[i].question)->text.data, cases[i].answer);
    end();
}
END_TEST

START_TEST(failures_and_cancelling_pass_unchanged)
{
    open_when("input: {contains: [a]}");
    pb_script(harness, "yes", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, PB_SECOND, "busy"));
    pb_script(harness, "yes", PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_say(harness, "a");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_assert_str_eq(reply->sentence.data, "busy");
    ck_assert_int_eq(reply->retry_after, PB_SECOND);
    reply = pb_harness_ask(harness, &(pb_ask){.text = "a", .cancel_after = PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    end();
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        "test.yaml:7:40: pipelines.p.stages[0].route.cases[0].when.input.matches: the expression "
        "is wrong: missing closing parenthesis (at byte 3)",
        "test.yaml:8:42: pipelines.p.stages[0].route.cases[1].when.input.contains[0]: the empty "
        "word is in every question; leave it out",
        "test.yaml:9:15: pipelines.p.stages[0].route.cases[2]: warning: this case holds always, so "
        "nothing behind it is looked at",
        "test.yaml:10:40: pipelines.p.stages[0].route.cases[3].when.input.matches: the expression "
        "is wrong: ",
        "test.yaml:11:24: pipelines.p.stages[1].route.cases: there is no case; give at least one",
        NULL,
    };

    pb_harness_refuse(LLMS "pipelines:\n"
                           "  p:\n"
                           "    stages:\n"
                           "      - route:\n"
                           "          cases:\n"
                           "            - {when: {input: {matches: 'a(b'}}, stages: []}\n"
                           "            - {when: {input: {contains: ['']}}, stages: []}\n"
                           "            - {when: {}, stages: []}\n"
                           "            - {when: {input: {matches: '\\C'}}, stages: []}\n"
                           "      - route: {cases: []}\n",
                      plugins, wanted);
}
END_TEST

START_TEST(a_thousand_turns_need_the_memory_of_one)
{
    harness = pb_harness_open(
        "host: {limits: {kept_turns: 8}}\n"
        "llms: {a: {use: replay, replies: [{text: yes}]}}\n"
        "pipelines: {p: {stages: [route: {cases: [{when: {input: {matches: '(h)(i)', contains: "
        "[hi]}}, stages: [generate: {llm: a}]}]}]}}\n",
        plugins, NULL);
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "hi"}, 1000), 4096);
    end();
}
END_TEST

START_TEST(otherwise_runs_when_no_case_holds)
{
    open_when("params: {temperature: '0.5'}");
    ck_assert(holds(&(pb_ask){.text = "hi", .params = "{\"temperature\": 0.5}"}));
    const pb_outcome *reply = pb_harness_say(harness, "hi");
    ck_text(reply->text, "no");
    end();
}
END_TEST

int main(void)
{
    return suite_run("route",
                     (const TTest *const[]){
                         matches, matches_in_a_long_question, a_wild_expression_is_given_up,
                         contains, lengths, it_is_the_last_question, has_text, principals, values,
                         otherwise_runs_when_no_case_holds, all_must_hold,
                         the_first_case_that_holds, failures_and_cancelling_pass_unchanged,
                         problems_have_their_line, a_thousand_turns_need_the_memory_of_one, NULL});
}
