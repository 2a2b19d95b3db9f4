/* upstream.h - scripted upstreams on loopback for tests: a script is a function that gets each
 * accepted connection as a blocking socket, on a thread of its own, and speaks bytes.
 *
 *     struct upstream upstream;
 *     upstream_open(&upstream, script, arg);      … upstream.port …      upstream_close(&upstream);
 *
 * Also client_test: runs a function as the one task of a loop, and ends everything after it.
 */
#ifndef TESTS_UNIT_NET_UPSTREAM_H
#define TESTS_UNIT_NET_UPSTREAM_H

#include "net/client.h"
#include "runtime/task.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { UPSTREAM_MOST = 256 };

struct upstream;

struct upstream_peer {
    struct upstream *upstream;
    int fd;
    int index; /* of the connection, from 0 */
    pthread_t thread;
    size_t size; /* of what is left of earlier reads */
    char bytes[64 << 10];
};

struct upstream {
    int fd, port;
    pthread_t thread;
    void (*script)(struct upstream_peer *peer);
    const void *arg;
    atomic_int accepted, requests;
    atomic_int saw_end; /* connections whose other side ended */
    struct upstream_peer *peers[UPSTREAM_MOST];
};

static inline void *upstream_peer_main(void *arg)
{
    struct upstream_peer *peer = arg;

    peer->upstream->script(peer);
    close(peer->fd);
    return NULL;
}

static inline void *upstream_main(void *arg)
{
    struct upstream *upstream = arg;

    for (;;) {
        int fd = accept(upstream->fd, NULL, NULL), one = 1;
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0 || upstream->accepted == UPSTREAM_MOST)
            return NULL;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct upstream_peer *peer = calloc(1, sizeof *peer);
        peer->upstream = upstream;
        peer->fd = fd;
        peer->index = upstream->accepted++; /* before anybody can see its effect */
        upstream->peers[peer->index] = peer;
        pthread_create(&peer->thread, NULL, upstream_peer_main, peer);
    }
}

/* A socket that listens on a free port. */
static inline int upstream_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 128), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline void upstream_open(struct upstream *upstream, void (*script)(struct upstream_peer *),
                                 const void *arg)
{
    memset(upstream, 0, sizeof *upstream);
    upstream->fd = upstream_listen(&upstream->port);
    upstream->script = script;
    upstream->arg = arg;
    ck_assert_int_eq(pthread_create(&upstream->thread, NULL, upstream_main, upstream), 0);
}

/* Waits for the scripts to end: the client's connections must be closed. */
static inline void upstream_close(struct upstream *upstream)
{
    shutdown(upstream->fd, SHUT_RDWR);
    pthread_join(upstream->thread, NULL);
    close(upstream->fd);
    for (int i = 0; i < upstream->accepted; i++) {
        pthread_join(upstream->peers[i]->thread, NULL);
        free(upstream->peers[i]);
    }
}

/* --- for scripts ------------------------------------------------------------------------------ */

static inline void peer_send(struct upstream_peer *peer, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(peer->fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

static inline void peer_say(struct upstream_peer *peer, const char *text)
{
    peer_send(peer, text, strlen(text));
}

/* Reads one request with its body into peer->bytes; false at the end of the connection. */
static inline bool peer_request(struct upstream_peer *peer)
{
    peer->size = 0;
    for (;;) {
        peer->bytes[peer->size] = 0;
        char *end = strstr(peer->bytes, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(peer->bytes, "content-length:");
            size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
            if (peer->size >= (size_t)(end + 4 - peer->bytes) + body ||
                peer->size == sizeof peer->bytes - 1)
                break;
        }
        ssize_t got = recv(peer->fd, peer->bytes + peer->size, sizeof peer->bytes - 1 - peer->size, 0);
        if (got <= 0) {
            peer->upstream->saw_end++;
            return false;
        }
        peer->size += (size_t)got;
    }
    peer->upstream->requests++;
    return true;
}

/* Waits for the other side's end and drops what comes before it. */
static inline void peer_wait_end(struct upstream_peer *peer)
{
    char rest[4096];

    while (recv(peer->fd, rest, sizeof rest, 0) > 0)
        ;
    peer->upstream->saw_end++;
}

/* Closes with a reset. */
static inline void peer_reset(struct upstream_peer *peer)
{
    struct linger hard = {1, 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/* --- the client's side ------------------------------------------------------------------------ */

static inline void client_test_main(void *arg)
{
    void (*const *test)(void) = arg;

    (*test)();
    loop_stop();
}

/* Runs `test` as a task until it returns. */
static inline void client_test(void (*test)(void))
{
    ck_assert_int_eq(loop_init(), PB_OK);
    ck_assert_int_eq(task_start(client_test_main, &test, NULL), PB_OK);
    loop_run();
    client_fini();
    loop_fini();
}

/* A test whose body is the task of client_test. */
#define CLIENT_TEST(name)                                                                          \
    static void name##_task(void);                                                                 \
    START_TEST(name)                                                                               \
    {                                                                                              \
        client_test(name##_task);                                                                  \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_task(void)

static inline pb_str upstream_url(const struct upstream *upstream, const char *path)
{
    return pb_printf("http://127.0.0.1:%d%s", upstream->port, path);
}

/* GET; the body is read to its end when the header came. */
struct got {
    pb_status opened, read;
    int32_t status;
    pb_str body;
};

static inline struct got get_spec(const pb_http_spec *spec)
{
    struct got got = {0};
    pb_http *http;

    got.opened = pb_http_open(spec, &http);
    if (got.opened != PB_OK)
        return got;
    got.status = pb_http_status(http);
    got.read = pb_http_read_all(http, &got.body);
    pb_http_close(http);
    return got;
}

static inline struct got get(pb_str url)
{
    pb_http_spec spec = pb_http_spec_make("GET", url);
    return get_spec(&spec);
}

/* The sentence of the last failure has this in it. */
#define ck_sentence(part)                                                                          \
    do {                                                                                           \
        const pb_error *ck_error_ = pb_error_last();                                               \
        pb_str ck_copy_ = pb_copy(ck_error_->sentence);                                            \
        ck_assert_msg(ck_copy_.data && strstr(ck_copy_.data, part), "'%.*s' has no '%s'",          \
                      PB_ARG(ck_copy_), part);                                                     \
    } while (0)

#endif
