/* live_instances.c - what the workers of the running server say of their instances: health and
 * figures. This process joins the cluster as a guest for one question. */
#include "app/control.h"

#include "base/buf.h"
#include "cluster/node.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "turn/workers.h"

static struct buf gathered; /* the answers, joined; it outlives the task */

static void add(void *unused, pb_str answer)
{
    (void)unused;
    if (gathered.size)
        (void)buf_add(&gathered, pb_lit(","));
    (void)buf_add(&gathered, answer);
}

static void ask(void *unused)
{
    (void)unused;
    (void)workers_ask(&(struct workers_question){.topic = "instances", .each = add});
    loop_stop();
}

pb_str live_instances(const char *run_dir)
{
    pb_status status = loop_init();

    if (status != PB_OK)
        return pb_lit("[]");
    workers_setup();
    if (node_join(run_dir, NULL) == PB_OK && task_start(ask, NULL, NULL) == PB_OK)
        loop_run();
    node_leave();
    workers_fini();
    loop_fini();
    pb_str text = pb_printf("[%.*s]", PB_ARG(buf_str(&gathered)));
    buf_fini(&gathered);
    return text;
}
