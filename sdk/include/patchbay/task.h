/* task.h - tasks: straight-line code that waits without blocking.
 *
 * Every call into a plugin runs on a task, a coroutine with a stack of its own. Calls that say
 * "parks" let other tasks run while they wait; between two such calls you run alone. A call that
 * parks may return PB_CANCELLED (final: clean up and return it) or PB_TIMEOUT (a deadline that a
 * stage set; whoever set it may handle it).
 */
#ifndef PATCHBAY_TASK_H
#define PATCHBAY_TASK_H

#include <patchbay/host_api.h>

/* Waits. Parks. PB_OK, PB_CANCELLED or PB_TIMEOUT. A duration of 0 lets the others run once. */
static inline pb_status pb_sleep(pb_duration duration)
{
    return PB_CALL(sleep)(duration);
}

/* For long loops that do not wait: parks only when the task has run for a millisecond. PB_OK,
 * PB_CANCELLED or PB_TIMEOUT. */
static inline pb_status pb_step(void)
{
    return PB_CALL(step)();
}

/* Starts fn(arg) as a task of its own; it begins when the running task parks. It inherits deadlines,
 * cancellation and span; its memory is its own and is freed when it ends (hand results over in
 * memory of the parent, which must stay until pb_join). Every spawned task must be joined. PB_OK,
 * or PB_UNAVAILABLE at host.max_tasks, or PB_NO_MEMORY. */
static inline pb_status pb_spawn(pb_status (*fn)(void *arg), void *arg, pb_task **out)
{
    return PB_CALL(spawn)(fn, arg, out);
}

/* Waits until `task` ended, frees it and returns what it returned, with its error. Parks. A caller
 * that is cancelled meanwhile cancels `task` too and still waits for its end. */
static inline pb_status pb_join(pb_task *task)
{
    return PB_CALL(join)(task);
}

/* Asks `task` to end: its parking calls return PB_CANCELLED. Does not park. Join it all the same. */
static inline void pb_task_cancel(pb_task *task)
{
    PB_CALL(task_cancel)(task);
}

/* Runs fn(arg) on a helper thread. Parks until it returned; cannot be interrupted, so a long fn
 * polls pb_cancelled(). Inside fn only functions marked "any thread" may be called: memory comes
 * from before the call. Returns what fn returned, or PB_UNAVAILABLE when no thread took the work
 * within host.limits.offload_queue. */
static inline pb_status pb_offload(pb_status (*fn)(void *arg), void *arg)
{
    return PB_CALL(offload)(fn, arg);
}

/* For a plugin with threads of its own: a place where a task waits for one of them. Made in the
 * running scope, NULL when memory is short; may be raised and waited for again and again, by turns.
 * It must stay until the thread has raised it: after a wait that failed, tell the thread to stop and
 * wait on with pb_signal_wait_always. */
static inline pb_signal *pb_signal_new(void)
{
    return PB_CALL(signal_new)();
}

/* Waits until it was raised. Parks. PB_OK, PB_CANCELLED or PB_TIMEOUT. */
static inline pb_status pb_signal_wait(pb_signal *signal)
{
    return PB_CALL(signal_wait)(signal, 0);
}

/* The same, whatever happens to the task. Parks. */
static inline void pb_signal_wait_always(pb_signal *signal)
{
    (void)PB_CALL(signal_wait)(signal, 1);
}

/* Ends the wait of these, all with one wake-up of the loop: a thread that did the work of many
 * tasks. Each may be gone once this was called. Any thread. */
static inline void pb_signal_raise(pb_signal *const *signals, size_t count)
{
    PB_CALL(signal_raise)(signals, count);
}

/* Which task runs? Only to be compared: equal for calls of one task, while it lives. NULL outside of
 * tasks. */
static inline const pb_task *pb_task_running(void)
{
    return PB_CALL(task_running)();
}

/* Runs fn(arg) in this task with cancellation and deadlines masked, under host.limits.cleanup of
 * its own (then its parking calls return PB_TIMEOUT): writing the partial reply, settling a quota.
 * Parks as fn does. Returns what fn returned; the error from before is kept when fn succeeds. */
static inline pb_status pb_shield(pb_status (*fn)(void *arg), void *arg)
{
    return PB_CALL(shield)(fn, arg);
}

/* Was the running task (on a helper thread: the task that waits for it) told to end? Any thread. */
static inline bool pb_cancelled(void)
{
    return PB_CALL(cancelled)();
}

/* From now to pb_deadline_end(), parking calls of this task and of those that it spawns meanwhile
 * return PB_TIMEOUT once `limit` has passed. Deadlines nest: an earlier one that is set already
 * stays in force. Returns the number by which this one ends. Does not park. */
static inline int64_t pb_deadline_begin(pb_duration limit)
{
    return PB_CALL(deadline_begin)(limit);
}

/* Ends that deadline and no other: also early, from a sink inside of what it limits, there too when
 * a spawned task emits. Each deadline must end before the call that began it returns; ending it
 * twice does nothing. Does not park. */
static inline void pb_deadline_end(int64_t deadline)
{
    PB_CALL(deadline_end)(deadline);
}

/* The clock that deadlines use: monotonic, nanoseconds. Any thread. */
static inline pb_duration pb_monotonic(void)
{
    return PB_CALL(monotonic)();
}

/* The wall clock: milliseconds since 1970 UTC. Any thread. */
static inline pb_time pb_now(void)
{
    return PB_CALL(now)();
}

#endif
