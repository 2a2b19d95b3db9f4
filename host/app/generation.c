/* generation.c - the workers of one configuration: starting, serving, making room for the next.
 *
 * A generation serves when each of its slots had a worker that was ready. At a reload one worker
 * that says it cannot start ends the new generation; at the first start the others may still do. A
 * worker that dies later is replaced at once, and ever more slowly while that repeats.
 */
#include "app/supervisor.h"

#include "app/notify.h"
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 3 }; /* of a worker that dies while it starts */
static const pb_duration shortest_pause = 100 * PB_MILLISECOND;
static const pb_duration longest_pause = 10 * PB_SECOND;
static const pb_duration longest_unblamed = 200 * PB_MILLISECOND;
static const pb_duration repeats_within = 60 * PB_SECOND;

/* --- coming and going ------------------------------------------------------------------------- */

struct generation *generation_find(uint32_t number)
{
    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next) {
        struct generation *generation = list_entry(at, struct generation, link);
        if (generation->number == number)
            return generation;
    }
    return NULL;
}

/* Takes the snapshot over. NULL when memory is short. */
struct generation *generation_new(uint32_t number, int snapshot, const struct settings *settings)
{
    struct generation *generation = calloc(1, sizeof *generation);
    struct list_link *at = supervisor.generations.prev;

    if (generation)
        generation->slots = calloc((size_t)settings->workers, sizeof *generation->slots);
    if (!generation || !generation->slots) {
        free(generation);
        return NULL;
    }
    generation->number = number;
    generation->snapshot = snapshot;
    generation->greeting = spawn_memfd("patchbay-greeting");
    generation->settings = *settings;
    for (uint32_t i = 0; i < settings->workers; i++) {
        generation->slots[i].generation = generation;
        generation->slots[i].number = i + 1;
    }
    while (at != &supervisor.generations &&
           list_entry(at, struct generation, link)->number > number)
        at = at->prev;
    list_append(at->next, &generation->link); /* oldest first */
    if (number > supervisor.last_number)
        supervisor.last_number = number;
    return generation;
}

static void free_generation(struct generation *generation)
{
    for (int64_t i = 0; i < generation->settings.workers; i++)
        timer_cancel(&generation->slots[i].respawn);
    if (supervisor.current == generation)
        supervisor.current = NULL;
    if (supervisor.coming == generation)
        supervisor.coming = NULL;
    quarantine_clear(generation->number);
    list_remove(&generation->link);
    if (generation->snapshot >= 0)
        close(generation->snapshot);
    if (generation->greeting >= 0)
        close(generation->greeting);
    free(generation->slots);
    free(generation);
    hub_forget_listeners();
}

/* --- respawning ------------------------------------------------------------------------------- */

static void respawn(struct timer *timer);

static void fill(struct slot *slot)
{
    if (slot->process || supervisor.stops)
        return;
    if (spawn_worker(slot) == PB_OK)
        return;
    pb_log(PB_ERROR, "%.*s", PB_ARG(pb_error_last()->sentence));
    timer_arm(&slot->respawn, PB_SECOND, respawn);
}

static void respawn(struct timer *timer)
{
    pb_scope *scope = pb_scope_begin();

    fill(list_entry(timer, struct slot, respawn));
    pb_scope_end(scope);
}

static void respawn_later(struct slot *slot, bool blamed)
{
    pb_duration now = loop_refresh();
    bool repeats = slot->last_death && now - slot->last_death < repeats_within;
    pb_duration most = blamed || !slot->served ? longest_pause : longest_unblamed;

    slot->deaths = repeats ? slot->deaths + 1 : 1;
    slot->last_death = now;
    if (slot->deaths == 1)
        slot->pause = 0;
    else if (slot->deaths == 2)
        slot->pause = shortest_pause;
    else
        slot->pause *= 2;
    if (slot->pause > most)
        slot->pause = most;
    timer_arm(&slot->respawn, slot->pause, respawn);
}

void generation_start(struct generation *generation)
{
    for (int64_t i = 0; i < generation->settings.workers; i++)
        fill(&generation->slots[i]);
    watchdog_start();
}

/* --- serving ---------------------------------------------------------------------------------- */

/* What its workers wrote about where they listen; once. */
static void greet(const struct generation *generation)
{
    char text[4096];
    ssize_t size = pread(generation->greeting, text, sizeof text - 1, 0);

    if (supervisor.greeted)
        return;
    supervisor.greeted = true;
    text[size > 0 ? size : 0] = 0;
    printf("%sStop it with Ctrl-C, or: kill %d\n", text, (int)getpid());
    fflush(stdout);
}

static void retire(struct generation *generation)
{
    generation->state = GENERATION_RETIRING;
    for (int64_t i = 0; i < generation->settings.workers; i++)
        timer_cancel(&generation->slots[i].respawn);
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *process = list_entry(at, struct process, link);
        if (process->generation != generation || process->state >= PROCESS_RETIRING)
            continue;
        if (process->state == PROCESS_STARTING)
            process_order(process, HUB_DRAIN, PB_MILLISECOND);
        else
            process_order(process, HUB_RETIRE, 0);
    }
}

/* The current one is the youngest that serves: all others make room. */
void generation_retire_others(void)
{
    for (struct list_link *at = supervisor.generations.next, *next; at != &supervisor.generations;
         at = next) {
        struct generation *generation = list_entry(at, struct generation, link);
        next = at->next;
        if (generation == supervisor.current || generation == supervisor.coming ||
            generation->state == GENERATION_RETIRING)
            continue;
        retire(generation);
        if (!generation->processes)
            free_generation(generation);
    }
}

