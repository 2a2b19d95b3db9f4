/* signal.c - tasks that wait for a plugin's own threads: pb_signal.
 *
 * Raised signals go on a stack without a lock; only who finds it empty wakes the loop, so that a
 * thread that has answered many tasks, or many threads at once, cost one wake-up.
 */
#include "base/scope.h"
#include "runtime/task_internal.h"

#include <patchbay/memory.h>

struct pb_signal {
    struct waiter waiter;
    struct pb_signal *next; /* on the stack of raised ones */
};

static _Atomic(struct pb_signal *) raised;
static size_t pending; /* that tasks wait for; the loop's thread only */

size_t signal_pending(void)
{
    return pending;
}

pb_signal *host_signal_new(void)
{
    return PB_NEW(struct pb_signal);
}

pb_status host_signal_wait(pb_signal *signal, int32_t always)
{
    pb_status status = PB_OK;

    if (!task_current())
        return task_missing("pb_signal_wait");
    pending++;
    if (always)
        task_wait_always(&signal->waiter);
    else
        status = task_wait(&signal->waiter);
    pending--;
    if (status == PB_OK)
        signal->waiter.woken = false;
    return status;
}

/* On the loop. Those raised first are woken first. */
static void wake_raised(void *unused)
{
    struct pb_signal *signal = atomic_exchange_explicit(&raised, NULL, memory_order_acquire);
    struct pb_signal *first = NULL;

    (void)unused;
    while (signal) {
        struct pb_signal *next = signal->next;
        signal->next = first;
        first = signal;
        signal = next;
    }
    while (first) {
        struct pb_signal *next = first->next;
        waiter_wake(&first->waiter);
        first = next;
    }
}

void host_signal_raise(pb_signal *const *signals, size_t count)
{
    if (!count)
        return;
    for (size_t i = 1; i < count; i++)
        signals[i]->next = signals[i - 1];
    struct pb_signal *last = signals[count - 1];
    struct pb_signal *before = atomic_load_explicit(&raised, memory_order_relaxed);
    do
        signals[0]->next = before;
    while (!atomic_compare_exchange_weak_explicit(&raised, &before, last, memory_order_release,
                                                  memory_order_relaxed));
    if (!before) /* the signals may be woken and gone by now */
        loop_post(wake_raised, NULL);
}

const pb_task *host_task_running(void)
{
    return task_current();
}
