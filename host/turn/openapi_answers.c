/* openapi_answers.c - the answers of one operation in the OpenAPI document: those of success with their schemas
 * and headers, and how it fails. */
#include "turn/openapi.h"

static void text(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

bool openapi_is_get(const pb_operation *own)
{
    return strcmp(own->method, "GET") == 0;
}

static bool has_field(const pb_field *fields, const char *name)
{
    return fields && operation_field(fields, name);
}

/* --- contents ----------------------------------------------------------------------------------- */

void openapi_media_open(pb_json_writer *writer, pb_str type, pb_str address)
{
    pb_jw_key_str(writer, type);
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "schema");
    if (address.size)
        pb_jw_raw(writer, pb_printf("{\"$ref\":\"%.*s\"}", PB_ARG(address)));
    else
        pb_jw_raw(writer, pb_str_starts(type, pb_lit("text/")) ? pb_lit("{\"type\":\"string\"}")
                                                               : pb_lit("{}"));
}

pb_str openapi_next_type(pb_str *types)
{
    pb_str type = pb_str_slice(*types, 0, pb_str_find(*types, ','));

    *types = pb_str_slice(*types, type.size + 1, types->size);
    return pb_str_trim(type);
}

/* --- success ------------------------------------------------------------------------------------ */

static const char *success_title(int32_t status)
{
    switch (status) {
    case 201:
        return "It was made.";
    case 202:
        return "It was taken, and goes on.";
    case 204:
        return "Done; there is nothing to tell.";
    case 206:
        return "The part that was asked for.";
    case 304:
        return "It has not changed.";
    case 503:
        return "Not now.";
    default:
        return "The answer.";
    }
}

static void write_content(struct openapi *api, const pb_operation *own)
{
    static const char both[] = "application/json, text/event-stream";
    pb_json_writer *writer = &api->writer;
    bool streams = own->flags & PB_OPERATION_STREAMS;
    pb_str types = pb_str_of(own->output_type ? own->output_type : streams ? both : "application/json");

    pb_jw_key(writer, "content");
    pb_jw_open(writer, '{');
    while (types.size) {
        pb_str type = openapi_next_type(&types), address = {0};
        bool json = pb_str_contains(type, pb_lit("json"));
        if (json)
            address = openapi_output(api, own);
        else if (own->event_schema && pb_str_is(type, "text/event-stream"))
            address = openapi_written(api, own->event_schema, openapi_name(own->id, "Event"));
        openapi_media_open(writer, type, address);
        if (json && own->output_example) {
            pb_jw_key(writer, "example");
            pb_jw_raw(writer, pb_str_of(own->output_example));
        }
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
}

static void write_success(struct openapi *api, const pb_operation *own, int32_t status)
{
    pb_json_writer *writer = &api->writer;

    pb_jw_key(writer, pb_printf("%d", status).data);
    pb_jw_open(writer, '{');
    text(writer, "description", pb_str_of(success_title(status)));
    pb_jw_key(writer, "headers");
    pb_jw_open(writer, '{');
    openapi_header_refer(writer, "X-Request-Id");
    if ((own->flags & PB_OPERATION_REVISIONS) && has_field(own->output, "revision"))
        openapi_header_refer(writer, "ETag");
    if (has_field(own->output, "next"))
        openapi_header_refer(writer, "Link");
    for (const pb_header_help *at = own->answer_headers; at && at->name; at++) {
        pb_jw_key(writer, at->name);
        pb_jw_open(writer, '{');
        text(writer, "description", pb_str_of(at->help));
        pb_jw_key(writer, "schema");
        pb_jw_raw(writer, pb_lit("{\"type\":\"string\"}"));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
    if (status != 204 && status != 304)
        write_content(api, own);
    pb_jw_close(writer, '}');
}

/* --- failures --------------------------------------------------------------------------------- */

/* In the shape of the API that it is of. */
static void write_foreign(struct openapi *api, const pb_operation *own,
                          const struct openapi_failure *failure)
{
    pb_json_writer *writer = &api->writer;
    pb_str address = openapi_written(api, own->error_schema, openapi_name(own->id, "Error"));

    pb_jw_open(writer, '{');
    text(writer, "description", pb_str_of(failure->title));
    pb_jw_key(writer, "headers");
    pb_jw_open(writer, '{');
    openapi_header_refer(writer, "X-Request-Id");
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "content");
    pb_jw_open(writer, '{');
    openapi_media_open(writer, pb_lit("application/json"), address);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* What the server refuses before anybody knows what it is about is a problem document in all APIs. */
static bool is_of_server(const struct openapi_failure *failure)
{
    return failure->http == 414 || failure->http == 431;
}

static bool is_success(const pb_operation *own, int32_t http)
{
    for (const int32_t *at = own->answers; at && *at; at++)
        if (*at == http)
            return true;
    return false;
}

void openapi_answers_write(struct openapi *api, const struct operation *of)
{
    const struct openapi_failure *failures[OPENAPI_FAILURES];
    const pb_operation *own = &of->operation;
    int32_t usual[] = {own->handle && !own->output ? 204 : 200, 0};
    size_t count = openapi_failures_of(of, failures);

    pb_jw_key(&api->writer, "responses");
    pb_jw_open(&api->writer, '{');
    for (const int32_t *at = own->answers ? own->answers : usual; *at; at++)
        write_success(api, own, *at);
    if ((own->flags & PB_OPERATION_REVISIONS) && openapi_is_get(own))
        write_success(api, own, 304);
    for (size_t i = 0; i < count; i++) {
        if (is_success(own, failures[i]->http))
            continue;
        pb_jw_key(&api->writer, pb_printf("%d", failures[i]->http).data);
        if (own->error_schema && !is_of_server(failures[i]))
            write_foreign(api, own, failures[i]);
        else
            pb_jw_raw(&api->writer,
                      pb_printf("{\"$ref\":\"#/components/responses/%s\"}", failures[i]->name));
    }
    pb_jw_close(&api->writer, '}');
}
