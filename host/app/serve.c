/* serve.c - `patchbay serve`: runs until it is told to stop; says where it listens and what to try. */
#include "app/load.h"
#include "app/worker.h"

#include "net/server.h"
#include "plugin/instances.h"
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pb_str first_pipeline(void)
{
    pb_pipeline *pipeline = pipelines_all();
    return pipeline ? pipeline->info.name : (pb_str){0};
}

static void say_one(void *first, pb_str url)
{
    bool *is_first = first;

    printf("%s %.*s\n", *is_first ? "Patchbay " PATCHBAY_VERSION " answers at" : "and at",
           PB_ARG(url));
    if (*is_first)
        printf("\nTry it:\n"
               "  curl -N %.*s/v1/chat/completions -H 'Content-Type: application/json' \\\n"
               "    -d '{\"model\":\"%.*s\",\"stream\":true,"
               "\"messages\":[{\"role\":\"user\",\"content\":\"What can you do?\"}]}'\n\n",
               PB_ARG(url), PB_ARG(first_pipeline()));
    *is_first = false;
}

static pb_status serve(void *unused)
{
    bool first = true;

    (void)unused;
    listeners_each(say_one, &first);
    if (first)
        printf("Patchbay " PATCHBAY_VERSION " runs, and listens nowhere: no transport does\n");
    printf("Stop it with Ctrl-C, or: kill %d\n", (int)getpid());
    fflush(stdout);
    return worker_wait();
}

int command_serve(const struct invocation *invocation)
{
    struct worker_plan plan = {.main = serve, .serve = true};
    static struct loaded loaded;
    pb_status status = load_config_aloud(invocation, &loaded);

    if (status == PB_OK)
        status = worker_run(&plan);
    return pb_status_exit(status);
}
