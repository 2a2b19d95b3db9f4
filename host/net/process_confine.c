/* process_confine.c - what a child may use and see. Runs between fork and exec: only
 * async-signal-safe calls, hence plain system calls.
 *
 * Limits count what it uses up; Landlock closes the file system, TCP and signals to others; the
 * filter of process_filter.c closes the rest of the kernel.
 */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- limits ----------------------------------------------------------------------------------- */

/* Also below what holds for us: a limit is never raised. */
static bool limit(int which, rlim_t most)
{
    struct rlimit now;

    if (getrlimit((__rlimit_resource_t)which, &now) != 0)
        return false;
    if (now.rlim_max != RLIM_INFINITY && most > now.rlim_max)
        most = now.rlim_max;
    now.rlim_cur = now.rlim_max = most;
    return setrlimit((__rlimit_resource_t)which, &now) == 0;
}

int process_set_limits(const struct process_start *start)
{
    rlim_t seconds = (rlim_t)((start->time + PB_SECOND - 1) / PB_SECOND) + 1;
    bool ok = limit(RLIMIT_AS, start->memory) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 256);
    struct rlimit cpu = {seconds, seconds + 1}; /* SIGXCPU first: it says why */

    if (setrlimit(RLIMIT_CPU, &cpu) != 0)
        ok = limit(RLIMIT_CPU, seconds) && ok;
    if (start->spec->confined)
        ok = limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_MEMLOCK, 0) && ok;
    return ok ? 0 : PROCESS_SET_UP;
}

/* --- Landlock: its numbers, as headers of older systems have not all of them ------------------ */

struct ruleset {
    uint64_t files, network, scoped;
};

struct rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

enum { EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, RULE_PATH = 1 };

/* What each version of the kernel's interface knows; more than that it refuses. */
static uint64_t known_files(long version)
{
    unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;

    return (1ULL << bits) - 1;
}

/* False: it is there and cannot be named in a rule. One that is not there is no failure. */
static bool allow(int ruleset, const char *path, uint64_t access)
{
    struct stat about;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR;
    if (fstat(fd, &about) == 0 && !S_ISDIR(about.st_mode))
        access &= EXECUTE | WRITE_FILE | READ_FILE;
    struct rule rule = {access, fd};
    bool ok = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) == 0;
    close(fd);
    return ok;
}

static int allow_readable(int ruleset, const pb_process_spec *spec)
{
    for (const char *const *path = spec->readable; path && *path; path++) {
        if (access(*path, R_OK) != 0)
            return PROCESS_READABLE;
        if (!allow(ruleset, *path, READ_FILE | READ_DIR))
            return PROCESS_CONFINE;
    }
    return 0;
}

static bool allow_system(int ruleset, const struct process_start *start)
{
    static const char *const paths[] = {
        "/usr/lib",         "/usr/lib64",     "/usr/lib32",       "/usr/libexec", "/usr/share",
        "/usr/bin",         "/usr/local/lib", "/usr/local/share", "/lib",         "/lib64",
        "/etc/ld.so.cache", "/etc/fonts",     "/dev/zero",        "/dev/urandom"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!allow(ruleset, paths[i], READ_FILE | READ_DIR))
            return false;
    return allow(ruleset, "/dev/null", READ_FILE | WRITE_FILE) &&
           allow(ruleset, start->program, EXECUTE | READ_FILE) &&
           (!start->loader[0] || allow(ruleset, start->loader, EXECUTE | READ_FILE));
}

/* After no_new_privs. */
static int close_files(const struct process_start *start, bool *is_open)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

    if (version < 1) {
        *is_open = true;
        return 0;
    }
    struct ruleset all = {known_files(version), version >= 4 ? 3 : 0, version >= 6 ? 3 : 0};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (ruleset < 0)
        return PROCESS_CONFINE;
    int step =
        allow_system(ruleset, start) ? allow_readable(ruleset, start->spec) : PROCESS_CONFINE;
    if (step == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        step = PROCESS_CONFINE;
    int reason = errno;
    close(ruleset);
    errno = reason;
    return step;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What root has besides its name. Without them exec gives none back. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL)
            break;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)syscall(SYS_capset, &head, none);
}

int process_confine(const struct process_start *start, bool *is_open)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return PROCESS_CONFINE;
    int step = close_files(start, is_open);
    if (step == 0)
        drop_capabilities();
    return step;
}
