/* test_server_overdue.c - pb_respond_overdue: a sign of life where an answer takes long to begin,
 * none where it does not, and never after the handler took it back. */
#include "net/server_bench.h"

#include "suite.h"

static _Atomic int called;
static struct waiter *handler_waits;

static void begin(void *arg)
{
    pb_request *request = arg;

    called++;
    ck_assert_int_eq(pb_respond_begin(request, 200, NULL, 0), PB_OK);
    ck_assert_int_eq(pb_respond_write(request, pb_lit("early ")), PB_OK);
    if (handler_waits)
        waiter_wake(handler_waits);
}

/* Waits for what it gave away, which comes in a task of its own. */
static pb_status wait_for_it(pb_request *request)
{
    struct waiter waiter = {0};

    handler_waits = &waiter;
    pb_respond_overdue(request, PB_MILLISECOND, begin, request);
    pb_status status = task_wait(&waiter);
    handler_waits = NULL;
    pb_respond_overdue(request, 0, NULL, NULL);
    if (status == PB_OK)
        status = pb_respond_write(request, pb_lit("late"));
    return status == PB_OK ? pb_respond_end(request) : status;
}

static pb_status answer_at_once(pb_request *request)
{
    pb_respond_overdue(request, PB_MILLISECOND, begin, request);
    pb_status status = pb_respond(request, 200, NULL, 0, pb_lit("quick"));
    (void)pb_sleep(20 * PB_MILLISECOND); /* the answer has begun: nothing happens any more */
    pb_respond_overdue(request, 0, NULL, NULL);
    return status;
}

static pb_status take_it_back(pb_request *request)
{
    pb_respond_overdue(request, PB_MILLISECOND, begin, request);
    pb_respond_overdue(request, 0, NULL, NULL);
    (void)pb_sleep(20 * PB_MILLISECOND);
    return pb_respond(request, 200, NULL, 0, pb_lit("alone"));
}

/* A handler that forgets it does not leave a call behind that uses its stack. */
static pb_status forget_it(pb_request *request)
{
    pb_respond_overdue(request, PB_MILLISECOND, begin, request);
    return pb_fail(PB_NOT_FOUND, "nothing here");
}

static pb_status handle(void *self, pb_request *request)
{
    (void)self;
    if (pb_str_is(request->path, "/wait"))
        return wait_for_it(request);
    if (pb_str_is(request->path, "/quick"))
        return answer_at_once(request);
    return pb_str_is(request->path, "/back") ? take_it_back(request) : forget_it(request);
}

static void ask(int fd, const char *path)
{
    char head[128];

    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    say(fd, head);
}

static void client(void)
{
    int fd = dial();

    ask(fd, "/quick");
    expect_ends(hear(fd), "\r\n\r\nquick");
    ask(fd, "/back");
    expect_ends(hear(fd), "\r\n\r\nalone");
    ask(fd, "/forgotten");
    expect_starts(hear(fd), "HTTP/1.1 404");
    ck_assert_int_eq(called, 0);
    ask(fd, "/wait");
    char *text = hear(fd);
    expect_starts(text, "HTTP/1.1 200 OK\r\n");
    expect_has(text, "early ");
    expect_has(text, "late");
    ck_assert_int_eq(called, 1);
    close(fd);
}

START_TEST(overdue)
{
    called = 0;
    with_server(handle, client);
}
END_TEST

int main(void)
{
    return suite_run("server_overdue", (const TTest *const[]){overdue, NULL});
}
