/* worker.c - see worker.h. Order: limits, log, loop; on a task: instances, operations, main; and back.
 */
#include "app/worker.h"

#include "base/log.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "net/client.h"
#include "net/server.h"
#include "plugin/instances.h"
#include "runtime/crash.h"
#include "runtime/task.h"
#include "turn/export.h"
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
    bool asked;            /* to end within the drain time */
    bool retiring;         /* to end when the turns have */
    bool said;             /* what went wrong */
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

static void wake(void)
{
    atomic_store(&scoreboard_own->state, CELL_DRAINING);
    if (worker.ending)
        waiter_wake(worker.ending);
}

static void drain(void)
{
    if (worker.asked) { /* the second time: no more patience */
        stop_waiting();
        return;
    }
    worker.asked = true;
    pb_log(PB_INFO, "asked to stop: letting %zu turns end", turn_running());
    timer_arm(&worker.drain, instances_host_options()->drain_timeout, drain_over);
    instances_retire();
    wake();
}

/* A new generation serves on the same sockets. */
static void retire(void)
{
    if (worker.asked || worker.retiring)
        return;
    worker.retiring = true;
    pb_log(PB_DEBUG, "retiring: letting %zu turns end", turn_running());
    server_retire();
    instances_retire();
    wake();
}

static void reopen_logs(void)
{
    (void)log_reopen();
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number == SIGUSR1)
        reopen_logs();
    else if (number != SIGHUP) /* that is for the supervisor */
        drain();
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

void worker_serves(void)
{
    node_ready();
}

static bool anything_left(void)
{
    return server_connections() || server_requests() || turn_live();
}

/* Until told to, or for a while. */
static void wait_for_word(pb_duration limit)
{
    struct waiter waiter = {0};

    worker.ending = &waiter;
    if (limit)
        (void)task_wait_for(&waiter, limit);
    else
        task_wait_always(&waiter);
    worker.ending = NULL;
}

pb_status worker_wait(void)
{
    pb_duration pause = 5 * PB_MILLISECOND;

    if (!worker.asked && !worker.retiring)
        wait_for_word(0);
    while (worker.retiring && !worker.asked && anything_left()) {
        wait_for_word(pause);
        pause = pause < 200 * PB_MILLISECOND ? pause * 2 : pause;
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
    server_defaults.data_dir = instances_data_dir();
    server_defaults.drain_timeout = options->drain_timeout + 2 * goodbye; /* we are first */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (getrlimit(RLIMIT_CORE, &files) == 0) { /* cores hold prompts and keys */
        files.rlim_cur = options->core ? files.rlim_max : 0;
        setrlimit(RLIMIT_CORE, &files);
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

/* What went wrong, once. */
static void say(pb_status status)
{
    const pb_error *error = host_error();
    bool known = status == error->status && error->sentence.size;
    pb_str sentence = known ? error->sentence : pb_str_of(pb_status_title(status));

    if (status == PB_OK || status == PB_DECLINED || worker.said) /* declined: it was said already */
        return;
    worker.said = true;
    fflush(stdout);
    if (node_kind() == NODE_WORKER) /* the supervisor says it */
        node_failed(sentence);
    else
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(sentence));
}

static pb_status run(void)
{
    const struct worker_plan *plan = worker.plan;
    pb_status status;

    if (plan->no_config)
        return plan->main(plan->arg);
    instances_tell_names();
    if (!plan->serve)
        instances_without_listeners();
    status = operations_setup(); /* first: a transport that starts may be asked at once */
    if (status == PB_OK)
        status = instances_start();
    if (status != PB_OK) {
        operations_fini();
        return status;
    }
    status = export_start();
    if (status == PB_OK)
        status = journal_setup();
    if (status == PB_OK)
        status = plan->main(plan->arg);
    say(status); /* before others stop, who overwrite the sentence */
    turn_drain(NULL);
    journal_stop();
    instances_stop_transports();
    export_stop(); /* nobody asks any more, and exporters are still there */
    instances_stop();
    operations_fini();
    return status;
}

static void on_task(void *unused)
{
    (void)unused;
    worker.status = run();
    fflush(stdout);
    say(worker.status);
    timer_cancel(&worker.drain);
    client_fini();
    loop_stop();
}

/* Everything up to the first task. */
static pb_status begin(const struct worker_plan *plan)
{
    static const struct node_hooks hooks = {
        .drain = drain, .retire = retire, .reopen_logs = reopen_logs};
    const struct host_options *options = instances_host_options();
    bool joins = !plan->no_config && !plan->offline;
    const char *run_dir = options->run_dir.data ? options->run_dir.data : "";
    pb_status status = PB_OK;

    if (!plan->no_config && !plan->failed) {
        status = open_log(options, plan->serve);
        set_limits(options);
    }
    pb_status looped = loop_init();
    if (looped != PB_OK)
        return looped;
    pb_status joined = node_join(joins ? run_dir : NULL, plan->serve ? &hooks : NULL);
    if (plan->serve) {
        watch_signals();
        crash_watch(CAUSE_STACK_OVERFLOW);
    }
    if (plan->failed)
        return pb_fail(plan->failure, "%s", plan->failed);
    return status != PB_OK ? status : joined;
}

pb_status worker_run(const struct worker_plan *plan)
{
    worker.plan = plan;
    pb_status status = begin(plan);
    if (status == PB_OK)
        status = task_start(on_task, NULL, NULL);
    if (status != PB_OK) {
        say(status);
        return status;
    }
    loop_run();
    node_drained();
    if (plan->serve)
        unwatch_signals();
    node_leave();
    loop_fini();
    turn_fini();
    return worker.status;
}
