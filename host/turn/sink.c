/* sink.c - where events go: the sink in front of the transport's, pb_emit, and the one done. */
#include "turn/turn.h"

pb_status turn_base_emit(pb_sink *sink, const pb_event *event)
{
    struct turn_whole *turn = list_entry(sink, struct turn_whole, base);
    struct turn_core *core = &turn->core;

    core->emitted++;
    if (core->sink_status != PB_OK) /* the client is gone: it stays so */
        return pb_fail(core->sink_status, "the client is gone");
    if (event->type == PB_EVENT_DONE)
        return pb_fail(PB_INTERNAL, "only the host says that a turn is done");
    if (event->type == PB_EVENT_TEXT && !core->first_text)
        core->first_text = trace_now() - core->started;
    pb_status status = pb_sink_emit(core->transport, event);
    if (status != PB_OK && status != PB_TIMEOUT)
        core->sink_status = status;
    return status;
}

pb_status host_emit(pb_turn *turn, const pb_event *event)
{
    turn->core->emitted++;
    return pb_sink_emit(turn->sink, event);
}

/* Tells the client where the turn is, past the sinks of the stages. That it cannot be told is no
 * failure of the stage: whatever is emitted next fails too. */
void turn_emit_stage(struct pb_turn *turn, pb_str name, bool begin)
{
    struct turn_core *core = turn->core;
    pb_event event = pb_event_make(PB_EVENT_STAGE);

    event.name = name;
    event.text = begin ? pb_lit("begin") : pb_lit("end");
    event.branch = turn->info.branch;
    if (core->sink_status != PB_OK || host_cancelled())
        return;
    pb_status status = pb_sink_emit(core->transport, &event);
    if (status != PB_OK && status != PB_TIMEOUT)
        core->sink_status = status;
}

/* --- done ------------------------------------------------------------------------------------- */

struct done {
    struct turn_core *core;
    const pb_turn_result *result;
};

static pb_status emit_done(void *arg)
{
    const struct done *done = arg;
    pb_event event = pb_event_make(PB_EVENT_DONE);

    event.finish = done->result->finish;
    event.result = done->result;
    return pb_sink_emit(done->core->transport, &event);
}

/* Where the task is cancelled (the transport gave up), what still can be told is told under a
 * shield. */
void turn_emit_done(struct turn_whole *turn, const pb_turn_result *result)
{
    struct done done = {&turn->core, result};

    if (turn->core.sink_status != PB_OK)
        return;
    if (task_is_cancelled(task_current()))
        (void)host_shield(emit_done, &done);
    else
        (void)emit_done(&done);
}
