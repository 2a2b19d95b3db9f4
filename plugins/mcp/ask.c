/* ask.c - a pipeline as a tool: a turn that runs while its client is told how far it is.
 *
 * Progress is told a few times a second at most, however fast the model speaks. The turn's id is
 * kept with the session under the request's, so that a cancellation that reaches another worker
 * finds it.
 */
#include "mcp.h"

#include <patchbay/reply.h>
#include <patchbay/secret.h>

#define EVERY (200 * PB_MILLISECOND)
enum { TAIL = 8 << 10, REPLY_MOST = 16 << 20, LEVEL_DEBUG = 0, LEVEL_INFO = 1, LEVEL_OFF = 99 };

/* A turn that runs. On the stack of its task. */
struct asking {
    pb_sink base;
    struct rpc *rpc;
    pb_writer *writer; /* or NULL */
    pb_turn *turn;
    const pb_json *token; /* of progress, or NULL */
    int level;            /* from which the client wants log messages */
    int64_t told;         /* progress so far */
    pb_duration due;      /* when the next may be told */
    bool gone;            /* nobody listens any more */
    pb_reply reply;
    pb_buf *out;
};

/* --- telling how far it is ----------------------------------------------------------------- */

/* The end of a long text, from a whole character on. */
static pb_str tail(pb_str text)
{
    size_t from = text.size > TAIL ? text.size - TAIL : 0;

    while (from && from < text.size && ((unsigned char)text.data[from] & 0xC0) == 0x80)
        from++;
    return pb_str_slice(text, from, text.size);
}

static void notification(pb_json_writer *writer, const char *name)
{
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "jsonrpc", pb_lit("2.0"));
    pb_jw_member(writer, "method", pb_str_of(name));
    pb_jw_key(writer, "params");
    pb_jw_open(writer, '{');
}

static pb_status send(struct asking *asking, pb_json_writer *writer)
{
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    if (writer->buf->failed)
        return PB_NO_MEMORY;
    pb_status status = content_event(asking->writer, pb_buf_str(writer->buf));
    asking->gone = status != PB_OK;
    return status;
}

static pb_status tell_progress(struct asking *asking, pb_str message)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (!asking->writer || !asking->token)
        return PB_OK;
    notification(&writer, "notifications/progress");
    pb_jw_key(&writer, "progressToken");
    pb_jw_json(&writer, asking->token);
    pb_jw_count(&writer, "progress", ++asking->told);
    if (asking->rpc->session->version >= V_2025_03_26)
        pb_jw_member(&writer, "message", message);
    return send(asking, &writer);
}

/* `data` is what happened, with no content. */
static pb_status tell_log(struct asking *asking, int level, const char *what, const pb_event *event)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (!asking->writer || level < asking->level)
        return PB_OK;
    notification(&writer, "notifications/message");
    pb_jw_member(&writer, "level", level == LEVEL_DEBUG ? pb_lit("debug") : pb_lit("info"));
    pb_jw_member(&writer, "logger", pb_turn_info_of(asking->turn)->pipeline);
    pb_jw_key(&writer, "data");
    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, what, event->name);
    if (level == LEVEL_DEBUG)
        pb_jw_member(&writer, "state", event->text);
    pb_jw_close(&writer, '}');
    return send(asking, &writer);
}

static pb_status tell_text(struct asking *asking)
{
    if (!asking->token || pb_monotonic() < asking->due)
        return PB_OK;
    asking->due = pb_monotonic() + EVERY;
    return tell_progress(asking, tail(pb_reply_str(&asking->reply.text)));
}

static pb_status tell(struct asking *asking, const pb_event *event)
{
    pb_status status = PB_OK;

    switch (event->type) {
    case PB_EVENT_TEXT:
        return event->branch == 0 ? tell_text(asking) : (pb_status)PB_OK;
    case PB_EVENT_STAGE:
        status = tell_log(asking, LEVEL_DEBUG, "stage", event);
        if (status == PB_OK && pb_str_is(event->text, "begin") && !asking->reply.text.size)
            status = tell_progress(asking, event->name);
        return status;
    case PB_EVENT_TOOL_CALL:
        return event->name.size ? tell_log(asking, LEVEL_INFO, "tool", event) : (pb_status)PB_OK;
    default:
        return PB_OK;
    }
}

/* --- the result ---------------------------------------------------------------------------- */

static bool is_first(const pb_json *sources, const pb_json *one, pb_str id)
{
    const pb_json *at = sources->child;

    while (at != one && !pb_str_equal(pb_json_text(pb_json_get(at, "document_id")), id))
        at = at->next;
    return at == one;
}

