/* server_request.c - a request: one block of memory with its head, a body, and the handler's task.
 */
#include "net/server_internal.h"

#include "base/trace_context.h"
#include <patchbay/log.h>
#include <patchbay/secret.h>
#include <stdlib.h>
#include <string.h>

/* --- making one ------------------------------------------------------------------------------- */

/* Unique in this process and unlike those of others: a bijection of a counter with a random start.
 */
void request_id_new(char out[REQUEST_ID_SIZE])
{
    static uint64_t counter;
    static const char digit[] = "0123456789abcdef";

    if (!counter)
        (void)pb_random(&counter, sizeof counter);
    uint64_t id = ++counter;
    id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9u;
    id = (id ^ (id >> 27)) * 0x94d049bb133111ebu;
    id ^= id >> 31;
    for (int i = 0; i < REQUEST_ID_SIZE; i++, id >>= 4)
        out[i] = digit[id & 15];
}

/* The trace that a request is part of: the client's, or one of its own. */
static void make_trace(pb_str from, const char id[REQUEST_ID_SIZE], char out[TRACE_CONTEXT_SIZE])
{
    static char trace[TRACE_ID_SIZE];

    if (!trace[0])
        request_id_new(trace);
    memcpy(trace + REQUEST_ID_SIZE, id, REQUEST_ID_SIZE);
    trace_context_write(from, trace, id, out);
}

/* Where `text`, a part of `from`, lies in the copy at `to`. Literals and the absent stay. */
static pb_str moved(pb_str text, pb_str from, const char *to)
{
    uintptr_t at = (uintptr_t)text.data, begin = (uintptr_t)from.data;

    if (text.data && at >= begin && at <= begin + from.size)
        text.data = to + (at - begin);
    return text;
}

static struct server_request *make(struct server_connection *connection,
                                   const struct request_head *head, pb_str raw)
{
    size_t headers = head->header_count * sizeof(pb_header);
    size_t remote = strlen(connection->remote);
    struct server_request *request =
        malloc(sizeof *request + headers + raw.size + REQUEST_ID_SIZE + TRACE_CONTEXT_SIZE + remote);

    if (!request)
        return NULL;
    memset(request, 0, sizeof *request);
    char *text = (char *)request->headers + headers, *id = text + raw.size;
    char *trace = id + REQUEST_ID_SIZE, *address = trace + TRACE_CONTEXT_SIZE;
    memcpy(text, raw.data, raw.size);
    for (uint32_t i = 0; i < head->header_count; i++) {
        request->headers[i].name = moved(head->headers[i].name, raw, text);
        request->headers[i].value = moved(head->headers[i].value, raw, text);
    }
    memcpy(address, connection->remote, remote);
    request_id_new(id);
    make_trace(head->trace, id, trace);
    request->pub = (pb_request){
        .size = sizeof(pb_request),
        .header_count = head->header_count,
        .method = moved(head->method, raw, text),
        .target = moved(head->target, raw, text),
        .path = moved(head->path, raw, text),
        .query = moved(head->query, raw, text),
        .headers = request->headers,
        .id = moved(head->id, raw, text),
        .remote = {address, remote},
        .secure = connection->listener->tls != NULL,
        .loopback =
            connection->listener->local || IN6_IS_ADDR_LOOPBACK(&connection->address) ||
            (IN6_IS_ADDR_V4MAPPED(&connection->address) && connection->address.s6_addr[12] == 127),
        .server = request,
        .trace = {trace, TRACE_CONTEXT_SIZE},
        .traced = head->trace.data != NULL,
    };
    if (head->trace.data)
        request->caller = trace_context_span(moved(head->trace, raw, text));
    if (!head->id.data)
        request->pub.id = pb_str_make(id, REQUEST_ID_SIZE);
    request->keep_alive = head->keep_alive;
    request->old = head->old;
    request->head = head->head;
    request->expects_continue = head->expects_continue;
    request->owed = -1;
    list_init(&request->body_waiters);
    list_init(&request->write_waiters);
    return request;
}

static void request_free(struct server_request *request)
{
    timer_cancel(&request->heartbeat);
    body_free(&request->body);
    free(request->piece);
    free(request);
}

/* --- the handler's task ----------------------------------------------------------------------- */

/* The handler returned without an answer. */
static void answer_for(struct server_request *request, pb_status status)
{
    const pb_error *error = host_error();
    pb_error none = {.size = sizeof none, .status = PB_INTERNAL};

    if (status == PB_OK) {
        pb_log(PB_ERROR, "nobody answered %.*s", PB_ARG(request->pub.path));
        error = &none;
    } else if (error->status != status) {
        none.status = status;
        error = &none;
    }
    int http = pb_status_http(error->status);
    if (status == PB_CANCELLED) /* and the client is there: we are stopping */
        http = 503;
    if (status == PB_TIMEOUT && request->timed_out) /* the client took too long, not we */
        http = 408;
    (void)problem_respond(&request->pub, http, error);
}

