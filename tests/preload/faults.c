/* faults.c - lets calls fail as the control file says, which all processes share.
 *
 * Its layout is known to unsynced.py too. A rule lets `skip` calls pass and then fails `times`
 * (below zero: for ever); both count down across all processes. */
#include "unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { RULES = 8 };

struct rule {
    _Atomic uint32_t calls;
    int32_t error;
    _Atomic int64_t skip, times, hits;
    char path[64]; /* what the file's path must contain; empty: any */
};

struct control {
    _Atomic int64_t clock_ns; /* what the wall clock is ahead */
    struct rule rules[RULES];
};

static struct control *control;

static void open_control(void) __attribute__((constructor));
static void open_control(void)
{
    const char *path = getenv("UNSYNCED_CONTROL");
    int fd = path && *path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        control = memory;
    /* The descriptor stays: closing it would call what is interposed while the program starts. */
}

static bool applies(struct rule *rule, const char *path)
{
    if (atomic_load(&rule->times) == 0)
        return false;
    if (rule->path[0] && !(path && strstr(path, rule->path)))
        return false;
    if (atomic_fetch_sub(&rule->skip, 1) > 0)
        return false;
    atomic_store(&rule->skip, 0);
    int64_t times = atomic_load(&rule->times);
    while (times > 0)
        if (atomic_compare_exchange_weak(&rule->times, &times, times - 1))
            return true;
    return times < 0;
}

bool fault(uint32_t calls, const char *path)
{
    for (int i = 0; control && i < RULES; i++) {
        struct rule *rule = &control->rules[i];
        if (!(atomic_load(&rule->calls) & calls) || !applies(rule, path))
            continue;
        atomic_fetch_add(&rule->hits, 1);
        errno = rule->error;
        return true;
    }
    return false;
}

int64_t fault_clock_ns(void)
{
    return control ? atomic_load(&control->clock_ns) : 0;
}
