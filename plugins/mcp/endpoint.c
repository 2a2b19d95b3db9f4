/* endpoint.c - the three calls at /mcp: a message, the stream of changes, the end of a session.
 *
 * What HTTP itself forbids (a header, a session) is answered with its status and a JSON-RPC error
 * without an id; a message that can be read is answered with 200, also when its method fails.
 */
#include "mcp.h"

#include <patchbay/media.h>

static pb_status refuse(pb_content *out, int32_t status, int code, pb_str sentence)
{
    pb_buf buf = {0};

    rpc_error(&buf, NULL, code, sentence);
    out->status = status;
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* What a handler returns: PB_DECLINED says that the answer is in `out` already; other failures (the
 * cache is away) are answered in the same words as those. */
static pb_status finish(pb_status status, pb_content *out)
{
    pb_str sentence = pb_error_last()->sentence;

    if (status == PB_OK || status == PB_CANCELLED || status == PB_NO_MEMORY)
        return status;
    if (status != PB_DECLINED)
        status = refuse(out, pb_status_http(status), RPC_INTERNAL,
                        sentence.size ? sentence : pb_str_of(pb_status_title(status)));
    if (status != PB_OK && status != PB_DECLINED)
        return status;
    pb_error_clear();
    return PB_OK;
}

/* --- headers ------------------------------------------------------------------------------- */

/* A page of elsewhere must not use what its reader may use: its browser names it in Origin. */
static bool is_welcome(const struct mcp *self, const pb_call *call)
{
    pb_str origin = pb_call_header(call, "origin"), host = pb_call_header(call, "host");
    size_t scheme = pb_str_find(origin, ':') + 3; /* "https://" */

    if (!origin.size || (host.size && pb_str_same(pb_str_slice(origin, scheme, origin.size), host)))
        return true;
    for (size_t i = 0; i < self->origins.count; i++)
        if (pb_str_same(PB_ITEM(self->origins, pb_str, i), origin))
            return true;
    return false;
}

/* Does a header Accept take this type? One that is not there takes all. */
static bool accepts(pb_str accept, const char *type)
{
    pb_str want = pb_str_of(type), group = pb_str_slice(want, 0, pb_str_find(want, '/') + 1);

    for (bool more = accept.size > 0; more;) {
        size_t comma = pb_str_find(accept, ',');
        pb_str media = pb_media_bare(pb_str_slice(accept, 0, comma));
        bool any = media.size > 2 && pb_str_ends(media, pb_lit("/*")) &&
                   pb_str_same(pb_str_slice(media, 0, media.size - 1), group);
        if (any || pb_str_same(media, want) || pb_str_is(media, "*/*"))
            return true;
        more = comma < accept.size;
        accept = pb_str_slice(accept, comma + 1, accept.size);
    }
    return false;
}

/* PB_DECLINED: it is answered. */
static pb_status check_common(const struct mcp *self, const pb_call *call, pb_content *out)
{
    pb_str version = pb_call_header(call, "mcp-protocol-version");
    pb_status status = PB_OK;

    if (!is_welcome(self, call))
        status = refuse(out, 403, RPC_HEADER,
                        pb_lit("web pages of this origin may not call; see the option `origins`"));
    else if (version.data && version_of(version) < 0)
        status = refuse(out, 400, RPC_HEADER,
                        pb_lit("MCP-Protocol-Version must be 2025-11-25, 2025-06-18, 2025-03-26 or "
                               "2024-11-05"));
    else
        return PB_OK;
    return status == PB_OK ? (pb_status)PB_DECLINED : status;
}

static pb_status check_post(const struct mcp *self, const pb_call *call, pb_content *out)
{
    pb_str accept = pb_call_header(call, "accept");
    pb_status status = check_common(self, call, out);

    if (status != PB_OK)
        return status;
    if (accept.size &&
        (!accepts(accept, "application/json") || !accepts(accept, "text/event-stream")))
        status = refuse(out, 406, RPC_HEADER,
                        pb_lit("Accept must name application/json and text/event-stream"));
    else if (call->type.size && !pb_media_is(call->type, "application/json"))
        status = refuse(out, 415, RPC_HEADER, pb_lit("the body must be application/json"));
    else
        return PB_OK;
    return status == PB_OK ? (pb_status)PB_DECLINED : status;
}

static pb_status take_session(const struct mcp *self, const pb_call *call, struct session *session,
                              pb_content *out)
{
    pb_str id = pb_call_header(call, "mcp-session-id");
    pb_status status;

    if (!id.size)
        status = refuse(out, 400, RPC_HEADER,
                        pb_lit("the header Mcp-Session-Id is missing; begin with `initialize`"));
    else if ((status = session_find(self, call, id, session)) == PB_NOT_FOUND)
        status = refuse(out, 404, RPC_SESSION, pb_error_last()->sentence);
    else
        return status;
    if (status != PB_OK)
        return status;
    pb_error_clear();
    return PB_DECLINED;
}

/* --- answers ------------------------------------------------------------------------------- */

struct asking {
    struct rpc rpc;
    pb_pipeline *pipeline;
};

static pb_status ask_send(void *arg, pb_writer *writer)
{
    struct asking *asking = arg;
    pb_buf buf = {0};
    pb_status status = ask_run(&asking->rpc, asking->pipeline, writer, &buf);

    return status == PB_OK && buf.size ? content_event(writer, pb_buf_str(&buf)) : status;
}

/* The answer of a turn takes as long as the model does: a stream shows that something happens. */
static pb_status stream_answer(const struct rpc *rpc, pb_pipeline *pipeline, pb_content *out)
{
    struct asking *asking = PB_NEW(struct asking);

    if (!asking)
        return PB_NO_MEMORY;
    asking->rpc = *rpc;
    asking->pipeline = pipeline;
    out->type = pb_lit("text/event-stream");
    out->send = ask_send;
    out->arg = asking;
    return PB_OK;
}

static pb_status whole_answer(pb_buf *buf, pb_content *out)
{
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(buf);
    return pb_buf_status(buf);
}

static pb_status initialize(struct rpc *rpc, pb_content *out)
{
    pb_str asked = pb_json_text(pb_json_get(rpc->params, "protocolVersion"));
    int version = version_of(asked);
    struct session session = {.version = version < 0 ? NEWEST : version};
    pb_header *header = PB_NEW(pb_header);
    pb_buf buf = {0};

    rpc->session = &session;
    if (!asked.data) {
        rpc_error(&buf, rpc->id, RPC_PARAMS, pb_lit("params.protocolVersion must be a text"));
        return whole_answer(&buf, out);
    }
    pb_status status =
        header ? session_begin(rpc->self, rpc->call, &session) : (pb_status)PB_NO_MEMORY;
    if (status != PB_OK)
        return status;
    *header = (pb_header){pb_lit("Mcp-Session-Id"), session.id};
    out->headers = header;
    out->header_count = 1;
    rpc_answer(rpc, &buf);
    return whole_answer(&buf, out);
}

static pb_status single(struct rpc *rpc, int kind, pb_content *out)
{
    pb_pipeline *pipeline = kind == MESSAGE_REQUEST ? ask_pipeline(rpc) : NULL;
    pb_buf buf = {0};

    if (kind != MESSAGE_REQUEST) {
        if (kind == MESSAGE_NOTIFICATION)
            rpc_notice(rpc);
        out->status = 202;
        return PB_OK;
    }
    if (pipeline)
        return stream_answer(rpc, pipeline, out);
    rpc_answer(rpc, &buf);
    return whole_answer(&buf, out);
}

/* One message of a batch; appends its response, if it has any. */
static void one_of_batch(struct rpc *rpc, const pb_json *json, pb_buf *out)
{
    int kind = rpc_read(json, rpc);
    pb_pipeline *pipeline = kind == MESSAGE_REQUEST ? ask_pipeline(rpc) : NULL;
    size_t before = out->size;

    if (before > 1)
        pb_buf_byte(out, ',');
    size_t begin = out->size;
    if (kind == MESSAGE_NOTIFICATION)
        rpc_notice(rpc);
    else if (kind == MESSAGE_WRONG || pb_str_is(rpc->method, "initialize"))
        rpc_error(out, rpc->id, RPC_REQUEST, pb_lit("this is no request that a batch may have"));
    else if (pipeline)
        (void)ask_run(rpc, pipeline, NULL, out);
    else if (kind == MESSAGE_REQUEST)
        rpc_answer(rpc, out);
    if (out->size == begin)
        out->size = before;
}

static pb_status batch(struct rpc *rpc, const pb_json *list, pb_content *out)
{
    enum { MOST = 100 };
    pb_buf buf = {0};
    pb_status status = PB_OK;

    if (rpc->session->version != V_2025_03_26)
        return refuse(out, 400, RPC_REQUEST, pb_lit("this version of the protocol has no batches"));
    if (list->count == 0 || list->count > MOST)
        return refuse(out, 400, RPC_REQUEST, pb_lit("a batch has 1 to 100 messages"));
    pb_buf_byte(&buf, '[');
    for (const pb_json *at = list->child; at && status == PB_OK; at = at->next) {
        one_of_batch(rpc, at, &buf);
        status = pb_step();
    }
    if (status != PB_OK)
        return status;
    if (buf.size == 1) {
        out->status = 202;
        return PB_OK;
    }
    pb_buf_byte(&buf, ']');
    return whole_answer(&buf, out);
}

/* --- the calls ----------------------------------------------------------------------------- */

static pb_status message(struct rpc *rpc, const pb_json *json, pb_content *out)
{
    struct session *session = PB_NEW(struct session);
    bool list = pb_json_is(json, PB_JSON_ARRAY);
    int kind = list ? MESSAGE_REQUEST : rpc_read(json, rpc);

    if (!session)
        return PB_NO_MEMORY;
    if (kind == MESSAGE_WRONG)
        return refuse(out, 400, RPC_REQUEST,
                      pb_lit("this is no message of JSON-RPC 2.0 as MCP uses it"));
    if (!list && kind == MESSAGE_REQUEST && pb_str_is(rpc->method, "initialize"))
        return initialize(rpc, out);
    pb_status status = take_session(rpc->self, rpc->call, session, out);
    rpc->session = session;
    if (status != PB_OK)
        return status;
    return list ? batch(rpc, json, out) : single(rpc, kind, out);
}

pb_status mcp_post(void *self, const pb_call *call, const void *in, pb_content *out)
{
    struct rpc rpc = {.self = self, .call = call};
    const pb_json *json;
    pb_status status = check_post(self, call, out);

    (void)in;
    if (status == PB_OK) {
        status = pb_json_parse(call->body, &json);
        if (status == PB_INVALID || status == PB_TOO_LARGE)
            return refuse(out, 400, RPC_PARSE, pb_error_last()->sentence);
    }
    if (status == PB_OK)
        status = message(&rpc, json, out);
    return finish(status, out);
}

static pb_status no_stream(pb_content *out)
{
    static const pb_header allow = {PB_LIT("Allow"), PB_LIT("POST, DELETE, OPTIONS")};

    pb_error_clear();
    out->headers = &allow;
    out->header_count = 1;
    return refuse(out, 405, RPC_HEADER, pb_lit("there are no changes to tell of here"));
}

pb_status mcp_stream(void *self, const pb_call *call, const void *in, pb_content *out)
{
    struct rpc *rpc = PB_NEW(struct rpc);
    struct session *session = PB_NEW(struct session);
    pb_str accept = pb_call_header(call, "accept");

    (void)in;
    if (!rpc || !session)
        return PB_NO_MEMORY;
    pb_status status = check_common(self, call, out);
    if (status == PB_OK && accept.size && !accepts(accept, "text/event-stream"))
        return refuse(out, 406, RPC_HEADER, pb_lit("Accept must name text/event-stream"));
    if (status == PB_OK)
        status = take_session(self, call, session, out);
    if (status == PB_OK) {
        *rpc = (struct rpc){.self = self, .call = call, .session = session};
        status = stream_open(rpc, out);
        if (status == PB_UNSUPPORTED)
            return no_stream(out);
    }
    return finish(status, out);
}

pb_status mcp_end(void *self, const pb_call *call, const void *in, pb_content *out)
{
    struct session session;
    pb_status status = check_common(self, call, out);

    (void)in;
    if (status == PB_OK)
        status = take_session(self, call, &session, out);
    if (status == PB_OK) {
        status = session_end(self, &session);
        out->status = 204;
    }
    return finish(status, out);
}
