/* coroutine.c - see coroutine.h. The one file that may switch stacks.
 *
 * glibc's fortified longjmp aborts when the stack changes, so fortification is off here. The
 * sanitizers are told of each switch between setjmp and longjmp.
 */
#undef _FORTIFY_SOURCE
#include "runtime/coroutine.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define WITH_VALGRIND 1
#endif
#endif

/* ThreadSanitizer counts the functions that are entered and left on a stack; those that leave on
 * another one than they were entered on must not be counted. */
#if defined(WITH_TSAN) && defined(__clang__)
#define UNCOUNTED __attribute__((disable_sanitizer_instrumentation))
#elif defined(WITH_TSAN)
#define UNCOUNTED __attribute__((no_sanitize("thread")))
#else
#define UNCOUNTED
#endif

enum { GUARD = 64 * 1024, KEEP = 16 * 1024 };

static size_t align(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

size_t coroutine_stack_size(void)
{
#if defined(WITH_ASAN) || defined(WITH_TSAN)
    return 1024 * 1024;
#else
    return 256 * 1024;
#endif
}

UNCOUNTED static void finish_switch(struct coroutine *self)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
#else
    (void)self;
#endif
}

UNCOUNTED static void begin_switch(struct coroutine *from, struct coroutine *to)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
#endif
#ifdef WITH_TSAN
    if (!from->fiber)
        from->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from;
    (void)to;
}

UNCOUNTED void coroutine_switch(struct coroutine *from, struct coroutine *to)
{
    if (sigsetjmp(from->env, 0) == 0) {
        begin_switch(from, to);
        siglongjmp(to->env, 1);
    }
    finish_switch(from);
}

/* The first entry: leaves a place to jump to, goes back, and from then on runs body for ever. */
struct entry {
    struct coroutine *self;
    struct coroutine *creator;
    sigjmp_buf back;
};

UNCOUNTED static void enter(unsigned high, unsigned low)
{
    struct entry *entry = (struct entry *)(((uintptr_t)high << 32) | (uintptr_t)low);
    struct coroutine *self = entry->self;

    if (sigsetjmp(self->env, 0) == 0) {
#ifdef WITH_ASAN
        __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
        __sanitizer_start_switch_fiber(&self->fake_stack, entry->creator->stack,
                                       entry->creator->stack_size);
#endif
#ifdef WITH_TSAN
        __tsan_switch_to_fiber(entry->creator->fiber, 0);
#endif
        siglongjmp(entry->back, 1);
    }
    finish_switch(self);
    for (;;)
        self->body(self);
}

UNCOUNTED static void set_up(struct coroutine *self, struct coroutine *creator)
{
    struct entry entry;
    ucontext_t context, before;

    memset(&entry, 0, sizeof entry);
    entry.self = self;
    entry.creator = creator;
    getcontext(&context);
    context.uc_stack.ss_sp = self->stack;
    context.uc_stack.ss_size = self->stack_size;
    context.uc_link = NULL;
    uintptr_t address = (uintptr_t)&entry;
    makecontext(&context, (void (*)(void))enter, 2, (unsigned)(address >> 32), (unsigned)address);
#ifdef WITH_TSAN
    self->fiber = __tsan_create_fiber(0);
    if (!creator->fiber)
        creator->fiber = __tsan_get_current_fiber();
#endif
    if (sigsetjmp(entry.back, 0) == 0) {
        begin_switch(creator, self);
        swapcontext(&before, &context);
    }
    finish_switch(creator);
}

void coroutine_of_thread(struct coroutine *self)
{
    pthread_attr_t attributes;
    void *lowest = NULL;
    size_t size = 0;

    memset(self, 0, sizeof *self);
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &lowest, &size);
        pthread_attr_destroy(&attributes);
    }
    self->stack = lowest;
    self->stack_size = size;
}

struct coroutine *coroutine_new(struct coroutine *running, size_t size, size_t extra,
                                void (*body)(struct coroutine *self))
{
    size_t head = align(sizeof(struct coroutine)) + align(extra);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = GUARD + ((size + head + page - 1) & ~(page - 1));
    char *map = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map, GUARD, PROT_NONE) != 0) {
        munmap(map, whole);
        return NULL;
    }
    madvise(map, whole, MADV_NOHUGEPAGE);
    struct coroutine *self = (struct coroutine *)(void *)(map + whole - head);
    self->body = body;
    self->map = map;
    self->map_size = whole;
    self->stack = map + GUARD;
    self->stack_size = (size_t)((char *)self - self->stack) & ~(size_t)63;
#ifdef WITH_VALGRIND
    self->valgrind = VALGRIND_STACK_REGISTER(self->stack, self->stack + self->stack_size);
#endif
    set_up(self, running);
    return self;
}

bool coroutine_in_guard(const struct coroutine *coroutine, const void *address)
{
    uintptr_t at = (uintptr_t)address, map = (uintptr_t)coroutine->map;
    return map && at >= map && at < map + GUARD;
}

void *coroutine_extra(struct coroutine *coroutine)
{
    return (char *)coroutine + align(sizeof *coroutine);
}

void coroutine_free(struct coroutine *coroutine)
{
    char *map = coroutine->map;
    size_t size = coroutine->map_size;

#ifdef WITH_VALGRIND
    VALGRIND_STACK_DEREGISTER(coroutine->valgrind);
#endif
#ifdef WITH_TSAN
    __tsan_destroy_fiber(coroutine->fiber);
#endif
#ifdef WITH_ASAN
    /* Frames of the loop in enter() were never left: their red zones must not outlive the map. */
    __asan_unpoison_memory_region(coroutine->stack, coroutine->stack_size);
#endif
    munmap(map, size);
}

void coroutine_trim(struct coroutine *coroutine)
{
    if (coroutine->stack_size > KEEP)
        madvise(coroutine->stack, (coroutine->stack_size - KEEP) & ~(size_t)4095, MADV_DONTNEED);
}
