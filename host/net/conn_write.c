/* conn_write.c - the way out: uv_try_write first, uv_write for what is left ("the flight"). While a
 * flight is out everything gathers behind it. TLS sits between `plain` and `out`.
 */
#include "net/conn_internal.h"
#include "net/tls.h"
#include "runtime/task.h"

#include <stdlib.h>

enum { FLUSH_ABOVE = 32 << 10 };

struct conn_flight {
    uv_write_t request;
    struct conn *conn;
    char *data;
    size_t size;
};

/* --- bytes ------------------------------------------------------------------------------------ */

static char *bytes_room(struct conn_bytes *bytes, size_t size)
{
    size_t want = bytes->capacity ? bytes->capacity : 256;
    char *data;

    if (size <= bytes->capacity - bytes->size)
        return bytes->data + bytes->size;
    if (size > SIZE_MAX / 4)
        return NULL;
    while (want - bytes->size < size)
        want *= 2;
    data = realloc(bytes->data, want);
    if (!data)
        return NULL;
    bytes->data = data;
    bytes->capacity = want;
    return data + bytes->size;
}

void conn_bytes_free(struct conn_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct conn_bytes){0};
}

/* Remembers that writing failed; on_end is told at the end of the round. */
static void fail_writing(struct conn *conn, int error)
{
    if (!conn->error)
        conn->error = error;
    conn_bytes_free(&conn->plain);
    conn_bytes_free(&conn->out);
    loop_defer(&conn->flush);
}

/* --- TLS -------------------------------------------------------------------------------------- */

bool conn_gather(void *owner, const char *data, size_t size)
{
    struct conn *conn = owner;
    char *room = bytes_room(&conn->out, size);

    if (!room)
        return false;
    memcpy(room, data, size);
    conn->out.size += size;
    return true;
}

/* OpenSSL's stack use is not for parked stacks: see runtime.md, "Tasks". */
static void deep(void (*fn)(void *arg), struct conn *conn)
{
    if (task_current())
        task_on_scratch(fn, conn);
    else
        fn(conn);
}

static void encrypt(void *arg)
{
    struct conn *conn = arg;

    if (!tls_engine()->write(conn->tls, conn->plain.data, conn->plain.size))
        fail_writing(conn, UV_EPROTO);
    conn_bytes_free(&conn->plain);
}

static void say_goodbye(void *arg)
{
    struct conn *conn = arg;
    tls_engine()->end(conn->tls);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void finish_now(struct conn *conn)
{
    uv_os_fd_t fd;

    conn->finished = true;
    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_WR);
}

static void on_written(uv_write_t *request, int status)
{
    struct conn_flight *flight = request->data;
    struct conn *conn = flight->conn;

    conn->flight = NULL;
    conn->taken += flight->size;
    free(flight->data);
    free(flight);
    if (conn->closing)
        return;
    if (status < 0) {
        fail_writing(conn, status);
        return;
    }
    conn_flush(conn);
    if (!conn->flight && conn->blocked && !conn->error) {
        conn->blocked = false;
        if (conn->ops->on_drain)
            conn->ops->on_drain(conn);
    }
}

/* Gives what uv_try_write left behind to uv_write. */
static void fly(struct conn *conn, size_t from)
{
    struct conn_flight *flight = malloc(sizeof *flight);
    int error;

    if (!flight) {
        fail_writing(conn, UV_ENOMEM);
        return;
    }
    *flight =
        (struct conn_flight){.conn = conn, .data = conn->out.data, .size = conn->out.size - from};
    flight->request.data = flight;
    uv_buf_t buf = uv_buf_init(flight->data + from, (unsigned)flight->size);
    error = uv_write(&flight->request, (uv_stream_t *)&conn->tcp, &buf, 1, on_written);
    if (error) {
        free(flight);
        fail_writing(conn, error);
        return;
    }
    conn->flight = flight;
    conn->out = (struct conn_bytes){0};
    if (!conn->blocked) {
        conn->blocked = true;
        if (conn->ops->on_block)
            conn->ops->on_block(conn);
    }
}

void conn_flush(struct conn *conn)
{
    if (conn->flight || conn->error || !conn->connected || conn->closing)
        return;
    if (conn->plain.size && !conn->shaking)
        deep(encrypt, conn);
    if (conn->finishing && conn->tls && !conn->finished && !conn->shaking)
        deep(say_goodbye, conn);
    if (conn->out.size && !conn->error) {
        uv_buf_t buf = uv_buf_init(conn->out.data, (unsigned)conn->out.size);
        int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
        if (sent < 0 && sent != UV_EAGAIN) {
            fail_writing(conn, sent);
            return;
        }
        sent = sent < 0 ? 0 : sent;
        conn->taken += (uint64_t)sent;
        if ((size_t)sent < conn->out.size) {
            fly(conn, (size_t)sent);
            return;
        }
        conn_bytes_free(&conn->out);
    }
    if (conn->finishing && !conn->finished && !conn->shaking && !conn->error)
        finish_now(conn);
}

char *conn_room(struct conn *conn, size_t size)
{
    if (conn->error || conn->closing || conn->finishing)
        return NULL;
    return bytes_room(conn->tls ? &conn->plain : &conn->out, size);
}

void conn_wrote(struct conn *conn, size_t size)
{
    struct conn_bytes *bytes = conn->tls ? &conn->plain : &conn->out;

    bytes->size += size;
    if (bytes->size > FLUSH_ABOVE)
        conn_flush(conn);
    else if (!conn->flight)
        loop_defer(&conn->flush);
}

pb_status conn_write(struct conn *conn, const char *data, size_t size)
{
    char *room;

    if (size == 0)
        return PB_OK;
    room = conn_room(conn, size);
    if (!room)
        return conn->error || conn->closing || conn->finishing ? PB_CANCELLED : PB_NO_MEMORY;
    memcpy(room, data, size);
    conn_wrote(conn, size);
    return PB_OK;
}

size_t conn_pending(const struct conn *conn)
{
    return conn->plain.size + conn->out.size +
           (conn->flight ? uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp) : 0);
}

uint64_t conn_taken(const struct conn *conn)
{
    if (!conn->flight)
        return conn->taken;
    return conn->taken + conn->flight->size -
           uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);
}

void conn_finish(struct conn *conn)
{
    conn->finishing = true;
    loop_defer(&conn->flush);
}
