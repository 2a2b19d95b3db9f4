/* stream.c - GET /mcp: changes of documents as notifications, for as long as the client listens.
 *
 * What changed is told by the operation documents.events, which also decides what this caller may
 * see; here each of its events becomes a notification. Of several streams of a session the newest
 * one is told.
 */
#include "mcp.h"

#include <patchbay/secret.h>

struct listening {
    pb_writer base;
    struct rpc rpc;
    pb_writer *writer; /* the client */
    pb_content events;
    pb_str name;      /* of this stream */
    uint8_t last[32]; /* which document was told of last, and its state */
};

static pb_status notify(struct listening *listening, const char *method_name, pb_str uri)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "jsonrpc");
    pb_jw_str(&writer, pb_lit("2.0"));
    pb_jw_key(&writer, "method");
    pb_jw_str(&writer, pb_str_of(method_name));
    if (uri.size) {
        pb_jw_key(&writer, "params");
        pb_jw_open(&writer, '{');
        pb_jw_key(&writer, "uri");
        pb_jw_str(&writer, uri);
        pb_jw_close(&writer, '}');
    }
    pb_jw_close(&writer, '}');
    return buf.failed ? (pb_status)PB_NO_MEMORY
                      : content_event(listening->writer, pb_buf_str(&buf));
}

/* The session has not ended, and no other stream of it came later. */
static pb_status check_ours(struct listening *listening)
{
    struct rpc *rpc = &listening->rpc;
    struct session session;
    pb_str name;
    pb_status status = session_find(rpc->self, rpc->call, rpc->session->id, &session);

    if (status == PB_OK)
        status = session_get(rpc->self, rpc->session, pb_lit("stream"), &name);
    if (status == PB_OK && !pb_str_equal(name, listening->name))
        status = pb_fail(PB_CANCELLED, "another stream of the session took over");
    return status;
}

static pb_str data_of(pb_str event)
{
    while (event.size) {
        pb_str line = pb_str_slice(event, 0, pb_str_find(event, '\n'));
        if (pb_str_starts(line, pb_lit("data:")))
            return pb_str_slice(line, 5, line.size);
        event = pb_str_slice(event, line.size + 1, event.size);
    }
    return (pb_str){0};
}

static pb_status tell_updated(struct listening *listening, pb_str id)
{
    pb_str uri = pb_printf(DOCUMENTS "%.*s", PB_ARG(id)), value;
    pb_status status = session_get(listening->rpc.self, listening->rpc.session, uri, &value);

    if (status == PB_NOT_FOUND) {
        pb_error_clear();
        return PB_OK;
    }
    return status == PB_OK ? notify(listening, "notifications/resources/updated", uri) : status;
}

/* Progress within one state is no news for a list. */
static bool is_news(struct listening *listening, const pb_json *document, pb_str id)
{
    pb_str text = pb_printf("%.*s %.*s %lld", PB_ARG(id),
                            PB_ARG(pb_json_text(pb_json_get(document, "state"))),
                            (long long)pb_json_int(pb_json_get(document, "version"), 0));
    uint8_t digest[32];

    pb_sha256((pb_bytes){(const uint8_t *)text.data, text.size}, digest);
    bool news = memcmp(digest, listening->last, sizeof digest) != 0;
    memcpy(listening->last, digest, sizeof digest);
    return news;
}

static pb_status translate(struct listening *listening, pb_str data)
{
    const pb_json *document;
    pb_status status = pb_json_parse(data, &document);

    if (status != PB_OK)
        return status;
    pb_str id = pb_json_text(pb_json_get(document, "id"));
    if (!is_news(listening, document, id))
        return PB_OK;
    status = check_ours(listening);
    if (status == PB_OK)
        status = notify(listening, "notifications/resources/list_changed", (pb_str){0});
    return status == PB_OK ? tell_updated(listening, id) : status;
}

/* The service writes one event at a time; what has no data is a comment, and goes on as it is. */
static pb_status take_event(pb_writer *writer, pb_bytes bytes)
{
    struct listening *listening = (struct listening *)(void *)writer;
    pb_str data = data_of(pb_str_make((const char *)bytes.data, bytes.size));

    if (!data.size)
        return listening->writer->write(listening->writer, bytes);
    pb_scope *scope = pb_scope_begin();
    pb_status status = translate(listening, data);
    pb_scope_end(scope);
    return status;
}

static pb_status stream_send(void *arg, pb_writer *writer)
{
    struct listening *listening = arg;

    listening->writer = writer;
    pb_status status = listening->events.send(listening->events.arg, &listening->base);
    if (status != PB_NOT_FOUND && status != PB_CANCELLED)
        return status;
    if (pb_cancelled())
        return status;
    pb_error_clear(); /* the session is over: so is the stream, in order */
    return PB_OK;
}

pb_status stream_open(struct rpc *rpc, pb_content *out)
{
    const pb_operation *events =
        rpc->self->documents ? operation_named(rpc, "documents.events") : NULL;
    struct listening *listening = PB_NEW(struct listening);
    pb_call *call = PB_NEW(pb_call);

    if (!events)
        return pb_fail(PB_UNSUPPORTED, "there are no changes to tell of");
    if (!listening || !call)
        return PB_NO_MEMORY;
    *call = (pb_call){.size = (uint32_t)sizeof *call,
                      .principal = rpc->call->principal,
                      .request_id = rpc->call->request_id,
                      .remote = rpc->call->remote};
    *listening =
        (struct listening){.base = {.size = (uint32_t)sizeof(pb_writer), .write = take_event},
                           .rpc = *rpc,
                           .events = {.size = (uint32_t)sizeof(pb_content)},
                           .name = pb_uuid()};
    pb_status status = session_set(rpc->self, rpc->session, pb_lit("stream"), listening->name);
    if (status == PB_OK)
        status = pb_operation_call(events, call, &listening->events);
    if (status != PB_OK)
        return status;
    if (!listening->events.send)
        return pb_fail(PB_UNSUPPORTED, "there are no changes to tell of");
    out->type = pb_lit("text/event-stream");
    out->send = stream_send;
    out->arg = listening;
    return PB_OK;
}
