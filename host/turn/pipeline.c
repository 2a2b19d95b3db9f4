/* pipeline.c - how a turn walks its stages: pb_next, nested pipelines, a second run of the same
 * rest.
 *
 * A pb_next lives on the stack of the call that entered a stage. It says what follows; when its own
 * list is done, the list around it goes on (`outer`). Entering a stage allocates nothing but its
 * span.
 */
#include "turn/turn.h"

#include "base/scope.h"
#include "plugin/contract.h"
#include "plugin/instances.h"

/* What a stage's first run of next began and left, for a second one. */
struct rerun {
    struct arena_mark before, after;
    struct turn_state state_before, state_after;
    uint64_t emitted;
    bool ran;
};

struct pb_next {
    pb_sink hand;               /* what pb_turn_sink gives the stage: counts and passes on */
    struct pb_turn *turn;       /* the view with which the stage was entered */
    pb_instance *const *stages; /* what follows, `count` of them */
    size_t count;
    const struct pb_next *outer; /* behind the last, or NULL */
    struct rerun *rerun;
};

static pb_status enter(struct pb_turn *turn, const struct pb_next *at);

/* Runs what stands behind `next`, from whichever list still has a stage. */
static pb_status go_on(const struct pb_next *next, struct pb_turn *turn)
{
    while (next && next->count == 0)
        next = next->outer;
    if (!next)
        return PB_OK;
    return enter(turn, next);
}

static pb_status hand_emit(pb_sink *sink, const pb_event *event)
{
    list_entry(sink, struct pb_next, hand)->turn->core->emitted++;
    return contract_enabled() ? contract_pass(sink->below, event) : pb_pass(sink, event);
}

/* The sink that the running stage emits to, good until that stage returns. */
pb_sink *host_turn_sink(pb_turn *turn)
{
    struct pb_next *next = turn->running;

    if (!next)
        return turn->sink;
    next->hand.below = turn->sink;
    return &next->hand;
}

/* A task that outlives its stage would speak into what belongs to another by then. */
static void end_left(const pb_instance *stage, uint64_t spawned)
{
    size_t count = task_end_left(spawned);

    if (count)
        pb_log(PB_ERROR, "%.*s left %zu tasks behind that nobody joined; they were ended with it",
               PB_ARG(instance_title(stage)), count);
}

/* Enters the first stage of `at`; the rest of it is what follows. */
static pb_status enter(struct pb_turn *turn, const struct pb_next *at)
{
    pb_instance *stage = *at->stages;
    const pb_stage *interface = (const pb_stage *)(const void *)stage->interface;
    struct rerun rerun;
    struct pb_next next;
    struct contract_call guard;
    struct pb_next *above = turn->running;

    rerun.ran = false;
    next.hand.size = sizeof next.hand;
    next.hand.reserved = 0;
    next.hand.emit = hand_emit;
    next.turn = turn;
    next.stages = at->stages + 1;
    next.count = at->count - 1;
    next.outer = at->outer;
    next.rerun = &rerun;
    turn->running = &next;

    struct pb_span *span = trace_span(turn->core->trace, pb_lit("stage"), stage->name);
    if (span)
        span->branch = turn->info.branch;
    if (turn->core->stream_stages)
        turn_emit_stage(turn, stage->name, true);
    void *before = instance_enter(stage);
    uint64_t spawned = task_spawned();
    contract_begin(&guard, stage);
    pb_status status = contract_end(&guard, interface->run(stage->self, turn, &next));
    end_left(stage, spawned);
    instance_leave(before);
    turn->running = above;
    if (turn->core->stream_stages)
        turn_emit_stage(turn, stage->name, false);
    trace_span_end(span, status);
    return status;
}

/* --- running the same rest again -------------------------------------------------------------- */

static bool same_place(struct arena_mark a, struct arena_mark b)
{
    return a.head == b.head && a.used == b.used;
}

