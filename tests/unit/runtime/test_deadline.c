/* Deadlines: nested, ended out of order, by a spawned task, under a shield. Time is the loop's own,
 * moved by hand.
 */
#include "base/scope.h"
#include "runtime/task.h"

#include "suite.h"
#include <patchbay/memory.h>
#include <stdlib.h>

static void run_root(void *arg)
{
    void (*const *fn)(void) = arg;

    (*fn)();
    loop_stop();
}

/* Runs fn as a task until it ends. */
static void in_task(void (*fn)(void))
{
    ck_assert_int_eq(loop_init(), PB_OK);
    ck_assert_int_eq(task_start(run_root, &fn, NULL), PB_OK);
    loop_run();
    ck_assert_uint_eq(task_count(), 0);
    loop_fini();
}

static pb_status advance(void *by)
{
    loop_clock_advance(*(pb_duration *)by);
    return PB_OK;
}

/* What a call that waits for ever says when `time` passes meanwhile; PB_OK: it still waits then. */
static pb_status after(pb_duration time)
{
    pb_task *clock;

    ck_assert_int_eq(pb_spawn(advance, &time, &clock), PB_OK);
    pb_status status = pb_sleep(time);
    ck_assert_int_eq(pb_join(clock), PB_OK);
    return status;
}

static void both_hold(void)
{
    int64_t outer = pb_deadline_begin(100 * PB_SECOND);
    int64_t inner = pb_deadline_begin(50 * PB_SECOND);

    ck_assert_int_eq(after(49 * PB_SECOND), PB_OK);
    ck_assert_int_eq(after(2 * PB_SECOND), PB_TIMEOUT);
    ck_assert_str_eq(pb_error_last()->sentence.data, "there was no result within the time allowed");
    pb_deadline_end(inner);
    ck_assert_int_eq(after(40 * PB_SECOND), PB_OK);
    ck_assert_int_eq(after(20 * PB_SECOND), PB_TIMEOUT);
    pb_deadline_end(outer);
    ck_assert_int_eq(after(1000 * PB_SECOND), PB_OK);
}

START_TEST(both_of_two_hold)
{
    in_task(both_hold);
}
END_TEST

static void later_inner(void)
{
    int64_t outer = pb_deadline_begin(10 * PB_SECOND);
    int64_t inner = pb_deadline_begin(50 * PB_SECOND);

    ck_assert_int_eq(after(11 * PB_SECOND), PB_TIMEOUT);
    pb_deadline_end(inner);
    ck_assert_int_eq(pb_sleep(0), PB_TIMEOUT);
    pb_deadline_end(outer);
    ck_assert_int_eq(pb_sleep(0), PB_OK);
}

START_TEST(a_later_one_inside_gives_no_more_time)
{
    in_task(later_inner);
}
END_TEST

static void outer_first(void)
{
    int64_t outer = pb_deadline_begin(20 * PB_SECOND);
    int64_t inner = pb_deadline_begin(50 * PB_SECOND);

    pb_deadline_end(outer); /* from a sink inside of what it limits */
    ck_assert_int_eq(after(40 * PB_SECOND), PB_OK);
    ck_assert_int_eq(after(11 * PB_SECOND), PB_TIMEOUT); /* the inner one is still there */
    pb_deadline_end(inner);
    ck_assert_int_eq(after(1000 * PB_SECOND), PB_OK); /* and the outer one does not come back */
    pb_deadline_end(outer);
    pb_deadline_end(inner);
    ck_assert_int_eq(after(1000 * PB_SECOND), PB_OK);
}

START_TEST(the_outer_one_may_end_first)
{
    in_task(outer_first);
}
END_TEST

static void begun_in_a_sink(void)
{
    int64_t outer = pb_deadline_begin(20 * PB_SECOND);
    int64_t middle = pb_deadline_begin(30 * PB_SECOND);

    pb_deadline_end(outer);
    int64_t inner = pb_deadline_begin(10 * PB_SECOND);
    pb_deadline_end(middle);
    ck_assert_int_eq(after(11 * PB_SECOND), PB_TIMEOUT);
    pb_deadline_end(inner);
    ck_assert_int_eq(after(1000 * PB_SECOND), PB_OK);
}

START_TEST(any_order_will_do)
{
    in_task(begun_in_a_sink);
}
END_TEST

/* --- spawned tasks ---------------------------------------------------------------------------- */

struct child {
    int64_t ends;       /* a deadline that it ends, or 0 */
    pb_duration begins; /* a limit that it sets itself and leaves, or 0 */
    pb_duration sleeps;
};

static pb_status child_run(void *arg)
{
    const struct child *child = arg;

    if (child->ends)
        pb_deadline_end(child->ends);
    if (child->begins)
        (void)pb_deadline_begin(child->begins);
    return pb_sleep(child->sleeps);
}

