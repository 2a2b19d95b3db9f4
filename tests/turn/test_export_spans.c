/* Spans of ended turns as exporters get them: once, in batches, again after a failure, within bounds. */
#include "box.h"
#include "suite.h"

#include "turn/export.h"

static const char yaml[] = "exporters: {out: {use: box-spans}}\n"
                           "host: {limits: {kept_turns: 0}}\n"
                           "pipelines: {p: {stages: [{probe: {act: outer}}, {probe: {act: inner}}]}}\n";

static pb_harness *harness; /* keeps no turn: nobody but the queue holds them */

static pb_status outer(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return pb_run_next(next, turn);
}

static void begin(void)
{
    probe_reset();
    probe_on("outer", outer);
    probe_on("inner", outer);
    box_reset();
    harness = pb_harness_new(yaml, &patchbay_plugin_probe, &patchbay_plugin_box);
}

static void finish(void)
{
    pb_harness_free(harness);
}

static pb_status inner(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_span *span = pb_span_begin(pb_lit("lookup"), pb_lit("shelf"));

    (void)probe;
    (void)next;
    pb_span_note(span, pb_lit("hits"), pb_lit("3"));
    pb_span_note(span, pb_lit("where"), pb_lit("left"));
    (void)pb_sleep(20 * PB_MILLISECOND);
    pb_span_end(span, PB_NOT_FOUND);
    return pb_emit_text(turn, pb_lit("ok"));
}

static pb_status drop_event(pb_sink *sink, const pb_event *event)
{
    (void)sink;
    (void)event;
    return PB_OK;
}

/* Many turns in one task, with nothing remembered. */
static pb_status run_many(void *arg)
{
    pb_sink sink = {.size = sizeof sink, .emit = drop_event};

    for (size_t i = *(size_t *)arg; i > 0; i--) {
        pb_scope *scope = pb_scope_begin();
        pb_turn_spec spec = pb_turn_spec_make();
        pb_turn *turn;
        spec.pipeline = pb_pipeline_find(pb_lit("p"));
        if (pb_turn_new(&spec, &turn) != PB_OK)
            return PB_INTERNAL;
        (void)pb_turn_run(turn, &sink);
        pb_turn_free(turn);
        pb_scope_end(scope);
    }
    return PB_OK;
}

static void ask(size_t turns)
{
    ck_assert_int_eq(pb_harness_run(harness, run_many, &turns, NULL), PB_OK);
}

static const struct box_span *find(const char *kind, const char *name)
{
    for (size_t i = 0; i < box.span_count; i++)
        if (!strcmp(box.spans[i].kind, kind) && !strcmp(box.spans[i].name, name))
            return &box.spans[i];
    ck_abort_msg("no span %s %s", kind, name);
    return NULL;
}

static size_t dropped(void)
{
    pb_content text = pb_harness_call(harness, "GET", "/metrics", NULL, NULL);
    const char *line = strstr(text.body.data, "patchbay_exporter_dropped_total{instance=\"out\"} ");

    ck_assert_msg(line, "%s", text.body.data);
    return strtoull(strchr(line, ' ') + 1, NULL, 10);
}

START_TEST(a_turn_is_a_tree_of_spans)
{
    probe_reset();
    probe_on("outer", outer);
    probe_on("inner", inner);
    const pb_outcome *reply = pb_harness_say(harness, "a secret question");
    ck_assert_uint_eq(box.span_call_count, 0); /* never within the turn */
    pb_harness_wait(harness, 2 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 1);
    ck_assert_uint_eq(box.span_count, 4);

    const struct box_span *turn = find("turn", "p"), *lookup = find("lookup", "shelf");
    ck_assert_ptr_eq(turn, &box.spans[0]);
    ck_assert_str_eq(turn->turn, reply->id.data);
    ck_assert_str_eq(turn->tenant, "default");
    ck_assert_str_eq(turn->parent, "");
    ck_assert_uint_eq(strlen(turn->trace), 32);
    ck_assert_uint_eq(strlen(turn->id), 16);
    ck_assert_msg(strstr(turn->notes, "\"finish\":\"stop\"") && strstr(turn->notes, "request-1"), "%s",
                  turn->notes);
    ck_assert_str_eq(box.spans[1].parent, turn->id);
    ck_assert_str_eq(box.spans[2].parent, box.spans[1].id);
    ck_assert_str_eq(lookup->parent, box.spans[2].id);
    ck_assert_int_eq(lookup->status, PB_NOT_FOUND);
    ck_assert_str_eq(lookup->notes, "{\"where\":\"left\",\"hits\":3}");
    ck_assert_int_ge(lookup->total, 20 * PB_MILLISECOND);
    ck_assert_int_lt(turn->self, 10 * PB_MILLISECOND);
    ck_assert_int_ge(lookup->began, turn->began);
    ck_assert_int_le(lookup->began + lookup->total, turn->began + turn->total);
    for (size_t i = 0; i < box.span_count; i++) {
        ck_assert_str_eq(box.spans[i].trace, turn->trace);
        ck_assert_ptr_null(strstr(box.spans[i].notes, "secret"));
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(box.spans[i].id, box.spans[k].id);
    }
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 1);
}
END_TEST

