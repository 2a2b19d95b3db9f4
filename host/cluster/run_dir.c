/* run_dir.c - see run_dir.h. What is replaced is written beside, then renamed. */
#include "cluster/run_dir.h"

#include "cluster/identity.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/log.h>
#include <patchbay/task.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static pb_status fail(const char *run_dir, const char *what)
{
    int error = errno;
    pb_status status = error == EACCES || error == EPERM || error == EROFS ? PB_FORBIDDEN
                       : error == ENOSPC || error == EDQUOT                ? PB_NO_SPACE
                                                                           : PB_UNAVAILABLE;
    return pb_fail(status, "%s: %s: %s", run_dir, what, strerror(error));
}

static int open_folder(const char *run_dir)
{
    return open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Makes the folder and those above it. */
static bool make_folder(const char *run_dir)
{
    char path[PATH_MAX];
    size_t size = strlen(run_dir);

    if (size >= sizeof path)
        return errno = ENAMETOOLONG, false;
    memcpy(path, run_dir, size + 1);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static pb_status taken(const char *run_dir, int fd)
{
    struct flock lock = whole_file();

    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
        return pb_fail(PB_CONFLICT, "a server runs already on %s (process %d)", run_dir,
                       (int)lock.l_pid);
    return pb_fail(PB_CONFLICT, "a server runs already on %s", run_dir);
}

/* A record lock: unlike that of flock(2) a child that was just forked does not have it, so that it
 * goes with the supervisor, at whatever moment that dies. */
bool run_dir_lock_again(int fd)
{
    struct flock lock = whole_file();
    return fcntl(fd, F_SETLK, &lock) == 0;
}

pb_status run_dir_lock(const char *run_dir, int *lock)
{
    struct stat stat;
    pb_status status = PB_OK;
    int fd = -1, folder;

    if (!make_folder(run_dir) || (folder = open_folder(run_dir)) < 0)
        return fail(run_dir, "cannot be made");
    if (fstat(folder, &stat) != 0 || (stat.st_uid != geteuid() && geteuid() != 0))
        status = pb_fail(PB_FORBIDDEN, "%s belongs to another user", run_dir);
    else if (fchmod(folder, 0700) != 0)
        status = fail(run_dir, "its mode cannot be set");
    else if ((fd = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        status = fail(run_dir, "cannot be locked");
    else if (!run_dir_lock_again(fd))
        status = errno == EAGAIN || errno == EACCES ? taken(run_dir, fd)
                                                    : fail(run_dir, "cannot be locked");
    close(folder);
    if (status == PB_OK && (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0))
        status = fail(run_dir, "cannot be written to");
    if (status == PB_OK)
        *lock = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

/* --- control.sock ----------------------------------------------------------------------------- */

/* The address through a descriptor of the folder: short, however long the path is. */
static struct sockaddr_un address_in(int folder)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/control.sock", folder);
    return at;
}

pb_status run_dir_listen(const char *run_dir, int *out)
{
    int folder = open_folder(run_dir);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un at = address_in(folder);
    pb_status status = PB_OK;

    if (folder < 0 || fd < 0 || (unlinkat(folder, "control.sock", 0) != 0 && errno != ENOENT) ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        fchmodat(folder, "control.sock", 0600, 0) != 0 || listen(fd, BACKLOG) != 0)
        status = fail(run_dir, "control.sock cannot be made");
    if (folder >= 0)
        close(folder);
    if (status == PB_OK)
        *out = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

static int remove_from(const char *run_dir, const char *name)
{
    int folder = open_folder(run_dir);
    int result = folder < 0 ? -1 : unlinkat(folder, name, 0);

    if (folder >= 0)
        close(folder);
    return result;
}

void run_dir_unlisten(const char *run_dir)
{
    (void)remove_from(run_dir, "control.sock");
}

int run_dir_connect(const char *run_dir, bool blocking)
{
    int folder = open_folder(run_dir);
    struct sockaddr_un at = address_in(folder);

    if (folder < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        fd = -1;
    }
    int error = errno;
    close(folder);
    errno = error;
    return fd;
}

/* --- small files ------------------------------------------------------------------------------ */

/* The text of a file of the folder, NUL-terminated in *out. */
static void read_small(int folder, const char *name, struct buf *out)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;

    while (fd >= 0 && got > 0) {
        char *at = buf_room(out, 4096);
        got = at ? read(fd, at, 4096) : 0;
        if (got > 0)
            out->size += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
}

/* Whole or not at all; `sync`: on disk when this returns. */
static bool replace(int folder, const char *name, pb_str text, bool sync)
{
    char beside[32];

    snprintf(beside, sizeof beside, "%s.new", name);
    int fd = openat(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = write(fd, text.data, text.size) == (ssize_t)text.size && (!sync || fsync(fd) == 0);
    int error = errno;
    close(fd);
    if (done && renameat(folder, beside, folder, name) == 0 && (!sync || fsync(folder) == 0))
        return true;
    errno = done ? errno : error ? error : ENOSPC;
    return false;
}

/* Seconds since 2024: fits behind the sign for 68 years. */
uint32_t run_dir_epoch_of_clock(void)
{
    const pb_time start = 1704067200;
    pb_time seconds = pb_now() / 1000 - start;

    return seconds > 0 && seconds < INT32_MAX ? (uint32_t)seconds : 0;
}

pb_status run_dir_epoch(const char *run_dir, uint32_t *out)
{
    struct buf text = {0};
    char line[16];
    int folder = open_folder(run_dir);

    if (folder < 0)
        return fail(run_dir, "cannot be read");
    pb_status status = PB_OK;
    if (flock(folder, LOCK_EX) != 0)
        status = fail(run_dir, "cannot be locked");
    read_small(folder, "epoch", &text);
    buf_add(&text, pb_str_make("", 1));
    unsigned long before = text.size ? strtoul(text.data, NULL, 10) : 0;
    uint32_t next = run_dir_epoch_of_clock();
    if (before >= next && before < INT32_MAX)
        next = (uint32_t)before + 1;
    snprintf(line, sizeof line, "%u\n", next);
    if (status == PB_OK && !replace(folder, "epoch", pb_str_of(line), true))
        status = fail(run_dir, "epoch cannot be written");
    *out = next;
    close(folder);
    buf_fini(&text);
    return status;
}

/* --- workers ---------------------------------------------------------------------------------- */

void run_dir_workers_write(const char *run_dir, pb_str text)
{
    int folder = open_folder(run_dir);
    bool done = folder >= 0 && (text.size ? replace(folder, "workers", text, false)
                                          : unlinkat(folder, "workers", 0) == 0 || errno == ENOENT);

    if (!done)
        pb_log(PB_WARN, "%s: workers cannot be written: %s", run_dir, strerror(errno));
    if (folder >= 0)
        close(folder);
}

void run_dir_workers_read(const char *run_dir, struct buf *out)
{
    int folder = open_folder(run_dir);

    if (folder < 0)
        return;
    read_small(folder, "workers", out);
    close(folder);
}

bool run_dir_workers_alive(const char *run_dir)
{
    struct buf text = {0};
    bool alive = false;

    run_dir_workers_read(run_dir, &text);
    for (pb_str rest = buf_str(&text); rest.size && !alive;) {
        pb_str line = pb_str_slice(rest, 0, pb_str_find(rest, '\n'));
        alive = identity_alive(line);
        rest = pb_str_slice(rest, line.size + 1, rest.size);
    }
    buf_fini(&text);
    return alive;
}
