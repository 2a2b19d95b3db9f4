/* scoreboard.c - see scoreboard.h. The memory is a memfd that can neither grow nor shrink, so that
 * reading it never faults. */
#include "cluster/scoreboard.h"

#include "cluster/sealed.h"
#include <patchbay/memory.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(sizeof(struct scoreboard_cell) % 64 == 0, "cells do not share cache lines");

static struct scoreboard_cell private_cell;
struct scoreboard_cell *scoreboard_own = &private_cell;
struct scoreboard *scoreboard_all;

pb_status scoreboard_create(int *fd, struct scoreboard **out)
{
    pb_status status = sealed_create("patchbay-scoreboard", sizeof **out, fd);

    if (status != PB_OK)
        return status;
    *out = mmap(NULL, sizeof **out, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (*out == MAP_FAILED) {
        close(*fd);
        return pb_fail(PB_NO_MEMORY, "there is no memory for the scoreboard");
    }
    (*out)->version = SCOREBOARD_VERSION;
    (*out)->size = sizeof **out;
    return PB_OK;
}

pb_status scoreboard_map(int fd, struct scoreboard **out)
{
    if (!sealed_is(fd, sizeof **out))
        return pb_fail(PB_INVALID, "that is no scoreboard of this version");
    struct scoreboard *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED)
        return pb_fail(PB_NO_MEMORY, "there is no memory for the scoreboard");
    if (board->version != SCOREBOARD_VERSION || board->size != sizeof *board) {
        munmap(board, sizeof *board);
        return pb_fail(PB_INVALID, "that is no scoreboard of this version");
    }
    *out = board;
    return PB_OK;
}

/* --- our cell --------------------------------------------------------------------------------- */

static void copy_cell(struct scoreboard_cell *to, const struct scoreboard_cell *from)
{
    if (from->state != CELL_FREE)
        to->state = from->state;
    to->connections = from->connections;
    to->turns = from->turns;
    to->running = from->running;
    to->instance = from->instance;
    to->pipeline = from->pipeline;
    to->cause = from->cause;
    to->switches = from->switches;
    to->turn[0] = from->turn[0];
    to->turn[1] = from->turn[1];
    memcpy(to->text, from->text, sizeof to->text);
}

static struct {
    const struct scoreboard *board;
    uint32_t version; /* that `rows` is of, plus one; 0: none yet */
    size_t count;
    struct {
        char pipeline[SCOREBOARD_NAME], sentence[SCOREBOARD_SENTENCE];
    } rows[SCOREBOARD_QUARANTINED];
} quarantine; /* what holds for our generation */

/* The old board stays mapped: somebody may be looking at it, and it happens once in a life. */
void scoreboard_join(struct scoreboard *board, uint32_t cell)
{
    struct scoreboard_cell *own = &board->cells[cell];

    if (own != scoreboard_own)
        copy_cell(own, scoreboard_own);
    own->pid = (int32_t)getpid();
    scoreboard_own = own;
    task_note = &own->note;
    scoreboard_all = board;
}

void scoreboard_leave(void)
{
    if (scoreboard_own != &private_cell)
        copy_cell(&private_cell, scoreboard_own);
    scoreboard_own = &private_cell;
    task_note = &private_cell.note;
    scoreboard_all = NULL;
    quarantine.board = NULL;
}

uint32_t scoreboard_fewest_connections(void)
{
    const struct scoreboard *board = scoreboard_all;
    uint32_t fewest = scoreboard_own->connections;

    if (!board)
        return fewest;
    uint32_t generation = scoreboard_own->generation, used = board->cells_used;
    for (uint32_t i = 0; i < used && i < SCOREBOARD_CELLS; i++) {
        const struct scoreboard_cell *cell = &board->cells[i];
        uint32_t count = atomic_load_explicit(&cell->connections, memory_order_relaxed);
        if (count < fewest && cell->state == CELL_SERVING && cell->generation == generation)
            fewest = count;
    }
    return fewest;
}

/* --- quarantine ------------------------------------------------------------------------------- */

/* Copies what concerns us; once more when the supervisor wrote meanwhile. */
static void read_quarantine(const struct scoreboard *board)
{
    uint32_t version, generation = scoreboard_own->generation;

    do {
        version = board->quarantine_version;
        quarantine.count = 0;
        for (int i = 0; i < SCOREBOARD_QUARANTINED; i++) {
            const struct scoreboard_quarantine *row = &board->quarantine[i];
            if (!generation || row->generation != generation)
                continue;
            size_t at = quarantine.count++;
            memcpy(quarantine.rows[at].pipeline, row->pipeline, SCOREBOARD_NAME);
            memcpy(quarantine.rows[at].sentence, row->sentence, SCOREBOARD_SENTENCE);
            quarantine.rows[at].pipeline[SCOREBOARD_NAME - 1] = 0;
            quarantine.rows[at].sentence[SCOREBOARD_SENTENCE - 1] = 0;
        }
    } while (version != board->quarantine_version);
    quarantine.board = board;
    quarantine.version = version + 1;
}

const char *scoreboard_quarantined(pb_str pipeline)
{
    const struct scoreboard *board = scoreboard_all;

    if (!board)
        return NULL;
    if (quarantine.board != board || quarantine.version != board->quarantine_version + 1)
        read_quarantine(board);
    for (size_t i = 0; i < quarantine.count; i++)
        if (pb_str_is(pb_str_slice(pipeline, 0, SCOREBOARD_NAME - 1), quarantine.rows[i].pipeline))
            return quarantine.rows[i].sentence;
    return NULL;
}
