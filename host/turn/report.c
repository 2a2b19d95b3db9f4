/* report.c - what a turn leaves behind: its trace's summary, figures in /metrics, one log line. */
#include "turn/turn.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/trace_context.h"
#include "cluster/node.h"
#include "plugin/instances.h"
#include "turn/export.h"

static struct {
    pb_metric *turns, *results, *seconds, *first_text, *tokens, *cost, *fallbacks;
    pb_metric *llm_calls, *llm_failures, *llm_seconds;
    pb_metric *running, *tasks, *hold, *kept, *workers;
} metrics;

/* Whose line is it? Called by the log for each. */
static void fill_context(struct log_context *context)
{
    struct task_locals *locals = task_local();
    struct pb_turn *turn = locals->turn;
    const pb_instance *instance = locals->instance;

    context->request = locals->request;
    context->trace = trace_context_id(locals->trace);
    if (turn) {
        context->turn = turn->info.id;
        context->trace = trace_context_id(turn->info.trace);
        if (turn->info.request_id.data)
            context->request = turn->info.request_id;
    }
    for (const struct pb_span *span = locals->span; span; span = span->parent)
        if (pb_str_is(span->kind, "stage")) {
            context->stage = span->name;
            break;
        }
    if (instance)
        context->instance = instance->name;
}

void turn_report_setup(void)
{
    log_context_set(fill_context);
    metrics.turns = pb_metric_new(PB_COUNTER, "turns", "Turns that ended.", "pipeline");
    metrics.results = pb_metric_new(PB_COUNTER, "turn_results", "How turns ended.", "status");
    metrics.seconds =
        pb_metric_new(PB_HISTOGRAM, "turn_seconds", "Time of a whole turn.", "pipeline");
    metrics.first_text = pb_metric_new(PB_HISTOGRAM, "first_text_seconds",
                                       "Time to the first text of a turn.", "pipeline");
    metrics.fallbacks = pb_metric_new(PB_COUNTER, "turn_fallbacks",
                                      "Turns that another model than the first answered.", NULL);
    metrics.tokens = pb_metric_new(PB_COUNTER, "llm_tokens", "Tokens of all models.", "direction");
    metrics.cost = pb_metric_new(PB_COUNTER, "llm_cost_usd", "Cost of all models.", "llm");
    metrics.llm_calls = pb_metric_new(PB_COUNTER, "llm_calls", "Calls of a model.", "llm");
    metrics.llm_failures =
        pb_metric_new(PB_COUNTER, "llm_failures", "Calls of a model that failed.", "llm");
    metrics.llm_seconds =
        pb_metric_new(PB_HISTOGRAM, "llm_seconds", "Time of a whole model call.", "llm");
    metrics.running = pb_metric_new(PB_GAUGE, "turns_running", "Turns that run now.", NULL);
    metrics.tasks = pb_metric_new(PB_GAUGE, "tasks", "Tasks that exist now.", NULL);
    metrics.kept = pb_metric_new(PB_GAUGE, "traces_bytes", "Memory of kept traces.", NULL);
    metrics.hold =
        pb_metric_new(PB_GAUGE, "loop_hold_seconds",
                      "The longest time without a poll since this was last read.", "worker");
    metrics.workers =
        pb_metric_new(PB_GAUGE, "workers", "Workers whose figures are in this answer.", NULL);
}

void turn_report_refresh(void)
{
    size_t bytes;

    (void)trace_kept(&bytes);
    metric_set(metrics.running, (pb_str){0}, (double)turn_running());
    metric_set(metrics.tasks, (pb_str){0}, (double)task_count());
    metric_set(metrics.kept, (pb_str){0}, (double)bytes);
    export_refresh();
    metric_set(metrics.workers, (pb_str){0}, 1); /* added up over all */
    metric_clear(metrics.hold);
    metric_set(metrics.hold, pb_printf("%u", node_slot() ? node_slot() : 1),
               (double)loop_longest_hold() / 1e9);
}

static double seconds(pb_duration time)
{
    return (double)time / 1e9;
}

static void fill_trace(struct trace *trace, const pb_turn_result *result)
{
    if (!trace)
        return;
    trace->root.total = result->total;
    trace->root.status = trace->status = result->status;
    trace->finish = result->status == PB_OK ? result->finish : PB_FINISH_NONE;
    trace->fallback = result->fallback;
    trace->usage = result->usage;
    trace->first_text = result->first_text;
    trace->llm = result->llm; /* an instance's name: lives as long as the process */
    trace->model = trace_copy(trace, result->model);
    if (result->error) {
        trace->sentence = trace_copy(trace, result->error->sentence);
        trace->error_instance = trace_copy(trace, result->error->instance);
    }
}

static void count(const struct turn_whole *turn, const pb_turn_result *result)
{
    pb_str pipeline = turn->view.info.pipeline;

    pb_metric_add(metrics.turns, pipeline, 1);
    pb_metric_add(metrics.results, pb_str_of(pb_status_name(result->status)), 1);
    pb_metric_add(metrics.seconds, pipeline, seconds(result->total));
    if (result->first_text)
        pb_metric_add(metrics.first_text, pipeline, seconds(result->first_text));
    if (result->fallback)
        pb_metric_add(metrics.fallbacks, (pb_str){0}, 1);
}

void turn_report(struct turn_whole *turn, const pb_turn_result *result)
{
    struct task_locals *locals = task_local();
    void *before = locals->turn;

    fill_trace(turn->core.trace, result);
    count(turn, result);
    locals->turn = &turn->view;
    if (result->status == PB_OK) /* of a thousand documents nobody wants a thousand lines */
        pb_log(turn->core.document ? PB_DEBUG : PB_INFO,
               "turn done: pipeline %.*s, %.1f ms, %lld + %lld tokens%s%.*s",
               PB_ARG(turn->view.info.pipeline), seconds(result->total) * 1e3,
               (long long)result->usage.input_tokens, (long long)result->usage.output_tokens,
               result->llm.data ? ", llm " : "", PB_ARG(result->llm));
    else
        pb_log(PB_INFO, "turn %s: pipeline %.*s, %.1f ms, %lld + %lld tokens: %.*s",
               pb_status_name(result->status), PB_ARG(turn->view.info.pipeline),
               seconds(result->total) * 1e3, (long long)result->usage.input_tokens,
               (long long)result->usage.output_tokens, PB_ARG(result->error->sentence));
    locals->turn = before;
}

void turn_report_llm(pb_str llm, pb_status status, const pb_usage *usage, pb_duration took)
{
    pb_metric_add(metrics.llm_calls, llm, 1);
    if (status != PB_OK)
        pb_metric_add(metrics.llm_failures, llm, 1);
    pb_metric_add(metrics.llm_seconds, llm, seconds(took));
    if (usage->input_tokens)
        pb_metric_add(metrics.tokens, pb_lit("input"), (double)usage->input_tokens);
    if (usage->output_tokens)
        pb_metric_add(metrics.tokens, pb_lit("output"), (double)usage->output_tokens);
    if (usage->cost > 0)
        pb_metric_add(metrics.cost, llm, usage->cost);
}
