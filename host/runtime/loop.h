/* loop.h - the one event loop of a worker: I/O by libuv, ready tasks, deferred work, timers.
 *
 * One round: run all ready tasks; run deferred work (flushing writes); poll. Only the thread that
 * called loop_init may call anything here but loop_post.
 */
#ifndef HOST_RUNTIME_LOOP_H
#define HOST_RUNTIME_LOOP_H

#include "base/list.h"
#include <patchbay/types.h>
#include <uv.h>

pb_status loop_init(void); /* once in a process */
void loop_fini(void);      /* after loop_run; frees timers, stacks, posted work */
void loop_run(void);       /* until loop_stop; may be run again */
void loop_stop(void);      /* loop_run returns after this round */

/* For sockets, signals, files. */
uv_loop_t *loop_uv(void);

/* The monotonic clock in nanoseconds, read once a round. */
pb_duration loop_now(void);

/* Work for the end of this round, before the next poll. A link is queued at most once; embed it,
 * list_init(&work.link) first. */
struct loop_work {
    struct list_link link;
    void (*run)(struct loop_work *work);
};
void loop_defer(struct loop_work *work);

/* Calls fn(arg) on the loop soon. Any thread. */
void loop_post(void (*fn)(void *arg), void *arg);

/* A timer: O(1) to arm and to cancel, millisecond ticks, never early. list_init is not needed:
 * zero it first. Arming an armed timer moves it. `fire` runs on the loop, not on a task. */
struct timer {
    struct list_link link;
    pb_duration due; /* monotonic; 0: not armed */
    void (*fire)(struct timer *timer);
};
void timer_arm(struct timer *timer, pb_duration after, void (*fire)(struct timer *timer));
void timer_arm_at(struct timer *timer, pb_duration due, void (*fire)(struct timer *timer));
void timer_cancel(struct timer *timer);
bool timer_armed(const struct timer *timer);

/* The longest time that the loop was held between two polls since it was last asked, nanoseconds. */
pb_duration loop_longest_hold(void);

#endif
