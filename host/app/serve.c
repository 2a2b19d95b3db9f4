/* serve.c - `patchbay serve`: one program, three parts. Which one, the environment says: PATCHBAY_CHECK is
 * the child that checks the configuration, PATCHBAY_WORKER a worker, else it is the supervisor.
 */
#include "app/load.h"
#include "app/settings.h"
#include "app/supervisor.h"
#include "app/worker.h"

#include "base/log.h"
#include "config/snapshot.h"
#include "net/server.h"
#include "plugin/instances.h"
#include <fcntl.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A descriptor that the supervisor left us in the environment; -1: none. It stays open. */
static int inherited(const char *name)
{
    const char *text = getenv(name);
    int fd = text ? atoi(text) : -1;

    if (fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        fd = -1;
    unsetenv(name);
    return fd;
}

/* --- a worker ----------------------------------------------------------------------------------- */

struct greeting {
    pb_buf text;
    bool first;
};

static pb_str first_pipeline(void)
{
    pb_pipeline *pipeline = pipelines_all();
    return pipeline ? pipeline->info.name : (pb_str){0};
}

static void add_listener(void *arg, pb_str url)
{
    struct greeting *greeting = arg;

    pb_buf_printf(&greeting->text, "%s %.*s\n",
                  greeting->first ? "Patchbay " PATCHBAY_VERSION " answers at" : "and at",
                  PB_ARG(url));
    if (greeting->first)
        pb_buf_printf(&greeting->text,
                      "\nTry it:\n"
                      "  curl -N %.*s/v1/chat/completions -H 'Content-Type: application/json' \\\n"
                      "    -d '{\"model\":\"%.*s\",\"stream\":true,"
                      "\"messages\":[{\"role\":\"user\",\"content\":\"How do I write a plugin?\"}]}'\n\n",
                      PB_ARG(url), PB_ARG(first_pipeline()));
    greeting->first = false;
}

/* Where we listen and what to try, for the supervisor to print; every worker writes the same. */
static void write_greeting(int fd)
{
    struct greeting greeting = {.first = true};

    listeners_each(add_listener, &greeting);
    if (greeting.first)
        pb_buf_printf(&greeting.text, "Patchbay " PATCHBAY_VERSION
                                      " runs, and listens nowhere: no transport does\n");
    if (fd >= 0 && !greeting.text.failed &&
        pwrite(fd, greeting.text.data, greeting.text.size, 0) != (ssize_t)greeting.text.size)
        pb_log(PB_DEBUG, "the greeting cannot be kept");
}

static pb_status serve(void *arg)
{
    write_greeting(*(int *)arg);
    worker_serves();
    return worker_wait();
}

/* The problems of a configuration that was good when it was checked: a plugin is gone, say. */
static const char *problems_of(struct loaded *loaded)
{
    pb_buf text = {0};

    config_diagnostics_print(&loaded->diagnostics, &text);
    while (text.size && text.data[text.size - 1] == '\n')
        text.size--;
    if (!text.size)
        pb_buf_add(&text, pb_error_last()->sentence);
    pb_buf_byte(&text, 0);
    return text.failed ? "out of memory" : text.data;
}

static int run_worker(const struct invocation *invocation)
{
    static struct loaded loaded;
    int snapshot = inherited("PATCHBAY_SNAPSHOT"), greeting = inherited("PATCHBAY_GREETING");
    struct worker_plan plan = {.main = serve, .arg = &greeting, .serve = true};
    unsigned slot = 0;
    char name[16];

    (void)sscanf(getenv("PATCHBAY_WORKER"), "%*d:%u", &slot);
    log_worker(slot);
    snprintf(name, sizeof name, "patchbay w%u", slot % 1000);
    prctl(PR_SET_NAME, name, 0, 0, 0);
    pb_status status = snapshot < 0 ? pb_fail(PB_INTERNAL, "no configuration was handed over")
                                    : snapshot_replay(snapshot);
    if (status == PB_OK)
        status = load_config(invocation, &loaded);
    if (status != PB_OK)
        plan.failed = problems_of(&loaded), plan.failure = status;
    snapshot_end();
    return pb_status_exit(worker_run(&plan));
}

/* --- the child that checks ---------------------------------------------------------------------- */

static int run_check(const struct invocation *invocation)
{
    static struct loaded loaded;
    int snapshot = inherited("PATCHBAY_CHECK");

    snapshot_record();
    pb_status status = load_config_aloud(invocation, &loaded);
    if (status == PB_OK) {
        settings_note(invocation);
        status = snapshot_write(snapshot);
        if (status != PB_OK)
            fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
    }
    snapshot_end();
    return pb_status_exit(status);
}

int command_serve(const struct invocation *invocation)
{
    const char *resume = getenv("PATCHBAY_RESUME");

    if (getenv("PATCHBAY_CHECK"))
        return run_check(invocation);
    if (getenv("PATCHBAY_WORKER"))
        return run_worker(invocation);
    return resume ? supervisor_resume(invocation, resume) : supervisor_run(invocation);
}
