/* How turns end: done, failed, cancelled, too late, client gone; the shield; deadlines. */
#include "probe.h"

#include "runtime/task.h"
#include "turn/turn.h"

#define ONE                                                                                        \
    "llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: ask, llm: main}}]}}\n"

static pb_harness *one(void)
{
    return pb_harness_new(ONE, &patchbay_plugin_probe);
}

static const pb_event *last(const pb_outcome *outcome)
{
    return outcome->event_count ? outcome->events[outcome->event_count - 1] : NULL;
}

/* Exactly one done, behind everything else, with this status. */
static void check_done(const pb_outcome *outcome, pb_status status)
{
    ck_assert_int_eq(outcome->status, status);
    ck_assert_uint_eq(outcome->done_count, 1);
    ck_assert_int_eq(last(outcome)->type, PB_EVENT_DONE);
    ck_assert_int_eq(outcome->result->status, status);
    ck_assert((outcome->result->error != NULL) == (status != PB_OK));
    if (status != PB_OK)
        ck_assert_uint_gt(outcome->result->error->sentence.size, 0);
}

START_TEST(a_good_turn_says_who_answered_and_what_it_took)
{
    pb_harness *harness = one();
    pb_script(harness, "main", PB_STEP_TEXT("hel"), PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("lo"),
              PB_STEP_USAGE(12, 3), PB_STEP_FINISH(PB_FINISH_LENGTH));
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    check_done(outcome, PB_OK);
    ck_assert_str_eq(outcome->text.data, "hello");
    ck_assert_int_eq(outcome->result->finish, PB_FINISH_LENGTH);
    ck_assert_str_eq(outcome->result->llm.data, "main");
    ck_assert_str_eq(outcome->result->model.data, "scripted-1");
    ck_assert_int_eq(outcome->result->fallback, 0);
    ck_assert_int_eq(outcome->result->usage.input_tokens, 12);
    ck_assert_int_eq(outcome->result->usage.output_tokens, 3);
    ck_assert_int_eq(outcome->result->usage.calls, 1);
    ck_assert(outcome->result->first_text > 0);
    ck_assert(outcome->result->first_text < PB_SECOND);
    ck_assert(outcome->result->total >= PB_SECOND);
    ck_assert_uint_eq(pb_outcome_count(outcome, PB_EVENT_FINISH), 0);
    pb_harness_free(harness);
}
END_TEST

START_TEST(a_failure_is_told_once_with_its_sentence)
{
    pb_harness *harness = one();
    pb_script(harness, "main", PB_STEP_TEXT("par"),
              PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 7 * PB_SECOND, "come back later"));
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    check_done(outcome, PB_RATE_LIMITED);
    ck_assert_str_eq(outcome->sentence.data, "come back later");
    ck_assert_str_eq(outcome->result->error->sentence.data, "come back later");
    ck_assert(outcome->result->error->retry_after == 7 * PB_SECOND);
    ck_assert_str_eq(outcome->text.data, "par");
    pb_harness_free(harness);
}
END_TEST

START_TEST(a_model_that_stops_in_the_middle_is_no_answer)
{
    pb_harness *harness = one();
    pb_script(harness, "main", PB_STEP_TEXT("par"));
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_ne(outcome->status, PB_OK);
    check_done(outcome, outcome->status);
    pb_harness_free(harness);
}
END_TEST

/* --- cancellation ------------------------------------------------------------------------------
 */

START_TEST(cancelled_while_it_waits)
{
    pb_harness *harness = one();
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_HANG);
    const pb_outcome *outcome =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = 3 * PB_SECOND});
    check_done(outcome, PB_CANCELLED);
    ck_assert_str_eq(outcome->text.data, "so far");
    ck_assert(outcome->elapsed >= 3 * PB_SECOND && outcome->elapsed < 4 * PB_SECOND);
    ck_assert_str_eq(pb_json_text(pb_json_get(outcome->explain, "status")).data, "cancelled");
    pb_harness_free(harness);
}
END_TEST

/* Whichever event it comes at, there is one done, and the next turn is fine. */
START_TEST(cancelled_at_every_event)
{
    pb_harness *harness = one();
    for (int at = 1; at <= 4; at++) {
        pb_script_reset(harness, "main");
        pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("b"),
                  PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("c"), PB_STEP_WAIT(PB_SECOND),
                  PB_STEP_USAGE(1, 1), PB_STEP_WAIT(PB_SECOND), PB_STEP_STOP);
        const pb_outcome *outcome =
            pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_at_event = at});
        check_done(outcome, PB_CANCELLED);
        ck_assert_uint_eq(outcome->event_count, (size_t)at + 1);
        pb_script_reset(harness, "main");
        check_done(pb_harness_say(harness, "again"), PB_OK);
    }
    pb_harness_free(harness);
}
END_TEST

