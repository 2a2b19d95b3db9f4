/* supervisor_watch.c - how workers end: noticing it, saying why, ending what they leave behind.
 *
 * A child is looked at before it is reaped, because until then its number is nobody else's. A
 * worker that was taken over is no child of ours; its pidfd tells that it ended.
 */
#include "app/supervisor.h"

#include "base/log.h"
#include "cluster/hub_report.h"
#include <errno.h>
#include <patchbay/log.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const pb_duration patience =
    10 * PB_SECOND; /* beyond a limit that the worker keeps itself */

static struct process *process_of(int32_t pid)
{
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *process = list_entry(at, struct process, link);
        if (process->pid == pid)
            return process;
    }
    return NULL;
}

/* --- ending one ------------------------------------------------------------------------------- */

void process_kill(struct process *process, const char *format, ...)
{
    va_list args;

    if (!process->killed[0]) {
        va_start(args, format);
        vsnprintf(process->killed, sizeof process->killed, format, args);
        va_end(args);
    }
    kill(process->pid, SIGKILL); /* not reaped before we are told: the number is still its own */
}

static void end_over(struct timer *timer)
{
    struct process *process = list_entry(timer, struct process, limit);

    process_kill(process, "it did not end when it was told to");
}

void process_limit(struct process *process, pb_duration limit)
{
    timer_arm(&process->limit, limit + patience, end_over);
}

/* `limit` 0: it may take as long as it wants. */
void process_order(struct process *process, enum hub_order order, pb_duration limit)
{
    enum process_state state = order == HUB_DRAIN ? PROCESS_DRAINING : PROCESS_RETIRING;

    if (process->node)
        hub_order(process->node, order);
    if (process->state < state)
        process->state = state;
    if (limit)
        process_limit(process, limit);
    else
        timer_cancel(&process->limit);
}

/* --- an end ----------------------------------------------------------------------------------- */

static void say_end(const struct process *process, int status, bool known,
                    const struct cause *cause)
{
    bool wanted = process->state >= PROCESS_RETIRING && !process->killed[0] &&
                  (!known || (WIFEXITED(status) && WEXITSTATUS(status) == 0));

    log_worker(process->slot);
    if (wanted)
        pb_log(PB_INFO, "worker %u (pid %d, generation %u) has ended", process->slot,
               (int)process->pid, process->generation->number);
    else if (!process->failed[0])
        pb_log(PB_ERROR, "worker %u (pid %d, generation %u) %s", process->slot, (int)process->pid,
               process->generation->number, cause->text);
    else if (supervisor.current)
        pb_log(PB_ERROR, "worker %u (pid %d, generation %u) could not start: %s", process->slot,
               (int)process->pid, process->generation->number, process->failed);
    log_worker(0);
}

static void on_poll_closed(uv_handle_t *handle)
{
    close((int)(intptr_t)handle->data);
    free(handle);
}

static void release(struct process *process)
{
    uv_os_fd_t fd = -1;

    if (process->pidfd) {
        uv_fileno((uv_handle_t *)process->pidfd, &fd);
        process->pidfd->data = (void *)(intptr_t)fd;
        uv_close((uv_handle_t *)process->pidfd, on_poll_closed);
    }
    timer_cancel(&process->limit);
    list_remove(&process->link);
    free(process);
}

/* `in_hub`: its node is still there, and goes when we say so. */
static void ended(struct process *process, int status, bool known, bool in_hub)
{
    struct cause cause;

    if (process->node && in_hub)
        hub_worker_hear(process->node);
    cause_find(process, status, known, &cause);
    say_end(process, status, known, &cause);
    if (process->served)
        quarantine_note(process, &cause);
    if (!process->failed[0] && process->state == PROCESS_STARTING)
        (void)snprintf(process->failed, sizeof process->failed, "worker %u %.450s while it started",
                       process->slot, cause.text);
    else if (process->failed[0])
        process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (!process->exit_code)
        process->exit_code = pb_status_exit(PB_INTERNAL);
    if (process->node && in_hub)
        hub_worker_ended(process->node);
    process->node = NULL;
    generation_process_gone(process, cause.blamed);
    release(process);
    supervisor_check_end();
}

void watch_children(void)
{
    for (;;) {
        siginfo_t info = {0};
        int status = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || !info.si_pid)
            return;
        struct process *process = process_of(info.si_pid);
        if (process)
            spawn_end_session(process->pid);
        if (waitpid(info.si_pid, &status, 0) < 0)
            return;
        pb_scope *scope = pb_scope_begin();
        if (process)
            ended(process, status, true, true);
        else
            (void)check_ended(info.si_pid, status); /* or a worker's child, which came to us */
        pb_scope_end(scope);
    }
}

/* --- workers of a supervisor that is gone ----------------------------------------------------- */

static void on_pidfd(uv_poll_t *poll, int status, int events)
{
    struct process *process = poll->data;

    (void)status;
    (void)events;
    uv_poll_stop(poll);
    spawn_end_session(process->pid);
    pb_scope *scope = pb_scope_begin();
    ended(process, 0, false, true);
    pb_scope_end(scope);
}

void watch_gone(struct process *process)
{
    spawn_end_session(process->pid);
    ended(process, 0, false, false);
}

void watch_adopted(struct process *process)
{
    int fd = pidfd_open(process->pid, 0);

    process->pidfd = calloc(1, sizeof *process->pidfd);
    if (fd < 0 || !process->pidfd || uv_poll_init(loop_uv(), process->pidfd, fd) != 0) {
        pb_log(PB_WARN, "worker %u (pid %d) cannot be watched: %s", process->slot,
               (int)process->pid, strerror(errno));
        free(process->pidfd);
        process->pidfd = NULL;
        if (fd >= 0)
            close(fd);
        return;
    }
    process->pidfd->data = process;
    uv_poll_start(process->pidfd, UV_READABLE, on_pidfd);
}
