/* How a turn walks its stages: order, sinks, nested lists, what it holds, branches. */
#include "probe.h"

static pb_status around(const char *name, pb_turn *turn, const pb_next *next)
{
    char word[32];

    snprintf(word, sizeof word, "%s(", name);
    probe_log(word);
    pb_status status = pb_run_next(next, turn);
    snprintf(word, sizeof word, ")%s", name);
    probe_log(word);
    return status;
}

static pb_status a(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return around("a", turn, next);
}

static pb_status b(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return around("b", turn, next);
}

static pb_status nest(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    return pb_run_pipeline(probe->stages, turn, next);
}

static pb_status say_x(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_emit_text(turn, pb_lit("x"));
    (void)probe;
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

START_TEST(stages_wrap_what_follows)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: a}}, "
                                         "{probe: {act: b}}, {probe: {act: x}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("a", a);
    probe_on("b", b);
    probe_on("x", say_x);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_str_eq(outcome->text.data, "x");
    ck_assert_str_eq(probe_logged(), "a( b( )b )a");
    pb_harness_free(harness);
}
END_TEST

/* --- sinks ------------------------------------------------------------------------------------ */

struct bracket {
    pb_sink base;
    char left, right;
};

static pb_status bracket_emit(pb_sink *sink, const pb_event *event)
{
    struct bracket *bracket = (struct bracket *)(void *)sink;
    pb_event changed = *event;

    if (event->type == PB_EVENT_TEXT)
        changed.text = pb_printf("%c%.*s%c", bracket->left, PB_ARG(event->text), bracket->right);
    return pb_pass(sink, &changed);
}

static pb_status bracketed(char left, char right, pb_turn *turn, const pb_next *next)
{
    struct bracket bracket = {{.size = sizeof(pb_sink), .emit = bracket_emit}, left, right};
    pb_status status = pb_emit_text(turn, pb_printf("before%c ", left));

    if (status == PB_OK)
        status = pb_run_next_with(next, turn, &bracket.base);
    return status == PB_OK ? pb_emit_text(turn, pb_printf(" after%c", right)) : status;
}

static pb_status rounded(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return bracketed('(', ')', turn, next);
}

static pb_status square(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return bracketed('[', ']', turn, next);
}

START_TEST(a_sink_sees_what_is_below_its_stage_only)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: rounded}}, "
                                         "{probe: {act: square}}, {probe: {act: x}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("rounded", rounded);
    probe_on("square", square);
    probe_on("x", say_x);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_str_eq(outcome->text.data, "before( (before[ )([x])( after]) after)");
    pb_harness_free(harness);
}
END_TEST

static pb_sink *handed;

static pb_status forward_emit(pb_sink *sink, const pb_event *event)
{
    (void)sink;
    return pb_sink_emit(handed, event);
}

/* Keeps pb_turn_sink and puts a sink of its own in front that hands on to it. */
static pb_status forward(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_sink mine = {.size = sizeof mine, .emit = forward_emit};

    (void)probe;
    handed = pb_turn_sink(turn);
    pb_status status = pb_run_next_with(next, turn, &mine);
    ck_assert_ptr_eq(handed, pb_turn_sink(turn));
    return status;
}

static pb_status say_handed(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);

    (void)probe;
    event.text = pb_lit("y");
    pb_status status = pb_sink_emit(pb_turn_sink(turn), &event);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

START_TEST(the_turns_sink_stays_the_one_it_was)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: forward}}, "
                                         "{probe: {act: y}}, {probe: {act: x}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("forward", forward);
    probe_on("y", say_handed);
    probe_on("x", say_x);
    ck_assert_str_eq(pb_harness_say(harness, "hi")->text.data, "yx");
    pb_harness_free(harness);
}
END_TEST

/* --- the end and nested lists ------------------------------------------------------------------
 */

START_TEST(behind_a_nested_list_the_outer_one_goes_on)
{
    pb_harness *harness = pb_harness_new(
        "pipelines:\n  p:\n    stages:\n"
        "      - probe: {act: nest, stages: [{probe: {act: a}}, {probe: {act: nest, stages: "
        "[{probe: {act: b}}]}}]}\n"
        "      - probe: {act: x}\n",
        &patchbay_plugin_probe);
    probe_on("nest", nest);
    probe_on("a", a);
    probe_on("b", b);
    probe_on("x", say_x);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_str_eq(outcome->text.data, "x");
    ck_assert_str_eq(probe_logged(), "a( b( )b )a");
    pb_harness_free(harness);
}
END_TEST

