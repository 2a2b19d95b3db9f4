/* speech.c - calls of components that hear and speak: each a span, each under its contract. What the
 * writer fails with is what synthesize fails with, whatever the component made of it. */
#include "turn/component.h"

#include <patchbay/draft/speech.h>

static const pb_speech *interface_of(const pb_instance *speech)
{
    return (const pb_speech *)(const void *)speech->interface;
}

pb_status host_transcribe(pb_instance *speech, const pb_transcribe_request *request,
                          pb_transcript *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    if (!interface_of(speech)->transcribe)
        return pb_fail(PB_UNSUPPORTED, "'%.*s' cannot transcribe", PB_ARG(speech->name));
    struct component_call call = component_enter(speech, "transcribe");
    return component_leave(&call, interface_of(speech)->transcribe(speech->self, request, out));
}

struct listening {
    pb_writer base;
    pb_writer *writer;
    void *caller;     /* the instance that asked: it writes, not the component */
    pb_status failed; /* what `writer` failed with first */
};

static pb_status take(pb_writer *base, pb_bytes bytes)
{
    struct listening *listening = (struct listening *)(void *)base;

    if (listening->failed != PB_OK)
        return listening->failed;
    void *before = instance_enter(listening->caller);
    listening->failed = listening->writer->write(listening->writer, bytes);
    instance_leave(before);
    return listening->failed;
}

pb_status host_synthesize(pb_instance *speech, const pb_synthesize_request *request,
                          pb_writer *writer)
{
    struct listening listening = {.base = {.size = sizeof(pb_writer), .write = take},
                                  .writer = writer};

    if (!interface_of(speech)->synthesize)
        return pb_fail(PB_UNSUPPORTED, "'%.*s' cannot speak", PB_ARG(speech->name));
    struct component_call call = component_enter(speech, "synthesize");
    listening.caller = call.before;
    pb_status status =
        interface_of(speech)->synthesize(speech->self, request, &listening.base);
    return component_leave(&call, listening.failed != PB_OK ? listening.failed : status);
}

pb_status host_speech_detect(pb_instance *speech, const int16_t *samples, size_t count, double *out)
{
    *out = 0;
    if (!interface_of(speech)->detect)
        return pb_fail(PB_UNSUPPORTED, "'%.*s' cannot tell whether somebody speaks",
                       PB_ARG(speech->name));
    struct component_call call = component_enter(speech, "detect");
    return component_leave(&call,
                           interface_of(speech)->detect(speech->self, samples, count, out));
}

void host_speech_about(pb_instance *speech, pb_speech_about *out)
{
    const pb_speech *interface = interface_of(speech);

    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    if (interface->about) {
        void *before = instance_enter(speech);
        interface->about(speech->self, out);
        instance_leave(before);
    }
    out->listens = interface->transcribe != NULL;
    out->speaks = interface->synthesize != NULL;
    out->detects = interface->detect != NULL;
}
