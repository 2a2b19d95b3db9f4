/* supervisor_check.c - the child that loads and checks a configuration, and keeps all it read.
 *
 * It is this program with the same command line and PATCHBAY_CHECK=fd: plugins are opened there,
 * never in the supervisor. Upgrading runs other children the same way.
 */
#include "app/supervisor.h"

#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MOST = 256 << 10, RUNNING_MOST = 8 };
static const pb_duration check_most = 120 * PB_SECOND; /* its !commands have limits of their own */

static struct check *running[RUNNING_MOST];

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : pb_status_exit(PB_INTERNAL);
}

/* The snapshot as it came from the child: from now on nobody changes it. */
static void seal(int snapshot)
{
    fcntl(snapshot, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

int check_now(int *snapshot)
{
    char environment[48];
    int status = 0;

    *snapshot = spawn_memfd("patchbay-snapshot");
    snprintf(environment, sizeof environment, "PATCHBAY_CHECK=%d", *snapshot);
    const struct spawn spec = {
        .environment = {environment}, .kept = {*snapshot}, .kept_count = 1, .output = -1};
    int32_t pid = *snapshot >= 0 ? spawn(&spec) : -1;
    if (pid < 0) {
        fprintf(stderr, "patchbay: cannot check the configuration: %s\n", strerror(errno));
        return pb_status_exit(PB_UNAVAILABLE);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        fprintf(stderr, "patchbay: checking the configuration was ended by SIG%s\n",
                sigabbrev_np(WTERMSIG(status)));
    if (exit_code_of(status) == 0)
        seal(*snapshot);
    return exit_code_of(status);
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void on_poll_closed(uv_handle_t *handle)
{
    close((int)(intptr_t)handle->data);
    free(handle);
}

static void end_output(struct check *check)
{
    if (!check->poll)
        return;
    check->poll->data = (void *)(intptr_t)check->output;
    uv_close((uv_handle_t *)check->poll, on_poll_closed);
    check->poll = NULL;
    check->output = -1;
}

static void take_output(struct check *check)
{
    char piece[4096];
    ssize_t size;

    while (check->poll && (size = read(check->output, piece, sizeof piece)) != -1) {
        if (size == 0)
            end_output(check);
        else if (check->text->size < SAID_MOST)
            (void)buf_add(check->text, pb_str_make(piece, (size_t)size));
    }
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    take_output(poll->data);
}

static void too_long(struct timer *timer)
{
    struct check *check = list_entry(timer, struct check, limit);

    (void)buf_add(check->text, pb_lit("checking the configuration took too long\n"));
    kill(check->pid, SIGKILL);
}

static bool watch(struct check *check)
{
    for (size_t i = 0; i < RUNNING_MOST; i++)
        if (!running[i]) {
            running[i] = check;
            return true;
        }
    return false;
}

pb_status check_start(struct check *check, const struct spawn *spec, bool snapshot)
{
    char environment[48];
    struct spawn with = *spec;
    int ends[2];

    void (*done)(struct check *, int) = check->done;
    *check = (struct check){.snapshot = -1, .output = -1, .done = done};
    check->text = calloc(1, sizeof *check->text);
    check->poll = calloc(1, sizeof *check->poll);
    if (!check->text || !check->poll || !watch(check) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(check->poll);
        check->poll = NULL;
        check_free(check);
        return pb_fail(PB_UNAVAILABLE, "the configuration cannot be checked: %s", strerror(errno));
    }
    fcntl(ends[1], F_SETFL, 0);
    if (snapshot) {
        check->snapshot = spawn_memfd("patchbay-snapshot");
        snprintf(environment, sizeof environment, "PATCHBAY_CHECK=%d", check->snapshot);
        with.environment[0] = environment;
        with.kept[with.kept_count++] = check->snapshot;
    }
    with.output = ends[1];
    check->pid = spawn(&with);
    int error = errno;
    close(ends[1]);
    check->output = ends[0];
    uv_poll_init(loop_uv(), check->poll, ends[0]);
    check->poll->data = check;
    if (check->pid < 0) {
        end_output(check);
        check_free(check);
        return pb_fail(PB_UNAVAILABLE, "the configuration cannot be checked: %s", strerror(error));
    }
    uv_poll_start(check->poll, UV_READABLE, on_output);
    timer_arm(&check->limit, check_most, too_long);
    return PB_OK;
}

static void forget(struct check *check)
{
    for (size_t i = 0; i < RUNNING_MOST; i++)
        if (running[i] == check)
            running[i] = NULL;
}

bool check_ended(int32_t pid, int status)
{
    for (size_t i = 0; i < RUNNING_MOST; i++) {
        struct check *check = running[i];
        if (!check || check->pid != pid)
            continue;
        take_output(check);
        end_output(check);
        timer_cancel(&check->limit);
        forget(check);
        check->pid = 0;
        if (WIFSIGNALED(status)) {
            (void)buf_add(check->text, pb_lit("checking the configuration was ended by SIG"));
            (void)buf_add(check->text, pb_str_of(sigabbrev_np(WTERMSIG(status))));
            (void)buf_add(check->text, pb_lit("\n"));
        }
        if (check->snapshot >= 0 && exit_code_of(status) == 0)
            seal(check->snapshot);
        check->done(check, exit_code_of(status));
        return true;
    }
    return false;
}

void check_free(struct check *check)
{
    forget(check);
    end_output(check);
    timer_cancel(&check->limit);
    if (check->snapshot >= 0)
        close(check->snapshot);
    check->snapshot = -1;
    if (check->text)
        buf_fini(check->text);
    free(check->text);
    check->text = NULL;
}