/* Documents that sources name, as resources to read; each once. */
static void write_links(const struct asking *asking, pb_json_writer *writer)
{
    const pb_json *sources = NULL;
    pb_str text = pb_printf("[%.*s]", PB_ARG(pb_reply_str(&asking->reply.sources)));

    if (asking->rpc->session->version < V_2025_06_18 || !asking->rpc->self->documents ||
        pb_json_parse(text, &sources) != PB_OK)
        return;
    for (const pb_json *at = sources->child; at; at = at->next) {
        pb_str id = pb_json_text(pb_json_get(at, "document_id"));
        pb_str name = pb_json_text(pb_json_get(at, "document"));
        if (!id.size || !is_first(sources, at, id))
            continue;
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "type", pb_lit("resource_link"));
        pb_jw_member(writer, "uri", pb_printf(DOCUMENTS "%.*s", PB_ARG(id)));
        pb_jw_member(writer, "name", name.size ? name : id);
        pb_jw_close(writer, '}');
    }
}

static pb_status write_structured(const struct asking *asking, const pb_turn_result *result,
                                  pb_json_writer *writer)
{
    const pb_turn_info *info = pb_turn_info_of(asking->turn);
    pb_str text = pb_reply_str(&asking->reply.text);

    pb_jw_key(writer, "structuredContent");
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "turn", info->id);
    pb_jw_member(writer, "conversation", info->conversation);
    pb_jw_key(writer, "text");
    pb_status status = content_text(writer, text.data ? text : pb_lit(""));
    pb_jw_member(writer, "finish", pb_str_of(pb_finish_name(result->finish)));
    pb_jw_key(writer, "sources");
    pb_jw_open(writer, '[');
    if (asking->reply.sources.size)
        pb_jw_raw(writer, pb_reply_str(&asking->reply.sources));
    pb_jw_close(writer, ']');
    pb_jw_key(writer, "usage");
    pb_usage_write(writer, &result->usage);
    pb_jw_close(writer, '}');
    return status;
}

static pb_status write_said(struct asking *asking, const pb_turn_result *result)
{
    pb_json_writer writer = pb_json_writer_make(asking->out);

    rpc_begin(&writer, asking->rpc->id);
    pb_jw_key(&writer, "result");
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "content");
    pb_jw_open(&writer, '[');
    pb_status status = content_block(&writer, pb_reply_str(&asking->reply.text));
    write_links(asking, &writer);
    pb_jw_close(&writer, ']');
    if (status == PB_OK && asking->rpc->session->version >= V_2025_06_18)
        status = write_structured(asking, result, &writer);
    pb_jw_key(&writer, "isError");
    pb_jw_bool(&writer, false);
    pb_jw_close(&writer, '}');
    pb_jw_close(&writer, '}');
    return status;
}

/* For the model to read, and perhaps to try otherwise. */
static pb_status write_failed(struct asking *asking, pb_str sentence)
{
    pb_json_writer writer = pb_json_writer_make(asking->out);

    rpc_begin(&writer, asking->rpc->id);
    pb_jw_key(&writer, "result");
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "content");
    pb_jw_open(&writer, '[');
    pb_status status = content_block(&writer, sentence);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "isError");
    pb_jw_bool(&writer, true);
    pb_jw_close(&writer, '}');
    pb_jw_close(&writer, '}');
    return status;
}

/* --- the turn ------------------------------------------------------------------------------ */

/* The emitter's scope ends before the reply does: what is kept is not of it. */
static pb_status ask_emit(pb_sink *sink, const pb_event *event)
{
    struct asking *asking = (struct asking *)(void *)sink;
    pb_status status = pb_reply_note(&asking->reply, event);

    if (status == PB_OK && asking->writer) {
        pb_scope *scope = pb_scope_begin();
        status = tell(asking, event);
        pb_scope_end(scope);
    }
    return status;
}

/* Everything in `arguments`; PB_INVALID with a sentence for the model. */
static pb_status read_arguments(const struct rpc *rpc, pb_pipeline *pipeline, pb_turn_spec *spec)
{
    const pb_json *arguments = pb_json_get(rpc->params, "arguments");
    const pb_json *conversation = pb_json_get(arguments, "conversation");
    bool keeps = pb_pipeline_info_of(pipeline)->keeps_history != 0;
    uint8_t uuid[16];

    for (const pb_json *at = arguments ? arguments->child : NULL; at; at = at->next)
        if (!pb_str_is(at->key, "message") && !pb_str_is(at->key, "variables") &&
            !(keeps && pb_str_is(at->key, "conversation")))
            return pb_fail(PB_INVALID, "'%.*s' is no argument of this tool",
                           PB_ARG(pb_str_slice(at->key, 0, 128)));
    pb_str text = pb_json_text(pb_json_get(arguments, "message"));
    if (!text.size)
        return pb_fail(PB_INVALID, "'message' must be a text that asks something");
    spec->conversation = pb_json_text(conversation);
    if (conversation && conversation->type != PB_JSON_NULL &&
        !pb_uuid_bytes(spec->conversation, uuid))
        return pb_fail(PB_INVALID, "'conversation' must be an id that an answer gave");
    if (keeps && !spec->conversation.size)
        spec->conversation = pb_lit("new");
    spec->variables = pb_json_get(arguments, "variables");
    if (spec->variables && spec->variables->type != PB_JSON_OBJECT)
        return pb_fail(PB_INVALID, "'variables' must be an object");
    const pb_message **list = PB_NEW_ARRAY(const pb_message *, 1);
    if (!list || !(list[0] = pb_message_new(PB_ROLE_USER, text)))
        return PB_NO_MEMORY;
    spec->messages = list;
    spec->message_count = 1;
    return PB_OK;
}

