/* listener.c - listening sockets: accepting one connection a wake-up, limits, draining.
 *
 * All workers poll the same socket. Each accepts one connection a wake-up, and looks away for a
 * moment while it holds more than another, so that they share connections evenly.
 */
#include "base/map.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "net/server_internal.h"
#include "net/tls_pair.h"

#include <errno.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many connections an address holds. */
struct holder {
    struct in6_addr address;
    size_t count;
};

/* How long a worker looks away, and how many connections it then takes at most that still wait. */
enum { LOOK_AWAY = 2 * 1000 * 1000, LATE_MOST = 64 };

struct list_link listeners = {&listeners, &listeners};
static struct map holders; /* of all listeners, by address */
static pb_metric *connections_metric, *answers_metric;

/* The same metrics for every listener; asked for each time, because a test may have freed them all.
 */
void listener_metrics(void)
{
    connections_metric =
        pb_metric_new(PB_GAUGE, "http_connections", "Open HTTP connections.", NULL);
    answers_metric = pb_metric_new(PB_COUNTER, "http_requests_total",
                                   "HTTP requests answered, by class of status.", "class");
}

/* --- limits and figures ----------------------------------------------------------------------- */

static pb_str key_of(const struct in6_addr *address)
{
    return pb_str_make((const char *)address, sizeof *address);
}

bool listener_full(pb_listener *listener, const struct in6_addr *address)
{
    struct holder *holder = map_get(&holders, key_of(address));

    return (int64_t)listener->connection_count >= listener->spec.max_connections ||
           (!listener->local && holder && (int64_t)holder->count >= listener->spec.max_connections_per_address);
}

void listener_count(pb_listener *listener, const struct in6_addr *address, int by)
{
    struct holder *holder = map_get(&holders, key_of(address));

    listener->connection_count += (size_t)by;
    atomic_fetch_add_explicit(&scoreboard_own->connections, (uint32_t)by, memory_order_relaxed);
    pb_metric_add(connections_metric, pb_str_make(NULL, 0), by);
    if (!holder && by > 0 && (holder = calloc(1, sizeof *holder))) {
        holder->address = *address;
        if (!map_put(&holders, key_of(&holder->address), holder)) {
            free(holder);
            holder = NULL;
        }
    }
    if (holder && (holder->count += (size_t)by) == 0) {
        map_remove(&holders, key_of(address));
        free(holder);
    }
    if (holders.count == 0)
        map_fini(&holders);
}

void listener_note_answer(int status)
{
    static const pb_str classes[] = {PB_LIT("1xx"), PB_LIT("2xx"), PB_LIT("3xx"), PB_LIT("4xx"),
                                     PB_LIT("5xx")};

    if (status >= 100 && status < 600)
        pb_metric_add(answers_metric, classes[status / 100 - 1], 1);
}

size_t server_connections(void)
{
    size_t count = 0;

    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        count += list_entry(at, pb_listener, link)->connection_count;
    return count;
}

size_t server_requests(void)
{
    size_t count = 0;

    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        count += list_entry(at, pb_listener, link)->request_count;
    return count;
}

int listener_port(const pb_listener *listener)
{
    return listener->port;
}

pb_str listener_url(const pb_listener *listener)
{
    return pb_str_of(listener->url);
}

/* --- accepting -------------------------------------------------------------------------------- */

/* Best effort: the client sees why, if its kernel has room. */
static void turn_away(pb_listener *listener, int fd)
{
    char text[PROBLEM_SIZE], id[REQUEST_ID_SIZE];
    size_t size = problem_refusal(503, "there are too many connections, try again", id, text);

    if (!listener->tls) {
        (void)send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(fd, SHUT_WR);
        while (recv(fd, text, sizeof text, MSG_DONTWAIT) > 0)
            ; /* unread bytes would turn the close into a reset */
        listener_note_answer(503);
    }
    close(fd);
}

static void to_in6(const struct sockaddr_storage *peer, struct in6_addr *out)
{
    memset(out, 0, sizeof *out);
    if (peer->ss_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)peer)->sin6_addr;
    } else if (peer->ss_family == AF_INET) {
        out->s6_addr[10] = out->s6_addr[11] = 0xff;
        memcpy(out->s6_addr + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    }
}

static void tell_who(const pb_listener *listener, int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
        pb_log(PB_DEBUG, "process %d of user %d connected to %s", (int)who.pid, (int)who.uid,
               listener->url);
}

static void accept_late(struct timer *timer);

