/* quarantine.c - a pipeline in which the same instance has killed three workers answers 503 until
 * the next reload; the rest of the service goes on.
 *
 * Only faults count: what was killed from outside is nobody's. Deaths that lie more than an hour
 * back are forgiven.
 */
#include "app/supervisor.h"

#include <patchbay/log.h>
#include <stdio.h>

enum { DEATHS_MOST = 3, KEPT = 32 };
static const pb_duration forgiven = 3600 * PB_SECOND;

struct offence {
    uint32_t generation;
    char pipeline[96], instance[96];
    pb_duration deaths[DEATHS_MOST]; /* when, newest first */
};

static struct offence offences[KEPT];
static size_t next_offence;

static struct offence *offence_of(uint32_t generation, const struct cause *cause)
{
    for (size_t i = 0; i < KEPT; i++)
        if (offences[i].generation == generation &&
            strcmp(offences[i].pipeline, cause->pipeline) == 0 &&
            strcmp(offences[i].instance, cause->instance) == 0)
            return &offences[i];
    struct offence *offence = &offences[next_offence++ % KEPT];
    *offence = (struct offence){.generation = generation};
    memcpy(offence->pipeline, cause->pipeline, sizeof offence->pipeline);
    memcpy(offence->instance, cause->instance, sizeof offence->instance);
    return offence;
}

/* A row is published by its generation, which is stored last. */
static void set_row(uint32_t generation, const struct cause *cause)
{
    struct scoreboard *board = hub_scoreboard();
    struct scoreboard_quarantine *row = NULL;

    for (size_t i = 0; i < SCOREBOARD_QUARANTINED; i++) {
        struct scoreboard_quarantine *at = &board->quarantine[i];
        if (atomic_load(&at->generation) == generation &&
            strcmp(at->pipeline, cause->pipeline) == 0)
            return;
        if (!atomic_load(&at->generation) && !row)
            row = at;
    }
    if (!row) {
        pb_log(PB_ERROR, "pipeline '%s' cannot be quarantined: %d others are", cause->pipeline,
               SCOREBOARD_QUARANTINED);
        return;
    }
    (void)snprintf(row->pipeline, sizeof row->pipeline, "%s", cause->pipeline);
    (void)snprintf(row->sentence, sizeof row->sentence,
                   "pipeline '%.48s' is quarantined until the next reload: %.64s killed %d workers",
                   cause->pipeline, cause->instance, DEATHS_MOST);
    atomic_store(&row->generation, generation);
    atomic_fetch_add(&board->quarantine_version, 1);
    pb_log(PB_ERROR, "%s", row->sentence);
}

void quarantine_note(const struct process *process, const struct cause *cause)
{
    uint32_t generation = process->generation->number;
    pb_duration now = loop_refresh();

    if (!cause->blamed || !cause->pipeline[0] || !cause->instance[0])
        return;
    struct offence *offence = offence_of(generation, cause);
    memmove(offence->deaths + 1, offence->deaths, (DEATHS_MOST - 1) * sizeof *offence->deaths);
    offence->deaths[0] = now;
    pb_duration oldest = offence->deaths[DEATHS_MOST - 1];
    if (oldest && now - oldest < forgiven)
        set_row(generation, cause);
}

void quarantine_clear(uint32_t generation)
{
    struct scoreboard *board = hub_scoreboard();

    for (size_t i = 0; i < KEPT; i++)
        if (offences[i].generation == generation)
            offences[i] = (struct offence){0};
    for (size_t i = 0; i < SCOREBOARD_QUARANTINED; i++)
        if (atomic_load(&board->quarantine[i].generation) == generation)
            atomic_store(&board->quarantine[i].generation, 0);
    atomic_fetch_add(&board->quarantine_version, 1);
}
