/* Rule 4: usleep() on the loop. */
#include "broken.h"

#include <unistd.h>

int usleep(unsigned microseconds); /* older than POSIX of today */

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    (void)usleep(1);
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
