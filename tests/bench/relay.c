/* relay.c - a bare byte relay: relay --to PORT [--port N]
 *
 * The least that anything between a client and a model can cost: one connection upstream for each
 * connection, two reads and two writes for a request, nothing looked at. Prints its port. */
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One direction's source; what its peer could not take waits in `held`. */
struct end {
    int fd;
    bool closed;
    struct end *peer;
    struct bytes held;
    size_t sent;
    struct end *next_dead;
};

static int epoll;
static struct end *dead; /* freed after the batch: events of it may still be in the batch */

static void close_pair(struct end *end)
{
    if (end->closed)
        return;
    struct end *both[] = {end, end->peer};
    for (int i = 0; i < 2; i++) {
        close(both[i]->fd);
        both[i]->closed = true;
        both[i]->next_dead = dead;
        dead = both[i];
    }
}

static void bury(void)
{
    while (dead) {
        struct end *next = dead->next_dead;
        free(dead->held.data);
        free(dead);
        dead = next;
    }
}

/* What came from `end` and its peer did not take yet. */
static void flush(struct end *end)
{
    struct end *peer = end->peer;
    while (end->sent < end->held.size) {
        ssize_t size = send(peer->fd, end->held.data + end->sent, end->held.size - end->sent,
                            MSG_NOSIGNAL);
        if (size < 0)
            return;
        end->sent += (size_t)size;
    }
    end->held.size = end->sent = 0;
    rewatch(epoll, peer->fd, peer, EPOLLIN);
    rewatch(epoll, end->fd, end, EPOLLIN);
}

static void readable(struct end *end)
{
    static char data[65536];
    ssize_t size = read(end->fd, data, sizeof data);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN)
            close_pair(end);
        return;
    }
    ssize_t sent = send(end->peer->fd, data, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        close_pair(end);
        return;
    }
    if (sent < size) {
        sent = sent < 0 ? 0 : sent;
        bytes_add(&end->held, data + sent, (size_t)(size - sent));
        rewatch(epoll, end->fd, end, 0);
        rewatch(epoll, end->peer->fd, end->peer, EPOLLIN | EPOLLOUT);
    }
}

static struct end *end_new(int fd)
{
    struct end *end = calloc(1, sizeof *end);
    if (!end)
        leave("out of memory");
    end->fd = fd;
    return end;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct epoll_event events[256];
    uint16_t upstream = (uint16_t)atoi(argument(argv, "to", "0"));

    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    epoll = epoll_create1(0);
    int listener = listen_local((uint16_t)atoi(argument(argv, "port", "0")));
    watch(epoll, listener, NULL, EPOLLIN);
    for (;;) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;
            if (!end) {
                for (int fd; (fd = accept_local(listener)) >= 0;) {
                    struct end *client = end_new(fd), *server = end_new(connect_local(upstream));
                    client->peer = server;
                    server->peer = client;
                    watch(epoll, client->fd, client, EPOLLIN);
                    watch(epoll, server->fd, server, EPOLLIN);
                }
                continue;
            }
            if (!end->closed && events[i].events & EPOLLOUT)
                flush(end->peer);
            if (!end->closed && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(end);
        }
        bury();
    }
}
