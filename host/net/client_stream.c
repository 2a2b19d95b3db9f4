/* client_stream.c - see client_stream.h. All of it runs on the loop or in the task that owns the
 * exchange; nothing parks. */
#include "net/client_stream.h"

#include "net/client.h"
#include "net/client_connect.h"
#include "net/client_request.h"
#include <stdlib.h>

enum {
    SLICE = 256 << 10, /* of a large request body, given to the connection at once */
    SLICES = 4         /* in one round of the loop */
};

static struct stream *of(struct conn *conn)
{
    return list_entry(conn, struct stream, conn);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void free_stream(struct stream *stream)
{
    exchange_fini(&stream->http);
    free(stream);
}

static void on_closed(struct conn *conn)
{
    struct stream *stream = of(conn);

    stream->closed = true;
    if (!stream->held)
        free_stream(stream);
}

/* The connection goes and its place with it; the exchange stays for the task that holds it. */
static void cut(struct stream *stream)
{
    if (stream->state == STREAM_GONE)
        return;
    pool_forget(stream);
    stream->state = STREAM_GONE;
    timer_cancel(&stream->timer);
    stream->unsent = pb_str_make(NULL, 0);
    conn_close(&stream->conn, on_closed);
    if (stream->origin)
        pool_leave(stream->origin);
}

void stream_close(struct stream *stream)
{
    bool held = stream->held;

    cut(stream);
    stream->held = false;
    if (held)
        pool_release(stream->origin);
    if (stream->closed)
        free_stream(stream);
}

void stream_begin(struct stream *stream, struct pool_origin *origin, bool reused)
{
    pool_retain(origin);
    stream->held = true;
    stream->origin = origin;
    stream->http.host = pool_host(origin);
    stream->reused = reused;
    stream->spoiled = false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void go_on(struct timer *timer);

/* Gives slices to the connection until the kernel takes no more (on_drain goes on), or for now. */
static void send_more(struct stream *stream)
{
    for (int i = 0; i < SLICES && stream->unsent.size && !stream->conn.blocked; i++) {
        pb_str slice = pb_str_slice(stream->unsent, 0, SLICE);
        stream->unsent = pb_str_slice(stream->unsent, slice.size, stream->unsent.size);
        if (conn_write(&stream->conn, slice.data, slice.size) != PB_OK)
            stream->unsent = pb_str_make(NULL, 0); /* on_end tells why */
    }
    if (stream->unsent.size && !stream->conn.blocked)
        timer_arm(&stream->timer, 0, go_on); /* after the others */
}

static void go_on(struct timer *timer)
{
    send_more(list_entry(timer, struct stream, timer));
}

pb_status stream_send(struct stream *stream, const pb_http_spec *spec, const struct url *url)
{
    size_t head = request_head_size(spec, url);
    size_t body = spec->body.size > SLICE ? 0 : spec->body.size;
    char *room = conn_room(&stream->conn, head + body);

    response_begin(&stream->response, &stream->http, request_is_head(spec));
    stream->answered = false;
    stream->unsent = pb_str_make(NULL, 0);
    stream->taken = conn_taken(&stream->conn);
    if (!room)
        return pb_fail(PB_UNAVAILABLE, "the connection to '%s' broke", stream->http.host);
    request_head_write(spec, url, room);
    if (body)
        memcpy(room + head, spec->body.data, body);
    conn_wrote(&stream->conn, head + body);
    if (spec->body.size > body) {
        stream->unsent = spec->body;
        send_more(stream);
    }
    return PB_OK;
}

/* The caller's body is borrowed only until the header of the answer is there. A server that refuses
 * early need not get the rest; one that answers while it listens gets it now. */
static void settle_request(struct stream *stream)
{
    pb_str rest = stream->unsent;

    if (!rest.size)
        return;
    stream->unsent = pb_str_make(NULL, 0);
    if (stream->http.status >= 400)
        stream->spoiled = true;
    else
        conn_write(&stream->conn, rest.data, rest.size);
}

/* --- ops of the connection -------------------------------------------------------------------- */

static void on_ready(struct conn *conn)
{
    struct stream *stream = of(conn);

    if (stream->state == STREAM_CONNECTING) {
        race_ready(stream);
    } else {
        stream->ready = true;
        exchange_wake(&stream->http);
    }
}

static void on_data(struct conn *conn, const char *data, size_t size)
{
    struct stream *stream = of(conn);
    struct pb_http *http = &stream->http;

    if (stream->state == STREAM_IDLE) { /* nobody asked: not a connection to trust */
        stream_close(stream);
        return;
    }
    if (stream->state != STREAM_BUSY) {
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' spoke before it was asked", http->host);
        return;
    }
    if (http->complete) {
        stream->spoiled = true;
        return;
    }
    bool had_header = http->header_done;
    stream->answered = true;
    bool more = response_feed(&stream->response, data, size);
    if (!had_header && http->header_done)
        settle_request(stream);
    if (http->failed)
        cut(stream);
    else if (more && http->paused)
        conn_pause(conn);
}

static void on_end(struct conn *conn, pb_status why, const char *sentence)
{
    struct stream *stream = of(conn);
    struct pb_http *http = &stream->http;

    stream->unsent = pb_str_make(NULL, 0);
    if (stream->state == STREAM_CONNECTING) {
        race_lost(stream, sentence);
    } else if (stream->state == STREAM_IDLE) {
        stream_close(stream);
    } else if (stream->state == STREAM_MADE) {
        exchange_fail(http, why == PB_OK ? PB_UNAVAILABLE : why, "'%s' cannot be used: %s",
                      http->host, sentence);
    } else if (http->complete) {
        stream->spoiled = true;
    } else if (stream->answered && why != PB_BAD_UPSTREAM) {
        response_end(&stream->response, why == PB_OK, sentence);
    } else {
        exchange_fail(http, why == PB_BAD_UPSTREAM ? why : PB_UNAVAILABLE,
                      "'%s' did not answer: %s", http->host, sentence);
    }
}

static void on_drain(struct conn *conn)
{
    struct stream *stream = of(conn);

    send_more(stream);
}

static const struct conn_ops ops = {
    .on_ready = on_ready, .on_data = on_data, .on_end = on_end, .on_drain = on_drain};

struct stream *stream_new(struct race *race, const struct sockaddr *address)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        pb_fail(PB_NO_MEMORY, "there is no memory for a connection");
        return NULL;
    }
    exchange_init(&stream->http, &stream_exchange_ops, "");
    list_init(&stream->link);
    list_init(&stream->age);
    stream->race = race;
    conn_init(&stream->conn, &ops);
    if (conn_connect(&stream->conn, address) != PB_OK) {
        stream_close(stream);
        return NULL;
    }
    return stream;
}

