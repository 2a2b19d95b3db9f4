/* component.h - what stands around a call into a component of any kind: a span of the running turn,
 * the instance that runs, and its contract. Nothing of it parks. */
#ifndef HOST_TURN_COMPONENT_H
#define HOST_TURN_COMPONENT_H

#include "plugin/contract.h"
#include "plugin/instances.h"
#include "turn/turn.h"

struct component_call {
    struct contract_call guard;
    void *before;
    struct pb_span *span;
};

/* `kind` names the span: "embedder". */
static inline struct component_call component_enter(pb_instance *instance, const char *kind)
{
    struct pb_turn *turn = turn_current();
    struct component_call call;

    call.span = turn ? trace_span(turn->core->trace, pb_str_of(kind), instance->name) : NULL;
    call.before = instance_enter(instance);
    contract_begin(&call.guard, instance);
    return call;
}

static inline pb_status component_leave(const struct component_call *call, pb_status status)
{
    status = contract_end(&call->guard, status);
    instance_leave(call->before);
    trace_span_end(call->span, status);
    return status;
}

/* The tenant of whoever asks, and a slash, in front of a name; PB_INVALID when it has not 1 to `most`
 * bytes. In the running scope. */
pb_status component_scope(pb_str name, size_t most, pb_str *out);

#endif
