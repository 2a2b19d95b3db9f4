/* growth.c - does asking again and again use up memory? Outcomes are thrown away meanwhile. */
#include "internal.h"

#include <malloc.h>

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static void ask_often(pb_harness *harness, const pb_ask *ask, size_t turns)
{
    struct arena kept = harness->arena;

    for (size_t i = 0; i < turns; i++) {
        arena_init(&harness->arena, 0);
        (void)pb_harness_ask(harness, ask);
        arena_fini(&harness->arena);
    }
    harness->arena = kept;
}

int64_t pb_harness_growth(pb_harness *harness, const pb_ask *ask, size_t turns)
{
    ask_often(harness, ask, turns);
    size_t before = in_use();
    ask_often(harness, ask, turns);
    return (int64_t)in_use() - (int64_t)before;
}
