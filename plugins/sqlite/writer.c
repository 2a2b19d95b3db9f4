/* writer.c - the one thread of this process that writes, and the queues of requests.
 *
 * The order is the promise: take the lock of all processes, begin, run what came until then and
 * meanwhile, commit with fsync, give the lock back, only then answer.
 */
#include "sqlite.h"

#include <signal.h>

#define REPORT_EVERY (10 * PB_SECOND)

/* --- queues ----------------------------------------------------------------------------------- */

void queue_init(struct queue *queue)
{
    pthread_condattr_t attributes;

    memset(queue, 0, sizeof *queue);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->last = &queue->first;
}

void queue_fini(struct queue *queue)
{
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->mutex);
}

void queue_put(struct queue *queue, struct request *request)
{
    request->next = NULL;
    request->taken = false;
    pthread_mutex_lock(&queue->mutex);
    *queue->last = request;
    queue->last = &request->next;
    queue->length++;
    bool wake = queue->idle > 0;
    pthread_mutex_unlock(&queue->mutex);
    if (wake)
        pthread_cond_signal(&queue->wake);
}

struct request *queue_pop(struct queue *queue)
{
    struct request *request = queue->first;

    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->length--;
    request->taken = true;
    return request;
}

bool queue_take_back(struct queue *queue, struct request *request)
{
    pthread_mutex_lock(&queue->mutex);
    bool mine = !request->taken;
    struct request **at = &queue->first;
    while (mine && *at != request)
        at = &(*at)->next;
    if (mine) {
        *at = request->next;
        if (queue->last == &request->next)
            queue->last = at;
        queue->length--;
    }
    pthread_mutex_unlock(&queue->mutex);
    return mine;
}

pb_status request_run(struct sqlite *self, struct queue *queue, struct request *request)
{
    request->signal = pb_signal_new();
    if (!request->signal)
        return PB_NO_MEMORY;
    pb_duration began = clock_now();
    int64_t deadline = pb_deadline_begin(self->query_limit);
    queue_put(queue, request);
    pb_status status = pb_signal_wait(request->signal);
    pb_deadline_end(deadline);
    if (status == PB_OK)
        return fault_fail(&request->fault);
    bool late = status == PB_TIMEOUT && clock_now() - began >= self->query_limit;
    if (queue_take_back(queue, request))
        return late ? pb_fail(PB_TIMEOUT, "%s",
                              atomic_load(&self->writer.blocked)
                                  ? "the database is locked by another program"
                                  : "the database did not get to it within query_limit")
                    : status;
    atomic_store(&request->told_to_end, true);
    pb_signal_wait_always(request->signal);
    /* What was begun has ended one way or the other, and that is the answer. */
    if (request->fault.status == PB_TIMEOUT && !late)
        return status;
    if (request->fault.status == PB_OK)
        pb_error_clear();
    return fault_fail(&request->fault);
}

/* --- the writer ------------------------------------------------------------------------------- */

bool thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, fn, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void writer_note(struct sqlite *self, const struct fault *fault)
{
    struct writer *writer = &self->writer;

    pthread_mutex_lock(&writer->queue.mutex);
    bool news = fault->status != writer->last.status;
    writer->last = *fault;
    pthread_mutex_unlock(&writer->queue.mutex);
    if (news && fault->status != PB_OK)
        pb_log(PB_ERROR, "nothing can be written to %s: %s", self->path.data, fault->text);
    else if (news)
        pb_log(PB_INFO, "%s is written to again", self->path.data);
}

/* What failed to be committed may stand in the log, whole, and come to life after a crash: a new
 * round of the log makes it void. */
static void make_void(struct sqlite *self)
{
    struct writer *writer = &self->writer;
    int pages;

    if (checkpoint_run(&writer->connection, &writer->lock, SQLITE_CHECKPOINT_RESTART, &pages) ==
        SQLITE_OK)
        writer->suspect = false;
}

static pb_status open_again(struct sqlite *self, struct fault *fault)
{
    struct writer *writer = &self->writer;

    if (connection_moved(&writer->connection)) {
        connection_close(&writer->connection);
        atomic_fetch_add(&self->generation, 1);
        if (connection_open(&writer->connection, false, fault) != PB_OK)
            return fault_set(fault, PB_UNAVAILABLE,
                             "the database %s was removed while it was open; put it back or start "
                             "again",
                             self->path.data);
        pb_log(PB_WARN, "the database %s was replaced; it is opened again", self->path.data);
    }
    if (writer->suspect)
        connection_close(&writer->connection);
    if (connection_open(&writer->connection, false, fault) != PB_OK)
        return fault->status;
    checkpoints_watch(self);
    if (writer->suspect)
        make_void(self);
    return PB_OK;
}

