/* tools.c - operations as tools: which of them a caller has, how they look, calling one.
 *
 * A tool's name is the operation's id with '_' for '.', its arguments are the operation's whole
 * input. What an operation fails with is a result that says so, for the model to read; only a tool
 * that is not there is an error of the protocol.
 */
#include "mcp.h"

/* --- which operations ---------------------------------------------------------------------- */

/* "conversations.*" names all that begin so. */
static bool fits(pb_str pattern, pb_str id)
{
    if (pattern.size && pattern.data[pattern.size - 1] == '*')
        return pb_str_starts(id, pb_str_slice(pattern, 0, pattern.size - 1));
    return pb_str_equal(pattern, id);
}

static bool one_fits(const pb_list *patterns, pb_str id)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (fits(PB_ITEM(*patterns, pb_str, i), id))
            return true;
    return false;
}

static bool is_stream(const pb_operation *operation)
{
    pb_str type = pb_str_of(operation->output_type);

    return (operation->flags & PB_OPERATION_STREAMS) ||
           pb_str_starts(type, pb_lit("text/event-stream")) ||
           pb_str_is(pb_str_of(operation->id), "documents.events");
}

/* An object of fields, which services of models take: they refuse alternatives at the root. */
static bool is_plain(const pb_json *schema)
{
    return pb_str_is(pb_json_text(pb_json_get(schema, "type")), "object") &&
           !pb_json_get(schema, "oneOf") && !pb_json_get(schema, "anyOf") &&
           !pb_json_get(schema, "allOf");
}

/* A table always is; what an operation writes out itself may be anything. */
static bool takes_fields(const pb_operation *operation)
{
    const pb_json *schema;
    pb_str text;
    bool plain = !operation->input_schema ||
                 (pb_operation_schema(operation, PB_SCHEMA_INPUT, &text) == PB_OK &&
                  pb_json_parse(text, &schema) == PB_OK && is_plain(schema));

    pb_error_clear();
    return plain;
}

static bool is_offered(const struct rpc *rpc, const pb_operation *operation)
{
    const struct choice *choice = &rpc->self->tools;
    pb_str id = pb_str_of(operation->id);

    if ((operation->flags & PB_OPERATION_NO_TOOL) || operation->upload ||
        operation->public_access || (!operation->handle && !operation->raw) || is_stream(operation))
        return false;
    if ((choice->allow.count && !one_fits(&choice->allow, id)) || one_fits(&choice->deny, id))
        return false;
    return pb_principal_may(rpc->call->principal, pb_str_of(operation->scope)) &&
           takes_fields(operation);
}

const pb_operation *operation_named(const struct rpc *rpc, const char *id)
{
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++)
        if (strcmp(operation->id, id) == 0)
            return pb_principal_may(rpc->call->principal, pb_str_of(operation->scope)) ? operation
                                                                                       : NULL;
    return NULL;
}

static bool is_name_of(pb_str name, const char *id)
{
    size_t size = strlen(id);

    for (size_t i = 0; i < size && size == name.size; i++)
        if (name.data[i] != (id[i] == '.' ? '_' : id[i]))
            return false;
    return size == name.size;
}

static const pb_operation *tool_named(const struct rpc *rpc, pb_str name)
{
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++)
        if (is_name_of(name, operation->id) && is_offered(rpc, operation))
            return operation;
    return NULL;
}

/* --- the list ------------------------------------------------------------------------------ */

static void write_name(const pb_operation *operation, pb_json_writer *writer)
{
    pb_buf name = {0};

    for (const char *at = operation->id; *at; at++)
        pb_buf_byte(&name, *at == '.' ? '_' : *at);
    pb_jw_key(writer, "name");
    pb_jw_str(writer, pb_buf_str(&name));
}

/* "One note.", as a title "One note". */
static void write_words(const struct rpc *rpc, const pb_operation *operation,
                        pb_json_writer *writer)
{
    pb_str summary = pb_str_of(operation->summary), title = summary;

    if (title.size && title.data[title.size - 1] == '.')
        title.size--;
    if (rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "title");
        pb_jw_str(writer, title);
    }
    pb_jw_key(writer, "description");
    if (operation->description)
        pb_jw_str(writer, pb_printf("%.*s\n\n%s", PB_ARG(summary), operation->description));
    else
        pb_jw_str(writer, summary);
}

/* Its schema where it is one of an object: PB_DECLINED where not. */
static pb_status write_schema(const pb_operation *operation, uint32_t what, const char *name,
                              pb_json_writer *writer)
{
    const pb_json *schema;
    pb_str text;
    pb_status status = pb_operation_schema(operation, what, &text);

    if (status == PB_OK)
        status = pb_json_parse(text, &schema);
    if (status == PB_OK && !is_plain(schema))
        status = PB_DECLINED;
    if (status != PB_OK)
        return status;
    pb_jw_key(writer, name);
    pb_jw_raw(writer, text);
    return PB_OK;
}

