/* sqlite.h - what the files of the plugin share.
 *
 * Three kinds of threads, each with connections of its own: the loop (short reads), one writer (all
 * writes, in groups), some readers (long reads); and one that moves the log into the file. A
 * request lives in the memory of the task that waits for it; whoever has it under the queue's mutex
 * owns it.
 */
#ifndef SQLITE_SQLITE_H
#define SQLITE_SQLITE_H

#include <patchbay/database.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

struct sqlite;

enum {
    FAULT_TEXT = 256,
    READERS_MOST = 16,
    GROUP_MOST = 1024,
    LOOKS_OF_WORK = 8,           /* so many: a statement has done some work */
    APPLICATION_ID = 0x50424159, /* "PBAY" */
};

#define TRANSACTION_LIMIT (100 * PB_MILLISECOND)
#define RESULT_MOST       ((size_t)64 << 20)

/* --- fault.c: what went wrong on any thread; the task makes a pb_fail of it ---------------------
 */

struct fault {
    pb_status status;
    int code; /* SQLite's, extended; 0: not from there */
    char text[FAULT_TEXT];
};

PB_PRINTF(3, 4)
pb_status fault_set(struct fault *fault, pb_status status, const char *format, ...);
/* Of the last call on `db`. */
pb_status fault_of(struct fault *fault, sqlite3 *db, int code);
pb_status fault_fail(const struct fault *fault); /* on the task: sets its error */

/* The monotonic clock; never a virtual one. */
pb_duration clock_now(void);

/* --- rows.c: results in memory of a thread's own ------------------------------------------------
 */

struct harvest {
    bool wanted;     /* else rows are only counted */
    uint32_t failed; /* PB_EXPECT_ROW was not met */
    pb_value *cells; /* texts are offsets into bytes */
    size_t used, room;
    char *bytes;
    size_t size, capacity;
    size_t rows, columns;
    int64_t changed;
};

void harvest_clear(struct harvest *harvest); /* keeps its memory */
void harvest_free(struct harvest *harvest);
pb_status harvest_row(struct harvest *harvest, sqlite3_stmt *statement, struct fault *fault);
/* On the task: a copy in the running scope. */
pb_status harvest_deliver(const struct harvest *harvest, pb_rows *out);

/* --- statement.c: prepared once, known by the address of their text -----------------------------
 */

struct known {
    pb_str sql;
    sqlite3_stmt *statement;
    bool reads;         /* writes nothing */
    int32_t skip;       /* so many more times it goes straight to a reader thread … */
    int32_t penalty;    /* … and so many the next time that it is slow on the loop */
    int32_t late;       /* so many times in a row it took long without doing much */
    pb_duration logged; /* when it was slow last */
    size_t values;      /* the highest n of $n */
    size_t count;
    uint16_t places[]; /* for each parameter of SQLite n, or 0 for $tenant */
};

enum control { BEGIN_READ, BEGIN_WRITE, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, UNDO, CONTROLS };

/* One connection; for one thread at a time. */
struct connection {
    struct sqlite *owner;
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *control[CONTROLS];
    struct known **known; /* a hash table */
    size_t known_count, known_room;
    bool writes;
    bool own; /* what is prepared now is the plugin's, not a component's */
    uint64_t generation;
    int64_t page_size;
    pb_duration due;                /* running statements are interrupted then; 0: never … */
    pb_duration grace;              /* … so much later when they have not done much yet */
    int32_t looks;                  /* at the clock, every so many steps of a statement */
    const atomic_bool *told_to_end; /* the same when it becomes true; or NULL */
};

const pb_statement *statement_next(const pb_statement *statement);

/* Finds or prepares. NULL with the fault set. */
struct known *connection_know(struct connection *connection, pb_str sql, struct fault *fault);
void connection_forget(struct connection *connection);
/* Runs one statement to its end. */
pb_status connection_run(struct connection *connection, const pb_statement *statement,
                         struct harvest *harvest, struct fault *fault);
/* Each in turn until one fails. harvests: one for each. */
pb_status connection_run_all(struct connection *connection, const pb_statement *statements,
                             size_t count, struct harvest *harvests, struct fault *fault);

/* --- connection.c -------------------------------------------------------------------------------
 */

/* Opens when it is closed or of an older generation. `create`: the file may be new. */
pb_status connection_open(struct connection *connection, bool create, struct fault *fault);
void connection_close(struct connection *connection);
int connection_control(struct connection *connection, enum control what);
/* Runs plain SQL of the plugin; gives SQLite's code. `out` (may be NULL) gets the first integer. */
int connection_exec(struct connection *connection, const char *sql, int64_t *out);
/* Is the file no longer at its path? */
bool connection_moved(const struct connection *connection);

/* --- gather.c: the log is written in one piece ------------------------------------------------- */

/* Once in a process. The name of the layer through which files are opened; NULL: SQLite's own. */
const char *gather_register(void);
extern const char *log_vfs; /* what it gave */

/* --- lock.c: whose turn it is to write, of all processes ----------------------------------------
 */

struct write_lock {
    int file; /* "<database>.write"; -1: not open */
    bool held;
};

void lock_init(struct write_lock *lock);
void lock_fini(struct write_lock *lock);
/* Waits in the order of coming; ends with the process that holds it. */
pb_status lock_take(struct write_lock *lock, const char *path, struct fault *fault);
void lock_give(struct write_lock *lock);
/* Who moves the log into the file. Waits; whoever waits for lock_take must not have it. */
bool lock_checkpoint(struct write_lock *lock, const char *path);
void lock_checkpoint_give(const struct write_lock *lock);
/* Takes it only when it is free. */
bool lock_try(struct write_lock *lock, const char *path);

