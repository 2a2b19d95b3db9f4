/* described.c - the three operations at /mcp, for the reference. */
#include "mcp.h"

static const char message_schema[] =
    "{\"type\":[\"object\",\"array\"],\"description\":\"One message; a list of 1 to 100 where the "
    "session's version is 2025-03-26.\",\"required\":[\"jsonrpc\"],\"properties\":{"
    "\"jsonrpc\":{\"const\":\"2.0\"},"
    "\"id\":{\"type\":[\"string\",\"number\"],\"description\":\"Of a request; a notification has "
    "none.\"},"
    "\"method\":{\"type\":\"string\",\"minLength\":1,\"description\":\"initialize, ping, "
    "tools/list, tools/call, resources/list, resources/read, resources/templates/list, "
    "resources/subscribe, resources/unsubscribe, prompts/list, prompts/get, completion/complete, "
    "logging/setLevel, or notifications/….\"},"
    "\"params\":{\"type\":\"object\"},\"result\":{\"type\":\"object\"},"
    "\"error\":{\"type\":\"object\"}}}";

static const char response_schema[] =
    "{\"type\":[\"object\",\"array\"],\"description\":\"The response; a list of them for a "
    "batch.\","
    "\"required\":[\"jsonrpc\",\"id\"],\"properties\":{\"jsonrpc\":{\"const\":\"2.0\"},"
    "\"id\":{\"type\":[\"string\",\"number\",\"null\"]},\"result\":{\"type\":\"object\"},"
    "\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\"],\"properties\":{"
    "\"code\":{\"type\":\"integer\",\"description\":\"-32700 no JSON, -32600 no message, -32601 no "
    "such method, -32602 wrong parameters, -32603 a failure here, -32002 no such resource, -32001 "
    "no such session, -32000 a wrong header.\"},\"message\":{\"type\":\"string\"}}}}}";

static const char post_description[] =
    "One message of the Model Context Protocol, versions 2025-11-25, 2025-06-18, 2025-03-26 and "
    "2024-11-05: a request, a notification or a response as JSON-RPC 2.0.\n\n"
    "`Accept` names `application/json` and `text/event-stream`. `initialize` begins a session, "
    "whose "
    "id the answer has in the header `Mcp-Session-Id`; all other messages carry it, and "
    "`MCP-Protocol-Version`. A request is answered as JSON; a call of a tool `ask_…` as a stream "
    "of "
    "server-sent events: progress where the client gave a `progressToken`, then the response. "
    "Notifications and responses are answered with 202.\n\n"
    "What the method fails with is a JSON-RPC error with status 200. Where the message cannot be "
    "taken at "
    "all, a JSON-RPC error without an id comes with 400 (no JSON, no message, no session named, an "
    "unknown version), 403 (the page's origin), 404 (no such session), 406 or 415.";

static const char stream_description[] =
    "Notifications for as long as the client listens: `notifications/resources/list_changed` when "
    "documents that the caller may see come, change or are ready, and "
    "`notifications/resources/updated` for those that were subscribed to. A session is told on its "
    "newest stream. 405 where nobody keeps documents or the caller may not read them.";

static const char error_schema[] =
    "{\"type\":\"object\",\"description\":\"A JSON-RPC error without an id.\",\"required\":["
    "\"jsonrpc\",\"id\",\"error\"],\"properties\":{\"jsonrpc\":{\"const\":\"2.0\"},"
    "\"id\":{\"type\":\"null\"},\"error\":{\"type\":\"object\",\"required\":[\"code\","
    "\"message\"],\"properties\":{\"code\":{\"type\":\"integer\"},\"message\":{\"type\":"
    "\"string\"}}}}}";

static const char event_schema[] =
    "{\"type\":\"object\",\"required\":[\"event\",\"data\"],\"properties\":{\"event\":{\"const\":"
    "\"message\"},\"data\":{\"type\":\"object\",\"description\":\"A message: a notification, or "
    "the "
    "response.\",\"required\":[\"jsonrpc\"],\"properties\":{\"jsonrpc\":{\"const\":\"2.0\"}}}}}";

static const pb_header_help message_headers[] = {
    {"Accept", "Names `application/json` and `text/event-stream`."},
    {"Mcp-Session-Id",
     "The session, as the answer to `initialize` named it; of all other messages."},
    {"MCP-Protocol-Version", "The version that was agreed on; without it that of the session."},
    {NULL, NULL}};
static const pb_header_help session_headers[] = {
    {"Mcp-Session-Id", "The session, as the answer to `initialize` named it."},
    {"MCP-Protocol-Version", "The version that was agreed on; without it that of the session."},
    {NULL, NULL}};
static const pb_header_help begun_headers[] = {
    {"Mcp-Session-Id", "Of `initialize`: the session that began."}, {NULL, NULL}};

static const int32_t post_answers[] = {200, 202, 0};
static const int32_t end_answers[] = {204, 0};
static const int32_t errors[] = {PB_NOT_FOUND, PB_FORBIDDEN, 0};

const pb_operation mcp_operations[] = {
    {PB_OPERATION("mcp.post", "POST", "/mcp",
                  "Takes a message of a Model Context Protocol client."),
     .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_STREAMS | PB_OPERATION_NO_AUDIT, .raw = mcp_post,
     .description = post_description, .input_schema = message_schema,
     .output_schema = response_schema,
     .input_example = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                      "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
                      "\"clientInfo\":{\"name\":\"example\",\"version\":\"1.0.0\"}}}",
     .output_example =
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"
         "\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":false},"
         "\"logging\":{}},\"serverInfo\":{\"name\":\"patchbay\",\"title\":\"Patchbay\","
         "\"version\":\"0.1.0\"}}}",
     .event_schema = event_schema, .error_schema = error_schema, .request_headers = message_headers,
     .answer_headers = begun_headers, .output_type = "application/json, text/event-stream",
     .answers = post_answers, .errors = errors},
    {PB_OPERATION("mcp.stream", "GET", "/mcp", "Tells a Model Context Protocol client of changes."),
     .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_STREAMS, .raw = mcp_stream,
     .description = stream_description, .output_type = "text/event-stream",
     .event_schema = event_schema, .error_schema = error_schema, .request_headers = session_headers,
     .errors = errors},
    {PB_OPERATION("mcp.end", "DELETE", "/mcp", "Ends a session of the Model Context Protocol."),
     .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_STREAMS | PB_OPERATION_NO_AUDIT, .raw = mcp_end,
     .description = "Ends the session that the header `Mcp-Session-Id` names, for all workers: "
                    "from now on it is answered with 404.",
     .error_schema = error_schema, .request_headers = session_headers, .answers = end_answers,
     .errors = errors},
    PB_OPERATION_END};