static void child_ends_it(void)
{
    int64_t outer = pb_deadline_begin(10 * PB_SECOND);
    struct child waits = {.sleeps = 30 * PB_SECOND};
    struct child ends = {.ends = outer, .sleeps = 30 * PB_SECOND};
    pb_task *a, *b;

    ck_assert_int_eq(pb_spawn(child_run, &waits, &a), PB_OK);
    ck_assert_int_eq(pb_sleep(0), PB_OK); /* it waits already, its timer is set */
    ck_assert_int_eq(pb_spawn(child_run, &ends, &b), PB_OK);
    ck_assert_int_eq(after(20 * PB_SECOND), PB_OK);
    ck_assert_int_eq(after(20 * PB_SECOND), PB_OK);
    ck_assert_int_eq(pb_join(a), PB_OK);
    ck_assert_int_eq(pb_join(b), PB_OK);
    pb_deadline_end(outer);
}

START_TEST(a_spawned_task_ends_it_for_all)
{
    in_task(child_ends_it);
}
END_TEST

static void children_are_held(void)
{
    struct child early = {.sleeps = 30 * PB_SECOND};
    struct child late = {.sleeps = 30 * PB_SECOND};
    struct child strict = {.begins = 5 * PB_SECOND, .sleeps = 30 * PB_SECOND};
    pb_task *a, *b, *c;

    ck_assert_int_eq(pb_spawn(child_run, &early, &a), PB_OK);
    int64_t deadline = pb_deadline_begin(10 * PB_SECOND);
    ck_assert_int_eq(pb_spawn(child_run, &late, &b), PB_OK);
    ck_assert_int_eq(pb_spawn(child_run, &strict, &c), PB_OK);
    ck_assert_int_eq(after(6 * PB_SECOND), PB_OK); /* a child's limit is its own */
    ck_assert_int_eq(pb_join(c), PB_TIMEOUT);
    ck_assert_int_eq(after(6 * PB_SECOND), PB_TIMEOUT);
    ck_assert_int_eq(pb_join(b), PB_TIMEOUT); /* spawned under it */
    pb_deadline_end(deadline);
    ck_assert_int_eq(after(20 * PB_SECOND), PB_OK);
    ck_assert_int_eq(pb_join(a), PB_OK); /* spawned before */
}

START_TEST(it_holds_what_is_spawned_under_it)
{
    in_task(children_are_held);
}
END_TEST

static void outlived(void)
{
    struct child child = {.sleeps = 30 * PB_SECOND};
    pb_task *task;
    int64_t deadline = pb_deadline_begin(10 * PB_SECOND);

    ck_assert_int_eq(pb_spawn(child_run, &child, &task), PB_OK);
    pb_deadline_end(deadline); /* the child may still look at it */
    ck_assert_int_eq(after(31 * PB_SECOND), PB_OK);
    ck_assert_int_eq(pb_join(task), PB_OK);
    (void)pb_deadline_begin(PB_SECOND); /* left: gone with its task */
}

START_TEST(a_spawned_task_may_outlive_it)
{
    in_task(outlived);
}
END_TEST

/* --- shields ---------------------------------------------------------------------------------- */

static pb_status clean_up(void *arg)
{
    (void)arg;
    ck_assert_int_eq(after(PB_SECOND), PB_OK);
    int64_t strict = pb_deadline_begin(PB_SECOND);
    ck_assert_int_eq(after(2 * PB_SECOND), PB_TIMEOUT);
    pb_deadline_end(strict);
    ck_assert_int_eq(pb_sleep(0), PB_OK);
    ck_assert_int_eq(after(3 * PB_SECOND), PB_TIMEOUT); /* limits.cleanup: 5 s in all */
    return PB_OK;
}

static pb_status clean_up_twice(void *arg)
{
    ck_assert_int_eq(after(3 * PB_SECOND), PB_OK);
    (void)arg;
    pb_duration begun = pb_monotonic();
    while (pb_shield(advance, &(pb_duration){PB_SECOND}) == PB_OK && pb_sleep(1) == PB_OK)
        ;
    ck_assert_int_le(pb_monotonic() - begun, 4 * PB_SECOND); /* an inner shield adds no time */
    return PB_OK;
}

static void shielded(void)
{
    int64_t passed = pb_deadline_begin(PB_SECOND);

    ck_assert_int_eq(after(2 * PB_SECOND), PB_TIMEOUT);
    ck_assert_int_eq(pb_shield(clean_up, NULL), PB_OK);
    ck_assert_int_eq(pb_shield(clean_up_twice, NULL), PB_OK);
    ck_assert_int_eq(pb_sleep(0), PB_TIMEOUT);
    pb_deadline_end(passed);
    ck_assert_int_eq(pb_sleep(0), PB_OK);
}

START_TEST(a_shield_hides_those_outside)
{
    in_task(shielded);
}
END_TEST

int main(void)
{
    return suite_run(
        "deadline",
        (const TTest *const[]){both_of_two_hold, a_later_one_inside_gives_no_more_time,
                               the_outer_one_may_end_first, any_order_will_do,
                               a_spawned_task_ends_it_for_all, it_holds_what_is_spawned_under_it,
                               a_spawned_task_may_outlive_it, a_shield_hides_those_outside, NULL});
}
