/* Rule 4: a long loop. It measures by processor time, so that a busy machine changes nothing. */
#include "broken.h"

#include <time.h>

__attribute__((noinline)) static void slow_hash(void)
{
    clock_t end = clock() + CLOCKS_PER_SEC / 2;

    while (clock() < end)
        continue;
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    slow_hash();
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
