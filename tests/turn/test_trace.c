/* The trace: a tree whose exclusive times add up, answered-by, what others may see, the ring. */
#include "probe.h"

#include "base/metrics.h"
#include "turn/trace.h"
#include "turn/turn.h"

static double ms(const pb_json *json, const char *path)
{
    const pb_json *value = pb_json_path(json, path);
    ck_assert_msg(value != NULL, "no %s", path);
    return pb_json_double(value, -1);
}

static const char *text(const pb_json *json, const char *path)
{
    pb_str value = pb_json_text(pb_json_path(json, path));
    ck_assert_msg(value.data != NULL, "no %s", path);
    return value.data;
}

/* Sleeps, runs what follows, sleeps. */
static pb_status slow(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_sleep(probe->wait);

    if (status == PB_OK)
        status = pb_run_next(next, turn);
    return status == PB_OK ? pb_sleep(probe->wait) : status;
}

/* Everything that has self_ms, added up. */
static double sum_self(const pb_json *json)
{
    double sum = pb_json_double(pb_json_get(json, "self_ms"), 0);

    for (const pb_json *at = json ? json->child : NULL; at; at = at->next)
        if (at->type == PB_JSON_ARRAY || at->type == PB_JSON_OBJECT)
            sum += sum_self(at);
    return sum;
}

START_TEST(exclusive_times_add_up_to_the_whole)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\n"
                       "pipelines: {p: {stages: [{probe: {act: slow, wait: 10ms}}, {probe: {act: "
                       "slow, wait: 20ms}}, {probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    probe_on("slow", slow);
    pb_script(harness, "main", PB_STEP_WAIT(100 * PB_MILLISECOND), PB_STEP_TEXT("x"),
              PB_STEP_USAGE(8, 4), PB_STEP_STOP);
    const pb_json *explain = pb_harness_say(harness, "hi")->explain;
    ck_assert_str_eq(text(explain, "status"), "done");
    ck_assert_str_eq(text(explain, "pipeline"), "p");
    ck_assert_str_eq(text(explain, "finish"), "stop");
    ck_assert_str_eq(text(explain, "answered_by/llm"), "main");
    ck_assert_int_eq(pb_json_int(pb_json_path(explain, "usage/input_tokens"), 0), 8);
    ck_assert(ms(explain, "stages/0/ms") >= 160);
    ck_assert(ms(explain, "stages/0/self_ms") >= 20);
    ck_assert(ms(explain, "stages/0/self_ms") <=
              ms(explain, "stages/0/ms") - ms(explain, "stages/0/children/0/ms") + 0.01);
    ck_assert(ms(explain, "stages/0/children/0/self_ms") >= 40);
    ck_assert_str_eq(text(explain, "stages/0/children/0/children/0/calls/0/kind"), "llm");
    ck_assert_str_eq(text(explain, "stages/0/children/0/children/0/calls/0/model"), "scripted-1");
    ck_assert(ms(explain, "stages/0/children/0/children/0/calls/0/self_ms") >= 100);
    double all = sum_self(pb_json_get(explain, "stages")) + ms(explain, "timing/host_ms");
    ck_assert_msg(all > ms(explain, "timing/total_ms") - 0.05 &&
                      all < ms(explain, "timing/total_ms") + 0.05,
                  "%f != %f", all, ms(explain, "timing/total_ms"));
    pb_harness_free(harness);
}
END_TEST

/* --- spans of plugins ---------------------------------------------------------------------------
 */

static pb_status notes(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    char name[] = "lookup";
    pb_span *span = pb_span_begin(pb_lit("cache"), pb_str_of(name));

    (void)probe;
    memset(name, 'z', sizeof name - 1); /* the host has copied it */
    pb_span_note(span, pb_lit("rows"), pb_lit("4"));
    pb_span_note(span, pb_lit("hit"), pb_lit("no"));
    pb_span_note(span, pb_lit("odd"), pb_lit("007"));
    pb_span *inner = pb_span_begin(pb_lit("query"), pb_lit("forgotten"));
    (void)inner;
    pb_span_end(span, PB_NOT_FOUND);
    pb_span_end(span, PB_OK); /* a second end changes nothing */
    pb_span_end(NULL, PB_OK);
    return pb_run_next(next, turn);
}

START_TEST(a_plugins_spans_are_calls_with_notes)
{
    pb_harness *harness =
        pb_harness_new("pipelines: {p: {stages: [{probe: {act: notes}}, {probe: {act: notes}}]}}",
                       &patchbay_plugin_probe);
    probe_on("notes", notes);
    const pb_json *explain = pb_harness_say(harness, "hi")->explain;
    const pb_json *call = pb_json_path(explain, "stages/0/calls/0");
    ck_assert_str_eq(text(call, "kind"), "cache");
    ck_assert_str_eq(text(call, "name"), "lookup");
    ck_assert_str_eq(text(call, "status"), "not_found");
    ck_assert_str_eq(text(call, "hit"), "no");
    ck_assert_str_eq(text(call, "odd"), "007");
    ck_assert_int_eq(pb_json_int(pb_json_get(call, "rows"), 0), 4);
    ck_assert_str_eq(text(call, "calls/0/name"), "forgotten");
    ck_assert_ptr_null(pb_json_path(call, "calls/0/open"));
    ck_assert_str_eq(text(explain, "stages/0/children/0/calls/0/name"), "lookup");
    pb_harness_free(harness);
}
END_TEST

