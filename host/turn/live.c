/* live.c - the turns that are there now: how many may be, finding one by its id, ending them. */
#include "turn/turn.h"

#include "cluster/scoreboard.h"
#include "plugin/instances.h"

enum { BUCKETS = 256 };

static struct {
    struct turn_limits limits;
    struct list_link all;
    struct list_link queue; /* they wait for a place, first come first served */
    struct list_link buckets[BUCKETS];
    size_t live, running;
    bool draining;
    void (*idle)(void);
} turns;

void turn_setup(const struct turn_limits *limits)
{
    turns.limits = *limits;
    list_init(&turns.all);
    list_init(&turns.queue);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&turns.buckets[i]);
    turns.live = turns.running = 0;
    turns.draining = false;
    turns.idle = NULL;
    trace_setup(limits->traces);
    turn_report_setup();
}

const struct turn_limits *turn_limits_now(void)
{
    return &turns.limits;
}

void turn_fini(void)
{
    trace_fini();
}

size_t turn_live(void)
{
    return turns.live;
}

size_t turn_running(void)
{
    return turns.running;
}

static void tell_running(void)
{
    atomic_store_explicit(&scoreboard_own->turns, (uint32_t)turns.running, memory_order_relaxed);
}

/* --- coming and going ------------------------------------------------------------------------- */

pb_status turn_live_add(struct turn_core *core)
{
    const char *quarantined = scoreboard_quarantined(core->pipeline->info.name);

    if (turns.draining)
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                             "the server is going down, another one will take over");
    if (quarantined)
        return pb_fail(PB_UNAVAILABLE, "%s", quarantined);
    if (turns.limits.turns && turns.live >= turns.limits.turns + turns.limits.queue)
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "%zu turns are running already, try again",
                             turns.running);
    list_init(&core->bucket);
    list_init(&core->queue);
    list_append(&turns.all, &core->all);
    turns.live++;
    return PB_OK;
}

void turn_live_remove(struct turn_core *core)
{
    list_remove(&core->all);
    turns.live--;
    if (turns.live == 0 && turns.draining && turns.idle) {
        void (*idle)(void) = turns.idle;
        turns.idle = NULL;
        idle();
    }
}

static struct list_link *bucket_of(const char *id)
{
    uint64_t end;
    memcpy(&end, id + 28, sizeof end);
    return &turns.buckets[(end * 0x9E3779B97F4A7C15u) >> 56];
}

/* Gives free places to those that wait. */
static void give_places(void)
{
    while (turns.running < turns.limits.turns && !list_empty(&turns.queue)) {
        struct list_link *link = list_pop(&turns.queue);
        turns.running++;
        tell_running();
        waiter_wake(list_entry(link, struct turn_core, queue)->waiter);
    }
}

/* A place among the running; parks until there is one. */
static pb_status take_place(struct turn_core *core)
{
    struct waiter waiter = {0};

    if (!turns.limits.turns || (turns.running < turns.limits.turns && list_empty(&turns.queue))) {
        turns.running++;
        tell_running();
        return PB_OK;
    }
    core->waiter = &waiter;
    list_append(&turns.queue, &core->queue);
    pb_status status = task_wait(&waiter);
    list_remove(&core->queue);
    core->waiter = NULL;
    return status; /* one that was given a place is told so, even if cancelled meanwhile */
}

pb_status turn_live_begin(struct turn_core *core)
{
    core->task = task_current();
    list_append(bucket_of(core->id), &core->bucket);
    pb_status status = take_place(core);
    if (status != PB_OK) {
        list_remove(&core->bucket);
        core->task = NULL;
    }
    return status;
}

void turn_live_end(struct turn_core *core)
{
    list_remove(&core->bucket);
    core->task = NULL;
    turns.running--;
    tell_running();
    give_places();
}

/* --- ending ----------------------------------------------------------------------------------- */

static struct turn_core *find(pb_str id)
{
    if (id.size != 36)
        return NULL;
    struct list_link *bucket = bucket_of(id.data);
    for (struct list_link *at = bucket->next; at != bucket; at = at->next) {
        struct turn_core *core = list_entry(at, struct turn_core, bucket);
        if (memcmp(core->id, id.data, 36) == 0)
            return core;
    }
    return NULL;
}

bool turn_is_owner(pb_str owner, pb_str tenant, const pb_principal *principal)
{
    if (!principal || !pb_str_equal(tenant, principal->tenant))
        return false;
    if (pb_str_equal(owner, principal->id))
        return true;
    for (uint32_t i = 0; i < principal->role_count; i++)
        if (pb_str_is(principal->roles[i], "admin"))
            return true;
    return false;
}

static void cancel(struct turn_core *core, const char *sentence)
{
    core->cancelled = true;
    if (core->task)
        task_cancel(core->task, sentence);
}

pb_status turn_cancel_here(pb_str id, const pb_principal *principal)
{
    struct turn_core *core = find(id);
    const struct trace *trace = core ? NULL : trace_find(id);

    if (core) {
        const pb_principal *owner = list_entry(core, struct turn_whole, core)->view.info.principal;
        if (!turn_is_owner(owner->id, owner->tenant, principal))
            return PB_NOT_FOUND;
        cancel(core, "the turn was cancelled");
        return PB_OK;
    }
    if (!trace || !turn_is_owner(trace->owner, trace->tenant, principal))
        return PB_NOT_FOUND;
    return trace->running ? PB_NOT_FOUND : PB_CONFLICT;
}

void turn_cancel_all(const char *sentence)
{
    for (struct list_link *at = turns.all.next; at != &turns.all; at = at->next) {
        struct turn_core *core = list_entry(at, struct turn_core, all);
        if (!core->cancelled)
            core->stopped = sentence;
        cancel(core, sentence);
    }
}

void turn_drain(void (*idle)(void))
{
    instances_retire();
    turns.draining = true;
    turns.idle = idle;
    if (turns.live == 0 && idle) {
        turns.idle = NULL;
        idle();
    }
}

bool turn_draining(void)
{
    return turns.draining;
}
