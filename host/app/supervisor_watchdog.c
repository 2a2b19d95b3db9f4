/* supervisor_watchdog.c - ends workers that hold their loop, and replaces those that grew too
 * large.
 *
 * A hang is: a task runs, and no other was entered for host.limits.hang. Only rounds count in which
 * this process was on time itself: after a suspend, a pause of the machine or a stop of this
 * process everybody looks as if he hung.
 */
#include "app/supervisor.h"

#include "base/log.h"
#include "runtime/hold.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const pb_duration memory_round = PB_SECOND, memory_round_near = 50 * PB_MILLISECOND;
/* So long a worker that is too large may say who grew, and let its turns end; then, above 1.5 times
 * its limit, it is killed (at once above 3 times). */
static const pb_duration time_to_tell = 2 * PB_SECOND;

static struct {
    struct timer hang, memory;
    pb_duration due;       /* when the next round should come */
    pb_duration suspended; /* boot time less monotonic time: grows over a suspend */
} watchdog;

/* --- hangs ------------------------------------------------------------------------------------ */

static pb_duration suspended(void)
{
    struct timespec boot, monotonic;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    return (boot.tv_sec - monotonic.tv_sec) * PB_SECOND + boot.tv_nsec - monotonic.tv_nsec;
}

/* A process that is stopped (a debugger, SIGSTOP) does not hang. */
static bool is_stopped(int32_t pid)
{
    char path[48], text[512];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = 0;
    const char *at = strrchr(text, ')');
    return at && at[1] == ' ' && (at[2] == 'T' || at[2] == 't');
}

static void look(struct process *process, pb_duration now, bool punctual)
{
    const struct scoreboard_cell *cell = process_cell(process);
    pb_duration limit = process->generation->settings.hang;

    if (!cell || !limit || process->killed[0] || process->state == PROCESS_STARTING)
        return;
    uint64_t switches = atomic_load(&cell->switches);
    bool stands = atomic_load(&cell->running) == 1 && switches == process->switches;
    process->switches = switches;
    if (!stands || !punctual || !process->still_since || is_stopped(process->pid)) {
        process->still_since = now;
        process->asked = false;
    } else if (now - process->still_since < limit) {
        if (now - process->still_since >= limit / 2 && !process->asked) /* where? It tells its cell */
            process->asked = kill(process->pid, HOLD_SIGNAL) == 0;
    } else {
        process->hung = true;
        process_kill(process, "it held the loop for %g s", (double)limit / (double)PB_SECOND);
    }
}

/* The shortest limit of any generation; 0: none has one. */
static pb_duration shortest_hang(void)
{
    pb_duration shortest = 0;

    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next) {
        pb_duration hang = list_entry(at, struct generation, link)->settings.hang;
        if (hang && (!shortest || hang < shortest))
            shortest = hang;
    }
    return shortest;
}

static void hang_round(struct timer *timer);

static void arm_hang(void)
{
    pb_duration every = shortest_hang() / 5;

    if (!every)
        return;
    watchdog.due = loop_refresh() + every;
    timer_arm_at(&watchdog.hang, watchdog.due, hang_round);
}

static void hang_round(struct timer *timer)
{
    pb_duration now = loop_refresh(), offset = suspended(), every = shortest_hang() / 5;
    pb_duration slack = every / 2 > 20 * PB_MILLISECOND ? every / 2 : 20 * PB_MILLISECOND;
    bool punctual = now - watchdog.due < slack && offset - watchdog.suspended < 10 * PB_MILLISECOND;

    (void)timer;
    watchdog.suspended = offset;
    for (struct list_link *at = supervisor.processes.next, *next; at != &supervisor.processes;
         at = next) {
        next = at->next;
        look(list_entry(at, struct process, link), now, punctual);
    }
    arm_hang();
}

/* --- memory ----------------------------------------------------------------------------------- */

static int64_t resident(int32_t pid)
{
    char path[48], text[128];
    long long total, pages;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = 0;
    return sscanf(text, "%lld %lld", &total, &pages) == 2 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static const char *grew(const struct process *process)
{
    const struct scoreboard_cell *cell = process_cell(process);

    return cell && atomic_load(&cell->cause) == CAUSE_MEMORY ? cell->text : "";
}

/* Another takes its place; it ends when that one serves. */
static void replace(struct process *process, int64_t size)
{
    struct slot *slot = &process->generation->slots[process->slot - 1];

    if (slot->process != process || process->generation->state != GENERATION_SERVING)
        return;
    log_worker(process->slot);
    pb_log(
        PB_WARN,
        "worker %u (pid %d) used %.2f GB of memory, more than host.limits.worker_memory: another "
        "takes its place%s%.*s",
        process->slot, (int)process->pid, (double)size / 1e9,
        grew(process)[0] ? "; most grew in " : "", SCOREBOARD_NAME, grew(process));
    log_worker(0);
    process->spare = true;
    slot->process = NULL;
    if (spawn_worker(slot) != PB_OK) {
        pb_log(PB_ERROR, "%.*s", PB_ARG(pb_error_last()->sentence));
        slot->process = process; /* tried again in the next round */
        process->spare = false;
    }
}

/* Is it near its limit, so that looking again soon pays? */
static bool memory_look(struct process *process)
{
    int64_t limit = process->generation->settings.worker_memory;
    int64_t size = limit && !process->killed[0] ? resident(process->pid) : 0;
    pb_duration now = loop_now();

    if (!process->heavy_since || size <= limit)
        process->heavy_since = size > limit ? now : 0;
    bool late = process->heavy_since && now - process->heavy_since > time_to_tell;
    if (size > 3 * limit || (late && size > limit + limit / 2))
        process_kill(process, "it used %.2f GB of memory", (double)size / 1e9);
    else if (size > limit && process->state == PROCESS_SERVING && !process->spare &&
             (grew(process)[0] || late || size > limit + limit / 4))
        replace(process, size);
    return limit && size > limit / 5 * 4;
}

static void arm_memory(pb_duration after);

static void memory_fired(struct timer *timer)
{
    bool near = false;

    (void)timer;
    for (struct list_link *at = supervisor.processes.next, *next; at != &supervisor.processes;
         at = next) {
        next = at->next;
        near |= memory_look(list_entry(at, struct process, link));
    }
    arm_memory(near ? memory_round_near : memory_round);
}

static void arm_memory(pb_duration after)
{
    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next)
        if (list_entry(at, struct generation, link)->settings.worker_memory)
            timer_arm(&watchdog.memory, after, memory_fired);
}

void watchdog_start(void)
{
    if (!timer_armed(&watchdog.hang) || loop_now() + shortest_hang() / 5 < watchdog.due)
        arm_hang();
    if (!timer_armed(&watchdog.memory))
        arm_memory(memory_round);
}