static pb_status write_schemas(const struct rpc *rpc, const pb_operation *operation,
                               pb_json_writer *writer)
{
    pb_status status = write_schema(operation, PB_SCHEMA_INPUT, "inputSchema", writer);

    /* A client that knows one refuses results that are something else. */
    bool json = !operation->output_type || strcmp(operation->output_type, "application/json") == 0;
    if (status == PB_OK && json && rpc->session->version >= V_2025_06_18)
        status = write_schema(operation, PB_SCHEMA_OUTPUT, "outputSchema", writer);
    return status == PB_DECLINED ? (pb_status)PB_OK : status;
}

/* What follows from the method. A POST may be anything: there the protocol's careful defaults
 * stand. */
static void write_annotations(const pb_operation *operation, pb_json_writer *writer)
{
    pb_str how = pb_str_of(operation->method);
    bool reads = pb_str_is(how, "GET"), posts = pb_str_is(how, "POST");

    pb_jw_key(writer, "annotations");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "readOnlyHint");
    pb_jw_bool(writer, reads);
    if (!posts) {
        pb_jw_key(writer, "destructiveHint");
        pb_jw_bool(writer, !reads);
    }
    pb_jw_key(writer, "idempotentHint");
    pb_jw_bool(writer, reads || pb_str_is(how, "PUT") || pb_str_is(how, "DELETE"));
    pb_jw_key(writer, "openWorldHint");
    pb_jw_bool(writer, false);
    pb_jw_close(writer, '}');
}

static pb_status describe(const struct rpc *rpc, const pb_operation *operation,
                          pb_json_writer *writer)
{
    pb_jw_open(writer, '{');
    write_name(operation, writer);
    write_words(rpc, operation, writer);
    pb_status status = write_schemas(rpc, operation, writer);
    if (rpc->session->version >= V_2025_03_26)
        write_annotations(operation, writer);
    pb_jw_close(writer, '}');
    return status == PB_OK ? pb_step() : status;
}

/* The pipelines first, then the operations; a cursor is a place in the two, one behind the other.
 */
pb_status tools_list(struct rpc *rpc, pb_json_writer *writer)
{
    size_t from, written = 0, asks = ask_count(rpc), next = 0, page = (size_t)rpc->self->page;
    const pb_operation *operation;
    pb_status status = page_begin(rpc, &from);

    pb_jw_key(writer, "tools");
    pb_jw_open(writer, '[');
    for (; from < asks && written < page; from++, written++)
        ask_describe(rpc, from, writer);
    for (size_t i = from - asks;
         from >= asks && status == PB_OK && !next && (operation = pb_operation_at(i)); i++) {
        if (!is_offered(rpc, operation))
            continue;
        if (written++ == page)
            next = i + asks;
        else
            status = describe(rpc, operation, writer);
    }
    pb_jw_close(writer, ']');
    page_end(writer, from < asks ? from : next);
    return status;
}

/* --- calling ------------------------------------------------------------------------------- */

struct gathering {
    pb_writer base;
    pb_buf buf;
    int64_t most;
};

static pb_status gather(pb_writer *writer, pb_bytes bytes)
{
    struct gathering *gathering = (struct gathering *)(void *)writer;

    if ((int64_t)(gathering->buf.size + bytes.size) > gathering->most)
        return pb_fail(PB_TOO_LARGE, "the answer is longer than %lld bytes",
                       (long long)gathering->most);
    pb_buf_add(&gathering->buf, pb_str_make((const char *)bytes.data, bytes.size));
    return pb_buf_status(&gathering->buf);
}

static pb_status gather_all(const struct rpc *rpc, pb_content *content)
{
    struct gathering gathering = {.base = {.size = (uint32_t)sizeof(pb_writer), .write = gather},
                                  .most = rpc->self->max_content};
    pb_status status = content->send(content->arg, &gathering.base);

    content->send = NULL;
    content->body = pb_buf_str(&gathering.buf);
    return status;
}

