/* contract_bind.c - a plugin that is opened while contracts are checked calls functions of the C
 * library through its table of addresses (GOT); here some are replaced by ones that look first: free
 * and realloc (rule 2), what blocks (rule 4), locks (rule 5). Only in the plugin's own object.
 * Format: System V ABI, "Dynamic Linking" (ELF-64, relocations with addends). */
#include "plugin/contract_internal.h"

#include "base/arena_pages.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MOST = 64 };

/* --- rule 2 ----------------------------------------------------------------------------------- */

static void checked_free(void *memory)
{
    if (!contract_frees(memory, "free"))
        free(memory);
}

static void *checked_realloc(void *memory, size_t size)
{
    struct arena_found found;

    if (!contract_frees(memory, "realloc"))
        return realloc(memory, size);
    void *other = malloc(size ? size : 1);
    if (other && arena_pages_find(memory, &found) && !found.over)
        memcpy(other, memory, found.size < size ? found.size : size);
    return other;
}

/* --- rule 4 ----------------------------------------------------------------------------------- */

static void blocks(const char *call)
{
    const pb_instance *instance = contract_on_loop();
    char what[160];

    if (!instance)
        return;
    (void)snprintf(what, sizeof what,
                   "called %s() on the loop, which holds every turn: park, or do it in pb_offload",
                   call);
    contract_note(4, instance, what);
}

static unsigned checked_sleep(unsigned seconds)
{
    blocks("sleep");
    return sleep(seconds);
}

static int checked_usleep(useconds_t time)
{
    if (time)
        blocks("usleep");
    return usleep(time);
}

static int checked_nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time && (time->tv_sec || time->tv_nsec))
        blocks("nanosleep");
    return nanosleep(time, left);
}

static int checked_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                                   struct timespec *left)
{
    blocks("clock_nanosleep");
    return clock_nanosleep(clock, flags, time, left);
}

static int checked_thrd_sleep(const struct timespec *time, struct timespec *left)
{
    blocks("thrd_sleep");
    return thrd_sleep(time, left);
}

static int checked_poll(struct pollfd *files, nfds_t count, int limit)
{
    if (limit)
        blocks("poll");
    return poll(files, count, limit);
}

static int checked_select(int count, fd_set *read, fd_set *write, fd_set *fail,
                          struct timeval *limit)
{
    if (!limit || limit->tv_sec || limit->tv_usec)
        blocks("select");
    return select(count, read, write, fail, limit);
}

static int checked_system(const char *command)
{
    blocks("system");
    return system(command);
}

static pid_t checked_waitpid(pid_t child, int *status, int flags)
{
    if (!(flags & WNOHANG))
        blocks("waitpid");
    return waitpid(child, status, flags);
}

static int checked_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                               struct addrinfo **out)
{
    if (!hints || !(hints->ai_flags & AI_NUMERICHOST))
        blocks("getaddrinfo");
    return getaddrinfo(name, service, hints, out);
}

/* --- rule 5 ----------------------------------------------------------------------------------- */

static int checked_mutex_lock(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_lock(mutex);
    contract_locked(error ? 0 : 1);
    return error;
}

static int checked_mutex_trylock(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_trylock(mutex);
    contract_locked(error ? 0 : 1);
    return error;
}

static int checked_mutex_unlock(pthread_mutex_t *mutex)
{
    int error = pthread_mutex_unlock(mutex);
    contract_locked(error ? 0 : -1);
    return error;
}

/* --- the table of addresses ------------------------------------------------------------------- */

typedef void (*function)(void);

static const struct {
    const char *name;
    function checked;
} bound[] = {
    {"free", (function)checked_free},
    {"realloc", (function)checked_realloc},
    {"sleep", (function)checked_sleep},
    {"usleep", (function)checked_usleep},
    {"nanosleep", (function)checked_nanosleep},
    {"clock_nanosleep", (function)checked_clock_nanosleep},
    {"thrd_sleep", (function)checked_thrd_sleep},
    {"poll", (function)checked_poll},
    {"select", (function)checked_select},
    {"system", (function)checked_system},
    {"waitpid", (function)checked_waitpid},
    {"getaddrinfo", (function)checked_getaddrinfo},
    {"pthread_mutex_lock", (function)checked_mutex_lock},
    {"pthread_mutex_trylock", (function)checked_mutex_trylock},
    {"pthread_mutex_unlock", (function)checked_mutex_unlock},
};

struct object {
    const struct link_map *map;
    const Elf64_Sym *symbols;
    const char *names;
};

static bool is_slot(uint64_t info)
{
#if defined(__x86_64__)
    return ELF64_R_TYPE(info) == R_X86_64_JUMP_SLOT || ELF64_R_TYPE(info) == R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
    return ELF64_R_TYPE(info) == R_AARCH64_JUMP_SLOT || ELF64_R_TYPE(info) == R_AARCH64_GLOB_DAT;
#else
    return info != info; /* another machine: nothing is bound */
#endif
}

/* The table may have been made read-only after it was filled. It stays writable: without "-z now" its
 * page has variables of the plugin too, and this is for finding faults. */
static void put(char *slot, function checked)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *from = slot - (uintptr_t)slot % page;

    if (mprotect(from, page, PROT_READ | PROT_WRITE) != 0)
        return;
    memcpy(slot, &checked, sizeof checked);
}

static void bind_all(const struct object *object, const Elf64_Rela *at, size_t size)
{
    for (const Elf64_Rela *end = at + size / sizeof *at; at < end; at++) {
        const char *name = object->names + object->symbols[ELF64_R_SYM(at->r_info)].st_name;
        for (size_t i = 0; is_slot(at->r_info) && i < sizeof bound / sizeof *bound; i++)
            if (strcmp(name, bound[i].name) == 0)
                put((char *)(uintptr_t)(object->map->l_addr + at->r_offset), bound[i].checked);
    }
}

static void bind_one(void *library)
{
    struct object object = {0};
    const Elf64_Rela *plain = NULL, *jumps = NULL;
    size_t plain_size = 0, jumps_size = 0;

    if (dlinfo(library, RTLD_DI_LINKMAP, &object.map) != 0)
        return;
    for (const Elf64_Dyn *at = object.map->l_ld; at->d_tag != DT_NULL; at++) {
        const void *address = (const void *)(uintptr_t)at->d_un.d_ptr; /* moved by the linker */
        if (at->d_tag == DT_SYMTAB)
            object.symbols = address;
        else if (at->d_tag == DT_STRTAB)
            object.names = address;
        else if (at->d_tag == DT_RELA)
            plain = address;
        else if (at->d_tag == DT_RELASZ)
            plain_size = at->d_un.d_val;
        else if (at->d_tag == DT_JMPREL)
            jumps = address;
        else if (at->d_tag == DT_PLTRELSZ)
            jumps_size = at->d_un.d_val;
    }
    if (!object.symbols || !object.names)
        return;
    if (plain)
        bind_all(&object, plain, plain_size);
    if (jumps)
        bind_all(&object, jumps, jumps_size);
}

/* Opened before contracts were checked. */
static struct {
    void *libraries[WAIT_MOST];
    size_t count;
} waiting;

void contract_bind(void *library)
{
    if (contract_enabled())
        bind_one(library);
    else if (waiting.count < WAIT_MOST)
        waiting.libraries[waiting.count++] = library;
}

void contract_bind_waiting(void)
{
    while (waiting.count)
        bind_one(waiting.libraries[--waiting.count]);
}
