/* calls.c - calls from stages into models, tools and auth schemes: each a span, each under its
 * rules.
 *
 * The sink that stands before a model's caller sees every event of the model first: it counts the
 * usage, learns which model answered, and passes the event on.
 */
#include "turn/turn.h"

#include "base/scope.h"
#include "plugin/contract.h"
#include "plugin/instances.h"

struct listener {
    pb_sink base;
    struct turn_core *core; /* NULL outside a turn */
    struct pb_span *span;
    pb_duration begin;
    pb_usage usage;
    pb_str model;
    pb_str stop;
    bool finished;
};

/* `known`: what the turn kept before. */
static pb_str keep_text(struct turn_core *core, pb_str known, pb_str text)
{
    if (!core || !text.data)
        return (pb_str){0};
    if (pb_str_equal(known, text))
        return known;
    char *copy = arena_alloc(&core->kept, text.size + 1);
    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return (pb_str){copy, copy ? text.size : 0};
}

static pb_status listen_emit(pb_sink *sink, const pb_event *event)
{
    struct listener *listener = (struct listener *)(void *)sink;
    struct turn_core *core = listener->core;

    if (core)
        core->emitted++;
    if (event->type == PB_EVENT_USAGE && event->usage) {
        size_t size = event->usage->size;
        if (size > sizeof listener->usage)
            size = sizeof listener->usage;
        memcpy(&listener->usage, event->usage, size);
    } else if (event->type == PB_EVENT_FINISH) {
        listener->finished = true;
        listener->model = keep_text(core, core ? core->model : (pb_str){0}, event->text);
        listener->stop = keep_text(core, core ? core->stop : (pb_str){0}, event->name);
    }
    return pb_pass(sink, event);
}

static void add_usage(pb_usage *sum, const pb_usage *usage)
{
    sum->calls++;
    sum->input_tokens += usage->input_tokens;
    sum->output_tokens += usage->output_tokens;
    sum->cached_tokens += usage->cached_tokens;
    sum->reasoning_tokens += usage->reasoning_tokens;
    sum->cost += usage->cost;
}

static void note_call(struct listener *listener, pb_instance *llm, pb_status status)
{
    struct turn_core *core = listener->core;
    struct pb_span *span = listener->span;
    const pb_usage *usage = &listener->usage;

    turn_report_llm(llm->name, status, usage, trace_now() - listener->begin);
    if (span) {
        span->input_tokens = usage->input_tokens;
        span->output_tokens = usage->output_tokens;
        span->cached_tokens = usage->cached_tokens;
        span->cost = usage->cost;
        span->model = trace_copy(span->trace, listener->model);
    }
    if (!core)
        return;
    add_usage(&core->usage, usage);
    if (status == PB_OK) {
        core->llm = llm;
        core->model = listener->model;
        core->stop = listener->stop;
        core->other_answered = core->failed_llm && core->failed_llm != llm;
    } else if (!core->failed_llm && status != PB_CANCELLED) {
        core->failed_llm = llm;
    }
}

/* Parameters that only clients of another dialect know. */
static void ignore_foreign(const pb_llm *llm, const pb_llm_request *request)
{
    const char *dialect = PB_HAS(llm, pb_llm, dialect) ? llm->dialect : NULL;

    if (dialect && pb_str_is(request->dialect, dialect))
        return;
    for (const pb_json *at = request->params->child; at; at = at->next)
        if (!pb_llm_param_is_standard(at->key))
            host_llm_ignore(at->key);
}

