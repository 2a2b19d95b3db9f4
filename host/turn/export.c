/* export.c - the exporters of this worker and the task of each, which hands over what waits and tries
 * again, later and later, what was not taken. See export.h. */
#include "turn/export_internal.h"

#include "base/metrics.h"
#include "runtime/task.h"
#include <patchbay/log.h>
#include <stdlib.h>

static const pb_duration first_pause = PB_SECOND, longest_pause = 60 * PB_SECOND;

bool export_wants_spans, export_wants_audit;

static struct {
    struct exporter *first;
    pb_duration stopping; /* when the time for what waits is over; 0: not stopping */
    pb_metric *dropped, *failures, *waiting;
} all;

struct exporter *exporters_all(void)
{
    return all.first;
}

/* --- the task --------------------------------------------------------------------------------- */

void exporter_wake(struct exporter *exporter)
{
    if (exporter->idle)
        waiter_wake(exporter->idle);
}

bool export_is_stopping(void)
{
    return all.stopping != 0;
}

void exporter_count_dropped(struct exporter *exporter, size_t spans)
{
    pb_metric_add(all.dropped, exporter->instance->name, (double)spans);
}

static void idle(struct exporter *exporter, pb_duration limit)
{
    struct waiter waiter = {0};

    exporter->idle = &waiter;
    if (limit < 0)
        (void)task_wait(&waiter);
    else
        (void)task_wait_for(&waiter, limit);
    exporter->idle = NULL;
    pb_error_clear();
}

/* How long until audit records, or spans, are to be offered; 0: now; -1: nothing waits. */
static pb_duration audit_wait(const struct exporter *exporter, pb_duration now)
{
    if (exporter->record_count == 0)
        return -1;
    return exporter->audit.due > now ? exporter->audit.due - now : 0;
}

static pb_duration spans_wait(const struct exporter *exporter, pb_duration now)
{
    if (exporter->turn_count == 0)
        return -1;
    if (all.stopping)
        return 0;
    pb_duration due = spans_due(exporter, now);
    return exporter->spans.due > now + due ? exporter->spans.due - now : due;
}

/* Later and later, but within the time that is left when the worker stops. */
static void put_off(struct lane *lane)
{
    pb_duration asked = pb_error_last()->retry_after;

    lane->pause = lane->pause ? lane->pause * 2 : first_pause;
    if (lane->pause > longest_pause)
        lane->pause = longest_pause;
    pb_duration pause = asked > lane->pause && asked <= longest_pause ? asked : lane->pause;
    if (all.stopping && pause > first_pause)
        pause = first_pause;
    lane->due = loop_refresh() + pause;
}

/* Says it once when it begins to go wrong, and once when it goes well again. */
static void note(struct exporter *exporter, struct lane *lane, pb_status status)
{
    pb_str title = instance_title(exporter->instance);

    if (status == PB_OK) {
        if (lane->failing)
            pb_log(PB_INFO, "%.*s takes %s again", PB_ARG(title), lane->what);
        lane->failing = false;
        lane->due = lane->pause = 0;
        return;
    }
    pb_metric_add(all.failures, exporter->instance->name, 1);
    if (!lane->failing)
        pb_log(PB_WARN, "%.*s took no %s: %.*s", PB_ARG(title), lane->what,
               PB_ARG(pb_error_last()->sentence));
    lane->failing = true;
    put_off(lane);
}

/* One batch of one sort, in a scope of its own. */
static void offer(struct exporter *exporter, struct lane *lane,
                  pb_status (*fn)(struct exporter *exporter))
{
    pb_scope *scope = pb_scope_begin();

    pb_error_clear();
    note(exporter, lane, fn(exporter));
    pb_error_clear();
    pb_scope_end(scope);
}

static void serve(void *arg)
{
    struct exporter *exporter = arg;

    while (!exporter->closed) {
        pb_duration now = loop_refresh();
        pb_duration audit = audit_wait(exporter, now), spans = spans_wait(exporter, now);

        if (audit == 0)
            offer(exporter, &exporter->audit, audit_offer);
        else if (spans == 0)
            offer(exporter, &exporter->spans, spans_offer);
        else if (audit < 0 && spans < 0 && all.stopping && exporter->reserved == 0)
            break;
        else
            idle(exporter, audit < 0 || (spans >= 0 && spans < audit) ? spans : audit);
    }
    exporter->task = NULL;
    if (exporter->stopper)
        waiter_wake(exporter->stopper);
}

