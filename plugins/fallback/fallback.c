/* fallback - tries lists of stages in order until one answers.
 *
 * The next list is tried when one fails with a status of `when` and has not said anything yet: what
 * the client has seen cannot be unsaid. A cancelled turn is never tried again.
 */
#include <patchbay/pipeline.h>

struct fallback {
    pb_list when; /* of int32_t, an index into statuses */
    pb_list attempts;
};

static const char *const status_names[] = {"unavailable",   "timeout",   "rate_limited",
                                           "bad_upstream",  "not_found", "unprocessable",
                                           "unsupported",   "invalid",   "forbidden",
                                           "unauthenticated", "internal", "no_memory", NULL};
static const pb_status statuses[] = {PB_UNAVAILABLE,     PB_TIMEOUT,   PB_RATE_LIMITED,
                                     PB_BAD_UPSTREAM,    PB_NOT_FOUND, PB_UNPROCESSABLE,
                                     PB_UNSUPPORTED,     PB_INVALID,   PB_FORBIDDEN,
                                     PB_UNAUTHENTICATED, PB_INTERNAL,  PB_NO_MEMORY};

static const pb_field fallback_options[] = {
    PB_LIST(struct fallback, when, PB_KIND_ENUM, .values = status_names,
            .def = "[unavailable, timeout, rate_limited, bad_upstream]",
            .help = "The failures after which the next list is tried."),
    PB_LIST(struct fallback, attempts, PB_KIND_PIPELINE, .name = "try", .required = 1,
            .help = "Lists of stages, in the order in which they are tried."),
    PB_END,
};

/* Remembers whether the client has seen something of the reply. */
struct watch {
    pb_sink base;
    bool spoken;
};

static pb_status watch_emit(pb_sink *sink, const pb_event *event)
{
    struct watch *watch = (struct watch *)sink;

    if (event->type != PB_EVENT_STAGE && event->type != PB_EVENT_USAGE)
        watch->spoken = true;
    return pb_pass(sink, event);
}

static bool goes_on(const struct fallback *fallback, pb_status status)
{
    for (size_t i = 0; i < fallback->when.count; i++)
        if (statuses[PB_ITEM(fallback->when, int32_t, i)] == status)
            return true;
    return false;
}

static pb_status fallback_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct fallback *fallback = self;
    pb_status status = PB_OK;

    for (size_t i = 0; i < fallback->attempts.count; i++) {
        struct watch watch = {.base = {.size = sizeof(pb_sink), .emit = watch_emit}};
        status = pb_run_pipeline_with(PB_ITEM(fallback->attempts, pb_pipeline *, i), turn, next,
                                      &watch.base);
        if (status == PB_OK || watch.spoken || !goes_on(fallback, status))
            return status;
        if (i + 1 < fallback->attempts.count) {
            pb_log(PB_WARN, "attempt %zu failed (%s: %.*s), trying the next", i + 1,
                   pb_status_name(status), PB_ARG(pb_error_last()->sentence));
            pb_error_clear();
        }
    }
    return status;
}

static void fallback_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct fallback *fallback = self;

    if (fallback->attempts.count == 1)
        pb_warning(diagnostics, "try", "there is one list only, so nothing to fall back on");
    if (!fallback->attempts.count)
        pb_problem(diagnostics, "try", "there is no list of stages; give at least one");
}

PB_PLUGIN("fallback", "0.1.0", "Apache-2.0", "Tries lists of stages until one answers.",
          PB_STAGE("fallback", struct fallback, fallback_options, .check = fallback_check,
                   .run = fallback_run));
