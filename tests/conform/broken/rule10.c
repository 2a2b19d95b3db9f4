/* Rule 10: a stage of a branch writes to the turn outside it, whose pointer it has from a stage before
 * the branch. configs: rule10.yaml */
#include "broken.h"

#include <stdio.h>

static pb_status leave_pointer(void *self, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_turn_set_variable(turn, pb_lit("outside"),
                                            pb_json_string(pb_printf("%p", (void *)turn)));

    (void)self;
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    const pb_json *left = pb_turn_variable(turn, pb_lit("outside"));
    void *outside = NULL;

    (void)self;
    if (left && sscanf(left->text.data, "%p", &outside) == 1 && outside)
        (void)pb_turn_set_variable(outside, pb_lit("seen"), pb_json_boolean(true));
    return pb_run_next(next, turn);
}

PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",
          PB_STAGE("subject", struct nothing, none, .run = run),
          PB_STAGE("before", struct nothing, none, .run = leave_pointer));
