/* supervisor_spawn.c - starting processes: the same binary with the same command line, and what
 * else the environment says.
 *
 * A worker begins a session of its own. Whatever it starts stays in it, also in process groups of
 * their own, so that all of it can be found and ended when the worker is dead.
 */
#include "app/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int spawn_memfd(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* --- the environment -------------------------------------------------------------------------- */

/* Ours with the given entries in place of those of the same name; from malloc. */
static char **environment_with(const char *const *more)
{
    size_t count = 0, added = 0;

    while (environ[count])
        count++;
    while (more[added])
        added++;
    char **out = malloc((count + added + 1) * sizeof *out);
    if (!out)
        return NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool replaced = strncmp(environ[i], "PATCHBAY_RESUME=", 16) == 0;
        for (size_t j = 0; j < added && !replaced; j++)
            replaced = strncmp(environ[i], more[j], strcspn(more[j], "=") + 1) == 0;
        if (!replaced)
            out[kept++] = environ[i];
    }
    for (size_t j = 0; j < added; j++)
        out[kept++] = (char *)(uintptr_t)more[j];
    out[kept] = NULL;
    return out;
}

/* --- in the new process: only async-signal-safe calls ----------------------------------------- */

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

static void become(const struct spawn *spec, char *const *arguments, char *const *environment,
                   bool replaced)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spec->worker) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        setsid();
        if (null >= 0)
            dup2(null, STDIN_FILENO);
    }
    if (spec->output >= 0 &&
        (dup2(spec->output, STDOUT_FILENO) < 0 || dup2(spec->output, STDERR_FILENO) < 0))
        _exit(127);
    if (!close_at_exec())
        _exit(127);
    for (int i = 0; i < spec->kept_count; i++)
        fcntl(spec->kept[i], F_SETFD, 0);
    if (spec->program) {
        execve(spec->program, arguments, environment);
        _exit(127);
    }
    if (!replaced)
        execve(supervisor.program, arguments, environment);
    execve("/proc/self/exe", arguments, environment); /* what runs here, whatever lies there now */
    _exit(127);
}

int32_t spawn(const struct spawn *spec)
{
    char *const *arguments = spec->arguments ? spec->arguments : supervisor.invocation->argv;
    char **environment = environment_with(spec->environment);

    if (!environment)
        return -1;
    struct stat now;
    bool replaced = stat(supervisor.program, &now) != 0 || now.st_dev != supervisor.device ||
                    now.st_ino != supervisor.inode;
    pid_t pid = fork();
    if (pid == 0)
        become(spec, arguments, environment, replaced);
    int error = errno;
    free(environment);
    errno = error;
    return pid;
}

/* --- workers ---------------------------------------------------------------------------------- */

static void start_over(struct timer *timer)
{
    struct process *process = list_entry(timer, struct process, limit);

    process_kill(process, "it did not serve within %lld ms",
                 (long long)(process->generation->settings.start / PB_MILLISECOND));
}

pb_status spawn_worker(struct slot *slot)
{
    struct generation *generation = slot->generation;
    struct process *process = calloc(1, sizeof *process);
    char worker[64], snapshot[48], greeting[48];
    int child = -1;

    if (!process)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    pb_status status = hub_worker_new(slot->number, generation->number, &child, &process->node);
    if (status != PB_OK) {
        free(process);
        return status;
    }
    snprintf(worker, sizeof worker, "PATCHBAY_WORKER=%d:%u:%u", child, slot->number,
             generation->number);
    snprintf(snapshot, sizeof snapshot, "PATCHBAY_SNAPSHOT=%d", generation->snapshot);
    snprintf(greeting, sizeof greeting, "PATCHBAY_GREETING=%d", generation->greeting);
    const struct spawn spec = {.environment = {worker, snapshot, greeting},
                               .kept = {child, generation->snapshot, generation->greeting},
                               .kept_count = 3,
                               .output = -1,
                               .worker = true};
    int32_t pid = spawn(&spec);
    int error = errno;
    close(child);
    if (pid < 0) {
        hub_worker_ended(process->node);
        free(process);
        return pb_fail(PB_UNAVAILABLE, "a worker cannot be started: %s", strerror(error));
    }
    process->pid = pid;
    process->slot = slot->number;
    process->generation = generation;
    process->began = loop_refresh();
    process->node->owner = process;
    hub_worker_pid(process->node, pid);
    list_append(&supervisor.processes, &process->link);
    generation->processes++;
    slot->process = process;
    timer_arm(&process->limit, generation->settings.start, start_over);
    return PB_OK;
}

/* --- what a worker leaves behind -------------------------------------------------------------- */

/* Field 6 of /proc/PID/stat, behind the name in brackets, which may hold anything. */
static int32_t session_of(const char *pid)
{
    char path[64], text[512];

    snprintf(path, sizeof path, "/proc/%.16s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = 0;
    char *at = strrchr(text, ')');
    int parent, group, session;
    return at && sscanf(at + 1, " %*c %d %d %d", &parent, &group, &session) == 3 ? session : 0;
}

void spawn_end_session(int32_t pid)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;

    kill(-pid, SIGKILL); /* most are in its group */
    while (folder && (entry = readdir(folder))) {
        int32_t other = atoi(entry->d_name);
        if (other > 0 && other != pid && session_of(entry->d_name) == pid)
            kill(other, SIGKILL);
    }
    if (folder)
        closedir(folder);
}
