/* sqlite - a database in a file on the local disk, shared by all workers. What was answered is on
 * the disk. Who writes is decided by a lock that the kernel queues (lock.c), many writes share one
 * fsync (group.c), short reads run where they are asked (query.c). */
#include "sqlite.h"

#include <limits.h>

static const pb_field sqlite_options[] = {
    PB_DATA_PATH(struct sqlite, path, .def = "patchbay.db",
                 .help = "The file; a log and two small files stand beside it."),
    PB_DURATION(struct sqlite, query_limit, .def = "5s", .min = 0.01, .max = 3600,
                .help = "A statement that takes longer, or waits longer to begin, is given up."),
    PB_DURATION(struct sqlite, read_limit, .def = "500us", .max = 0.1,
                .help = "A read that takes longer moves to a thread; 0: all reads do."),
    PB_INT(struct sqlite, readers_wanted, .name = "readers", .def = "2", .min = 1,
           .max = READERS_MOST, .help = "Threads for long reads, of each worker."),
    PB_INT(struct sqlite, group, .def = "256", .min = 1, .max = GROUP_MOST,
           .help = "Writes that share one commit, at most."),
    PB_SIZE(struct sqlite, cache_size, .def = "8MiB", .min = 65536, .max = 64.0 * (1 << 30),
            .help = "Pages kept in memory, for each thread of each worker."),
    PB_SIZE(struct sqlite, mmap_size, .name = "mmap", .def = "0", .max = 1024.0 * (1 << 30),
            .help =
                "So much of the file is mapped: faster reads, but a failing disk ends the worker."),
    PB_SIZE(struct sqlite, checkpoint, .def = "8MiB", .min = 65536, .max = 64.0 * (1 << 30),
            .help = "From this size on the log is moved into the file, beside the writing."),
    PB_SIZE(struct sqlite, checkpoint_full, .def = "32MiB", .min = 65536, .max = 64.0 * (1 << 30),
            .help = "From this size on the log must begin anew; writers wait for it a moment."),
    PB_DURATION(struct sqlite, slow, .def = "200ms", .max = 3600,
                .help = "A statement that takes longer is logged, without its values; 0: none."),
    PB_END,
};

/* --- checking --------------------------------------------------------------------------------- */

static void sqlite_check(const void *arg, pb_diagnostics *diagnostics)
{
    const struct sqlite *self = arg;

    if (self->path.size > PATH_MAX - 32)
        pb_problem(diagnostics, "path", "the path is too long");
    else
        place_check(self->path, diagnostics);
    if (self->checkpoint_full < self->checkpoint)
        pb_problem(diagnostics, "checkpoint_full", "this must not be below 'checkpoint'");
    if (self->read_limit > self->query_limit)
        pb_problem(diagnostics, "read_limit", "this must not be above 'query_limit'");
}

/* --- lifecycle -------------------------------------------------------------------------------- */

const char *log_vfs;

static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* else each malloc takes one lock of all threads */
    sqlite3_initialize();
    log_vfs = gather_register();
}

static pb_status sqlite_create(void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sqlite *self = arg;

    pthread_once(&once, configure_library);
    queue_init(&self->writer.queue);
    queue_init(&self->readers.queue);
    pthread_mutex_init(&self->checkpoints.mutex, NULL);
    pthread_cond_init(&self->checkpoints.wake, NULL);
    lock_init(&self->writer.lock);
    lock_init(&self->checkpoints.lock);
    self->loop.owner = self->writer.connection.owner = self->checkpoints.connection.owner = self;
    self->writer.connection.writes = self->checkpoints.connection.writes = true;
    atomic_store(&self->generation, 1);
    self->lock_path = (char *)(uintptr_t)pb_printf("%.*s.write", PB_ARG(self->path)).data;
    return self->lock_path ? PB_OK : PB_NO_MEMORY;
}

static pb_status sqlite_start(void *arg)
{
    struct sqlite *self = arg;
    pb_status status = place_make(self->path);

    if (status == PB_OK)
        status = writer_start(self);
    return status == PB_OK ? checkpoints_start(self) : status;
}

/* SQLite cleans up when the last connection closes, with all others locked out: so under the lock.
 * Where another process holds it, that one has the file open, and we are not the last. */
static void shut(struct sqlite *self)
{
    readers_stop(self);
    checkpoints_stop(self);
    writer_stop(self);
    if (!self->writer.connection.db && !self->loop.db)
        return;
    lock_try(&self->writer.lock, self->lock_path);
    connection_close(&self->loop);
    connection_close(&self->checkpoints.connection);
    connection_close(&self->writer.connection);
    lock_give(&self->writer.lock);
}

