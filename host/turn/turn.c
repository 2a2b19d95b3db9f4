/* turn.c - the life of a turn: made by a transport, run once, reported, freed. */
#include "turn/turn.h"

#include "base/ids.h"
#include "base/scope.h"
#include "base/trace_context.h"
#include "plugin/instances.h"
#include "turn/export.h"
#include <stdlib.h>

static const pb_principal nobody = {
    .size = sizeof nobody, .id = PB_LIT("nobody"), .tenant = PB_LIT("default")};

struct pb_turn *turn_current(void)
{
    return task_local()->turn;
}

static struct turn_whole *whole_of(struct pb_turn *turn)
{
    return list_entry(turn->core, struct turn_whole, core);
}

/* --- making ----------------------------------------------------------------------------------- */

static pb_str uuid_str(const char text[UUID_TEXT_SIZE])
{
    return text[0] ? (pb_str){text, UUID_TEXT_SIZE - 1} : (pb_str){0};
}

static pb_status new_uuid(char out[UUID_TEXT_SIZE])
{
    uint8_t uuid[UUID_SIZE];
    pb_status status = uuid_make(uuid);

    if (status == PB_OK)
        uuid_text(uuid, out);
    return status;
}

static pb_status new_id(struct turn_core *core)
{
    uint8_t uuid[UUID_SIZE];
    pb_status status = uuid_make(uuid);

    if (status != PB_OK)
        return status;
    uuid_text(uuid, core->id);
    memcpy(core->id_words, uuid, sizeof core->id_words);
    return PB_OK;
}

/* A client's UUID, in lower case. */
static pb_status take_uuid(pb_str text, const char *pointer, char out[UUID_TEXT_SIZE])
{
    uint8_t uuid[UUID_SIZE];

    if (!pb_uuid_bytes(text, uuid))
        return pb_fail_at(PB_INVALID, pointer, "is no id; one looks like "
                                               "0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44");
    uuid_text(uuid, out);
    return PB_OK;
}

/* Which conversation the turn belongs to; a new one and the reply get their ids here, so that a
 * client can be told before anything is stored. */
static pb_status take_conversation(struct turn_core *core, const pb_turn_spec *spec)
{
    pb_status status;

    if (!spec->conversation.size && !spec->replaces.size)
        return new_uuid(core->reply);
    if (!spec->pipeline->info.keeps_history)
        return pb_fail_at(PB_INVALID, "/conversation",
                          "the pipeline '%.*s' keeps no conversations; it needs the stage 'history'",
                          PB_ARG(spec->pipeline->info.name));
    if (spec->replaces.size && (!spec->conversation.size || pb_str_is(spec->conversation, "new")))
        return pb_fail_at(PB_INVALID, "/replaces", "needs the conversation that the message is in");
    if ((status = new_uuid(core->reply)) != PB_OK)
        return status;
    if (spec->replaces.size &&
        (status = take_uuid(spec->replaces, "/replaces", core->replaces)) != PB_OK)
        return status;
    return pb_str_is(spec->conversation, "new")
               ? new_uuid(core->conversation)
               : take_uuid(spec->conversation, "/conversation", core->conversation);
}

/* That of the request, or of the turn, that makes this one. Else the turn's id is that of its trace:
 * both are 16 bytes. */
static void take_trace(struct turn_core *core)
{
    pb_str given = task_local()->trace;
    char id[37], span[TRACE_SPAN_SIZE];
    size_t size = 0;

    if (given.size == TRACE_CONTEXT_SIZE) {
        memcpy(core->trace_text, given.data, given.size);
        return;
    }
    for (const char *at = core->id; *at; at++)
        if (*at != '-')
            id[size++] = *at;
    memcpy(span, id + TRACE_ID_SIZE - TRACE_SPAN_SIZE, sizeof span);
    trace_context_write(pb_str_make(NULL, 0), id, span, core->trace_text);
}

