/* Models that break rule 9 (and 6 and 7) of the contract, each in its own way. */
#include <patchbay/llm.h>

static pb_status emit(pb_sink *sink, int32_t type)
{
    pb_event event = pb_event_make(type);
    pb_usage usage = {.size = sizeof usage, .calls = 1};

    event.text = pb_lit("text");
    event.usage = &usage;
    event.finish = PB_FINISH_STOP;
    return pb_sink_emit(sink, &event);
}

/* Emits the events of `types` (0 at the end) and returns what the last emit did. */
static pb_status emit_all(pb_sink *sink, const int32_t *types)
{
    pb_status status = PB_OK;

    for (; *types && status == PB_OK; types++)
        status = emit(sink, *types);
    return status;
}

#define MODEL(function, ...)                                                                       \
    static pb_status function(void *self, const pb_llm_request *request, pb_sink *sink)            \
    {                                                                                              \
        static const int32_t types[] = {__VA_ARGS__, 0};                                           \
        (void)self;                                                                                \
        (void)request;                                                                             \
        return emit_all(sink, types);                                                              \
    }

MODEL(well, PB_EVENT_TEXT, PB_EVENT_USAGE, PB_EVENT_FINISH)
MODEL(late_text, PB_EVENT_TEXT, PB_EVENT_FINISH, PB_EVENT_TEXT)
MODEL(two_finishes, PB_EVENT_TEXT, PB_EVENT_FINISH, PB_EVENT_FINISH)
MODEL(no_finish, PB_EVENT_TEXT, PB_EVENT_USAGE)
MODEL(two_usages, PB_EVENT_USAGE, PB_EVENT_USAGE, PB_EVENT_FINISH)

static pb_status deaf(void *self, const pb_llm_request *request, pb_sink *sink)
{
    (void)self;
    (void)request;
    (void)emit(sink, PB_EVENT_TEXT);
    (void)emit(sink, PB_EVENT_FINISH);
    return PB_OK;
}

static pb_status finish_and_fail(void *self, const pb_llm_request *request, pb_sink *sink)
{
    (void)self;
    (void)request;
    (void)emit(sink, PB_EVENT_FINISH);
    return pb_fail(PB_BAD_UPSTREAM, "the model's service went away");
}

static pb_status mute(void *self, const pb_llm_request *request, pb_sink *sink)
{
    (void)self;
    (void)request;
    (void)sink;
    return PB_UNAVAILABLE;
}

struct nothing {
    int64_t unused;
};

static const pb_field none[] = {PB_END};

PB_PLUGIN("llms", "1.0.0", "MIT", "Models that break the contract.",
          PB_LLM("well", struct nothing, none, .generate = well),
          PB_LLM("late-text", struct nothing, none, .generate = late_text),
          PB_LLM("two-finishes", struct nothing, none, .generate = two_finishes),
          PB_LLM("no-finish", struct nothing, none, .generate = no_finish),
          PB_LLM("two-usages", struct nothing, none, .generate = two_usages),
          PB_LLM("deaf", struct nothing, none, .generate = deaf),
          PB_LLM("finish-and-fail", struct nothing, none, .generate = finish_and_fail),
          PB_LLM("mute", struct nothing, none, .generate = mute));