/* --- requests -----------------------------------------------------------------------------------
 */

enum request_kind {
    REQUEST_BATCH,
    REQUEST_SESSION, /* a transaction begins; the writer serves it until it ends */
    REQUEST_WORK,    /* runs work(connection, …) under the lock, outside of a transaction */
};

struct session;

struct request {
    struct request *next;
    enum request_kind kind;
    bool taken; /* under the queue's mutex */
    const pb_statement *statements;
    size_t count;
    struct harvest *harvests;
    struct session *session;
    pb_status (*work)(struct sqlite *self, void *arg, struct fault *fault);
    void *arg;
    struct fault fault;
    pb_signal *signal;
    atomic_bool told_to_end; /* of a read: the thread stops as soon as it can */
};

/* First in, first out. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct request *first, **last;
    size_t length;
    size_t idle; /* threads that wait for work */
    bool stop;
};

void queue_init(struct queue *queue);
void queue_fini(struct queue *queue);
void queue_put(struct queue *queue, struct request *request);
/* Takes a request back that nobody has begun. */
bool queue_take_back(struct queue *queue, struct request *request);
struct request *queue_pop(struct queue *queue); /* under the mutex; NULL: empty */

/* On the task: puts it into the queue and waits for the answer, at most `query_limit` for it to be
 * begun. Parks. What was begun is always waited for. */
pb_status request_run(struct sqlite *self, struct queue *queue, struct request *request);

/* A transaction: the writer serves its commands, one after the other. */
struct session {
    struct session *outer; /* of other tasks; the loop's thread only */
    const pb_task *task;
    pthread_cond_t wake;     /* of the writer */
    struct request *command; /* under the queue's mutex, as what follows */
    bool ended;              /* the writer has left; fault says why unless it was asked to */
    bool commit;             /* what a command without statements means */
    struct fault fault;
};

/* --- writer.c, group.c, session.c ----------------------------------------------------------------
 */

struct writer {
    struct queue queue;
    struct connection connection;
    struct write_lock lock;
    pthread_t thread;
    bool running;
    bool suspect;         /* a commit failed: open again before the next */
    pb_duration reported; /* when a stranger's lock was logged last */
    atomic_bool blocked;  /* by one, now */
    struct request *group[GROUP_MOST];
    pb_signal *signals[GROUP_MOST];
    struct fault last; /* of the last commit, under the queue's mutex; status 0: it went well */
};

pb_status writer_start(struct sqlite *self);
void writer_stop(struct sqlite *self);
pb_status writer_begin(struct sqlite *self, struct fault *fault); /* BEGIN IMMEDIATE */
pb_status writer_commit(struct sqlite *self, struct fault *fault);
void writer_note(struct sqlite *self, const struct fault *fault);
void group_serve(struct sqlite *self);
void session_serve(struct sqlite *self, struct request *request);

/* --- readers.c
 * ------------------------------------------------------------------------------------ */

struct readers {
    struct queue queue;
    size_t count; /* threads that run */
    pthread_t threads[READERS_MOST];
};

void readers_stop(struct sqlite *self);
/* On the task. Parks. */
pb_status readers_run(struct sqlite *self, struct request *request);

/* --- checkpoint.c
 * --------------------------------------------------------------------------------- */

struct checkpoints {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool running, stop, due;
    int64_t pages, tried;   /* of the log: now, and when it was last moved */
    pb_duration not_before; /* the log is not begun anew */
    int64_t page_size;
    struct connection connection;
    struct write_lock lock;
};

pb_status checkpoints_start(struct sqlite *self);
void checkpoints_stop(struct sqlite *self);
/* As sqlite3_wal_checkpoint_v2; whoever has `lock` open. *pages: in the log; -1: a stranger moves
 * it. */
int checkpoint_run(struct connection *connection, struct write_lock *lock, int mode, int *pages);
/* Looks at each commit of the writer's connection how long the log is. */
void checkpoints_watch(struct sqlite *self);

/* --- backup.c, query.c, transaction.c
 * -------------------------------------------------------------- */

pb_status backup_to(void *self, pb_str path);
pb_status restore_from(void *self, pb_str path);
pb_status query_one(void *self, const pb_statement *statement, pb_rows *out);
pb_status query_batch(void *self, const pb_statement *statements, size_t count, pb_rows *out);
pb_status transaction_run(void *self, pb_status (*fn)(void *arg), void *arg);
/* The one that the running task has open, or NULL. */
struct session *session_here(const struct sqlite *self);
pb_status session_run(struct sqlite *self, struct session *session, struct request *request);

/* --- the instance
 * ----------------------------------------------------------------------------------- */

struct figures {
    atomic_llong groups, requests, failures, transactions;
    atomic_llong loop_reads, thread_reads, slow, slow_on_loop;
    atomic_llong checkpoints, checkpoint_ns, busy;
};

struct sqlite {
    pb_str path;
    pb_duration query_limit;
    pb_duration read_limit;
    pb_duration slow;
    int64_t readers_wanted;
    int64_t cache_size;
    int64_t mmap_size;
    int64_t group;
    int64_t checkpoint;
    int64_t checkpoint_full;

    struct connection loop; /* of the loop's thread */
    pb_duration looked;     /* when it last looked whether the file is still there */
    struct session *sessions;
    struct writer writer;
    struct readers readers;
    struct checkpoints checkpoints;
    _Atomic uint64_t generation; /* of the file: connections of an older one open again */
    struct figures figures;
    char *lock_path;
};

/* place.c: where the file lies. Its folder is made when the database starts. */
void place_check(pb_str path, pb_diagnostics *diagnostics);
pb_status place_make(pb_str path);

/* A thread that takes no signals. */
bool thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

#endif
