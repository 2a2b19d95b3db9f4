/* state_operations.c - /healthz, /readyz of this worker, /metrics of all, and what each worker
 * tells of its instances. */
#include "turn/host_operations.h"

#include "base/metrics.h"
#include "base/metrics_merge.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "plugin/instances.h"
#include "turn/turn.h"
#include "turn/workers.h"

/* --- health ------------------------------------------------------------------------------------
 */

pb_status health_live(void *self, const pb_call *call, const void *in, pb_content *out)
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

/* Pipelines that are kept from killing more workers; true: there are some. */
static bool write_quarantined(pb_json_writer *writer)
{
    bool any = false;

    pb_jw_key(writer, "quarantined");
    pb_jw_open(writer, '[');
    for (const pb_pipeline *at = pipelines_all(); at; at = at->next) {
        const char *sentence = scoreboard_quarantined(at->info.name);
        if (!sentence)
            continue;
        any = true;
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "pipeline");
        pb_jw_str(writer, at->info.name);
        pb_jw_key(writer, "detail");
        pb_jw_str(writer, pb_str_of(sentence));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
    return any;
}

pb_status health_ready(void *self, const pb_call *call, const void *in, pb_content *out)
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
    bool degraded = write_quarantined(&writer);
    pb_jw_key(&writer, "draining");
    pb_jw_bool(&writer, turn_draining());
    ready = ready && !turn_draining();
    pb_jw_key(&writer, "status");
    pb_jw_str(&writer, !ready     ? pb_lit("not_ready")
                       : degraded ? pb_lit("degraded")
                                  : pb_lit("ready"));
    pb_jw_close(&writer, '}');
    pb_error_clear(); /* what a failing health() left */
    out->status = ready ? 200 : 503;
    return operation_answer(out, &buf);
}

/* --- figures -----------------------------------------------------------------------------------
 */

static void write_figures(pb_buf *buf)
{
    turn_report_refresh();
    metrics_write(buf);
    instances_stats_write(buf);
}

static pb_status answer_figures(pb_str question, pb_str *out)
{
    pb_buf buf = {0};

    (void)question;
    write_figures(&buf);
    return workers_answer(&buf, out);
}

static void add_figures(void *arg, pb_str text)
{
    if (metrics_merge_add(arg, text) != PB_OK)
        pb_log(PB_WARN, "the figures of a worker are left out: %.*s",
               PB_ARG(pb_error_last()->sentence));
}

static pb_status all_figures(pb_buf *own, pb_buf *out)
{
    struct metrics_merge merge;

    metrics_merge_init(&merge);
    pb_status status = metrics_merge_add(&merge, pb_buf_str(own));
    (void)workers_ask(
        &(struct workers_question){.topic = "metrics", .each = add_figures, .arg = &merge});
    metrics_merge_write(&merge, out);
    metrics_merge_fini(&merge);
    return status;
}

pb_status metrics_read(void *self, const pb_call *call, const void *in, pb_content *out)
{
    pb_buf own = {0}, all = {0}, *buf = &own;
    pb_status status = PB_OK;

    (void)self;
    (void)call;
    (void)in;
    write_figures(&own);
    if (node_kind() == NODE_WORKER) {
        buf = &all;
        status = all_figures(&own, &all);
    }
    out->type = pb_lit("text/plain; version=0.0.4; charset=utf-8");
    out->body = pb_buf_str(buf);
    return status == PB_OK ? pb_buf_status(buf) : status;
}

/* --- for `patchbay inspect --live` -------------------------------------------------------------- */

static pb_status answer_instances(pb_str question, pb_str *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)question;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "worker");
    pb_jw_int(&writer, node_slot());
    pb_jw_key(&writer, "generation");
    pb_jw_int(&writer, node_generation());
    pb_jw_key(&writer, "instances");
    instances_report_write(&writer);
    pb_jw_close(&writer, '}');
    return workers_answer(&buf, out);
}

void state_operations_setup(void)
{
    node_answers("instances", answer_instances);
    node_answers("metrics", answer_figures);
}
