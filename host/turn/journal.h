/* journal.h - turns that outlive their connection: kept in the database that host.journal names.
 *
 * A launched turn is a row before it begins. Its events are written in batches before anybody sees
 * them, each with a number of its own; whoever follows it reads them there, in whatever worker it
 * is, and the bus only wakes. A row says which node runs the turn: when that is gone, whoever finds
 * the row ends it as interrupted.
 */
#ifndef HOST_TURN_JOURNAL_H
#define HOST_TURN_JOURNAL_H

#include "base/buf.h"
#include "turn/turn.h"
#include <patchbay/database.h>
#include <patchbay/reply.h>
#include <patchbay/secret.h>

/* Opens the journal: its tables, what dead nodes left, and the task that cleans up. Without a
 * database that could be it there is none. Parks. After the databases have started. */
pb_status journal_setup(void);
/* Waits until the launched turns of this process have ended, and closes the journal. Parks. Before
 * the instances are stopped. */
void journal_stop(void);

/* What GET /v1/turns/{id} answers. `explanation` is the turn's trace as JSON, or absent where there
 * is none any more; a kept turn adds what it said ("message", "sources") once it ended, or is told
 * from the journal alone. PB_NOT_FOUND: neither is there for this principal. Parks. */
pb_status journal_show(pb_str id, const pb_principal *principal, pb_str explanation, pb_buf *out);

/* --- between the files of the journal ----------------------------------------------------------
 */

enum {
    JOURNAL_BATCH = 4096,       /* bytes that are written at once, */
    JOURNAL_ROWS = 32,          /* rows of a batch or of a page */
    JOURNAL_AHEAD = 256 * 1024, /* bytes that a turn may be ahead of the database */
};

/* The open journal's database. PB_UNSUPPORTED with a sentence when there is none. Parks the first
 * time. */
pb_status journal_database(pb_instance **out);

/* journal_sql.c */
enum {
    SQL_KNOWN,
    SQL_TURN_INSERT,
    SQL_TURN_TAKE_BACK,
    SQL_TURN,
    SQL_PAGE,
    SQL_EVENT,
    SQL_FIRST_BATCH,
    SQL_NEXT_BATCH,
    SQL_LAST_BATCH,
    SQL_INTERRUPT,
    SQL_INTERRUPT_EVENT,
    SQL_RUNNING,
    SQL_SUM,
    SQL_OLDEST,
    SQL_EVENTS_DELETE,
    SQL_TURN_DELETE,
    JOURNAL_STATEMENTS,
};
extern const pb_str journal_sql[JOURNAL_STATEMENTS];

/* A row of events that is not written yet. */
struct journal_row {
    struct journal_row *next;
    uint64_t number;
    size_t size;
    char data[];
};

/* A launched turn that runs in this process. */
struct journal_turn {
    struct list_link link;      /* of its bucket */
    struct list_link followers; /* of this process that wait for more */
    struct arena arena;         /* of the copy of what was asked */
    pb_turn_spec spec;
    pb_turn *turn;
    pb_instance *database;
    pb_task *task; /* runs the pipeline; the root task writes */
    int64_t row;   /* turns.id */
    pb_sink sink;

    struct journal_row *first, **last; /* not written yet */
    size_t ahead;                      /* bytes of those and of the open text */
    uint64_t number;                   /* of the last row */
    uint64_t written;                  /* of the last row that is durable */
    int64_t bytes;                     /* of all rows */
    struct buf text;                   /* deltas that become one row, */
    pb_event text_event;               /* which begins as this one; type 0: none */
    pb_reply reply;                    /* calls that are not whole, and all sources */
    struct waiter *writer;             /* while it waits for work */
    struct waiter *emitter;            /* while the turn is too far ahead */
    pb_duration wrote;                 /* when the last batch went, monotonic; 0: none yet */
    char *headers;                     /* JSON, once the first batch is made; malloc'd */
    bool spoke;                        /* something of the reply came */
    bool ended;                        /* the last event is noted */
    bool over;                         /* the pipeline has returned */
    bool lost;                         /* it is not ours any more, or cannot be written */
    const char *state;                 /* "done", … */
    bool refused;                      /* it did nothing: its key may be used again */
};

/* journal_run.c */
pb_status journal_run(struct journal_turn *journal); /* PB_UNAVAILABLE: no task */
struct journal_turn *journal_find(pb_str id);
void journal_add(struct journal_turn *journal);
void journal_free(struct journal_turn *journal);
void journal_wake(struct journal_turn *journal); /* its followers here */
/* Parks until more of it is written, or it ended, or `limit` passed (PB_TIMEOUT, without an error).
 */
pb_status journal_wait(struct journal_turn *journal, pb_duration limit);
/* Waits until none runs. Parks. */
void journal_wait_all(void);

/* journal_sink.c: the sink of a launched turn. */
pb_status journal_emit(pb_sink *sink, const pb_event *event);
/* The pipeline is over; where it left no PB_EVENT_DONE, one is made of this failure. */
void journal_over(struct journal_turn *journal, pb_status status);
/* The text that came since the last row becomes one. */
pb_status journal_close_text(struct journal_turn *journal);

static inline void journal_wake_one(struct waiter **waiter)
{
    struct waiter *sleeping = *waiter;

    *waiter = NULL;
    if (sleeping)
        waiter_wake(sleeping);
}

/* journal_write.c: writes all that comes, until the turn is over. Parks. */
void journal_write_all(struct journal_turn *journal);
void journal_drop_rows(struct journal_turn *journal);

/* journal_event.c: events as JSON. What a read event points to lives in the running scope. */
void journal_event_write(pb_buf *buf, const pb_event *event);
pb_status journal_event_read(pb_str text, uint64_t number, pb_event *out);

/* journal_copy.c: a copy of all that a spec points to, in the running scope. */
pb_status journal_copy(const pb_turn_spec *from, pb_turn_spec *to);

/* journal_follow.c */
struct journal_state {
    int64_t row;
    pb_str status; /* "running", "done", … */
    pb_str node;
    pb_launched about;
};
/* The row of a turn that this principal may see. PB_NOT_FOUND. In the running scope. Parks. */
pb_status journal_look_up(pb_str id, const pb_principal *principal, struct journal_state *out);
/* From the columns that SQL_TURN and SQL_KNOWN begin with. */
void journal_read_about(const pb_value *row, struct journal_state *out);

/* journal_clean.c. Ends a running row whose node is gone, or does not know of it. Parks. */
pb_status journal_interrupt(pb_instance *database, int64_t row, pb_str node);
/* All of them. Parks. */
pb_status journal_sweep(pb_instance *database);
/* One round of deleting what is too old or too much. Parks. */
pb_status journal_clean(pb_instance *database);
void journal_topic(pb_str id, char out[64]);

#endif
