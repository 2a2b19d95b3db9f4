/* Rule 7: a failure without a sentence. */
#include "broken.h"

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return PB_UNPROCESSABLE;
}

BROKEN_STAGE(struct nothing, .run = run);