START_TEST(many_turns_make_full_batches)
{
    ask(600); /* of three spans each: the turn and its two stages */
    pb_harness_wait(harness, 2 * PB_SECOND);
    ck_assert_uint_eq(box.span_count, 1800);
    for (size_t i = 0; i < box.span_call_count; i++)
        ck_assert_uint_le(box.span_calls[i].count, EXPORT_SPANS_BATCH);
    ck_assert_uint_le(box.span_call_count, 5);
    ck_assert_uint_eq(dropped(), 0);
}
END_TEST

START_TEST(what_is_not_taken_is_offered_again_later_and_later)
{
    box.failures = 4;
    box.status = PB_UNAVAILABLE;
    ask(2);
    pb_harness_wait(harness, 5 * PB_SECOND);
    ask(1); /* comes meanwhile */
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 5);
    for (size_t i = 1; i < 5; i++) {
        pb_duration pause = box.span_calls[i].when - box.span_calls[i - 1].when;
        ck_assert_int_ge(pause, PB_SECOND << (i - 1));
        ck_assert_int_lt(pause, (PB_SECOND << (i - 1)) + PB_SECOND);
    }
    ck_assert_uint_eq(box.span_count, 9);
    for (size_t i = 3; i < 9; i += 3) /* in their order, none twice */
        ck_assert_str_lt(box.spans[i - 3].turn, box.spans[i].turn);
    ck_assert_uint_eq(dropped(), 0);
}
END_TEST

START_TEST(an_exporter_may_say_when)
{
    box.failures = 1;
    box.status = PB_RATE_LIMITED;
    box.retry_after = 40 * PB_SECOND;
    ask(1);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 2);
    ck_assert_int_ge(box.span_calls[1].when - box.span_calls[0].when, 40 * PB_SECOND);
}
END_TEST

START_TEST(what_can_never_be_taken_is_dropped_and_counted)
{
    box.failures = 1;
    box.status = PB_INVALID;
    ask(2);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 1);
    ck_assert_uint_eq(box.span_count, 0);
    ck_assert_uint_eq(dropped(), 6);
    ask(1);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_count, 3);
}
END_TEST

START_TEST(too_many_that_wait_drop_the_oldest)
{
    box.failures = 1000;
    box.status = PB_UNAVAILABLE;
    ask(EXPORT_TURNS_MOST + 100);
    box.failures = 0;
    pb_harness_wait(harness, 120 * PB_SECOND);
    ck_assert_uint_ge(dropped(), 300);
    ck_assert_uint_eq(box.span_count + dropped(), 3 * (EXPORT_TURNS_MOST + 100));
    ck_assert_uint_ge(box.span_count, 3 * (EXPORT_TURNS_MOST - EXPORT_SPANS_BATCH));
}
END_TEST

START_TEST(a_call_that_hangs_ends_by_its_time)
{
    box.wait = 3600 * PB_SECOND;
    ask(1);
    pb_harness_wait(harness, 32 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 1);
    ck_assert_int_eq(box.span_calls[0].status, PB_TIMEOUT);
    ck_assert_int_eq(box.span_calls[0].when / PB_SECOND, 31);
    box.wait = 0;
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.span_count, 3);
}
END_TEST

START_TEST(stopping_hands_over_what_waits_once)
{
    ask(1);
    pb_harness_free(harness);
    ck_assert_uint_eq(box.span_count, 3);
    begin();
    box.failures = 1000;
    box.status = PB_UNAVAILABLE;
    ask(1);
    pb_harness_free(harness);
    ck_assert_uint_eq(box.span_call_count, 1);
    begin();
    box.wait = 3600 * PB_SECOND; /* a call that hangs is cancelled when the time is over */
    ask(1);
    pb_harness_free(harness);
    ck_assert_int_eq(box.span_calls[0].status, PB_CANCELLED);
    ck_assert_int_le(box.span_calls[0].when, 6 * PB_SECOND);
    begin();
}
END_TEST

START_TEST(several_exporters_get_the_same)
{
    pb_harness_free(harness);
    harness = pb_harness_new("exporters: {a: {use: box}, b: {use: box-spans}, c: {use: box-audit}}\n"
                             "pipelines: {p: {stages: [{probe: {act: outer}}]}}\n",
                             &patchbay_plugin_probe, &patchbay_plugin_box);
    ask(1);
    pb_harness_wait(harness, 2 * PB_SECOND);
    ck_assert_uint_eq(box.span_call_count, 2);
    ck_assert_uint_eq(box.span_count, 4);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_turn_is_a_tree_of_spans,
                                  many_turns_make_full_batches,
                                  what_is_not_taken_is_offered_again_later_and_later,
                                  an_exporter_may_say_when,
                                  what_can_never_be_taken_is_dropped_and_counted,
                                  too_many_that_wait_drop_the_oldest,
                                  a_call_that_hangs_ends_by_its_time,
                                  stopping_hands_over_what_waits_once,
                                  several_exporters_get_the_same,
                                  NULL};

    return suite_run_cases("export_spans",
                           (TCase *const[]){suite_case("spans", begin, finish, tests), NULL});
}
