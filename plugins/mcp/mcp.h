/* mcp.h - an instance of the MCP server, one message of a client, and what the files share.
 *
 * The life of a message: endpoint.c checks header and session (session.c), rpc.c reads the message
 * and finds its method, tools.c, ask.c, resources.c and prompts.c answer it, stream.c tells of
 * changes. Format: Model Context Protocol 2025-11-25 over streamable HTTP, and JSON-RPC 2.0.
 */
#ifndef PLUGIN_MCP_H
#define PLUGIN_MCP_H

#include <patchbay/cache.h>
#include <patchbay/problem.h>
#include <patchbay/service.h>
#include <patchbay/transport.h>

/* --- the instance -------------------------------------------------------------------------- */

struct argument {
    pb_str name, description;
    bool required;
    pb_list values; /* of pb_str: for completion */
};

struct prompt {
    pb_str title, description, text;
    pb_list arguments; /* of struct argument */
};

struct choice {
    pb_list allow, deny; /* of pb_str: ids of operations, "conversations.*" */
};

struct mcp {
    pb_instance *cache;
    pb_list pipelines; /* of pb_str */
    struct choice tools;
    bool documents;
    pb_map prompts;  /* of struct prompt */
    pb_list origins; /* of pb_str */
    pb_str instructions;
    int64_t page, max_content;
    pb_duration session;

    /* Made by start. */
    pb_pipeline **found; /* one for each name in `pipelines` */
};

extern const pb_operation mcp_operations[]; /* described.c */

/* --- endpoint.c ---------------------------------------------------------------------------- */

pb_status mcp_post(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status mcp_stream(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status mcp_end(void *self, const pb_call *call, const void *in, pb_content *out);

/* --- session.c ----------------------------------------------------------------------------- */

/* Oldest first. */
enum { V_2024_11_05, V_2025_03_26, V_2025_06_18, V_2025_11_25, VERSIONS, NEWEST = VERSIONS - 1 };
/* The version of that name, or -1. */
int version_of(pb_str name);
pb_str version_name(int version);

/* Kept in the cache, so that any worker serves it. Its principal is that of the cache's keys and of
 * the record. */
struct session {
    pb_str id;
    int version;
};

pb_status session_begin(const struct mcp *self, const pb_call *call, struct session *session);
/* PB_NOT_FOUND: unknown, ended, or another's. Parks, as all of these. */
pb_status session_find(const struct mcp *self, const pb_call *call, pb_str id,
                       struct session *session);
pb_status session_end(const struct mcp *self, const struct session *session);
/* Values of a session: `name` is like "level" or "call:7". PB_NOT_FOUND. */
pb_status session_get(const struct mcp *self, const struct session *session, pb_str name,
                      pb_str *out);
pb_status session_set(const struct mcp *self, const struct session *session, pb_str name,
                      pb_str value);
void session_drop(const struct mcp *self, const struct session *session, pb_str name);

/* --- rpc.c --------------------------------------------------------------------------------- */

enum {
    RPC_PARSE = -32700,
    RPC_REQUEST = -32600,
    RPC_METHOD = -32601,
    RPC_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_RESOURCE = -32002, /* of MCP: there is no such resource */
    RPC_SESSION = -32001,  /* as the official servers say it */
    RPC_HEADER = -32000,
};

/* A message and where it came from. */
struct rpc {
    const struct mcp *self;
    const pb_call *call;
    const struct session *session;
    const pb_json *id; /* NULL: a notification */
    pb_str method;
    const pb_json *params; /* an object, or NULL */
    int code;              /* of the failure where its status does not say it, or 0 */
};

enum { MESSAGE_WRONG, MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_RESPONSE };
/* What kind of message it is; fills `rpc`. */
int rpc_read(const pb_json *json, struct rpc *rpc);
/* Runs a request and appends the whole response. Parks. */
void rpc_answer(struct rpc *rpc, pb_buf *out);
/* Takes a notification. Parks. */
void rpc_notice(struct rpc *rpc);
/* {"jsonrpc": "2.0", "id": …, "result": ; the caller writes the value and closes the object. */
void rpc_begin(pb_json_writer *writer, const pb_json *id);
/* A whole error response; `id` may be NULL. */
void rpc_error(pb_buf *out, const pb_json *id, int code, pb_str sentence);
/* The running task's error as one. */
void rpc_failure(struct rpc *rpc, pb_status status, pb_buf *out);
/* Fails with a code of JSON-RPC. */
PB_PRINTF(3, 4) pb_status rpc_fail(struct rpc *rpc, int code, const char *format, ...);
/* The text member of params that must be there. PB_INVALID. */
pb_status rpc_text(struct rpc *rpc, const char *name, pb_str *out);

/* A method writes its result's members into the object that is open. Parks. */
typedef pb_status method(struct rpc *rpc, pb_json_writer *writer);

/* Where a page (of `page` items) of our own lists begins, from params.cursor. */
pb_status page_begin(struct rpc *rpc, size_t *from);
void page_end(pb_json_writer *writer, size_t next);

/* --- tools.c, pipelines.c, ask.c, resources.c, prompts.c ----------------------------------- */

method tools_list, tools_call;
method resources_list, resources_read, resources_templates, resources_subscribe,
    resources_unsubscribe;
method prompts_list, prompts_get, complete;

/* An operation by its id, where this caller may use it; NULL. */
const pb_operation *operation_named(const struct rpc *rpc, const char *id);
/* Calls one with `arguments` (JSON text) and gathers what it answers, at most max_content bytes. */
pb_status operation_ask(const struct rpc *rpc, const pb_operation *operation, pb_str arguments,
                        pb_content *out);
/* What went wrong with it, as a sentence that names each field. */
pb_str operation_fault(const pb_content *content);

/* The pipeline that a call of a tool means, or NULL: then it can be answered whole. */
pb_pipeline *ask_pipeline(const struct rpc *rpc);
/* How many pipelines this caller has as tools; writes the index-th. */
size_t ask_count(const struct rpc *rpc);
void ask_describe(const struct rpc *rpc, size_t index, pb_json_writer *writer);
/* Runs the turn; progress goes to `writer`, or nowhere when it is NULL. Appends the response. An
 * empty one: the client cancelled it and wants none. Parks. */
pb_status ask_run(struct rpc *rpc, pb_pipeline *pipeline, pb_writer *writer, pb_buf *out);
/* Cancels the request of that id. Parks. */
void ask_cancel(const struct rpc *rpc, const pb_json *request);

pb_status prompts_check(const struct prompt *prompt, pb_str *problem);
/* A document's address, "patchbay://documents/0193…". */
#define DOCUMENTS "patchbay://documents/"

/* --- content.c ----------------------------------------------------------------------------- */

/* A long text or bytes as a JSON string, in pieces: parks between them. */
pb_status content_text(pb_json_writer *writer, pb_str text);
pb_status content_base64(pb_json_writer *writer, pb_str bytes);
bool content_is_text(pb_str type, pb_str bytes);
/* {"type": "text", "text": …} */
pb_status content_block(pb_json_writer *writer, pb_str text);
/* One event of a stream. */
pb_status content_event(pb_writer *writer, pb_str json);

/* --- stream.c ------------------------------------------------------------------------------ */

/* Sets `out` to a stream of changes. PB_UNSUPPORTED: there is nothing to tell. */
pb_status stream_open(struct rpc *rpc, pb_content *out);

#endif
