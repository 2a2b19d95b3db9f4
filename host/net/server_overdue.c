/* server_overdue.c - pb_respond_overdue: a sign of life for clients whose answer takes long to
 * begin.
 *
 * The timer is the one that later sends heartbeats, and a task is taken only when it fires, so a
 * turn that is quick pays for arming it and no more.
 */
#include "net/server_internal.h"

static void fire(struct timer *timer);

static void run(void *arg)
{
    struct server_request *request = arg;
    void (*fn)(void *arg) = request->overdue;

    request->overdue = NULL;
    task_local()->request = request->pub.id;
    if (fn && request->connection && request->answer == ANSWER_NONE)
        fn(request->overdue_arg);
    task_local()->request = pb_str_make(NULL, 0);
    request->overdue_runs = false;
    if (request->overdue_waiter)
        waiter_wake(request->overdue_waiter);
}

static void fire(struct timer *timer)
{
    struct server_request *request = list_entry(timer, struct server_request, heartbeat);

    if (!request->overdue || !request->connection || request->answer != ANSWER_NONE)
        return;
    request->overdue_runs = task_start(run, request, NULL) == PB_OK;
    if (!request->overdue_runs) /* too many tasks: this one can wait */
        timer_arm(timer, PB_SECOND / 4, fire);
}

void respond_overdue_end(struct server_request *request)
{
    struct waiter waiter = {0};

    request->overdue = NULL;
    if (!request->overdue_runs)
        return;
    request->overdue_waiter = &waiter;
    task_wait_always(&waiter);
    request->overdue_waiter = NULL;
}

void host_respond_overdue(pb_request *pub, pb_duration after, void (*fn)(void *), void *arg)
{
    struct server_request *request = pub->server;

    respond_overdue_end(request);
    if (!fn || after <= 0 || request->answer != ANSWER_NONE || !request->connection)
        return;
    request->overdue = fn;
    request->overdue_arg = arg;
    timer_arm(&request->heartbeat, after, fire);
}
