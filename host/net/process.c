/* process.c - a program of this machine, run once: the task that follows it to its end.
 *
 * Its input is a sealed file in memory, so nothing has to be fed to it. An epoll descriptor of its
 * own watches both outputs and its end; the loop watches that one.
 */
#include "net/process.h"

#include "base/scope.h"
#include "runtime/task.h"
#include <errno.h>
#include <patchbay/log.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, COMPLAINT = 4096, OUTPUT = 16 << 20 };

struct child {
    struct process_start start;
    uv_poll_t poll; /* of `events`; this struct is freed when it is closed */
    int events;
    struct waiter *waiter; /* the task, while it waits */
    char *output;          /* from malloc */
    size_t size, room, most;
    char complaint[COMPLAINT];
    size_t complaint_size;
    int open; /* of the two outputs */
    bool gone, too_much, no_memory;
};

static size_t pending;

size_t process_pending(void)
{
    return pending;
}

/* --- what it writes --------------------------------------------------------------------------- */

static bool make_room(struct child *child)
{
    if (child->room - child->size >= PIECE)
        return true;
    size_t room = child->room ? child->room * 2 : 2 * (size_t)PIECE;
    char *output = realloc(child->output, room);
    if (!output) {
        child->no_memory = true;
        return false;
    }
    child->output = output;
    child->room = room;
    return true;
}

/* Takes what is there. False at the end of it. */
static bool take_output(struct child *child)
{
    while (!child->too_much && make_room(child)) {
        ssize_t size = read(child->start.output, child->output + child->size, PIECE);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size < 0 && errno == EAGAIN;
        child->size += (size_t)size;
        child->too_much = child->size > child->most;
        if (size < PIECE)
            return true; /* what is left wakes us again; others may run first */
    }
    return true;
}

static bool take_complaint(struct child *child)
{
    char rest[4096];

    for (;;) {
        ssize_t size = read(child->start.complaint, rest, sizeof rest);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size < 0 && errno == EAGAIN;
        size_t kept = COMPLAINT - child->complaint_size;
        if (kept > (size_t)size)
            kept = (size_t)size;
        memcpy(child->complaint + child->complaint_size, rest, kept);
        child->complaint_size += kept;
        if (size < (ssize_t)sizeof rest)
            return true;
    }
}

/* --- following it ----------------------------------------------------------------------------- */

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct child *child = list_entry(poll, struct child, poll);

    (void)status, (void)events;
    uv_poll_stop(poll); /* until the task has looked */
    if (child->waiter)
        waiter_wake(child->waiter);
}

static void look(struct child *child)
{
    struct epoll_event events[3];
    int count = epoll_wait(child->events, events, 3, 0);

    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == child->start.gone)
            child->gone = true;
        else if (!(fd == child->start.output ? take_output(child) : take_complaint(child)))
            epoll_ctl(child->events, EPOLL_CTL_DEL, fd, NULL), child->open--;
    }
}

/* Parks until something of it can be read or the wait failed. `always`: it was killed already. */
static pb_status park(struct child *child, pb_duration due, bool always)
{
    struct waiter waiter = {.task = task_current()};
    pb_status status = PB_OK;

    child->waiter = &waiter;
    uv_poll_start(&child->poll, UV_READABLE, on_event);
    if (always)
        task_wait_always(&waiter);
    else
        status = task_wait_for(&waiter, due > loop_now() ? due - loop_now() : 1);
    child->waiter = NULL;
    uv_poll_stop(&child->poll);
    return status;
}

/* Until it has ended and said all, or a limit is reached. What a child of it still holds open is
 * not waited for. PB_TIMEOUT without an error: its time is up. */
static pb_status follow(struct child *child)
{
    pb_duration due = loop_now() + child->start.time;

    for (;;) {
        look(child);
        if (child->too_much || child->no_memory || child->gone)
            break;
        pb_status status = park(child, due, false);
        if (status != PB_OK)
            return status;
    }
    if (child->gone && !child->too_much && !child->no_memory) {
        size_t before;
        kill(-child->start.pid, SIGKILL); /* what it left behind says no more */
        do {                              /* what lies in the pipe */
            before = child->size;
            look(child);
        } while (child->size != before && !child->too_much && !child->no_memory &&
                 pb_step() == PB_OK);
    }
    return PB_OK;
}

