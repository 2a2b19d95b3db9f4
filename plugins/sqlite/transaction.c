/* transaction.c - the task's side of a transaction: fn runs in the calling task, and what it asks
 * of this database meanwhile goes to the writer that waits for it. */
#include "sqlite.h"

struct session *session_here(const struct sqlite *self)
{
    const pb_task *task = self->sessions ? pb_task_running() : NULL;
    struct session *session = self->sessions;

    while (session && session->task != task)
        session = session->outer;
    return session;
}

/* Hands a command to the writer and waits; without statements it is the end. Parks. */
pb_status session_run(struct sqlite *self, struct session *session, struct request *request)
{
    struct queue *queue = &self->writer.queue;

    request->signal = pb_signal_new();
    if (!request->signal)
        return PB_NO_MEMORY;
    pthread_mutex_lock(&queue->mutex);
    bool ended = session->ended;
    if (!ended) {
        session->command = request;
        pthread_cond_signal(&session->wake);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (ended)
        return fault_fail(&session->fault);
    pb_signal_wait_always(request->signal);
    return fault_fail(&request->fault);
}

static void unlink_session(struct sqlite *self, struct session *session)
{
    struct session **at = &self->sessions;

    while (*at != session)
        at = &(*at)->outer;
    *at = session->outer;
}

/* Tells the writer how it ends. What fn returned is the answer unless the commit fails. */
static pb_status finish(struct sqlite *self, struct session *session, pb_status status)
{
    struct request last = {.kind = REQUEST_SESSION};

    session->commit = status == PB_OK;
    if (status == PB_OK)
        return session_run(self, session, &last);
    struct queue *queue = &self->writer.queue;
    pthread_mutex_lock(&queue->mutex);
    bool ended = session->ended;
    pthread_mutex_unlock(&queue->mutex);
    if (!ended)
        (void)session_run(self, session, &last);
    return status;
}

pb_status transaction_run(void *arg, pb_status (*fn)(void *arg), void *fn_arg)
{
    struct sqlite *self = arg;
    struct session session = {.task = pb_task_running()};
    struct request begin = {.kind = REQUEST_SESSION, .session = &session};
    pthread_condattr_t attributes;

    if (session_here(self))
        return pb_fail(PB_INVALID, "this task has a transaction open already");
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&session.wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pb_status status = request_run(self, &self->writer.queue, &begin);
    if (status == PB_OK) {
        session.outer = self->sessions;
        self->sessions = &session;
        status = finish(self, &session, fn(fn_arg));
        unlink_session(self, &session);
    }
    pthread_cond_destroy(&session.wake);
    return status;
}
