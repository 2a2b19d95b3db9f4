/* lock.c - flock on "<database>.write": who holds it may begin a transaction that writes. The
 * kernel releases it when its holder dies.
 *
 * Who gives the lock back and wants it again at once would often be faster than a sleeper that the
 * kernel has just woken. So one first passes a gate, a lock of another kind on the same file, which
 * the next in line holds while it waits: the last holder queues up behind it.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

void lock_init(struct write_lock *lock)
{
    lock->file = -1;
    lock->held = false;
}

void lock_fini(struct write_lock *lock)
{
    lock_give(lock);
    if (lock->file >= 0)
        close(lock->file);
    lock->file = -1;
}

static bool take(int file, int how)
{
    int result;

    do
        result = flock(file, how);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

enum { GATE, CHECKPOINT }; /* bytes of the file */

/* Of the open file, as flock is; not of the process. */
static bool range(int file, off_t byte, short type)
{
    struct flock what = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;

    do
        result = fcntl(file, F_OFD_SETLKW, &what);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

static pb_status open_file(struct write_lock *lock, const char *path, struct fault *fault)
{
    if (lock->file < 0)
        lock->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock->file < 0)
        return fault_set(fault, errno == ENOSPC || errno == EDQUOT ? PB_NO_SPACE : PB_UNAVAILABLE,
                         "%s cannot be opened: %s", path, strerror(errno));
    return PB_OK;
}

pb_status lock_take(struct write_lock *lock, const char *path, struct fault *fault)
{
    if (open_file(lock, path, fault) != PB_OK)
        return fault->status;
    bool passed = range(lock->file, GATE, F_WRLCK);
    lock->held = take(lock->file, LOCK_EX);
    int error = errno;
    if (passed)
        range(lock->file, GATE, F_UNLCK);
    if (!lock->held)
        return fault_set(fault, PB_UNAVAILABLE, "%s cannot be locked: %s", path, strerror(error));
    return PB_OK;
}

bool lock_try(struct write_lock *lock, const char *path)
{
    struct fault fault;

    if (open_file(lock, path, &fault) == PB_OK)
        lock->held = take(lock->file, LOCK_EX | LOCK_NB);
    return lock->held;
}

void lock_give(struct write_lock *lock)
{
    if (lock->held)
        take(lock->file, LOCK_UN);
    lock->held = false;
}

bool lock_checkpoint(struct write_lock *lock, const char *path)
{
    struct fault fault;

    return open_file(lock, path, &fault) == PB_OK && range(lock->file, CHECKPOINT, F_WRLCK);
}

void lock_checkpoint_give(const struct write_lock *lock)
{
    range(lock->file, CHECKPOINT, F_UNLCK);
}
