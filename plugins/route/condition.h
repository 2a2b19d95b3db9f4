/* condition.h - declarative conditions on a turn: what `when:` says. All that is given must hold.
 */
#ifndef PLUGIN_ROUTE_CONDITION_H
#define PLUGIN_ROUTE_CONDITION_H

#include <patchbay/pipeline.h>

struct input_condition {
    pb_str matches;
    pb_list contains; /* of pb_str */
    int64_t longer_than;
    int64_t shorter_than;
    pb_list has; /* of int32_t: PB_PART_… */
};

struct principal_condition {
    pb_list roles; /* of pb_str: one of them */
    pb_str id;
    pb_str tenant;
    pb_str scope;
};

struct condition {
    struct input_condition input;
    struct principal_condition principal;
    pb_map variables; /* of pb_str */
    pb_map metadata;
    pb_map params;
    void *regex; /* compiled from input.matches in create */
};

extern const pb_field condition_fields[];

/* Is the expression one? The reason why not, in the running scope, else absent. */
pb_str condition_problem(const struct condition *condition);
/* Does it say nothing, so that it always holds? */
bool condition_is_empty(const struct condition *condition);

/* Compiles; PB_INVALID with the place in the expression. */
pb_status condition_create(struct condition *condition);
void condition_destroy(struct condition *condition);

/* Does it hold for this turn? A condition without anything always does. Does not park. */
bool condition_holds(const struct condition *condition, pb_turn *turn);

#endif
