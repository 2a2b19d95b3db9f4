/* fallback - tries lists of stages in order until one answers.
 *
 * The next list is tried when one fails with a status of `when` and has not said anything yet: what
 * the client has seen cannot be unsaid. A cancelled turn is never tried again, and neither is one
 * whose time, set by a stage outside, is over.
 */
#include <patchbay/pipeline.h>

struct fallback {
    pb_list when; /* of int32_t, an index into failures */
    pb_list attempts;
};

/* Every way to fail but being cancelled, by pb_status_name. */
static const char *const failures[] = {
    "unavailable", "timeout",       "rate_limited",    "bad_upstream",
    "not_found",   "too_large",     "unsupported",     "invalid",
    "conflict",    "unprocessable", "unauthenticated", "forbidden",
    "internal",    "no_memory",     "no_space",        NULL};

static const pb_field fallback_options[] = {
    PB_LIST(struct fallback, when, PB_KIND_ENUM, .values = failures,
            .def = "[unavailable, timeout, rate_limited, bad_upstream]",
            .help = "The failures after which the next list is tried."),
    PB_LIST(struct fallback, attempts, PB_KIND_PIPELINE, .name = "try", .required = 1,
            .help = "Lists of stages, in the order in which they are tried."),
    PB_END,
};

static bool goes_on(const struct fallback *fallback, pb_status status)
{
    for (size_t i = 0; i < fallback->when.count; i++)
        if (strcmp(failures[PB_ITEM(fallback->when, int32_t, i)], pb_status_name(status)) == 0)
            return true;
    return false;
}

/* Says that an attempt failed and forgets why. PB_CANCELLED or PB_TIMEOUT: another would fail too.
 */
static pb_status prepare_next(size_t failed, pb_status status)
{
    pb_status ended = pb_step();

    if (ended != PB_OK)
        return ended;
    pb_log(PB_WARN, "attempt %zu failed (%s: %.*s), trying the next", failed,
           pb_status_name(status), PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
    return PB_OK;
}

static pb_status fallback_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct fallback *fallback = self;

    for (size_t i = 0;;) {
        pb_watch watch = pb_watch_make();
        pb_status status = pb_run_pipeline_with(PB_ITEM(fallback->attempts, pb_pipeline *, i), turn,
                                                next, &watch.base);
        if (status == PB_OK || watch.spoken || !goes_on(fallback, status) ||
            ++i == fallback->attempts.count)
            return status;
        status = prepare_next(i, status);
        if (status != PB_OK)
            return status;
    }
}

static void fallback_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct fallback *fallback = self;

    if (!fallback->attempts.count)
        pb_problem(diagnostics, "try", "there is no list of stages; give at least two");
    if (fallback->attempts.count == 1)
        pb_warning(diagnostics, "try", "there is one list only, so nothing to fall back on");
    if (!fallback->when.count)
        pb_warning(diagnostics, "when", "no failure is named, so only the first list is tried");
}

PB_PLUGIN("fallback", "0.1.0", "Apache-2.0", "Tries lists of stages until one answers.",
          PB_STAGE("fallback", struct fallback, fallback_options, .check = fallback_check,
                   .run = fallback_run));
