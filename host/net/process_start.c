/* process_start.c - makes a child process, on a helper thread: fork takes the longer the more
 * memory a worker has, and the loop must not wait for it.
 *
 * Everything is prepared before fork. A pipe that exec closes tells what failed behind it.
 */
#include "net/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    int step, error;
};

enum { INPUT, OUTPUT = 2, COMPLAINT = 4, FAILED = 6, DESCRIPTORS = 8 };

__attribute__((format(printf, 3, 4))) static pb_status
fail(struct process_start *start, pb_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(start->sentence, sizeof start->sentence, format, args);
    va_end(args);
    return status;
}

/* --- the program ------------------------------------------------------------------------------ */

static bool find(struct process_start *start)
{
    static const char *const folders[] = {"/usr/bin", "/bin"};
    const char *name = start->spec->argv[0];

    if (!name || !*name || strchr(name, '/'))
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct stat about;
        int size = snprintf(start->program, sizeof start->program, "%s/%s", folders[i], name);
        if (size > 0 && (size_t)size < sizeof start->program && stat(start->program, &about) == 0 &&
            S_ISREG(about.st_mode) && access(start->program, X_OK) == 0)
            return true;
    }
    return false;
}

/* The kernel opens it too when it starts the program. False: not a program of this machine. */
static bool find_loader(struct process_start *start)
{
    unsigned char bytes[4096];
    int fd = open(start->program, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : -1;
    Elf64_Ehdr head;

    if (fd >= 0)
        close(fd);
    if (size < (ssize_t)sizeof head)
        return false;
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    for (size_t i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr part;
        size_t at = head.e_phoff + i * sizeof part;
        if (at > sizeof bytes - sizeof part || (ssize_t)(at + sizeof part) > size)
            break;
        memcpy(&part, bytes + at, sizeof part);
        if (part.p_type == PT_INTERP && part.p_filesz < sizeof start->loader &&
            part.p_offset + part.p_filesz <= (uint64_t)size)
            memcpy(start->loader, bytes + part.p_offset, part.p_filesz);
    }
    return true;
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* Its input: a file that nobody can change any more. */
static int input_of(pb_bytes bytes)
{
    int fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    for (size_t at = 0; fd >= 0 && at < bytes.size;) {
        ssize_t size = write(fd, bytes.data + at, bytes.size - at);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)size;
    }
    if (fd >= 0) {
        lseek(fd, 0, SEEK_SET);
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    }
    return fd;
}

static void close_all(int *fds)
{
    for (int i = 0; i < DESCRIPTORS; i++)
        if (fds[i] >= 0)
            close(fds[i]), fds[i] = -1;
}

static bool open_all(const pb_process_spec *spec, int *fds)
{
    for (int i = 0; i < DESCRIPTORS; i++)
        fds[i] = -1;
    fds[INPUT] = input_of(spec->input);
    if (fds[INPUT] >= 0 && pipe2(fds + OUTPUT, O_CLOEXEC) == 0 &&
        pipe2(fds + COMPLAINT, O_CLOEXEC) == 0 && pipe2(fds + FAILED, O_CLOEXEC) == 0) {
        fcntl(fds[OUTPUT], F_SETFL, O_NONBLOCK);
        fcntl(fds[COMPLAINT], F_SETFL, O_NONBLOCK);
        return true;
    }
    close_all(fds);
    return false;
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

/* Descriptors 0 to 2, wherever ours lie: first out of the way of each other. */
static bool place(const int *fds)
{
    int in = fcntl(fds[INPUT], F_DUPFD_CLOEXEC, 3),
        out = fcntl(fds[OUTPUT + 1], F_DUPFD_CLOEXEC, 3),
        err = fcntl(fds[COMPLAINT + 1], F_DUPFD_CLOEXEC, 3);

    return in >= 0 && out >= 0 && err >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
           dup2(err, 2) == 2;
}

static int prepare(const struct process_start *start, const int *fds, pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* of the helper thread, which lives as long as the worker */
    if (getppid() != parent || !place(fds) || chdir("/") != 0)
        return PROCESS_SET_UP;
    return process_set_limits(start);
}

static void tell(int fd, int step, int error)
{
    struct report report = {step, error};

    while (write(fd, &report, sizeof report) < 0 && errno == EINTR)
        continue;
}

static void become(const struct process_start *start, const int *fds, pid_t parent)
{
    static char path[] = "PATH=/usr/bin:/bin", language[] = "LANG=C.UTF-8";
    char *environment[] = {path, language, NULL};
    char *const *argv = (char *const *)(uintptr_t)start->spec->argv;
    int failed = fcntl(fds[FAILED + 1], F_DUPFD_CLOEXEC, 10);
    bool open = false;
    int step = prepare(start, fds, parent);

    if (step == 0 && !close_at_exec())
        step = PROCESS_SET_UP;
    if (step == 0 && start->spec->confined) {
        step = process_confine(start, &open);
        if (step == 0 && open)
            tell(failed, PROCESS_OPEN, 0);
        if (step == 0 && !process_filter(start->program, argv, environment))
            step = PROCESS_CONFINE;
    }
    if (step == 0) {
        execve(start->program, argv, environment);
        step = PROCESS_EXEC;
    }
    tell(failed, step, errno);
    _exit(127);
}

/* --- here again ------------------------------------------------------------------------------- */

static pb_status judge(struct process_start *start, const struct report *report)
{
    const char *name = start->spec->argv[0], *reason = strerror(report->error);

    switch (report->step) {
    case PROCESS_CONFINE:
        return fail(start, PB_UNSUPPORTED,
                    "'%s' must not run without limits, and the kernel does not allow them: it must "
                    "permit seccomp filters and no_new_privs (%s)",
                    name, reason);
    case PROCESS_READABLE:
        return fail(start, PB_NOT_FOUND, "'%s' cannot be given a file to read: %s", name, reason);
    default:
        return fail(start, PB_UNAVAILABLE, "'%s' cannot be started: %s", name, reason);
    }
}

/* Waits until exec or until it has told what failed. */
static pb_status hear(struct process_start *start, int failed)
{
    struct report report = {0};
    ssize_t size;

    while ((size = read(failed, &report, sizeof report)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (report.step != PROCESS_OPEN)
            return judge(start, &report);
        start->open = true;
    }
    return PB_OK;
}

static pb_status begin(struct process_start *start, int *fds)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0)
        become(start, fds, parent);
    if (pid < 0)
        return fail(start, PB_UNAVAILABLE, "'%s' cannot be started: %s", start->spec->argv[0],
                    strerror(errno));
    close(fds[FAILED + 1]);
    fds[FAILED + 1] = -1;
    pb_status status = hear(start, fds[FAILED]);
    start->gone = status == PB_OK ? pidfd_open(pid, 0) : -1;
    if (status == PB_OK && start->gone < 0)
        status = fail(start, PB_UNAVAILABLE, "'%s' cannot be followed: %s", start->spec->argv[0],
                      strerror(errno));
    if (status != PB_OK) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        return status;
    }
    start->output = fds[OUTPUT];
    start->complaint = fds[COMPLAINT];
    fds[OUTPUT] = fds[COMPLAINT] = -1;
    start->pid = pid;
    return PB_OK;
}

pb_status process_start(void *arg)
{
    struct process_start *start = arg;
    int fds[DESCRIPTORS];

    if (!find(start))
        return fail(start, PB_NOT_FOUND, "there is no program '%s' in /usr/bin or /bin",
                    start->spec->argv[0] ? start->spec->argv[0] : "");
    if (!find_loader(start) && start->spec->confined)
        return fail(start, PB_UNSUPPORTED, "'%s' is a script, which cannot be confined",
                    start->spec->argv[0]);
    if (!open_all(start->spec, fds))
        return fail(start, PB_UNAVAILABLE, "'%s' cannot be started: %s", start->spec->argv[0],
                    strerror(errno));
    pb_status status = begin(start, fds);
    close_all(fds);
    return status;
}
