/* server_upload.c - a body that is read piece by piece: pb_request_read.
 *
 * What comes is gathered until it is asked for; beyond HELD_MOST the connection is not read, so
 * that the client waits for whoever takes it. The time-out counts only time that the reader waits.
 */
#include "net/server_internal.h"

#include <stdlib.h>

enum { HELD_MOST = 128 << 10, SLOWEST = 4 << 10 /* bytes a second */ };

/* Nobody has said yet how the body is wanted: as much may come as of one that is wanted whole, if
 * no more is announced. */
static size_t held_most(const struct server_request *request)
{
    const struct body_reader *body = &request->body;
    int64_t whole = request->listener->spec.max_body;
    bool fits = body->chunked || (int64_t)body->size + body->left <= whole;

    return request->upload == UPLOAD_OPEN && fits ? (size_t)whole : HELD_MOST;
}

void upload_fed(struct server_request *request)
{
    if (request->upload == UPLOAD_WHOLE || request->held || !request->connection ||
        request->body.result != BODY_MORE || request->body.size <= held_most(request))
        return;
    request->held = true;
    connection_hold(request->connection);
}

/* The longest that the next piece may take: a client that is slow all along is late as one that
 * stops. */
static pb_duration patience(const struct server_request *request)
{
    pb_duration each = request->listener->spec.body_timeout;
    pb_duration left = each + request->body.given * (PB_SECOND / SLOWEST) - request->body_waited;

    return left < each ? (left > 0 ? left : 1) : each;
}

static pb_status wait_for_piece(struct server_request *request)
{
    pb_duration from = loop_now();

    if (request->body.result != BODY_MORE || request->body.size || !request->connection)
        return PB_OK;
    connection_await_body(request->connection, patience(request));
    pb_status status = request_wait_body(request);
    request->body_waited += loop_now() - from;
    return status;
}

pb_status host_request_read(pb_request *pub, pb_bytes *out)
{
    struct server_request *request = pub->server;
    struct body_reader *body = &request->body;
    size_t size = 0;

    *out = (pb_bytes){(const uint8_t *)"", 0};
    if (request->upload == UPLOAD_WHOLE)
        return pb_fail(PB_INTERNAL, "the body of this request is read whole");
    if (request->upload == UPLOAD_OPEN) {
        request->upload = UPLOAD_PIECES;
        request->timed_out = false; /* it was us who did not read */
        body_limit(body, request->listener->spec.max_upload);
        request_continue(request);
    }
    free(request->piece);
    request->piece = NULL;
    if (request->held && !body->size && request->connection) {
        request->held = false;
        connection_release(request->connection);
    }
    pb_status status = wait_for_piece(request);
    bool fine = body->result == BODY_DONE ||
                (body->result == BODY_MORE && body->size && request->connection);
    if (!fine)
        return request_body_failure(request, status);
    request->piece = body_take(body, &size);
    if (size)
        *out = (pb_bytes){(const uint8_t *)request->piece, size};
    if (request->held && request->connection) { /* the next may come while this one is used */
        request->held = false;
        connection_release(request->connection);
    }
    return PB_OK;
}
