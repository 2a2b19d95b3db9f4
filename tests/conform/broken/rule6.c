/* Rule 6: a stage that takes no notice of having been cancelled. */
#include "broken.h"

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    (void)pb_sleep(PB_MILLISECOND);
    (void)pb_run_next(next, turn);
    return PB_OK;
}

BROKEN_STAGE(struct nothing, .run = run);
