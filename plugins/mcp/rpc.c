/* rpc.c - JSON-RPC: which kind a message is, which method it means, its response or error.
 *
 * A method fails as any call does, with pb_fail; here its status becomes a code.
 */
#include "mcp.h"

static pb_status initialize(struct rpc *rpc, pb_json_writer *writer);
static pb_status ping(struct rpc *rpc, pb_json_writer *writer);
static pb_status set_level(struct rpc *rpc, pb_json_writer *writer);

static const struct {
    const char *name;
    method *run;
} methods[] = {
    {"initialize", initialize},
    {"ping", ping},
    {"logging/setLevel", set_level},
    {"tools/list", tools_list},
    {"tools/call", tools_call},
    {"resources/list", resources_list},
    {"resources/read", resources_read},
    {"resources/templates/list", resources_templates},
    {"resources/subscribe", resources_subscribe},
    {"resources/unsubscribe", resources_unsubscribe},
    {"prompts/list", prompts_list},
    {"prompts/get", prompts_get},
    {"completion/complete", complete},
};

/* --- failing ------------------------------------------------------------------------------- */

pb_status rpc_fail(struct rpc *rpc, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pb_status status = pb_vfail(PB_INVALID, (pb_str){0}, 0, format, args);
    va_end(args);
    rpc->code = code;
    return status;
}

pb_status rpc_text(struct rpc *rpc, const char *name, pb_str *out)
{
    const pb_json *value = pb_json_get(rpc->params, name);

    *out = pb_json_text(value);
    return out->data ? (pb_status)PB_OK
                     : rpc_fail(rpc, RPC_PARAMS, "params.%s must be a text", name);
}

void rpc_begin(pb_json_writer *writer, const pb_json *id)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "jsonrpc");
    pb_jw_str(writer, pb_lit("2.0"));
    pb_jw_key(writer, "id");
    if (id)
        pb_jw_json(writer, id);
    else
        pb_jw_null(writer);
}

void rpc_error(pb_buf *out, const pb_json *id, int code, pb_str sentence)
{
    pb_json_writer writer = pb_json_writer_make(out);

    rpc_begin(&writer, id);
    pb_jw_key(&writer, "error");
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "code");
    pb_jw_int(&writer, code);
    pb_jw_key(&writer, "message");
    pb_jw_str(&writer, sentence);
    pb_jw_close(&writer, '}');
    pb_jw_close(&writer, '}');
}

void rpc_failure(struct rpc *rpc, pb_status status, pb_buf *out)
{
    const pb_error *error = pb_error_last();
    pb_str sentence = error->status == status && error->sentence.size
                          ? error->sentence
                          : pb_str_of(pb_status_title(status));
    int code = rpc->code ? rpc->code
               : status == PB_INVALID || status == PB_UNPROCESSABLE || status == PB_TOO_LARGE
                   ? RPC_PARAMS
                   : RPC_INTERNAL;

    rpc_error(out, rpc->id, code, sentence);
}

/* --- reading ------------------------------------------------------------------------------- */

static bool is_id(const pb_json *id)
{
    return pb_json_is(id, PB_JSON_STRING) || pb_json_is(id, PB_JSON_NUMBER);
}

int rpc_read(const pb_json *json, struct rpc *rpc)
{
    const pb_json *id = pb_json_get(json, "id"), *name = pb_json_get(json, "method");
    const pb_json *params = pb_json_get(json, "params");
    bool result = pb_json_get(json, "result") || pb_json_get(json, "error");

    rpc->id = is_id(id) ? id : NULL;
    rpc->method = pb_json_text(name);
    rpc->params = pb_json_is(params, PB_JSON_OBJECT) ? params : NULL;
    if (!pb_str_is(pb_json_text(pb_json_get(json, "jsonrpc")), "2.0"))
        return MESSAGE_WRONG;
    if (!name)
        return result && (rpc->id || !id || id->type == PB_JSON_NULL) ? MESSAGE_RESPONSE
                                                                      : MESSAGE_WRONG;
    if (!rpc->method.size || (params && !rpc->params) || (id && !rpc->id))
        return MESSAGE_WRONG;
    return id ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
}

static method *find(pb_str name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (pb_str_is(name, methods[i].name))
            return methods[i].run;
    return NULL;
}

