/* What is answered again, to whom, for how long, and what never is. */
#define pb_host_table    pb_host_table_porch
#define PB_PLUGIN_SYMBOL patchbay_plugin_porch

#include "suite.h"
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_cache;
extern const pb_plugin patchbay_plugin_fallback;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_memory;

/* --- a stage that sees the headers, says more than text, and a cache that is away ------------- */

struct porch {
    bool sources;
    bool tools;
};

static const pb_field porch_options[] = {
    PB_BOOL(struct porch, sources, .help = "Emits a source and an event of its own."),
    PB_BOOL(struct porch, tools, .help = "Emits a tool call that was made here."),
    PB_END,
};

static char said[32]; /* X-Patchbay-Cache */

static pb_status more(const struct porch *porch, pb_turn *turn)
{
    pb_event event = pb_event_make(PB_EVENT_SOURCE);
    pb_status status = PB_OK;

    if (porch->sources) {
        status = pb_json_parse(pb_lit("{\"n\":1,\"document\":\"a.md\"}"), &event.data);
        status = status == PB_OK ? pb_emit(turn, &event) : status;
        status = status == PB_OK ? pb_emit_custom(turn, pb_lit("card"), event.data) : status;
    }
    if (porch->tools && status == PB_OK) {
        event = pb_event_make(PB_EVENT_TOOL_CALL);
        event.flags = PB_EVENT_LOCAL;
        event.id = event.name = event.text = pb_lit("1");
        status = pb_emit(turn, &event);
    }
    return status;
}

static pb_status porch_run(void *self, pb_turn *turn, const pb_next *next)
{
    size_t count = 0;
    pb_status status = more(self, turn);

    if (status == PB_OK)
        status = pb_run_next(next, turn);
    const pb_header *headers = pb_turn_headers(turn, &count);
    for (size_t i = 0; i < count; i++)
        if (pb_str_is(headers[i].name, "X-Patchbay-Cache"))
            (void)snprintf(said, sizeof said, "%.*s", PB_ARG(headers[i].value));
    return status;
}

static pb_status away_get(void *self, pb_str key, pb_bytes *out)
{
    (void)self, (void)key, (void)out;
    return pb_fail(PB_UNAVAILABLE, "nobody is at home");
}

static pb_status away_set(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    (void)value, (void)options;
    return away_get(self, key, NULL);
}

static pb_status away_increment(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                                int64_t *out)
{
    (void)by, (void)options, (void)out;
    return away_get(self, key, NULL);
}

static pb_status away_take(void *self, pb_str key, pb_bucket *bucket)
{
    (void)bucket;
    return away_get(self, key, NULL);
}

static pb_status away_remove(void *self, pb_str key)
{
    return away_get(self, key, NULL);
}

PB_PLUGIN("porch", "0.1.0", "Apache-2.0", "Sees the headers; a cache that is away.",
          PB_STAGE("porch", struct porch, porch_options, .run = porch_run),
          PB_CACHE("away", struct porch, porch_options, .get = away_get, .set = away_set,
                   .add = away_set, .increment = away_increment, .take = away_take,
                   .remove = away_remove, .remove_tag = away_remove));

static const pb_plugin *const plugins[] = {&patchbay_plugin_cache,    &patchbay_plugin_fallback,
                                           &patchbay_plugin_generate, &patchbay_plugin_memory,
                                           &patchbay_plugin_porch,    NULL};
static pb_harness *harness;