/* A second run starts from the turn as the first one found it, except for what the stage itself
 * changed in between. The first one's memory is freed unless somebody may still hold a piece of it:
 * the stage allocated behind it, or a sink above saw an event and may have kept it there. */
static void begin_again(struct rerun *rerun, struct pb_turn *turn)
{
    struct turn_state *now = &turn->state;
    const struct turn_state *before = &rerun->state_before, *after = &rerun->state_after;
    struct arena *arena = &turn->arena;

    if (now->messages == after->messages) {
        now->messages = before->messages;
        now->message_count = before->message_count;
    }
    if (now->params == after->params)
        now->params = before->params;
    if (now->variables == after->variables)
        now->variables = before->variables;
    bool changed = now->messages != before->messages || now->params != before->params ||
                   now->variables != before->variables;
    if (!changed && turn->core->emitted == rerun->emitted && scope_current()->arena == arena &&
        same_place(arena_mark_now(arena), rerun->after))
        arena_release(arena, rerun->before);
}

static void run_begin(const struct pb_next *next, struct pb_turn *turn)
{
    struct rerun *rerun = next ? next->rerun : NULL;

    if (!rerun || next->turn != turn)
        return;
    if (rerun->ran)
        begin_again(rerun, turn);
    rerun->ran = true;
    rerun->before = arena_mark_now(&turn->arena);
    rerun->state_before = turn->state;
    rerun->emitted = turn->core->emitted;
}

static void run_end(const struct pb_next *next, struct pb_turn *turn)
{
    struct rerun *rerun = next ? next->rerun : NULL;

    if (!rerun || next->turn != turn)
        return;
    rerun->after = arena_mark_now(&turn->arena);
    rerun->state_after = turn->state;
}

/* --- host functions --------------------------------------------------------------------------- */

pb_status host_run_next(const pb_next *next, pb_turn *turn)
{
    run_begin(next, turn);
    pb_status status = go_on(next, turn);
    run_end(next, turn);
    return status;
}

pb_status host_run_next_with(const pb_next *next, pb_turn *turn, pb_sink *sink)
{
    pb_sink *above = turn->sink;

    sink->below = above;
    turn->sink = sink;
    pb_status status = host_run_next(next, turn);
    turn->sink = above;
    return status;
}

/* A branch allocates in its view's arena, whichever task runs it. */
struct stay {
    struct arena *arena;
    void *turn;
};

static struct stay move_in(struct pb_turn *turn)
{
    struct stay before = {NULL, task_local()->turn};

    if (turn->info.branch && scope_current()->arena != &turn->arena)
        before.arena = scope_arena_swap(&turn->arena);
    task_local()->turn = turn;
    return before;
}

static void move_out(struct stay before)
{
    task_local()->turn = before.turn;
    if (before.arena)
        scope_arena_swap(before.arena);
}

pb_status host_run_pipeline(pb_pipeline *pipeline, pb_turn *turn, const pb_next *next)
{
    struct pb_next first = {.outer = next};
    struct stay before = move_in(turn);

    if (pipeline) {
        first.stages = pipeline->stages;
        first.count = pipeline->count;
    }
    run_begin(next, turn);
    pb_status status = go_on(&first, turn);
    run_end(next, turn);
    move_out(before);
    return status;
}

pb_status host_run_pipeline_with(pb_pipeline *pipeline, pb_turn *turn, const pb_next *next,
                                 pb_sink *sink)
{
    pb_sink *above = turn->sink;

    sink->below = above;
    turn->sink = sink;
    pb_status status = host_run_pipeline(pipeline, turn, next);
    turn->sink = above;
    return status;
}

pb_status turn_run_stages(struct pb_turn *turn, const struct pb_pipeline *pipeline)
{
    struct pb_next first = {.stages = pipeline->stages, .count = pipeline->count};

    return go_on(&first, turn);
}

pb_pipeline *host_pipeline_find(pb_str name)
{
    return pipeline_lookup(name);
}

const pb_pipeline_info *host_pipeline_info(pb_pipeline *pipeline)
{
    return &pipeline->info;
}
