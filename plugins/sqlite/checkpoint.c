/* checkpoint.c - moves what is in the log into the file, on a thread of its own, so that no commit
 * waits for it. Above the larger bound the log must begin anew, which needs the write lock. */
#include "sqlite.h"

#include <sys/resource.h>
#include <unistd.h>

enum { RESTART_MS = 20 };
#define AGAIN_AFTER (5 * PB_SECOND) /* when readers were in the way of a new beginning */

enum { CHECKPOINT_SLOT = 1, BACKFILLED = 96 / 4, REGION = 32 * 1024 }; /* of the log's index */

/* --- moving ------------------------------------------------------------------------------------
 */

/* A sync of the file that failed may have lost pages that were moved before and have not been
 * synced yet, for SQLite moves a part of the log without a sync. The log has them all: nothing of
 * it counts as moved any more. The place of that number is part of the documented format of the
 * index. */
static void move_all_again(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (!file || !file->pMethods || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmLock(file, CHECKPOINT_SLOT, 1,
                                 SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) != SQLITE_OK)
        return;
    if (file->pMethods->xShmMap(file, 0, REGION, 0, &index) == SQLITE_OK && index)
        __atomic_store_n((uint32_t volatile *)index + BACKFILLED, 0, __ATOMIC_SEQ_CST);
    file->pMethods->xShmBarrier(file);
    file->pMethods->xShmLock(file, CHECKPOINT_SLOT, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
}

int checkpoint_run(struct connection *connection, struct write_lock *lock, int mode, int *pages)
{
    sqlite3 *db = connection->db;

    *pages = -1;
    if (!lock_checkpoint(lock, connection->owner->lock_path))
        return SQLITE_IOERR;
    int code = sqlite3_wal_checkpoint_v2(db, NULL, mode, pages, NULL);
    if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_FULL)
        move_all_again(db); /* before anybody else goes on from there */
    lock_checkpoint_give(lock);
    return code;
}

/* --- when --------------------------------------------------------------------------------------
 */

/* After each commit: `pages` are in the log. */
static int note_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite *self = arg;
    struct checkpoints *checkpoints = &self->checkpoints;
    int64_t page_size = self->writer.connection.page_size;

    (void)db, (void)name;
    pthread_mutex_lock(&checkpoints->mutex);
    if (pages < checkpoints->pages) /* it began anew */
        checkpoints->tried = 0;
    checkpoints->pages = pages;
    checkpoints->page_size = page_size;
    bool due = (pages - checkpoints->tried) * page_size >= self->checkpoint;
    if (due && !checkpoints->due) {
        checkpoints->due = true;
        pthread_cond_signal(&checkpoints->wake);
    }
    pthread_mutex_unlock(&checkpoints->mutex);
    return SQLITE_OK;
}

void checkpoints_watch(struct sqlite *self)
{
    sqlite3_wal_hook(self->writer.connection.db, note_commit, self);
}

/* Nearly all is in the file by now, so that writers wait for little: for the rest, and a moment for
 * those who read old pages. Another process that does the same is not waited for. */
static void begin_anew(struct sqlite *self)
{
    struct checkpoints *checkpoints = &self->checkpoints;
    sqlite3 *db = checkpoints->connection.db;
    struct fault fault;
    int pages = -1;

    if (clock_now() < checkpoints->not_before ||
        lock_take(&checkpoints->lock, self->lock_path, &fault) != PB_OK)
        return;
    sqlite3_busy_timeout(db, RESTART_MS);
    int code = checkpoint_run(&checkpoints->connection, &checkpoints->lock,
                              SQLITE_CHECKPOINT_RESTART, &pages);
    sqlite3_busy_timeout(db, 0);
    lock_give(&checkpoints->lock);
    if ((code & 0xff) != SQLITE_BUSY || pages < 0)
        return;
    checkpoints->not_before = clock_now() + AGAIN_AFTER;
    pb_log(PB_WARN, "the log of %s cannot begin anew: somebody reads old pages for long",
           self->path.data);
}

static void move(struct sqlite *self)
{
    struct checkpoints *checkpoints = &self->checkpoints;
    struct fault fault;
    int pages = 0;

    if (connection_open(&checkpoints->connection, false, &fault) != PB_OK)
        return;
    sqlite3 *db = checkpoints->connection.db;
    pb_duration began = clock_now();
    int code = checkpoint_run(&checkpoints->connection, &checkpoints->lock,
                              SQLITE_CHECKPOINT_PASSIVE, &pages);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
        pb_log(PB_ERROR, "the log of %s cannot be moved into it: %s", self->path.data,
               sqlite3_errmsg(db));
    if (code == SQLITE_OK && pages * checkpoints->connection.page_size >= self->checkpoint_full)
        begin_anew(self);
    atomic_fetch_add(&self->figures.checkpoints, 1);
    atomic_fetch_add(&self->figures.checkpoint_ns, clock_now() - began);
}

static void *move_all(void *arg)
{
    struct sqlite *self = arg;
    struct checkpoints *checkpoints = &self->checkpoints;

    pthread_setname_np(pthread_self(), "sqlite-log");
    /* Nobody waits for it: on a busy processor the loop goes first. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + 10);
    pthread_mutex_lock(&checkpoints->mutex);
    for (;;) {
        while (!checkpoints->due && !checkpoints->stop)
            pthread_cond_wait(&checkpoints->wake, &checkpoints->mutex);
        if (checkpoints->stop)
            break;
        checkpoints->due = false;
        checkpoints->tried = checkpoints->pages;
        pthread_mutex_unlock(&checkpoints->mutex);
        move(self);
        pthread_mutex_lock(&checkpoints->mutex);
    }
    pthread_mutex_unlock(&checkpoints->mutex);
    return NULL;
}

pb_status checkpoints_start(struct sqlite *self)
{
    struct checkpoints *checkpoints = &self->checkpoints;

    if (!thread_start(&checkpoints->thread, move_all, self))
        return pb_fail(PB_UNAVAILABLE, "the thread for checkpoints cannot be started");
    checkpoints->running = true;
    return PB_OK;
}

void checkpoints_stop(struct sqlite *self)
{
    struct checkpoints *checkpoints = &self->checkpoints;

    if (!checkpoints->running)
        return;
    pthread_mutex_lock(&checkpoints->mutex);
    checkpoints->stop = true;
    pthread_cond_signal(&checkpoints->wake);
    pthread_mutex_unlock(&checkpoints->mutex);
    pthread_join(checkpoints->thread, NULL);
    checkpoints->running = false;
}