void rpc_answer(struct rpc *rpc, pb_buf *out)
{
    method *run = find(rpc->method);
    pb_json_writer writer = pb_json_writer_make(out);
    size_t before = out->size;

    rpc->code = 0;
    rpc_begin(&writer, rpc->id);
    pb_jw_key(&writer, "result");
    pb_jw_open(&writer, '{');
    pb_status status = run ? run(rpc, &writer)
                           : rpc_fail(rpc, RPC_METHOD, "there is no method '%.*s'",
                                      PB_ARG(pb_str_slice(rpc->method, 0, 128)));
    pb_jw_close(&writer, '}');
    pb_jw_close(&writer, '}');
    if (status == PB_OK)
        return;
    out->size = before;
    rpc_failure(rpc, status, out);
    pb_error_clear();
}

/* What else there is (initialized, progress, roots/list_changed) changes nothing here. */
void rpc_notice(struct rpc *rpc)
{
    if (pb_str_is(rpc->method, "notifications/cancelled"))
        ask_cancel(rpc, pb_json_get(rpc->params, "requestId"));
}

/* --- pages --------------------------------------------------------------------------------- */

pb_status page_begin(struct rpc *rpc, size_t *from)
{
    const pb_json *cursor = pb_json_get(rpc->params, "cursor");
    pb_str text = pb_json_text(cursor);

    *from = 0;
    if (!cursor || cursor->type == PB_JSON_NULL)
        return PB_OK;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || text.size > 9)
            return rpc_fail(rpc, RPC_PARAMS, "params.cursor is none that a list gave");
        *from = *from * 10 + (size_t)(text.data[i] - '0');
    }
    return text.size ? (pb_status)PB_OK
                     : rpc_fail(rpc, RPC_PARAMS, "params.cursor is none that a list gave");
}

void page_end(pb_json_writer *writer, size_t next)
{
    if (!next)
        return;
    pb_jw_key(writer, "nextCursor");
    pb_jw_str(writer, pb_printf("%zu", next));
}

/* --- the beginning ------------------------------------------------------------------------- */

static void capability(pb_json_writer *writer, const char *name, pb_str value)
{
    pb_jw_key(writer, name);
    pb_jw_raw(writer, value);
}

static void capabilities(const struct rpc *rpc, pb_json_writer *writer)
{
    bool streams = operation_named(rpc, "documents.events") != NULL;

    pb_jw_key(writer, "capabilities");
    pb_jw_open(writer, '{');
    capability(writer, "tools", pb_lit("{\"listChanged\":false}"));
    capability(writer, "logging", pb_lit("{}"));
    if (rpc->self->documents && operation_named(rpc, "documents.list"))
        capability(writer, "resources",
                   streams ? pb_lit("{\"subscribe\":true,\"listChanged\":true}") : pb_lit("{}"));
    if (rpc->self->prompts.count)
        capability(writer, "prompts", pb_lit("{\"listChanged\":false}"));
    if (rpc->self->prompts.count && rpc->session->version >= V_2025_03_26)
        capability(writer, "completions", pb_lit("{}"));
    pb_jw_close(writer, '}');
}

/* The session was begun before, in endpoint.c, with the version that is told here. */
static pb_status initialize(struct rpc *rpc, pb_json_writer *writer)
{
    pb_jw_key(writer, "protocolVersion");
    pb_jw_str(writer, version_name(rpc->session->version));
    capabilities(rpc, writer);
    pb_jw_key(writer, "serverInfo");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "name");
    pb_jw_str(writer, pb_lit("patchbay"));
    if (rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "title");
        pb_jw_str(writer, pb_lit("Patchbay"));
    }
    pb_jw_key(writer, "version");
    pb_jw_str(writer, pb_lit("0.1.0"));
    pb_jw_close(writer, '}');
    if (rpc->self->instructions.size) {
        pb_jw_key(writer, "instructions");
        pb_jw_str(writer, rpc->self->instructions);
    }
    return PB_OK;
}

static pb_status ping(struct rpc *rpc, pb_json_writer *writer)
{
    (void)rpc, (void)writer;
    return PB_OK;
}

/* RFC 5424's names, the least important first. */
static pb_status set_level(struct rpc *rpc, pb_json_writer *writer)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    pb_str name;
    pb_status status = rpc_text(rpc, "level", &name);

    (void)writer;
    for (size_t i = 0; status == PB_OK && i < sizeof levels / sizeof *levels; i++)
        if (pb_str_is(name, levels[i]))
            return session_set(rpc->self, rpc->session, pb_lit("level"), pb_printf("%zu", i));
    return status != PB_OK ? status
                           : rpc_fail(rpc, RPC_PARAMS, "params.level is no level of a log");
}
