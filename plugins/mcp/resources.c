/* resources.c - documents as resources, through the operations of whatever service keeps them.
 *
 * Who sees which document is decided there, for the caller's principal; here nothing is known of
 * it.
 */
#include "mcp.h"

static pb_status absent(struct rpc *rpc)
{
    return rpc_fail(rpc, RPC_METHOD, "there are no documents here");
}

static const pb_operation *documents(const struct rpc *rpc, const char *id)
{
    return rpc->self->documents ? operation_named(rpc, id) : NULL;
}

/* Calls it and reads the answer as JSON. */
static pb_status ask(const struct rpc *rpc, const pb_operation *operation, pb_str arguments,
                     const pb_json **out)
{
    pb_content content;
    pb_status status = operation_ask(rpc, operation, arguments, &content);

    return status == PB_OK ? pb_json_parse(content.body, out) : status;
}

static void copy_text(pb_json_writer *writer, const char *as, const pb_json *from, const char *name)
{
    pb_str text = pb_json_text(pb_json_get(from, name));

    if (!text.size)
        return;
    pb_jw_key(writer, as);
    pb_jw_str(writer, text);
}

static void write_resource(const struct rpc *rpc, const pb_json *document, pb_json_writer *writer)
{
    pb_str id = pb_json_text(pb_json_get(document, "id"));
    const pb_json *size = pb_json_get(document, "size");

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "uri");
    pb_jw_str(writer, pb_printf(DOCUMENTS "%.*s", PB_ARG(id)));
    copy_text(writer, "name", document, "name");
    if (rpc->session->version >= V_2025_06_18)
        copy_text(writer, "title", document, "title");
    copy_text(writer, "mimeType", document, "type");
    if (pb_json_is(size, PB_JSON_NUMBER)) {
        pb_jw_key(writer, "size");
        pb_jw_json(writer, size);
    }
    if (rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "annotations");
        pb_jw_open(writer, '{');
        copy_text(writer, "lastModified", document, "updated");
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
}

/* The service's own pages: its cursor is ours. */
pb_status resources_list(struct rpc *rpc, pb_json_writer *writer)
{
    const pb_operation *list = documents(rpc, "documents.list");
    const pb_json *cursor = pb_json_get(rpc->params, "cursor"), *page;
    pb_buf input = {0};

    if (!list)
        return absent(rpc);
    pb_buf_printf(&input, "{\"limit\":%lld", (long long)rpc->self->page);
    if (cursor && cursor->type != PB_JSON_NULL) {
        pb_buf_add(&input, pb_lit(",\"cursor\":"));
        pb_json_write(&input, cursor);
    }
    pb_buf_byte(&input, '}');
    pb_status status = ask(rpc, list, pb_buf_str(&input), &page);
    if (status == PB_INVALID)
        return rpc_fail(rpc, RPC_PARAMS, "params.cursor is none that a list gave");
    if (status != PB_OK)
        return status;
    const pb_json *items = pb_json_get(page, "documents");
    pb_jw_key(writer, "resources");
    pb_jw_open(writer, '[');
    for (const pb_json *at = pb_json_is(items, PB_JSON_ARRAY) ? items->child : NULL; at;
         at = at->next)
        write_resource(rpc, at, writer);
    pb_jw_close(writer, ']');
    copy_text(writer, "nextCursor", page, "next");
    return PB_OK;
}

/* {"id": …} of the document that params.uri names. */
static pb_status uri_input(struct rpc *rpc, pb_str *uri, pb_str *input)
{
    pb_buf buf = {0};
    pb_status status = rpc_text(rpc, "uri", uri);

    if (status != PB_OK)
        return status;
    if (!pb_str_starts(*uri, pb_lit(DOCUMENTS)))
        return rpc_fail(rpc, RPC_RESOURCE, "there is no resource '%.*s'",
                        PB_ARG(pb_str_slice(*uri, 0, 256)));
    pb_buf_add(&buf, pb_lit("{\"id\":"));
    pb_json_quote(&buf, pb_str_slice(*uri, sizeof DOCUMENTS - 1, uri->size));
    pb_buf_byte(&buf, '}');
    *input = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

static pb_status not_there(struct rpc *rpc, pb_status status, pb_str uri)
{
    if (status == PB_NOT_FOUND || status == PB_INVALID)
        return rpc_fail(rpc, RPC_RESOURCE, "there is no resource '%.*s'",
                        PB_ARG(pb_str_slice(uri, 0, 256)));
    return status;
}

pb_status resources_read(struct rpc *rpc, pb_json_writer *writer)
{
    const pb_operation *get = documents(rpc, "documents.get");
    const pb_operation *download = documents(rpc, "documents.download");
    pb_content content;
    const pb_json *document;
    pb_str uri, input;

    if (!get || !download)
        return absent(rpc);
    pb_status status = uri_input(rpc, &uri, &input);
    if (status != PB_OK)
        return status;
    if ((status = ask(rpc, get, input, &document)) == PB_OK)
        status = operation_ask(rpc, download, input, &content);
    if (status != PB_OK)
        return not_there(rpc, status, uri);
    pb_str type = pb_json_text(pb_json_get(document, "type"));
    bool text = content_is_text(type, content.body);
    pb_jw_key(writer, "contents");
    pb_jw_open(writer, '[');
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "uri");
    pb_jw_str(writer, uri);
    copy_text(writer, "mimeType", document, "type");
    pb_jw_key(writer, text ? "text" : "blob");
    status = text ? content_text(writer, content.body.data ? content.body : pb_lit(""))
                  : content_base64(writer, content.body);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, ']');
    return status;
}

pb_status resources_templates(struct rpc *rpc, pb_json_writer *writer)
{
    if (!documents(rpc, "documents.get"))
        return absent(rpc);
    pb_jw_key(writer, "resourceTemplates");
    pb_jw_raw(writer, pb_lit("[{\"uriTemplate\":\"" DOCUMENTS "{id}\",\"name\":\"document\","
                             "\"description\":\"A document by its id.\"}]"));
    return PB_OK;
}

/* --- subscriptions: kept with the session, looked at by stream.c --------------------------- */

static pb_status subscribe(struct rpc *rpc, bool on)
{
    const pb_operation *get = documents(rpc, "documents.get");
    const pb_json *document;
    pb_str uri, input;

    if (!get || !documents(rpc, "documents.events"))
        return absent(rpc);
    pb_status status = uri_input(rpc, &uri, &input);
    if (status == PB_OK && on)
        status = not_there(rpc, ask(rpc, get, input, &document), uri);
    if (status != PB_OK)
        return status;
    if (on)
        return session_set(rpc->self, rpc->session, uri, pb_lit("1"));
    session_drop(rpc->self, rpc->session, uri);
    return PB_OK;
}

pb_status resources_subscribe(struct rpc *rpc, pb_json_writer *writer)
{
    (void)writer;
    return subscribe(rpc, true);
}

pb_status resources_unsubscribe(struct rpc *rpc, pb_json_writer *writer)
{
    (void)writer;
    return subscribe(rpc, false);
}