static void sqlite_stop(void *arg)
{
    shut(arg);
}

static void sqlite_destroy(void *arg)
{
    struct sqlite *self = arg;

    shut(self);
    lock_fini(&self->writer.lock);
    lock_fini(&self->checkpoints.lock);
    pthread_cond_destroy(&self->checkpoints.wake);
    pthread_mutex_destroy(&self->checkpoints.mutex);
    queue_fini(&self->readers.queue);
    queue_fini(&self->writer.queue);
}

/* --- health and figures ----------------------------------------------------------------------- */

/* Writes what is there already. */
static pb_status probe(struct sqlite *self, void *arg, struct fault *fault)
{
    struct connection *connection = &self->writer.connection;
    char sql[60];

    (void)arg;
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id=%d", APPLICATION_ID);
    if (writer_begin(self, fault) != PB_OK) {
        writer_note(self, fault);
        return fault->status;
    }
    int code = connection_exec(connection, sql, NULL);
    if (code == SQLITE_OK)
        return writer_commit(self, fault);
    fault_of(fault, connection->db, code);
    if (!sqlite3_get_autocommit(connection->db))
        connection_control(connection, ROLLBACK);
    return fault->status;
}

/* A node that is out of service gets no writes that could show that the disk is well again: so one
 * is tried. */
static pb_status sqlite_health(void *arg)
{
    struct sqlite *self = arg;
    struct request request = {.kind = REQUEST_WORK, .work = probe};
    struct fault fault;

    pthread_mutex_lock(&self->writer.queue.mutex);
    bool failed = self->writer.last.status != PB_OK;
    pthread_mutex_unlock(&self->writer.queue.mutex);
    pb_status status = failed ? request_run(self, &self->writer.queue, &request) : PB_OK;
    if (status != PB_OK)
        return status;
    if (connection_open(&self->loop, false, &fault) != PB_OK)
        return fault_fail(&fault);
    int code = connection_exec(&self->loop, "SELECT count(*) FROM sqlite_schema", NULL);
    if (code == SQLITE_OK)
        return PB_OK;
    fault_of(&fault, self->loop.db, code);
    return fault_fail(&fault);
}

static double seconds(long long nanoseconds)
{
    return (double)nanoseconds / (double)PB_SECOND;
}

static void sqlite_stats(void *arg, pb_stats *stats)
{
    struct sqlite *self = arg;
    struct figures *figures = &self->figures;

    pthread_mutex_lock(&self->writer.queue.mutex);
    size_t waiting = self->writer.queue.length;
    pthread_mutex_unlock(&self->writer.queue.mutex);
    pthread_mutex_lock(&self->checkpoints.mutex);
    int64_t bytes = self->checkpoints.pages * self->checkpoints.page_size;
    pthread_mutex_unlock(&self->checkpoints.mutex);
    pb_stat(stats, "groups_total", (double)atomic_load(&figures->groups));
    pb_stat(stats, "writes_total", (double)atomic_load(&figures->requests));
    pb_stat(stats, "transactions_total", (double)atomic_load(&figures->transactions));
    pb_stat(stats, "failed_commits_total", (double)atomic_load(&figures->failures));
    pb_stat(stats, "waiting_writes", (double)waiting);
    pb_stat(stats, "loop_reads_total", (double)atomic_load(&figures->loop_reads));
    pb_stat(stats, "thread_reads_total", (double)atomic_load(&figures->thread_reads));
    pb_stat(stats, "slow_on_loop_total", (double)atomic_load(&figures->slow_on_loop));
    pb_stat(stats, "slow_statements_total", (double)atomic_load(&figures->slow));
    pb_stat(stats, "shared_log_bytes", (double)bytes);
    pb_stat(stats, "checkpoints_total", (double)atomic_load(&figures->checkpoints));
    pb_stat(stats, "checkpoint_seconds_total", seconds(atomic_load(&figures->checkpoint_ns)));
    pb_stat(stats, "locked_by_strangers_total", (double)atomic_load(&figures->busy));
}

static int32_t sqlite_dialect(void *self)
{
    (void)self;
    return PB_DIALECT_SQLITE;
}

PB_PLUGIN("sqlite", "1.0.0", "MIT", "A database in a local file that all workers share.",
          PB_DATABASE("sqlite", struct sqlite, sqlite_options, .check = sqlite_check,
                      .create = sqlite_create, .start = sqlite_start, .stop = sqlite_stop,
                      .destroy = sqlite_destroy, .health = sqlite_health, .stats = sqlite_stats,
                      .query = query_one, .batch = query_batch, .transaction = transaction_run,
                      .dialect = sqlite_dialect, .backup = backup_to, .restore = restore_from));