static pb_status cut(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)next;
    return pb_run_pipeline(probe->stages, turn, NULL);
}

START_TEST(a_nested_list_without_next_ends_there)
{
    pb_harness *harness =
        pb_harness_new("pipelines: {p: {stages: [{probe: {act: cut, stages: [{probe: {act: a}}]}}, "
                       "{probe: {act: x}}]}}",
                       &patchbay_plugin_probe);
    probe_on("cut", cut);
    probe_on("a", a);
    probe_on("x", say_x);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_str_eq(outcome->text.data, "");
    ck_assert_str_eq(probe_logged(), "a( )a");
    pb_harness_free(harness);
}
END_TEST

static pb_status none(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    return pb_run_pipeline(NULL, turn, next);
}

START_TEST(no_list_at_all_runs_next_at_once)
{
    pb_harness *harness =
        pb_harness_new("pipelines: {p: {stages: [{probe: {act: none}}, {probe: {act: x}}]}}",
                       &patchbay_plugin_probe);
    probe_on("none", none);
    probe_on("x", say_x);
    ck_assert_str_eq(pb_harness_say(harness, "hi")->text.data, "x");
    pb_harness_free(harness);
}
END_TEST

/* --- what a turn holds --------------------------------------------------------------------------
 */

static pb_status change(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    const pb_json *before = pb_turn_params(turn);

    (void)probe;
    ck_assert_str_eq(info->pipeline.data, "p");
    ck_assert_uint_eq(info->id.size, 36);
    ck_assert_str_eq(info->principal->id.data, "tester");
    ck_assert_str_eq(pb_json_text(pb_json_get(info->metadata, "m")).data, "1");
    ck_assert_int_eq(pb_turn_set_param(turn, pb_lit("temperature"), pb_json_number(0.5)), PB_OK);
    ck_assert_int_eq(pb_turn_set_param(turn, pb_lit("seed"), NULL), PB_OK);
    ck_assert_ptr_nonnull(pb_json_get(before, "seed")); /* the old version is as it was */
    ck_assert_ptr_null(pb_json_get(pb_turn_params(turn), "seed"));
    ck_assert(pb_json_double(pb_json_get(pb_turn_params(turn), "temperature"), 0) == 0.5);
    ck_assert_int_eq(pb_json_int(pb_json_get(pb_turn_params(turn), "max_tokens"), 0), 7);
    ck_assert_str_eq(pb_json_text(pb_turn_variable(turn, pb_lit("v"))).data, "w");
    ck_assert_int_eq(pb_turn_set_variable(turn, pb_lit("v"), NULL), PB_OK);
    ck_assert_ptr_null(pb_turn_variable(turn, pb_lit("v")));
    ck_assert_str_eq(pb_turn_question(turn)->text.data, "hi");
    return pb_run_next(next, turn);
}

START_TEST(parameters_variables_and_info_are_there)
{
    pb_harness *harness = pb_harness_new("pipelines: {p: {stages: [{probe: {act: change}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("change", change);
    pb_ask ask = {.text = "hi",
                  .params = "{\"temperature\": 1, \"seed\": 3, \"max_tokens\": 7}",
                  .variables = "{\"v\": \"w\"}",
                  .metadata = "{\"m\": \"1\"}"};
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_OK);
    pb_harness_free(harness);
}
END_TEST

static pb_status greedy(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    (void)turn;
    (void)next;
    while (pb_alloc(10000))
        ;
    return PB_NO_MEMORY;
}

START_TEST(a_turn_has_only_so_much_memory)
{
    pb_harness *harness = pb_harness_new("host: {limits: {turn_memory: 1MiB}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: greedy}}]}}",
                                         &patchbay_plugin_probe);
    probe_on("greedy", greedy);
    const pb_outcome *outcome = pb_harness_say(harness, "hi");
    ck_assert_int_eq(outcome->status, PB_NO_MEMORY);
    ck_assert_uint_eq(outcome->done_count, 1);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status,
                     PB_NO_MEMORY); /* the next has its own */
    pb_harness_free(harness);
}
END_TEST

/* --- branches -----------------------------------------------------------------------------------
 */

struct fork {
    const struct probe *probe;
    pb_turn *views[4];
    pb_task *tasks[4];
    int next;
};

