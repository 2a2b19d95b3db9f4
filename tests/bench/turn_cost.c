/* turn_cost - what the host itself costs a turn: four stages, the last of which asks a model that
 * answers at once. No network, no JSON; trace, metrics and usage as always, the log line off.
 *
 *     turn_cost [turns]        prints nanoseconds per turn, per stage and per event, best of five
 */
#define pb_host_table    pb_host_table_cost
#define PB_PLUGIN_SYMBOL plugin_cost

#include "testkit.h"

#include "plugin/contract.h"
#include <stdio.h>
#include <time.h>

struct stage {
    pb_instance *llm;
};

static const pb_field stage_options[] = {
    PB_REF(struct stage, llm, "llm", .help = "The model of the last stage."), PB_END};

static pb_status pass_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

struct catcher {
    pb_sink base;
    pb_turn *turn;
};

static pb_status catch_event(pb_sink *sink, const pb_event *event)
{
    struct catcher *catcher = (struct catcher *)(void *)sink;

    if (event->type != PB_EVENT_FINISH)
        return pb_pass(sink, event);
    pb_turn_set_finish(catcher->turn, event->finish);
    return PB_OK;
}

static pb_status ask_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct stage *stage = self;
    struct catcher catcher = {
        {.size = sizeof(pb_sink), .emit = catch_event, .below = pb_turn_sink(turn)}, turn};
    pb_llm_request request = {.size = sizeof request, .stream = 1};

    (void)next;
    request.messages = pb_turn_messages(turn, &request.message_count);
    request.params = pb_turn_params(turn);
    return pb_llm_generate(stage->llm, &request, &catcher.base);
}

struct instant {
    int64_t pieces;
};

static const pb_field instant_options[] = {
    PB_INT(struct instant, pieces, .def = "1", .max = 1000000, .help = "Texts of a reply."),
    PB_END};

static pb_status instant_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct instant *instant = self;
    pb_usage usage = {.size = sizeof usage, .calls = 1, .input_tokens = 9, .output_tokens = 1};
    pb_event event = pb_event_make(PB_EVENT_TEXT);
    pb_status status = PB_OK;

    (void)request;
    event.text = pb_lit("word ");
    for (int64_t i = 0; i < instant->pieces && status == PB_OK; i++)
        status = pb_sink_emit(sink, &event);
    event = pb_event_make(PB_EVENT_USAGE);
    event.usage = &usage;
    if (status == PB_OK)
        status = pb_sink_emit(sink, &event);
    event = pb_event_make(PB_EVENT_FINISH);
    event.finish = PB_FINISH_STOP;
    event.text = pb_lit("instant-1");
    return status == PB_OK ? pb_sink_emit(sink, &event) : status;
}

PB_PLUGIN("cost", "1.0.0", "Apache-2.0", "Stages and a model that do nothing.",
          PB_STAGE("pass", struct stage, stage_options, .run = pass_run),
          PB_STAGE("ask", struct stage, stage_options, .run = ask_run),
          PB_LLM("instant", struct instant, instant_options, .generate = instant_generate));

/* --- measuring -------------------------------------------------------------------------------- */

static pb_status sink_emit(pb_sink *sink, const pb_event *event)
{
    (void)sink;
    (void)event;
    return PB_OK;
}

struct run {
    const char *pipeline;
    long turns;
    double nanoseconds; /* per turn */
};

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static pb_status measure(void *arg)
{
    struct run *run = arg;
    pb_sink sink = {.size = sizeof sink, .emit = sink_emit};
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("hello"));
    pb_turn_spec spec = pb_turn_spec_make();
    pb_status status = PB_OK;

    spec.pipeline = pb_pipeline_find(pb_str_of(run->pipeline));
    spec.messages = &message;
    spec.message_count = 1;
    spec.stream = 1;
    spec.request_id = pb_lit("request-1");
    double begin = cpu_now();
    for (long i = 0; i < run->turns && status == PB_OK; i++) {
        pb_turn *turn;
        if ((status = pb_turn_new(&spec, &turn)) == PB_OK) {
            status = pb_turn_run(turn, &sink);
            pb_turn_free(turn);
        }
    }
    run->nanoseconds = (cpu_now() - begin) / (double)run->turns;
    return status;
}

static double best(pb_harness *harness, const char *pipeline, long turns)
{
    double least = 1e18;

    for (int i = 0; i < 5; i++) {
        struct run run = {pipeline, turns, 0};
        if (pb_harness_run(harness, measure, &run, NULL) != PB_OK)
            return -1;
        least = run.nanoseconds < least ? run.nanoseconds : least;
    }
    return least;
}

int main(int argc, char **argv)
{
    long turns = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    pb_harness *harness = pb_harness_new(
        "llms: {one: {use: instant}, many: {use: instant, pieces: 1001}}\n"
        "pipelines:\n"
        "  four: {stages: [pass, pass, pass, {ask: {llm: one}}]}\n"
        "  fourteen: {stages: [pass, pass, pass, pass, pass, pass, pass, pass, pass, pass, pass, "
        "pass, pass, {ask: {llm: one}}]}\n"
        "  words: {stages: [pass, pass, pass, {ask: {llm: many}}]}\n",
        &plugin_cost);

    contract_enable(false);
    double four = best(harness, "four", turns);
    double fourteen = best(harness, "fourteen", turns);
    double words = best(harness, "words", turns / 100 + 1);
    printf("turn of four stages   %8.0f ns\n", four);
    printf("one more stage        %8.0f ns\n", (fourteen - four) / 10);
    printf("one more event        %8.1f ns\n", (words - four) / 1000);
    pb_harness_free(harness);
    return four < 0;
}
