/* Tasks: waiting, cancelling, deadlines, spawn and join, shield, offload, the scratch stack. Time is
 * the loop's own, moved by hand: nothing here waits for a clock. */
#include "base/scope.h"
#include "runtime/task.h"

#include "suite.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int left; /* root tasks that have not ended */

struct root {
    void (*fn)(void);
};

static void run_root(void *arg)
{
    ((struct root *)arg)->fn();
    if (--left == 0)
        loop_stop();
}

/* Runs fn as a task until it ends. */
static void in_task(void (*fn)(void))
{
    struct root root = {fn};
    ck_assert_int_eq(loop_init(), PB_OK);
    left = 1;
    ck_assert_int_eq(task_start(run_root, &root, NULL), PB_OK);
    loop_run();
    ck_assert_uint_eq(task_count(), 0);
    loop_fini();
}

static char order[64];

static pb_status say(void *arg)
{
    for (int i = 0; i < 3; i++) {
        strcat(order, arg);
        if (pb_sleep(0) != PB_OK)
            return PB_CANCELLED;
    }
    return PB_OK;
}

static void two_children(void)
{
    pb_task *a, *b;
    order[0] = 0;
    ck_assert_int_eq(pb_spawn(say, "a", &a), PB_OK);
    ck_assert_int_eq(pb_spawn(say, "b", &b), PB_OK);
    ck_assert_int_eq(pb_join(a), PB_OK);
    ck_assert_int_eq(pb_join(b), PB_OK);
    ck_assert_str_eq(order, "ababab");
}

START_TEST(spawned_tasks_take_turns)
{
    in_task(two_children);
}
END_TEST

static pb_status fails(void *arg)
{
    return pb_fail(PB_CONFLICT, "%s", (const char *)arg);
}

static void join_hands_error_over(void)
{
    pb_task *task;
    ck_assert_int_eq(pb_spawn(fails, "two at once", &task), PB_OK);
    ck_assert_int_eq(pb_join(task), PB_CONFLICT);
    ck_assert_int_eq(pb_error_last()->status, PB_CONFLICT);
    ck_assert_str_eq(pb_error_last()->sentence.data, "two at once");
}

START_TEST(join_returns_status_and_error)
{
    in_task(join_hands_error_over);
}
END_TEST

static struct waiter never;

static pb_status wait_for_ever(void *arg)
{
    (void)arg;
    never = (struct waiter){0};
    return task_wait(&never);
}

static pb_status cancel_parent(void *parent)
{
    task_cancel(parent, "the client is gone");
    return PB_OK;
}

static void cancel_reaches_children(void)
{
    pb_task *waits, *cancels;
    ck_assert_int_eq(pb_spawn(wait_for_ever, NULL, &waits), PB_OK);
    ck_assert_int_eq(pb_spawn(cancel_parent, task_current(), &cancels), PB_OK);
    ck_assert_int_eq(pb_join(waits), PB_CANCELLED);
    ck_assert_str_eq(pb_error_last()->sentence.data, "the client is gone");
    ck_assert_int_eq(pb_join(cancels), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_CANCELLED); /* final */
    ck_assert(pb_cancelled());
}

START_TEST(cancelling_is_final_and_inherited)
{
    in_task(cancel_reaches_children);
}
END_TEST

static pb_status advance(void *by)
{
    loop_clock_advance(*(pb_duration *)by);
    return PB_OK;
}

static void deadlines(void)
{
    pb_duration minute = 60 * PB_SECOND;
    pb_task *clock, *waits;
    int64_t outer = pb_deadline_begin(100 * PB_SECOND);
    int64_t inner = pb_deadline_begin(50 * PB_SECOND);
    ck_assert_int_eq(pb_spawn(wait_for_ever, NULL, &waits), PB_OK);
    ck_assert_int_eq(pb_spawn(advance, &minute, &clock), PB_OK);
    ck_assert_int_eq(pb_sleep(1000 * PB_SECOND), PB_TIMEOUT);
    ck_assert_int_eq(pb_join(waits), PB_TIMEOUT);
    pb_join(clock);
    pb_deadline_end(inner);
    ck_assert_int_eq(pb_sleep(0), PB_OK); /* the outer one has not passed */
    ck_assert_int_eq(pb_spawn(advance, &minute, &clock), PB_OK);
    ck_assert_int_eq(pb_sleep(30 * PB_SECOND), PB_TIMEOUT);
    pb_join(clock);
    pb_deadline_end(outer);
    ck_assert_int_eq(pb_spawn(advance, &minute, &clock), PB_OK);
    ck_assert_int_eq(pb_sleep(30 * PB_SECOND), PB_OK);
    pb_join(clock);
}

START_TEST(deadlines_nest_and_end)
{
    in_task(deadlines);
}
END_TEST

static void final_deadline(void)
{
    pb_duration minute = 60 * PB_SECOND;
    pb_task *clock;
    task_set_final_deadline(task_current(), loop_now() + 10 * PB_SECOND);
    ck_assert_int_eq(pb_spawn(advance, &minute, &clock), PB_OK);
    ck_assert_int_eq(pb_sleep(1000 * PB_SECOND), PB_CANCELLED);
    ck_assert_str_eq(pb_error_last()->sentence.data, "the turn took longer than is allowed");
    pb_join(clock);
}

START_TEST(the_final_deadline_cancels)
{
    in_task(final_deadline);
}
END_TEST

static pb_status write_something(void *arg)
{
    (void)arg;
    ck_assert(!pb_cancelled());
    ck_assert_int_eq(pb_sleep(0), PB_OK);
    pb_fail(PB_NOT_FOUND, "handled");
    return PB_OK;
}

