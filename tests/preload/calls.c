/* calls.c - the functions of libc that are stood in front of. None does more than ask for a fault,
 * tell the image, and go on to libc; a sync asks libc for nothing, because nothing depends on it.
 */
#include "unsynced.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define OUT __attribute__((visibility("default")))

void *next_function(void **kept, const char *name)
{
    if (!*kept)
        *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}

/* --- open and close -------------------------------------------------------------------------- */

static int opened(int fd, int flags)
{
    if (fd >= 0)
        image_opened(fd, flags);
    return fd;
}

#define MODE(flags)                                                                                \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                       \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                              \
    }

#define OPEN(name)                                                                                 \
    OUT int name(const char *path, int flags, ...)                                                 \
    {                                                                                              \
        MODE(flags)                                                                                \
        if (image_below(path) && fault(FAULT_OPEN, path))                                          \
            return -1;                                                                             \
        return opened(NEXT(name)(path, flags, mode), flags);                                       \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
    OUT int name(int folder, const char *path, int flags, ...)                                     \
    {                                                                                              \
        MODE(flags)                                                                                \
        if (image_below(path) && fault(FAULT_OPEN, path))                                          \
            return -1;                                                                             \
        return opened(NEXT(name)(folder, path, flags, mode), flags);                               \
    }
OPENAT(openat)
OPENAT(openat64)

/* What _FORTIFY_SOURCE makes of them. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);

OUT int __open_2(const char *path, int flags)
{
    return open64(path, flags);
}

OUT int __open64_2(const char *path, int flags)
{
    return open64(path, flags);
}

OUT int __openat_2(int folder, const char *path, int flags)
{
    return openat64(folder, path, flags);
}

OUT int __openat64_2(int folder, const char *path, int flags)
{
    return openat64(folder, path, flags);
}

OUT int creat(const char *path, mode_t mode)
{
    return open64(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

OUT int creat64(const char *path, mode_t mode)
{
    return open64(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

OUT int close(int fd)
{
    image_closed(fd);
    return NEXT(close)(fd);
}

OUT int dup2(int from, int to)
{
    image_closed(to);
    return NEXT(dup2)(from, to);
}

OUT int dup3(int from, int to, int flags)
{
    image_closed(to);
    return NEXT(dup3)(from, to, flags);
}

/* --- reading and writing --------------------------------------------------------------------- */

static bool write_fails(struct image_file *file, int fd, off_t end)
{
    struct stat about;
    if (fault(FAULT_WRITE, image_path(file)))
        return true;
    return fstat(fd, &about) == 0 && end > about.st_size && fault(FAULT_GROW, image_path(file));
}

static off_t place(int fd)
{
    struct stat about;
    if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &about) == 0)
        return about.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

OUT ssize_t write(int fd, const void *data, size_t size)
{
    struct image_file *file = image_of(fd);
    if (!file)
        return NEXT(write)(fd, data, size);
    off_t at = place(fd);
    if (write_fails(file, fd, at + (off_t)size))
        return -1;
    image_touch(file, at, (off_t)size);
    ssize_t done = NEXT(write)(fd, data, size);
    if (done > 0)
        image_touch(file, lseek(fd, 0, SEEK_CUR) - done, done);
    return done;
}

OUT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct image_file *file = image_of(fd);
    if (!file)
        return NEXT(writev)(fd, parts, count);
    off_t at = place(fd), size = 0;
    for (int i = 0; i < count; i++)
        size += (off_t)parts[i].iov_len;
    if (write_fails(file, fd, at + size))
        return -1;
    image_touch(file, at, size);
    ssize_t done = NEXT(writev)(fd, parts, count);
    if (done > 0)
        image_touch(file, lseek(fd, 0, SEEK_CUR) - done, done);
    return done;
}

