/* parts.h - the functions that plugin.c puts into the components. */
#ifndef PLUGIN_CONVERSATIONS_PARTS_H
#define PLUGIN_CONVERSATIONS_PARTS_H

#include "conversations.h"

pb_status history_run(void *self, pb_turn *turn, const pb_next *next);
pb_status history_start(void *self);
void history_stop(void *self);

#endif
