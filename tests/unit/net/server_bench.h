/* server_bench.h - for tests of the server: the real loop and a real listener in this thread, a
 * client with plain blocking sockets in another. A test that fails must run in a process of its own
 * (Check forks): a thread cannot leave it. */
#ifndef TESTS_SERVER_BENCH_H
#define TESTS_SERVER_BENCH_H

#include "base/metrics.h"
#include "net/server.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the handler saw; written on the loop, read by the client after it saw the effect. */
static struct {
    _Atomic int handled;     /* handlers that were called */
    _Atomic int ended;       /* … and returned */
    _Atomic int last_status; /* of the call that told a handler to end */
    _Atomic long written;    /* bytes */
} seen;

static struct {
    pb_listen_spec spec;
    pb_listener *listener;
    int port;
    void (*client)(void);
    pthread_t thread;
    bool closed;
} bench;

/* --- the client's side ------------------------------------------------------------------------ */

static inline int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)bench.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void say_bytes(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        data += sent;
        size -= (size_t)sent;
    }
}

static inline void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

/* Everything up to the end of the stream, with a NUL; *size may be NULL. A reset ends it too. */
static inline char *hear_all(int fd, size_t *size)
{
    size_t have = 0, room = 4096;
    char *text = malloc(room);
    ssize_t got;

    while ((got = recv(fd, text + have, room - have - 1, 0)) > 0) {
        have += (size_t)got;
        if (room - have < 2048)
            text = realloc(text, room *= 2);
    }
    text[have] = 0;
    if (size)
        *size = have;
    return text;
}

/* One answer: its head and as many bytes as Content-Length says (or until the last chunk). */
static inline char *hear(int fd)
{
    static char text[1 << 16];
    size_t have = 0, want = 0;

    while (have < sizeof text - 1) {
        text[have] = 0;
        char *end = strstr(text, "\r\n\r\n");
        if (end && !want) {
            char *length = strstr(text, "Content-Length: ");
            want = length && length < end ? (size_t)(end + 4 - text) + (size_t)atol(length + 16)
                                          : sizeof text;
            if (strncmp(text, "HTTP/1.1 204", 12) == 0 || strncmp(text, "HTTP/1.1 100", 12) == 0)
                want = (size_t)(end + 4 - text);
        }
        if (end && (have >= want || strstr(end, "\r\n0\r\n\r\n")))
            break;
        if (recv(fd, text + have, 1, 0) <= 0)
            break;
        have++;
    }
    text[have] = 0;
    return text;
}

static inline void expect_starts(const char *text, const char *prefix)
{
    ck_assert_msg(strncmp(text, prefix, strlen(prefix)) == 0, "got: %.600s", text);
}

static inline void expect_has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no '%s' in: %.900s", part, text);
}

static inline void expect_not(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %.900s", part, text);
}

static inline void expect_ends(const char *text, const char *part)
{
    size_t size = strlen(text), want = strlen(part);
    ck_assert_msg(size >= want && strcmp(text + size - want, part) == 0,
                  "does not end with '%s': %.900s", part, text);
}

/* Waits for something that the loop's side does; a test that hangs is ended by its time-out. */
#define until(condition)                                                                           \
    while (!(condition))                                                                           \
    sched_yield()

/* Sends and expects a refusal with this status, and the connection's end. */
static inline void refused(const char *text, size_t size, const char *status)
{
    int fd = dial();
    char want[64];

    say_bytes(fd, text, size);
    char *answer = hear_all(fd, NULL);
    snprintf(want, sizeof want, "HTTP/1.1 %s ", status);
    ck_assert_msg(strncmp(answer, want, strlen(want)) == 0, "%.200s\nwants %s, got: %.300s", text,
                  status, answer);
    expect_has(answer, "Content-Type: application/problem+json\r\n");
    expect_has(answer, "Connection: close\r\n");
    free(answer);
    close(fd);
}

/* Asks a figure of the server on its own thread. */
struct question {
    size_t (*figure)(void);
    size_t answer;
    _Atomic int answered;
};

static inline void answer_question(void *arg)
{
    struct question *question = arg;
    question->answer = question->figure();
    question->answered = 1;
}

static inline size_t figure_of(size_t (*figure)(void))
{
    struct question question = {.figure = figure};

    loop_post(answer_question, &question);
    until(question.answered);
    return question.answer;
}

/* --- the server's side ------------------------------------------------------------------------ */

static inline void stop_all(void *arg)
{
    (void)arg;
    if (!bench.closed)
        pb_listener_close(bench.listener);
    loop_stop();
}

static inline void client_done(void *arg)
{
    (void)arg;
    ck_assert_int_eq(task_start(stop_all, NULL, NULL), PB_OK);
}

static inline void *client_thread(void *arg)
{
    (void)arg;
    bench.client();
    loop_post(client_done, NULL);
    return NULL;
}

/* Runs `client` against a listener with bench.spec; returns when both have ended. */
static inline void with_server(pb_status (*handle)(void *self, pb_request *request),
                               void (*client)(void))
{
    metrics_fini(); /* count from here on */
    seen.handled = seen.ended = seen.last_status = 0;
    seen.written = 0;
    ck_assert_int_eq(loop_init(), PB_OK);
    bench.spec.size = sizeof bench.spec;
    if (!bench.spec.address.data)
        bench.spec.address = pb_lit("127.0.0.1:0");
    bench.spec.handle = handle;
    pb_status status = pb_listen(&bench.spec, &bench.listener);
    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(pb_error_last()->sentence));
    bench.port = listener_port(bench.listener);
    bench.client = client;
    pthread_create(&bench.thread, NULL, client_thread, NULL);
    loop_run();
    pthread_join(bench.thread, NULL);
    loop_fini();
    memset(&bench, 0, sizeof bench); /* the next test asks for what it needs */
}

#endif
