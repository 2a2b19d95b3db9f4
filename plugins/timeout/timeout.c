/* timeout - ends what it wraps with PB_TIMEOUT when it takes too long.
 *
 * `after` limits the whole; `first_text` only the time until the first word of the reply, so that a
 * slow but talking model is not cut off.
 */
#include <patchbay/pipeline.h>

struct timeout {
    pb_duration after;
    pb_duration first_text;
    pb_pipeline *stages;
};

static const pb_field timeout_options[] = {
    PB_DURATION(struct timeout, after, .max = 86400, .help = "Limit of the whole; 0: none."),
    PB_DURATION(struct timeout, first_text, .max = 86400,
                .help = "Limit until the first piece of the reply; 0: none."),
    PB_PIPELINE(struct timeout, stages, .help = "What is limited; without it all that follows."),
    PB_END,
};

/* Lifts the first limit once the reply begins. */
struct first {
    pb_sink base;
    pb_duration before;
    bool lifted;
};

static pb_status first_emit(pb_sink *sink, const pb_event *event)
{
    struct first *first = (struct first *)sink;

    if (!first->lifted && event->type != PB_EVENT_STAGE) {
        first->lifted = true;
        pb_deadline_end(first->before);
    }
    return pb_pass(sink, event);
}

static pb_status timeout_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct timeout *timeout = self;
    pb_duration whole = 0;
    pb_status status;

    if (timeout->after)
        whole = pb_deadline_begin(timeout->after);
    if (timeout->first_text) {
        struct first first = {.base = {.size = sizeof(pb_sink), .emit = first_emit}};
        first.before = pb_deadline_begin(timeout->first_text);
        status = pb_run_pipeline_with(timeout->stages, turn, next, &first.base);
        if (!first.lifted)
            pb_deadline_end(first.before);
    } else {
        status = pb_run_pipeline(timeout->stages, turn, next);
    }
    if (timeout->after)
        pb_deadline_end(whole);
    return status;
}

static void timeout_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct timeout *timeout = self;

    if (!timeout->after && !timeout->first_text)
        pb_problem(diagnostics, "", "nothing is limited; give 'after', 'first_text' or both");
}

PB_PLUGIN("timeout", "0.1.0", "Apache-2.0", "Ends what takes too long.",
          PB_STAGE("timeout", struct timeout, timeout_options, .check = timeout_check,
                   .run = timeout_run));
