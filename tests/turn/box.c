/* box.c - see box.h. */
#define PB_PLUGIN_SYMBOL patchbay_plugin_box
#include "box.h"

#include <patchbay/service.h>

struct box box;

void box_reset(void)
{
    memset(&box, 0, sizeof box);
    box.begun = pb_monotonic();
}

static void copy(char *to, size_t size, pb_str text)
{
    (void)snprintf(to, size, "%.*s", PB_ARG(text));
}

#define COPY(to, text) copy(to, sizeof(to), text)

static pb_status act(struct box_call *calls, size_t *count, size_t records)
{
    struct box_call *call = &calls[*count < BOX_CALLS - 1 ? (*count)++ : BOX_CALLS - 1];
    pb_status status = box.wait ? pb_sleep(box.wait) : (pb_status)PB_OK;

    if (status == PB_OK && box.failures > 0) {
        box.failures--;
        status = pb_fail_retry(box.status, box.retry_after, "the box is shut");
    }
    *call = (struct box_call){pb_monotonic() - box.begun, records, status};
    return status;
}

static void keep_span(const pb_span_record *from)
{
    struct box_span *to = &box.spans[box.span_count < BOX_SPANS - 1 ? box.span_count++ : BOX_SPANS - 1];
    pb_buf notes = {0};

    COPY(to->trace, from->trace);
    COPY(to->id, from->id);
    COPY(to->parent, from->parent);
    COPY(to->turn, from->turn);
    COPY(to->tenant, from->tenant);
    COPY(to->kind, from->kind);
    COPY(to->name, from->name);
    to->status = from->status;
    to->began = from->began;
    to->total = from->total;
    to->self = from->self;
    if (from->notes)
        pb_json_write(&notes, from->notes);
    COPY(to->notes, pb_buf_str(&notes));
}

static pb_status box_span(void *self, const pb_span_record *const *batch, size_t count)
{
    (void)self;
    pb_status status = act(box.span_calls, &box.span_call_count, count);
    for (size_t i = 0; i < count && status == PB_OK; i++)
        keep_span(batch[i]);
    return status;
}

static pb_status box_audit(void *self, const pb_audit_record *const *batch, size_t count)
{
    (void)self;
    pb_status status = act(box.audit_calls, &box.audit_call_count, count);
    for (size_t i = 0; i < count && status == PB_OK; i++) {
        struct box_record *to = &box.records[box.record_count++ % BOX_RECORDS];
        COPY(to->tenant, batch[i]->tenant);
        COPY(to->principal, batch[i]->principal);
        COPY(to->action, batch[i]->action);
        COPY(to->object, batch[i]->object);
        to->status = batch[i]->status;
    }
    return status;
}

/* --- a service -------------------------------------------------------------------------------- */

struct none {
    int64_t unused;
};

struct job {
    pb_str id;
};

static const pb_field no_options[] = {PB_END};
static const pb_field job_fields[] = {PB_STR(struct job, id, .help = "Which."), PB_END};

static pb_status run(void *self, const pb_call *call, const void *in, void *out)
{
    (void)self;
    (void)call;
    (void)in;
    box.handled++;
    if (out)
        ((struct job *)out)->id = pb_lit("job-1");
    return PB_OK;
}

#define JOB .input = job_fields, .input_size = sizeof(struct job)
#define MADE .output = job_fields, .output_size = sizeof(struct job)

static const pb_operation operations[] = {
    {PB_OPERATION("jobs.list", "GET", "/v1/jobs", "All."), .handle = run},
    {PB_OPERATION("jobs.add", "POST", "/v1/jobs", "Makes one."), MADE, .handle = run},
    {PB_OPERATION("jobs.search", "POST", "/v1/jobs/search", "Finds some."), MADE,
     .flags = PB_OPERATION_NO_AUDIT, .handle = run},
    {PB_OPERATION("jobs.open", "POST", "/v1/jobs/open", "For all."), .public_access = 1, .handle = run},
    {PB_OPERATION("jobs.delete", "DELETE", "/v1/jobs/{id}", "Removes one."), JOB,
     .scope = "jobs.write", .handle = run},
    PB_OPERATION_END};

PB_PLUGIN("box", "1.0.0", "MIT", "Keeps what it gets.",
          PB_EXPORTER("box", struct none, no_options, .span = box_span, .audit = box_audit),
          PB_EXPORTER("box-spans", struct none, no_options, .span = box_span),
          PB_EXPORTER("box-audit", struct none, no_options, .audit = box_audit),
          PB_SERVICE("jobs", struct none, no_options, .operations = operations));
