/* instances_run.c - create and start in order; stop and destroy in reverse, each exactly once. */
#include "plugin/instances_internal.h"

#include "base/scope.h"
#include "net/server.h"
#include "plugin/contract.h"
#include "plugin/kinds.h"

#include <patchbay/log.h>
#include <patchbay/transport.h>

pb_status instance_call(pb_instance *instance, pb_status (*function)(void *self))
{
    struct arena *arena = scope_arena_swap(&instance->arena);
    void *before = instance_enter(instance);

    pb_error_clear();
    pb_status status = contract_status(instance, function(instance->self));
    instance_leave(before);
    (void)scope_arena_swap(arena);
    return status;
}

void instance_call_void(pb_instance *instance, void (*function)(void *self))
{
    struct arena *arena = scope_arena_swap(&instance->arena);
    void *before = instance_enter(instance);

    function(instance->self);
    instance_leave(before);
    (void)scope_arena_swap(arena);
}

pb_status instance_name_failure(const pb_instance *instance, const char *what, pb_status status)
{
    const pb_error *error = pb_error_last();
    pb_str title = instance_title(instance);
    pb_str why = error->status == status && error->sentence.size
                     ? pb_copy(error->sentence)
                     : pb_printf("%s, and the plugin gave no sentence", pb_status_title(status));

    return pb_fail(status, "%.*s: %.*s %s: %.*s", PB_ARG(instance->path), PB_ARG(title), what,
                   PB_ARG(why));
}

static void stop(pb_instance *instance)
{
    if (instance->state != INSTANCE_STARTED)
        return;
    instance->state = INSTANCE_STOPPED;
    if (instance->interface->stop)
        instance_call_void(instance, instance->interface->stop);
}

static void destroy(pb_instance *instance)
{
    if (instance->state == INSTANCE_READ || instance->state == INSTANCE_DESTROYED)
        return;
    instance->state = INSTANCE_DESTROYED;
    if (instance->interface->destroy)
        instance_call_void(instance, instance->interface->destroy);
}

static pb_status create(pb_instance *instance)
{
    contract_create_begin(instance);
    pb_status status = instance_call(instance, instance->interface->create);
    return contract_create_end(instance, status);
}

static pb_status create_all(void)
{
    for (size_t i = 0; i < instances.count; i++) {
        pb_instance *instance = instances.order[i];
        pb_status status = instance->interface->create ? create(instance) : (pb_status)PB_OK;
        if (status != PB_OK)
            return instance_name_failure(instance, "could not be created", status);
        instance->state = INSTANCE_CREATED;
    }
    return PB_OK;
}

void instances_without_listeners(void)
{
    instances.no_listeners = true;
}

void instances_tables_only(void)
{
    instances.no_listeners = instances.tables_only = true;
}

/* Is it `wanted`, or does that refer to it? References have no cycles. */
static bool is_needed_by(const pb_instance *wanted, const pb_instance *instance)
{
    if (wanted == instance)
        return true;
    for (const struct instance_need *need = wanted->needs; need; need = need->next)
        if (is_needed_by(need->to, instance))
            return true;
    return false;
}

static bool may_have_tables(const pb_instance *instance)
{
    if (pb_str_is(instance->kind, "service") || pb_str_is(instance->kind, "database"))
        return true;
    if (pb_str_is(instance->kind, "stage") || pb_str_is(instance->kind, "transport"))
        return false;
    for (const struct instance_need *need = instance->needs; need; need = need->next)
        if (pb_str_is(need->to->kind, "database"))
            return true;
    return false;
}

static bool has_to_do_with_tables(const pb_instance *instance)
{
    for (const pb_instance *at = instances.first; at; at = at->next)
        if (may_have_tables(at) && is_needed_by(at, instance))
            return true;
    return false;
}

static bool listens(const pb_instance *instance)
{
    return pb_str_is(instance->kind, "transport") &&
           !((const pb_transport *)(const void *)instance->interface)->run;
}

static pb_status start_all(void)
{
    for (size_t i = 0; i < instances.count; i++) {
        pb_instance *instance = instances.order[i];
        if (instance->interface->single || (instances.no_listeners && listens(instance)) ||
            (instances.tables_only && !has_to_do_with_tables(instance)))
            continue;
        pb_status status =
            instance->interface->start ? instance_call(instance, instance->interface->start) : PB_OK;
        if (status != PB_OK)
            return instance_name_failure(instance, "did not start", status);
        instance->state = INSTANCE_STARTED;
    }
    return PB_OK;
}

/* net asks for whom a socket is opened. */
static pb_str owner_path(void)
{
    const pb_instance *instance = instance_running();
    return instance ? instance->path : (pb_str){0};
}

pb_status instances_start(void)
{
    pb_status status = create_all();

    server_owner = owner_path;
    contract_watch();
    memory_watch();
    if (status == PB_OK)
        status = start_all();
    if (status == PB_OK && !instances.no_listeners)
        status = singles_start();
    if (status == PB_OK)
        return PB_OK;
    /* what is undone may fail too: the first sentence is the one that counts */
    pb_str sentence = pb_copy(pb_error_last()->sentence);
    instances_stop();
    return pb_fail(status, "%.*s", PB_ARG(sentence));
}

void instances_retire(void)
{
    singles_retire();
}

void instances_stop_transports(void)
{
    singles_stop();
    for (size_t i = instances.count; i-- > 0;)
        if (kind_find(instances.order[i]->kind)->last)
            stop(instances.order[i]);
}

void instances_stop(void)
{
    singles_stop();
    memory_unwatch();
    contract_unwatch();
    for (size_t i = instances.count; i-- > 0;)
        stop(instances.order[i]);
    for (size_t i = instances.count; i-- > 0;)
        destroy(instances.order[i]);
}
