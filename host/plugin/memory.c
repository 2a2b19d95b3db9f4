/* memory.c - host.limits.worker_memory: the worker looks at its resident memory. From 80 % of the
 * limit on, or when it will soon be there, it counts which instance grows; above the limit it
 * writes down who grew most, and its supervisor replaces it.
 *
 * Counted is what malloc gave and did not get back between two switches, without the arenas: those
 * of turns and requests end with them. Those of instances are added.
 */
#include "plugin/instances_internal.h"

#include "base/arena.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"

#include <fcntl.h>
#include <malloc.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUND      (100 * PB_MILLISECOND)
#define ROUND_NEAR (50 * PB_MILLISECOND) /* while it is counted */

static struct {
    struct timer timer;
    int64_t before;     /* resident, in the round before */
    pb_instance *owner; /* whose work was done since `last`, or NULL: the host's */
    int64_t last;
    bool told;
} memory;

static int64_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd) - (int64_t)arena_bytes();
}

static void on_switch(const struct task_locals *locals)
{
    int64_t now = in_use();

    if (memory.owner)
        memory.owner->grown += now - memory.last;
    memory.owner = locals ? locals->instance : NULL;
    memory.last = now;
}

static void count(void)
{
    if (task_on_switch)
        return;
    pb_log(PB_DEBUG, "memory is taken fast, or is nearly used up: it is counted who takes it");
    for (pb_instance *at = instances.first; at; at = at->next)
        at->grown = -(int64_t)at->arena.total;
    memory.owner = NULL;
    memory.last = in_use();
    task_on_switch = on_switch;
}

static const pb_instance *biggest(void)
{
    const pb_instance *most = NULL;
    int64_t grown = 64 * 1024; /* less is chance */

    for (const pb_instance *at = instances.first; task_on_switch && at; at = at->next)
        if (at->grown + (int64_t)at->arena.total > grown) {
            grown = at->grown + (int64_t)at->arena.total;
            most = at;
        }
    return most;
}

static void give_up(int64_t resident)
{
    struct scoreboard_cell *cell = scoreboard_own;
    const pb_instance *most = biggest();

    if (memory.told)
        return;
    memory.told = true;
    if (most)
        snprintf(cell->text, sizeof cell->text, "%.*s '%.*s' (%s %s)", PB_ARG(most->kind),
                 PB_ARG(most->name), most->plugin->name, most->plugin->version);
    atomic_store_explicit(&cell->cause, CAUSE_MEMORY, memory_order_release);
    pb_log(PB_ERROR, "this worker holds %lld MB, more than host.limits.worker_memory; %s%s",
           (long long)(resident >> 20), most ? "who grew most is " : "no plugin stands out",
           most ? cell->text : "");
}

/* Bytes of this process in memory; 0: unknown. */
static int64_t resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    char *second = NULL;
    (void)strtoll(text, &second, 10);
    return strtoll(second, NULL, 10) * (int64_t)sysconf(_SC_PAGESIZE);
}

static void look(struct timer *timer)
{
    int64_t limit = instances.host.limits.worker_memory, resident = resident_bytes();
    int64_t grown = resident > memory.before ? resident - memory.before : 0;

    memory.before = resident;
    if (resident > limit && task_on_switch)
        give_up(resident);
    else if (resident + 3 * grown > limit / 5 * 4) /* three rounds ahead */
        count();
    else if (resident < limit / 2)
        task_on_switch = NULL;
    timer_arm(timer, task_on_switch ? ROUND_NEAR : ROUND, look);
}

void memory_watch(void)
{
    if (instances.host.limits.worker_memory > 0 && node_kind() == NODE_WORKER &&
        !timer_armed(&memory.timer)) {
        memory.before = resident_bytes();
        timer_arm(&memory.timer, ROUND, look);
    }
}

void memory_unwatch(void)
{
    timer_cancel(&memory.timer);
    task_on_switch = NULL;
    memory.told = false;
}
