/* Rule 8: create calls a host function that parks. */
#include "broken.h"

static pb_status create(void *self)
{
    (void)self;
    return pb_sleep(PB_MILLISECOND);
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .create = create, .run = run);
