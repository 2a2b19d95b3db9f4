/* scoreboard.h - one cell per process of the service, in shared memory: who runs what right now.
 *
 * A worker writes its own cell only; the supervisor reads all of them, also after a SIGKILL. The
 * layout carries a version, because two generations share it. Nothing here parks or locks.
 */
#ifndef HOST_CLUSTER_SCOREBOARD_H
#define HOST_CLUSTER_SCOREBOARD_H

#include "runtime/task.h"
#include <patchbay/types.h>
#include <stdatomic.h>

enum {
    SCOREBOARD_VERSION = 1,
    SCOREBOARD_CELLS = 256,
    SCOREBOARD_QUARANTINED = 16,
    SCOREBOARD_NAME = 96,
    SCOREBOARD_SENTENCE = 192,
};

enum scoreboard_state {
    CELL_FREE,
    CELL_STARTING,
    CELL_SERVING,  /* accepts connections */
    CELL_DRAINING, /* lets its turns end */
};

/* What a worker could still say about its own end. */
enum scoreboard_cause {
    CAUSE_NONE,
    CAUSE_STACK_OVERFLOW, /* a task ran into the guard below its stack */
    CAUSE_MEMORY,         /* above host.limits.worker_memory; `text` names who grew */
    CAUSE_LENT,           /* rule 1 of the contract: it used memory that was lent to it, too late */
    CAUSE_SCOPE_OVER,     /* rule 2: memory of its own after its scope */
    CAUSE_HELD,           /* rule 4: `text` is the function that holds the loop */
};

struct scoreboard_cell {
    _Atomic int32_t pid; /* 0: free */
    _Atomic uint32_t state, slot, generation;
    _Atomic uint32_t connections;
    _Atomic uint32_t turns;
    union {
        struct task_note note; /* the same, as the runtime writes it at every switch */
        struct {
            _Atomic uint32_t running;  /* 1: a task runs (the loop does not wait) */
            _Atomic uint32_t instance; /* number from 1 of the plugin instance that runs; 0: none */
            _Atomic uint32_t pipeline; /* number from 1 of the pipeline whose turn runs */
            _Atomic uint32_t cause;
            _Atomic uint64_t
                switches;             /* grows whenever a task is entered: stands still in a hang */
            _Atomic uint64_t turn[2]; /* the bytes of the running turn's id */
        };
    };
    char text[SCOREBOARD_NAME];
    char padding[32]; /* cells do not share cache lines */
} __attribute__((aligned(64)));

struct scoreboard_quarantine {
    _Atomic uint32_t generation; /* that it holds for; 0: a free row */
    char pipeline[SCOREBOARD_NAME];
    char sentence[SCOREBOARD_SENTENCE]; /* for the 503 and /readyz */
};

struct scoreboard {
    uint32_t version, size;
    _Atomic uint32_t quarantine_version; /* grows with every change of `quarantine` */
    _Atomic uint32_t cells_used;         /* the cells from here on were never used */
    struct scoreboard_quarantine quarantine[SCOREBOARD_QUARANTINED]; /* the supervisor writes */
    struct scoreboard_cell cells[SCOREBOARD_CELLS];
};

/* The cell of this process; a private one, never NULL, when it is alone. Set by node_join. */
extern struct scoreboard_cell *scoreboard_own;
/* The whole of it, or NULL when this process is alone. */
extern struct scoreboard *scoreboard_all;

/* Connections of the serving worker of our generation that has the fewest; our own when we are
 * alone. */
uint32_t scoreboard_fewest_connections(void);

/* The sentence why `pipeline` does not serve in our generation, or NULL. Cheap when nothing
 * changed. */
const char *scoreboard_quarantined(pb_str pipeline);

/* --- for the node and the hub ----------------------------------------------------------------- */

/* A new one in a sealed memfd, mapped. */
pb_status scoreboard_create(int *fd, struct scoreboard **out);

/* Maps a descriptor that somebody sent: PB_INVALID when it is not sealed, of another version or
 * size. */
pb_status scoreboard_map(int fd, struct scoreboard **out);

/* Makes `cell` of `board` our own; what the cell before counted goes along. */
void scoreboard_join(struct scoreboard *board, uint32_t cell);
void scoreboard_leave(void); /* back to the private cell */

#endif