static void run(void *arg)
{
    struct server_request *request = arg;
    pb_listener *listener = request->listener;
    pb_status status = PB_CANCELLED;

    struct task_locals *locals = task_local();
    locals->request = request->pub.id;
    locals->trace = request->pub.trace;
    locals->caller = request->caller;
    locals->instance = listener->owner;
    locals->work.instance = listener->number;
    task_tell(&locals->work);
    if (request->connection) /* still there */
        status = listener->spec.handle(listener->spec.self, &request->pub);
    respond_overdue_end(request);
    if (request->connection && request->answer == ANSWER_NONE)
        answer_for(request, status);
    if (request->connection)
        respond_break_off(request);
    else if (request->answer == ANSWER_NONE)
        listener_note_answer(499);
    pb_log(PB_DEBUG, "%.*s %.*s: %d, %.*s", PB_ARG(request->pub.method), PB_ARG(request->pub.path),
           request->status, PB_ARG(request->pub.remote));
    locals->request = locals->trace = locals->caller = pb_str_make(NULL, 0);
    request_free(request);
    listener->request_count--;
    listener_check_empty(listener);
}

size_t request_begin(struct server_connection *connection, const struct request_head *head,
                     pb_str raw, pb_str rest)
{
    const pb_listen_spec *spec = &connection->listener->spec;
    struct server_request *request = make(connection, head, raw);
    size_t used;

    if (!request || task_start(run, request, &request->task) != PB_OK) {
        free(request);
        connection_refuse(connection, 503, "too much is going on at once, try again");
        return 0;
    }
    request->connection = connection;
    request->listener = connection->listener;
    connection->request = request;
    connection->listener->request_count++;
    body_begin(&request->body, head,
               spec->max_body > spec->max_upload ? spec->max_body : spec->max_upload);
    used = body_feed(&request->body, rest.data, rest.size);
    upload_fed(request);
    return used;
}

/* --- its body --------------------------------------------------------------------------------- */

static void wake_all(struct list_link *waiters)
{
    struct list_link *link;

    while ((link = list_pop(waiters)))
        waiter_wake(&list_entry(link, struct request_waiter, link)->waiter);
}

size_t request_feed(struct server_request *request, const char *data, size_t size)
{
    size_t used = body_feed(&request->body, data, size);

    upload_fed(request);
    if (request->body.result != BODY_MORE || request->upload == UPLOAD_PIECES)
        wake_all(&request->body_waiters);
    return used;
}

/* Who waits for the body learns it, and answers in the shape that its client knows. */
void request_body_late(struct server_request *request)
{
    request->timed_out = true;
    wake_all(&request->body_waiters);
    wake_all(&request->write_waiters);
}

void request_detach(struct server_request *request, const char *sentence)
{
    request->connection->request = NULL;
    request->connection = NULL;
    request->gone = sentence;
    timer_cancel(&request->heartbeat);
    if (request->answer != ANSWER_ENDED)
        task_cancel(request->task, sentence);
    wake_all(&request->body_waiters);
    wake_all(&request->write_waiters);
}

void respond_drained(struct server_request *request)
{
    wake_all(&request->write_waiters);
}

bool request_waits_for_body(const struct server_request *request)
{
    return request->body.result == BODY_MORE &&
           (request->upload != UPLOAD_PIECES || !list_empty(&request->body_waiters));
}

/* Until the body has come, or, where it is wanted in pieces, some of it. */
pb_status request_wait_body(struct server_request *request)
{
    pb_status status = PB_OK;

    while (status == PB_OK && request->body.result == BODY_MORE && request->connection &&
           !request->timed_out && !(request->upload == UPLOAD_PIECES && request->body.size)) {
        struct request_waiter waiter = {0};
        list_append(&request->body_waiters, &waiter.link);
        status = task_wait(&waiter.waiter);
        list_remove(&waiter.link);
    }
    return status;
}

void request_continue(struct server_request *request)
{
    struct body_reader *body = &request->body;

    if (body->result != BODY_MORE || !request->expects_continue || !request->connection ||
        request->answer != ANSWER_NONE || body->size || body->extra || body->given)
        return;
    request->expects_continue = false;
    (void)conn_write(&request->connection->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

pb_status request_body_failure(struct server_request *request, pb_status status)
{
    switch (request->body.result) {
    case BODY_MALFORMED:
        return pb_fail(PB_INVALID, "the chunks of the request's body are malformed");
    case BODY_TOO_LARGE:
        return pb_fail(PB_TOO_LARGE, "the request's body is larger than %lld bytes",
                       (long long)request->body.most);
    case BODY_NO_MEMORY:
        return pb_fail(PB_NO_MEMORY, "there is no memory for the request's body");
    default:
        break;
    }
    if (request->timed_out)
        return pb_fail(PB_TIMEOUT, "the request's body did not come in time");
    if (status != PB_OK)
        return status;
    return pb_fail(PB_CANCELLED, "%s", request->gone);
}

pb_status host_request_body(pb_request *pub, pb_str *out)
{
    struct server_request *request = pub->server;
    struct body_reader *body = &request->body;

    *out = pb_lit("");
    if (request->upload == UPLOAD_PIECES)
        return pb_fail(PB_INTERNAL, "the body of this request is read piece by piece");
    if (request->upload == UPLOAD_OPEN) {
        request->upload = UPLOAD_WHOLE;
        body_limit(body, request->listener->spec.max_body);
    }
    request_continue(request);
    pb_status status = request_wait_body(request);
    if (body->result != BODY_DONE)
        return request_body_failure(request, status);
    if (body->data)
        *out = pb_str_make(body->data, body->size);
    return PB_OK;
}