pb_status host_llm_generate(pb_instance *llm, const pb_llm_request *request, pb_sink *sink)
{
    const pb_llm *interface = (const pb_llm *)(const void *)llm->interface;
    struct pb_turn *turn = turn_current();
    struct turn_core *core = turn ? turn->core : NULL;
    struct listener listener = {.base = {.size = sizeof(pb_sink), .emit = listen_emit},
                                .core = core};
    struct contract_llm guard;

    listener.base.below = sink;
    listener.usage.size = sizeof listener.usage;
    listener.begin = trace_now();
    listener.span = core ? trace_span(core->trace, pb_lit("llm"), llm->name) : NULL;

    ignore_foreign(interface, request);
    void *before = instance_enter(llm);
    pb_sink *first = contract_llm_begin(&guard, llm, &listener.base);
    pb_status status = contract_llm_end(&guard, interface->generate(llm->self, request, first));
    if (status == PB_OK && !listener.finished)
        status = pb_fail(PB_BAD_UPSTREAM, "the model stopped in the middle of its answer");
    instance_leave(before);
    note_call(&listener, llm, status);
    trace_span_end(listener.span, status);
    return status;
}

/* --- tools ------------------------------------------------------------------------------------ */

static struct pb_span *tool_span(pb_instance *tool, pb_str function)
{
    struct pb_turn *turn = turn_current();
    struct pb_span *span = turn ? trace_span(turn->core->trace, pb_lit("tool"), tool->name) : NULL;

    if (function.data)
        host_span_note(span, pb_lit("function"), function);
    return span;
}

pb_status host_tool_list(pb_instance *tool, pb_tool_list *out)
{
    const pb_tool *interface = (const pb_tool *)(const void *)tool->interface;
    int64_t deadline = host_deadline_begin(turn_limits_now()->tool);
    struct pb_span *span = tool_span(tool, pb_lit("list"));
    void *before = instance_enter(tool);
    struct contract_call guard;

    contract_begin(&guard, tool);
    pb_status status = contract_end(&guard, interface->list(tool->self, out));

    instance_leave(before);
    trace_span_end(span, status);
    host_deadline_end(deadline);
    return status;
}

pb_status host_tool_call(pb_instance *tool, pb_str name, const pb_json *arguments,
                         const pb_json **out)
{
    const pb_tool *interface = (const pb_tool *)(const void *)tool->interface;
    int64_t deadline = host_deadline_begin(turn_limits_now()->tool);
    struct pb_span *span = tool_span(tool, name);
    void *before = instance_enter(tool);
    struct contract_call guard;

    contract_begin(&guard, tool);
    pb_status status = contract_end(&guard, interface->call(tool->self, name, arguments, out));

    instance_leave(before);
    trace_span_end(span, status);
    host_deadline_end(deadline);
    return status;
}

/* --- auth ------------------------------------------------------------------------------------- */

/* A tenant's name stands in front of names of collections, blobs and keys, with a slash behind it. */
static pb_status check_tenant(const pb_instance *auth, pb_str tenant)
{
    for (size_t i = 0; i < tenant.size; i++)
        if (tenant.data[i] == '/' || (unsigned char)tenant.data[i] < ' ')
            return pb_fail(PB_INTERNAL,
                           "auth '%.*s' let somebody in for the tenant '%.*s': a tenant has no '/' "
                           "and no control characters",
                           PB_ARG(auth->name), PB_ARG(tenant));
    return PB_OK;
}

pb_status host_authenticate(pb_instance *auth, const pb_credentials *credentials, pb_principal *out)
{
    const pb_auth *interface = (const pb_auth *)(const void *)auth->interface;
    void *before = instance_enter(auth);
    struct contract_call guard;

    contract_begin(&guard, auth);
    pb_status status = contract_end(&guard, interface->authenticate(auth->self, credentials, out));

    instance_leave(before);
    if (status == PB_OK)
        status = check_tenant(auth, out->tenant);
    if (status == PB_OK && !out->scheme.data)
        out->scheme = auth->name;
    return status;
}

const pb_principal *host_principal(void)
{
    return task_local()->principal;
}

pb_status host_run_as(const pb_principal *principal, pb_status (*fn)(void *arg), void *arg)
{
    const void *before = task_local()->principal;

    task_local()->principal = principal;
    pb_status status = fn(arg);
    task_local()->principal = before;
    return status;
}
