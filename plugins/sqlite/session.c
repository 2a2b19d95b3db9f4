/* session.c - the writer's side of a transaction: it holds the lock of all processes, begins, and
 * serves the commands of one task until that commits, rolls back, or its time is over. */
#include "sqlite.h"

static struct request *next_command(struct sqlite *self, struct session *session, pb_duration due)
{
    struct queue *queue = &self->writer.queue;
    struct timespec until = {.tv_sec = due / PB_SECOND, .tv_nsec = due % PB_SECOND};
    int error = 0;

    pthread_mutex_lock(&queue->mutex);
    while (!session->command && error == 0)
        error = pthread_cond_timedwait(&session->wake, &queue->mutex, &until);
    struct request *command = session->command;
    session->command = NULL;
    pthread_mutex_unlock(&queue->mutex);
    return command;
}

/* From now on the session belongs to its task alone. A command that came too late is given back. */
static struct request *leave(struct sqlite *self, struct session *session, const struct fault *why)
{
    struct queue *queue = &self->writer.queue;

    pthread_mutex_lock(&queue->mutex);
    session->ended = true;
    session->fault = *why;
    struct request *late = session->command;
    session->command = NULL;
    pthread_mutex_unlock(&queue->mutex);
    return late;
}

static pb_status too_long(struct fault *fault)
{
    return fault_set(fault, PB_TIMEOUT, "the transaction was open for longer than %lld ms",
                     (long long)(TRANSACTION_LIMIT / PB_MILLISECOND));
}

static pb_status run_command(struct connection *connection, struct request *command)
{
    struct fault *fault = &command->fault;
    int code = connection_control(connection, SAVEPOINT);

    if (code != SQLITE_OK)
        return fault_of(fault, connection->db, code);
    pb_status status = connection_run_all(connection, command->statements, command->count,
                                          command->harvests, fault);
    if (sqlite3_get_autocommit(connection->db))
        return fault->code == SQLITE_INTERRUPT ? too_long(fault) : status;
    if (status != PB_OK)
        connection_control(connection, UNDO);
    connection_control(connection, RELEASE);
    return status;
}

/* The last command, or the end of the time. */
static void end(struct sqlite *self, struct session *session, struct request *command)
{
    struct connection *connection = &self->writer.connection;
    struct fault why = {.status = PB_OK};

    if (!command) {
        too_long(&why);
        connection_control(connection, ROLLBACK);
    } else if (command->statements) { /* it has taken the transaction with it */
        why = command->fault;
    } else if (session->commit) {
        command->fault.status = writer_commit(self, &command->fault);
    } else {
        connection_control(connection, ROLLBACK);
    }
    struct request *late = leave(self, session, &why);
    lock_give(&self->writer.lock);
    if (late) {
        late->fault = why;
        command = late;
    }
    if (command)
        pb_signal_raise(&command->signal, 1);
}

void session_serve(struct sqlite *self, struct request *request)
{
    struct connection *connection = &self->writer.connection;
    struct session *session = request->session;
    struct request *command;

    if (writer_begin(self, &request->fault) != PB_OK) {
        writer_note(self, &request->fault);
        lock_give(&self->writer.lock);
        pb_signal_raise(&request->signal, 1);
        return;
    }
    atomic_fetch_add(&self->figures.transactions, 1);
    request->fault.status = PB_OK;
    pb_duration due = clock_now() + TRANSACTION_LIMIT;
    pb_signal_raise(&request->signal, 1); /* its task goes on, inside */
    while ((command = next_command(self, session, due)) && command->statements) {
        connection->due = due;
        command->fault.status = PB_OK;
        command->fault.status = run_command(connection, command);
        if (sqlite3_get_autocommit(connection->db))
            break;
        pb_signal_raise(&command->signal, 1);
    }
    end(self, session, command);
}
