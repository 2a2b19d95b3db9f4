/* Rule 9: a model with two finishes. */
#include "broken.h"

BROKEN_LLM(PB_EVENT_TEXT, PB_EVENT_FINISH, PB_EVENT_FINISH);
