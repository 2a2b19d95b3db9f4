/* sources.c - one task for each source of each collection. Only the worker that holds the lease
 * lists and watches it; when that one ends, another goes on. */
#include "knowledge.h"

static const pb_duration retry_after = 10 * PB_SECOND, lease_time = 30 * PB_SECOND;

static pb_str lease_name(const struct syncer *syncer)
{
    return pb_printf("knowledge.source.%.*s.%.*s", PB_ARG(pb_str_slice(syncer->collection, 0, 48)),
                     PB_ARG(pb_str_slice(pb_instance_name(syncer->source), 0, 48)));
}

struct told {
    struct syncer *syncer;
    const pb_source_entry *entry;
};

static pb_status take_told(void *arg)
{
    const struct told *told = arg;

    return sync_one(told->syncer, told->entry);
}

/* Calls of the source's watch, from whatever task: one change each. A failure of one is not the end
 * of all. */
static pb_status changed(void *arg, const pb_source_entry *entry)
{
    struct syncer *syncer = arg;
    struct told told = {syncer, entry};
    pb_scope *scope = pb_scope_begin();
    pb_status status = pb_run_as(&syncer->self->system, take_told, &told);

    note_failure("a changed document of a source was not taken in", status);
    pb_scope_end(scope);
    return status == PB_CANCELLED ? status : (pb_status)PB_OK;
}

static pb_status watch(void *arg)
{
    struct syncer *syncer = arg;
    pb_status status;

    do {
        status = pb_source_watch(syncer->source, changed, syncer);
        if (status == PB_UNSUPPORTED) {
            pb_error_clear();
            return PB_OK;
        }
        note_failure("a source could not be watched; it will be tried again", status);
        if (status != PB_CANCELLED)
            status = pb_sleep(retry_after);
    } while (status == PB_OK);
    return status;
}

static void list_all(struct syncer *syncer)
{
    pb_scope *scope = pb_scope_begin();
    pb_status status = sync_all(syncer);

    if (status != PB_OK && status != PB_CANCELLED)
        pb_log(PB_WARN, "the source '%.*s' of '%.*s' was not read: %.*s",
               PB_ARG(pb_instance_name(syncer->source)), PB_ARG(syncer->collection),
               PB_ARG(pb_error_last()->sentence));
    syncer->listed = status == PB_OK;
    pb_error_clear();
    pb_scope_end(scope);
}

/* Somebody asked for this collection, or for all; or something may have been missed. */
static bool is_meant(const struct syncer *syncer, const pb_bus_message *message)
{
    return (message->flags & PB_BUS_GAP) || !message->body.size ||
           pb_str_equal(message->body, syncer->collection);
}

/* While the lease is held: all of it now and at intervals, changes as they are told. */
static pb_status serve(struct syncer *syncer, pb_lease *lease)
{
    const pb_duration interval = syncer->self->interval;
    pb_task *watcher = NULL;
    pb_status status = pb_spawn(watch, syncer, &watcher);
    bool due = true;

    while (status == PB_OK && pb_lease_held(lease)) {
        const pb_bus_message *message;
        if (due)
            list_all(syncer);
        status = pb_bus_wait(syncer->bell, syncer->listed ? interval : retry_after, &message);
        due = status == PB_DECLINED || (status == PB_OK && is_meant(syncer, message));
        if (status == PB_DECLINED) {
            pb_error_clear();
            status = PB_OK;
        }
    }
    if (watcher) {
        pb_task_cancel(watcher);
        (void)pb_join(watcher);
    }
    return status;
}

/* Until the lease can be had. */
static pb_status wait_for_lease(struct syncer *syncer, pb_subscription *gone, pb_lease **out)
{
    pb_str name = lease_name(syncer);
    const pb_bus_message *message;
    pb_status status;

    while ((status = pb_lease_take(name, lease_time, out)) == PB_CONFLICT ||
           status == PB_UNAVAILABLE) {
        pb_error_clear();
        status = pb_bus_wait(gone, retry_after, &message);
        if (status != PB_OK && status != PB_DECLINED)
            return status;
        pb_error_clear();
    }
    return status;
}

static pb_status run_syncer(void *arg)
{
    struct syncer *syncer = arg;
    pb_subscription *gone = NULL;
    pb_status status = pb_subscribe(pb_lit("cluster.gone"), NULL, NULL, &gone);

    if (status == PB_OK)
        status = pb_subscribe(pb_lit("knowledge.sync"), NULL, NULL, &syncer->bell);
    while (status == PB_OK) {
        pb_lease *lease = NULL;
        pb_scope *scope = pb_scope_begin();
        status = wait_for_lease(syncer, gone, &lease);
        if (status == PB_OK)
            status = serve(syncer, lease);
        pb_lease_release(lease);
        pb_scope_end(scope);
    }
    pb_unsubscribe(gone);
    pb_unsubscribe(syncer->bell);
    syncer->bell = NULL;
    return status;
}

static pb_status run(void *arg)
{
    const struct syncer *syncer = arg;

    return pb_run_as(&syncer->self->system, run_syncer, arg);
}

pb_status sources_start(struct knowledge *self)
{
    const struct configured *items = self->collections.items;
    pb_status status = PB_OK;
    size_t count = 0;

    self->system = (pb_principal){.size = (uint32_t)sizeof(pb_principal),
                                  .id = pb_lit("system:knowledge"),
                                  .name = pb_lit("system"),
                                  .tenant = self->tenant};
    for (size_t i = 0; i < self->collections.count; i++)
        count += items[i].sources.count;
    self->syncers = PB_NEW_ARRAY(struct syncer, count + 1);
    if (!self->syncers)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < self->collections.count && status == PB_OK; i++)
        for (size_t j = 0; j < items[i].sources.count && status == PB_OK; j++) {
            struct syncer *syncer = &self->syncers[self->syncer_count++];
            syncer->self = self;
            syncer->collection = self->collections.keys[i];
            syncer->source = PB_ITEM(items[i].sources, pb_instance *, j);
            status = pb_spawn(run, syncer, &syncer->task);
        }
    return status;
}

void sources_stop(struct knowledge *self)
{
    for (size_t i = 0; i < self->syncer_count; i++)
        if (self->syncers[i].task)
            pb_task_cancel(self->syncers[i].task);
    for (size_t i = 0; i < self->syncer_count; i++)
        if (self->syncers[i].task)
            (void)pb_join(self->syncers[i].task);
    self->syncer_count = 0;
}

/* --- the operation ---------------------------------------------------------------------------- */

HANDLER(knowledge_sync)
{
    const struct knowledge *service = self;
    const struct sync_in *input = in;
    struct sync_out *output = out;

    if (!pb_str_equal(call->principal->tenant, service->tenant))
        return pb_fail(PB_NOT_FOUND, "there is no source here");
    for (size_t i = 0; i < service->syncer_count; i++)
        if (!input->collection.size ||
            pb_str_equal(service->syncers[i].collection, input->collection))
            output->sources++;
    if (!output->sources)
        return pb_fail(PB_NOT_FOUND, "no source fills this collection");
    pb_publish(pb_lit("knowledge.sync"), input->collection);
    return PB_OK;
}