static pb_status endless(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    for (int i = 0; i < TRACE_SPANS_MOST + 100; i++)
        pb_span_end(pb_span_begin(pb_lit("loop"), pb_lit("round")), PB_OK);
    for (int i = 0; i < 200; i++)
        (void)pb_span_begin(pb_lit("deep"), pb_lit("deeper"));
    return pb_run_next(next, turn);
}

START_TEST(a_turn_has_only_so_many_spans)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: endless}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("endless", endless);
    const pb_json *explain = pb_harness_say(harness, "hi")->explain;
    ck_assert_uint_eq(pb_json_path(explain, "stages/0/calls")->count, TRACE_SPANS_MOST - 1);
    ck_assert_int_eq(pb_json_int(pb_json_get(explain, "dropped_spans"), 0), 301);
    pb_harness_free(harness);
}
END_TEST

/* --- fallback, several models -------------------------------------------------------------------
 */

static pb_status or_else(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_run_pipeline(PB_ITEM(probe->branches, pb_pipeline *, 0), turn, next);

    return status == PB_OK
               ? status
               : pb_run_pipeline(PB_ITEM(probe->branches, pb_pipeline *, 1), turn, next);
}

static const char or_else_yaml[] =
    "llms: {main: {use: scripted}, spare: {use: scripted}}\n"
    "pipelines: {p: {stages: [{probe: {act: or_else, branches: [[{probe: {act: ask, llm: main}}], "
    "[{probe: {act: ask, llm: spare}}]]}}]}}\n";

START_TEST(another_model_answers_for_one_that_failed)
{
    pb_harness *harness = pb_harness_new(or_else_yaml, &patchbay_plugin_probe);
    probe_on("or_else", or_else);
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    pb_script(harness, "spare", PB_STEP_TEXT("here"), PB_STEP_USAGE(2, 1), PB_STEP_STOP);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_int_eq(outcome->result->fallback, 1);
    ck_assert_str_eq(outcome->result->llm.data, "spare");
    ck_assert_int_eq(outcome->result->usage.calls, 2);
    ck_assert_ptr_null(outcome->result->error);
    ck_assert(pb_json_bool(pb_json_path(outcome->explain, "answered_by/fallback"), false));
    const pb_json *children = pb_json_path(outcome->explain, "stages/0/children");
    ck_assert_str_eq(text(children, "0/calls/0/status"), "unavailable");
    ck_assert_str_eq(text(children, "1/calls/0/name"), "spare");
    pb_script_reset(harness, "main");
    ck_assert_int_eq(pb_harness_say(harness, "hi")->result->fallback, 0);
    pb_harness_free(harness);
}
END_TEST

/* --- who may see it, and for how long ------------------------------------------------------------
 */

static pb_content get(pb_harness *harness, pb_str id, const pb_principal *principal)
{
    char path[80];
    snprintf(path, sizeof path, "/v1/turns/%.*s", PB_ARG(id));
    return pb_harness_call(harness, "GET", path, NULL, principal);
}

START_TEST(the_owner_and_an_admin_see_a_turn_and_nobody_else)
{
    static const pb_str roles[] = {PB_LIT("admin")};
    pb_principal other = {.size = sizeof other, .id = PB_LIT("o"), .tenant = PB_LIT("default")};
    pb_harness *harness = pb_harness_new(
        "llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: ask, llm: main}}]}}",
        &patchbay_plugin_probe);
    pb_str id = pb_harness_say(harness, "hi")->id;
    ck_assert_int_eq(get(harness, id, NULL).status, 200);
    ck_assert_int_eq(get(harness, id, &other).status, 404);
    other.roles = roles;
    other.role_count = 1;
    ck_assert_int_eq(get(harness, id, &other).status, 200);
    other.tenant = pb_lit("elsewhere");
    ck_assert_int_eq(get(harness, id, &other).status, 404);
    ck_assert_ptr_nonnull(strstr(get(harness, id, NULL).body.data, "\"answered_by\""));
    pb_content list = pb_harness_call(harness, "GET", "/v1/turns", NULL, NULL);
    ck_assert_ptr_nonnull(strstr(list.body.data, id.data));
    list = pb_harness_call(harness, "GET", "/v1/turns", NULL, &other);
    ck_assert_str_eq(list.body.data, "{\"turns\":[],\"next\":null}");
    pb_harness_free(harness);
}
END_TEST

