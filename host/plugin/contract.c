/* contract.c - see contract.h. */
#include "plugin/contract.h"

#include <patchbay/log.h>

#if PATCHBAY_DEBUG
static bool enabled = true;
#else
static bool enabled;
#endif

void contract_enable(bool on)
{
    enabled = on;
}

bool contract_enabled(void)
{
    return enabled;
}

/* Logs and fails: "contract 9: llm 'main' (openai 1.2.0) emitted text after finish". */
static pb_status breach(int rule, const pb_instance *instance, const char *what)
{
    pb_str title = instance_title(instance);
    pb_status status =
        pb_fail(PB_INTERNAL, "contract %d: %.*s %s", rule, PB_ARG(title), what);

    pb_log(PB_ERROR, "%.*s", PB_ARG(pb_error_last()->sentence));
    return status;
}

/* Has the task an error that goes with this failure? */
static bool has_sentence(pb_status status)
{
    const pb_error *error = pb_error_last();
    return error->status == status && error->sentence.size > 0;
}

pb_status contract_status(pb_instance *instance, pb_status status)
{
    if (!enabled || status == PB_OK || status == PB_DECLINED || has_sentence(status))
        return status;
    return breach(7, instance, "failed without a sentence (pb_fail)");
}

/* --- llm -------------------------------------------------------------------------------------- */

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

static pb_status llm_breach(struct contract_llm *guard, const char *what)
{
    guard->breach = breach(9, guard->llm, what);
    return guard->breach;
}

static pb_status llm_emit(pb_sink *sink, const pb_event *event)
{
    struct contract_llm *guard = (struct contract_llm *)(void *)sink;
    char what[64];

    if (guard->breach)
        return guard->breach;
    if (guard->finishes) {
        if (event->type == PB_EVENT_FINISH)
            return llm_breach(guard, "emitted a second finish");
        (void)snprintf(what, sizeof what, "emitted %s after finish", event_name(event->type));
        return llm_breach(guard, what);
    }
    if (event->type == PB_EVENT_USAGE && guard->usages++)
        return llm_breach(guard, "emitted a second usage");
    if (event->type == PB_EVENT_FINISH)
        guard->finishes++;
    pb_status status = pb_pass(sink, event);
    if (status != PB_OK && guard->emitted == PB_OK)
        guard->emitted = status;
    return status;
}

pb_sink *contract_llm_begin(struct contract_llm *guard, pb_instance *llm, pb_sink *sink)
{
    if (!enabled) {
        guard->watched = false;
        return sink;
    }
    *guard = (struct contract_llm){
        .base = {.size = sizeof(pb_sink), .emit = llm_emit, .below = sink},
        .llm = llm,
        .watched = true};
    return &guard->base;
}

pb_status contract_llm_end(struct contract_llm *guard, pb_status status)
{
    if (!guard->watched)
        return status;
    if (guard->breach)
        return guard->breach;
    if (guard->emitted != PB_OK && status == PB_OK)
        return breach(6, guard->llm, "returned ok although emit had failed");
    if (status == PB_OK && guard->finishes == 0)
        return breach(9, guard->llm, "returned ok without a finish");
    if (status != PB_OK && guard->finishes && guard->emitted == PB_OK)
        return breach(9, guard->llm, "failed after it had emitted finish");
    return contract_status(guard->llm, status);
}

/* --- stage ------------------------------------------------------------------------------------ */

void contract_stage_begin(struct contract_stage *guard, pb_instance *stage)
{
    guard->watched = enabled;
    if (!enabled)
        return;
    guard->stage = stage;
    guard->was_cancelled = pb_error_last()->status == PB_CANCELLED;
}

pb_status contract_stage_end(struct contract_stage *guard, pb_status status)
{
    if (!guard->watched)
        return status;
    /* a host call told it (the error is set), the task is still to end, and it says all is well */
    if (status == PB_OK && !guard->was_cancelled && pb_cancelled() &&
        pb_error_last()->status == PB_CANCELLED)
        return breach(6, guard->stage, "returned ok after a host call was cancelled");
    return contract_status(guard->stage, status);
}
