/* command.c - runs the program of a !command (a secrets manager) and takes what it prints.
 *
 * No shell. It starts in the folder of the configuration file, with /dev/null as input, our own
 * standard error, default signals and no other descriptor, in a process group that is killed at the
 * end. Blocks: configurations are read before the loop serves anyone.
 */
#include "config/internal.h"
#include "config/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AGAIN = 10 }; /* milliseconds, where nothing tells of its end */

struct child {
    pid_t pid;
    int gone;   /* pidfd: readable at its end; -1 where the system has none */
    int output; /* what it prints */
    int failed; /* errno of a failed start, if anything */
    int64_t deadline;
};

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* No descriptor but 0 to 2 outlives exec. Older systems have no call for that. */
static bool close_at_exec(void)
{
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return true;
    if (errno != ENOSYS && errno != EINVAL)
        return false;
    for (int fd = 3, most = (int)sysconf(_SC_OPEN_MAX); fd < most; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return true;
}

/* In the new process: only async-signal-safe calls up to exec. */
static void become(const char *const *argv, const char *folder, int output, int failed)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0 && dup2(null, 0) == 0 && dup2(output, 1) == 1 && chdir(folder) == 0 &&
        close_at_exec())
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    int reason = errno;
    while (write(failed, &reason, sizeof reason) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

static void close_both(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static bool start(struct child *child, const char *const *argv, const char *folder)
{
    int output[2], failed[2];

    if (pipe2(output, O_CLOEXEC) != 0)
        return false;
    if (pipe2(failed, O_CLOEXEC) != 0) {
        close_both(output);
        return false;
    }
    child->pid = fork();
    if (child->pid == 0)
        become(argv, folder, output[1], failed[1]);
    if (child->pid < 0) {
        int reason = errno;
        close_both(output);
        close_both(failed);
        errno = reason;
        return false;
    }
    close(output[1]);
    close(failed[1]);
    child->gone = pidfd_open(child->pid, 0);
    child->output = output[0];
    child->failed = failed[0];
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    return true;
}

/* Takes what is there to read. False at its end, or when there was too much. */
static bool take(struct child *child, pb_buf *text)
{
    for (;;) {
        char *room = pb_buf_room(text, 4096);
        ssize_t size = room ? read(child->output, room, 4096) : 0;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN;
        text->size += (size_t)size;
        if (size == 0 || text->size > CONFIG_SECRET_SIZE)
            return false;
    }
}

static bool has_ended(const struct child *child)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child->pid;
}

/* Reads until the program has ended; what it left behind that still holds the pipe is not waited
 * for. False when the time was up. */
static bool follow(struct child *child, pb_buf *text)
{
    struct pollfd wait[2] = {{.fd = child->gone, .events = POLLIN},
                             {.fd = child->output, .events = POLLIN}};

    while (text->size <= CONFIG_SECRET_SIZE) {
        int64_t left = child->deadline - milliseconds();
        if (left <= 0)
            return false;
        if (child->gone < 0 && left > LOOK_AGAIN)
            left = LOOK_AGAIN;
        if (poll(wait, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (wait[1].revents && !take(child, text))
            wait[1].fd = -1; /* closed: now only its end */
        if (wait[0].revents || (child->gone < 0 && has_ended(child))) {
            (void)take(child, text);
            return true;
        }
        wait[0].revents = wait[1].revents = 0;
    }
    return true;
}

static pb_status judge(const struct child *child, const char *name, const pb_buf *text, int status)
{
    int reason = 0;

    if (read(child->failed, &reason, sizeof reason) == sizeof reason)
        return pb_fail(PB_INVALID, "cannot start '%s': %s", name, strerror(reason));
    if (text->failed)
        return PB_NO_MEMORY;
    if (text->size > CONFIG_SECRET_SIZE)
        return pb_fail(PB_INVALID, "'%s' printed more than %d KiB", name,
                       CONFIG_SECRET_SIZE / 1024);
    if (WIFSIGNALED(status))
        return pb_fail(PB_INVALID, "'%s' was ended by signal %d", name, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return pb_fail(PB_INVALID, "'%s' ended with exit code %d", name, WEXITSTATUS(status));
    return PB_OK;
}

static pb_status run(const char *const *argv, const char *folder, int limit, pb_str *out)
{
    struct child child = {.deadline = milliseconds() + limit};
    pb_buf text = {0};
    int status = 0;

    if (!start(&child, argv, folder))
        return pb_fail(PB_INVALID, "cannot start '%s': %s", argv[0], strerror(errno));
    bool in_time = follow(&child, &text);
    kill(-child.pid, SIGKILL); /* the group: also what it left behind */
    kill(child.pid, SIGKILL);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    pb_status result = in_time ? judge(&child, argv[0], &text, status)
                               : pb_fail(PB_INVALID, "'%s' did not end within %d ms", argv[0],
                                         limit);
    if (child.gone >= 0)
        close(child.gone);
    close(child.output);
    close(child.failed);
    if (result == PB_OK)
        *out = text.size ? pb_copy(pb_buf_str(&text)) : pb_lit("");
    return result;
}

pb_status config_command_run(const char *const *argv, const char *folder, int limit, pb_str *out)
{
    pb_buf key = {0};
    pb_status status;

    for (const char *const *at = argv; *at; at++)
        pb_buf_printf(&key, "%s\n", *at);
    pb_buf_add(&key, pb_str_of(folder));
    if (key.failed)
        return PB_NO_MEMORY;
    if (snapshot_take(SNAPSHOT_COMMAND, pb_buf_str(&key), &status, out))
        return status;
    status = run(argv, folder, limit, out);
    if (status == PB_OK)
        snapshot_keep(SNAPSHOT_COMMAND, pb_buf_str(&key), *out);
    return status;
}
