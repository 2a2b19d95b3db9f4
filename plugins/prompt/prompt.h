/* prompt.h - the stage's options, and the values that its template may name. */
#ifndef PLUGIN_PROMPT_H
#define PLUGIN_PROMPT_H

#include "template.h"

#include <patchbay/stage.h>

enum { PLACE_REPLACE, PLACE_BEFORE, PLACE_AFTER };
enum { AS_SYSTEM, AS_USER };

struct prompt {
    pb_str file;
    pb_str text;
    const pb_json *variables;
    int32_t place;
    int32_t as;
    int32_t escape;
    int64_t max_length;
    struct template_node *nodes; /* parsed in create */
};

/* known.c: what every template knows; neither a client nor the configuration can put something else
 * in the place of these. */
extern const pb_str known_names[];
extern const size_t known_count;

/* An object with these, the turn's variables that the template names, and the stage's own. NULL
 * when memory is short. */
const pb_json *known_to(const struct prompt *prompt, pb_turn *turn);

#endif
