/* deadline.c - the deadlines that stages set, each with a number of its own.
 *
 * A task's deadlines are a list, newest first; a spawned task's goes on in that of its parent. So
 * one deadline can end out of order, from a sink far inside of what it limits or from a spawned
 * task, and it ends for all whom it holds; the others stay as they are. One that finds no memory
 * must not be forgotten: nothing would end a wait then, so until its end there is no waiting at
 * all.
 */
#include "runtime/task_internal.h"

#include <stdlib.h>

static int64_t numbers; /* given so far */

pb_duration deadline_due(const struct pb_task *task)
{
    pb_duration due = 0;

    for (const struct deadline *at = task->deadlines; at; at = at->outer) {
        if (at->due && (!due || at->due < due))
            due = at->due;
        if (at->due && at->shield)
            break;
    }
    return due;
}

static struct deadline *take(struct pb_task *task)
{
    if (task->owned >= OWN_DEADLINES) {
        struct deadline *more = malloc(sizeof *more);
        if (!more)
            return NULL;
        task->owned++;
        return more;
    }
    return &task->own[task->owned++];
}

int64_t deadline_begin(struct pb_task *task, pb_duration limit, bool shield)
{
    struct deadline *deadline = take(task);

    if (!deadline) {
        if (!task->unkept) {
            task->unkept = numbers + 1;
            task->unkept_shields = task->shields + shield;
        }
        return ++numbers;
    }
    *deadline = (struct deadline){.outer = task->deadlines,
                                  .owner = task,
                                  .number = ++numbers,
                                  .due = loop_refresh() + (limit > 0 ? limit : 0),
                                  .shield = shield};
    task->deadlines = deadline;
    return deadline->number;
}

static void drop_newest(struct pb_task *task)
{
    struct deadline *deadline = task->deadlines;

    task->deadlines = deadline->outer;
    if (task->owned-- > OWN_DEADLINES)
        free(deadline);
}

/* A timer that was armed for it comes up for nothing and is set anew. The memory goes once nothing
 * is in front of it and no spawned task can see it. */
void deadline_end(struct pb_task *task, int64_t number)
{
    for (struct deadline *at = task->deadlines; at; at = at->outer)
        if (at->number == number)
            at->due = 0;
    for (struct pb_task *at = task; at; at = at->parent)
        if (at->unkept == number)
            at->unkept = 0;
    while (task->deadlines && task->deadlines->owner == task && !task->deadlines->due &&
           list_empty(&task->children))
        drop_newest(task);
}

void deadline_drop_all(struct pb_task *task)
{
    while (task->deadlines && task->deadlines->owner == task)
        drop_newest(task);
}

void task_set_final_deadline(pb_task *task, pb_duration due)
{
    task->final_deadline = due;
}

int64_t host_deadline_begin(pb_duration limit)
{
    struct pb_task *task = task_current();

    if (!task) {
        (void)task_missing("pb_deadline_begin");
        return 0;
    }
    return deadline_begin(task, limit, false);
}

void host_deadline_end(int64_t number)
{
    struct pb_task *task = task_current();

    if (task)
        deadline_end(task, number);
}
