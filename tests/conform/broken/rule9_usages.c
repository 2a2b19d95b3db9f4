/* Rule 9: a model that tells its usage twice. */
#include "broken.h"

BROKEN_LLM(PB_EVENT_USAGE, PB_EVENT_TEXT, PB_EVENT_USAGE, PB_EVENT_FINISH);
