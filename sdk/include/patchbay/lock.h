/* lock.h - one task at a time, in the order in which they came: for what cannot do two things at
 * once (a decoder, a library with global state) although its calls park.
 *
 *     struct decoder { pb_lock lock; … };               zeroed, as an instance is
 *
 *     if ((status = pb_lock_take(&decoder->lock)) != PB_OK)
 *         return status;
 *     … pb_offload(decode, …) …
 *     pb_lock_give(&decoder->lock);                      on every way out
 *
 * Between two calls that park a task is alone anyway and needs no lock. It holds in one process: what
 * all workers share takes a lease (cluster.h). Whoever holds it must not take it again. */
#ifndef PATCHBAY_LOCK_H
#define PATCHBAY_LOCK_H

#include <patchbay/memory.h>
#include <patchbay/task.h>

/* One who waits; on its own stack. */
typedef struct pb_lock_waiter {
    struct pb_lock_waiter *next;
    pb_signal *signal;
    uintptr_t given;
} pb_lock_waiter;

/* All zero is free. Members are its own. */
typedef struct pb_lock {
    pb_lock_waiter *first, *last;
    uintptr_t held;
} pb_lock;

/* Gives it to who waits longest. Does not park. */
static inline void pb_lock_give(pb_lock *lock)
{
    pb_lock_waiter *next = lock->first;

    lock->held = next ? 1 : 0;
    if (!next)
        return;
    lock->first = next->next;
    if (!lock->first)
        lock->last = NULL;
    next->given = 1;
    pb_signal_raise(&next->signal, 1);
}

/* Waits until nobody else has it. PB_OK: it is the task's; PB_CANCELLED, PB_TIMEOUT, PB_NO_MEMORY: it
 * is not. Parks unless it is free. */
static inline pb_status pb_lock_take(pb_lock *lock)
{
    pb_lock_waiter own, **at = &lock->first;
    pb_status status;

    if (!lock->held) {
        lock->held = 1;
        return PB_OK;
    }
    own.next = NULL;
    own.given = 0;
    own.signal = pb_signal_new();
    if (!own.signal)
        return PB_NO_MEMORY;
    if (lock->last)
        lock->last->next = &own;
    else
        lock->first = &own;
    lock->last = &own;
    status = pb_signal_wait(own.signal);
    if (status == PB_OK)
        return PB_OK;
    if (own.given) { /* at the same moment: it goes on to the next */
        pb_signal_wait_always(own.signal);
        pb_lock_give(lock);
        return status;
    }
    pb_lock_waiter *before = NULL;
    while (*at != &own) {
        before = *at;
        at = &(*at)->next;
    }
    *at = own.next;
    if (lock->last == &own)
        lock->last = before;
    return status;
}

#endif
