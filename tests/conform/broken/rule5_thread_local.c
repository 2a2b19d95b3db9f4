/* Rule 5: a thread-local variable. */
#include "broken.h"

static _Thread_local int calls;

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    calls++;
    return calls < 0 ? PB_DECLINED : pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
