/* Rule 9: a model that fails after it has emitted finish. */
#include "broken.h"

static pb_status generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    static const int32_t types[] = {PB_EVENT_TEXT, PB_EVENT_FINISH, 0};
    pb_status status = emit_all(sink, types);

    (void)self, (void)request;
    return status == PB_OK ? pb_fail(PB_BAD_UPSTREAM, "the service went away") : status;
}

PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",
          PB_LLM("subject", struct nothing, none, .generate = generate));