static void open_with(const char *caches, const char *options, const char *below)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {a: {use: scripted}, b: {use: scripted}}\ncaches: {%s}\n"
                   "services: {replies: {}}\n"
                   "pipelines:\n"
                   "  p: {stages: [porch: {}, cache: {%s}, %s generate: {llm: a}]}\n"
                   "  q: {stages: [porch: {}, cache: {%s}, generate: {llm: a}]}\n",
                   caches, options, below, options);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void open_cache(const char *options)
{
    open_with("shared: {use: memory, size: 8MiB}", options, "");
    pb_script(harness, "a", PB_STEP_TEXT("fir"), PB_STEP_TEXT("st"), PB_STEP_USAGE(10, 2),
              PB_STEP_STOP);
    pb_script(harness, "a", PB_STEP_TEXT("second"), PB_STEP_STOP);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static const pb_outcome *ask(const pb_ask *ask)
{
    said[0] = 0;
    const pb_outcome *reply = pb_harness_ask(harness, ask);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    return reply;
}

static const pb_outcome *say(const char *text)
{
    const pb_ask one = {.text = text};

    return ask(&one);
}

static void expect(const pb_outcome *reply, const char *text, const char *header)
{
    ck_text(reply->text, text);
    ck_assert_str_eq(said, header);
}

/* --- answers ---------------------------------------------------------------------------------- */

START_TEST(it_answers_again)
{
    open_cache("");
    expect(say("hi"), "first", "miss");
    const pb_outcome *again = say("hi");
    expect(again, "first", "hit");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    ck_assert_uint_eq(pb_outcome_count(again, PB_EVENT_TEXT), 1); /* in one piece */
    ck_text(pb_outcome_event(again, PB_EVENT_CUSTOM, 0)->name, "cache");
    ck_assert(
        pb_json_bool(pb_json_get(pb_outcome_event(again, PB_EVENT_CUSTOM, 0)->data, "hit"), false));
    ck_assert_int_eq(again->result->finish, PB_FINISH_STOP);
    ck_assert_int_eq(again->result->usage.input_tokens, 0); /* it cost nothing */
    ck_assert_uint_eq(again->result->usage.calls, 0);
    expect(say("ho"), "second", "miss");
    expect(say("hi"), "first", "hit");
    end();
}
END_TEST

START_TEST(all_that_was_said_comes_back)
{
    open_with("shared: {use: memory, size: 8MiB}", "", "porch: {sources: true},");
    pb_script(harness, "a", PB_STEP_THINKING("hm"), PB_STEP_TEXT("one"), PB_STEP_THINKING("hm hm"),
              PB_STEP_TEXT("two"), PB_STEP_STOP);
    (void)say("hi");
    const pb_outcome *again = say("hi");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 1);
    ck_text(again->text, "onetwo");
    ck_text(again->thinking, "hmhm hm");
    ck_assert_uint_eq(pb_outcome_count(again, PB_EVENT_THINKING), 2);
    ck_text(
        pb_json_text(pb_json_get(pb_outcome_event(again, PB_EVENT_SOURCE, 0)->data, "document")),
        "a.md");
    ck_text(pb_outcome_event(again, PB_EVENT_CUSTOM, 1)->name, "card");
    ck_assert_int_eq(again->events[again->event_count - 1]->type, PB_EVENT_DONE);
    end();
}
END_TEST

START_TEST(answers_grow_old)
{
    open_cache("ttl: 10m");
    expect(say("hi"), "first", "miss");
    pb_harness_advance(harness, 599 * PB_SECOND);
    expect(say("hi"), "first", "hit");
    pb_harness_advance(harness, PB_SECOND);
    expect(say("hi"), "second", "miss");
    end();
}
END_TEST

/* --- whose answers ---------------------------------------------------------------------------- */

static const char *ask_as(const char *id, const char *tenant)
{
    const pb_principal who = {.size = sizeof who, .id = pb_str_of(id), .tenant = pb_str_of(tenant)};
    const pb_ask one = {.text = "hi", .principal = &who};

    (void)ask(&one);
    return said;
}

START_TEST(each_has_their_own)
{
    open_cache("");
    ck_assert_str_eq(ask_as("ann", "acme"), "miss");
    ck_assert_str_eq(ask_as("bob", "acme"), "miss");
    ck_assert_str_eq(ask_as("ann", "other"), "miss");
    ck_assert_str_eq(ask_as("ann", "acme"), "hit");
    end();
}
END_TEST

START_TEST(or_all_of_a_tenant)
{
    open_cache("scope: tenant");
    ck_assert_str_eq(ask_as("ann", "acme"), "miss");
    ck_assert_str_eq(ask_as("bob", "acme"), "hit");
    ck_assert_str_eq(ask_as("bob", "other"), "miss"); /* never beyond */
    end();
}
END_TEST

/* --- what makes a difference ------------------------------------------------------------------ */

