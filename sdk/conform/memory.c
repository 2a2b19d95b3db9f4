/* memory.c - see memory.h. A caller is the plugin's when its return address lies in the plugin's
 * code; libraries that it uses are not counted, they may end the process when memory is short.
 */
#include "memory.h"

#include "thunks.h"

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STAND_IN 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STAND_IN 0
#endif
#endif
#ifndef STAND_IN
#define STAND_IN 1
#endif

bool plugin_memory_works(void)
{
    return STAND_IN;
}

static uintptr_t code_begin, code_end;

void plugin_memory_watch(const void *begin, const void *end)
{
    code_begin = (uintptr_t)begin;
    code_end = (uintptr_t)end;
}

#if STAND_IN

static bool is_plugin(const void *caller)
{
    return (uintptr_t)caller - code_begin < code_end - code_begin;
}

/* --- what the plugin holds ----------------------------------------------------------------------
 */

/* An open hash table of addresses: filled by the plugin's allocations only, asked by every free. */
enum { PLACES = 1 << 18 };
static void *held[PLACES];
static size_t held_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *const gone = (void *)1;

static size_t place_of(const void *memory)
{
    return (size_t)(((uintptr_t)memory >> 4) * 0x9e3779b97f4a7c15u >> 40) % PLACES;
}

static void hold(void *memory)
{
    pthread_mutex_lock(&lock);
    if (memory && held_count < PLACES / 2) {
        size_t at = place_of(memory);
        while (held[at] && held[at] != gone)
            at = (at + 1) % PLACES;
        held[at] = memory;
        held_count++;
    }
    pthread_mutex_unlock(&lock);
}

/* True: it was the plugin's. */
static bool release(const void *memory)
{
    bool found = false;

    if (!memory || held_count == 0)
        return false;
    pthread_mutex_lock(&lock);
    for (size_t at = place_of(memory); held[at] && !found; at = (at + 1) % PLACES)
        if (held[at] == memory) {
            held[at] = gone;
            held_count--;
            found = true;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

size_t plugin_memory_held(size_t *bytes)
{
    size_t count = 0;

    *bytes = 0;
    for (size_t i = 0; i < PLACES; i++)
        if (held[i] && held[i] != gone) {
            count++;
            *bytes += malloc_usable_size(held[i]);
        }
    return count;
}

/* --- the C library's own, under the names that it offers for this --------------------------------
 */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

#define STANDS_IN __attribute__((visibility("default"), noinline))

STANDS_IN void *malloc(size_t size)
{
    if (!is_plugin(__builtin_return_address(0)))
        return __libc_malloc(size);
    void *memory = disturb_malloc() ? NULL : __libc_malloc(size);
    hold(memory);
    return memory;
}

STANDS_IN void *calloc(size_t count, size_t size)
{
    if (!is_plugin(__builtin_return_address(0)))
        return __libc_calloc(count, size);
    void *memory = disturb_malloc() ? NULL : __libc_calloc(count, size);
    hold(memory);
    return memory;
}

/* The plugin's may come by way of the host, which looks at it first (contract_bind.c). */
STANDS_IN void *realloc(void *memory, size_t size)
{
    bool plugin = is_plugin(__builtin_return_address(0));

    if (plugin && disturb_malloc())
        return NULL;
    plugin = release(memory) || plugin;
    void *moved = __libc_realloc(memory, size);
    if (plugin)
        hold(moved ? moved : size ? memory : NULL);
    return moved;
}

STANDS_IN void free(void *memory)
{
    (void)release(memory);
    __libc_free(memory);
}

#else
size_t plugin_memory_held(size_t *bytes)
{
    *bytes = 0;
    return 0;
}
#endif
