/* group.c - group commit: many requests, one fsync.
 *
 * No request has a savepoint: SQLite would copy every page that it touches, and requests seldom fail
 * half-way. One that does takes the whole transaction with it, and the others begin again. */
#include "sqlite.h"

#define GROUP_TIME (4 * PB_MILLISECOND) /* of work before the commit */

/* A batch that comes next; NULL: none, or something else stands first. */
static struct request *take_batch(struct queue *queue)
{
    struct request *request = NULL;

    pthread_mutex_lock(&queue->mutex);
    if (queue->first && queue->first->kind == REQUEST_BATCH)
        request = queue_pop(queue);
    pthread_mutex_unlock(&queue->mutex);
    return request;
}

/* May it have changed something? What makes tables is not counted in rows. */
static bool touches(pb_str sql, const struct harvest *harvest)
{
    static const char *const rows[] = {"INSERT", "UPDATE", "DELETE", "SELECT"};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (pb_str_starts(sql, pb_str_of(rows[i])))
            return harvest->changed != 0;
    return true;
}

/* *torn: it failed when it had changed something. A statement that fails is undone by SQLite; those
 * before it are not. */
static pb_status run_one(struct connection *connection, struct request *request, bool *torn)
{
    const pb_statement *statement = request->statements;
    pb_status status = PB_OK;
    bool touched = false;

    *torn = false;
    for (size_t i = 0; i < request->count && status == PB_OK; i++) {
        struct harvest *harvest = &request->harvests[i];
        status = connection_run(connection, statement, harvest, &request->fault);
        if (status != PB_OK)
            *torn = touched;
        touched = touched || touches(statement->sql, harvest);
        statement = statement_next(statement);
    }
    return status;
}

enum { ENOUGH = 16 };

/* The next one; before there is none, whoever else can run on this processor does: on a busy one that
 * is the loop, which is about to ask for more. Not where `count` are enough for a commit: then the loop
 * works while the disk does. */
static struct request *take_next(struct queue *queue, size_t count)
{
    struct request *request = take_batch(queue);

    if (request || count >= ENOUGH)
        return request;
    sched_yield();
    return take_batch(queue);
}

/* The whole transaction is gone: those before it have done nothing wrong and begin again. */
static void put_back(struct queue *queue, struct request **group, size_t count)
{
    pthread_mutex_lock(&queue->mutex);
    while (count) {
        struct request *request = group[--count];
        request->taken = false;
        request->next = queue->first;
        if (!queue->first)
            queue->last = &request->next;
        queue->first = request;
        queue->length++;
    }
    pthread_mutex_unlock(&queue->mutex);
}

/* Runs what is there and what comes meanwhile. Gives how many are in writer->group; *gone: the last
 * of them took the whole transaction with it. */
static size_t run_group(struct sqlite *self, bool *gone)
{
    struct writer *writer = &self->writer;
    struct connection *connection = &writer->connection;
    pb_duration began = clock_now();
    struct request *request;
    size_t count = 0;

    *gone = false;
    bool torn = false;
    while (!*gone && count < (size_t)self->group && clock_now() - began < GROUP_TIME &&
           (request = take_next(&writer->queue, count))) {
        connection->due = clock_now() + self->query_limit;
        request->fault.status = PB_OK;
        request->fault.status = run_one(connection, request, &torn);
        if (torn && !sqlite3_get_autocommit(connection->db) &&
            connection_control(connection, ROLLBACK) != SQLITE_OK)
            writer->suspect = true; /* closed before the next, which rolls back */
        *gone = torn || sqlite3_get_autocommit(connection->db);
        writer->group[count++] = request;
    }
    return count;
}

static void answer(struct writer *writer, size_t count)
{
    for (size_t i = 0; i < count; i++)
        writer->signals[i] = writer->group[i]->signal;
    pb_signal_raise(writer->signals, count);
}

static void count_group(struct figures *figures, size_t count)
{
    atomic_fetch_add_explicit(&figures->groups, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&figures->requests, (long long)count, memory_order_relaxed);
}

/* Nothing could be begun: whoever waits is told. */
static void refuse_batches(struct sqlite *self, const struct fault *fault)
{
    struct writer *writer = &self->writer;
    size_t count = 0;

    writer_note(self, fault);
    while (count < GROUP_MOST && (writer->group[count] = take_batch(&writer->queue)))
        writer->group[count++]->fault = *fault;
    lock_give(&writer->lock);
    answer(writer, count);
}

void group_serve(struct sqlite *self)
{
    struct writer *writer = &self->writer;
    struct fault fault;
    bool gone;

    if (writer_begin(self, &fault) != PB_OK) {
        refuse_batches(self, &fault);
        return;
    }
    size_t count = run_group(self, &gone);
    if (gone) {
        struct request *guilty = writer->group[count - 1];
        if (guilty->fault.status == PB_NO_SPACE || guilty->fault.status == PB_UNAVAILABLE)
            writer_note(self, &guilty->fault);
        put_back(&writer->queue, writer->group, count - 1);
        lock_give(&writer->lock);
        pb_signal_raise(&guilty->signal, 1);
        return;
    }
    pb_status status = writer_commit(self, &fault);
    lock_give(&writer->lock);
    for (size_t i = 0; status != PB_OK && i < count; i++)
        if (writer->group[i]->fault.status == PB_OK)
            writer->group[i]->fault = fault;
    count_group(&self->figures, count);
    answer(writer, count);
}