pb_status operation_ask(const struct rpc *rpc, const pb_operation *operation, pb_str arguments,
                        pb_content *out)
{
    pb_call call = {
        .size = (uint32_t)sizeof call,
        .principal = rpc->call->principal,
        .body = arguments,
        .type = pb_lit("application/json"),
        .request_id = rpc->call->request_id,
        .remote = rpc->call->remote,
    };

    *out = (pb_content){.size = (uint32_t)sizeof *out};
    pb_status status = pb_operation_call(operation, &call, out);
    if (status == PB_OK && out->send) /* else it would write into a buffer of a scope below ours */
        status = pb_str_starts(out->type, pb_lit("text/event-stream"))
                     ? pb_fail(PB_UNSUPPORTED, "'%s' answers with a stream", operation->id)
                     : gather_all(rpc, out);
    if (status == PB_OK && (int64_t)out->body.size > rpc->self->max_content)
        status = pb_fail(PB_TOO_LARGE, "the answer of '%s' is longer than %lld bytes",
                         operation->id, (long long)rpc->self->max_content);
    return status;
}

/* The problem document's sentence, and each field's. */
pb_str operation_fault(const pb_content *content)
{
    const pb_json *problem = NULL;
    pb_buf buf = {0};

    if (content->body.size && pb_str_is(content->type, PB_PROBLEM_TYPE) &&
        pb_json_parse(content->body, &problem) == PB_OK)
        pb_buf_add(&buf, pb_json_text(pb_json_get(problem, "detail")));
    else
        pb_buf_add(&buf, pb_error_last()->sentence);
    const pb_json *errors = pb_json_get(problem, "errors");
    for (const pb_json *at = pb_json_is(errors, PB_JSON_ARRAY) ? errors->child : NULL; at;
         at = at->next)
        pb_buf_printf(&buf, "\n%.*s: %.*s", PB_ARG(pb_json_text(pb_json_get(at, "pointer"))),
                      PB_ARG(pb_json_text(pb_json_get(at, "detail"))));
    return pb_buf_str(&buf);
}

/* Bytes that are no text: the kinds that MCP knows, else a resource that holds them. */
static pb_status write_bytes(const pb_content *content, const char *name, pb_json_writer *writer)
{
    bool image = pb_str_starts(content->type, pb_lit("image/"));
    bool audio = pb_str_starts(content->type, pb_lit("audio/"));

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "type");
    pb_jw_str(writer, image ? pb_lit("image") : audio ? pb_lit("audio") : pb_lit("resource"));
    if (!image && !audio) {
        pb_jw_key(writer, "resource");
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "uri");
        pb_jw_str(writer, pb_printf("patchbay://results/%s", name));
    }
    pb_jw_key(writer, "mimeType");
    pb_jw_str(writer, content->type.size ? content->type : pb_lit("application/octet-stream"));
    pb_jw_key(writer, image || audio ? "data" : "blob");
    pb_status status = content_base64(writer, content->body);
    if (!image && !audio)
        pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    return status;
}

static pb_status write_result(const struct rpc *rpc, const pb_operation *operation,
                              const pb_content *content, pb_json_writer *writer)
{
    pb_str body = pb_str_trim(content->body);
    bool json = !content->type.size || pb_str_starts(content->type, pb_lit("application/json"));
    bool text = json || content_is_text(content->type, content->body);
    pb_status status;

    pb_jw_key(writer, "content");
    pb_jw_open(writer, '[');
    status = text ? content_block(writer, body.size ? body : pb_lit("done"))
                  : write_bytes(content, operation->id, writer);
    pb_jw_close(writer, ']');
    if (json && body.size && body.data[0] == '{' && rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "structuredContent");
        pb_jw_raw(writer, body);
    }
    return status;
}

pb_status tools_call(struct rpc *rpc, pb_json_writer *writer)
{
    const pb_json *arguments = pb_json_get(rpc->params, "arguments");
    pb_content content;
    pb_buf body = {0};
    pb_str name;
    pb_status status = rpc_text(rpc, "name", &name);
    const pb_operation *operation = status == PB_OK ? tool_named(rpc, name) : NULL;

    if (status != PB_OK)
        return status;
    if (!operation)
        return rpc_fail(rpc, RPC_PARAMS, "there is no tool '%.*s'",
                        PB_ARG(pb_str_slice(name, 0, 128)));
    if (arguments && arguments->type != PB_JSON_OBJECT)
        return rpc_fail(rpc, RPC_PARAMS, "params.arguments must be an object");
    if (arguments)
        pb_json_write(&body, arguments);
    if (body.failed)
        return PB_NO_MEMORY;
    status = operation_ask(rpc, operation, pb_buf_str(&body), &content);
    if (status == PB_CANCELLED)
        return status;
    if (status == PB_OK)
        status = write_result(rpc, operation, &content, writer);
    else {
        pb_jw_key(writer, "content");
        pb_jw_open(writer, '[');
        status = content_block(writer, operation_fault(&content));
        pb_jw_close(writer, ']');
        pb_jw_key(writer, "isError");
        pb_jw_bool(writer, true);
        return status;
    }
    pb_jw_key(writer, "isError");
    pb_jw_bool(writer, false);
    return status;
}
