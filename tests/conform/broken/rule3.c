/* Rule 3: what belongs to a turn lies in the instance across a call that parks; by then another turn
 * has written there. */
#include "broken.h"

struct mixed {
    pb_str question;
};

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    struct mixed *mixed = self;
    const pb_message *question = pb_turn_question(turn);

    mixed->question = question ? question->text : pb_lit("");
    pb_status status = pb_sleep(PB_MILLISECOND);
    if (status == PB_OK)
        status = pb_run_next(next, turn);
    if (status == PB_OK)
        status = pb_emit_text(turn, mixed->question);
    mixed->question = pb_lit("");
    return status;
}

BROKEN_STAGE(struct mixed, .run = run);