#define PWRITE(name)                                                                               \
    OUT ssize_t name(int fd, const void *data, size_t size, off_t at)                              \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        if (!file)                                                                                 \
            return NEXT(name)(fd, data, size, at);                                                 \
        if (write_fails(file, fd, at + (off_t)size))                                               \
            return -1;                                                                             \
        image_touch(file, at, (off_t)size);                                                        \
        ssize_t done = NEXT(name)(fd, data, size, at);                                             \
        image_touch(file, at, done);                                                               \
        return done;                                                                               \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                              \
    OUT ssize_t name(int fd, const struct iovec *parts, int count, off_t at)                       \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        off_t size = 0;                                                                            \
        if (!file)                                                                                 \
            return NEXT(name)(fd, parts, count, at);                                               \
        for (int i = 0; i < count; i++)                                                            \
            size += (off_t)parts[i].iov_len;                                                       \
        if (write_fails(file, fd, at + size))                                                      \
            return -1;                                                                             \
        image_touch(file, at, size);                                                               \
        ssize_t done = NEXT(name)(fd, parts, count, at);                                           \
        image_touch(file, at, done);                                                               \
        return done;                                                                               \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define TRUNCATE(name)                                                                             \
    OUT int name(int fd, off_t size)                                                               \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        if (file && write_fails(file, fd, size))                                                   \
            return -1;                                                                             \
        if (file)                                                                                  \
            image_truncate(file, fd, size);                                                        \
        return NEXT(name)(fd, size);                                                               \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define FALLOCATE(name)                                                                            \
    OUT int name(int fd, int mode, off_t at, off_t size)                                           \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        if (file && write_fails(file, fd, at + size))                                              \
            return -1;                                                                             \
        if (file)                                                                                  \
            image_touch(file, at, size);                                                           \
        return NEXT(name)(fd, mode, at, size);                                                     \
    }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

#define POSIX_FALLOCATE(name)                                                                      \
    OUT int name(int fd, off_t at, off_t size)                                                     \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        if (file && write_fails(file, fd, at + size))                                              \
            return errno;                                                                          \
        if (file)                                                                                  \
            image_touch(file, at, size);                                                           \
        return NEXT(name)(fd, at, size);                                                           \
    }
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

OUT ssize_t read(int fd, void *data, size_t size)
{
    struct image_file *file = image_of(fd);
    if (file && fault(FAULT_READ, image_path(file)))
        return -1;
    return NEXT(read)(fd, data, size);
}

#define PREAD(name)                                                                                \
    OUT ssize_t name(int fd, void *data, size_t size, off_t at)                                    \
    {                                                                                              \
        struct image_file *file = image_of(fd);                                                    \
        if (file && fault(FAULT_READ, image_path(file)))                                           \
            return -1;                                                                             \
        return NEXT(name)(fd, data, size, at);                                                     \
    }
PREAD(pread)
PREAD(pread64)

/* --- syncs ----------------------------------------------------------------------------------- */

static int sync_descriptor(int fd)
{
    struct image_file *file = image_of(fd);
    if (fault(FAULT_SYNC, file ? image_path(file) : NULL)) {
        int error = errno;
        if (file)
            image_drop(file, fd);
        errno = error;
        return -1;
    }
    image_sync(fd);
    return 0;
}

OUT int fsync(int fd)
{
    return sync_descriptor(fd);
}

OUT int fdatasync(int fd)
{
    return sync_descriptor(fd);
}

/* --- names ----------------------------------------------------------------------------------- */

static bool name_fails(const char *path)
{
    return image_below(path) && fault(FAULT_NAMES, path);
}

OUT int rename(const char *from, const char *to)
{
    return name_fails(to) ? -1 : NEXT(rename)(from, to);
}

OUT int unlink(const char *path)
{
    return name_fails(path) ? -1 : NEXT(unlink)(path);
}

OUT int mkdir(const char *path, mode_t mode)
{
    return name_fails(path) ? -1 : NEXT(mkdir)(path, mode);
}

/* --- descriptors ----------------------------------------------------------------------------- */

OUT int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return fault(FAULT_ACCEPT, NULL) ? -1 : NEXT(accept)(fd, address, size);
}

OUT int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    return fault(FAULT_ACCEPT, NULL) ? -1 : NEXT(accept4)(fd, address, size, flags);
}

OUT int socket(int domain, int type, int protocol)
{
    return fault(FAULT_SOCKET, NULL) ? -1 : NEXT(socket)(domain, type, protocol);
}

/* --- the wall clock -------------------------------------------------------------------------- */

enum { SECOND = 1000000000 };

static void turn_clock(struct timespec *time)
{
    int64_t ahead = fault_clock_ns();
    if (!ahead)
        return;
    int64_t now = (int64_t)time->tv_sec * SECOND + time->tv_nsec + ahead;
    time->tv_sec = now / SECOND;
    time->tv_nsec = now % SECOND;
}

OUT int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = NEXT(clock_gettime)(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        turn_clock(now);
    return result;
}

OUT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

OUT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