static pb_status outlast(void *arg)
{
    pb_duration *long_time = arg;
    pb_task *clock;
    ck_assert_int_eq(pb_spawn(advance, long_time, &clock), PB_OK);
    pb_status status = pb_sleep(1000 * PB_SECOND);
    pb_join(clock);
    return status;
}

static void shielded(void)
{
    pb_duration minute = 60 * PB_SECOND;
    task_cancel(task_current(), "stop");
    ck_assert_int_eq(pb_sleep(0), PB_CANCELLED);
    ck_assert_int_eq(pb_shield(write_something, NULL), PB_OK);
    ck_assert_int_eq(pb_error_last()->status, PB_CANCELLED);
    ck_assert_str_eq(pb_error_last()->sentence.data, "stop");
    ck_assert_int_eq(pb_shield(outlast, &minute), PB_TIMEOUT); /* its own limit */
    ck_assert_int_eq(pb_sleep(0), PB_CANCELLED);
}

START_TEST(a_shield_masks_cancellation_under_its_own_limit)
{
    in_task(shielded);
}
END_TEST

static pthread_t loop_thread;

static pb_status on_thread(void *arg)
{
    ck_assert(!pthread_equal(pthread_self(), loop_thread));
    ck_assert_ptr_null(task_current());
    ck_assert_ptr_null(scope_current());
    *(int *)arg = 7;
    return PB_UNPROCESSABLE;
}

static void offloaded(void)
{
    int answer = 0;
    loop_thread = pthread_self();
    ck_assert_int_eq(pb_offload(on_thread, &answer), PB_UNPROCESSABLE);
    ck_assert_int_eq(answer, 7);
}

START_TEST(offload_runs_on_another_thread)
{
    in_task(offloaded);
}
END_TEST

static void deep(void *arg)
{
    volatile char room[512 * 1024]; /* more than a task's stack */
    memset((void *)room, 1, sizeof room);
    *(int *)arg = room[1000];
}

static void on_scratch(void)
{
    int reached = 0;
    task_on_scratch(deep, &reached);
    ck_assert_int_eq(reached, 1);
    ck_assert_int_eq(pb_sleep(0), PB_OK);
}

START_TEST(deep_work_fits_the_scratch_stack)
{
    in_task(on_scratch);
}
END_TEST

static void at_the_limit(void)
{
    struct task_limits few = {.tasks = 3};
    pb_task *a, *b, *c;
    task_limits_set(&few);
    ck_assert_int_eq(pb_spawn(say, "a", &a), PB_OK);
    ck_assert_int_eq(pb_spawn(say, "b", &b), PB_OK);
    ck_assert_int_eq(pb_spawn(say, "c", &c), PB_UNAVAILABLE);
    pb_join(a);
    pb_join(b);
    few.tasks = 16000;
    task_limits_set(&few);
}

START_TEST(no_more_tasks_than_the_limit)
{
    in_task(at_the_limit);
}
END_TEST

static pb_status allocate(void *arg)
{
    pb_scope *scope = pb_scope_begin();
    for (int i = 0; i < 100; i++)
        memset(pb_alloc(1000), (int)(intptr_t)arg, 1000);
    pb_scope_end(scope);
    return pb_sleep(0);
}

static void thousand(void)
{
    static pb_task *tasks[1000];
    for (intptr_t i = 0; i < 1000; i++)
        ck_assert_int_eq(pb_spawn(allocate, (void *)i, &tasks[i]), PB_OK);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
}

START_TEST(a_thousand_tasks_at_once)
{
    in_task(thousand);
}
END_TEST

static pb_status waits_for_ever(void *arg)
{
    pb_task *grandchild;
    ck_assert_int_eq(pb_spawn(say, arg, &grandchild), PB_OK); /* and leaves it behind */
    pb_status status = pb_sleep(PB_SECOND * 3600);
    strcat(order, status == PB_CANCELLED ? "c" : "?");
    return pb_fail(PB_CONFLICT, "nobody wants to know");
}

static void leaves_tasks(void)
{
    pb_task *mine, *lost;
    order[0] = 0;
    ck_assert_int_eq(pb_spawn(say, "m", &mine), PB_OK);
    uint64_t before = task_spawned();
    ck_assert_uint_eq(task_end_left(before), 0);
    ck_assert_int_eq(pb_spawn(waits_for_ever, "g", &lost), PB_OK);
    ck_assert_int_eq(pb_spawn(say, "l", &lost), PB_OK);
    ck_assert_int_eq(pb_sleep(0), PB_OK);
    (void)pb_fail(PB_TIMEOUT, "of before");
    ck_assert_uint_eq(task_end_left(before), 2);
    ck_assert_str_eq(pb_error_last()->sentence.data, "of before");
    ck_assert_ptr_nonnull(strchr(order, 'c'));
    ck_assert_uint_eq(task_count(), 2); /* this one and mine: the grandchild is gone too */
    ck_assert_int_eq(pb_join(mine), PB_OK);
}

START_TEST(nobody_outlives_what_spawned_it)
{
    in_task(leaves_tasks);
}
END_TEST

int main(void)
{
    return suite_run("task", (const TTest *const[]){
                                 spawned_tasks_take_turns, join_returns_status_and_error,
                                 cancelling_is_final_and_inherited, deadlines_nest_and_end,
                                 the_final_deadline_cancels,
                                 a_shield_masks_cancellation_under_its_own_limit,
                                 offload_runs_on_another_thread, deep_work_fits_the_scratch_stack,
                                 no_more_tasks_than_the_limit, a_thousand_tasks_at_once,
                                 nobody_outlives_what_spawned_it, NULL});
}
