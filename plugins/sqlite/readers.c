/* readers.c - threads for reads that would hold the loop too long. Each has a connection of its
 * own; they start when there is work for them and stay. */
#include "sqlite.h"

enum { BUSY_MS = 1000 };

static pb_status read_now(struct connection *connection, struct request *request)
{
    struct sqlite *self = connection->owner;
    struct fault *fault = &request->fault;
    bool several = request->count > 1;
    int code = SQLITE_OK;

    if (connection_open(connection, false, fault) != PB_OK)
        return fault->status;
    sqlite3_busy_timeout(connection->db, BUSY_MS);
    connection->due = clock_now() + self->query_limit;
    connection->told_to_end = &request->told_to_end;
    if (several) /* all see the same moment */
        code = connection_control(connection, BEGIN_READ);
    pb_status status = code == SQLITE_OK
                           ? connection_run_all(connection, request->statements, request->count,
                                                request->harvests, fault)
                           : fault_of(fault, connection->db, code);
    connection->told_to_end = NULL;
    connection->due = 0;
    if (several && !sqlite3_get_autocommit(connection->db))
        connection_control(connection, ROLLBACK);
    return status;
}

static void *read_all(void *arg)
{
    struct sqlite *self = arg;
    struct queue *queue = &self->readers.queue;
    struct connection connection = {.owner = self};
    struct request *request;

    pthread_setname_np(pthread_self(), "sqlite-reader");
    pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (!(request = queue_pop(queue)) && !queue->stop) {
            queue->idle++;
            pthread_cond_wait(&queue->wake, &queue->mutex);
            queue->idle--;
        }
        if (!request)
            break;
        pthread_mutex_unlock(&queue->mutex);
        request->fault.status = PB_OK;
        request->fault.status = read_now(&connection, request);
        pb_signal_raise(&request->signal, 1);
        pthread_mutex_lock(&queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
    connection_close(&connection);
    return NULL;
}

pb_status readers_run(struct sqlite *self, struct request *request)
{
    struct readers *readers = &self->readers;

    pthread_mutex_lock(&readers->queue.mutex);
    bool busy = readers->queue.idle <= readers->queue.length;
    pthread_mutex_unlock(&readers->queue.mutex);
    if (busy && readers->count < (size_t)self->readers_wanted &&
        thread_start(&readers->threads[readers->count], read_all, self))
        readers->count++;
    if (!readers->count)
        return pb_fail(PB_UNAVAILABLE, "no reader thread can be started");
    atomic_fetch_add_explicit(&self->figures.thread_reads, 1, memory_order_relaxed);
    return request_run(self, &readers->queue, request);
}

void readers_stop(struct sqlite *self)
{
    struct readers *readers = &self->readers;

    pthread_mutex_lock(&readers->queue.mutex);
    readers->queue.stop = true;
    pthread_cond_broadcast(&readers->queue.wake);
    pthread_mutex_unlock(&readers->queue.mutex);
    for (size_t i = 0; i < readers->count; i++)
        pthread_join(readers->threads[i], NULL);
    readers->count = 0;
}
