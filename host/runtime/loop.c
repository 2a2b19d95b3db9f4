/* loop.c - see loop.h. A round is: ready tasks, deferred work, timers, poll. */
#include "runtime/loop.h"

#include "base/time.h"
#include "runtime/task.h"
#include <patchbay/memory.h>
#include <pthread.h>
#include <stdlib.h>

enum { ROUNDS_BEFORE_POLL = 8 };

struct posted {
    struct posted *next;
    void (*fn)(void *arg);
    void *arg;
};

static struct {
    uv_loop_t uv;
    uv_async_t async;
    uv_timer_t tick;       /* wakes the poll for the earliest timer */
    pb_duration tick_due;  /* what it is armed for; 0: not armed */
    struct list_link deferred;
    pthread_mutex_t mutex; /* guards posted */
    struct posted *posted, **posted_end;
    pb_duration now;       /* 0: not read in this round */
    pb_duration began;     /* first reading of this round */
    pb_duration longest;
    bool stop;
} loop = {.mutex = PTHREAD_MUTEX_INITIALIZER};

uv_loop_t *loop_uv(void)
{
    return &loop.uv;
}

pb_duration loop_now(void)
{
    if (!loop.now) {
        loop.now = host_monotonic();
        if (!loop.began)
            loop.began = loop.now;
    }
    return loop.now;
}

pb_duration loop_refresh(void)
{
    loop.now = 0;
    return loop_now();
}

void loop_clock_advance(pb_duration by)
{
    time_advance(by);
    loop.now = 0;
    loop.tick_due = 0; /* the tick is armed for the clock as it was */
}

void loop_defer(struct loop_work *work)
{
    if (list_empty(&work->link))
        list_append(&loop.deferred, &work->link);
}

static void run_posted(uv_async_t *async)
{
    (void)async;
    pthread_mutex_lock(&loop.mutex);
    struct posted *posted = loop.posted;
    loop.posted = NULL;
    loop.posted_end = &loop.posted;
    pthread_mutex_unlock(&loop.mutex);
    while (posted) {
        struct posted *next = posted->next;
        posted->fn(posted->arg);
        free(posted);
        posted = next;
    }
}

void loop_post(void (*fn)(void *arg), void *arg)
{
    struct posted *posted = malloc(sizeof *posted);

    if (!posted)
        abort(); /* somebody waits for this: losing it would hang them */
    *posted = (struct posted){NULL, fn, arg};
    pthread_mutex_lock(&loop.mutex);
    *loop.posted_end = posted;
    loop.posted_end = &posted->next;
    pthread_mutex_unlock(&loop.mutex);
    uv_async_send(&loop.async);
}

/* It may come before libuv polls: then polling must not wait, nothing else is armed yet. */
static void ticked(uv_timer_t *tick)
{
    (void)tick;
    loop.tick_due = 0;
    uv_stop(&loop.uv);
}

/* Arms libuv's timer for the earliest of ours. A tick that comes too early only costs a round. */
static void arm_tick(void)
{
    pb_duration next = timer_next();

    if (!next || (loop.tick_due && loop.tick_due <= next))
        return;
    pb_duration wait = next - loop_now();
    uint64_t ms = wait > 0 ? (uint64_t)(wait / PB_MILLISECOND) + 1 : 0;
    uv_update_time(&loop.uv);
    uv_timer_start(&loop.tick, ticked, ms, 0);
    loop.tick_due = next;
}

static void run_deferred(void)
{
    struct list_link *link;
    while ((link = list_pop(&loop.deferred))) {
        struct loop_work *work = list_entry(link, struct loop_work, link);
        work->run(work);
    }
}

static void note_hold(void)
{
    if (loop.began) {
        pb_duration hold = host_monotonic() - loop.began;
        if (hold > loop.longest)
            loop.longest = hold;
    }
    loop.began = 0;
    loop.now = 0;
}

pb_duration loop_longest_hold(void)
{
    pb_duration longest = loop.longest;
    loop.longest = 0;
    return longest;
}

void loop_run(void)
{
    loop.stop = false;
    while (!loop.stop) {
        bool more = true;
        for (int i = 0; more && i < ROUNDS_BEFORE_POLL; i++) {
            if (timer_next())
                timer_run(loop_now());
            more = task_run_ready();
            run_deferred();
            more = more || task_any_ready();
        }
        if (loop.stop)
            break;
        arm_tick();
        note_hold();
        uv_run(&loop.uv, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
}

void loop_stop(void)
{
    loop.stop = true;
    uv_stop(&loop.uv);
}

pb_status loop_init(void)
{
    list_init(&loop.deferred);
    loop.posted_end = &loop.posted;
    loop.posted = NULL;
    loop.tick_due = 0;
    int error = uv_loop_init(&loop.uv);
    if (!error)
        error = uv_async_init(&loop.uv, &loop.async, run_posted);
    if (!error)
        error = uv_timer_init(&loop.uv, &loop.tick);
    if (error)
        return pb_fail(PB_INTERNAL, "the event loop cannot be set up: %s", uv_strerror(error));
    task_init();
    return PB_OK;
}

void loop_fini(void)
{
    offload_fini();
    run_posted(&loop.async);
    task_fini();
    uv_close((uv_handle_t *)&loop.async, NULL);
    uv_close((uv_handle_t *)&loop.tick, NULL);
    while (uv_run(&loop.uv, UV_RUN_NOWAIT))
        ;
    uv_loop_close(&loop.uv);
    timer_fini();
}
