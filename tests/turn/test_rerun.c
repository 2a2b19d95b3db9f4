/* A stage that runs the rest twice: what starts over, whose memory goes, what stays. */
#include "probe.h"

static size_t seen[2];
static int run;

/* Takes memory, adds a message, sets a variable; fails the first time without a word. */
static pb_status flaky(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    const pb_message *messages[8];
    size_t count;
    const pb_message *const *now = pb_turn_messages(turn, &count);

    (void)probe;
    (void)next;
    seen[run] = count;
    for (int i = 0; i < 50 * (run + 1); i++)
        memset(pb_alloc(64), 'z', 64);
    memcpy(messages, now, count * sizeof *messages);
    messages[count] = pb_message_new(PB_ROLE_SYSTEM, pb_lit("more"));
    ck_assert_int_eq(pb_turn_set_messages(turn, messages, count + 1), PB_OK);
    ck_assert_ptr_null(pb_turn_variable(turn, pb_lit("tried")));
    ck_assert_int_eq(pb_turn_set_variable(turn, pb_lit("tried"), pb_json_boolean(true)), PB_OK);
    ck_assert_ptr_nonnull(pb_alloc(100000));
    return run++ == 0 ? pb_fail(PB_UNAVAILABLE, "not yet") : pb_emit_text(turn, pb_lit("done"));
}

static pb_status again(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    ck_assert_int_eq(pb_run_next(next, turn), PB_UNAVAILABLE);
    ck_assert_ptr_nonnull(pb_turn_variable(turn, pb_lit("tried"))); /* still there to be seen */
    return pb_run_next(next, turn);
}

START_TEST(a_second_run_starts_over_and_its_memory_is_used_again)
{
    pb_harness *harness = pb_harness_new("host: {limits: {turn_memory: 220KiB}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: again}}, "
                                         "{probe: {act: flaky}}]}}",
                                         &patchbay_plugin_probe);
    run = 0;
    probe_on("again", again);
    probe_on("flaky", flaky);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_str_eq(outcome->text.data, "done");
    ck_assert_uint_eq(seen[0], 1);
    ck_assert_uint_eq(seen[1], 1);
    pb_harness_free(harness);
}
END_TEST

static pb_status many(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    for (int i = 0; i < 100; i++) {
        run = 0;
        ck_assert_int_eq(pb_run_next(next, turn), PB_UNAVAILABLE);
    }
    run = 1;
    return pb_run_next(next, turn);
}

START_TEST(a_hundred_runs_need_the_memory_of_one)
{
    pb_harness *harness = pb_harness_new("host: {limits: {turn_memory: 220KiB}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: many}}, "
                                         "{probe: {act: flaky}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("many", many);
    probe_on("flaky", flaky);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    pb_harness_free(harness);
}
END_TEST

static pb_str kept_word;

struct keeper {
    pb_sink base;
};

/* A sink of an outer stage that keeps what it saw, in the scope that happens to run. */
static pb_status keep_emit(pb_sink *sink, const pb_event *event)
{
    if (event->type == PB_EVENT_TEXT && !kept_word.data)
        kept_word = pb_copy(event->text);
    return pb_pass(sink, event);
}

static pb_status keeper(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_sink sink = {.size = sizeof sink, .emit = keep_emit};

    (void)probe;
    kept_word = (pb_str){0};
    pb_status status = pb_run_next_with(next, turn, &sink);
    probe_log(kept_word.data);
    return status;
}

static pb_status twice(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    pb_status status = pb_run_next(next, turn);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static pb_status say_run(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_str text = pb_printf("run%d ", run++);

    (void)probe;
    (void)next;
    for (int i = 0; i < 100 * run; i++) /* overwrites what a wrongly freed scope held */
        memset(pb_alloc(64), 'z', 64);
    return pb_emit_text(turn, text);
}

START_TEST(what_an_outer_sink_kept_survives_the_second_run)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: keeper}}, "
                                         "{probe: {act: twice}}, {probe: {act: say}}]}}",
                                         &patchbay_plugin_probe);
    run = 0;
    probe_on("keeper", keeper);
    probe_on("twice", twice);
    probe_on("say", say_run);
    ck_assert_str_eq(pb_harness_say(harness, "hi")->text.data, "run0 run1 ");
    ck_assert_str_eq(probe_logged(), "run0 ");
    pb_harness_free(harness);
}
END_TEST

/* Keeps something of its own between the runs. */
static pb_status between(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    run = 0;
    ck_assert_int_eq(pb_run_next(next, turn), PB_UNAVAILABLE);
    pb_str mine = pb_printf("mine %d", run);
    pb_status status = pb_run_next(next, turn);
    ck_assert_str_eq(mine.data, "mine 1");
    return status;
}

START_TEST(what_the_stage_itself_kept_in_between_stays)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: between}}, "
                                         "{probe: {act: flaky}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("between", between);
    probe_on("flaky", flaky);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    pb_harness_free(harness);
}
END_TEST

static pb_status repair(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    size_t count;
    const pb_message *messages[2];

    (void)probe;
    run = 0;
    ck_assert_int_eq(pb_run_next(next, turn), PB_UNAVAILABLE);
    messages[0] = pb_turn_messages(turn, &count)[0];
    messages[1] = pb_message_new(PB_ROLE_USER, pb_lit("please"));
    ck_assert_int_eq(pb_turn_set_messages(turn, messages, 2), PB_OK);
    return pb_run_next(next, turn);
}

START_TEST(what_the_stage_itself_changes_in_between_stays)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: repair}}, "
                                         "{probe: {act: flaky}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("repair", repair);
    probe_on("flaky", flaky);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    ck_assert_uint_eq(seen[0], 1);
    ck_assert_uint_eq(seen[1], 2);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {a_second_run_starts_over_and_its_memory_is_used_again,
                                a_hundred_runs_need_the_memory_of_one,
                                what_an_outer_sink_kept_survives_the_second_run,
                                what_the_stage_itself_kept_in_between_stays,
                                what_the_stage_itself_changes_in_between_stays,
                                NULL};
    return probe_main("rerun", all);
}
