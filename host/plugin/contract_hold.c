/* contract_hold.c - rule 4: who holds the loop, and in which function.
 *
 * The running instance stands in task_note; where its code is, a signal asks the loop's thread. While
 * contracts are checked a thread looks every TICK and says it once for each hold. In a worker the
 * supervisor asks, too, before it ends one that hangs, and finds the function in the scoreboard.
 */
#include "plugin/contract_internal.h"

#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "runtime/crash.h"
#include "runtime/hold.h"

#include <dlfcn.h>
#include <errno.h>
#include <patchbay/log.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#define TICK (20 * PB_MILLISECOND)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT (400 * PB_MILLISECOND)
#else
#define LIMIT (100 * PB_MILLISECOND)
#endif

enum { FUNCTION = 80 };

static struct {
    pthread_t thread;
    sem_t stop, answered;
    bool runs;
    char where[FUNCTION]; /* in the handler, for the thread that waits for `answered` */
    char title[CONTRACT_TITLE];
} hold;

/* --- in the handler --------------------------------------------------------------------------- */

/* The innermost frame that lies in the plugin's own object: "slow_hash", or "x.so+0x1234". */
static void find_function(const pb_instance *instance, void *const *frames, int count,
                          char out[FUNCTION])
{
    const struct plugin *plugin = registry_of(instance->plugin);
    Dl_info own, at;

    if (!plugin || !dladdr(instance->plugin, &own))
        return;
    bool built_in = plugin->path[0] == '(';
    for (int i = built_in ? 3 : 0; i < count; i++) { /* built in: the handler is of the same object */
        if (!dladdr(frames[i], &at) || at.dli_fbase != own.dli_fbase)
            continue;
        uint64_t offset = (uint64_t)((uintptr_t)frames[i] - (uintptr_t)own.dli_fbase) - 1;
        if (!contract_symbol(built_in ? "/proc/self/exe" : plugin->path, offset, out, FUNCTION))
            (void)snprintf(out, FUNCTION, "%s+0x%llx", instance->plugin->name,
                           (unsigned long long)offset);
        return;
    }
}

static void seen(void *const *frames, int count, bool outside)
{
    const pb_instance *instance = instance_running();
    char where[FUNCTION] = "";

    if (instance)
        find_function(instance, frames, count, where);
    if (outside) {
        struct scoreboard_cell *cell = scoreboard_own;
        if (atomic_load_explicit(&cell->cause, memory_order_relaxed) == CAUSE_MEMORY)
            return; /* it ends for that, and the text is taken */
        (void)snprintf(cell->text, sizeof cell->text, "%s", where);
        atomic_store_explicit(&cell->cause, CAUSE_HELD, memory_order_release);
        return;
    }
    hold.title[0] = 0;
    if (instance)
        contract_title(instance, hold.title);
    memcpy(hold.where, where, sizeof where);
    sem_post(&hold.answered);
}

/* --- the thread that watches ------------------------------------------------------------------ */

static bool wait_for(sem_t *semaphore, pb_duration limit)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)limit;
    until.tv_sec += until.tv_nsec / PB_SECOND;
    until.tv_nsec %= PB_SECOND;
    while (sem_timedwait(semaphore, &until) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

static void report(pb_duration held)
{
    while (sem_trywait(&hold.answered) == 0)
        ; /* an answer that came too late */
    hold_ask();
    if (!wait_for(&hold.answered, PB_SECOND / 2) || !hold.title[0])
        return;
    pb_log(PB_WARN, "contract 4: %s held the loop for %lld ms%s%s", hold.title,
           (long long)(held / PB_MILLISECOND), hold.where[0] ? ", in " : "", hold.where);
}

struct moment {
    uint64_t switches;
    uint32_t instance;
};

static struct moment moment_now(void)
{
    const struct task_note *note = task_note;
    bool runs = atomic_load_explicit(&note->running, memory_order_relaxed);

    return (struct moment){
        atomic_load_explicit(&note->switches, memory_order_relaxed),
        runs ? atomic_load_explicit(&note->instance, memory_order_relaxed) : 0};
}

static void *watch(void *unused)
{
    struct hold_look look;
    struct moment last = {0};
    pb_duration held = 0;
    bool said = false;

    (void)unused;
    if (!hold_look_open(&look))
        return NULL;
    while (!wait_for(&hold.stop, TICK)) {
        struct moment now = moment_now();
        pb_duration more = hold_look_at(&look);
        bool same = now.instance && now.switches == last.switches && now.instance == last.instance;
        last = now;
        held = same ? held + more : 0;
        said = said && same;
        if (held >= LIMIT && !said) {
            said = true;
            report(held);
        }
    }
    hold_look_close(&look);
    return NULL;
}

void contract_watch(void)
{
    sigset_t all, before;

    if (hold.runs || (!contract_enabled() && node_kind() != NODE_WORKER))
        return;
    hold_watch(seen);
    if (!contract_enabled())
        return;
    crash_watch(CAUSE_STACK_OVERFLOW);
    sem_init(&hold.stop, 0, 0);
    sem_init(&hold.answered, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    hold.runs = pthread_create(&hold.thread, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void contract_unwatch(void)
{
    if (!hold.runs)
        return;
    sem_post(&hold.stop);
    pthread_join(hold.thread, NULL);
    sem_destroy(&hold.stop);
    sem_destroy(&hold.answered);
    hold.runs = false;
}
