/* takeover.c - a supervisor that finds the workers of one that was killed: they serve on, and
 * become its own, or make room for a generation of the configuration as it is now.
 *
 * What they run is asked of themselves: each keeps its snapshot open, and /proc shows it. No secret
 * lies on disk for this.
 */
#include "app/supervisor.h"

#include "config/snapshot.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int wanted = -1; /* the snapshot of the configuration as it is now */

/* --- what an orphan has open ------------------------------------------------------------------ */

/* A memfd of that name which the process has open; -1: none, or we may not. */
static int memfd_of(int32_t pid, const char *name, int flags)
{
    char folder[64], path[PATH_MAX], target[128], looked_for[96];
    struct dirent *entry;
    int found = -1;

    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    snprintf(looked_for, sizeof looked_for, "/memfd:%s (deleted)", name);
    DIR *open_files = opendir(folder);
    while (open_files && found < 0 && (entry = readdir(open_files))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = 0;
        if (strcmp(target, looked_for) == 0)
            found = open(path, flags | O_CLOEXEC);
    }
    if (open_files)
        closedir(open_files);
    return found;
}

static bool same_program(int32_t pid)
{
    char path[48];
    struct stat own, other;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* --- adopting one ----------------------------------------------------------------------------- */

static struct generation *generation_of(const struct hub_node *worker)
{
    struct generation *generation = generation_find(worker->generation);
    struct settings settings;
    int snapshot;

    if (generation)
        return generation;
    snapshot = memfd_of(worker->pid, "patchbay-snapshot", O_RDONLY);
    if (snapshot < 0 || settings_of(snapshot, &settings) != PB_OK)
        settings_default(&settings, WORKERS_MOST);
    generation = generation_new(worker->generation, snapshot, &settings);
    int greeting = generation ? memfd_of(worker->pid, "patchbay-greeting", O_RDWR) : -1;
    if (greeting >= 0) {
        close(generation->greeting);
        generation->greeting = greeting;
    }
    if (generation && !supervisor.adopting) /* it comes late */
        generation->state = GENERATION_RETIRING;
    return generation;
}

static enum process_state state_of(const struct process *process)
{
    const struct scoreboard_cell *cell = process_cell(process);
    uint32_t state = cell ? atomic_load(&cell->state) : CELL_SERVING;

    return state == CELL_STARTING   ? PROCESS_STARTING
           : state == CELL_DRAINING ? PROCESS_RETIRING
                                    : PROCESS_SERVING;
}

void takeover_adopted(struct hub_node *worker)
{
    struct process *process = calloc(1, sizeof *process);
    pb_scope *scope = pb_scope_begin();
    struct generation *generation = process ? generation_of(worker) : NULL;

    if (!generation || worker->slot < 1 || worker->slot > generation->settings.workers) {
        pb_log(PB_ERROR, "worker %d of the supervisor before cannot be taken over",
               (int)worker->pid);
        hub_order(worker, HUB_DRAIN);
        free(process);
        pb_scope_end(scope);
        return;
    }
    struct slot *slot = &generation->slots[worker->slot - 1];
    *process = (struct process){.generation = generation,
                                .slot = worker->slot,
                                .pid = worker->pid,
                                .node = worker,
                                .adopted = true};
    process->state = state_of(process);
    process->served = process->state != PROCESS_STARTING;
    process->spare = slot->process != NULL || process->state == PROCESS_RETIRING;
    worker->owner = process;
    list_append(&supervisor.processes, &process->link);
    generation->processes++;
    if (!process->spare) {
        slot->process = process;
        slot->served = process->served;
    }
    watch_adopted(process);
    if (supervisor.stops)
        process_order(process, HUB_DRAIN, generation->settings.drain);
    else if (generation->state == GENERATION_RETIRING)
        process_order(process, HUB_RETIRE, 0);
    pb_scope_end(scope);
}

/* --- deciding --------------------------------------------------------------------------------- */

/* The newest generation that has a worker which serves. */
static struct generation *newest(void)
{
    for (struct list_link *at = supervisor.generations.prev; at != &supervisor.generations;
         at = at->prev) {
        struct generation *generation = list_entry(at, struct generation, link);
        for (int64_t i = 0; i < generation->settings.workers; i++)
            if (generation->slots[i].served && generation->slots[i].process)
                return generation;
    }
    return NULL;
}

/* Does it run what is configured now, with this program? */
static bool fits(const struct generation *generation, int snapshot)
{
    for (int64_t i = 0; i < generation->settings.workers; i++)
        if (generation->slots[i].process && !same_program(generation->slots[i].process->pid))
            return false;
    return generation->snapshot >= 0 && snapshot_same(generation->snapshot, snapshot);
}

static size_t adopted(void)
{
    size_t count = 0;

    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next)
        count++;
    return count;
}

void takeover_settled(void)
{
    pb_scope *scope = pb_scope_begin();
    struct generation *generation = newest();
    int snapshot = wanted;

    supervisor.adopting = false;
    wanted = -1;
    if (supervisor.stops) {
        close(snapshot);
        supervisor_check_end();
    } else if (generation && fits(generation, snapshot)) {
        close(snapshot);
        pb_log(PB_INFO, "took over %zu workers; generation %u goes on", adopted(),
               generation->number);
        generation_start(generation); /* fills what is empty */
        generation_look(generation);
    } else {
        if (generation)
            pb_log(PB_INFO,
                   "took over %zu workers; configuration, plugins or program have changed since",
                   adopted());
        if (generation)
            generation->state = GENERATION_SERVING;
        supervisor.current = generation;
        reload_with(snapshot, (pb_str){0});
    }
    pb_scope_end(scope);
}

void takeover_begin(int snapshot)
{
    wanted = snapshot;
    supervisor.adopting = true;
    pb_log(PB_INFO, "workers of a supervisor that is gone serve on; taking them over");
}