/* --- the life of all -------------------------------------------------------------------------- */

static pb_status add(pb_instance *instance)
{
    struct exporter *exporter = calloc(1, sizeof *exporter), **last = &all.first;

    if (!exporter)
        return pb_fail(PB_NO_MEMORY, "there is no memory for the queue of %.*s",
                       PB_ARG(instance->path));
    exporter->instance = instance;
    exporter->interface = (const pb_exporter *)(const void *)instance->interface;
    exporter->spans.what = "spans";
    exporter->audit.what = "audit records";
    list_init(&exporter->records);
    list_init(&exporter->waiting);
    while (*last)
        last = &(*last)->next;
    *last = exporter;
    export_wants_spans = export_wants_spans || exporter->interface->span;
    export_wants_audit = export_wants_audit || exporter->interface->audit;
    return PB_OK;
}

pb_status export_setup(void)
{
    pb_status status = PB_OK;

    export_fini();
    for (pb_instance *at = instances_all(); at && status == PB_OK; at = at->next)
        if (pb_str_is(at->kind, "exporter") && !at->broken)
            status = add(at);
    if (!all.first || status != PB_OK)
        return status;
    all.dropped = pb_metric_new(PB_COUNTER, "exporter_dropped",
                                "Spans that an exporter did not take, or not in time.", "instance");
    all.failures = pb_metric_new(PB_COUNTER, "exporter_failures",
                                 "Batches that an exporter failed to take.", "instance");
    all.waiting = pb_metric_new(PB_GAUGE, "exporter_waiting",
                                "Spans and audit records that wait for an exporter.", "instance");
    for (const struct exporter *at = all.first; at; at = at->next)
        pb_metric_add(all.dropped, at->instance->name, 0); /* there from the start */
    return PB_OK;
}

/* One that runs in a single worker takes records in every worker. */
static bool is_ready(const pb_instance *instance)
{
    return instance->state == INSTANCE_STARTED ||
           (instance->interface->single && instance->state == INSTANCE_CREATED);
}

pb_status export_start(void)
{
    pb_status status = PB_OK;

    for (struct exporter *at = all.first; at && status == PB_OK; at = at->next) {
        if (is_ready(at->instance))
            status = task_start(serve, at, &at->task);
        else
            at->closed = true; /* a command that only looks after tables */
    }
    return status;
}

/* Until the task has ended; false: not within the limit. */
static bool await(struct exporter *exporter, pb_duration limit)
{
    struct waiter waiter = {0};

    if (!exporter->task)
        return true;
    exporter->stopper = &waiter;
    exporter_wake(exporter);
    if (limit > 0)
        (void)task_wait_for(&waiter, limit);
    else
        task_wait_always(&waiter);
    exporter->stopper = NULL;
    pb_error_clear();
    return !exporter->task;
}

void export_stop(void)
{
    if (!all.first)
        return;
    all.stopping = loop_refresh() + instances_host_options()->limits.cleanup;
    for (struct exporter *at = all.first; at; at = at->next) {
        at->audit.due = at->audit.pause = 0; /* once more, whatever was before */
        exporter_wake(at);
    }
    for (struct exporter *at = all.first; at; at = at->next) {
        pb_duration left = all.stopping - loop_refresh();
        if (!await(at, left > 0 ? left : 1)) {
            at->closed = true;
            task_cancel(at->task, "the worker is stopping");
            (void)await(at, 0);
        }
        at->closed = true;
    }
    export_fini();
}

void export_fini(void)
{
    export_wants_spans = export_wants_audit = false;
    while (all.first) {
        struct exporter *exporter = all.first;
        all.first = exporter->next;
        exporter->closed = true;
        spans_drop_all(exporter);
        audit_give_up(exporter);
        if (audit_is_unused(exporter)) /* else an operation that outlives all still points to it */
            free(exporter);
    }
    all.stopping = 0;
}

void export_refresh(void)
{
    for (const struct exporter *at = all.first; at; at = at->next)
        metric_set(all.waiting, at->instance->name, (double)(at->span_count + at->record_count));
}