START_TEST(the_client_is_gone_at_every_event)
{
    pb_harness *harness = one();

    for (int at = 1; at <= 4; at++) {
        pb_script_reset(harness, "main");
        pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_TEXT("b"), PB_STEP_TEXT("c"),
                  PB_STEP_USAGE(1, 1), PB_STEP_STOP);
        const pb_outcome *outcome = pb_harness_ask(
            harness, &(pb_ask){.text = "hi", .fail_at_event = at, .fail_with = PB_CANCELLED});
        ck_assert_int_eq(outcome->status, PB_CANCELLED);
        ck_assert_uint_eq(outcome->done_count, 0); /* there is nobody to tell */
        ck_assert_uint_eq(outcome->event_count, (size_t)at - 1);
    }
    pb_harness_free(harness);
}
END_TEST

static pb_status swallow(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    (void)pb_run_next(next, turn);
    return PB_OK;
}

START_TEST(a_client_that_is_gone_stays_gone_whatever_a_stage_returns)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: "
                       "swallow}}, {probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    probe_on("swallow", swallow);
    const pb_outcome *outcome = pb_harness_ask(
        harness, &(pb_ask){.text = "hi", .fail_at_event = 1, .fail_with = PB_CANCELLED});
    ck_assert_int_eq(outcome->status, PB_CANCELLED);
    ck_assert_uint_eq(outcome->done_count, 0);
    pb_harness_free(harness);
}
END_TEST

START_TEST(only_the_owner_and_an_admin_may_cancel)
{
    static const pb_str roles[] = {PB_LIT("admin")};
    const pb_principal stranger = {
        .size = sizeof stranger, .id = PB_LIT("other"), .tenant = PB_LIT("default")};
    const pb_principal admin = {.size = sizeof admin,
                                .id = PB_LIT("root"),
                                .tenant = PB_LIT("default"),
                                .roles = roles,
                                .role_count = 1};
    pb_principal elsewhere = admin;
    elsewhere.tenant = pb_lit("elsewhere");

    ck_assert(turn_is_owner(pb_lit("tester"), pb_lit("default"), &admin));
    ck_assert(turn_is_owner(pb_lit("other"), pb_lit("default"), &stranger));
    ck_assert(!turn_is_owner(pb_lit("tester"), pb_lit("default"), &stranger));
    ck_assert(!turn_is_owner(pb_lit("tester"), pb_lit("default"), &elsewhere));
    ck_assert(!turn_is_owner(pb_lit("other"), pb_lit("elsewhere"), &stranger));
    ck_assert(!turn_is_owner(pb_lit("tester"), pb_lit("default"), NULL));
}
END_TEST

/* A stranger's cancel finds nothing, while the turn runs. */
static pb_status stranger_cancels(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    const pb_principal stranger = {
        .size = sizeof stranger, .id = PB_LIT("other"), .tenant = PB_LIT("default")};
    pb_str id = pb_turn_info_of(turn)->id;

    (void)probe;
    (void)next;
    ck_assert_int_eq(pb_turn_cancel(id, &stranger), PB_NOT_FOUND);
    ck_assert_int_eq(pb_turn_cancel(pb_lit("nonsense"), &stranger), PB_NOT_FOUND);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_int_eq(pb_turn_cancel(id, pb_turn_info_of(turn)->principal), PB_OK);
    return pb_sleep(PB_MILLISECOND);
}

START_TEST(a_cancel_finds_the_running_turn)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: stranger}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("stranger", stranger_cancels);
    check_done(pb_harness_say(harness, "hi"), PB_CANCELLED);
    pb_harness_free(harness);
}
END_TEST

/* --- the shield --------------------------------------------------------------------------------
 */

static pb_status write_rest(void *arg)
{
    pb_status status = pb_sleep(PB_SECOND); /* parks although the turn is cancelled */

    probe_log(status == PB_OK ? "written" : "lost");
    return status == PB_OK ? pb_emit_text(arg, pb_lit(" (stopped)")) : status;
}

