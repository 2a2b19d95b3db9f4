/* server.c - a connection's life: reads heads, hands on bodies, keeps what comes too early, times
 * out.
 *
 * Timers are not cancelled when a phase is left: firing looks at the phase, and arming an armed
 * timer for later costs next to nothing.
 */
#include "net/server_internal.h"
#include "net/tls_pair.h"

#include <arpa/inet.h>
#include <patchbay/log.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_MOST = 64 << 10 };
static const pb_duration linger_time = 5 * PB_SECOND;
static const pb_duration watch_time = 250 * PB_MILLISECOND;

static void fire(struct timer *timer);

/* --- closing ---------------------------------------------------------------------------------- */

static void on_closed(struct conn *conn)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);
    pb_listener *listener = connection->listener;

    listener_count(listener, &connection->address, -1);
    free(connection);
    listener_check_empty(listener);
}

/* Now. A request that is not answered learns `sentence`. */
void connection_close(struct server_connection *connection, const char *sentence)
{
    if (connection->closed)
        return;
    connection->closed = true;
    timer_cancel(&connection->timer);
    timer_cancel(&connection->stall);
    timer_cancel(&connection->watch);
    list_remove(&connection->link);
    list_remove(&connection->next.link);
    buf_fini(&connection->kept);
    if (connection->request)
        request_detach(connection->request, sentence);
    conn_close(&connection->conn, on_closed);
}

/* The other side sees that what it got is not whole. */
void connection_reset(struct server_connection *connection)
{
    struct linger linger = {.l_onoff = 1};
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)&connection->conn.tcp, &fd) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    connection_close(connection, "the answer broke off");
}

/* --- phases ----------------------------------------------------------------------------------- */

static void finish(struct server_connection *connection, enum connection_phase phase)
{
    connection->phase = (uint8_t)phase;
    conn_finish(&connection->conn);
    conn_resume(&connection->conn);
    loop_defer(&connection->next);
}

void connection_answered(struct server_connection *connection, enum connection_then then)
{
    if (then == THEN_NEXT && connection->listener->ending && !connection->kept.size)
        then = THEN_CLOSE;
    if (then != THEN_NEXT) {
        finish(connection, then == THEN_CLOSE ? PHASE_FINISH : PHASE_LINGER);
        return;
    }
    connection->phase = PHASE_IDLE;
    timer_arm(&connection->timer, connection->listener->spec.keepalive_timeout, fire);
    if (connection->kept.size)
        loop_defer(&connection->next);
    else
        conn_resume(&connection->conn);
}

void connection_drain(struct server_connection *connection)
{
    bool idle = connection->phase == PHASE_IDLE && connection->kept.size == 0;

    if (idle && conn_pending(&connection->conn)) /* of the last answer */
        connection_answered(connection, THEN_CLOSE);
    else if (idle || connection->phase == PHASE_TLS)
        connection_close(connection, "the server is stopping");
}

/* Answers what is no request, or one that is not wanted, and ends the connection. */
void connection_refuse(struct server_connection *connection, int status, const char *sentence)
{
    char text[PROBLEM_SIZE], id[REQUEST_ID_SIZE];
    size_t size = problem_refusal(status, sentence, id, text);

    listener_note_answer(status);
    pb_log(PB_DEBUG, "refused request %.*s of %s: %d, %s", REQUEST_ID_SIZE, id, connection->remote, status,
           sentence);
    (void)conn_write(&connection->conn, text, size);
    finish(connection, PHASE_LINGER);
}

