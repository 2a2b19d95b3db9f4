/* Rule 2: memory that was allocated in one turn is used in the next. */
#include "broken.h"

struct keeper {
    char *memory;
};

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    struct keeper *keeper = self;

    if (!keeper->memory && !(keeper->memory = pb_alloc(100)))
        return PB_NO_MEMORY;
    keeper->memory[0]++;
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct keeper, .run = run);