/* --- ops of the exchange ---------------------------------------------------------------------- */

static struct stream *stream_of(struct pb_http *http)
{
    return list_entry(http, struct stream, http);
}

static void resume(struct pb_http *http)
{
    struct stream *stream = stream_of(http);

    if (stream->state == STREAM_BUSY)
        conn_resume(&stream->conn);
}

static bool sending(struct pb_http *http)
{
    struct stream *stream = stream_of(http);
    uint64_t before = stream->taken;

    stream->taken = conn_taken(&stream->conn);
    return stream->taken != before && (stream->unsent.size || conn_pending(&stream->conn));
}

static void give_up(struct pb_http *http)
{
    cut(stream_of(http));
}

/* How long to keep the connection: less than the server says it will. */
static pb_duration keep_for(const struct pb_http *http)
{
    pb_duration keep = client_options_now()->keep_idle;
    pb_str told = exchange_header(http, pb_lit("keep-alive"));

    for (size_t at = 0; at + 8 < told.size; at++) {
        if (!pb_str_same(pb_str_slice(told, at, 8), pb_lit("timeout=")))
            continue;
        int64_t seconds = 0;
        for (at += 8; at < told.size && told.data[at] >= '0' && told.data[at] <= '9'; at++)
            seconds = seconds < 100000 ? seconds * 10 + (told.data[at] - '0') : seconds;
        pb_duration limit = seconds > 1 ? (seconds - 1) * PB_SECOND : seconds * PB_SECOND / 2;
        return limit < keep ? limit : keep;
    }
    return keep;
}

static void close_exchange(struct pb_http *http)
{
    struct stream *stream = stream_of(http);
    pb_duration keep = 0;

    if (stream->state == STREAM_BUSY && http->complete && stream->response.keep &&
        !stream->spoiled && conn_pending(&stream->conn) == 0 && conn_usable(&stream->conn))
        keep = keep_for(http);
    if (keep <= 0) {
        stream_close(stream);
        return;
    }
    exchange_clear(http);
    conn_resume(&stream->conn);
    stream->held = false;
    pool_keep(stream, keep);
    pool_release(stream->origin);
}

const struct exchange_ops stream_exchange_ops = {
    .resume = resume, .sending = sending, .abort = give_up, .close = close_exchange};