static void fire(struct timer *timer)
{
    struct server_connection *connection = list_entry(timer, struct server_connection, timer);

    switch (connection->phase) {
    case PHASE_HEAD:
        connection_refuse(connection, 408, "the request's header did not come in time");
        break;
    case PHASE_REQUEST:
        if (connection->request && request_waits_for_body(connection->request))
            request_body_late(connection->request);
        break;
    case PHASE_IDLE:
    case PHASE_LINGER:
        if (conn_pending(&connection->conn)) /* the stall timer watches */
            timer_arm(timer, connection->listener->spec.keepalive_timeout, fire);
        else
            connection_close(connection, "the connection was idle");
        break;
    case PHASE_TLS:
        connection_close(connection, "the TLS handshake did not end in time");
        break;
    default:
        break; /* FINISH: the stall timer watches */
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool reads(const struct server_connection *connection)
{
    return !connection->closed && connection->phase != PHASE_FINISH &&
           connection->phase != PHASE_LINGER;
}

/* A head that is longer than is allowed: of its first line (414) or of all of it (431)? */
static void refuse_long(struct server_connection *connection, pb_str head)
{
    size_t limit = (size_t)connection->listener->spec.max_header;

    if (pb_str_find(head, '\n') >= limit)
        connection_refuse(connection, 414, "the request's target is too long");
    else
        connection_refuse(connection, 431, "the request's header is too large");
}

/* Reads a head from data and begins its request; returns how many bytes were used. */
static size_t parse(struct server_connection *connection, const char *data, size_t size)
{
    static struct request_head head; /* 5 kB that nobody needs longer than this call */
    const pb_listen_spec *spec = &connection->listener->spec;
    size_t blank = head_blank(data, size), whole;

    data += blank;
    size -= blank;
    if (blank)
        connection->scanned = 0;
    if (size == 0)
        return blank;
    if (!head_plausible(data, size)) {
        connection_refuse(connection, 400, "this is not HTTP/1.1");
        return blank;
    }
    whole = head_size(data, size, &connection->scanned);
    if ((whole ? whole : size) > (size_t)spec->max_header) {
        refuse_long(connection, pb_str_make(data, size));
        return blank;
    }
    if (!whole) {
        if (connection->phase == PHASE_IDLE) {
            connection->phase = PHASE_HEAD;
            timer_arm(&connection->timer, spec->header_timeout, fire);
        }
        return blank;
    }
    connection->scanned = 0;
    if (!head_parse(data, whole, &head)) {
        connection_refuse(connection, head.status, head.sentence);
        return blank;
    }
    connection->phase = PHASE_REQUEST;
    size_t body = request_begin(connection, &head, pb_str_make(data, whole),
                                pb_str_make(data + whole, size - whole));
    if (connection->request && connection->request->body.result == BODY_MORE)
        timer_arm(&connection->timer, spec->body_timeout, fire);
    return blank + whole + body;
}

/* While nothing is read the loop does not tell that the client left. */
static void look_for_end(struct timer *timer)
{
    struct server_connection *connection = list_entry(timer, struct server_connection, watch);
    struct pollfd state = {.events = POLLRDHUP};

    if (!connection->conn.paused)
        return;
    if (uv_fileno((uv_handle_t *)&connection->conn.tcp, &state.fd) == 0 && poll(&state, 1, 0) > 0)
        connection_close(connection, "the client is gone");
    else
        timer_arm(timer, watch_time, look_for_end);
}

void connection_hold(struct server_connection *connection)
{
    conn_pause(&connection->conn);
    timer_arm(&connection->watch, watch_time, look_for_end);
}

void connection_release(struct server_connection *connection)
{
    if (!connection->closed && connection->kept.size - connection->kept_from <= KEPT_MOST)
        conn_resume(&connection->conn);
}

void connection_await_body(struct server_connection *connection, pb_duration limit)
{
    timer_arm(&connection->timer, limit, fire);
}

static void keep(struct server_connection *connection, const char *data, size_t size)
{
    if (!buf_add(&connection->kept, pb_str_make(data, size)))
        connection_close(connection, "out of memory");
    else if (connection->phase == PHASE_REQUEST &&
             connection->kept.size - connection->kept_from > KEPT_MOST) {
        connection_hold(connection);
    }
}

static void parse_kept(struct server_connection *connection)
{
    struct buf *kept = &connection->kept;

    connection->kept_from +=
        parse(connection, kept->data + connection->kept_from, kept->size - connection->kept_from);
    if (!reads(connection) || connection->kept_from == kept->size) {
        buf_fini(kept);
        connection->kept_from = 0;
    } else if (connection->phase != PHASE_REQUEST) {
        buf_drop(kept, connection->kept_from);
        connection->kept_from = 0;
    }
    if ((connection->phase != PHASE_REQUEST || connection->kept.size < KEPT_MOST) &&
        !connection->closed)
        conn_resume(&connection->conn);
}

static void on_data(struct conn *conn, const char *data, size_t size)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);
    size_t used = 0;

    if (!reads(connection))
        return; /* lingering: read and dropped */
    if (connection->phase == PHASE_REQUEST) {
        if (connection->request)
            used = request_feed(connection->request, data, size);
        if (used < size)
            keep(connection, data + used, size - used);
        return;
    }
    if (connection->kept.size == 0) {
        used = parse(connection, data, size);
        if (used < size && reads(connection))
            keep(connection, data + used, size - used);
        return;
    }
    keep(connection, data, size);
    if (!connection->closed)
        parse_kept(connection);
}

