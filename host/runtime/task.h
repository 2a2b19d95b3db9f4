/* task.h - tasks: coroutines with guarded stacks, run by the loop. The host's side of
 * <patchbay/task.h>, which has the rules.
 *
 * Everything that waits does it by task_wait: put a waiter where the event will find it, wait, and
 * whoever sees the event calls waiter_wake.
 */
#ifndef HOST_RUNTIME_TASK_H
#define HOST_RUNTIME_TASK_H

#include "base/arena.h"
#include "runtime/loop.h"
#include <patchbay/task.h>
#include <stdatomic.h>

/* The running task; NULL on the loop itself and on other threads. */
pb_task *task_current(void);

/* Starts fn(arg) as a root task: no parent, no deadline, freed at its end. It begins in the next
 * round. From the loop or from a task. PB_UNAVAILABLE at the limit of tasks. */
pb_status task_start(void (*fn)(void *arg), void *arg, pb_task **out);

/* Something to wait for, on the waiting task's stack. */
struct waiter {
    pb_task *task;
    bool woken;
};

/* Parks until waiter_wake. PB_OK when woken; PB_CANCELLED or PB_TIMEOUT when the task was told to
 * end first (its error is set). `waiter` must be zeroed before it is shown to anyone, and taken back
 * from where the event would look for it afterwards. A waiter that was woken already returns at once. */
pb_status task_wait(struct waiter *waiter);

/* The same with a limit of its own: PB_TIMEOUT without an error set when it passes. */
pb_status task_wait_for(struct waiter *waiter, pb_duration limit);

/* Parks until woken, whatever happens to the task (offload). */
void task_wait_always(struct waiter *waiter);

/* From the loop or from another task; not from other threads (loop_post there). */
void waiter_wake(struct waiter *waiter);

/* Tells a task to end: its parking calls return PB_CANCELLED, with this sentence. Also its spawned
 * tasks. Does nothing twice. */
void task_cancel(pb_task *task, const char *sentence);
bool task_is_cancelled(const pb_task *task);

/* Is `task` this ancestor, or spawned by it, or by one that it spawned …? */
bool task_descends(const pb_task *task, const pb_task *ancestor);

/* For those that call plugins: what the running task spawned since task_spawned was asked and did
 * not join is cancelled and joined; returns how many. The error stays. Parks when there are any. */
uint64_t task_spawned(void);
size_t task_end_left(uint64_t before);

/* Takes a cancellation back, with the final deadline: what was cancelled (a turn) has ended and the
 * task goes on to say so. Its spawned tasks are joined. */
void task_cancel_clear(pb_task *task);

/* A total deadline: when it passes the task is cancelled as by task_cancel (final). 0: none. */
void task_set_final_deadline(pb_task *task, pb_duration due);

/* Whose work a task does, as numbers (cluster/scoreboard.h); 0: nobody's. */
struct task_work {
    uint32_t instance, pipeline;
    uint64_t turn[2]; /* the bytes of the turn's id */
};

/* What the layers above hang on a task; inherited by spawned tasks. */
struct task_locals {
    void *turn;     /* the running pb_turn, or NULL */
    void *span;     /* the innermost open span, or NULL */
    void *instance; /* the plugin instance that runs, or NULL */
    const void *principal; /* pb_principal: who asks, of a turn or an operation, or NULL */
    pb_str request; /* the request's id, for the log */
    pb_str trace;   /* a W3C traceparent, for the log and for what is asked of others */
    pb_str caller;  /* the span of the client's traceparent, which that one goes on, or absent */
    struct task_work work; /* told by task_tell */
};
struct task_locals *task_local(void); /* of the running task; on the loop a spare one, never NULL */

/* Who runs right now, for those who watch this process, also after it died. A part of the scoreboard's
 * cell: its layout is that of SCOREBOARD_VERSION. Only stored to, relaxed. */
struct task_note {
    _Atomic uint32_t running;  /* 1: a task runs */
    _Atomic uint32_t instance, pipeline;
    _Atomic uint32_t cause;    /* what the process can still say about its own end */
    _Atomic uint64_t switches; /* grows whenever a task is entered */
    _Atomic uint64_t turn[2];
};
extern struct task_note *task_note; /* never NULL */

/* Writes down whose work is done from now on; after task_local()->work was changed. */
static inline void task_tell(const struct task_work *work)
{
    struct task_note *note = task_note;
    atomic_store_explicit(&note->instance, work->instance, memory_order_relaxed);
    atomic_store_explicit(&note->pipeline, work->pipeline, memory_order_relaxed);
    atomic_store_explicit(&note->turn[0], work->turn[0], memory_order_relaxed);
    atomic_store_explicit(&note->turn[1], work->turn[1], memory_order_relaxed);
}

/* Called, when set, whenever a task is entered or left: with its locals, or NULL for the loop. */
extern void (*task_on_switch)(const struct task_locals *locals);

/* While set: called around every parking on the loop's thread, `leaving` before the switch. */
extern void (*task_on_park)(bool leaving);
/* While set, whoever would park gets what it returns instead. */
extern pb_status (*task_refuse)(void);
/* While set: told which call that parks was made where no task is. */
extern void (*task_missed)(const char *call);

/* Limits and figures. Before the first task; 0 keeps what is set. */
struct task_limits {
    int64_t tasks;             /* at once; default 16000 */
    pb_duration cleanup;       /* what runs in pb_shield; default 5 s */
    pb_duration offload_queue; /* until a helper thread takes the work; default 5 s */
    int64_t offload_threads;   /* default 4 */
};
void task_limits_set(const struct task_limits *limits);
size_t task_count(void);

/* Runs fn(arg) on the worker's one big scratch stack: for deep work that does not park (TLS
 * handshakes, building big JSON). Must not park. From the loop or from a task. */
void task_on_scratch(void (*fn)(void *arg), void *arg);

/* For the loop. task_run_ready runs those that were ready when it was called; true: some ran. */
bool task_run_ready(void);
bool task_any_ready(void);
void task_init(void);
void task_fini(void);
void offload_fini(void); /* waits for the helper threads */

/* Is this thread a helper that runs offloaded work, and was the task that waits told to end? */
bool offload_here(void);
bool offload_cancelled(void);
const struct task_work *offload_work(void); /* whose work this helper does, or NULL */
pb_status offload_run(pb_status (*fn)(void *arg), void *arg);
size_t offload_pending(void); /* tasks that wait for offloaded work */
size_t signal_pending(void);  /* tasks that wait for a pb_signal */

#endif