static void describe(struct turn_whole *turn, const pb_turn_spec *spec)
{
    struct turn_core *core = &turn->core;
    pb_turn_info *info = &turn->view.info;
    struct trace *trace = core->trace;

    info->size = sizeof *info;
    info->id = (pb_str){core->id, sizeof core->id - 1};
    info->request_id = spec->request_id;
    info->pipeline = spec->pipeline->info.name;
    info->principal = spec->principal ? spec->principal : &nobody;
    info->metadata = spec->metadata;
    info->created = host_now();
    info->dialect = spec->dialect;
    info->stream = spec->stream;
    info->remote = spec->remote;
    take_trace(core);
    info->trace = (pb_str){core->trace_text, TRACE_CONTEXT_SIZE};
    info->conversation_new = pb_str_is(spec->conversation, "new");
    info->conversation = uuid_str(core->conversation);
    info->reply = uuid_str(core->reply);
    info->replaces = uuid_str(core->replaces);
    if (!trace)
        return;
    trace->created = info->created;
    if (!task_local()->turn) /* a turn within a turn goes on that one */
        trace->parent = trace_copy(trace, task_local()->caller);
    trace->pipeline = info->pipeline;
    trace->request_id = trace_copy(trace, spec->request_id);
    memcpy(trace->context, core->trace_text, sizeof trace->context);
    trace->conversation = trace_copy(trace, info->conversation);
    trace->owner = trace_copy(trace, info->principal->id);
    trace->tenant = trace_copy(trace, info->principal->tenant);
}

pb_status host_turn_new(const pb_turn_spec *asked, pb_turn **out)
{
    pb_turn_spec whole = {0}, *spec = &whole; /* as this host knows it, whoever made it */
    pb_status status;
    struct turn_whole *turn = calloc(1, sizeof *turn);

    if (!turn)
        return pb_fail(PB_NO_MEMORY, "there is no memory for another turn");
    memcpy(spec, asked, asked->size < sizeof *spec ? asked->size : sizeof *spec);
    struct turn_core *core = &turn->core;
    core->pipeline = spec->pipeline;
    if ((status = new_id(core)) != PB_OK ||
        (status = take_conversation(core, spec)) != PB_OK ||
        (status = turn_live_add(core)) != PB_OK) {
        free(turn);
        return status;
    }
    list_init(&core->views);
    list_init(&core->speakers);
    arena_init(&core->kept, turn_limits_now()->memory);
    arena_init(&turn->view.arena, turn_limits_now()->memory);
    core->stream_stages = spec->stream_stages;
    core->usage.size = sizeof core->usage;
    core->trace = trace_begin(core->id);
    turn->view.core = core;
    describe(turn, spec);
    status = turn_state_init(&turn->view, spec);
    if (status != PB_OK) {
        host_turn_free(&turn->view);
        return status;
    }
    *out = &turn->view;
    return PB_OK;
}

void host_turn_free(pb_turn *turn)
{
    struct list_link *link;

    if (!turn)
        return;
    struct turn_whole *whole = whole_of(turn);
    while ((link = list_pop(&whole->core.views)))
        arena_fini(&list_entry(link, struct pb_turn, link)->arena);
    arena_fini(&whole->view.arena);
    arena_fini(&whole->core.kept);
    trace_drop(whole->core.trace);
    turn_live_remove(&whole->core);
    free(whole);
}

/* --- running ---------------------------------------------------------------------------------- */

static pb_str keep_text(struct turn_core *core, pb_str text)
{
    char *copy = text.data ? arena_alloc(&core->kept, text.size + 1) : NULL;

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return (pb_str){copy, copy ? text.size : 0};
}

/* The task's error, as it was when the stages ended: what follows may set another. */
static pb_error keep_error(struct turn_core *core, pb_status status)
{
    pb_error error = *host_error();

    if (error.status != status) /* a failure without a sentence of its own */
        error = (pb_error){.status = status, .sentence = pb_str_of(pb_status_title(status))};
    error.size = sizeof error;
    error.sentence = keep_text(core, error.sentence);
    error.pointer = keep_text(core, error.pointer);
    error.instance = keep_text(core, error.instance);
    return error;
}

