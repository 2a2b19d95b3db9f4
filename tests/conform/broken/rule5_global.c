/* Rule 5: a mutable global, which two instances share. */
#include "broken.h"

static volatile int calls = 1;

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    calls++;
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
