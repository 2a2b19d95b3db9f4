/* instances.h - the configured components: read, checked, created, started, stopped.
 *
 * One set in a process. instances_build reads the tree and reports every problem; nothing of a
 * plugin but check() has run after it. instances_start creates all and starts all in the order of
 * their references, transports last; when one fails, what was begun is undone in reverse.
 */
#ifndef HOST_PLUGIN_INSTANCES_H
#define HOST_PLUGIN_INSTANCES_H

#include "base/arena.h"
#include "config/diagnostics.h"
#include "config/tree.h"
#include "plugin/host_options.h"
#include "plugin/registry.h"
#include "runtime/task.h"
#include <patchbay/pipeline.h>

enum instance_state {
    INSTANCE_READ,
    INSTANCE_CREATED,
    INSTANCE_STARTED,
    INSTANCE_STOPPED,
    INSTANCE_DESTROYED,
};

struct instance_need; /* a reference to another instance, with its node */

struct pb_instance {
    pb_str kind;                   /* "llm", "stage" */
    pb_str name;                   /* "main"; of a stage: its component's name */
    pb_str path;                   /* "llms.main", "pipelines.support.stages[2].generate" */
    const pb_component *component;
    const pb_interface *interface; /* component->interface */
    const pb_plugin *plugin;
    void *self;
    struct config_node *node;      /* of the options; of a stage written as a bare name: that name */
    enum instance_state state;
    pb_instance *next;             /* in the order of the file; stages stand before their pipeline */
    struct instance_need *needs;
    pb_pipeline *nested;           /* the pipelines of its options, by nested->next */
    int mark;                      /* of the walk that orders */
    uint32_t number;               /* for the scoreboard: from 1, in the order of `next` */
    int64_t grown;                 /* bytes, while memory is counted (memory.c) */
    bool broken;                   /* its problems are reported; it cannot be created */
    struct arena arena;            /* of its options, create and start; lives for ever */
};

struct pb_pipeline {
    pb_pipeline_info info; /* name: "support"; of a nested one: the option, "try[0]" */
    pb_instance **stages;
    size_t count;
    pb_pipeline *next;     /* the next of the configuration, or of the stage */
    uint32_t number;       /* for the scoreboard: from 1; 0: a nested one */
    struct config_node *node;
};

/* Reads the whole tree. Problems go to `diagnostics`; PB_INVALID when there is one in it (also from
 * before) that is not a warning. Scans for plugins as section `plugins` says. The tree must live as
 * long as the process. data_dir: absolute. The diagnostics live until instances_reset. */
struct instances_source {
    struct config_node *root; /* NULL: an empty file */
    const char *data_dir;
    struct config_diagnostics *diagnostics;
};
pb_status instances_build(const struct instances_source *source);

/* Instead: only reads the sections `host` and `plugins`, and scans. For commands that list plugins
 * whatever the rest of the configuration is. */
void instances_find_plugins(const struct instances_source *source);

/* Creates and starts all. Parks (call it on a task). On failure one sentence names instance and
 * plugin, and nothing is left started or created. */
pb_status instances_start(void);

/* Tells the cluster what the scoreboard's numbers mean (node_names). After instances_build. */
void instances_tell_names(void);

/* This worker is to end, or a new generation serves: what runs in one worker only (`.single`) is
 * stopped at once, for another worker to start it. Does not park, may be called on the loop. */
void instances_retire(void);

/* Before instances_start: transports that listen are created but not started. For commands that run
 * a pipeline in their own process; a transport with `run` listens on nothing and is started. */
void instances_without_listeners(void);

/* Before instances_start: only databases, services, what else refers to a database (but stages and
 * transports), and what those need is started. For bringing tables up to date. */
void instances_tables_only(void);

/* Stops all that is started, transports first, and destroys all that is created. Parks. */
void instances_stop(void);

/* Stops the transports only: no new turns. Parks. */
void instances_stop_transports(void);

/* Frees everything (tests; a worker just exits). After instances_stop. */
void instances_reset(void);

/* --- looking up ------------------------------------------------------------------------------- */

pb_instance *instances_all(void); /* the first; go on by next */
pb_instance *instance_find(pb_str kind, pb_str name);
pb_pipeline *pipelines_all(void); /* the first; go on by next */
pb_pipeline *pipeline_lookup(pb_str name);
const struct host_options *instances_host_options(void); /* section `host`, with its defaults */
const char *instances_data_dir(void);                    /* absolute, where --data-dir is */

/* "llm 'main' (openai 1.2.0)", in the running scope: how messages name an instance. */
pb_str instance_title(const pb_instance *instance);

/* --- entering a plugin ------------------------------------------------------------------------ */

/* Around every call into a plugin: before = instance_enter(i); … instance_leave(before). */
static inline void *instance_enter(pb_instance *instance)
{
    struct task_locals *locals = task_local();
    void *before = locals->instance;
    locals->instance = instance;
    locals->work.instance = instance ? instance->number : 0;
    atomic_store_explicit(&task_note->instance, locals->work.instance, memory_order_relaxed);
    if (task_on_switch)
        task_on_switch(locals);
    return before;
}

static inline void instance_leave(void *before)
{
    (void)instance_enter(before);
}

/* The instance that runs, or NULL. */
static inline pb_instance *instance_running(void)
{
    return task_local()->instance;
}

/* --- health, stats, printing ------------------------------------------------------------------ */

/* Calls health() of every instance that has one. `each` may be NULL. Parks. True: all are well. */
struct instance_report {
    const pb_instance *instance;
    pb_status status;
    pb_str sentence; /* absent when well; valid in `each` only */
};
bool instances_health(void (*each)(void *arg, const struct instance_report *report), void *arg);

/* What every instance says now, as a JSON array of {"path", "kind", "name", "use", "plugin",
 * "version", "health": a status, "detail": why it is not well, "stats": {name: value}}. Parks. */
void instances_report_write(pb_json_writer *writer);

/* Appends what stats() of every instance says, in Prometheus text: patchbay_<kind>_<name>. */
void instances_stats_write(pb_buf *out);

/* The effective configuration as one JSON object: every option with the value it has, secrets
 * masked. */
void instances_config_write(pb_buf *out);

/* JSON Schema (2020-12) of a whole configuration with every plugin that is registered, or lies in
 * the default folders, and loads. Opens each in a child process. Blocks: for commands. */
pb_status instances_schema_write(pb_buf *out);

#endif
