/* server_respond.c - answering: the head is built in the connection's out buffer, with the first
 * bytes of the body behind it, so that both leave in one write.
 */
#include "net/server_internal.h"

#include <stdio.h>
#include <string.h>

enum { PENDING_MOST = 64 << 10, SLICE = 32 << 10, CHUNK_FRAME = 24, HEAD_FIXED = 256 };

/* --- small writers ---------------------------------------------------------------------------- */

static char *put(char *at, const char *data, size_t size)
{
    if (size)
        memcpy(at, data, size);
    return at + size;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_number(char *at, uint64_t number, unsigned base)
{
    char digits[24];
    size_t size = 0;

    do
        digits[size++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (size)
        *at++ = digits[--size];
    return at;
}

/* --- checks ----------------------------------------------------------------------------------- */

static pb_status gone(struct server_request *request)
{
    return pb_fail(PB_CANCELLED, "%s", request->gone ? request->gone : "the client is gone");
}

/* Half of a piece is out: what came behind it would be read as its other half. The client sees that
 * the answer is not whole when the handler returns. */
static pb_status torn(void)
{
    return pb_fail(PB_CANCELLED, "the answer was cut off in the middle of a piece");
}

/* A header that would end itself and begin another must not leave. */
static bool sound(const pb_header *header)
{
    if (header->name.size == 0)
        return false;
    for (size_t i = 0; i < header->name.size; i++)
        if ((unsigned char)header->name.data[i] <= ' ' || header->name.data[i] == ':' ||
            (unsigned char)header->name.data[i] >= 127)
            return false;
    for (size_t i = 0; i < header->value.size; i++)
        if (header->value.data[i] == '\r' || header->value.data[i] == '\n' ||
            header->value.data[i] == 0)
            return false;
    return true;
}

/* Headers that say how the answer is framed are the server's own. */
static bool ours(pb_str name)
{
    switch (name.size) {
    case 4:
        return pb_str_same(name, pb_lit("date"));
    case 10:
        return pb_str_same(name, pb_lit("connection")) || pb_str_same(name, pb_lit("keep-alive"));
    case 14:
        return pb_str_same(name, pb_lit("content-length"));
    case 17:
        return pb_str_same(name, pb_lit("transfer-encoding"));
    default:
        return false;
    }
}

/* What is about to be sent. */
struct head {
    int status;
    const pb_header *headers;
    size_t count;
    int64_t length;  /* -1: not known */
    char *room, *at; /* in the out buffer: its beginning, what comes next */
};

static pb_status check(struct server_request *request, const struct head *head, size_t *size)
{
    if (request->answer != ANSWER_NONE)
        return pb_fail(PB_INTERNAL, "this request was answered already");
    if (!request->connection)
        return gone(request);
    if (head->status < 200 || head->status > 599)
        return pb_fail(PB_INTERNAL, "%d cannot be the status of an answer", head->status);
    *size = HEAD_FIXED;
    for (size_t i = 0; i < head->count; i++) {
        if (!sound(&head->headers[i]))
            return pb_fail(PB_INTERNAL, "a header of the answer has bytes that it must not have");
        if (pb_str_same(head->headers[i].name, pb_lit("connection")) &&
            pb_str_same(head->headers[i].value, pb_lit("close")))
            request->keep_alive = false;
        *size += head->headers[i].name.size + head->headers[i].value.size + 4;
    }
    return PB_OK;
}

/* --- the head --------------------------------------------------------------------------------- */

static bool bodiless(const struct server_request *request)
{
    return request->head || request->status == 204 || request->status == 304;
}

static char *put_head(char *at, struct server_request *request, const struct head *head)
{
    const char *phrase = problem_phrase(head->status);
    pb_str date = problem_date();

    at = PUT(at, "HTTP/1.1 ");
    at = put_number(at, (uint64_t)head->status, 10);
    *at++ = ' ';
    at = put(at, phrase, strlen(phrase));
    at = PUT(at, "\r\n");
    at = put(at, date.data, date.size);
    for (size_t i = 0; i < head->count; i++) {
        const pb_header *header = &head->headers[i];
        if (ours(header->name))
            continue;
        at = put(at, header->name.data, header->name.size);
        at = PUT(at, ": ");
        at = put(at, header->value.data, header->value.size);
        at = PUT(at, "\r\n");
    }
    if (head->length >= 0 && head->status != 204 && head->status != 304) {
        at = PUT(at, "Content-Length: ");
        at = put_number(at, (uint64_t)head->length, 10);
        at = PUT(at, "\r\n");
    }
    if (request->chunked)
        at = PUT(at, "Transfer-Encoding: chunked\r\n");
    if (!request->keep_alive)
        at = PUT(at, "Connection: close\r\n");
    else if (request->old)
        at = PUT(at, "Connection: keep-alive\r\n");
    return PUT(at, "\r\n");
}

/* Builds the head in the out buffer, with room for `more` bytes behind it; `sent` follows. */
static pb_status begin(struct server_request *request, struct head *head, size_t more)
{
    size_t size = 0;
    pb_status status = check(request, head, &size);

    if (status != PB_OK)
        return status;
    head->room = conn_room(&request->connection->conn, size + more);
    if (!head->room)
        return request->connection->conn.error ? gone(request)
                                               : pb_fail(PB_NO_MEMORY, "out of memory");
    request->status = head->status;
    request->answer = ANSWER_BEGUN;
    if (request->listener->draining || request->body.result != BODY_DONE)
        request->keep_alive = false;
    if (head->length < 0 && !bodiless(request)) {
        request->chunked = !request->old;
        if (request->old)
            request->keep_alive = false; /* its end is the connection's end */
    }
    head->at = put_head(head->room, request, head);
    return PB_OK;
}

static void sent(struct server_request *request, const struct head *head)
{
    conn_wrote(&request->connection->conn, (size_t)(head->at - head->room));
    request->last_write = loop_now();
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The connection is free for the next request; the handler may go on without it. */
static void ended(struct server_request *request)
{
    struct server_connection *connection = request->connection;

    request->answer = ANSWER_ENDED;
    timer_cancel(&request->heartbeat);
    request->connection = NULL;
    request->gone = "the answer has ended";
    connection->request = NULL;
    listener_note_answer(request->status);
    connection_answered(connection, request->body.result != BODY_DONE ? THEN_LINGER
                                    : request->keep_alive             ? THEN_NEXT
                                                                      : THEN_CLOSE);
}

void respond_break_off(struct server_request *request)
{
    struct server_connection *connection = request->connection;

    request->keep_alive = false;
    timer_cancel(&request->heartbeat);
    if (request->answer == ANSWER_BEGUN && request->chunked) {
        ended(request); /* without the last chunk */
        return;
    }
    request->connection = NULL;
    connection->request = NULL;
    listener_note_answer(request->status);
    connection_reset(connection);
}

/* --- waiting for the client ------------------------------------------------------------------- */

static pb_status wait_for_room(struct server_request *request)
{
    while (request->connection && conn_pending(&request->connection->conn) > PENDING_MOST) {
        struct request_waiter waiter = {0};
        list_append(&request->write_waiters, &waiter.link);
        pb_status status = task_wait(&waiter.waiter);
        list_remove(&waiter.link);
        if (status != PB_OK)
            return status;
    }
    return request->connection ? PB_OK : gone(request);
}

static pb_status write_slice(struct server_request *request, pb_str bytes)
{
    struct conn *conn = &request->connection->conn;
    char *room = conn_room(conn, bytes.size + CHUNK_FRAME), *at = room;

    if (!room)
        return conn->error || conn->closing ? gone(request)
                                            : pb_fail(PB_NO_MEMORY, "out of memory");
    if (request->chunked) {
        at = put_number(at, bytes.size, 16);
        at = PUT(at, "\r\n");
    }
    at = put(at, bytes.data, bytes.size);
    if (request->chunked)
        at = PUT(at, "\r\n");
    conn_wrote(conn, (size_t)(at - room));
    return PB_OK;
}

/* Nobody's memory grows with the size of `bytes`. */
static pb_status write_all(struct server_request *request, pb_str bytes)
{
    pb_status status = PB_OK;

    while (status == PB_OK && bytes.size) {
        size_t size = bytes.size > PENDING_MOST ? SLICE : bytes.size;
        status = write_slice(request, pb_str_slice(bytes, 0, size));
        bytes = pb_str_slice(bytes, size, bytes.size);
        if (status == PB_OK && conn_pending(&request->connection->conn) > PENDING_MOST)
            status = wait_for_room(request);
    }
    request->torn = request->torn || (status != PB_OK && bytes.size);
    return status;
}

/* --- host functions --------------------------------------------------------------------------- */

pb_status host_respond(pb_request *pub, int32_t status, const pb_header *headers, size_t count,
                       pb_str body)
{
    struct server_request *request = pub->server;
    struct head head = {
        .status = status, .headers = headers, .count = count, .length = (int64_t)body.size};
    bool small = body.size <= SLICE;
    pb_status result = begin(request, &head, small ? body.size : 0);

    if (result != PB_OK)
        return result;
    if (small && !bodiless(request))
        head.at = put(head.at, body.data, body.size);
    sent(request, &head);
    if (!small && !bodiless(request))
        result = write_all(request, body);
    if (result == PB_OK && request->connection)
        ended(request);
    return result;
}

/* A length that the handler tells, or -1. */
static int64_t told_length(const pb_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pb_str value = headers[i].value;
        int64_t length = 0;
        if (!pb_str_same(headers[i].name, pb_lit("content-length")) || !value.size ||
            value.size > 15)
            continue;
        for (size_t j = 0; j < value.size && length >= 0; j++)
            length = value.data[j] >= '0' && value.data[j] <= '9'
                         ? length * 10 + (value.data[j] - '0')
                         : -1;
        return length;
    }
    return -1;
}

pb_status host_respond_begin(pb_request *pub, int32_t status, const pb_header *headers,
                             size_t count)
{
    struct server_request *request = pub->server;
    struct head head = {.status = status,
                        .headers = headers,
                        .count = count,
                        .length = told_length(headers, count)};
    pb_status result = begin(request, &head, 0);

    if (result != PB_OK)
        return result;
    request->owed = bodiless(request) ? -1 : head.length;
    sent(request, &head);
    return PB_OK;
}

pb_status host_respond_write(pb_request *pub, pb_str bytes)
{
    struct server_request *request = pub->server;

    if (request->answer == ANSWER_NONE)
        return pb_fail(PB_INTERNAL, "an answer must be begun before it is written");
    if (!request->connection)
        return gone(request);
    if (request->torn)
        return torn();
    if (bodiless(request))
        return PB_OK;
    if (request->owed >= 0 && (int64_t)bytes.size > request->owed)
        return pb_fail(PB_INTERNAL, "more was written than the answer's length says");
    if (request->owed >= 0)
        request->owed -= (int64_t)bytes.size;
    request->last_write = loop_now();
    return write_all(request, bytes);
}

pb_status host_respond_end(pb_request *pub)
{
    struct server_request *request = pub->server;

    if (request->answer == ANSWER_NONE)
        return pb_fail(PB_INTERNAL, "an answer must be begun before it is ended");
    if (!request->connection)
        return gone(request);
    if (request->torn)
        return torn();
    if (request->owed > 0)
        return pb_fail(PB_INTERNAL, "less was written than the answer's length says");
    if (request->chunked && conn_write(&request->connection->conn, "0\r\n\r\n", 5) != PB_OK)
        return gone(request);
    ended(request);
    return PB_OK;
}

static void beat(struct timer *timer)
{
    struct server_request *request = list_entry(timer, struct server_request, heartbeat);
    pb_duration due = request->last_write + request->beat_every;

    if (!request->connection || request->answer != ANSWER_BEGUN)
        return;
    if (loop_now() >= due) {
        if (conn_pending(&request->connection->conn) < PENDING_MOST)
            (void)write_slice(request, request->beat);
        request->last_write = loop_now();
        due = request->last_write + request->beat_every;
    }
    timer_arm_at(timer, due, beat);
}

void host_respond_heartbeat(pb_request *pub, pb_duration every, pb_str bytes)
{
    struct server_request *request = pub->server;

    if (every <= 0 || !bytes.size || request->answer != ANSWER_BEGUN || !request->connection ||
        bodiless(request))
        return;
    request->beat_every = every;
    request->beat = bytes;
    timer_arm_at(&request->heartbeat, request->last_write + every, beat);
}
