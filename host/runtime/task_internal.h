/* task_internal.h - what a task is made of; for the files of runtime/ only. */
#ifndef HOST_RUNTIME_TASK_INTERNAL_H
#define HOST_RUNTIME_TASK_INTERNAL_H

#include "base/scope.h"
#include "runtime/coroutine.h"
#include "runtime/task.h"

#include <stdatomic.h>

/* A limit of time that a stage or a shield has set. */
struct deadline {
    struct deadline *outer; /* begun before this one, maybe by a parent; or NULL */
    struct pb_task *owner;  /* began it, frees it */
    int64_t number;
    pb_duration due; /* 0: it has ended */
    bool shield;     /* those further out do not count */
};

enum { OWN_DEADLINES = 4 }; /* kept in the task: as many as a turn has, so that none asks malloc */

/* Lives at the top of its own stack, behind the coroutine. */
struct pb_task {
    struct coroutine *coroutine;
    struct list_link link; /* in the ready ring, or the pool */
    void (*start)(void *arg);
    pb_status (*fn)(void *arg); /* of a spawned task, instead of start */
    void *arg;
    struct pb_task *parent;     /* NULL for a root task */
    uint64_t number;            /* of a spawned task; grows */
    struct list_link children;  /* spawned and not yet joined, oldest first */
    struct list_link sibling;
    struct waiter *waiting;     /* what it is parked on, when that may be interrupted */
    struct waiter *joiner;      /* who waits for its end */
    const char *cancel_sentence;
    atomic_bool cancelled;      /* read by the helper thread that works for it */
    bool ended;
    bool timed_out;
    bool cancel_by_deadline;
    int32_t shields;            /* > 0: cancellation and final deadline are masked */
    pb_status result;
    struct deadline *deadlines; /* set by stages: PB_TIMEOUT; newest first */
    struct deadline own[OWN_DEADLINES]; /* the first that it began */
    unsigned owned;
    int64_t unkept;         /* one that found no memory: until its end, waits are PB_NO_MEMORY … */
    int32_t unkept_shields; /* … but not under more shields than these */
    pb_duration final_deadline; /* of all: PB_CANCELLED; 0: none */
    pb_duration limit;          /* of the wait that is on; 0: none */
    pb_duration resumed;        /* when it last got to run */
    struct timer timer;
    struct task_locals locals;
    struct scope_context context;
    struct arena arena;
    unsigned uses; /* of the stack since it was trimmed */
};

/* The reason why a parking call of `task` must end now: PB_OK, PB_CANCELLED, PB_TIMEOUT or
 * PB_NO_MEMORY; sets the error. */
pb_status task_told_to_end(struct pb_task *task);

/* The earliest of the deadlines that hold a task; 0: none. */
pb_duration deadline_due(const struct pb_task *task);
/* As pb_deadline_begin and _end; under a shield's own deadline the earlier ones do not count. */
int64_t deadline_begin(struct pb_task *task, pb_duration limit, bool shield);
void deadline_end(struct pb_task *task, int64_t number);
void deadline_drop_all(struct pb_task *task); /* that it began: the task is over */

/* Puts a task at the end of the ready ring, once. */
void task_make_ready(struct pb_task *task);

/* Switches to the loop until made ready. */
void task_park(void);

/* A new task from the pool, not ready yet. NULL with the error set. */
struct pb_task *task_take(void);
void task_give_back(struct pb_task *task);

/* Limits in force. */
extern struct task_limits task_limits_now;

/* The coroutine that runs now: a task's, the scratch stack's or the thread's own. */
struct coroutine *task_coroutine(void);

/* A host call that needs a task came on something else: PB_INTERNAL; debug builds abort. */
pb_status task_missing(const char *call);

#endif
