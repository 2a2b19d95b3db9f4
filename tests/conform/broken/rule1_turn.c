/* Rule 1: the text of a turn is kept, not copied, and read in the next turn. */
#include "broken.h"

struct keeper {
    const char *last;
};

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    struct keeper *keeper = self;
    const pb_message *question = pb_turn_question(turn);

    if (keeper->last && keeper->last[0] == 'x')
        return pb_fail(PB_DECLINED, "asked twice");
    keeper->last = question ? question->text.data : NULL;
    return pb_run_next(next, turn);
}

BROKEN_STAGE(struct keeper, .run = run);
