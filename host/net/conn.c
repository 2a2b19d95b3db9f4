/* conn.c - see conn.h: opening, reading, TLS on what comes in, ends. conn_write.c has the way out.
 */
#include "net/conn_internal.h"
#include "net/tls.h"
#include "runtime/task.h"

#include <patchbay/memory.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, RECORD_SIZE = 16 << 10 };

/* One for the worker: a read is handed on before the next one begins. */
static char read_buffer[READ_SIZE];
static char record[RECORD_SIZE];

/* --- the end ---------------------------------------------------------------------------------- */

static void end(struct conn *conn, pb_status why, const char *sentence)
{
    if (conn->ended || conn->closing)
        return;
    conn->ended = true;
    uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->ops->on_end(conn, why, sentence);
}

static void end_tls(struct conn *conn)
{
    char sentence[TLS_SENTENCE_SIZE + 8];

    snprintf(sentence, sizeof sentence, "TLS: %s", tls_engine()->sentence(conn->tls));
    if (!conn->error)
        conn->error = UV_EPROTO;
    end(conn, PB_BAD_UPSTREAM, sentence);
}

static void flush_round(struct loop_work *work)
{
    struct conn *conn = list_entry(work, struct conn, flush);

    if (conn->announce) {
        conn->announce = false;
        if (conn->ops->on_ready)
            conn->ops->on_ready(conn);
    }
    conn_flush(conn);
    if (conn->error && !conn->closing)
        end(conn, PB_UNAVAILABLE, uv_strerror(conn->error));
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void shake(struct conn *conn)
{
    enum tls_result result = tls_engine()->shake(conn->tls);

    conn_flush(conn); /* our part of it, or the alert */
    if (result == TLS_FAILED) {
        end_tls(conn);
    } else if (result == TLS_READY) {
        conn->shaking = false;
        loop_defer(&conn->flush); /* for what was written meanwhile */
        if (conn->ops->on_ready)
            conn->ops->on_ready(conn);
    }
}

static void received(struct conn *conn, const char *data, size_t size)
{
    const struct tls_engine *engine = tls_engine();

    engine->feed(conn->tls, data, size);
    if (conn->shaking)
        shake(conn);
    while (!conn->shaking && !conn->ended && !conn->closing) {
        size_t got = sizeof record;
        enum tls_result result = engine->read(conn->tls, record, &got);
        if (result == TLS_READY)
            conn->ops->on_data(conn, record, got);
        else if (result == TLS_ENDED)
            end(conn, PB_OK, "closed the connection");
        else if (result == TLS_FAILED)
            end_tls(conn);
        else
            break;
    }
    if (conn->out.size && !conn->closing)
        loop_defer(&conn->flush);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;

    if (size == UV_EOF && conn->tls) /* no close_notify: somebody may have cut it */
        end(conn, PB_UNAVAILABLE, "closed the connection without ending TLS");
    else if (size == UV_EOF)
        end(conn, PB_OK, "closed the connection");
    else if (size < 0) {
        conn->error = (int)size;
        end(conn, PB_UNAVAILABLE, uv_strerror((int)size));
    } else if (size > 0 && conn->tls)
        received(conn, buf->base, (size_t)size);
    else if (size > 0)
        conn->ops->on_data(conn, buf->base, (size_t)size);
}

static void start_reading(struct conn *conn)
{
    if (conn->connected && !conn->paused && !conn->ended && !conn->closing)
        uv_read_start((uv_stream_t *)&conn->tcp, lend_buffer, on_read);
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
    if (conn->connected && !conn->closing)
        uv_read_stop((uv_stream_t *)&conn->tcp);
}

void conn_resume(struct conn *conn)
{
    if (conn->paused) {
        conn->paused = false;
        start_reading(conn);
    }
}

/* --- opening and closing ---------------------------------------------------------------------- */

void conn_init(struct conn *conn, const struct conn_ops *ops)
{
    static bool safe;

    if (!safe) { /* uv writes without MSG_NOSIGNAL */
        struct sigaction action;
        if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            signal(SIGPIPE, SIG_IGN);
        safe = true;
    }
    *conn = (struct conn){.ops = ops, .flush.run = flush_round};
    list_init(&conn->flush.link);
    uv_tcp_init(loop_uv(), &conn->tcp); /* without a socket yet: cannot fail */
    conn->tcp.data = conn;
}

pb_status conn_open_fd(struct conn *conn, int fd)
{
    int error = uv_tcp_open(&conn->tcp, fd);

    if (error) {
        close(fd);
        return pb_fail(PB_UNAVAILABLE, "an accepted connection cannot be used: %s",
                       uv_strerror(error));
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    conn->connected = true;
    start_reading(conn);
    return PB_OK;
}

static void on_connected(uv_connect_t *request, int status)
{
    struct conn *conn = request->data;

    free(request);
    if (conn->closing)
        return;
    if (status < 0) {
        conn->error = status;
        end(conn, PB_UNAVAILABLE, uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    conn->connected = true;
    start_reading(conn);
    loop_defer(&conn->flush); /* for what was written meanwhile */
    if (conn->ops->on_ready)
        conn->ops->on_ready(conn);
}

/* libuv's TCP handle carries any stream, but connects only to the internet. */
static pb_status connect_local(struct conn *conn, const struct sockaddr *address)
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)address;
    size_t name = strnlen(local->sun_path, sizeof local->sun_path - 1);
    struct sockaddr_un to = *local;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (to.sun_path[0] == '@')
        to.sun_path[0] = 0;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name + (to.sun_path[0] != 0));
    int error = fd < 0 || connect(fd, (const struct sockaddr *)&to, size) != 0 ? errno : 0;
    if (!error)
        error = -uv_tcp_open(&conn->tcp, fd);
    if (error) {
        if (fd >= 0)
            close(fd);
        return pb_fail(PB_UNAVAILABLE, "%s", error == EAGAIN ? "it is too busy" : strerror(error));
    }
    conn->connected = conn->announce = true;
    start_reading(conn);
    loop_defer(&conn->flush);
    return PB_OK;
}

pb_status conn_connect(struct conn *conn, const struct sockaddr *address)
{
    if (address->sa_family == AF_UNIX)
        return connect_local(conn, address);
    uv_connect_t *request = calloc(1, sizeof *request);
    int error;

    if (!request)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    request->data = conn;
    error = uv_tcp_connect(request, &conn->tcp, address, on_connected);
    if (error) {
        free(request);
        return pb_fail(PB_UNAVAILABLE, "%s", uv_strerror(error));
    }
    return PB_OK;
}

struct start {
    struct conn *conn;
    struct tls_context *context;
    const char *server_name;
};

static void start_session(void *arg)
{
    struct start *start = arg;
    struct conn *conn = start->conn;
    struct tls_sink sink = {.send = conn_gather, .owner = conn};

    conn->tls = tls_engine()->session_new(start->context, start->server_name, sink);
    if (conn->tls && tls_engine()->shake(conn->tls) == TLS_FAILED)
        conn->error = UV_EPROTO;
}

pb_status conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
    struct start start = {conn, context, server_name};

    if (task_current())
        task_on_scratch(start_session, &start);
    else
        start_session(&start);
    if (!conn->tls)
        return pb_fail(PB_NO_MEMORY, "out of memory for TLS");
    if (conn->error)
        return pb_fail(PB_BAD_UPSTREAM, "TLS: %s", tls_engine()->sentence(conn->tls));
    conn->shaking = true;
    loop_defer(&conn->flush);
    return PB_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    if (conn->tls)
        tls_engine()->session_free(conn->tls);
    conn->tls = NULL;
    conn_bytes_free(&conn->plain);
    conn_bytes_free(&conn->out);
    if (conn->closed)
        conn->closed(conn);
}

void conn_close(struct conn *conn, void (*closed)(struct conn *conn))
{
    if (conn->closing)
        return;
    if (conn->tls && !conn->shaking && !conn->finishing && !conn->error) {
        conn->finishing = true;
        conn_flush(conn);
    }
    conn->closing = true;
    conn->closed = closed;
    list_remove(&conn->flush.link);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

bool conn_usable(const struct conn *conn)
{
    return conn->connected && !conn->shaking && !conn->ended && !conn->closing &&
           !conn->finishing && !conn->error;
}

bool conn_peer(const struct conn *conn, struct sockaddr_storage *out)
{
    int size = sizeof *out;
    return uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)out, &size) == 0;
}
