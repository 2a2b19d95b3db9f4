/* upgrade.c - `patchbay upgrade`: this process becomes the program that lies in its place now.
 *
 * The new program is asked for its version and has to check the configuration; then everything that
 * the supervisor and the hub hold is written to memory files that stay open over exec. The process
 * number stays, so the workers are still its children. They go on; then a generation of the new
 * program takes over as at a reload.
 */
#include "app/supervisor.h"

#include "base/buf.h"
#include "cluster/listen_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/log.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static struct {
    bool running;
    struct hub_node *command;
    struct check check;
    char version[64];
} upgrade;

static void finish(pb_str text, int exit_code)
{
    upgrade.running = false;
    if (!upgrade.command)
        return;
    hub_answer(upgrade.command, text, -1);
    hub_answer_end(upgrade.command, exit_code);
    upgrade.command = NULL;
}

void upgrade_command_gone(const struct hub_node *command)
{
    if (upgrade.command == command)
        upgrade.command = NULL;
}

/* --- what outlives exec ----------------------------------------------------------------------- */

static void write_state(FILE *file, int snapshot)
{
    fprintf(file, "supervisor %u %d %u %d\n", supervisor.last_number, supervisor.greeted,
            supervisor.current->number, snapshot);
    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next) {
        const struct generation *generation = list_entry(at, struct generation, link);
        fprintf(file, "generation %u %d %d %d %lld\n", generation->number, (int)generation->state,
                generation->snapshot, generation->greeting,
                (long long)generation->settings.workers);
    }
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        const struct process *process = list_entry(at, struct process, link);
        fprintf(file, "process %d %u %u %d %d %d %d %lld\n", (int)process->pid, process->slot,
                process->generation->number, (int)process->state, process->spare, process->served,
                process->adopted, (long long)process->began);
    }
    if (upgrade.command)
        fprintf(file, "command %d\n", (int)upgrade.command->pid);
}

/* Descriptors stay open over exec, or not. */
static void keep_open(int snapshot, bool open)
{
    int flags = open ? 0 : FD_CLOEXEC;

    fcntl(snapshot, F_SETFD, flags);
    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next) {
        const struct generation *generation = list_entry(at, struct generation, link);
        fcntl(generation->snapshot, F_SETFD, flags);
        fcntl(generation->greeting, F_SETFD, flags);
    }
}

static int save_state(int snapshot)
{
    int fd = spawn_memfd("patchbay-supervisor");
    int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    FILE *file = copy >= 0 ? fdopen(copy, "w") : NULL;

    if (!file) {
        close(copy);
        close(fd);
        return -1;
    }
    write_state(file, snapshot);
    if (fclose(file) != 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFD, 0);
    return fd;
}

/* Signals wait until the new program listens to them. Returns only when it failed. */
static void become(int hub_state, int state)
{
    char resume[64];
    sigset_t all, before;

    snprintf(resume, sizeof resume, "%d:%d", hub_state, state);
    setenv("PATCHBAY_RESUME", resume, 1);
    listen_inherited_pass(true);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    execve(supervisor.program, supervisor.invocation->argv, environ);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    unsetenv("PATCHBAY_RESUME");
    listen_inherited_pass(false);
    errno = error;
}

static void replace(int snapshot)
{
    int hub_state = -1;

    pb_log(PB_INFO, "upgrading from %s to %s", PATCHBAY_VERSION, upgrade.version);
    if (hub_save(&hub_state) != PB_OK) {
        close(snapshot);
        finish(pb_printf("%.*s\n", PB_ARG(pb_error_last()->sentence)),
               pb_status_exit(PB_UNAVAILABLE));
        return;
    }
    int state = save_state(snapshot);
    keep_open(snapshot, true);
    if (state >= 0)
        become(hub_state, state);
    pb_str why =
        pb_printf("the new program cannot be started: %s; this one goes on\n", strerror(errno));
    keep_open(snapshot, false);
    hub_save_undo(hub_state);
    close(state);
    close(snapshot);
    pb_log(PB_ERROR, "%.*s", (int)why.size - 1, why.data);
    finish(why, pb_status_exit(PB_UNAVAILABLE));
}

/* --- asking the new program ------------------------------------------------------------------- */

static void refused(struct check *check, const char *what, int exit_code)
{
    pb_str text = pb_printf("%.*s%s; nothing was changed\n", PB_ARG(buf_str(check->text)), what);

    check_free(check);
    pb_log(PB_ERROR, "no upgrade: %s", what);
    finish(text, exit_code);
}

static void checked(struct check *check, int exit_code)
{
    int snapshot = check->snapshot;

    if (supervisor.stops) {
        refused(check, "the server is stopping", pb_status_exit(PB_UNAVAILABLE));
    } else if (exit_code != 0) {
        refused(check, "the new program has problems with the configuration", exit_code);
    } else {
        check->snapshot = -1;
        check_free(check);
        replace(snapshot);
    }
}

static void told_version(struct check *check, int exit_code)
{
    pb_str said = pb_str_trim(buf_str(check->text));
    const struct spawn spec = {.program = supervisor.program, .output = -1};

    if (exit_code != 0 || !pb_str_starts(said, pb_lit("patchbay "))) {
        refused(check, "the new program does not tell its version", pb_status_exit(PB_UNSUPPORTED));
        return;
    }
    snprintf(upgrade.version, sizeof upgrade.version, "%.*s",
             PB_ARG(pb_str_slice(said, 9, said.size)));
    check_free(check);
    upgrade.check.done = checked;
    if (check_start(&upgrade.check, &spec, true) != PB_OK)
        finish(pb_printf("%.*s\n", PB_ARG(pb_error_last()->sentence)),
               pb_status_exit(PB_UNAVAILABLE));
}

