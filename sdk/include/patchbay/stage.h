/* stage.h - a stage: one step of a pipeline, wrapping the rest of it.
 *
 *     run(self, turn, next):  do something;  pb_run_next(next, turn);  do something after.
 *
 * A stage that does not call next answers by itself (a cache). One that calls it twice retries. What
 * next returned is returned unchanged or handled. All runs of one instance interleave only where
 * they park; `self` needs no locks.
 */
#ifndef PATCHBAY_STAGE_H
#define PATCHBAY_STAGE_H

#include <patchbay/plugin.h>
#include <patchbay/turn.h>

#define PB_STAGE_REVISION 1

/* The interface. run is required.
 *     PB_OK              the turn goes on in the stages above
 *     PB_CANCELLED       was returned by a host call: returned unchanged
 *     any other status   the turn fails with pb_fail's sentence, unless a stage above handles it */
typedef struct pb_stage {
    PB_LIFECYCLE
    pb_status (*run)(void *self, pb_turn *turn, const pb_next *next);
    uintptr_t keeps_history; /* 1: stores what is said; a pipeline with it has conversations */
} pb_stage;

/* PB_STAGE("shout", struct shout, shout_options, .run = shout_run) */
#define PB_STAGE(name, owner, options, ...)                                                        \
    PB_COMPONENT(pb_stage, "stage", 1, name, owner, options, __VA_ARGS__)

/* Runs the rest of the pipeline. Parks. May be called again (retry): memory of the earlier run is
 * then gone, what it emitted is not. */
static inline pb_status pb_run_next(const pb_next *next, pb_turn *turn)
{
    return PB_CALL(run_next)(next, turn);
}

/* The same with `sink` in front of what streams back; the host sets sink->below. The sink must stay
 * until this returns. */
static inline pb_status pb_run_next_with(const pb_next *next, pb_turn *turn, pb_sink *sink)
{
    return PB_CALL(run_next_with)(next, turn, sink);
}

#endif
