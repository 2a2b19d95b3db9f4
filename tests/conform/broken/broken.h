/* broken.h - what the plugins of this folder share: no options, and one component called "subject".
 * Each breaks one numbered rule of sdk/CONTRACT.md, and ../rules.py expects that it is reported. */
#ifndef TESTS_CONFORM_BROKEN_H
#define TESTS_CONFORM_BROKEN_H

#include <patchbay/llm.h>
#include <patchbay/pipeline.h>
#include <patchbay/stage.h>

struct nothing {
    int64_t unused;
};

static const pb_field none[] = {PB_END};

#define BROKEN_STAGE(type, ...)                                                                    \
    PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",                                   \
              PB_STAGE("subject", type, none, __VA_ARGS__))

/* A model that emits the types of events it is given, whatever emit returns. */
#define BROKEN_LLM(...)                                                                            \
    static pb_status generate(void *self, const pb_llm_request *request, pb_sink *sink)            \
    {                                                                                              \
        static const int32_t types[] = {__VA_ARGS__, 0};                                           \
        (void)self, (void)request;                                                                 \
        return emit_all(sink, types);                                                              \
    }                                                                                              \
    PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",                                   \
              PB_LLM("subject", struct nothing, none, .generate = generate))

static inline pb_status emit_all(pb_sink *sink, const int32_t *types)
{
    pb_status status = PB_OK;

    for (; *types && status == PB_OK; types++) {
        pb_usage usage = {.size = sizeof usage, .calls = 1};
        pb_event event = pb_event_make(*types);
        event.text = pb_lit("text");
        event.usage = &usage;
        event.finish = PB_FINISH_STOP;
        status = pb_sink_emit(sink, &event);
    }
    return status;
}

#endif
