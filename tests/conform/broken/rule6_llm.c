/* Rule 6: a model that takes no notice of what emit returned. */
#include "broken.h"

static pb_status generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    static const int32_t text[] = {PB_EVENT_TEXT, 0}, finish[] = {PB_EVENT_FINISH, 0};

    (void)self, (void)request;
    (void)emit_all(sink, text);
    (void)emit_all(sink, finish);
    return PB_OK;
}

PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",
          PB_LLM("subject", struct nothing, none, .generate = generate));
