/* retry - runs what it wraps again when it fails in a way that may pass.
 *
 * Waits between attempts, longer each time, or as long as the failure itself asks for (Retry-After).
 * Gives up when something was said already, when the wait would be longer than max_wait, and when
 * the turn is cancelled.
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
                .help = "Wait before the second attempt."),
    PB_FLOAT(struct retry, factor, .def = "2", .min = 1, .max = 10,
             .help = "Each further wait is this much longer."),
    PB_DURATION(struct retry, max_wait, .def = "20s", .max = 3600,
                .help = "Longest wait; a failure that asks for more is returned at once."),
    PB_PIPELINE(struct retry, stages, .help = "What is tried again; without it all that follows."),
    PB_END,
};

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

/* The wait with a quarter more or less, so that many turns do not come back at once. */
static pb_duration jittered(pb_duration wait)
{
    uint32_t random = 0;

    if (wait <= 0 || pb_random(&random, sizeof random) != PB_OK)
        return wait;
    return wait - wait / 4 + (pb_duration)((double)(wait / 2) * ((double)random / 4294967295.0));
}

static pb_status retry_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct retry *retry = self;
    double wait = (double)retry->wait;

    for (int64_t attempt = 1;; attempt++) {
        struct watch watch = {.base = {.size = sizeof(pb_sink), .emit = watch_emit}};
        pb_status status = pb_run_pipeline_with(retry->stages, turn, next, &watch.base);
        pb_duration asked = pb_error_last()->retry_after;
        if (status == PB_OK || !pb_status_retryable(status) || watch.spoken ||
            attempt >= retry->attempts || asked > retry->max_wait)
            return status;
        pb_duration pause = asked > 0 ? asked : jittered((pb_duration)wait);
        if (pause > retry->max_wait)
            pause = retry->max_wait;
        pb_log(PB_INFO, "attempt %lld failed (%s: %.*s), again in %lld ms", (long long)attempt,
               pb_status_name(status), PB_ARG(pb_error_last()->sentence),
               (long long)(pause / PB_MILLISECOND));
        pb_error_clear();
        status = pb_sleep(pause);
        if (status != PB_OK)
            return status;
        wait *= retry->factor;
    }
}

PB_PLUGIN("retry", "0.1.0", "Apache-2.0", "Runs what it wraps again when it fails.",
          PB_STAGE("retry", struct retry, retry_options, .run = retry_run));
