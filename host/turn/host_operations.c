/* host_operations.c - the table of the host's own operations, and those that tell what is configured:
 * pipelines, instances, the effective configuration, kinds of problems. Turns are in
 * turn_operations.c, health and figures in state_operations.c. */
#include "turn/host_operations.h"

#include "plugin/instances.h"
#include "turn/openapi.h"

pb_status operation_answer(pb_content *out, pb_buf *buf)
{
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(buf);
    return pb_buf_status(buf);
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
    return operation_answer(out, &buf);
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
    return operation_answer(out, &buf);
}

static pb_status config_show(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf buf = {0};

    (void)self;
    (void)call;
    (void)in;
    instances_config_write(&buf);
    return operation_answer(out, &buf);
}

static pb_status openapi_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    (void)self;
    (void)call;
    (void)in;
    out->type = pb_lit("application/json");
    return openapi_document(&out->body);
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
    for (pb_status status = PB_DECLINED; status <= PB_STATUS_LAST; status++)
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
    {PB_OPERATION("turns.list", "GET", "/v1/turns", "The last turns and those that run, newest first."),
     .scope = "turns.read", .input = turns_in_fields, .input_size = sizeof(struct turns_in),
     .raw = turns_list},
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
    {PB_OPERATION("openapi.get", "GET", "/openapi.json", "This description, as OpenAPI 3.1."),
     .public_access = 1, .flags = PB_OPERATION_NO_TOOL, .raw = openapi_get},
    PB_OPERATION_END};

const pb_operation *host_operations(void)
{
    return operations;
}