/* "call:7" and "call:\"7\"" are two requests. */
static pb_str call_name(const pb_json *id)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, pb_lit("call:"));
    pb_json_write(&buf, id);
    return pb_buf_str(&buf);
}

static int wanted_level(const struct rpc *rpc)
{
    pb_str level;
    pb_status status = session_get(rpc->self, rpc->session, pb_lit("level"), &level);

    pb_error_clear();
    return status == PB_OK && level.size == 1 ? level.data[0] - '0' : LEVEL_OFF;
}

/* A client that cancelled wants no answer: ask_cancel took the record away first. Others who may
 * cancel (the turn's owner, a server that goes down) leave it. */
static bool is_wanted(const struct rpc *rpc, pb_str name)
{
    pb_str turn;
    bool there = session_get(rpc->self, rpc->session, name, &turn) != PB_NOT_FOUND;

    pb_error_clear();
    return there;
}

static pb_status run_turn(struct asking *asking)
{
    struct rpc *rpc = asking->rpc;
    pb_str name = call_name(rpc->id);
    pb_turn_result result;

    if (session_set(rpc->self, rpc->session, name, pb_turn_info_of(asking->turn)->id) != PB_OK)
        pb_log(PB_WARN, "mcp: a request cannot be cancelled, the cache did not take it");
    pb_error_clear();
    pb_status status = pb_turn_run(asking->turn, &asking->base);
    if (asking->gone || pb_cancelled()) /* its record expires */
        return status;
    pb_str sentence = pb_copy(pb_error_last()->sentence);
    bool wanted = status != PB_CANCELLED || is_wanted(rpc, name);
    session_drop(rpc->self, rpc->session, name);
    if (!wanted)
        return PB_OK;
    if (status != PB_OK)
        return write_failed(asking, sentence.size ? sentence : pb_str_of(pb_status_title(status)));
    pb_turn_so_far(asking->turn, &result);
    return write_said(asking, &result);
}

static const pb_json *token_of(const struct rpc *rpc)
{
    const pb_json *token = pb_json_get(pb_json_get(rpc->params, "_meta"), "progressToken");

    return pb_json_is(token, PB_JSON_STRING) || pb_json_is(token, PB_JSON_NUMBER) ? token : NULL;
}

pb_status ask_run(struct rpc *rpc, pb_pipeline *pipeline, pb_writer *writer, pb_buf *out)
{
    struct asking asking = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = ask_emit},
        .rpc = rpc,
        .writer = writer,
        .token = token_of(rpc),
        .level = writer ? wanted_level(rpc) : LEVEL_OFF,
        .reply = pb_reply_make(REPLY_MOST),
        .out = out,
    };
    pb_turn_spec spec = pb_turn_spec_make();

    spec.pipeline = pipeline;
    spec.principal = rpc->call->principal;
    spec.request_id = rpc->call->request_id;
    spec.remote = rpc->call->remote;
    spec.transport = pb_instance_name(NULL);
    spec.stream = writer != NULL;
    spec.stream_stages = writer && (asking.token || asking.level == LEVEL_DEBUG);
    pb_status status = read_arguments(rpc, pipeline, &spec);
    if (status == PB_OK)
        status = pb_turn_new(&spec, &asking.turn);
    if (status == PB_OK)
        status = run_turn(&asking);
    else
        status = write_failed(&asking, pb_error_last()->sentence);
    if (asking.turn)
        pb_turn_free(asking.turn);
    pb_reply_end(&asking.reply);
    return status;
}

void ask_cancel(const struct rpc *rpc, const pb_json *request)
{
    pb_str turn, name;

    if (!request)
        return;
    name = call_name(request);
    if (session_get(rpc->self, rpc->session, name, &turn) == PB_OK) {
        session_drop(rpc->self, rpc->session, name);
        if (pb_turn_cancel(turn, rpc->call->principal) != PB_OK)
            pb_detail("mcp: the request that is to be cancelled has ended");
    }
    pb_error_clear();
}
