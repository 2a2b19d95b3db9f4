/* hold.c - see hold.h. */
#include "runtime/hold.h"

#include "base/time.h"
#include "runtime/task.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES = 48 };

static struct {
    pthread_t thread;
    pid_t id;
    void (*seen)(void *const *frames, int count, bool outside);
} loop;

static void on_signal(int number, siginfo_t *info, void *context)
{
    int before = errno;
    void *frames[FRAMES];

    (void)context;
    if (!pthread_equal(pthread_self(), loop.thread)) { /* the kernel took any of our threads */
        (void)pthread_kill(loop.thread, number);
    } else if (atomic_load_explicit(&task_note->running, memory_order_relaxed)) {
        int count = backtrace(frames, FRAMES);
        loop.seen(frames, count, info->si_code == SI_USER && info->si_pid != getpid());
    }
    errno = before;
}

void hold_watch(void (*seen)(void *const *frames, int count, bool outside))
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    void *first[1];

    loop.thread = pthread_self();
    loop.id = (pid_t)syscall(SYS_gettid);
    loop.seen = seen;
    (void)backtrace(first, 1); /* the first call allocates */
    sigfillset(&action.sa_mask);
    sigaction(HOLD_SIGNAL, &action, NULL);
}

void hold_ask(void)
{
    (void)pthread_kill(loop.thread, HOLD_SIGNAL);
}

/* --- how it fares ----------------------------------------------------------------------------- */

static pb_duration processor_time(const struct hold_look *look)
{
    struct timespec time = {0};

    clock_gettime(look->clock, &time);
    return time.tv_sec * PB_SECOND + time.tv_nsec;
}

bool hold_look_open(struct hold_look *look)
{
    char path[64];

    *look = (struct hold_look){.stat = -1};
    if (pthread_getcpuclockid(loop.thread, &look->clock) != 0)
        return false;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)loop.id);
    look->stat = open(path, O_RDONLY | O_CLOEXEC);
    look->used = processor_time(look);
    look->now = host_monotonic();
    return look->stat >= 0;
}

void hold_look_close(struct hold_look *look)
{
    if (look->stat >= 0)
        close(look->stat);
    look->stat = -1;
}

static bool sleeps(const struct hold_look *look)
{
    char text[256];
    ssize_t size = pread(look->stat, text, sizeof text - 1, 0);

    text[size > 0 ? size : 0] = 0;
    const char *at = strrchr(text, ')');
    return at && at[1] == ' ' && (at[2] == 'S' || at[2] == 'D');
}

pb_duration hold_look_at(struct hold_look *look)
{
    pb_duration used = processor_time(look), now = host_monotonic();
    pb_duration computed = used - look->used, passed = now - look->now;

    look->used = used;
    look->now = now;
    return sleeps(look) ? passed : computed;
}