/* --- the other side --------------------------------------------------------------------------- */

static void on_ready(struct conn *conn)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);

    if (connection->phase == PHASE_TLS)
        connection_answered(connection, THEN_NEXT);
}

static void on_end(struct conn *conn, pb_status why, const char *sentence)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);

    if (why == PB_BAD_UPSTREAM)
        pb_log(PB_DEBUG, "no TLS with %s: %s", connection->remote, sentence);
    connection_close(connection, "the client is gone");
}

static void stalled(struct timer *timer)
{
    struct server_connection *connection = list_entry(timer, struct server_connection, stall);
    uint64_t taken = conn_taken(&connection->conn);

    if (taken == connection->stalled_at) {
        connection_close(connection, "the client stopped reading");
        return;
    }
    connection->stalled_at = taken;
    timer_arm(timer, connection->listener->spec.write_timeout, stalled);
}

static void on_block(struct conn *conn)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);

    connection->stalled_at = conn_taken(conn);
    timer_arm(&connection->stall, connection->listener->spec.write_timeout, stalled);
}

static void on_drain(struct conn *conn)
{
    struct server_connection *connection = list_entry(conn, struct server_connection, conn);

    timer_cancel(&connection->stall);
    if (connection->request)
        respond_drained(connection->request);
    if (!reads(connection))
        loop_defer(&connection->next);
}

/* Deferred behind the flush of the same round: the last answer is out, or requests are kept. */
static void go_on(struct loop_work *work)
{
    struct server_connection *connection = list_entry(work, struct server_connection, next);
    bool out = conn_pending(&connection->conn) == 0;

    if (connection->phase == PHASE_FINISH && out)
        connection_close(connection, "the answer has ended");
    else if (connection->phase == PHASE_LINGER && out)
        timer_arm(&connection->timer, linger_time, fire);
    else if (connection->phase == PHASE_IDLE && connection->kept.size)
        parse_kept(connection);
}

/* --- a new one -------------------------------------------------------------------------------- */

static const struct conn_ops ops = {.on_ready = on_ready,
                                    .on_data = on_data,
                                    .on_end = on_end,
                                    .on_block = on_block,
                                    .on_drain = on_drain};

void connection_accept(pb_listener *listener, int fd, const struct in6_addr *address)
{
    struct server_connection *connection = calloc(1, sizeof *connection);
    pb_status status;

    if (!connection) {
        close(fd);
        return;
    }
    connection->listener = listener;
    connection->address = *address;
    if (listener->local)
        memcpy(connection->remote, "unix", sizeof "unix");
    else if (IN6_IS_ADDR_V4MAPPED(address))
        inet_ntop(AF_INET, address->s6_addr + 12, connection->remote, sizeof connection->remote);
    else
        inet_ntop(AF_INET6, address, connection->remote, sizeof connection->remote);
    list_init(&connection->next.link);
    connection->next.run = go_on;
    list_append(&listener->connections, &connection->link);
    listener_count(listener, address, 1);
    conn_init(&connection->conn, &ops);
    status = conn_open_fd(&connection->conn, fd);
    if (status == PB_OK && listener->tls) {
        connection->phase = PHASE_TLS;
        timer_arm(&connection->timer, listener->spec.header_timeout, fire);
        status = conn_start_tls(&connection->conn, tls_pair_context(listener->tls), NULL);
    } else {
        connection->phase = PHASE_IDLE;
        timer_arm(&connection->timer, listener->spec.keepalive_timeout, fire);
    }
    if (status != PB_OK)
        connection_close(connection, "the connection cannot be used");
}
