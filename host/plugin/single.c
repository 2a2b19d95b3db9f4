/* single.c - components that run in one worker at a time: whoever holds the lease
 * "single:KIND.NAME" starts them, and stops them when the lease is lost.
 *
 * Each has a task that takes the lease when it is free: somebody's death is told on the bus, all
 * else is found by asking every two seconds.
 */
#include "plugin/instances_internal.h"

#include "cluster/node.h"
#include "runtime/task.h"

#include <patchbay/cluster.h>
#include <patchbay/log.h>
#include <stdlib.h>

#define TTL        (10 * PB_SECOND)
#define LOOK_AGAIN (2 * PB_SECOND)
#define STILL_OURS PB_SECOND        /* how often the holder looks */
#define PAUSE_MOST (60 * PB_SECOND) /* after start() failed again and again */

struct single {
    struct single *next;
    pb_instance *instance;
    pb_lease *lease; /* ours, or NULL */
    pb_task *task;
    struct waiter *waiter; /* while it rests */
    pb_duration pause;     /* until it is tried again */
    bool starting;
};

static struct {
    struct single *first;
    size_t tasks;
    bool ending;
    pb_subscription *gone;
    struct waiter *closer; /* who waits in singles_stop */
} singles;

static void let_go(struct single *single)
{
    pb_instance *instance = single->instance;

    if (instance->state == INSTANCE_STARTED) {
        instance->state = INSTANCE_STOPPED;
        if (instance->interface->stop)
            instance_call_void(instance, instance->interface->stop);
        pb_log(PB_INFO, "%.*s runs here no longer", PB_ARG(instance->path));
    }
    pb_lease_release(single->lease);
    single->lease = NULL;
}

/* Takes the lease and starts it. Somebody else's lease is no failure. */
static pb_status take_up(struct single *single)
{
    pb_instance *instance = single->instance;
    pb_str name = pb_printf("single:%.*s.%.*s", PB_ARG(instance->kind), PB_ARG(instance->name));
    pb_status status = PB_OK;

    single->pause = single->pause ? single->pause : LOOK_AGAIN;
    if (pb_lease_take(name, TTL, &single->lease) != PB_OK) {
        single->lease = NULL;
        single->pause = LOOK_AGAIN;
        return PB_OK;
    }
    single->starting = true;
    if (instance->interface->start)
        status = instance_call(instance, instance->interface->start);
    single->starting = false;
    if (status == PB_OK) {
        single->pause = LOOK_AGAIN;
        instance->state = INSTANCE_STARTED;
        pb_log(PB_INFO, "%.*s runs in this worker", PB_ARG(instance->path));
        return PB_OK;
    }
    status = instance_name_failure(instance, "did not start", status);
    pb_lease_release(single->lease); /* another worker may have more luck */
    single->lease = NULL;
    single->pause = single->pause < PAUSE_MOST / 2 ? single->pause * 2 : PAUSE_MOST;
    return status;
}

static void rest(struct single *single)
{
    struct waiter waiter = {0};

    if (singles.ending)
        return;
    single->waiter = &waiter;
    (void)task_wait_for(&waiter, single->lease ? STILL_OURS : single->pause);
    single->waiter = NULL;
}

static void look_after(struct single *single)
{
    pb_scope *scope = pb_scope_begin();

    if (single->lease && !pb_lease_held(single->lease)) {
        pb_log(PB_WARN, "%.*s: its lease is lost", PB_ARG(single->instance->path));
        let_go(single);
    }
    if (!single->lease && take_up(single) != PB_OK && !singles.ending)
        pb_log(PB_ERROR, "%.*s", PB_ARG(pb_error_last()->sentence));
    task_cancel_clear(task_current()); /* singles_retire interrupts start() */
    pb_scope_end(scope);
}

static void keep(void *arg)
{
    struct single *single = arg;

    for (rest(single); !singles.ending; rest(single))
        look_after(single);
    let_go(single);
    if (--singles.tasks == 0 && singles.closer)
        waiter_wake(singles.closer);
}

static void wake_all(void *arg, const pb_bus_message *message)
{
    (void)arg;
    (void)message;
    for (struct single *at = singles.first; at; at = at->next)
        if (at->waiter)
            waiter_wake(at->waiter);
}

static pb_status add(pb_instance *instance)
{
    struct single *single = calloc(1, sizeof *single);

    if (!single)
        return pb_fail(PB_NO_MEMORY, "there is no memory for %.*s", PB_ARG(instance->path));
    single->instance = instance;
    single->next = singles.first;
    singles.first = single;
    return PB_OK;
}

pb_status singles_start(void)
{
    pb_status status = PB_OK;

    if (node_kind() == NODE_GUEST || singles.ending) /* the server beside it runs them */
        return PB_OK;
    for (size_t i = instances.count; i-- > 0 && status == PB_OK;)
        if (instances.order[i]->interface->single)
            status = add(instances.order[i]);
    if (status != PB_OK || !singles.first)
        return status;
    status = pb_subscribe(pb_lit("cluster.gone"), wake_all, NULL, &singles.gone);
    for (struct single *at = singles.first; at && status == PB_OK; at = at->next)
        status = take_up(at);
    for (struct single *at = singles.first; at && status == PB_OK && !singles.ending; at = at->next)
        if ((status = task_start(keep, at, &at->task)) == PB_OK)
            singles.tasks++;
    return status;
}

void singles_retire(void)
{
    singles.ending = true;
    for (struct single *at = singles.first; at; at = at->next)
        if (at->task && at->starting)
            task_cancel(at->task, "the worker is ending");
    wake_all(NULL, NULL);
}

void singles_stop(void)
{
    struct waiter waiter = {0};

    singles_retire();
    if (singles.tasks) {
        singles.closer = &waiter;
        task_wait_always(&waiter);
        singles.closer = NULL;
    }
    pb_unsubscribe(singles.gone);
    singles.gone = NULL;
    while (singles.first) { /* started, but without a task: the start of another failed */
        struct single *single = singles.first;
        singles.first = single->next;
        let_go(single);
        free(single);
    }
    singles.ending = false;
}
