/* Plugins that break the contract (tests/conform/broken), each named with the rule it broke. */
#include "plugin/contract.h"

#include "plugin_test.h"

#include <patchbay/llm.h>
#include <patchbay/stage.h>
#include <signal.h>

static struct config_diagnostics diagnostics;

static void begin(void)
{
    const char yaml[] = "llms: {w: {use: well}, late: {use: late-text}, f2: {use: two-finishes},\n"
                        "  f0: {use: no-finish}, u2: {use: two-usages}, deaf: {},\n"
                        "  ff: {use: finish-and-fail}, mute: {}}\n"
                        "pipelines: {p: {stages: [well, stubborn, mute, threaded]}}\n";
    const char *folders[] = {test_plugin("plugins", ""), NULL};
    struct config_node *root = NULL;

    registry_reset();
    ck_assert_int_eq(registry_scan(folders), PB_OK);
    diagnostics = (struct config_diagnostics){0};
    ck_assert_int_eq(config_tree_parse("c.yaml", pb_str_of(yaml), &diagnostics, &root), PB_OK);
    struct instances_source source = {root, "/data", &diagnostics};
    ck_assert_msg(instances_build(&source) == PB_OK, "%s",
                  diagnostics.first ? diagnostics.first->sentence.data : test_error());
    ck_assert_int_eq(instances_start(), PB_OK);
    contract_enable(true);
}

static void end(void)
{
    instances_stop();
    instances_reset();
    registry_reset();
}

/* --- llm ---------------------------------------------------------------------------------------- */

struct collector {
    pb_sink base;
    int events;
    pb_status answer; /* to every event */
};

static pb_status collect(pb_sink *sink, const pb_event *event)
{
    struct collector *collector = (struct collector *)(void *)sink;
    (void)event;
    collector->events++;
    return collector->answer ? pb_fail(collector->answer, "the client is gone") : PB_OK;
}

/* Asks a model as host/turn does. */
static pb_status ask(const char *name, struct collector *collector)
{
    pb_instance *llm = instance_find(pb_lit("llm"), pb_str_of(name));
    const pb_llm *interface = (const pb_llm *)(const void *)llm->interface;
    pb_llm_request request = {.size = sizeof request};
    struct contract_llm guard;

    collector->base = (pb_sink){.size = sizeof(pb_sink), .emit = collect};
    pb_error_clear();
    pb_sink *sink = contract_llm_begin(&guard, llm, &collector->base);
    return contract_llm_end(&guard, interface->generate(llm->self, &request, sink));
}

START_TEST(a_good_model_is_left_alone)
{
    struct collector collector = {0};
    ck_assert_int_eq(ask("w", &collector), PB_OK);
    ck_assert_int_eq(collector.events, 3);
    collector = (struct collector){.answer = PB_CANCELLED};
    ck_assert_int_eq(ask("w", &collector), PB_CANCELLED);
    assert_says("the client is gone");
}
END_TEST