void upgrade_request(struct hub_node *command)
{
    static char name[] = "patchbay", version[] = "--version";
    static char *const arguments[] = {name, version, NULL};
    const struct spawn spec = {.program = supervisor.program, .arguments = arguments, .output = -1};

    if (upgrade.running || reload_running() || !supervisor.current || supervisor.stops) {
        hub_answer(command, pb_lit("the server starts, reloads, upgrades or stops; try again\n"),
                   -1);
        hub_answer_end(command, pb_status_exit(PB_CONFLICT));
        return;
    }
    upgrade.running = true;
    upgrade.command = command;
    upgrade.check.done = told_version;
    if (check_start(&upgrade.check, &spec, false) != PB_OK)
        finish(pb_printf("%.*s\n", PB_ARG(pb_error_last()->sentence)),
               pb_status_exit(PB_UNAVAILABLE));
}

/* --- in the new program ----------------------------------------------------------------------- */

static void read_generation(const char *line)
{
    int number, state, snapshot, greeting;
    long long workers;
    struct settings settings;

    if (sscanf(line, "generation %d %d %d %d %lld", &number, &state, &snapshot, &greeting,
               &workers) != 5 ||
        workers < 1 || workers > WORKERS_MOST)
        return;
    if (snapshot < 0 || settings_of(snapshot, &settings) != PB_OK)
        settings_default(&settings, workers);
    settings.workers = workers;
    struct generation *generation = generation_new((uint32_t)number, snapshot, &settings);
    if (!generation)
        return;
    generation->state = (enum generation_state)state;
    if (greeting >= 0) {
        close(generation->greeting);
        generation->greeting = greeting;
    }
    fcntl(snapshot, F_SETFD, FD_CLOEXEC);
    fcntl(greeting, F_SETFD, FD_CLOEXEC);
}

static struct hub_node *node_of(int32_t pid, enum hub_kind kind)
{
    for (struct hub_node *node = hub_first(); node; node = hub_next(node))
        if (node->pid == pid && node->kind == kind)
            return node;
    return NULL;
}

static void read_process(const char *line)
{
    unsigned slot, number;
    int pid, state, spare, served, adopted;
    long long began;
    struct process *process = calloc(1, sizeof *process);

    if (!process || sscanf(line, "process %d %u %u %d %d %d %d %lld", &pid, &slot, &number, &state,
                           &spare, &served, &adopted, &began) != 8) {
        free(process);
        return;
    }
    struct generation *generation = generation_find(number);
    if (!generation || slot < 1 || slot > generation->settings.workers) {
        free(process);
        return;
    }
    *process = (struct process){.generation = generation,
                                .slot = slot,
                                .pid = pid,
                                .node = node_of(pid, HUB_WORKER),
                                .state = (enum process_state)state,
                                .adopted = adopted,
                                .spare = spare,
                                .served = served,
                                .began = began};
    if (process->node)
        process->node->owner = process;
    list_append(&supervisor.processes, &process->link);
    generation->processes++;
    if (!spare)
        generation->slots[slot - 1].process = process;
    generation->slots[slot - 1].served |= served;
    if (adopted)
        watch_adopted(process);
    if (process->state == PROCESS_DRAINING)
        process_limit(process, generation->settings.drain);
    else if (process->state == PROCESS_STARTING)
        process_limit(process, generation->settings.start);
}

/* Read twice: first generations, because run_dir stands in a snapshot and the hub needs it; then
 * processes, which need the hub. */
static pb_status read_state(int fd, int *snapshot, unsigned *current, int32_t *command,
                            bool processes)
{
    char line[256];
    unsigned last = 0;
    int greeted = 0, pid = 0;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;

    if (!file)
        return pb_fail(PB_INTERNAL, "the state of the program before cannot be read");
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "supervisor %u %d %u %d", &last, &greeted, current, snapshot) == 4 &&
            !processes) {
            supervisor.last_number = last;
            supervisor.greeted = greeted;
        }
        if (!processes)
            read_generation(line);
        else
            read_process(line);
        if (sscanf(line, "command %d", &pid) == 1)
            *command = pid;
    }
    fclose(file);
    return PB_OK;
}

pb_status upgrade_resume(const char *text)
{
    static char run_dir[SETTINGS_PATH];
    int hub_state, state, snapshot = -1;
    unsigned current = 0;
    int32_t command = 0;

    if (sscanf(text, "%d:%d", &hub_state, &state) != 2)
        return pb_fail(PB_INTERNAL, "PATCHBAY_RESUME is not what it should be");
    unsetenv("PATCHBAY_RESUME");
    fcntl(state, F_SETFD, FD_CLOEXEC);
    pb_status status = read_state(state, &snapshot, &current, &command, false);
    if (status != PB_OK)
        return status;
    fcntl(snapshot, F_SETFD, FD_CLOEXEC);
    supervisor.current = generation_find(current);
    if (!supervisor.current)
        return pb_fail(PB_INTERNAL, "the state of the program before is not whole");
    supervisor_log(&supervisor.current->settings);
    memcpy(run_dir, supervisor.current->settings.run_dir, sizeof run_dir);
    status = hub_restore(hub_state, run_dir, supervisor_hooks());
    if (status == PB_OK)
        status = read_state(state, &snapshot, &current, &command, true);
    close(state);
    if (status != PB_OK)
        return status;
    pb_log(PB_INFO, "this is %s now; starting a generation of it", PATCHBAY_VERSION);
    struct hub_node *asked = command ? node_of(command, HUB_COMMAND) : NULL;
    if (asked)
        reload_wait(asked);
    reload_with(snapshot, pb_printf("the supervisor is version %s now\n", PATCHBAY_VERSION));
    return PB_OK;
}
