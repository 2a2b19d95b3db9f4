/* coroutine.h - stackful coroutines: a guarded stack and a switch of 18 ns.
 *
 * ucontext enters a new stack once; after that sigsetjmp and siglongjmp switch, as in QEMU. A
 * coroutine runs `body` again and again, once for each coroutine_enter after a coroutine_leave, so
 * that stacks are pooled without being set up anew.
 */
#ifndef HOST_RUNTIME_COROUTINE_H
#define HOST_RUNTIME_COROUTINE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

struct coroutine {
    sigjmp_buf env;
    void (*body)(struct coroutine *self);
    char *map;          /* the whole mapping, guard first */
    size_t map_size;
    char *stack;        /* lowest usable byte */
    size_t stack_size;
    void *fake_stack;   /* AddressSanitizer's, while it does not run */
    void *fiber;        /* ThreadSanitizer's */
    unsigned valgrind;
};

/* Describes the calling thread's own stack, so that it can be switched from and to. */
void coroutine_of_thread(struct coroutine *self);

/* Maps a stack of `size` bytes above a guard and puts the coroutine at its top, with `extra` bytes
 * behind it for the owner. `running` is the caller's own. NULL when memory or maps are short. */
struct coroutine *coroutine_new(struct coroutine *running, size_t size, size_t extra,
                                void (*body)(struct coroutine *self));

/* Only while it is not inside body. */
void coroutine_free(struct coroutine *coroutine);

/* The owner's extra bytes. */
void *coroutine_extra(struct coroutine *coroutine);

/* Switches from `from`, which runs, to `to`, until something switches back. */
void coroutine_switch(struct coroutine *from, struct coroutine *to);

/* Gives back to the system what deep calls touched, but for the top 16 kB. */
void coroutine_trim(struct coroutine *coroutine);

/* Is this address in the guard below its stack? Safe in a signal handler. */
bool coroutine_in_guard(const struct coroutine *coroutine, const void *address);

/* Usable stack of a task: 256 kB, 1 MB under sanitizers. */
size_t coroutine_stack_size(void);

#endif