START_TEST(models_that_break_rule_9_are_named)
{
    static const struct {
        const char *name;
        const char *says;
        int events; /* that came through */
    } cases[] = {
        {"late", "contract 9: llm 'late' (llms 1.0.0) emitted text after finish", 2},
        {"f2", "contract 9: llm 'f2' (llms 1.0.0) emitted a second finish", 2},
        {"f0", "contract 9: llm 'f0' (llms 1.0.0) returned ok without a finish", 2},
        {"u2", "contract 9: llm 'u2' (llms 1.0.0) emitted a second usage", 1},
        {"ff", "contract 9: llm 'ff' (llms 1.0.0) failed after it had emitted finish", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct collector collector = {0};
        ck_assert_int_eq(ask(cases[i].name, &collector), PB_INTERNAL);
        ck_assert_str_eq(test_error(), cases[i].says);
        ck_assert_int_eq(collector.events, cases[i].events);
    }
}
END_TEST

START_TEST(models_that_break_rules_6_and_7_are_named)
{
    struct collector collector = {.answer = PB_CANCELLED};
    ck_assert_int_eq(ask("deaf", &collector), PB_INTERNAL);
    ck_assert_str_eq(test_error(),
                     "contract 6: llm 'deaf' (llms 1.0.0) returned ok although emit had failed");
    collector = (struct collector){0};
    ck_assert_int_eq(ask("mute", &collector), PB_INTERNAL);
    ck_assert_str_eq(test_error(),
                     "contract 7: llm 'mute' (llms 1.0.0) failed without a sentence (pb_fail)");
}
END_TEST

START_TEST(nothing_is_checked_when_it_is_off)
{
    struct collector collector = {0};
    contract_enable(false);
    ck_assert_int_eq(ask("late", &collector), PB_OK);
    ck_assert_int_eq(collector.events, 3);
    ck_assert_int_eq(ask("mute", &collector), PB_UNAVAILABLE);
    contract_enable(true);
}
END_TEST

/* --- stage -------------------------------------------------------------------------------------- */

struct run {
    const char *name;
    pb_status status;
    bool done;
};

static pb_instance *stage_of(const char *name)
{
    pb_pipeline *pipeline = pipelines_all();
    for (size_t i = 0; i < pipeline->count; i++)
        if (pb_str_is(pipeline->stages[i]->name, name))
            return pipeline->stages[i];
    return NULL;
}

static void run_stage(void *arg)
{
    struct run *run = arg;
    pb_instance *stage = stage_of(run->name);
    const pb_stage *interface = (const pb_stage *)(const void *)stage->interface;
    struct contract_call guard;

    contract_begin(&guard, stage);
    run->status = contract_end(&guard, interface->run(stage->self, NULL, NULL));
    run->done = true;
    (void)snprintf((char *)(uintptr_t)run->name, 200, "%s", test_error());
    loop_stop();
}

/* Runs a stage in a task that is cancelled as soon as it parks; its error replaces `name`. */
static void run_cancelled(struct run *run, bool cancel)
{
    pb_task *task = NULL;

    ck_assert_int_eq(loop_init(), PB_OK);
    ck_assert_int_eq(task_start(run_stage, run, &task), PB_OK);
    if (cancel)
        task_cancel(task, "the client is gone");
    loop_run();
    loop_fini();
    ck_assert(run->done);
}

START_TEST(stages_that_break_the_contract_are_named)
{
    char name[200] = "stubborn";
    struct run run = {.name = name};
    run_cancelled(&run, true);
    ck_assert_int_eq(run.status, PB_INTERNAL);
    ck_assert_str_eq(name, "contract 6: stage 'stubborn' (stages 1.0.0) returned ok after a host "
                           "call was cancelled");
    (void)snprintf(name, sizeof name, "mute");
    run = (struct run){.name = name};
    run_cancelled(&run, false);
    ck_assert_int_eq(run.status, PB_INTERNAL);
    ck_assert_str_eq(name,
                     "contract 7: stage 'mute' (stages 1.0.0) failed without a sentence (pb_fail)");
}
END_TEST

/* In a debug build this ends the process, so that nobody overlooks it. */
START_TEST(parking_on_a_helper_thread_is_refused)
{
    char name[200] = "threaded";
    struct run run = {.name = name};
    run_cancelled(&run, false);
    ck_assert_int_eq(run.status, PB_INTERNAL);
}
END_TEST

START_TEST(a_good_stage_is_left_alone)
{
    char name[200] = "well";
    struct run run = {.name = name};
    run_cancelled(&run, true);
    ck_assert_int_eq(run.status, PB_CANCELLED);
    (void)snprintf(name, sizeof name, "well");
    run = (struct run){.name = name};
    run_cancelled(&run, false);
    ck_assert_int_eq(run.status, PB_OK);
}
END_TEST

START_TEST(health_without_a_sentence_is_named)
{
    pb_instance *stage = stage_of("mute");
    pb_error_clear();
    ck_assert_int_eq(contract_status(stage, stage->interface->health(stage->self)), PB_INTERNAL);
    assert_says("contract 7: stage 'mute' (stages 1.0.0) failed without a sentence");
    ck_assert_int_eq(contract_status(stage, PB_DECLINED), PB_DECLINED);
    ck_assert_int_eq(contract_status(stage, pb_fail(PB_TIMEOUT, "late")), PB_TIMEOUT);
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("contract", begin, end,
                   (const TTest *const[]){
                       a_good_model_is_left_alone, models_that_break_rule_9_are_named,
                       models_that_break_rules_6_and_7_are_named, nothing_is_checked_when_it_is_off,
                       stages_that_break_the_contract_are_named, a_good_stage_is_left_alone,
                       health_without_a_sentence_is_named, NULL});

#if PATCHBAY_DEBUG
    const char *fork = getenv("CK_FORK");
    if (!fork || strcmp(fork, "no") != 0) /* its end is that of its process */
        tcase_add_test_raise_signal(cases, parking_on_a_helper_thread_is_refused, SIGABRT);
#else
    tcase_add_test(cases, parking_on_a_helper_thread_is_refused);
#endif
    return suite_run_cases("contract", (TCase *const[]){cases, NULL});
}
