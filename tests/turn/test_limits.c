/* How many turns there may be: those that run, those that wait, a drain and its end. */
#include "probe.h"

#include "turn/turn.h"

struct crowd {
    pb_task *tasks[5];
    pb_status made[5], ran[5];
    pb_pipeline *pipeline;
    const pb_principal *principal;
    int next;
    size_t most;
};

static pb_status quiet_emit(pb_sink *sink, const pb_event *event)
{
    (void)sink;
    (void)event;
    return PB_OK;
}

static pb_status crowd_one(void *arg)
{
    struct crowd *crowd = arg;
    int i = crowd->next++;
    pb_turn_spec spec = pb_turn_spec_make();
    pb_sink sink = {.size = sizeof sink, .emit = quiet_emit};
    pb_turn *turn;

    spec.pipeline = crowd->pipeline;
    crowd->made[i] = pb_turn_new(&spec, &turn);
    if (crowd->made[i] != PB_OK) {
        ck_assert(pb_error_last()->retry_after > 0);
        return PB_OK;
    }
    crowd->ran[i] = pb_turn_run(turn, &sink);
    pb_turn_free(turn);
    return PB_OK;
}

static pb_status crowd_run(void *arg)
{
    struct crowd *crowd = arg;

    crowd->pipeline = pb_pipeline_find(pb_lit("p"));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pb_spawn(crowd_one, crowd, &crowd->tasks[i]), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    crowd->most = turn_running();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pb_join(crowd->tasks[i]), PB_OK);
    return PB_OK;
}

static pb_status rest(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_sleep(PB_SECOND);

    (void)probe;
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

START_TEST(so_many_run_so_many_wait_the_rest_is_refused)
{
    pb_harness *harness = pb_harness_new("host: {limits: {turns: 2, turn_queue: 1}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: rest}}]}}",
                                         &patchbay_plugin_probe);
    struct crowd crowd = {.next = 0};
    probe_on("rest", rest);
    ck_assert_int_eq(pb_harness_run(harness, crowd_run, &crowd, NULL), PB_OK);
    ck_assert_uint_eq(crowd.most, 2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(crowd.made[i], i < 3 ? PB_OK : PB_UNAVAILABLE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(crowd.ran[i], PB_OK);
    ck_assert_uint_eq(turn_running(), 0);
    pb_harness_free(harness);
}
END_TEST

static pb_status crowd_cancel(void *arg)
{
    struct crowd *crowd = arg;

    crowd->pipeline = pb_pipeline_find(pb_lit("p"));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pb_spawn(crowd_one, crowd, &crowd->tasks[i]), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    pb_task_cancel(crowd->tasks[1]);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pb_join(crowd->tasks[i]), PB_OK);
    return PB_OK;
}

START_TEST(one_that_waits_for_its_place_can_be_cancelled)
{
    pb_harness *harness = pb_harness_new("host: {limits: {turns: 1, turn_queue: 2}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: rest}}]}}",
                                         &patchbay_plugin_probe);
    struct crowd crowd = {.next = 0};
    probe_on("rest", rest);
    ck_assert_int_eq(pb_harness_run(harness, crowd_cancel, &crowd, NULL), PB_OK);
    ck_assert_int_eq(crowd.ran[0], PB_OK);
    ck_assert_int_eq(crowd.ran[1], PB_CANCELLED);
    ck_assert_int_eq(crowd.ran[2], PB_OK);
    ck_assert_uint_eq(turn_running(), 0);
    pb_harness_free(harness);
}
END_TEST

static int idle_calls;

static void note_idle(void)
{
    idle_calls++;
}

static pb_status drain(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    turn_drain(note_idle);
    ck_assert_int_eq(idle_calls, 0);
    return pb_run_next(next, turn);
}

START_TEST(draining_lets_turns_end_and_takes_no_new_ones)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: "
                       "drain}}, {probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    idle_calls = 0;
    probe_on("drain", drain);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    ck_assert_int_eq(idle_calls, 1);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_UNAVAILABLE);
    ck_assert(outcome->retry_after > 0);
    pb_harness_free(harness);
}
END_TEST

static pb_status end_of_drain(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    (void)turn;
    (void)next;
    turn_cancel_all("the server is going down");
    return pb_sleep(PB_SECOND);
}

START_TEST(the_end_of_the_drain_sends_clients_elsewhere)
{
    pb_harness *harness =
        pb_harness_new("pipelines: {p: {stages: [{probe: {act: end}}]}}", &patchbay_plugin_probe);
    probe_on("end", end_of_drain);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_UNAVAILABLE);
    ck_assert(outcome->retry_after > 0);
    ck_assert_uint_eq(outcome->done_count, 1);
    ck_assert_str_eq(outcome->sentence.data, "the server is going down");
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {so_many_run_so_many_wait_the_rest_is_refused,
                                one_that_waits_for_its_place_can_be_cancelled,
                                draining_lets_turns_end_and_takes_no_new_ones,
                                the_end_of_the_drain_sends_clients_elsewhere, NULL};
    return probe_main("limits", all);
}
