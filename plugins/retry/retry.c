/* retry - runs what it wraps again when it fails in a way that may pass.
 *
 * Waits between attempts, longer each time, or as long as the failure itself asks for
 * (Retry-After). Gives up when something was said already, when it is asked to wait longer than
 * max_wait, and when the turn is cancelled.
 */
#include <patchbay/pipeline.h>
#include <patchbay/secret.h>

struct retry {
    int64_t attempts;
    pb_duration wait;
    pb_duration max_wait;
    double factor;
    pb_pipeline *stages;
};

static const pb_field retry_options[] = {
    PB_INT(struct retry, attempts, .def = "3", .min = 1, .max = 100,
           .help = "How often it is tried in all."),
    PB_DURATION(struct retry, wait, .def = "500ms", .max = 3600,
                .help = "Wait before the second attempt, up to a quarter more or less."),
    PB_FLOAT(struct retry, factor, .def = "2", .min = 1, .max = 10,
             .help = "Each further wait is this much longer."),
    PB_DURATION(struct retry, max_wait, .def = "20s", .max = 3600,
                .help = "Longest wait; a failure that asks for more is returned at once."),
    PB_PIPELINE(struct retry, stages, .help = "What is tried again; without it all that follows."),
    PB_END,
};

static pb_duration shorter(pb_duration a, pb_duration b)
{
    return a < b ? a : b;
}

/* Somewhere from `least` to `least + span`, so that many turns do not come back at once. */
static pb_duration spread(pb_duration least, pb_duration span)
{
    uint32_t random = 0;

    if (span <= 0 || pb_random(&random, sizeof random) != PB_OK)
        return least;
    return least + (pb_duration)((double)span * ((double)random / (double)UINT32_MAX));
}

/* How long to wait after a failure: never less than it asks for. */
static pb_duration pause_after(const struct retry *retry, pb_duration asked, pb_duration wait)
{
    pb_duration pause = asked > 0 ? spread(asked, asked / 4) : spread(wait - wait / 4, wait / 2);

    return shorter(pause, retry->max_wait);
}

static pb_status wait_for_next(int64_t attempt, pb_status status, pb_duration pause)
{
    pb_log(PB_INFO, "attempt %lld failed (%s: %.*s), again in %lld ms", (long long)attempt,
           pb_status_name(status), PB_ARG(pb_error_last()->sentence),
           (long long)(pause / PB_MILLISECOND));
    pb_error_clear();
    return pb_sleep(pause);
}

static pb_status retry_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct retry *retry = self;
    pb_duration wait = shorter(retry->wait, retry->max_wait);

    for (int64_t attempt = 1;; attempt++) {
        pb_watch watch = pb_watch_make();
        pb_status status = pb_run_pipeline_with(retry->stages, turn, next, &watch.base);
        if (status == PB_OK || !pb_status_retryable(status) || watch.spoken ||
            attempt == retry->attempts)
            return status;
        pb_duration asked = pb_error_last()->retry_after;
        if (asked > retry->max_wait)
            return status;
        status = wait_for_next(attempt, status, pause_after(retry, asked, wait));
        if (status != PB_OK)
            return status;
        double longer = (double)wait * retry->factor;
        wait = longer < (double)retry->max_wait ? (pb_duration)longer : retry->max_wait;
    }
}

static void retry_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct retry *retry = self;

    if (retry->attempts == 1)
        pb_warning(diagnostics, "attempts", "one attempt is none again; give at least 2");
    if (retry->wait > retry->max_wait)
        pb_warning(diagnostics, "wait", "this is longer than 'max_wait', which is waited instead");
}

PB_PLUGIN("retry", "0.1.0", "Apache-2.0", "Runs what it wraps again when it fails.",
          PB_STAGE("retry", struct retry, retry_options, .check = retry_check, .run = retry_run));
