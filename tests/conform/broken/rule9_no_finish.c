/* Rule 9: a model that ends without a finish. */
#include "broken.h"

BROKEN_LLM(PB_EVENT_TEXT, PB_EVENT_USAGE);