/* With the lock nobody else of us writes, so that SQLITE_BUSY means a stranger. */
static int wait_for_stranger(struct sqlite *self)
{
    struct writer *writer = &self->writer;
    pb_duration now = clock_now(), until = now + self->query_limit;
    int code;

    atomic_fetch_add(&self->figures.busy, 1);
    if (!writer->reported || now - writer->reported > REPORT_EVERY) {
        writer->reported = now;
        pb_log(PB_ERROR,
               "%s is locked by another program that has it open and does not take %s first; "
               "copies are made with the backup operation",
               self->path.data, self->lock_path);
    }
    atomic_store(&writer->blocked, true);
    do
        code = connection_control(&writer->connection, BEGIN_WRITE); /* waits a little each time */
    while ((code & 0xff) == SQLITE_BUSY && clock_now() < until);
    atomic_store(&writer->blocked, false);
    return code;
}

pb_status writer_begin(struct sqlite *self, struct fault *fault)
{
    struct writer *writer = &self->writer;

    if (open_again(self, fault) != PB_OK)
        return fault->status;
    writer->connection.due = 0;
    int code = connection_control(&writer->connection, BEGIN_WRITE);
    if ((code & 0xff) == SQLITE_BUSY)
        code = wait_for_stranger(self);
    if (code != SQLITE_OK)
        return fault_of(fault, writer->connection.db, code);
    return PB_OK;
}

pb_status writer_commit(struct sqlite *self, struct fault *fault)
{
    struct connection *connection = &self->writer.connection;
    int code;

    connection->due = 0;
    code = connection_control(connection, COMMIT);
    fault->status = PB_OK;
    if (code != SQLITE_OK) {
        fault_of(fault, connection->db, code);
        if (!sqlite3_get_autocommit(connection->db))
            connection_control(connection, ROLLBACK);
        self->writer.suspect = true;
        atomic_fetch_add(&self->figures.failures, 1);
    }
    writer_note(self, fault);
    return fault->status;
}

/* Nobody can write now: so it is said to all who wait. */
static void refuse_all(struct sqlite *self, const struct fault *fault)
{
    struct writer *writer = &self->writer;
    struct request *request;

    writer_note(self, fault);
    pthread_mutex_lock(&writer->queue.mutex);
    while ((request = queue_pop(&writer->queue))) {
        request->fault = *fault;
        pb_signal_raise(&request->signal, 1);
    }
    pthread_mutex_unlock(&writer->queue.mutex);
}

static void serve_next(struct sqlite *self)
{
    struct writer *writer = &self->writer;
    struct request *request = NULL;
    struct fault fault;

    if (lock_take(&writer->lock, self->lock_path, &fault) != PB_OK) {
        refuse_all(self, &fault);
        return;
    }
    pthread_mutex_lock(&writer->queue.mutex);
    if (writer->queue.first && writer->queue.first->kind != REQUEST_BATCH)
        request = queue_pop(&writer->queue);
    pthread_mutex_unlock(&writer->queue.mutex);
    if (!request) {
        group_serve(self);
    } else if (request->kind == REQUEST_SESSION) {
        session_serve(self, request);
    } else {
        request->fault.status = PB_OK;
        request->fault.status = request->work(self, request->arg, &request->fault);
        lock_give(&writer->lock);
        pb_signal_raise(&request->signal, 1);
    }
    lock_give(&writer->lock);
}

static void *write_all(void *arg)
{
    struct sqlite *self = arg;
    struct queue *queue = &self->writer.queue;

    pthread_setname_np(pthread_self(), "sqlite-writer");
    /* It shall not push the loop aside that wakes it: a moment later there is more to write. */
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
    pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (!queue->first && !queue->stop) {
            queue->idle++;
            pthread_cond_wait(&queue->wake, &queue->mutex);
            queue->idle--;
        }
        if (!queue->first)
            break;
        pthread_mutex_unlock(&queue->mutex);
        serve_next(self);
        pthread_mutex_lock(&queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

/* The first of each kind of connection is opened under the lock: then no other process is about to
 * close the file, which SQLite does with everybody locked out. */
static pb_status open_first(struct sqlite *self, void *arg, struct fault *fault)
{
    (void)arg;
    if (connection_open(&self->writer.connection, true, fault) != PB_OK)
        return fault->status;
    checkpoints_watch(self);
    return connection_open(&self->loop, false, fault);
}

pb_status writer_start(struct sqlite *self)
{
    struct request request = {.kind = REQUEST_WORK, .work = open_first};

    if (!thread_start(&self->writer.thread, write_all, self))
        return pb_fail(PB_UNAVAILABLE, "the writer thread cannot be started");
    self->writer.running = true;
    return request_run(self, &self->writer.queue, &request);
}

void writer_stop(struct sqlite *self)
{
    struct writer *writer = &self->writer;

    if (!writer->running)
        return;
    pthread_mutex_lock(&writer->queue.mutex);
    writer->queue.stop = true;
    pthread_cond_signal(&writer->queue.wake);
    pthread_mutex_unlock(&writer->queue.mutex);
    pthread_join(writer->thread, NULL);
    writer->running = false;
}
