/* Rule 2: memory of pb_alloc is given to free(). */
#include "broken.h"

#include <stdlib.h>

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    void *volatile memory = pb_alloc(100);

    (void)self;
    if (!memory)
        return PB_NO_MEMORY;
    free(memory);
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
