/* Rule 4: a host function that parks is called on a helper thread. */
#include "broken.h"

static pb_status on_a_thread(void *arg)
{
    (void)arg;
    return pb_sleep(PB_MILLISECOND);
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_offload(on_a_thread, NULL);

    (void)self;
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

BROKEN_STAGE(struct nothing, .run = run);
