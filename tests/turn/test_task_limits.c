/* What the host's limits change for tasks: how long a shield holds, how many helper threads there are, and how long
 * work waits for one. */
#include "suite.h"
#include "testkit.h"

#include <semaphore.h>

extern const pb_plugin patchbay_plugin_generate;

static pb_harness *harness;

static void open_with(const char *limits)
{
    char yaml[512];

    (void)snprintf(yaml, sizeof yaml,
                   "host: {limits: {%s}}\n"
                   "llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n",
                   limits);
    harness = pb_harness_new(yaml, &patchbay_plugin_generate);
}

/* --- the shield ------------------------------------------------------------------------------- */

static pb_status sleep_long(void *arg)
{
    (void)arg;
    return pb_sleep(3600 * PB_SECOND);
}

static pb_status shield_long(void *arg)
{
    pb_duration begun = pb_monotonic();

    (void)arg;
    ck_assert_int_eq(pb_shield(sleep_long, NULL), PB_TIMEOUT);
    ck_assert_int_eq((pb_monotonic() - begun) / PB_SECOND, 90);
    return PB_OK;
}

START_TEST(a_shield_holds_as_long_as_configured)
{
    open_with("cleanup: 90s");
    ck_assert_int_eq(pb_harness_run(harness, shield_long, NULL, NULL), PB_OK);
    pb_harness_free(harness);
}
END_TEST

/* --- helper threads --------------------------------------------------------------------------- */

static sem_t begun, go_on;

static pb_status block(void *arg)
{
    (void)arg;
    sem_post(&begun);
    sem_wait(&go_on);
    return PB_OK;
}

static pb_status offload_block(void *arg)
{
    return pb_offload(block, arg);
}

static pb_status nothing(void *arg)
{
    (void)arg;
    return PB_OK;
}

/* While *arg helper threads are busy: what becomes of work for one more. */
static pb_status offload_beside(void *arg)
{
    int busy = *(int *)arg;
    pb_task *tasks[8];

    for (int i = 0; i < busy; i++)
        ck_assert_int_eq(pb_spawn(offload_block, NULL, &tasks[i]), PB_OK);
    for (int i = 0; i < busy; i++)
        while (sem_trywait(&begun) != 0)
            ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    int64_t deadline = pb_deadline_begin(3 * PB_SECOND); /* before the default, 5 s */
    pb_status status = pb_offload(nothing, NULL);
    ck_assert_int_eq(pb_sleep(1), PB_OK);
    pb_deadline_end(deadline);
    for (int i = 0; i < busy; i++)
        sem_post(&go_on);
    for (int i = 0; i < busy; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    return status;
}

static void beside(const char *limits, int busy, pb_status status)
{
    sem_init(&begun, 0, 0);
    sem_init(&go_on, 0, 0);
    open_with(limits);
    pb_harness_virtual_time(harness, false);
    ck_assert_int_eq(pb_harness_run(harness, offload_beside, &busy, NULL), status);
    pb_harness_free(harness);
}

START_TEST(work_waits_so_long_for_one_of_so_many)
{
    beside("offload_threads: 2, offload_queue: 50ms", 1, PB_OK);
}
END_TEST

START_TEST(no_more_than_configured)
{
    beside("offload_threads: 2, offload_queue: 50ms", 2, PB_UNAVAILABLE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_shield_holds_as_long_as_configured, work_waits_so_long_for_one_of_so_many,
                                  no_more_than_configured, NULL};

    return suite_run("task limits", tests);
}