/* Kills what is left of it and takes its status. */
static int end(struct child *child)
{
    int status = 0;

    kill(-child->start.pid, SIGKILL);
    kill(child->start.pid, SIGKILL);
    while (waitpid(child->start.pid, &status, WNOHANG) == 0)
        (void)park(child, 0, true); /* the only descriptor that is left tells its end */
    return status;
}

static void forget(uv_handle_t *poll)
{
    struct child *child = list_entry((uv_poll_t *)(void *)poll, struct child, poll);

    close(child->events); /* libuv has let go of it */
    free(child->output);
    free(child);
}

static void watch(int events, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
}

/* --- what came of it -------------------------------------------------------------------------- */

static pb_status copy_output(const struct child *child, pb_process_result *out)
{
    char *text = pb_alloc(child->size + 1);
    pb_status status = PB_OK;

    if (!text)
        return PB_NO_MEMORY;
    for (size_t at = 0; at < child->size && status == PB_OK; at += PIECE) {
        size_t size = child->size - at < PIECE ? child->size - at : PIECE;
        memcpy(text + at, child->output + at, size);
        status = pb_step();
    }
    out->output = pb_str_make(text, child->size);
    out->complaint = pb_copy(pb_str_make(child->complaint, child->complaint_size));
    return status;
}

static pb_status judge(const struct child *child, pb_status followed, int ended,
                       pb_process_result *out)
{
    const char *name = child->start.spec->argv[0];
    bool cpu = WIFSIGNALED(ended) && WTERMSIG(ended) == SIGXCPU;

    if (followed == PB_TIMEOUT && pb_error_last()->status == PB_TIMEOUT)
        return followed; /* a deadline of the task, not this one */
    if (followed == PB_TIMEOUT || cpu)
        return pb_fail(PB_TIMEOUT, "'%s' did not end within %lld ms", name,
                       (long long)(child->start.time / PB_MILLISECOND));
    if (followed != PB_OK)
        return followed;
    if (child->no_memory)
        return pb_fail(PB_NO_MEMORY, "out of memory for what '%s' prints", name);
    if (child->too_much)
        return pb_fail(PB_TOO_LARGE, "'%s' prints more than %zu bytes", name, child->most);
    out->signal = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
    out->code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return copy_output(child, out);
}

static pb_status run(struct child *child, pb_process_result *out)
{
    watch(child->events, child->start.output);
    watch(child->events, child->start.complaint);
    watch(child->events, child->start.gone);
    pending++;
    pb_status status = follow(child);
    close(child->start.output);
    close(child->start.complaint);
    int ended = end(child);
    pending--;
    close(child->start.gone);
    return judge(child, status, ended, out);
}

static void tell_open(void)
{
    static bool told;

    if (!told)
        pb_log(PB_WARN, "the kernel has no Landlock: programs that read documents have no network "
                        "and cannot write, but may read what this server may read");
    told = true;
}

pb_status host_process_run(const pb_process_spec *spec, pb_process_result *out)
{
    struct child *child = calloc(1, sizeof *child);

    if (!child)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    child->start = (struct process_start){.spec = spec,
                                          .memory = spec->memory ? spec->memory : 512 << 20,
                                          .time = spec->time ? spec->time : 30 * PB_SECOND};
    child->most = spec->max_output ? spec->max_output : OUTPUT;
    pb_error_clear();
    child->events = epoll_create1(EPOLL_CLOEXEC);
    if (child->events < 0 || uv_poll_init(loop_uv(), &child->poll, child->events) != 0) {
        if (child->events >= 0)
            close(child->events);
        free(child);
        return pb_fail(PB_UNAVAILABLE, "'%s' cannot be started: no descriptor is left",
                       spec->argv[0]);
    }
    pb_status status = offload_run(process_start, &child->start);
    if (child->start.pid > 0) { /* also when the task was cancelled meanwhile */
        if (child->start.open)
            tell_open();
        status = run(child, out);
    } else if (child->start.sentence[0]) {
        status = pb_fail(status, "%s", child->start.sentence);
    }
    uv_close((uv_handle_t *)&child->poll, forget);
    return status;
}
