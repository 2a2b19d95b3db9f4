/* supervisor.c - see supervisor.h: its state, its signals, its beginning and its end. */
#include "app/supervisor.h"

#include "app/notify.h"
#include "base/log.h"
#include "cluster/listen_socket.h"
#include "plugin/host_options.h"
#include <errno.h>
#include <patchbay/log.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct supervisor supervisor;

static uv_signal_t signals[5];
static const int signal_numbers[5] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};

/* --- the end ---------------------------------------------------------------------------------- */

static struct process *first_process(void)
{
    return list_empty(&supervisor.processes)
               ? NULL
               : list_entry(supervisor.processes.next, struct process, link);
}

void supervisor_check_end(void)
{
    if (supervisor.stops && !first_process())
        loop_stop();
}

void supervisor_stop(const char *why)
{
    if (why && supervisor.stops < 3)
        pb_log(PB_INFO, "asked to stop (%s)%s", why,
               supervisor.stops == 0   ? ": letting turns end"
               : supervisor.stops == 1 ? " again: now"
                                       : " again: at once");
    if (supervisor.stops++ == 0)
        notify_systemd("STOPPING=1\nSTATUS=Letting turns end");
    if (supervisor.stops <= 2)
        generation_drain_all();
    for (struct list_link *at = supervisor.processes.next;
         at != &supervisor.processes && supervisor.stops > 2; at = at->next)
        process_kill(list_entry(at, struct process, link), "the operator wants no more patience");
    supervisor_check_end();
}

/* --- signals ---------------------------------------------------------------------------------- */

static void reopen_logs(void)
{
    (void)log_reopen();
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *process = list_entry(at, struct process, link);
        if (process->node)
            hub_order(process->node, HUB_REOPEN_LOGS);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    char why[32];
    pb_scope *scope = pb_scope_begin();

    (void)handle;
    if (number == SIGCHLD) {
        watch_children();
    } else if (number == SIGUSR1) {
        reopen_logs();
    } else if (number == SIGHUP) {
        reload_request(NULL);
    } else {
        snprintf(why, sizeof why, "signal %d", number);
        supervisor_stop(why);
    }
    pb_scope_end(scope);
}

