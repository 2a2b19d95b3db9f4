/* pipeline.h - nested pipelines: what control stages (fallback, retry, route, parallel) are made of.
 *
 * An option of kind PB_PIPELINE holds a list of stages. Such a list stands in the pipeline where
 * the control stage stands: behind its last stage the outer pipeline goes on.
 */
#ifndef PATCHBAY_PIPELINE_H
#define PATCHBAY_PIPELINE_H

#include <patchbay/stage.h>

/* Runs the stages of `pipeline` and behind them `next`; with next NULL it ends there. A NULL or
 * empty pipeline runs `next` at once. Parks. */
static inline pb_status pb_run_pipeline(pb_pipeline *pipeline, pb_turn *turn, const pb_next *next)
{
    return PB_CALL(run_pipeline)(pipeline, turn, next);
}

/* The same with `sink` in front of what streams back; the host sets sink->below. The sink must stay
 * until this returns. */
static inline pb_status pb_run_pipeline_with(pb_pipeline *pipeline, pb_turn *turn,
                                             const pb_next *next, pb_sink *sink)
{
    return PB_CALL(run_pipeline_with)(pipeline, turn, next, sink);
}

/* A sink that notes whether anything was said through it: what has been said cannot be tried again.
 *
 *     pb_watch watch = pb_watch_make();
 *     status = pb_run_pipeline_with(stages, turn, next, &watch.base);
 *     if (status != PB_OK && !watch.spoken) … */
typedef struct pb_watch {
    pb_sink base;
    bool spoken;
} pb_watch;

static inline pb_status pb_watch_emit(pb_sink *sink, const pb_event *event)
{
    pb_watch *watch = (pb_watch *)(void *)sink;

    if (pb_event_speaks(event))
        watch->spoken = true;
    return pb_pass(sink, event);
}

static inline pb_watch pb_watch_make(void)
{
    pb_watch watch;
    memset(&watch, 0, sizeof watch);
    watch.base.size = (uint32_t)sizeof watch.base;
    watch.base.emit = pb_watch_emit;
    return watch;
}

/* A view of the turn for one branch: reads fall through, writes (messages, parameters, variables)
 * stay in the view, events go to `sink` (NULL: where the turn's go) and carry `index` (from 1). The
 * view lives as long as the turn. Run it with pb_run_pipeline in a spawned task. */
static inline pb_status pb_turn_branch(pb_turn *turn, int32_t index, pb_sink *sink, pb_turn **out)
{
    return PB_CALL(turn_branch)(turn, index, sink, out);
}

/* Takes over what a branch wrote: its messages, parameters and variables replace the turn's. */
static inline pb_status pb_turn_keep(pb_turn *turn, pb_turn *branch)
{
    return PB_CALL(turn_keep)(turn, branch);
}

/* Why the model stopped; generate sets it, the turn's result carries it. */
static inline void pb_turn_set_finish(pb_turn *turn, int32_t finish)
{
    PB_CALL(turn_set_finish)(turn, finish);
}

struct pb_pipeline_info {
    uint32_t size;
    uint32_t stage_count;
    pb_str name;
    pb_str description;
    uint32_t keeps_history; /* 1: a stage of it, or nested in it, stores conversations */
    uint32_t reserved;
};

/* A pipeline of the configuration by its name, or NULL. Lives as long as the process. */
static inline pb_pipeline *pb_pipeline_find(pb_str name)
{
    return PB_CALL(pipeline_find)(name);
}

static inline const pb_pipeline_info *pb_pipeline_info_of(pb_pipeline *pipeline)
{
    return PB_CALL(pipeline_info)(pipeline);
}

#endif
