/* host_operations.c - the operations of the host itself: turns, pipelines, instances, health,
 * metrics, the effective configuration. */
#include "turn/operations.h"

#include "base/metrics.h"
#include "plugin/instances.h"
#include "turn/turn.h"
#include <patchbay/service.h>

static pb_status answer(pb_content *out, pb_buf *buf)
{
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(buf);
    return pb_buf_status(buf);
}

/* --- turns ------------------------------------------------------------------------------------ */

struct turn_in {
    pb_str id;
};

static const pb_field turn_in_fields[] = {
    PB_STR(struct turn_in, id, .required = 1, .help = "The turn's id."), PB_END};

static pb_status turn_unknown(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no turn with this id; only the last ones are kept");
}

static pb_status turns_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turn_in *input = in;
    const struct trace *trace = trace_find(input->id);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    if (!trace || !turn_is_owner(trace->owner, trace->tenant, call->principal))
        return turn_unknown();
    trace_write(trace, true, &writer);
    return answer(out, &buf);
}

static pb_status turns_cancel(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turn_in *input = in;
    const struct trace *trace = trace_find(input->id);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    if (!trace || !turn_is_owner(trace->owner, trace->tenant, call->principal))
        return turn_unknown();
    if (!trace->running)
        return pb_fail(PB_CONFLICT, "the turn has ended already");
    pb_status status = host_turn_cancel(input->id, call->principal);
    if (status != PB_OK)
        return status;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "id");
    pb_jw_str(&writer, input->id);
    pb_jw_key(&writer, "status");
    pb_jw_str(&writer, pb_lit("cancelled"));
    pb_jw_close(&writer, '}');
    out->status = 202;
    return answer(out, &buf);
}

struct turns_in {
    int64_t limit;
    pb_str before;
};

static const pb_field turns_in_fields[] = {
    PB_INT(struct turns_in, limit, .def = "20", .min = 1, .max = 100, .help = "How many at most."),
    PB_STR(struct turns_in, before, .help = "Only turns that ended before the one with this id."),
    PB_END};

static void write_turns(const struct turns_in *input, const pb_call *call, const struct trace *at,
                        pb_json_writer *writer)
{
    const struct trace *last = NULL;
    int64_t count = 0;

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "turns");
    pb_jw_open(writer, '[');
    for (; at && count < input->limit; at = trace_newest(at)) {
        if (!turn_is_owner(at->owner, at->tenant, call->principal))
            continue;
        trace_write(at, false, writer);
        last = at;
        count++;
    }
    pb_jw_close(writer, ']');
    pb_jw_key(writer, "next");
    if (at && last)
        pb_jw_str(writer, pb_str_of(last->id));
    else
        pb_jw_null(writer);
    pb_jw_close(writer, '}');
}

static pb_status turns_list(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turns_in *input = in;
    const struct trace *before = NULL;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    if (input->before.data) {
        before = trace_find(input->before);
        if (!before || before->running ||
            !turn_is_owner(before->owner, before->tenant, call->principal))
            return pb_fail_at(PB_INVALID, "/before", "must be the id of a turn that is kept");
    }
    write_turns(input, call, trace_newest(before), &writer);
    return answer(out, &buf);
}

/* --- what there is ---------------------------------------------------------------------------- */

static pb_status pipelines_list(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    (void)call;
    (void)in;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "pipelines");
    pb_jw_open(&writer, '[');
    for (const pb_pipeline *at = pipelines_all(); at; at = at->next) {
        pb_jw_open(&writer, '{');
        pb_jw_key(&writer, "name");
        pb_jw_str(&writer, at->info.name);
        pb_jw_key(&writer, "description");
        pb_jw_str(&writer, at->info.description);
        pb_jw_key(&writer, "stages");
        pb_jw_open(&writer, '[');
        for (size_t i = 0; i < at->count; i++)
            pb_jw_str(&writer, at->stages[i]->name);
        pb_jw_close(&writer, ']');
        pb_jw_close(&writer, '}');
    }
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    return answer(out, &buf);
}

static pb_status instances_list(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    (void)call;
    (void)in;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "instances");
    pb_jw_open(&writer, '[');
    for (const pb_instance *at = instances_all(); at; at = at->next) {
        pb_jw_open(&writer, '{');
        pb_jw_key(&writer, "path");
        pb_jw_str(&writer, at->path);
        pb_jw_key(&writer, "kind");
        pb_jw_str(&writer, at->kind);
        pb_jw_key(&writer, "name");
        pb_jw_str(&writer, at->name);
        pb_jw_key(&writer, "use");
        pb_jw_str(&writer, pb_str_of(at->component->name));
        pb_jw_key(&writer, "plugin");
        pb_jw_str(&writer, pb_str_of(at->plugin->name));
        pb_jw_key(&writer, "version");
        pb_jw_str(&writer, pb_str_of(at->plugin->version));
        pb_jw_close(&writer, '}');
    }
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    return answer(out, &buf);
}

static pb_status config_show(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};

    (void)self;
    (void)call;
    (void)in;
    instances_config_write(&buf);
    return answer(out, &buf);
}

