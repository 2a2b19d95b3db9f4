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

/* A timer: zero it first. Arming an armed one moves it; moving it later costs nothing, the rest is
 * O(log n). Never early, at most a millisecond late. `fire` runs on the loop, not on a task. */
struct timer {
    pb_duration due;  /* monotonic; 0: not armed */
    pb_duration heap; /* where the heap has it: never later than due */
    size_t at;        /* its place in the heap, from 1; 0: not in it */
    void (*fire)(struct timer *timer);
};
void timer_arm(struct timer *timer, pb_duration after, void (*fire)(struct timer *timer));
void timer_arm_at(struct timer *timer, pb_duration due, void (*fire)(struct timer *timer));
void timer_cancel(struct timer *timer);
bool timer_armed(const struct timer *timer);

/* For the loop: fires what is due; when the next one is (0: none). */
void timer_run(pb_duration now);
pb_duration timer_next(void);
void timer_fini(void);

/* Reads the clock again: after work that took long. */
pb_duration loop_refresh(void);

/* For tests: moves the clock of the loop forward; timers fire as if the time had passed. */
void loop_clock_advance(pb_duration by);

/* The longest time that the loop was held between two polls since it was last asked, nanoseconds. */
pb_duration loop_longest_hold(void);

#endif
