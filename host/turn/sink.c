/* sink.c - where events go: the sink in front of the transport's, pb_emit, and the one done. */
#include "turn/turn.h"

#include "plugin/contract.h"

/* --- one at a time ---------------------------------------------------------------------------- */

struct speaker {
    struct list_link link;
    struct waiter waiter;
    pb_task *task;
};

static void pass_the_word(struct turn_core *core)
{
    struct list_link *link = list_pop(&core->speakers);
    struct speaker *speaker = link ? list_entry(link, struct speaker, link) : NULL;

    core->speaker = speaker ? speaker->task : NULL;
    if (speaker)
        waiter_wake(&speaker->waiter);
}

/* Whoever is woken has been given the word already, so nobody comes in between; but it may have
 * been told to end at the same moment. */
static pb_status wait_to_speak(struct turn_core *core)
{
    struct speaker speaker = {.task = task_current()};

    list_append(&core->speakers, &speaker.link);
    pb_status status = task_wait(&speaker.waiter);
    list_remove(&speaker.link);
    if (status == PB_OK && (status = host_step()) != PB_OK)
        pass_the_word(core);
    return status;
}

pb_status turn_speak(struct turn_core *core, pb_sink *sink, const pb_event *event)
{
    pb_task *task = task_current();

    /* a sink further up has the word and emits something, maybe by a task that it waits for */
    if (core->speaker && task_descends(task, core->speaker))
        return pb_sink_emit(sink, event);
    pb_status status = PB_OK;
    if (core->speaker && (status = wait_to_speak(core)) != PB_OK)
        return status;
    core->speaker = task;
    status = pb_sink_emit(sink, event);
    pass_the_word(core);
    return status;
}

/* --- the bottom ------------------------------------------------------------------------------- */

/* A branch that is told to end while the client reads slowly leaves the others a client. */
static void note_failure(struct turn_core *core, pb_status status)
{
    pb_task *task = task_current();
    bool alone = task != core->task && task_is_cancelled(task) &&
                 !(core->task && task_is_cancelled(core->task));

    if (status != PB_OK && status != PB_TIMEOUT && !(status == PB_CANCELLED && alone))
        core->sink_status = status;
}

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
    pb_status status = turn_speak(core, core->transport, event);
    note_failure(core, status);
    return status;
}

pb_status host_emit(pb_turn *turn, const pb_event *event)
{
    pb_status status = turn_check_write(turn);

    if (status != PB_OK)
        return status;
    turn->core->emitted++;
    return contract_enabled() ? contract_pass(turn->sink, event) : pb_sink_emit(turn->sink, event);
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
    note_failure(core, turn_speak(core, core->transport, &event));
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