START_TEST(questions_differ)
{
    const pb_ask asks[] = {
        {.text = "hi"},
        {.text = "hi", .params = "{\"temperature\": 0.5}"},
        {.text = "hi", .params = "{\"temperature\": 0.6}"},
        {.text = "hi", .pipeline = "q"},
        {.text = "hi", .variables = "{\"tone\": \"dry\"}"},
        {.messages = "[{\"role\": \"assistant\", \"content\": \"hi\"}]"},
        {.messages = "[{\"role\": \"user\", \"content\": \"h\"},"
                     " {\"role\": \"user\", \"content\": \"i\"}]"},
        {.messages = "[{\"role\": \"user\", \"content\": \"hi\", \"name\": \"x\"}]"},
        {.messages = "[{\"role\": \"system\", \"content\": \"be kind\"},"
                     " {\"role\": \"user\", \"content\": \"hi\"}]"},
    };
    enum { COUNT = sizeof asks / sizeof *asks };
    const pb_ask same[] = {{.text = "hi", .metadata = "{\"a\": 1}"},
                           {.text = "hi", .params = "{\"user\": \"u1\"}"},
                           {.text = "hi", .variables = "{\"other\": 1}"},
                           {.text = "hi", .whole = true}};

    open_cache("variables: [tone]");
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT; i++) {
            (void)ask(&asks[i]);
            ck_assert_msg(strcmp(said, round ? "hit" : "miss") == 0, "%zu: %s", i, said);
        }
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        (void)ask(&same[i]);
        ck_assert_msg(strcmp(said, "hit") == 0, "same %zu: %s", i, said);
    }
    end();
}
END_TEST

START_TEST(long_questions_too)
{
    char *text = malloc(400001);

    memset(text, 'x', 400000);
    text[400000] = 0;
    open_cache("");
    pb_harness_virtual_time(harness, false); /* hashed on a thread */
    expect(say(text), "first", "miss");
    expect(say(text), "first", "hit");
    text[399999] = 'y';
    expect(say(text), "second", "miss");
    end();
    free(text);
}
END_TEST

START_TEST(who_asks_may_wish)
{
    const pb_ask past = {.text = "hi", .metadata = "{\"cache\": false}"};
    const pb_ask anew = {.text = "hi", .metadata = "{\"cache\": \"refresh\"}"};

    open_cache("");
    pb_script(harness, "a", PB_STEP_TEXT("third"), PB_STEP_STOP);
    expect(say("hi"), "first", "miss");
    expect(ask(&past), "second", "bypass");
    expect(say("hi"), "first", "hit");
    expect(ask(&anew), "third", "miss");
    expect(say("hi"), "third", "hit");
    end();
}
END_TEST

/* How many answers two stages keep of one question. */
static void kept_by(const char *inner, const char *entries)
{
    char below[100];

    (void)snprintf(below, sizeof below, "cache: {version: %s},", inner);
    open_with("shared: {use: memory, size: 8MiB}", "version: one", below);
    (void)say("hi");
    pb_content metrics = pb_harness_call(harness, "GET", "/metrics", NULL, NULL);
    ck_assert(strstr(metrics.body.data, entries));
    end();
}

START_TEST(a_version_forgets)
{
    kept_by("one", "patchbay_cache_shared_entries{instance=\"shared\"} 1\n");
    kept_by("two", "patchbay_cache_shared_entries{instance=\"shared\"} 2\n");
}
END_TEST

START_TEST(a_pipeline_is_forgotten)
{
    const pb_principal tester = {
        .size = sizeof tester, .id = pb_lit("tester"), .tenant = pb_lit("default")};
    const pb_ask one = {.text = "hi", .principal = &tester};
    const pb_ask other = {.text = "hi", .principal = &tester, .pipeline = "q"};

    open_cache("");
    (void)ask(&one);
    (void)ask(&other);
    ck_assert_int_eq(pb_harness_call(harness, "DELETE", "/v1/replies/p", NULL, &tester).status,
                     204);
    expect(ask(&other), "second", "hit");
    (void)ask(&one);
    ck_assert_str_eq(said, "miss");
    ck_assert_int_eq(pb_harness_call(harness, "DELETE", "/v1/replies/x", NULL, &tester).status,
                     404);
    end();
}
END_TEST

/* --- what is never kept ----------------------------------------------------------------------- */

static void never(void)
{
    (void)say("hi");
    ck_assert_str_eq(said, "miss");
    (void)say("hi");
    ck_assert_str_eq(said, "miss");
    end();
}

