/* task_api.c - the host functions of <patchbay/task.h>: sleep, spawn, join, shield. */
#include "runtime/task_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE = 1000 * 1000 }; /* pb_step parks after a millisecond */

pb_status host_sleep(pb_duration duration)
{
    struct pb_task *task = task_current();
    struct waiter waiter = {0};

    if (!task)
        return task_missing("pb_sleep");
    if (duration <= 0) {
        pb_status status = task_told_to_end(task);
        if (status != PB_OK)
            return status;
        if (task_refuse)
            return task_refuse();
        task_make_ready(task);
        task_park();
        return task_told_to_end(task);
    }
    pb_status status = task_wait_for(&waiter, duration);
    if (status == PB_TIMEOUT && task_told_to_end(task) == PB_OK)
        return PB_OK; /* the sleep is over, not the deadline */
    return status;
}

pb_status host_step(void)
{
    struct pb_task *task = task_current();

    if (!task)
        return task_missing("pb_step");
    pb_duration now = host_monotonic();
    if (!task->resumed || now < task->resumed)
        task->resumed = now;
    if (now - task->resumed < SLICE)
        return task_told_to_end(task);
    pb_status status = host_sleep(0);
    task->resumed = host_monotonic();
    return status;
}

static uint64_t spawned; /* tasks so far, in the order of the lists of children */

pb_status host_spawn(pb_status (*fn)(void *), void *arg, pb_task **out)
{
    struct pb_task *parent = task_current(), *task;

    if (!parent)
        return task_missing("pb_spawn");
    task = task_take();
    if (!task)
        return host_error()->status;
    task->fn = fn;
    task->arg = arg;
    task->parent = parent;
    task->locals = parent->locals;
    task->deadlines = parent->deadlines;
    task->unkept = parent->unkept;
    task->unkept_shields = parent->unkept_shields;
    task->final_deadline = parent->final_deadline;
    task->shields = parent->shields;
    task->cancel_sentence = parent->cancel_sentence;
    atomic_store(&task->cancelled, atomic_load(&parent->cancelled));
    task->number = ++spawned;
    list_append(&parent->children, &task->sibling);
    task_make_ready(task);
    *out = task;
    return PB_OK;
}

bool task_descends(const pb_task *task, const pb_task *ancestor)
{
    while (task && task != ancestor)
        task = task->parent;
    return task == ancestor;
}

pb_status host_join(pb_task *task)
{
    struct waiter waiter = {0};

    if (!task_current())
        return task_missing("pb_join");
    if (!task->ended) {
        task->joiner = &waiter;
        /* A cancelled parent has cancelled its children already: they come to their end. */
        task_wait_always(&waiter);
    }
    pb_status status = task->result;
    if (status != PB_OK)
        scope_error_set(&task->context.error);
    struct pb_task *parent = task->parent;
    list_remove(&task->sibling);
    task_give_back(task);
    if (parent->ended && !parent->parent && list_empty(&parent->children))
        task_give_back(parent);
    return status;
}

/* Keeps the error of before: its text may be overwritten by what runs in between. */
struct kept_error {
    pb_error error;
    char text[PB_SENTENCE_SIZE];
};

static struct kept_error *keep_error(void)
{
    const pb_error *error = host_error();
    struct kept_error *kept = error->status == PB_OK ? NULL : malloc(sizeof *kept);

    if (kept) {
        kept->error = *error;
        memcpy(kept->text, error->sentence.data, error->sentence.size);
        kept->error.sentence.data = kept->text;
        kept->error.pointer = kept->error.instance = (pb_str){0};
    }
    return kept;
}

uint64_t task_spawned(void)
{
    return spawned;
}

size_t task_end_left(uint64_t before)
{
    struct pb_task *task = task_current();
    struct list_link *last = task->children.prev;
    size_t count = 0;

    if (last == &task->children || list_entry(last, struct pb_task, sibling)->number <= before)
        return 0;
    struct kept_error *kept = keep_error();
    for (; (last = task->children.prev) != &task->children; count++) {
        struct pb_task *left = list_entry(last, struct pb_task, sibling);
        if (left->number <= before)
            break;
        task_cancel(left, "what spawned it has ended");
        (void)host_join(left);
    }
    pb_error_clear();
    if (kept)
        scope_error_set(&kept->error);
    free(kept);
    return count;
}

void host_task_cancel(pb_task *task)
{
    task_cancel(task, "the task was cancelled");
}

pb_status host_offload(pb_status (*fn)(void *), void *arg)
{
    if (!task_current())
        return task_missing("pb_offload");
    return offload_run(fn, arg);
}

pb_status host_shield(pb_status (*fn)(void *), void *arg)
{
    struct pb_task *task = task_current();

    if (!task)
        return task_missing("pb_shield");
    struct kept_error *kept = keep_error();
    int64_t deadline = deadline_begin(task, task_limits_now.cleanup, task->shields == 0);
    task->shields++;
    pb_status status = fn(arg);
    task->shields--;
    deadline_end(task, deadline);
    if (kept && status == PB_OK)
        scope_error_set(&kept->error);
    free(kept);
    return status;
}

bool host_cancelled(void)
{
    struct pb_task *task = task_current();

    if (offload_here())
        return offload_cancelled();
    return task && task->shields == 0 && task_is_cancelled(task);
}