static void watch_signals(void)
{
    sigset_t none;

    for (int i = 0; i < 5; i++) {
        uv_signal_init(loop_uv(), &signals[i]);
        uv_signal_start(&signals[i], on_signal, signal_numbers[i]);
        uv_unref((uv_handle_t *)&signals[i]);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* they were held back over an upgrade's exec */
}

static void unwatch_signals(void)
{
    for (int i = 0; i < 5; i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
}

/* --- what the hub tells ----------------------------------------------------------------------- */

static void on_ready(struct hub_node *worker)
{
    pb_scope *scope = pb_scope_begin();

    if (worker->owner)
        generation_process_ready(worker->owner);
    pb_scope_end(scope);
}

static void on_failed(struct hub_node *worker, pb_str sentence)
{
    struct process *process = worker->owner;

    if (process)
        snprintf(process->failed, sizeof process->failed, "%.*s", PB_ARG(sentence));
}

static void on_drained(struct hub_node *worker)
{
    (void)worker; /* its exit follows */
}

static void on_gone(struct hub_node *node)
{
    struct process *process = node->kind == HUB_WORKER ? node->owner : NULL;

    if (node->kind == HUB_COMMAND) {
        reload_command_gone(node);
        upgrade_command_gone(node);
    }
    pb_scope *scope = pb_scope_begin();
    if (process)
        watch_gone(process);
    pb_scope_end(scope);
}

/* The client waits for our end by the descriptor. */
static void stop_command(struct hub_node *node)
{
    int self = pidfd_open(getpid(), 0);

    hub_answer(node, pb_printf("stopping (pid %d)\n", (int)getpid()), self);
    hub_answer_end(node, 0);
    if (self >= 0)
        close(self);
    if (!supervisor.stops)
        supervisor_stop("patchbay stop");
}

static void config_command(struct hub_node *node)
{
    bool there = supervisor.current && supervisor.current->snapshot >= 0;

    if (there)
        hub_answer(node, (pb_str){0}, supervisor.current->snapshot);
    else
        hub_answer(node, pb_lit("the first generation does not serve yet\n"), -1);
    hub_answer_end(node, there ? 0 : pb_status_exit(PB_UNAVAILABLE));
}

static void on_command(struct hub_node *node, pb_str words)
{
    pb_str first = pb_str_slice(words, 0, pb_str_find(words, 0));
    pb_scope *scope = pb_scope_begin();

    if (pb_str_is(first, "reload")) {
        reload_request(node);
    } else if (pb_str_is(first, "stop")) {
        stop_command(node);
    } else if (pb_str_is(first, "upgrade")) {
        upgrade_request(node);
    } else if (pb_str_is(first, "status")) {
        status_answer(node);
    } else if (pb_str_is(first, "config")) {
        config_command(node);
    } else {
        hub_answer(node, pb_printf("this server does not know the command '%.*s'\n", PB_ARG(first)),
                   -1);
        hub_answer_end(node, pb_status_exit(PB_UNSUPPORTED));
    }
    pb_scope_end(scope);
}

const struct hub_hooks *supervisor_hooks(void)
{
    static const struct hub_hooks hooks = {.ready = on_ready,
                                           .failed = on_failed,
                                           .drained = on_drained,
                                           .adopted = takeover_adopted,
                                           .gone = on_gone,
                                           .settled = takeover_settled,
                                           .command = on_command};
    return &hooks;
}

/* --- the beginning ---------------------------------------------------------------------------- */

void supervisor_log(const struct settings *settings)
{
    bool json = settings->log_format == HOST_FORMAT_JSON ||
                (settings->log_format == HOST_FORMAT_AUTO && !isatty(STDERR_FILENO));

    if (log_setup((int32_t)settings->log_level, json, settings->log_file) != PB_OK)
        pb_log(PB_ERROR, "%.*s", PB_ARG(pb_error_last()->sentence));
}

static int say(pb_status status)
{
    fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
    return pb_status_exit(status);
}

/* Before anything else: who we are and what a supervisor's process is like. */
static pb_status set_up(const struct invocation *invocation)
{
    struct rlimit files, core;
    struct stat program;

    supervisor.invocation = invocation;
    listen_inherited_take();
    list_init(&supervisor.generations);
    list_init(&supervisor.processes);
    ssize_t size = readlink("/proc/self/exe", supervisor.program, sizeof supervisor.program - 1);
    supervisor.program[size > 0 ? size : 0] = 0;
    if (stat(supervisor.program, &program) == 0) {
        supervisor.device = program.st_dev;
        supervisor.inode = program.st_ino;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (getrlimit(RLIMIT_CORE, &core) == 0) { /* ours would hold secrets; workers set their own */
        core.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &core);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return loop_init();
}

static int run(void)
{
    watch_signals();
    watch_children(); /* who ended before we looked */
    loop_run();
    unwatch_signals();
    hub_close();
    loop_fini();
    return supervisor.exit_code;
}

static pb_status begin(int snapshot)
{
    struct settings settings;
    pb_status status = settings_of(snapshot, &settings);

    if (status != PB_OK)
        return status;
    supervisor_log(&settings);
    /* hub_open keeps the name */
    static char run_dir[SETTINGS_PATH];
    memcpy(run_dir, settings.run_dir, sizeof run_dir);
    status = hub_open(run_dir, supervisor_hooks());
    if (status != PB_OK)
        return status;
    if (hub_waits_for_orphans()) {
        takeover_begin(snapshot);
        return PB_OK;
    }
    struct generation *first = generation_new(1, snapshot, &settings);
    if (!first)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    generation_start(first);
    return PB_OK;
}

int supervisor_run(const struct invocation *invocation)
{
    int snapshot = -1;
    pb_status status = set_up(invocation);

    if (status != PB_OK)
        return say(status);
    int code = check_now(&snapshot);
    if (code != 0)
        return code;
    status = begin(snapshot);
    return status == PB_OK ? run() : say(status);
}

int supervisor_resume(const struct invocation *invocation, const char *state)
{
    pb_status status = set_up(invocation);

    if (status == PB_OK)
        status = upgrade_resume(state);
    return status == PB_OK ? run() : say(status);
}
