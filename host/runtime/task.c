/* task.c - the ring of ready tasks, the pool of stacks, parking and waking. See task.h. */
#include "runtime/task_internal.h"

#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_MOST = 256, USES_BEFORE_TRIM = 64 };

struct task_limits task_limits_now = {
    .tasks = 16000, .cleanup = 5 * PB_SECOND, .offload_queue = 5 * PB_SECOND, .offload_threads = 4};

static struct {
    struct list_link ready;
    struct list_link pool;
    size_t pooled, live;
    struct coroutine thread; /* the loop's own stack */
    struct coroutine *scratch;
    void (*scratch_fn)(void *arg);
    void *scratch_arg;
    struct coroutine *scratch_from;
    struct task_locals spare;
    bool set_up;
} tasks;

static _Thread_local struct pb_task *current;

static struct task_note own_note; /* until there is a scoreboard */
struct task_note *task_note = &own_note;
void (*task_on_switch)(const struct task_locals *locals);
void (*task_on_park)(bool leaving);
pb_status (*task_refuse)(void);
void (*task_missed)(const char *call);

pb_task *task_current(void)
{
    return current;
}

struct task_locals *task_local(void)
{
    return current ? &current->locals : &tasks.spare;
}

size_t task_count(void)
{
    return tasks.live;
}

void task_limits_set(const struct task_limits *limits)
{
    struct task_limits *now = &task_limits_now;

    now->tasks = limits->tasks ? limits->tasks : now->tasks;
    now->cleanup = limits->cleanup ? limits->cleanup : now->cleanup;
    now->offload_queue = limits->offload_queue ? limits->offload_queue : now->offload_queue;
    now->offload_threads = limits->offload_threads ? limits->offload_threads : now->offload_threads;
}

pb_status task_missing(const char *call)
{
    if (task_missed)
        task_missed(call);
#ifdef PATCHBAY_DEBUG
    fprintf(stderr, "patchbay: %s was called outside a task\n", call);
    abort();
#else
    return pb_fail(PB_INTERNAL, "%s was called outside a task", call);
#endif
}

struct coroutine *task_coroutine(void)
{
    if (tasks.scratch_from)
        return tasks.scratch;
    return current ? current->coroutine : &tasks.thread;
}

/* --- running ---------------------------------------------------------------------------------- */

/* One life of a task: what its stack runs between two visits to the pool. */
static void body(struct coroutine *coroutine)
{
    struct pb_task *task = coroutine_extra(coroutine);

    if (task->fn)
        task->result = task->fn(task->arg);
    else
        task->start(task->arg);
    if (task->parent)
        (void)task_end_left(0); /* they know their parent */
    task->ended = true;
    coroutine_switch(coroutine, &tasks.thread);
}

static void finish(struct pb_task *task)
{
    timer_cancel(&task->timer);
    if (task->parent && task->joiner)
        waiter_wake(task->joiner);
    else if (!task->parent && list_empty(&task->children))
        task_give_back(task); /* else when the last of them is joined: they look at their parent */
}

