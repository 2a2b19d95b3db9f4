/* Rule 7: start fails without a sentence. */
#include "broken.h"

static pb_status start(void *self)
{
    (void)self;
    return PB_UNAVAILABLE;
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .start = start, .run = run);
