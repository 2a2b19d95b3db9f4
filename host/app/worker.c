/* worker.c - see worker.h. Order: limits, log, loop; on a task: instances, operations, main; and back.
 */
#include "app/worker.h"

#include "base/log.h"
#include "net/client.h"
#include "net/server.h"
#include "plugin/contract.h"
#include "plugin/instances.h"
#include "runtime/task.h"
#include "turn/journal.h"
#include "turn/operations.h"
#include "turn/turn.h"
#include <patchbay/log.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
    const struct worker_plan *plan;
    pb_status status;
    uv_signal_t signals[4];
    struct waiter *ending; /* worker_wait */
    bool asked;            /* a signal asked to end */
    struct timer drain;
} worker;

const pb_principal *terminal_principal(void)
{
    static const pb_str admin = PB_LIT("admin");
    static const pb_principal principal = {.size = sizeof principal,
                                           .id = PB_LIT("terminal"),
                                           .tenant = PB_LIT("default"),
                                           .name = PB_LIT("terminal"),
                                           .scheme = PB_LIT("terminal"),
                                           .roles = &admin,
                                           .role_count = 1};
    return &principal;
}

/* --- signals ---------------------------------------------------------------------------------- */

static const pb_duration goodbye = PB_SECOND; /* for cancelled turns to tell their clients */

static void goodbye_over(struct timer *timer)
{
    (void)timer;
    server_cut();
}

/* Turns end now; then the connections of those who do not read, or never finish asking. */
static void stop_waiting(void)
{
    turn_cancel_all("the server is stopping");
    timer_arm(&worker.drain, goodbye, goodbye_over);
}

static void drain_over(struct timer *timer)
{
    (void)timer;
    pb_log(PB_WARN, "the drain time is over: what still runs is cancelled");
    stop_waiting();
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number == SIGUSR1) {
        log_reopen();
        return;
    }
    if (worker.asked) { /* the second time: no more patience */
        stop_waiting();
        return;
    }
    worker.asked = true;
    pb_log(PB_INFO, "asked to stop (signal %d): letting %zu turns end", number, turn_running());
    timer_arm(&worker.drain, instances_host_options()->drain_timeout, drain_over);
    if (worker.ending)
        waiter_wake(worker.ending);
}

static void watch_signals(void)
{
    static const int numbers[4] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    for (int i = 0; i < 4; i++) {
        uv_signal_init(loop_uv(), &worker.signals[i]);
        uv_signal_start(&worker.signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&worker.signals[i]);
    }
}

static void unwatch_signals(void)
{
    for (int i = 0; i < 4; i++)
        if (!uv_is_closing((uv_handle_t *)&worker.signals[i]))
            uv_close((uv_handle_t *)&worker.signals[i], NULL);
}

pb_status worker_wait(void)
{
    struct waiter waiter = {0};

    if (!worker.asked) {
        worker.ending = &waiter;
        task_wait_always(&waiter);
        worker.ending = NULL;
    }
    turn_drain(NULL);
    server_drain(); /* all listeners at once: transports stop one after the other */
    return PB_OK;
}

/* --- limits ----------------------------------------------------------------------------------- */

static void set_limits(const struct host_options *options)
{
    const struct host_limits *limits = &options->limits;
    struct task_limits tasks = {.tasks = options->max_tasks,
                                .cleanup = limits->cleanup,
                                .offload_queue = limits->offload_queue,
                                .offload_threads = limits->offload_threads};
    struct turn_limits turns = {.turns = (size_t)limits->turns,
                                .memory = (size_t)limits->turn_memory,
                                .total = limits->turn,
                                .tool = limits->tool,
                                .queue = (size_t)limits->turn_queue,
                                .traces = (size_t)limits->kept_turns};
    struct client_options client = {.connect = limits->connect,
                                    .tls = limits->connect,
                                    .first_byte = limits->first_byte,
                                    .between_bytes = limits->between_bytes,
                                    .queue = limits->upstream_queue,
                                    .per_host = limits->upstreams_per_host,
                                    .total = limits->upstreams};
    struct rlimit files;

    task_limits_set(&tasks);
    turn_setup(&turns);
    client_setup(&client);
    server_defaults.drain_timeout = options->drain_timeout + 2 * goodbye; /* we are first */
    if (options->contract) /* debug builds check anyway */
        contract_enable(true);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (!options->core) { /* they would hold prompts and keys */
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
    }
}

static pb_status open_log(const struct host_options *options, bool serve)
{
    const struct host_log *log = &options->log;
    int32_t level = log->level;

    if (!serve && level < PB_WARN) /* a command's output is not the place for a server's log */
        level = PB_WARN;
    bool json = log->format == HOST_FORMAT_JSON ||
                (log->format == HOST_FORMAT_AUTO && !isatty(STDERR_FILENO));
    return log_setup(level, json, log->file.data);
}

/* --- running ---------------------------------------------------------------------------------- */

static pb_status run(void)
{
    const struct worker_plan *plan = worker.plan;
    pb_status status;

    if (plan->no_config)
        return plan->main(plan->arg);
    if (!plan->serve)
        instances_without_listeners();
    status = instances_start();
    if (status != PB_OK)
        return status;
    status = operations_setup();
    if (status == PB_OK)
        status = journal_setup();
    if (status == PB_OK)
        status = plan->main(plan->arg);
    turn_drain(NULL);
    journal_stop();
    instances_stop();
    operations_fini();
    return status;
}

static void say(pb_status status)
{
    const pb_error *error = host_error();
    if (status != PB_OK && status == error->status && error->sentence.size)
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(error->sentence));
    else if (status != PB_OK)
        fprintf(stderr, "patchbay: %s\n", pb_status_title(status));
}

static void on_task(void *unused)
{
    (void)unused;
    worker.status = run();
    fflush(stdout);
    if (worker.status != PB_DECLINED) /* declined: it was said already */
        say(worker.status);
    timer_cancel(&worker.drain);
    client_fini();
    loop_stop();
}

pb_status worker_run(const struct worker_plan *plan)
{
    pb_status status = PB_OK;

    worker.plan = plan;
    if (!plan->no_config) {
        status = open_log(instances_host_options(), plan->serve);
        if (status == PB_OK)
            set_limits(instances_host_options());
    }
    if (status == PB_OK)
        status = loop_init();
    if (status == PB_OK && plan->serve)
        watch_signals();
    if (status == PB_OK)
        status = task_start(on_task, NULL, NULL);
    if (status != PB_OK) {
        say(status);
        return status;
    }
    loop_run();
    if (plan->serve)
        unwatch_signals();
    loop_fini();
    turn_fini();
    return worker.status;
}
