/* cluster.h - the workers of a service as nodes: messages, leases, shared memory, who lives.
 *
 * Whatever must hold across workers holds by these four means. All work in every process: a worker
 * under a supervisor, a command beside a running server (it joins as a guest), and a process alone,
 * where a message reaches its own subscriptions and a lease is granted at once.
 */
#ifndef PATCHBAY_CLUSTER_H
#define PATCHBAY_CLUSTER_H

#include <patchbay/plugin.h>

/* --- messages: they wake, and never carry truth ------------------------------------------------- */

enum { PB_TOPIC_SIZE = 128, PB_MESSAGE_SIZE = 4096 };

/* Messages may have been lost before this one, which has no topic and no body (the supervisor was
 * away, or too many came): look at the truth again. */
#define PB_BUS_GAP 1u

typedef struct pb_bus_message {
    uint32_t size;
    uint32_t flags;
    pb_str topic;
    pb_str body;
} pb_bus_message;

/* Tells every subscription of `topic` in every worker, its own too: at most once, in the order of
 * one publisher. Does not park. `topic` up to PB_TOPIC_SIZE bytes, `body` up to PB_MESSAGE_SIZE. A
 * message that cannot be sent is lost (its subscribers get PB_BUS_GAP later). */
static inline void pb_publish(pb_str topic, pb_str body)
{
    PB_CALL(publish)(topic, body);
}

/* Calls fn(arg, message) for every message of exactly this topic, one after the other on a task of the
 * subscription's own; fn may park. With fn NULL messages are waited for with pb_bus_wait. From
 * start() or later, by any task; lives until pb_unsubscribe. PB_OK or PB_NO_MEMORY. Does not park. */
static inline pb_status pb_subscribe(pb_str topic,
                                     void (*fn)(void *arg, const pb_bus_message *message), void *arg,
                                     pb_subscription **out)
{
    return PB_CALL(subscribe)(topic, fn, arg, out);
}

/* The next message of a subscription without fn. Parks. PB_OK; PB_DECLINED when none came within
 * `limit`; PB_CANCELLED, PB_TIMEOUT. *out is borrowed until the next call. */
static inline pb_status pb_bus_wait(pb_subscription *subscription, pb_duration limit,
                                    const pb_bus_message **out)
{
    return PB_CALL(bus_wait)(subscription, limit, out);
}

/* Ends it; a call of fn that runs ends first. Parks. NULL is fine. */
static inline void pb_unsubscribe(pb_subscription *subscription)
{
    PB_CALL(unsubscribe)(subscription);
}

/* --- leases: one holder at a time --------------------------------------------------------------- */

/* Takes the lease `name` (up to 128 bytes). The host renews it for as long as this process's loop
 * turns; a process that dies loses it at once, one that hangs after `ttl` (1 s to 1 h). Parks. PB_CONFLICT:
 * another holds it. PB_UNAVAILABLE: there is nobody to ask now (the supervisor is away). */
static inline pb_status pb_lease_take(pb_str name, pb_duration ttl, pb_lease **out)
{
    return PB_CALL(lease_take)(name, ttl, out);
}

/* The fencing token: grows with every grant of this name, also across restarts. Write it beside what
 * the lease protects, and refuse writes with a smaller one. */
static inline int64_t pb_lease_token(const pb_lease *lease)
{
    return PB_CALL(lease_token)(lease);
}

/* Is it still ours, as far as this process knows? Does not park. */
static inline bool pb_lease_held(const pb_lease *lease)
{
    return PB_CALL(lease_held)(lease);
}

/* Gives it back (if it is still held) and frees it. Does not park. NULL is fine. */
static inline void pb_lease_release(pb_lease *lease)
{
    PB_CALL(lease_release)(lease);
}

/* --- shared memory ------------------------------------------------------------------------------ */

enum { PB_SHARED_LOCKS = 64 };

/* A region that all workers and generations share. It is zeroed when the first one opens it, and
 * stays while any process has it or the supervisor lives. Another version or another size is another
 * region: old workers keep theirs. */
typedef struct pb_shared_spec {
    uint32_t size;
    uint32_t version; /* of the layout */
    pb_str name;
    int64_t bytes;
    /* The process that held lock `index` died inside: brings what that lock protects back into a
     * state that holds. Called with the lock held; must not park. Required. */
    void (*repair)(void *memory, uint32_t index);
} pb_shared_spec;

/* Parks. PB_NO_MEMORY, PB_UNAVAILABLE (the supervisor is away). For start(). */
static inline pb_status pb_shared_open(const pb_shared_spec *spec, pb_shared **out)
{
    return PB_CALL(shared_open)(spec, out);
}

/* Its first byte; aligned to a page, at another address in every process: keep offsets, not pointers. */
static inline void *pb_shared_memory(pb_shared *shared)
{
    return PB_CALL(shared_memory)(shared);
}

/* Takes one of its PB_SHARED_LOCKS locks. Does not park: it waits on the spot, so what is done under a
 * lock is short, and nothing in between may park. PB_TIMEOUT after 50 ms (a holder that is stopped). Any thread. */
static inline pb_status pb_shared_lock(pb_shared *shared, uint32_t index)
{
    return PB_CALL(shared_lock)(shared, index);
}

static inline void pb_shared_unlock(pb_shared *shared, uint32_t index)
{
    PB_CALL(shared_unlock)(shared, index);
}

/* Unmaps it. For stop() and destroy(). NULL is fine. */
static inline void pb_shared_close(pb_shared *shared)
{
    PB_CALL(shared_close)(shared);
}

/* --- who lives ---------------------------------------------------------------------------------- */

/* This process, by a name that no other ever had or will have. At most 63 bytes; lives as long as the
 * process. Does not park. */
static inline pb_str pb_node_id(void)
{
    return PB_CALL(node_id)();
}

/* Does the process of that name still run on this machine? Does not park. */
static inline bool pb_node_alive(pb_str id)
{
    return PB_CALL(node_alive)(id);
}

#endif
