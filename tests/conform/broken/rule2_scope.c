/* Rule 2: memory of pb_alloc is used after its scope has ended. */
#include "broken.h"

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    pb_scope *scope = pb_scope_begin();
    char *text = pb_alloc(100);

    (void)self;
    if (!scope || !text)
        return PB_NO_MEMORY;
    pb_scope_end(scope);
    text[0] = '!';
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct nothing, .run = run);
