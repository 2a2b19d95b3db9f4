/* Rule 9: a model that emits text after finish. */
#include "broken.h"

BROKEN_LLM(PB_EVENT_TEXT, PB_EVENT_FINISH, PB_EVENT_TEXT);