/* --- health and figures ----------------------------------------------------------------------- */

static pb_status health_live(void *self, const pb_call *call, const void *in, pb_content *out)
{
    (void)self;
    (void)call;
    (void)in;
    out->type = pb_lit("application/json");
    out->body = pb_lit("{\"status\":\"ok\"}");
    return PB_OK;
}

static void write_report(void *arg, const struct instance_report *report)
{
    pb_json_writer *writer = arg;

    if (report->status == PB_OK)
        return;
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "instance");
    pb_jw_str(writer, report->instance->path);
    pb_jw_key(writer, "status");
    pb_jw_str(writer, pb_str_of(pb_status_name(report->status)));
    pb_jw_key(writer, "detail");
    pb_jw_str(writer, report->sentence);
    pb_jw_close(writer, '}');
}

static pb_status health_ready(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    (void)call;
    (void)in;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "problems");
    pb_jw_open(&writer, '[');
    bool ready = instances_health(write_report, &writer);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "draining");
    pb_jw_bool(&writer, turn_draining());
    ready = ready && !turn_draining();
    pb_jw_key(&writer, "status");
    pb_jw_str(&writer, ready ? pb_lit("ready") : pb_lit("not_ready"));
    pb_jw_close(&writer, '}');
    pb_error_clear(); /* what a failing health() left */
    out->status = ready ? 200 : 503;
    return answer(out, &buf);
}

static pb_status metrics_read(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};

    (void)self;
    (void)call;
    (void)in;
    turn_report_refresh();
    metrics_write(&buf);
    instances_stats_write(&buf);
    out->type = pb_lit("text/plain; version=0.0.4; charset=utf-8");
    out->body = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* --- problems --------------------------------------------------------------------------------- */

struct problem_in {
    pb_str name;
};

static const pb_field problem_in_fields[] = {
    PB_STR(struct problem_in, name, .required = 1, .help = "The last part of a problem's type."),
    PB_END};

struct problem_out {
    pb_str title;
    int64_t status;
    bool retryable;
};

static const pb_field problem_out_fields[] = {
    PB_STR(struct problem_out, title, .help = "What it is called."),
    PB_INT(struct problem_out, status, .help = "The HTTP status that comes with it."),
    PB_BOOL(struct problem_out, retryable, .help = "May the same request succeed later?"), PB_END};

static pb_status problems_get(void *self, const pb_call *call, const void *in, void *out)
{
    const struct problem_in *input = in;
    struct problem_out *problem = out;

    (void)self;
    (void)call;
    for (pb_status status = PB_DECLINED; status <= PB_NO_SPACE; status++)
        if (pb_str_is(input->name, pb_status_name(status))) {
            problem->title = pb_str_of(pb_status_title(status));
            problem->status = pb_status_http(status);
            problem->retryable = pb_status_retryable(status);
            return PB_OK;
        }
    return pb_fail(PB_NOT_FOUND, "there is no problem of this name");
}

/* --- the table -------------------------------------------------------------------------------- */

#define INPUT(type)  .input = type##_fields, .input_size = sizeof(struct type)
#define OUTPUT(type) .output = type##_fields, .output_size = sizeof(struct type)

static const pb_operation operations[] = {
    {PB_OPERATION("turns.list", "GET", "/v1/turns", "The last turns, newest first."),
     .scope = "turns.read", INPUT(turns_in), .raw = turns_list},
    {PB_OPERATION("turns.get", "GET", "/v1/turns/{id}", "Where a turn's time and money went."),
     .scope = "turns.read", INPUT(turn_in), .raw = turns_get},
    {PB_OPERATION("turns.cancel", "DELETE", "/v1/turns/{id}", "Ends a running turn."),
     .scope = "turns.cancel", INPUT(turn_in), .raw = turns_cancel},
    {PB_OPERATION("pipelines.list", "GET", "/v1/pipelines", "What can be asked."),
     .scope = "pipelines.read", .raw = pipelines_list},
    {PB_OPERATION("instances.list", "GET", "/v1/instances", "The configured components."),
     .scope = "config.read", .raw = instances_list},
    {PB_OPERATION("config.show", "GET", "/v1/config", "The effective configuration, masked."),
     .scope = "config.read", .raw = config_show},
    {PB_OPERATION("health.live", "GET", "/healthz", "Is the process there?"), .public_access = 1,
     .raw = health_live},
    {PB_OPERATION("health.ready", "GET", "/readyz", "Can it serve, and if not, why?"),
     .public_access = 1, .raw = health_ready},
    {PB_OPERATION("metrics.read", "GET", "/metrics", "Figures for Prometheus."), .public_access = 1,
     .raw = metrics_read},
    {PB_OPERATION("problems.get", "GET", "/problems/{name}", "What a kind of error means."),
     .public_access = 1, INPUT(problem_in), OUTPUT(problem_out), .handle = problems_get},
    PB_OPERATION_END};

const pb_operation *host_operations(void)
{
    return operations;
}