static pb_status shielded(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    pb_status status = pb_run_next(next, turn);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_CANCELLED);
    ck_assert_int_eq(pb_shield(write_rest, turn), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_CANCELLED); /* it is final outside */
    return status;
}

START_TEST(under_a_shield_a_cancelled_turn_still_writes)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: "
                       "shielded}}, {probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    probe_on("shielded", shielded);
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_HANG);
    const pb_outcome *outcome =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .cancel_after = PB_SECOND});
    check_done(outcome, PB_CANCELLED);
    ck_assert_str_eq(outcome->text.data, "half (stopped)");
    ck_assert_str_eq(probe_logged(), "written");
    pb_harness_free(harness);
}
END_TEST

/* --- deadlines ---------------------------------------------------------------------------------
 */

static pb_status limited(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    int64_t deadline = pb_deadline_begin(probe->wait);
    pb_status status = pb_run_next(next, turn);

    pb_deadline_end(deadline);
    ck_assert_int_eq(status, PB_TIMEOUT);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_OK); /* a stage's deadline is over with it */
    pb_error_clear();
    return pb_emit_text(turn, pb_lit("instead"));
}

START_TEST(a_stages_deadline_is_a_timeout_that_it_may_handle)
{
    pb_harness *harness =
        pb_harness_new("llms: {main: {use: scripted}}\npipelines: {p: {stages: [{probe: {act: "
                       "limited, wait: 5s}}, {probe: {act: ask, llm: main}}]}}\n",
                       &patchbay_plugin_probe);
    probe_on("limited", limited);
    pb_script(harness, "main", PB_STEP_HANG);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    check_done(outcome, PB_OK);
    ck_assert_str_eq(outcome->text.data, "instead");
    ck_assert(outcome->elapsed >= 6 * PB_SECOND);
    pb_harness_free(harness);
}
END_TEST

static pb_status insist(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    ck_assert_int_eq(pb_run_next(next, turn), PB_CANCELLED);
    return pb_sleep(PB_SECOND);
}

START_TEST(the_turns_own_time_is_final_and_a_timeout_for_the_client)
{
    pb_harness *harness = pb_harness_new(
        "host: {limits: {turn: 20s}}\nllms: {main: {use: scripted}}\npipelines: {p: {stages: "
        "[{probe: {act: insist}}, {probe: {act: ask, llm: main}}]}}\n",
        &patchbay_plugin_probe);
    probe_on("insist", insist);
    pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_HANG);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    check_done(outcome, PB_TIMEOUT);
    ck_assert(outcome->elapsed >= 20 * PB_SECOND && outcome->elapsed < 22 * PB_SECOND);
    pb_harness_free(harness);
}
END_TEST

static pb_status call_tool(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    const pb_json *result;
    pb_tool_list list = {.size = sizeof list};

    (void)next;
    ck_assert_int_eq(pb_tool_list_functions(probe->tool, &list), PB_OK);
    ck_assert_uint_eq(list.count, 1);
    pb_status status = pb_tool_call_function(probe->tool, list.functions[0]->name, NULL, &result);
    return status == PB_OK ? pb_emit_text(turn, pb_json_text(result)) : status;
}

START_TEST(a_tool_has_its_own_time)
{
    pb_harness *harness = pb_harness_new("host: {limits: {tool: 3s}}\n"
                                         "tools: {slow: {use: clock, takes: 60s}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: call, tool: "
                                         "slow}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("call", call_tool);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    check_done(outcome, PB_TIMEOUT);
    ck_assert(outcome->elapsed >= 3 * PB_SECOND && outcome->elapsed < 4 * PB_SECOND);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {a_good_turn_says_who_answered_and_what_it_took,
                                a_failure_is_told_once_with_its_sentence,
                                a_model_that_stops_in_the_middle_is_no_answer,
                                cancelled_while_it_waits,
                                cancelled_at_every_event,
                                the_client_is_gone_at_every_event,
                                a_client_that_is_gone_stays_gone_whatever_a_stage_returns,
                                only_the_owner_and_an_admin_may_cancel,
                                a_cancel_finds_the_running_turn,
                                under_a_shield_a_cancelled_turn_still_writes,
                                a_stages_deadline_is_a_timeout_that_it_may_handle,
                                the_turns_own_time_is_final_and_a_timeout_for_the_client,
                                a_tool_has_its_own_time,
                                NULL};
    return probe_main("ends", all);
}
