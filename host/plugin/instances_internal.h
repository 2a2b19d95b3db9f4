/* instances_internal.h - between the files that implement instances.h. */
#ifndef HOST_PLUGIN_INSTANCES_INTERNAL_H
#define HOST_PLUGIN_INSTANCES_INTERNAL_H

#include "plugin/instances.h"

/* A reference: `to` is started before and stopped after the instance that needs it. */
struct instance_need {
    pb_instance *to;
    struct config_node *node; /* where it is written, or the map that left it out */
    struct instance_need *next;
};

/* The one set. */
struct instances {
    pb_instance *first, **last;
    pb_pipeline *pipelines, **last_pipeline;
    size_t pipeline_count;
    pb_instance **order; /* of starting; `count` of them */
    size_t count;
    struct arena arena; /* of the structs of the set */
    struct host_options host;
    struct plugins_options plugins;
    struct config_node *root;
    const char *data_dir; /* absolute */
    bool no_listeners;
    bool tables_only; /* see instances_tables_only */
};
extern struct instances instances;

/* The set's memory: swaps it in and out for allocations of the running scope. */
struct arena *instances_arena_enter(void);
void instances_arena_leave(struct arena *before);

/* A new one at the end of the list; NULL when memory is short. Strings are kept, not copied. */
pb_instance *instance_add(pb_str kind, pb_str name, pb_str path);

/* Finds the component `use` and makes the zeroed struct. The sentence of pb_fail says why not. */
pb_status instance_bind(pb_instance *instance, pb_str use);

/* Orders all so that what is needed comes first and transports come last. Cycles are reported. */
pb_status instances_order(struct config_diagnostics *diagnostics);

/* Reads the sections `host` and `plugins`, scans for plugins. */
void instances_read_host(const struct instances_source *source);

/* Reads the options of one instance, its pipelines included. `also`: keys that are no options. */
void instance_read(pb_instance *instance, const struct instances_source *source,
                   const char *const *also);

/* Calls a lifecycle function in the instance's own scope, which lives for ever. */
pb_status instance_call(pb_instance *instance, pb_status (*function)(void *self));
void instance_call_void(pb_instance *instance, void (*function)(void *self));
/* Puts place, instance and plugin in front of what the plugin said: "… did not start: …". */
pb_status instance_name_failure(const pb_instance *instance, const char *what, pb_status status);

/* single.c: components that run in one worker. start tries once for each, and goes on trying on
 * tasks of its own; what start() of one says is returned. stop parks until none is left here. */
pb_status singles_start(void);
void singles_retire(void);
void singles_stop(void);

/* memory.c: watches host.limits.worker_memory of a worker. Does nothing twice. */
void memory_watch(void);
void memory_unwatch(void);

/* Reads every pipeline of the configuration. */
void instances_read_pipelines(const struct instances_source *source);

/* Calls every check(). */
void instances_check(struct config_diagnostics *diagnostics);

#endif
