/* Signals: tasks that wait for threads which are not the host's. The threads here are real; nobody
 * waits for a clock. */
#include "base/scope.h"
#include "runtime/task.h"

#include "suite.h"
#include <pthread.h>
#include <stdlib.h>

static int left; /* root tasks that have not ended */

static void run_root(void *arg)
{
    void (**fn)(void) = arg;

    (*fn)();
    if (--left == 0)
        loop_stop();
}

/* Runs fn as `count` tasks until they have ended. */
static void in_tasks(void (*fn)(void), int count)
{
    ck_assert_int_eq(loop_init(), PB_OK);
    left = count;
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(task_start(run_root, &fn, NULL), PB_OK);
    loop_run();
    ck_assert_uint_eq(task_count(), 0);
    ck_assert_uint_eq(signal_pending(), 0);
    loop_fini();
}

static void *raise_one(void *arg)
{
    pb_signal *signal = arg;

    pb_signal_raise(&signal, 1);
    return NULL;
}

static pthread_t raise_on_thread(pb_signal *signal)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, raise_one, signal), 0);
    return thread;
}

static void again_and_again(void)
{
    pb_signal *signal = pb_signal_new();

    for (int i = 0; i < 100; i++) {
        pthread_t thread = raise_on_thread(signal);
        if (i % 2)
            pthread_join(thread, NULL); /* raised before anybody waits */
        ck_assert_int_eq(pb_signal_wait(signal), PB_OK);
        if (i % 2 == 0)
            pthread_join(thread, NULL);
    }
}

START_TEST(a_thread_ends_the_wait)
{
    in_tasks(again_and_again, 1);
}
END_TEST

static void cancelled(void)
{
    pb_signal *signal = pb_signal_new();

    task_cancel(task_current(), "the test wants it");
    ck_assert_int_eq(pb_signal_wait(signal), PB_CANCELLED);
    pthread_t thread = raise_on_thread(signal);
    pb_signal_wait_always(signal);
    pthread_join(thread, NULL);
    task_cancel_clear(task_current());
    int64_t deadline = pb_deadline_begin(50 * PB_SECOND);
    loop_clock_advance(60 * PB_SECOND);
    ck_assert_int_eq(pb_signal_wait(signal), PB_TIMEOUT);
    thread = raise_on_thread(signal);
    pb_signal_wait_always(signal);
    pb_deadline_end(deadline);
    pthread_join(thread, NULL);
}

START_TEST(who_is_told_to_end_goes_on_waiting)
{
    in_tasks(cancelled, 1);
}
END_TEST

/* One thread answers all who wait, a few at a time; several such threads at once. */
enum { THREADS = 4, TASKS = 64, ROUNDS = 200 };

static struct desk {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pb_signal *waiting[TASKS];
    size_t count;
    bool stop;
} desks[THREADS];

static int answers, same;
static const pb_task *last;

static void *serve(void *arg)
{
    struct desk *desk = arg;
    pb_signal *taken[TASKS];

    pthread_mutex_lock(&desk->mutex);
    while (!desk->stop) {
        size_t count = desk->count;
        memcpy(taken, desk->waiting, count * sizeof taken[0]);
        desk->count = 0;
        pthread_mutex_unlock(&desk->mutex);
        pb_signal_raise(taken, count);
        pthread_mutex_lock(&desk->mutex);
        while (!desk->stop && !desk->count)
            pthread_cond_wait(&desk->wake, &desk->mutex);
    }
    pthread_mutex_unlock(&desk->mutex);
    return NULL;
}

static void ask(void)
{
    pb_signal *signal = pb_signal_new();

    same += pb_task_running() == last;
    last = pb_task_running();
    ck_assert_ptr_eq(pb_task_running(), task_current());
    for (int i = 0; i < ROUNDS; i++) {
        struct desk *desk = &desks[(i + left) % THREADS];
        pthread_mutex_lock(&desk->mutex);
        desk->waiting[desk->count++] = signal;
        pthread_cond_signal(&desk->wake);
        pthread_mutex_unlock(&desk->mutex);
        ck_assert_int_eq(pb_signal_wait(signal), PB_OK);
        answers++;
    }
}

START_TEST(threads_that_serve_many)
{
    pthread_t threads[THREADS];

    answers = same = 0;
    for (int i = 0; i < THREADS; i++) {
        desks[i] =
            (struct desk){.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &desks[i]), 0);
    }
    in_tasks(ask, TASKS);
    ck_assert_int_eq(answers, TASKS * ROUNDS);
    ck_assert_int_eq(same, 0); /* each task is another one */
    ck_assert_ptr_null(pb_task_running());
    for (int i = 0; i < THREADS; i++) {
        pthread_mutex_lock(&desks[i].mutex);
        desks[i].stop = true;
        pthread_cond_signal(&desks[i].wake);
        pthread_mutex_unlock(&desks[i].mutex);
        pthread_join(threads[i], NULL);
    }
}
END_TEST

int main(void)
{
    return suite_run("signal", (const TTest *const[]){a_thread_ends_the_wait,
                                                      who_is_told_to_end_goes_on_waiting,
                                                      threads_that_serve_many, NULL});
}