static void resume(struct pb_task *task)
{
    struct scope_context *before = scope_switch(&task->context);
    struct task_note *note = task_note;

    atomic_store_explicit(&note->switches,
                          atomic_load_explicit(&note->switches, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    task_tell(&task->locals.work);
    if (task_on_switch)
        task_on_switch(&task->locals);
    current = task;
    coroutine_switch(&tasks.thread, task->coroutine);
    current = NULL;
    if (task_on_switch)
        task_on_switch(NULL);
    scope_switch(before);
    if (task->ended)
        finish(task);
}

bool task_any_ready(void)
{
    return !list_empty(&tasks.ready);
}

static void tell_running(uint32_t running)
{
    atomic_store_explicit(&task_note->running, running, memory_order_relaxed);
    if (!running) { /* what fails on the loop is nobody's fault */
        atomic_store_explicit(&task_note->instance, 0, memory_order_relaxed);
        atomic_store_explicit(&task_note->pipeline, 0, memory_order_relaxed);
    }
}

bool task_run_ready(void)
{
    struct list_link batch, *link;

    if (list_empty(&tasks.ready))
        return false;
    tell_running(1);
    batch = tasks.ready; /* those that become ready meanwhile wait for the next round */
    batch.next->prev = batch.prev->next = &batch;
    list_init(&tasks.ready);
    while ((link = list_pop(&batch)))
        resume(list_entry(link, struct pb_task, link));
    tell_running(0);
    return true;
}

void task_make_ready(struct pb_task *task)
{
    if (list_empty(&task->link))
        list_append(&tasks.ready, &task->link);
}

void task_park(void)
{
    if (task_on_park)
        task_on_park(true);
    coroutine_switch(current->coroutine, &tasks.thread);
    if (task_on_park)
        task_on_park(false);
}

/* --- the pool --------------------------------------------------------------------------------- */

static void clear(struct pb_task *task)
{
    struct coroutine *coroutine = task->coroutine;
    unsigned uses = task->uses;

    memset(task, 0, sizeof *task);
    task->coroutine = coroutine;
    task->uses = uses;
    list_init(&task->link);
    list_init(&task->children);
    list_init(&task->sibling);
    task->context.arena = &task->arena;
}

struct pb_task *task_take(void)
{
    struct list_link *link = list_pop(&tasks.pool);
    struct pb_task *task;

    if (link) {
        tasks.pooled--;
        task = list_entry(link, struct pb_task, link);
    } else {
        if ((int64_t)tasks.live >= task_limits_now.tasks) {
            pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "too much is going on at once, try again");
            return NULL;
        }
        struct coroutine *coroutine = coroutine_new(task_coroutine(), coroutine_stack_size(),
                                                    sizeof(struct pb_task), body);
        if (!coroutine) {
            pb_fail(PB_NO_MEMORY, "there is no memory for another task");
            return NULL;
        }
        task = coroutine_extra(coroutine);
        task->coroutine = coroutine;
    }
    clear(task);
    arena_init(&task->arena, 0);
    tasks.live++;
    return task;
}

void task_give_back(struct pb_task *task)
{
    timer_cancel(&task->timer);
    list_remove(&task->link);
    deadline_drop_all(task);
    arena_fini(&task->arena);
    scope_context_fini(&task->context);
    tasks.live--;
    if (tasks.pooled >= POOL_MOST) {
        coroutine_free(task->coroutine);
        return;
    }
    if (++task->uses >= USES_BEFORE_TRIM) {
        task->uses = 0;
        coroutine_trim(task->coroutine);
    }
    tasks.pooled++;
    task->link.next = tasks.pool.next; /* last in, first out: its pages are warm */
    task->link.prev = &tasks.pool;
    tasks.pool.next->prev = &task->link;
    tasks.pool.next = &task->link;
}

pb_status task_start(void (*fn)(void *arg), void *arg, pb_task **out)
{
    struct pb_task *task = task_take();

    if (!task)
        return host_error()->status;
    task->start = fn;
    task->arg = arg;
    task_make_ready(task);
    if (out)
        *out = task;
    return PB_OK;
}

/* --- waiting ---------------------------------------------------------------------------------- */

pb_status task_told_to_end(struct pb_task *task)
{
    if (task->shields == 0 && atomic_load_explicit(&task->cancelled, memory_order_relaxed))
        return pb_fail(PB_CANCELLED, "%s", task->cancel_sentence);
    pb_duration due = deadline_due(task);
    if (due && loop_now() >= due)
        return pb_fail(PB_TIMEOUT, "there was no result within the time allowed");
    if (task->unkept && task->shields <= task->unkept_shields)
        return pb_fail(PB_NO_MEMORY, "there is no memory to watch over the time");
    return PB_OK;
}

static void fire(struct timer *timer);

/* When the timer has to look at this task again. */
static pb_duration next_due(const struct pb_task *task)
{
    pb_duration due = task->shields ? 0 : task->final_deadline;
    pb_duration deadline = deadline_due(task);

    if (deadline && (!due || deadline < due))
        due = deadline;
    if (task->limit && (!due || task->limit < due))
        due = task->limit;
    return due;
}

static void arm(struct pb_task *task)
{
    pb_duration due = next_due(task);

    if (due && (!task->timer.due || due < task->timer.due))
        timer_arm_at(&task->timer, due, fire);
}

static void fire(struct timer *timer)
{
    struct pb_task *task = list_entry(timer, struct pb_task, timer);
    pb_duration now = loop_now();

    if (task->final_deadline && now >= task->final_deadline && !task->shields) {
        task->final_deadline = 0;
        task_cancel(task, "the turn took longer than is allowed");
    }
    pb_duration due = next_due(task);
    if (task->waiting && due && now >= due) {
        task->timed_out = true;
        task_make_ready(task);
    } else if (due > now) {
        arm(task);
    }
}

static pb_status wait(struct waiter *waiter, pb_duration limit)
{
    struct pb_task *task = current;
    pb_status status;

    if (!task)
        return task_missing("a call that parks");
    if (waiter->woken)
        return PB_OK;
    if (task_refuse)
        return task_refuse();
    if ((status = task_told_to_end(task)) != PB_OK)
        return status;
    waiter->task = task;
    task->waiting = waiter;
    task->limit = limit;
    task->timed_out = false;
    arm(task);
    task_park();
    task->waiting = NULL;
    task->limit = 0;
    waiter->task = NULL;
    if (waiter->woken)
        return PB_OK;
    if ((status = task_told_to_end(task)) != PB_OK)
        return status;
    return PB_TIMEOUT; /* the limit of this wait */
}

pb_status task_wait(struct waiter *waiter)
{
    return wait(waiter, 0);
}

pb_status task_wait_for(struct waiter *waiter, pb_duration limit)
{
    return wait(waiter, loop_refresh() + (limit > 0 ? limit : 1));
}

void task_wait_always(struct waiter *waiter)
{
    if (task_refuse && !waiter->woken)
        (void)task_refuse();
    waiter->task = current;
    while (!waiter->woken)
        task_park();
    waiter->task = NULL;
}

void waiter_wake(struct waiter *waiter)
{
    if (waiter->woken)
        return;
    waiter->woken = true;
    if (waiter->task)
        task_make_ready(waiter->task);
}

void task_cancel(pb_task *task, const char *sentence)
{
    if (atomic_exchange(&task->cancelled, true))
        return;
    task->cancel_sentence = sentence;
    if (task->waiting && !task->shields)
        task_make_ready(task);
    for (struct list_link *at = task->children.next; at != &task->children; at = at->next)
        task_cancel(list_entry(at, struct pb_task, sibling), sentence);
}

bool task_is_cancelled(const pb_task *task)
{
    return atomic_load(&task->cancelled);
}

void task_cancel_clear(pb_task *task)
{
    atomic_store(&task->cancelled, false);
    task->cancel_sentence = NULL;
    task->final_deadline = 0;
}

/* --- the scratch stack ------------------------------------------------------------------------ */

static void scratch_body(struct coroutine *coroutine)
{
    tasks.scratch_fn(tasks.scratch_arg);
    coroutine_switch(coroutine, tasks.scratch_from);
}

void task_on_scratch(void (*fn)(void *arg), void *arg)
{
    struct coroutine *from = task_coroutine();

    if (tasks.scratch_from || !tasks.set_up) { /* there already: go on where we are */
        fn(arg);
        return;
    }
    if (!tasks.scratch)
        tasks.scratch = coroutine_new(from, 1024 * 1024, 0, scratch_body);
    if (!tasks.scratch) {
        fn(arg);
        return;
    }
    tasks.scratch_fn = fn;
    tasks.scratch_arg = arg;
    tasks.scratch_from = from;
    coroutine_switch(from, tasks.scratch);
    tasks.scratch_from = NULL;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

void task_init(void)
{
    list_init(&tasks.ready);
    list_init(&tasks.pool);
    coroutine_of_thread(&tasks.thread);
    tasks.set_up = true;
}

void task_fini(void)
{
    struct list_link *link;

    while ((link = list_pop(&tasks.pool)))
        coroutine_free(list_entry(link, struct pb_task, link)->coroutine);
    tasks.pooled = 0;
    if (tasks.scratch)
        coroutine_free(tasks.scratch);
    tasks.scratch = NULL;
    tasks.set_up = false;
}
