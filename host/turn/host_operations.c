/* host_operations.c - the table of the host's own operations, and those that tell what is configured:
 * pipelines, instances, the effective configuration, all operations. Turns are in turn_operations.c, health and
 * figures in state_operations.c, kinds of problems in problems.c, what they answer in host_schemas.c. */
#include "turn/host_operations.h"

#include "plugin/instances.h"
#include "turn/docs.h"

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

static pb_status docs_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    (void)self;
    (void)call;
    (void)in;
    return docs_page(out);
}

/* --- the table -------------------------------------------------------------------------------- */

#define INPUT(type) .input = type##_fields, .input_size = sizeof(struct type)

static const int32_t accepted[] = {202, 0};
static const int32_t ready_answers[] = {200, 503, 0};
static const int32_t conflicts[] = {PB_CONFLICT, 0};

static const pb_operation operations[] = {
    {PB_OPERATION("turns.list", "GET", "/v1/turns", "The last turns and those that run, newest first."),
     .description = "One's own; an administrator sees those of the tenant. Only the last ones are kept.",
     .scope = "turns.read", INPUT(turns_in), .raw = turns_list, .output_schema = turns_list_schema},
    {PB_OPERATION("turns.get", "GET", "/v1/turns/{id}", "Where a turn's time and money went."),
     .description = "Every stage and call of it with its times, tokens and cost. Of a turn that was kept "
                    "(`detach`, `Idempotency-Key`) the whole reply, once it ended.",
     .scope = "turns.read", INPUT(turn_in), .raw = turns_get, .output_schema = turn_explained_schema,
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}"},
    {PB_OPERATION("turns.cancel", "DELETE", "/v1/turns/{id}", "Ends a running turn."),
     .description = "Its client gets what was said so far. A turn that has ended is a conflict.",
     .scope = "turns.cancel", INPUT(turn_in), .raw = turns_cancel, .output_schema = turn_cancelled_schema,
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", .answers = accepted,
     .errors = conflicts},
    {PB_OPERATION("pipelines.list", "GET", "/v1/pipelines", "What can be asked."),
     .scope = "pipelines.read", .raw = pipelines_list, .output_schema = pipelines_schema,
     .output_example = "{\"pipelines\": [{\"name\": \"support\", \"description\": \"Answers from the "
                       "manuals.\", \"stages\": [\"history\", \"retrieve\", \"generate\"]}]}"},
    {PB_OPERATION("instances.list", "GET", "/v1/instances", "The configured components."),
     .scope = "config.read", .raw = instances_list, .output_schema = instances_schema},
    {PB_OPERATION("config.show", "GET", "/v1/config", "The effective configuration, masked."),
     .scope = "config.read", .raw = config_show, .output_schema = config_schema},
    {PB_OPERATION("health.live", "GET", "/healthz", "Is the process there?"), .public_access = 1,
     .flags = PB_OPERATION_NO_TOOL, .raw = health_live, .output_schema = live_schema},
    {PB_OPERATION("health.ready", "GET", "/readyz", "Can it serve, and if not, why?"),
     .description = "Of the worker that answers. 503 while a component is not well, or the server stops.",
     .public_access = 1, .flags = PB_OPERATION_NO_TOOL, .raw = health_ready,
     .output_schema = ready_schema, .answers = ready_answers},
    {PB_OPERATION("metrics.read", "GET", "/metrics", "Figures for Prometheus."), .public_access = 1,
     .description = "Of all workers together, in Prometheus' text format.", .flags = PB_OPERATION_NO_TOOL,
     .raw = metrics_read, .output_type = "text/plain"},
    {PB_OPERATION("problems.get", "GET", "/problems/{name}", "What a kind of error means."),
     .description = "What the `type` of a problem document refers to: its meaning, and what to do. A page for "
                    "browsers, JSON for programs.",
     .public_access = 1, .flags = PB_OPERATION_NO_TOOL, .input = problem_in_fields,
     .input_size = sizeof(struct problem_in), .input_example = "{\"name\": \"rate_limited\"}",
     .raw = problems_get, .output_schema = problem_output_schema,
     .output_type = "application/json, text/html"},
    {PB_OPERATION("openapi.get", "GET", "/openapi.json", "This description, as OpenAPI 3.1."),
     .public_access = 1, .flags = PB_OPERATION_NO_TOOL, .raw = openapi_get,
     .output_schema = "{\"title\":\"OpenApiDocument\",\"type\":\"object\"}"},
    {PB_OPERATION("docs.get", "GET", "/docs", "This description, as a page for people."),
     .public_access = 1, .flags = PB_OPERATION_NO_TOOL, .raw = docs_get, .output_type = "text/html"},
    PB_OPERATION_END};

const pb_operation *host_operations(void)
{
    return operations;
}
