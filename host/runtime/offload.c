/* offload.c - helper threads that run what must not hold the loop. Their own queue, not libuv's four
 * threads. Threads start when there is work for them and stay. */
#include "runtime/task_internal.h"

#include <patchbay/memory.h>
#include <pthread.h>
#include <signal.h>

struct job {
    struct list_link link; /* in the queue until a thread takes it */
    pb_status (*fn)(void *arg);
    void *arg;
    struct pb_task *task;
    struct waiter waiter;
    pb_status result;
    bool taken; /* under the mutex */
};

enum { THREADS_MOST = 64, STACK = 512 * 1024 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct list_link queue;
    pthread_t threads[THREADS_MOST];
    size_t count, idle;
    size_t pending; /* tasks that wait for their work; the loop's thread only */
    bool set_up, stop;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local struct job *running;

bool offload_here(void)
{
    return running != NULL;
}

bool offload_cancelled(void)
{
    return task_is_cancelled(running->task);
}

const struct task_work *offload_work(void)
{
    return running ? &running->task->locals.work : NULL;
}

static void done(void *arg)
{
    struct job *job = arg;
    waiter_wake(&job->waiter);
}

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&pool.mutex);
    for (;;) {
        struct list_link *link;
        while (!(link = list_pop(&pool.queue)) && !pool.stop) {
            pool.idle++;
            pthread_cond_wait(&pool.wake, &pool.mutex);
            pool.idle--;
        }
        if (!link)
            break;
        struct job *job = list_entry(link, struct job, link);
        job->taken = true;
        pthread_mutex_unlock(&pool.mutex);
        running = job;
        job->result = job->fn(job->arg);
        running = NULL;
        loop_post(done, job);
        pthread_mutex_lock(&pool.mutex);
    }
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

/* Under the mutex. A thread that cannot be started is no failure while another one runs. */
static bool start_thread(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    pthread_attr_t attributes;
    sigset_t all, before;
    int64_t most = task_limits_now.offload_threads;

    if (most > THREADS_MOST)
        most = THREADS_MOST;
    if ((int64_t)pool.count >= most)
        return true;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigdelset(&all, crashes[i]); /* crash.c writes down whose work this was */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    bool ok = pthread_create(&pool.threads[pool.count], &attributes, serve, NULL) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool.count += ok;
    return pool.count > 0;
}

/* Takes a job back that no thread has begun. */
static bool take_back(struct job *job)
{
    pthread_mutex_lock(&pool.mutex);
    bool mine = !job->taken;
    if (mine)
        list_remove(&job->link);
    pthread_mutex_unlock(&pool.mutex);
    return mine;
}

pb_status offload_run(pb_status (*fn)(void *arg), void *arg)
{
    struct job job = {.fn = fn, .arg = arg, .task = task_current()};

    list_init(&job.link);
    pthread_mutex_lock(&pool.mutex);
    if (!pool.set_up) {
        list_init(&pool.queue);
        pool.set_up = true;
    }
    if (pool.idle == 0 && !start_thread()) {
        pthread_mutex_unlock(&pool.mutex);
        return pb_fail(PB_UNAVAILABLE, "no helper thread can be started");
    }
    list_append(&pool.queue, &job.link);
    pthread_cond_signal(&pool.wake);
    pthread_mutex_unlock(&pool.mutex);

    pool.pending++;
    pb_status status = task_wait_for(&job.waiter, task_limits_now.offload_queue);
    if (status != PB_OK && take_back(&job)) {
        pool.pending--;
        if (status == PB_TIMEOUT && host_error()->status != PB_TIMEOUT)
            return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "all helper threads are busy");
        return status;
    }
    task_wait_always(&job.waiter); /* a running function cannot be interrupted */
    pool.pending--;
    if (status != PB_OK && job.result != status) /* what the function says counts */
        pb_error_clear();
    return job.result;
}

size_t offload_pending(void)
{
    return pool.pending;
}

void offload_fini(void)
{
    pthread_mutex_lock(&pool.mutex);
    pool.stop = true;
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.mutex);
    for (size_t i = 0; i < pool.count; i++)
        pthread_join(pool.threads[i], NULL);
    pool.count = pool.idle = 0;
    pool.stop = false;
}