static void look_away(pb_listener *listener, pb_duration time)
{
    uv_poll_stop(&listener->poll);
    timer_arm(&listener->again, time, accept_late);
}

/* False: nothing waits, or nothing can be accepted now. */
static bool accept_one(pb_listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct in6_addr address;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pb_log(PB_WARN, "%s accepts no connection for a moment: %s", listener->url,
                   strerror(errno));
            look_away(listener, 100 * PB_MILLISECOND);
        }
        return false;
    }
    to_in6(&peer, &address);
    if (listener->local)
        tell_who(listener, fd);
    if (listener_full(listener, &address))
        turn_away(listener, fd);
    else
        connection_accept(listener, fd, &address);
    return true;
}

static bool holds_too_many(void)
{
    return atomic_load_explicit(&scoreboard_own->connections, memory_order_relaxed) >
           scoreboard_fewest_connections() + 1;
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    pb_listener *listener = poll->data;

    (void)status;
    (void)events;
    if (holds_too_many()) {
        look_away(listener, LOOK_AWAY);
        return;
    }
    listener->late = 1;
    (void)accept_one(listener);
}

/* What still waits now was left by those who hold less: the longer they leave it, the more we take.
 */
static void accept_late(struct timer *timer)
{
    pb_listener *listener = list_entry(timer, pb_listener, again);
    unsigned left = listener->late;

    uv_poll_start(&listener->poll, UV_READABLE, on_wake);
    while (left && accept_one(listener))
        left--;
    listener->late = left ? 1 : listener->late < LATE_MOST ? listener->late * 2 : LATE_MOST;
}

void listener_begin(pb_listener *listener)
{
    listener->late = 1;
    uv_poll_init(loop_uv(), &listener->poll, listener->fd);
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, on_wake);
    list_append(&listeners, &listener->link);
}

/* --- closing ---------------------------------------------------------------------------------- */

/* The socket stays open in other processes: what waits in its queue is theirs. */
static void stop_accepting(pb_listener *listener)
{
    if (listener->draining)
        return;
    listener->draining = true;
    timer_cancel(&listener->again);
    uv_poll_stop(&listener->poll);
    close(listener->fd);
    listener->fd = -1;
}

static void drain(pb_listener *listener)
{
    if (listener->ending)
        return;
    listener->ending = true;
    stop_accepting(listener);
    for (struct list_link *at = listener->connections.next, *next; at != &listener->connections;
         at = next) {
        next = at->next;
        connection_drain(list_entry(at, struct server_connection, link));
    }
}

void listeners_each(void (*each)(void *arg, pb_str url), void *arg)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        each(arg, listener_url(list_entry(at, pb_listener, link)));
}

void server_drain(void)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        drain(list_entry(at, pb_listener, link));
}

void server_retire(void)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        stop_accepting(list_entry(at, pb_listener, link));
}

void listener_check_empty(pb_listener *listener)
{
    if (listener->closer && !listener->connection_count && !listener->request_count)
        waiter_wake(listener->closer);
}

static void close_all(pb_listener *listener)
{
    while (!list_empty(&listener->connections))
        connection_close(list_entry(listener->connections.next, struct server_connection, link),
                         "the server is stopping");
}

void server_cut(void)
{
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        close_all(list_entry(at, pb_listener, link));
}

static bool wait_until_empty(pb_listener *listener, pb_duration limit)
{
    struct waiter waiter = {0};

    listener->closer = &waiter;
    listener_check_empty(listener);
    (void)task_wait_for(&waiter, limit);
    listener->closer = NULL;
    return !listener->connection_count && !listener->request_count;
}

/* Runs shielded: a listener goes away whole, also when its owner is told to end. */
static pb_status close_listener(void *arg)
{
    pb_listener *listener = arg;

    close_all(listener);
    (void)wait_until_empty(listener, server_defaults.drain_timeout);
    return PB_OK;
}

static void on_poll_closed(uv_handle_t *handle)
{
    pb_listener *listener = handle->data;

    free(listener);
}

void host_listener_close(pb_listener *listener)
{
    drain(listener);
    if (!wait_until_empty(listener, server_defaults.drain_timeout))
        (void)pb_shield(close_listener, listener);
    list_remove(&listener->link);
    if (listener->connection_count || listener->request_count) {
        pb_log(PB_ERROR, "%s: %zu requests do not end", listener->url, listener->request_count);
        return; /* they still refer to it */
    }
    tls_pair_close(listener->tls);
    uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
}
