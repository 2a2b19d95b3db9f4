/* timeout - ends what it wraps with PB_TIMEOUT when it takes too long.
 *
 * `after` limits the whole; `first_text` only the time until the reply begins, so that a slow but
 * talking model is not cut off.
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

/* Ends the first limit once the reply begins, before the client's slowness could count. What it
 * limits may have deadlines of its own, and speak in another task: it ends this one alone. */
struct first {
    pb_sink base;
    int64_t deadline;
    bool begun;
};

static pb_status first_emit(pb_sink *sink, const pb_event *event)
{
    struct first *first = (struct first *)sink;

    if (!first->begun && pb_event_speaks(event)) {
        first->begun = true;
        pb_deadline_end(first->deadline);
    }
    return pb_pass(sink, event);
}

static pb_status run_to_first(const struct timeout *timeout, pb_turn *turn, const pb_next *next)
{
    struct first first = {.base = {.size = (uint32_t)sizeof(pb_sink), .emit = first_emit}};
    pb_duration begin = pb_monotonic();

    first.deadline = pb_deadline_begin(timeout->first_text);
    pb_status status = pb_run_pipeline_with(timeout->stages, turn, next, &first.base);
    pb_deadline_end(first.deadline);
    if (status == PB_TIMEOUT && !first.begun && pb_monotonic() - begin >= timeout->first_text)
        return pb_fail(PB_TIMEOUT, "no reply had begun after %.3g s",
                       (double)timeout->first_text / (double)PB_SECOND);
    return status;
}

static pb_status timeout_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct timeout *timeout = self;
    pb_duration begin = pb_monotonic();
    int64_t deadline = timeout->after ? pb_deadline_begin(timeout->after) : 0;
    pb_status status = timeout->first_text ? run_to_first(timeout, turn, next)
                                           : pb_run_pipeline(timeout->stages, turn, next);

    if (!timeout->after)
        return status;
    pb_deadline_end(deadline);
    if (status == PB_TIMEOUT && pb_monotonic() - begin >= timeout->after)
        return pb_fail(PB_TIMEOUT, "the reply was not complete after %.3g s",
                       (double)timeout->after / (double)PB_SECOND);
    return status;
}

static void timeout_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct timeout *timeout = self;

    if (!timeout->after && !timeout->first_text)
        pb_problem(diagnostics, "", "nothing is limited; give 'after', 'first_text' or both");
    if (timeout->after && timeout->first_text >= timeout->after)
        pb_warning(diagnostics, "first_text", "'after' ends it no later, so this has no effect");
}

PB_PLUGIN("timeout", "0.1.0", "Apache-2.0", "Ends what takes too long.",
          PB_STAGE("timeout", struct timeout, timeout_options, .check = timeout_check,
                   .run = timeout_run));
