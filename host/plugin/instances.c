/* instances.c - the set of instances: looking up, naming, and what plugins ask about an instance. */
#include "plugin/instances_internal.h"

#include "base/scope.h"
#include "cluster/node.h"

struct instances instances = {.last = &instances.first,
                              .last_pipeline = &instances.pipelines};

pb_instance *instances_all(void)
{
    return instances.first;
}

pb_pipeline *pipelines_all(void)
{
    return instances.pipelines;
}

const struct host_options *instances_host_options(void)
{
    return &instances.host;
}

const char *instances_data_dir(void)
{
    return instances.data_dir ? instances.data_dir : ".";
}

pb_instance *instance_find(pb_str kind, pb_str name)
{
    for (pb_instance *instance = instances.first; instance; instance = instance->next)
        if (pb_str_equal(instance->name, name) && pb_str_equal(instance->kind, kind))
            return instance;
    return NULL;
}

pb_pipeline *pipeline_lookup(pb_str name)
{
    for (pb_pipeline *pipeline = instances.pipelines; pipeline; pipeline = pipeline->next)
        if (pb_str_equal(pipeline->info.name, name))
            return pipeline;
    return NULL;
}

pb_str instance_title(const pb_instance *instance)
{
    if (!instance->plugin)
        return pb_printf("%.*s '%.*s'", PB_ARG(instance->kind), PB_ARG(instance->name));
    return pb_printf("%.*s '%.*s' (%s %s)", PB_ARG(instance->kind), PB_ARG(instance->name),
                     instance->plugin->name, instance->plugin->version);
}

void instances_tell_names(void)
{
    size_t count = 0, pipelines = 0;

    for (const pb_pipeline *at = pipelines_all(); at; at = at->next)
        pipelines++;
    pb_str *titles = PB_NEW_ARRAY(pb_str, instances.count + 1);
    pb_str *names = PB_NEW_ARRAY(pb_str, pipelines + 1);
    if (!titles || !names)
        return; /* they are shown as numbers */
    for (const pb_instance *at = instances.first; at; at = at->next)
        titles[count++] = instance_title(at);
    for (const pb_pipeline *at = pipelines_all(); at; at = at->next)
        names[at->number - 1] = at->info.name;
    node_names(titles, count, names, pipelines);
}

struct arena *instances_arena_enter(void)
{
    return scope_arena_swap(&instances.arena);
}

void instances_arena_leave(struct arena *before)
{
    (void)scope_arena_swap(before);
}

pb_instance *instance_add(pb_str kind, pb_str name, pb_str path)
{
    struct arena *before = instances_arena_enter();
    pb_instance *instance = PB_NEW(pb_instance);

    instances_arena_leave(before);
    if (!instance)
        return NULL;
    arena_init(&instance->arena, 0);
    instance->kind = kind;
    instance->name = name;
    instance->path = path;
    *instances.last = instance;
    instances.last = &instance->next;
    instance->number = (uint32_t)++instances.count;
    return instance;
}

pb_status instance_bind(pb_instance *instance, pb_str use)
{
    const struct plugin *plugin = NULL;
    pb_status status = registry_find(instance->kind, use, &plugin, &instance->component);

    if (status != PB_OK)
        return status;
    instance->interface = instance->component->interface;
    instance->plugin = plugin->descriptor;
    struct arena *before = scope_arena_swap(&instance->arena);
    uint32_t size = instance->component->instance_size;
    instance->self = pb_alloc(size ? size : 1);
    (void)scope_arena_swap(before);
    return instance->self ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

void instances_reset(void)
{
    for (pb_instance *instance = instances.first; instance; instance = instance->next)
        arena_fini(&instance->arena);
    arena_fini(&instances.arena);
    instances = (struct instances){.last = &instances.first,
                                   .last_pipeline = &instances.pipelines};
}

/* --- host functions --------------------------------------------------------------------------- */

pb_str host_instance_name(pb_instance *instance)
{
    if (!instance)
        instance = instance_running();
    return instance ? instance->name : (pb_str){0};
}

pb_str host_instance_component(pb_instance *instance)
{
    return instance && instance->component ? pb_str_of(instance->component->name) : (pb_str){0};
}
