/* region.c - see region.h: robust mutexes of the C library in a sealed memfd. */
#include "cluster/region.h"

#include "cluster/sealed.h"
#include <errno.h>
#include <patchbay/cluster.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, LAYOUT = 1 };
static const uint64_t MAGIC = 0x7961626863746170; /* "patchbay" */
static const int64_t MOST = (int64_t)1 << 40;

struct region_head {
    uint64_t magic;
    uint32_t layout; /* of this struct */
    uint32_t version;
    int64_t bytes;
    pthread_mutex_t locks[PB_SHARED_LOCKS];
};
_Static_assert(sizeof(struct region_head) <= PAGE, "the head fits into a page");

static int64_t whole(int64_t bytes)
{
    return PAGE + (bytes + PAGE - 1) / PAGE * PAGE;
}

static struct region_head *map(int fd, int64_t bytes)
{
    void *memory = mmap(NULL, (size_t)whole(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static pb_status no_memory(int64_t bytes)
{
    return pb_fail(PB_NO_MEMORY, "%lld bytes of shared memory cannot be had", (long long)bytes);
}

pb_status region_create(int64_t bytes, uint32_t version, int *fd)
{
    pthread_mutexattr_t robust;

    if (bytes <= 0 || bytes > MOST)
        return pb_fail(PB_INVALID, "%lld is no size for shared memory", (long long)bytes);
    pb_status status = sealed_create("patchbay-shared", whole(bytes), fd);
    if (status != PB_OK)
        return status;
    struct region_head *head = map(*fd, bytes);
    if (!head) {
        close(*fd);
        return no_memory(bytes);
    }
    *head =
        (struct region_head){.magic = MAGIC, .layout = LAYOUT, .version = version, .bytes = bytes};
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < PB_SHARED_LOCKS; i++)
        pthread_mutex_init(&head->locks[i], &robust);
    pthread_mutexattr_destroy(&robust);
    region_unmap(head);
    return PB_OK;
}

pb_status region_map(int fd, int64_t bytes, uint32_t version, struct region_head **out)
{
    if (bytes <= 0 || bytes > MOST || !sealed_is(fd, whole(bytes)))
        return pb_fail(PB_INVALID, "that is no shared memory of this size");
    struct region_head *head = map(fd, bytes);
    if (!head)
        return no_memory(bytes);
    if (head->magic != MAGIC || head->layout != LAYOUT || head->version != version ||
        head->bytes != bytes) {
        munmap(head, (size_t)whole(bytes));
        return pb_fail(PB_INVALID, "that is no shared memory of this layout");
    }
    *out = head;
    return PB_OK;
}

void region_unmap(struct region_head *head)
{
    munmap(head, (size_t)whole(head->bytes));
}

void *region_memory(struct region_head *head)
{
    return (char *)head + PAGE;
}

/* --- locks ------------------------------------------------------------------------------------ */

pb_status region_lock(struct region_head *head, uint32_t index)
{
    pthread_mutex_t *lock = &head->locks[index % PB_SHARED_LOCKS];
    struct timespec until;
    int error = pthread_mutex_trylock(lock);

    if (error == EBUSY) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        error = pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until);
    }
    if (error == 0)
        return PB_OK;
    if (error == EOWNERDEAD)
        return PB_DECLINED;
    if (error == ETIMEDOUT)
        return pb_fail(PB_TIMEOUT, "who holds a lock on shared memory does not go on");
    return pb_fail(PB_INTERNAL, "a lock on shared memory is broken: %s", strerror(error));
}

void region_repaired(struct region_head *head, uint32_t index)
{
    pthread_mutex_consistent(&head->locks[index % PB_SHARED_LOCKS]);
}

void region_unlock(struct region_head *head, uint32_t index)
{
    pthread_mutex_unlock(&head->locks[index % PB_SHARED_LOCKS]);
}