static pb_status run_stages(struct turn_whole *turn)
{
    struct task_locals *locals = task_local();
    struct task_locals before = *locals;
    struct arena *arena = scope_arena_swap(&turn->view.arena);

    locals->turn = &turn->view;
    locals->principal = turn->view.info.principal;
    locals->span = NULL;
    locals->trace = turn->view.info.trace;
    locals->work.pipeline = turn->core.pipeline->number;
    memcpy(locals->work.turn, turn->core.id_words, sizeof locals->work.turn);
    task_tell(&locals->work);
    pb_status status = turn->core.cancelled ? pb_fail(PB_CANCELLED, "the turn was cancelled")
                                            : turn_run_stages(&turn->view, turn->core.pipeline);
    scope_arena_swap(arena);
    locals->turn = before.turn;
    locals->principal = before.principal;
    locals->span = before.span;
    locals->trace = before.trace;
    locals->work = before.work;
    task_tell(&locals->work);
    return status;
}

/* The stages are through: how did it end? The end of the turn's own time is a time-out for the
 * client, though its stages saw it as a cancellation. */
static pb_status settle(struct turn_whole *turn, pb_status status, pb_duration due)
{
    struct turn_core *core = &turn->core;
    /* branches may have come to their end by it before this task did */
    bool ended = status == PB_CANCELLED || task_is_cancelled(task_current());
    bool late = due && !core->cancelled && ended && loop_now() >= due;

    task_set_final_deadline(task_current(), 0);
    if (core->cancelled || late)
        task_cancel_clear(task_current()); /* the transport has to answer */
    if (status == PB_CANCELLED && late)
        status = pb_fail(PB_TIMEOUT, "the turn took longer than is allowed");
    if (status == PB_CANCELLED && core->stopped)
        status = pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "%s", core->stopped);
    if (status == PB_OK && core->sink_status != PB_OK)
        status = pb_fail(core->sink_status, "the client is gone");
    return status;
}

static void finish(struct turn_whole *turn, pb_status status)
{
    struct turn_core *core = &turn->core;
    pb_error error;
    pb_turn_result result = {.size = sizeof result,
                             .status = status,
                             .finish = core->finish,
                             .fallback = core->other_answered,
                             .usage = core->usage,
                             .model = core->model,
                             .first_text = core->first_text,
                             .stop = core->stop};

    if (core->llm)
        result.llm = core->llm->name;
    if (status == PB_OK && result.finish == PB_FINISH_NONE)
        result.finish = PB_FINISH_STOP;
    if (status != PB_OK) {
        error = keep_error(core, status);
        result.error = &error;
    }
    result.total = trace_now() - core->started;
    turn_emit_done(turn, &result);
    turn_report(turn, &result);
    export_turn(core->trace);
    trace_keep(core->trace);
    core->trace = NULL;
    if (status != PB_OK)
        scope_error_set(&error);
}

pb_status host_turn_run(pb_turn *turn, pb_sink *sink)
{
    struct turn_whole *whole = whole_of(turn);
    struct turn_core *core = &whole->core;
    pb_duration limit = turn_limits_now()->total;

    if (core->started)
        return pb_fail(PB_INTERNAL, "a turn runs once");
    whole->base = (pb_sink){.size = sizeof whole->base, .emit = turn_base_emit, .below = sink};
    core->transport = sink;
    turn->sink = &whole->base;
    core->started = trace_now();
    if (core->trace)
        core->trace->root.begin = core->started;
    pb_duration due = limit ? core->started + limit : 0;
    task_set_final_deadline(task_current(), due);

    pb_status status = turn_live_begin(core);
    if (status == PB_OK) {
        status = run_stages(whole);
        turn_live_end(core);
    }
    status = settle(whole, status, due);
    finish(whole, status);
    return status;
}