static pb_status fork_one(void *arg)
{
    struct fork *fork = arg;
    int i = fork->next++;

    return pb_run_pipeline(PB_ITEM(fork->probe->branches, pb_pipeline *, (size_t)i), fork->views[i],
                           NULL);
}

static pb_status fork_all(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    struct fork fork = {.probe = probe};
    pb_status status = PB_OK;

    for (size_t i = 0; i < probe->branches.count; i++) {
        ck_assert_int_eq(pb_turn_branch(turn, (int32_t)i + 1, NULL, &fork.views[i]), PB_OK);
        ck_assert_int_eq(pb_spawn(fork_one, &fork, &fork.tasks[i]), PB_OK);
    }
    for (size_t i = 0; i < probe->branches.count; i++) {
        pb_status one = pb_join(fork.tasks[i]);
        status = status == PB_OK ? one : status;
    }
    if (status == PB_OK)
        status = pb_sleep(40 * PB_MILLISECOND);
    if (status != PB_OK)
        return status;
    ck_assert_ptr_null(pb_turn_variable(turn, pb_lit("who")));
    status = pb_turn_keep(turn, fork.views[1]);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static pb_status branch(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    pb_str who = pb_printf("branch%d", (int)pb_turn_info_of(turn)->branch);

    ck_assert_str_eq(pb_json_text(pb_turn_variable(turn, pb_lit("shared"))).data, "yes");
    ck_assert_int_eq(pb_turn_set_variable(turn, pb_lit("who"), pb_json_string(who)), PB_OK);
    pb_status status = pb_sleep(probe->wait);
    ck_assert_str_eq(pb_json_text(pb_turn_variable(turn, pb_lit("who"))).data, who.data);
    return status == PB_OK ? pb_emit_text(turn, who), pb_run_next(next, turn) : status;
}

static pb_status tell_who(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    (void)probe;
    (void)next;
    return pb_emit_text(turn, pb_json_text(pb_turn_variable(turn, pb_lit("who"))));
}

START_TEST(branches_see_the_turn_and_write_only_to_themselves)
{
    pb_harness *harness = pb_harness_new(
        "pipelines:\n  p:\n    stages:\n"
        "      - probe: {act: fork, branches: [[{probe: {act: branch, wait: 30ms}}], "
        "[{probe: {act: branch, wait: 10ms}}], [{probe: {act: branch, wait: 20ms}}]]}\n"
        "      - probe: {act: who}\n",
        &patchbay_plugin_probe);
    probe_on("fork", fork_all);
    probe_on("branch", branch);
    probe_on("who", tell_who);
    const pb_outcome *outcome =
        pb_harness_ask(harness, &(pb_ask){.text = "hi", .variables = "{\"shared\": \"yes\"}"});
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_uint_eq(outcome->event_count, 5);
    ck_assert_int_eq(outcome->events[0]->branch, 2); /* in the order of time */
    ck_assert_int_eq(outcome->events[1]->branch, 3);
    ck_assert_int_eq(outcome->events[2]->branch, 1);
    ck_assert_str_eq(outcome->events[2]->text.data, "branch1");
    ck_assert_str_eq(outcome->text.data, "branch2"); /* the kept one's, by the turn itself */
    ck_assert(outcome->elapsed >= 70 * PB_MILLISECOND);
    /* side by side they took 30 ms together, the rest is the stage's own */
    ck_assert(pb_json_double(pb_json_path(outcome->explain, "stages/0/self_ms"), 0) >= 40);
    const pb_json *fork = pb_json_path(outcome->explain, "stages/0/children");
    ck_assert_uint_eq(fork->count, 4);
    ck_assert_int_eq(pb_json_int(pb_json_path(fork, "2/branch"), 0), 3);
    ck_assert_ptr_null(pb_json_path(fork, "3/branch"));
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {stages_wrap_what_follows,
                                a_sink_sees_what_is_below_its_stage_only,
                                the_turns_sink_stays_the_one_it_was,
                                behind_a_nested_list_the_outer_one_goes_on,
                                a_nested_list_without_next_ends_there,
                                no_list_at_all_runs_next_at_once,
                                parameters_variables_and_info_are_there,
                                a_turn_has_only_so_much_memory,
                                branches_see_the_turn_and_write_only_to_themselves,
                                NULL};
    return probe_main("pipeline", all);
}