START_TEST(only_so_many_turns_are_kept)
{
    pb_harness *harness =
        pb_harness_new("host: {limits: {kept_turns: 3}}\nllms: {main: {use: scripted}}\n"
                       "pipelines: {p: {stages: [{probe: {act: ask, llm: main}}]}}",
                       &patchbay_plugin_probe);
    pb_str ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = pb_harness_say(harness, "hi")->id;
    ck_assert_uint_eq(trace_kept(NULL), 3);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(get(harness, ids[i], NULL).status, i < 3 ? 404 : 200);
    pb_content list = pb_harness_call(harness, "GET", "/v1/turns?limit=2", NULL, NULL);
    ck_assert_ptr_nonnull(strstr(list.body.data, ids[5].data));
    ck_assert_ptr_null(strstr(list.body.data, ids[3].data));
    char path[100];
    snprintf(path, sizeof path, "/v1/turns?limit=2&cursor=%s", ids[4].data);
    list = pb_harness_call(harness, "GET", path, NULL, NULL);
    ck_assert_ptr_nonnull(strstr(list.body.data, ids[3].data));
    ck_assert_ptr_nonnull(strstr(list.body.data, "\"next\":null"));
    pb_harness_free(harness);
}
END_TEST

START_TEST(a_failed_turn_keeps_its_error)
{
    pb_harness *harness = pb_harness_new(
        "llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: ask, llm: main}}]}}",
        &patchbay_plugin_probe);
    pb_script(harness, "main", PB_STEP_FAIL(PB_BAD_UPSTREAM, "no sense in it"));
    const pb_json *explain = pb_harness_say(harness, "hi")->explain;
    ck_assert_str_eq(text(explain, "status"), "failed");
    ck_assert_str_eq(text(explain, "error/type"), "/problems/bad_upstream");
    ck_assert_str_eq(text(explain, "error/detail"), "no sense in it");
    ck_assert_str_eq(text(explain, "error/instance"), "request-1");
    ck_assert_int_eq(pb_json_int(pb_json_path(explain, "error/status"), 0), 502);
    ck_assert(pb_json_is(pb_json_get(explain, "answered_by"), PB_JSON_NULL));
    pb_harness_free(harness);
}
END_TEST

/* --- stages as events, figures -------------------------------------------------------------------
 */

START_TEST(stages_are_told_when_asked_for)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\n"
                       "pipelines: {p: {stages: [{probe: {act: slow, wait: 1ms}}, "
                       "{probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    probe_on("slow", slow);
    const pb_outcome *outcome = pb_harness_ask(harness, &(pb_ask){.text = "hi", .stages = true});
    ck_assert_uint_eq(pb_outcome_count(outcome, PB_EVENT_STAGE), 4);
    ck_assert_str_eq(outcome->events[0]->text.data, "begin");
    ck_assert_str_eq(outcome->events[outcome->event_count - 2]->text.data, "end");
    ck_assert_uint_eq(pb_outcome_count(pb_harness_say(harness, "hi"), PB_EVENT_STAGE), 0);
    pb_harness_free(harness);
}
END_TEST

/* What /metrics says of a series; 0 without it. Figures are the process's: tests before count too. */
static double figure(pb_harness *harness, const char *series)
{
    pb_content metrics = pb_harness_call(harness, "GET", "/metrics", NULL, NULL);

    ck_assert_int_eq(metrics.status, 200);
    const char *at = strstr(metrics.body.data, series);
    return at ? strtod(at + strlen(series), NULL) : 0;
}

START_TEST(turns_are_counted)
{
    static const struct {
        const char *series;
        double more;
    } figures[] = {{"patchbay_turns_total{pipeline=\"p\"} ", 2},
                   {"patchbay_turn_results_total{status=\"unavailable\"} ", 1},
                   {"patchbay_llm_calls_total{llm=\"main\"} ", 2},
                   {"patchbay_llm_tokens_total{direction=\"input\"} ", 5},
                   {"patchbay_turns_running ", 0}};
    double before[sizeof figures / sizeof *figures];
    pb_harness *harness = pb_harness_new(
        "llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: ask, llm: main}}]}}",
        &patchbay_plugin_probe);

    pb_script(harness, "main", PB_STEP_USAGE(5, 2), PB_STEP_STOP);
    pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        before[i] = figure(harness, figures[i].series);
    pb_harness_say(harness, "hi");
    pb_harness_say(harness, "hi");
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        ck_assert_double_eq(figure(harness, figures[i].series) - before[i], figures[i].more);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {exclusive_times_add_up_to_the_whole,
                                a_plugins_spans_are_calls_with_notes,
                                a_turn_has_only_so_many_spans,
                                another_model_answers_for_one_that_failed,
                                the_owner_and_an_admin_see_a_turn_and_nobody_else,
                                only_so_many_turns_are_kept,
                                a_failed_turn_keeps_its_error,
                                stages_are_told_when_asked_for,
                                turns_are_counted,
                                NULL};
    return probe_main("trace", all);
}
