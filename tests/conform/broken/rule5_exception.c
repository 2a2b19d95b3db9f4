/* Rule 5: parks inside a catch block; the tables of the plugin whose code is rule5_exception.cc. */
#include "broken.h"

pb_status exception_run(void *self, pb_turn *turn, const pb_next *next);

BROKEN_STAGE(struct nothing, .run = exception_run);
