/* stacks.c - see stacks.h. */
#include "stacks.h"

#include "runtime/task_internal.h"
#include <stdint.h>
#include <string.h>

enum { NEAR = 4096 }; /* below this frame: red zone, and what a signal may use */

static size_t deepest, deepest_size;

void stacks_forget(void)
{
    deepest = deepest_size = 0;
}

UNCHECKED void stacks_paint_own(void)
{
    const struct coroutine *own = task_coroutine();
    volatile char *lowest = own->stack;
    volatile char *end = (volatile char *)((uintptr_t)__builtin_frame_address(0) - NEAR);

    for (; lowest < end; lowest++)
        if (*lowest) /* reading does not make pages, writing would */
            *lowest = 0;
}

UNCHECKED void stacks_note_own(void)
{
    const struct coroutine *own = task_coroutine();
    const volatile uint64_t *at = (const volatile uint64_t *)(const volatile void *)own->stack;
    const volatile uint64_t *end =
        (const volatile uint64_t *)(const volatile void *)(own->stack + own->stack_size);

    while (at < end && *at == 0)
        at++;
    size_t used = (size_t)((const char *)(uintptr_t)end - (const char *)(uintptr_t)at);
    if (used > deepest) {
        deepest = used;
        deepest_size = own->stack_size;
    }
}

size_t stacks_deepest(size_t *size)
{
    *size = deepest_size;
    return deepest;
}
