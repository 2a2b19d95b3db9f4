/* harness.c - the life of a harness, and its clock. See testkit.h.
 *
 * The harness runs the loop only while something of the test runs: a turn, a call, start and stop.
 */
#include "internal.h"

#include "base/log.h"
#include "base/scope.h"
#include "net/client.h"
#include "net/process.h"
#include "plugin/contract.h"
#include "plugin/instances.h"
#include "runtime/task.h"
#include "turn/export.h"
#include "turn/journal.h"
#include "turn/operations.h"
#include "turn/turn.h"
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void harness_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("testkit: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void *harness_alloc(pb_harness *harness, size_t size)
{
    void *memory = arena_alloc(&harness->arena, size);

    if (!memory)
        harness_die("out of memory");
    return memory;
}

pb_str harness_copy(pb_harness *harness, pb_str text)
{
    char *copy = text.data ? harness_alloc(harness, text.size + 1) : NULL;

    if (text.size)
        memcpy(copy, text.data, text.size);
    return (pb_str){copy, text.size};
}

const pb_json *harness_json(pb_harness *harness, pb_str text)
{
    struct arena *before = scope_arena_swap(&harness->arena);
    const pb_json *json = NULL;

    if (pb_json_parse(text, &json) != PB_OK)
        harness_die("no JSON: %.*s: %.*s", PB_ARG(pb_error_last()->sentence), PB_ARG(text));
    scope_arena_swap(before);
    return json;
}

/* --- the clock -------------------------------------------------------------------------------- */

static void stay_awake(uv_idle_t *idle)
{
    (void)idle;
}

/* Everybody waits, no helper thread and no child works: the next thing to happen is a timer. */
static void jump(uv_check_t *check)
{
    pb_duration next = timer_next(), now = loop_refresh();

    (void)check;
    if (!task_any_ready() && offload_pending() == 0 && signal_pending() == 0 &&
        process_pending() == 0 && next > now)
        loop_clock_advance(next - now);
}

void pb_harness_virtual_time(pb_harness *harness, bool on)
{
    harness->real_time = !on;
}

void pb_harness_advance(pb_harness *harness, pb_duration by)
{
    (void)harness;
    loop_clock_advance(by);
}

struct job {
    void (*fn)(void *arg);
    void *arg;
};

static void run_job(void *arg)
{
    struct job *job = arg;

    job->fn(job->arg);
    loop_stop();
}

void harness_run(pb_harness *harness, void (*fn)(void *arg), void *arg)
{
    struct job job = {fn, arg};

    if (!harness->real_time) {
        uv_idle_start(&harness->idle, stay_awake);
        uv_check_start(&harness->check, jump);
    }
    if (task_start(run_job, &job, NULL) != PB_OK)
        harness_die("%.*s", PB_ARG(pb_error_last()->sentence));
    loop_run();
    uv_idle_stop(&harness->idle);
    uv_check_stop(&harness->check);
}

const char *pb_harness_data_dir(pb_harness *harness)
{
    return harness->data_dir;
}

void pb_harness_log(int32_t level, const char *file)
{
    if (log_setup(level, false, file ? file : "stderr") != PB_OK)
        harness_die("%.*s", PB_ARG(pb_error_last()->sentence));
}

/* --- starting --------------------------------------------------------------------------------- */

static void count_handle(uv_handle_t *handle, void *arg)
{
    (void)handle;
    ++*(size_t *)arg;
}

static size_t handles_now(void)
{
    size_t count = 0;
    uv_walk(loop_uv(), count_handle, &count);
    return count;
}

static void apply_limits(void)
{
    const struct host_options *options = instances_host_options();
    const struct host_limits *limits = &options->limits;

    task_limits_set(&(struct task_limits){.tasks = options->max_tasks,
                                          .cleanup = limits->cleanup,
                                          .offload_queue = limits->offload_queue,
                                          .offload_threads = limits->offload_threads});
    turn_setup(&(struct turn_limits){.turns = (size_t)limits->turns,
                                     .queue = (size_t)limits->turn_queue,
                                     .memory = (size_t)limits->turn_memory,
                                     .total = limits->turn,
                                     .tool = limits->tool,
                                     .traces = (size_t)limits->kept_turns});
}

#ifdef PB_TESTKIT_INSTALLED
/* The plugins of the installation that the testkit is part of: what the configuration names beside
 * the one that is tested. */
static void scan_installed(void)
{
    char folder[PATH_MAX];
    Dl_info own;

    if (!dladdr((void *)(uintptr_t)pb_harness_open, &own) || !own.dli_fname)
        return;
    char *real = realpath(own.dli_fname, NULL), *slash = real ? strrchr(real, '/') : NULL;
    if (slash) {
        (void)snprintf(folder, sizeof folder, "%.*s/plugins", (int)(slash - real), real);
        (void)registry_scan((const char *const[]){folder, NULL});
    }
    free(real);
}
#else
static void scan_installed(void)
{
}
#endif

static pb_status load(pb_harness *harness, const char *yaml, const pb_plugin *const *plugins)
{
    struct config_node *root = NULL;
    pb_status status = registry_add_static(&pb_plugin_scripted);

    for (; *plugins && status == PB_OK; plugins++)
        if (*plugins != &pb_plugin_scripted)
            status = registry_add_static(*plugins);
    if (status != PB_OK)
        return status;
    scan_installed();
    status = config_tree_parse("test.yaml", pb_str_of(yaml), &harness->diagnostics, &root);
    if (!root)
        return status;
    pb_status built = instances_build(&(struct instances_source){
        .root = root, .data_dir = harness->data_dir, .diagnostics = &harness->diagnostics});
    return status == PB_OK ? built : status;
}

struct starting {
    pb_status status;
    pb_harness *harness;
    pb_str sentence;
};

void (*harness_before_start)(void);

static void start(void *arg)
{
    struct starting *starting = arg;

    if (harness_before_start)
        harness_before_start();
    starting->status = instances_start();
    if (starting->status == PB_OK)
        starting->status = export_start();
    if (starting->status != PB_OK)
        starting->sentence = harness_copy(starting->harness, pb_error_last()->sentence);
}

static char *problems_text(pb_harness *harness, pb_str sentence)
{
    pb_buf buf = {0};

    config_diagnostics_print(&harness->diagnostics, &buf);
    if (!buf.size && sentence.size)
        pb_buf_printf(&buf, "%.*s\n", PB_ARG(sentence));
    return strndup(buf.size ? buf.data : "", buf.size);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static void tear_down(pb_harness *harness)
{
    (void)nftw(harness->data_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    instances_reset();
    registry_reset();
    operations_fini();
    turn_fini();
    uv_close((uv_handle_t *)&harness->idle, NULL);
    uv_close((uv_handle_t *)&harness->check, NULL);
    uv_run(loop_uv(), UV_RUN_NOWAIT);
    loop_fini();
    arena_fini(&harness->arena);
    free(harness);
}

static pb_harness *make(void)
{
    const char *where = getenv("TMPDIR");
    static const pb_str tester = PB_LIT("tester"), tenant = PB_LIT("default");
    pb_harness *harness = calloc(1, sizeof *harness);

    if (!harness || loop_init() != PB_OK)
        harness_die("the loop cannot be set up");
    (void)snprintf(harness->data_dir, sizeof harness->data_dir, "%s/harness-XXXXXX",
                   where && strlen(where) < 64 ? where : "/tmp");
    if (!mkdtemp(harness->data_dir))
        harness_die("there is no room for a data folder: %s", strerror(errno));
    arena_init(&harness->arena, 0);
    harness->handles = handles_now();
    uv_idle_init(loop_uv(), &harness->idle);
    uv_check_init(loop_uv(), &harness->check);
    harness->tester = (pb_principal){
        .size = sizeof(pb_principal), .id = tester, .tenant = tenant, .name = tester};
    contract_enable(true);
    pb_harness_log(PB_WARN, NULL);
    return harness;
}

pb_harness *pb_harness_open(const char *yaml, const pb_plugin *const *plugins, char **problems)
{
    pb_harness *harness = make();
    struct starting starting = {.harness = harness};
    struct arena *before = scope_arena_swap(&harness->arena);

    starting.status = load(harness, yaml, plugins);
    if (starting.status == PB_OK) {
        apply_limits();
        starting.status = operations_setup();
    }
    if (starting.status != PB_OK)
        starting.sentence = harness_copy(harness, pb_error_last()->sentence);
    else
        harness_run(harness, start, &starting);
    char *text = starting.status == PB_OK ? NULL : problems_text(harness, starting.sentence);
    scope_arena_swap(before);
    if (problems)
        *problems = text;
    if (!text)
        return harness;
    if (!problems)
        harness_die("the configuration does not load:\n%s", text);
    tear_down(harness);
    return NULL;
}

/* The line of `text` in which `part` stands and that nobody took is taken. */
static bool take_line(char *text, const char *part)
{
    for (char *line = text; *line;) {
        char *end = strchrnul(line, '\n'), *next = end + (*end != 0);
        char *found = strstr(line, part);

        if (found && found < end) {
            memmove(line, next, strlen(next) + 1);
            return true;
        }
        line = next;
    }
    return false;
}

void pb_harness_refuse(const char *yaml, const pb_plugin *const *plugins, const char *const *wanted)
{
    char *problems = NULL;

    if (pb_harness_open(yaml, plugins, &problems))
        harness_die("the configuration loads:\n%s", yaml);
    char *left = strdup(problems);
    for (; *wanted; wanted++)
        if (!take_line(left, *wanted))
            harness_die("no '%s' in\n%s", *wanted, problems);
    if (*left)
        harness_die("nobody expected\n%sin\n%s", left, problems);
    free(left);
    free(problems);
}

/* --- ending ----------------------------------------------------------------------------------- */

static void stop(void *arg)
{
    (void)arg;
    journal_stop();
    instances_stop_transports();
    export_stop();
    instances_stop();
}

static void name_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    fprintf(stderr, "testkit:   %s%s\n", uv_handle_type_name(handle->type),
            uv_is_closing(handle) ? " (closing)" : "");
}

void pb_harness_free(pb_harness *harness)
{
    if (!harness)
        return;
    harness_run(harness, stop, NULL); /* a transport ends the turns that it runs by itself */
    if (turn_live())
        harness_die("%zu turns are not freed", turn_live());
    client_fini();                          /* kept connections */
    for (int round = 0; round < 3; round++) /* what was closed is gone after a round or two */
        uv_run(loop_uv(), UV_RUN_NOWAIT);
    if (task_count())
        harness_die("%zu tasks are left", task_count());
    if (handles_now() > harness->handles + 2) {
        fprintf(stderr, "testkit: open handles of the loop (three are its own, two the kit's):\n");
        uv_walk(loop_uv(), name_handle, NULL);
        harness_die("%zu handles are left", handles_now() - harness->handles - 2);
    }
    tear_down(harness);
}

/* --- instances -------------------------------------------------------------------------------- */

pb_instance *pb_harness_instance(pb_harness *harness, const char *kind, const char *name)
{
    pb_instance *instance = instance_find(pb_str_of(kind), pb_str_of(name));

    (void)harness;
    if (!instance)
        harness_die("there is no %s named '%s'", kind, name);
    return instance;
}

void *pb_harness_self(pb_harness *harness, const char *kind, const char *name)
{
    return pb_harness_instance(harness, kind, name)->self;
}

/* --- for assertions --------------------------------------------------------------------------- */

const pb_json *pb_json_path(const pb_json *json, const char *path)
{
    while (json && *path) {
        size_t size = strcspn(path, "/");
        char step[128];

        if (size >= sizeof step)
            return NULL;
        memcpy(step, path, size);
        step[size] = 0;
        json = json->type == PB_JSON_ARRAY ? pb_json_at(json, strtoul(step, NULL, 10))
                                           : pb_json_get(json, step);
        path += size + (path[size] == '/');
    }
    return json;
}

const pb_event *pb_outcome_event(const pb_outcome *reply, int32_t type, size_t number)
{
    for (size_t i = 0; i < reply->event_count; i++)
        if (reply->events[i]->type == type && number-- == 0)
            return reply->events[i];
    harness_die("there are fewer events of type %d", type);
}

size_t pb_outcome_count(const pb_outcome *reply, int32_t type)
{
    size_t count = 0;

    for (size_t i = 0; i < reply->event_count; i++)
        count += reply->events[i]->type == type;
    return count;
}