static void drain(struct generation *generation)
{
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *process = list_entry(at, struct process, link);
        if (process->generation == generation && process->state != PROCESS_DRAINING)
            process_order(process, HUB_DRAIN, generation->settings.drain);
    }
}

/* Of those that retire one may stay beside the one that serves and the one that comes. */
static void make_room(void)
{
    size_t count = 0;

    for (struct list_link *at = supervisor.generations.prev; at != &supervisor.generations;
         at = at->prev) {
        struct generation *generation = list_entry(at, struct generation, link);
        if (++count > GENERATIONS_MOST && generation->state == GENERATION_RETIRING)
            drain(generation);
    }
}

static void serves(struct generation *generation)
{
    generation->state = GENERATION_SERVING;
    supervisor.current = generation;
    if (supervisor.coming == generation)
        supervisor.coming = NULL;
    for (int64_t i = 0; i < generation->settings.workers; i++)
        if (!generation->slots[i].process && !timer_armed(&generation->slots[i].respawn))
            respawn_later(&generation->slots[i], true);
    greet(generation);
    pb_log(PB_INFO, "generation %u serves with %lld workers", generation->number,
           (long long)generation->settings.workers);
    notify_systemd("READY=1\nMAINPID=%d\nSTATUS=Generation %u serves with %lld workers", (int)getpid(),
                   generation->number, (long long)generation->settings.workers);
    generation_retire_others();
    make_room();
    watchdog_start();
    reload_started();
}

/* --- starting --------------------------------------------------------------------------------- */

/* Is it decided for every slot whether it serves? */
static bool settled(const struct generation *generation, size_t *served)
{
    bool all = true;

    *served = 0;
    for (int64_t i = 0; i < generation->settings.workers; i++) {
        *served += generation->slots[i].served;
        all &= generation->slots[i].served || generation->slots[i].gave_up;
    }
    return all;
}

static void give_up(struct generation *generation)
{
    if (supervisor.coming == generation)
        supervisor.coming = NULL;
    retire(generation);
    if (supervisor.current) {
        reload_failed(generation->failure, generation->failure_code);
        if (!generation->processes)
            free_generation(generation);
        return;
    }
    fprintf(stderr, "patchbay: %s\n", generation->failure);
    supervisor.exit_code = generation->failure_code;
    supervisor_stop(NULL);
}

void generation_look(struct generation *generation)
{
    size_t served;
    bool all = settled(generation, &served);

    if (generation->state != GENERATION_STARTING || supervisor.stops)
        return;
    if (generation->failure[0] && (supervisor.current || (all && !served)))
        give_up(generation);
    else if (all && served)
        serves(generation);
}

void generation_process_ready(struct process *process)
{
    struct generation *generation = process->generation;
    struct slot *slot = &generation->slots[process->slot - 1];

    timer_cancel(&process->limit);
    process->served = true;
    if (process->state != PROCESS_STARTING)
        return; /* it was told to end meanwhile */
    process->state = PROCESS_SERVING;
    slot->served = true;
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *other = list_entry(at, struct process, link);
        if (other->spare && other->generation == generation && other->slot == process->slot)
            process_order(other, HUB_RETIRE, 0);
    }
    if (supervisor.stops)
        process_order(process, HUB_DRAIN, generation->settings.drain);
    else if (generation->state == GENERATION_RETIRING)
        process_order(process, HUB_RETIRE, 0);
    else
        generation_look(generation);
}

static void failed_to_start(struct slot *slot, const struct process *process)
{
    struct generation *generation = slot->generation;
    bool told = !strstr(process->failed, "while it started");

    if (told || slot->deaths + 1 >= TRIES) {
        slot->gave_up = true;
        if (!generation->failure[0]) {
            memcpy(generation->failure, process->failed, sizeof generation->failure);
            generation->failure_code = process->exit_code;
        }
    }
}

void generation_process_gone(struct process *process, bool blamed)
{
    struct generation *generation = process->generation;
    struct slot *slot = &generation->slots[process->slot - 1];
    bool own = slot->process == process;

    generation->processes--;
    if (own)
        slot->process = NULL;
    if (generation->state == GENERATION_RETIRING || supervisor.stops) {
        if (!generation->processes && generation->state == GENERATION_RETIRING)
            free_generation(generation);
        return;
    }
    if (!own)
        return;
    if (generation->state == GENERATION_STARTING && process->failed[0] && !slot->served)
        failed_to_start(slot, process);
    if (generation->state == GENERATION_SERVING || !slot->gave_up)
        respawn_later(slot, blamed || process->failed[0]);
    generation_look(generation);
}

void generation_drain_all(void)
{
    for (struct list_link *at = supervisor.generations.next; at != &supervisor.generations;
         at = at->next) {
        struct generation *generation = list_entry(at, struct generation, link);
        for (int64_t i = 0; i < generation->settings.workers; i++)
            timer_cancel(&generation->slots[i].respawn);
    }
    for (struct list_link *at = supervisor.processes.next; at != &supervisor.processes;
         at = at->next) {
        struct process *process = list_entry(at, struct process, link);
        process_order(process, HUB_DRAIN, process->generation->settings.drain);
    }
}
