/* contract_llm.c - what a model may emit and when (rule 9), and events that are lent (rule 1). */
#include "plugin/contract_internal.h"

#include <stdio.h>

static const char *event_name(int32_t type)
{
    switch (type) {
    case PB_EVENT_TEXT:
        return "text";
    case PB_EVENT_THINKING:
        return "thinking";
    case PB_EVENT_TOOL_CALL:
        return "a tool call";
    case PB_EVENT_USAGE:
        return "usage";
    default:
        return "an event";
    }
}

static pb_status fail(struct contract_llm *guard, const char *what)
{
    guard->breach = contract_breach(9, guard->call.instance, what);
    return guard->breach;
}

static pb_status emit(pb_sink *sink, const pb_event *event)
{
    struct contract_llm *guard = (struct contract_llm *)(void *)sink;
    char what[64];

    if (guard->breach)
        return guard->breach;
    if (guard->finishes) {
        if (event->type == PB_EVENT_FINISH)
            return fail(guard, "emitted a second finish");
        (void)snprintf(what, sizeof what, "emitted %s after finish", event_name(event->type));
        return fail(guard, what);
    }
    if (event->type == PB_EVENT_USAGE && guard->usages++)
        return fail(guard, "emitted a second usage");
    if (event->type == PB_EVENT_FINISH)
        guard->finishes++;
    pb_status status = contract_pass(sink->below, event);
    if (status != PB_OK && guard->emitted == PB_OK)
        guard->emitted = status;
    return status;
}

pb_sink *contract_llm_begin(struct contract_llm *guard, pb_instance *llm, pb_sink *sink)
{
    contract_begin(&guard->call, llm);
    if (!guard->call.watched)
        return sink;
    guard->base = (pb_sink){.size = sizeof(pb_sink), .emit = emit, .below = sink};
    guard->finishes = guard->usages = 0;
    guard->emitted = guard->breach = PB_OK;
    return &guard->base;
}

pb_status contract_llm_end(struct contract_llm *guard, pb_status status)
{
    pb_instance *llm = guard->call.instance;

    if (!guard->call.watched)
        return status;
    if (guard->breach)
        return guard->breach;
    if (guard->emitted != PB_OK && status == PB_OK)
        return contract_breach(6, llm, "returned ok although emit had failed");
    if (status == PB_OK && guard->finishes == 0 && !pb_cancelled())
        return contract_breach(9, llm, "returned ok without a finish");
    if (status != PB_OK && guard->finishes && guard->emitted == PB_OK)
        return contract_breach(9, llm, "failed after it had emitted finish");
    return contract_end(&guard->call, status);
}

/* --- events ----------------------------------------------------------------------------------- */

static pb_str lend(struct arena *arena, pb_str text)
{
    char *copy = text.data ? arena_alloc(arena, text.size + 1) : NULL;

    if (!copy)
        return text;
    if (text.size)
        memcpy(copy, text.data, text.size);
    return (pb_str){copy, text.size};
}

pb_status contract_pass(pb_sink *below, const pb_event *event)
{
    struct arena arena;
    size_t size = event->size < sizeof(pb_event) ? event->size : sizeof(pb_event);

    if (!below)
        return PB_OK;
    arena_init(&arena, 0);
    pb_event *lent = arena_alloc(&arena, sizeof *lent);
    if (!lent)
        return pb_sink_emit(below, event);
    memcpy(lent, event, size);
    lent->text = lend(&arena, lent->text);
    lent->id = lend(&arena, lent->id);
    lent->name = lend(&arena, lent->name);
    pb_status status = pb_sink_emit(below, lent);
    arena_fini(&arena);
    return status;
}