START_TEST(unfinished_answers_are_not_kept)
{
    open_with("shared: {use: memory, size: 8MiB}", "", "");
    pb_script(harness, "a", PB_STEP_TEXT("cut"), PB_STEP_FINISH(PB_FINISH_LENGTH));
    never();
    open_with("shared: {use: memory, size: 8MiB}", "", "");
    pb_script(harness, "a", PB_STEP_TOOL_CALL(0, "c1", "clock", "{}"),
              PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    never();
    open_with("shared: {use: memory, size: 8MiB}", "", "porch: {tools: true},");
    pb_script(harness, "a", PB_STEP_TEXT("did it"), PB_STEP_STOP);
    never();
    open_cache("max_size: 256B");
    pb_script_reset(harness, "a");
    pb_script(
        harness, "a",
        PB_STEP_TEXT("a long answer: 0123456789012345678901234567890123456789"
                     "0123456789012345678901234567890123456789012345678901234"
                     "0123456789012345678901234567890123456789012345678901234"),
        PB_STEP_TEXT("0123456789012345678901234567890123456789012345678901234567890123456789"
                     "0123456789012345678901234567890123456789012345678901234567890123456789"),
        PB_STEP_TEXT("more"), PB_STEP_STOP);
    never();
}
END_TEST

START_TEST(failures_are_not_kept)
{
    open_with("shared: {use: memory, size: 8MiB}", "", "");
    pb_script(harness, "a", PB_STEP_TEXT("half"), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "a", PB_STEP_TEXT("whole"), PB_STEP_STOP);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_UNAVAILABLE);
    expect(say("hi"), "whole", "miss");
    expect(say("hi"), "whole", "hit");
    end();
}
END_TEST

START_TEST(makeshift_answers_are_not_kept)
{
    harness =
        pb_harness_open("llms: {a: {use: scripted}, b: {use: scripted}}\n"
                        "caches: {shared: {use: memory, size: 8MiB}}\n"
                        "pipelines: {p: {stages: [porch: {}, cache: {},\n"
                        "  fallback: {try: [[generate: {llm: a}], [generate: {llm: b}]]}]}}\n",
                        plugins, NULL);
    pb_script(harness, "a", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "b", PB_STEP_TEXT("sorry"), PB_STEP_STOP);
    pb_harness_log(PB_ERROR, NULL);
    never();
}
END_TEST

START_TEST(a_cache_that_is_away)
{
    open_with("gone: {use: away}", "", "");
    pb_script(harness, "a", PB_STEP_TEXT("first"), PB_STEP_STOP);
    pb_harness_log(PB_ERROR, NULL);
    expect(say("hi"), "first", "miss");
    expect(say("hi"), "first", "miss");
    end();
}
END_TEST

/* Answers are in the cache that the stage names; the service forgets those of the one that it
 * names. */
START_TEST(of_several_caches_the_one_that_is_named)
{
    static const char *const services[] = {"empty", "good"};
    char yaml[600];

    for (int i = 0; i < 2; i++) {
        (void)snprintf(
            yaml, sizeof yaml,
            "llms: {a: {use: scripted}}\n"
            "caches: {away: {}, empty: {use: memory}, good: {use: memory}}\n"
            "services: {replies: {cache: %s}}\n"
            "pipelines: {p: {stages: [porch: {}, cache: {cache: good}, generate: {llm: a}]}}\n",
            services[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        expect(say("hi"), "ok", "miss");
        expect(say("hi"), "ok", "hit");
        pb_content gone = pb_harness_call(harness, "DELETE", "/v1/replies/p", NULL, NULL);
        ck_assert_int_eq(gone.status, 204);
        expect(say("hi"), "ok", i ? "miss" : "hit");
        end();
    }
}
END_TEST

int main(void)
{
    return suite_run(
        "cache", (const TTest *const[]){it_answers_again, all_that_was_said_comes_back,
                                        answers_grow_old, each_has_their_own, or_all_of_a_tenant,
                                        questions_differ, long_questions_too, who_asks_may_wish,
                                        a_version_forgets, a_pipeline_is_forgotten,
                                        unfinished_answers_are_not_kept, failures_are_not_kept,
                                        makeshift_answers_are_not_kept, a_cache_that_is_away,
                                        of_several_caches_the_one_that_is_named, NULL});
}
