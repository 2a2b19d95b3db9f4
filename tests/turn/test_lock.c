/* pb_lock: one at a time, in order, and who leaves the line leaves no gap. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/lock.h>

enum { TASKS = 5 };

static pb_lock lock;
static char order[TASKS + 1];
static int inside;

static pb_status use(void *arg)
{
    pb_status status = pb_lock_take(&lock);

    if (status != PB_OK)
        return status;
    ck_assert_int_eq(++inside, 1);
    order[strlen(order)] = *(const char *)arg;
    status = pb_sleep(PB_SECOND);
    inside--;
    pb_lock_give(&lock);
    return status;
}

/* The tasks of `leave` are cancelled once all wait; `at` after which time. */
static pb_status run(void *arg)
{
    static const char names[TASKS] = "abcde";
    const char *leave = arg;
    pb_task *tasks[TASKS];

    order[0] = '\0';
    memset(order, 0, sizeof order);
    for (size_t i = 0; i < TASKS; i++)
        ck_assert_int_eq(pb_spawn(use, (void *)(uintptr_t)&names[i], &tasks[i]), PB_OK);
    (void)pb_sleep(PB_SECOND / 2);
    for (size_t i = 0; i < TASKS; i++)
        if (strchr(leave, names[i]))
            pb_task_cancel(tasks[i]);
    for (size_t i = 0; i < TASKS; i++)
        ck_assert_int_eq(pb_join(tasks[i]), strchr(leave, names[i]) ? PB_CANCELLED : PB_OK);
    ck_assert(!lock.held && !lock.first && !lock.last);
    return PB_OK;
}

static void gives(const char *leave, const char *expected)
{
    pb_harness *harness = pb_harness_new("{}", &pb_plugin_scripted);

    ck_assert_int_eq(pb_harness_run(harness, run, (void *)(uintptr_t)leave, NULL), PB_OK);
    ck_assert_str_eq(order, expected);
    pb_harness_free(harness);
}

START_TEST(in_order)
{
    gives("", "abcde");
}
END_TEST

START_TEST(first_in_line_leaves)
{
    gives("b", "acde");
}
END_TEST

START_TEST(last_in_line_leaves)
{
    gives("e", "abcd");
}
END_TEST

START_TEST(holder_and_next_leave_at_once)
{
    gives("ab", "acde");
}
END_TEST

START_TEST(all_leave)
{
    gives("abcde", "a");
}
END_TEST

int main(void)
{
    return suite_run("lock", (const TTest *const[]){in_order, first_in_line_leaves, last_in_line_leaves,
                                                    holder_and_next_leave_at_once, all_leave, NULL});
}
