/* openapi_operation.c - one operation in the OpenAPI document: parameters, body, answers.
 *
 * Fields of the table that are in the path are path parameters. Of GET and DELETE, of uploads and of bodies
 * that are written out the others are the query's; else they are the body.
 */
#include "turn/openapi.h"

#include "config/schema.h"

struct input {
    const struct operation *of;
    const pb_json *properties, *required; /* of the table, or NULL */
    const pb_json *example;
    bool query; /* what is not in the path is in the query */
};

static void text(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

static bool is_get(const pb_operation *own)
{
    return strcmp(own->method, "GET") == 0;
}

static bool has_field(const pb_field *fields, const char *name)
{
    return fields && operation_field(fields, name);
}

static bool in_path(const struct input *input, pb_str name)
{
    for (size_t i = 0; i < input->of->segment_count; i++)
        if (input->of->segments[i].variable && pb_str_equal(input->of->segments[i].text, name))
            return true;
    return false;
}

static bool is_required(const struct input *input, pb_str name)
{
    for (const pb_json *at = input->required ? input->required->child : NULL; at; at = at->next)
        if (pb_str_equal(at->text, name))
            return true;
    return false;
}

static pb_str table_text(const pb_field *fields)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    schema_json_schema(fields, NULL, &writer);
    return pb_buf_str(&buf);
}

static void read_input(const struct operation *of, struct input *input)
{
    const pb_operation *own = &of->operation;
    const pb_json *schema = NULL;

    *input = (struct input){.of = of};
    if (own->input && pb_json_parse(table_text(own->input), &schema) == PB_OK) {
        input->properties = pb_json_get(schema, "properties");
        input->required = pb_json_get(schema, "required");
    }
    if (own->input_example && pb_json_parse(pb_str_of(own->input_example), &input->example) != PB_OK)
        pb_log(PB_ERROR, "operation '%s' has an example that is no JSON", own->id);
    input->query = is_get(own) || strcmp(own->method, "DELETE") == 0 ||
                   own->upload || own->input_schema;
    pb_error_clear();
}

/* --- parameters ------------------------------------------------------------------------------- */

/* A schema without what is said beside it. */
static void write_schema(pb_json_writer *writer, const pb_json *schema)
{
    pb_jw_key(writer, "schema");
    pb_jw_open(writer, '{');
    for (const pb_json *at = schema->child; at; at = at->next) {
        if (pb_str_is(at->key, "description") || pb_str_is(at->key, "deprecated"))
            continue;
        pb_jw_key_str(writer, at->key);
        pb_jw_json(writer, at);
    }
    pb_jw_close(writer, '}');
}

static void write_parameter(pb_json_writer *writer, const struct input *input, const pb_json *field)
{
    bool path = in_path(input, field->key);
    const pb_json *example = pb_json_member(input->example, field->key);

    pb_jw_open(writer, '{');
    text(writer, "name", field->key);
    text(writer, "in", path ? pb_lit("path") : pb_lit("query"));
    if (pb_json_get(field, "description"))
        text(writer, "description", pb_json_text(pb_json_get(field, "description")));
    pb_jw_key(writer, "required");
    pb_jw_bool(writer, path || is_required(input, field->key));
    if (pb_json_get(field, "deprecated")) {
        pb_jw_key(writer, "deprecated");
        pb_jw_bool(writer, true);
    }
    write_schema(writer, field);
    if (example) {
        pb_jw_key(writer, "example");
        pb_jw_json(writer, example);
    }
    pb_jw_close(writer, '}');
}

static void write_header(pb_json_writer *writer, const pb_header_help *header)
{
    pb_jw_open(writer, '{');
    text(writer, "name", pb_str_of(header->name));
    text(writer, "in", pb_lit("header"));
    text(writer, "description", pb_str_of(header->help));
    pb_jw_key(writer, "required");
    pb_jw_bool(writer, false);
    pb_jw_key(writer, "schema");
    pb_jw_raw(writer, pb_lit("{\"type\":\"string\"}"));
    pb_jw_close(writer, '}');
}

static void write_conditions(pb_json_writer *writer, const pb_operation *own)
{
    static const pb_header_help match = {"If-Match", "The ETag that was seen: 412 when it was changed since."};
    static const pb_header_help none = {"If-None-Match", "The ETag that is known: 304 while it is that."};

    if (!(own->flags & PB_OPERATION_REVISIONS))
        return;
    write_header(writer, &match);
    if (is_get(own))
        write_header(writer, &none);
}

static void write_parameters(pb_json_writer *writer, const struct input *input)
{
    const pb_operation *own = &input->of->operation;

    pb_jw_key(writer, "parameters");
    pb_jw_open(writer, '[');
    for (const pb_json *at = input->properties ? input->properties->child : NULL; at; at = at->next)
        if (input->query || in_path(input, at->key))
            write_parameter(writer, input, at);
    for (const pb_header_help *at = own->request_headers; at && at->name; at++)
        write_header(writer, at);
    write_conditions(writer, own);
    pb_jw_close(writer, ']');
}

/* --- body ------------------------------------------------------------------------------------- */

/* The members of an object that are not in the path. */
static void write_rest(pb_json_writer *writer, const struct input *input, const pb_json *object)
{
    pb_jw_open(writer, '{');
    for (const pb_json *at = object->child; at; at = at->next) {
        if (in_path(input, at->key))
            continue;
        pb_jw_key_str(writer, at->key);
        pb_jw_json(writer, at);
    }
    pb_jw_close(writer, '}');
}

static bool has_body_fields(const struct input *input, bool required)
{
    for (const pb_json *at = input->properties ? input->properties->child : NULL; at; at = at->next)
        if (!in_path(input, at->key) && (!required || is_required(input, at->key)))
            return true;
    return false;
}

static pb_str body_of_table(const struct input *input)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    text(&writer, "type", pb_lit("object"));
    pb_jw_key(&writer, "properties");
    write_rest(&writer, input, input->properties);
    if (has_body_fields(input, true)) {
        pb_jw_key(&writer, "required");
        pb_jw_open(&writer, '[');
        for (const pb_json *at = input->required->child; at; at = at->next)
            if (!in_path(input, at->text))
                pb_jw_str(&writer, at->text);
        pb_jw_close(&writer, ']');
    }
    pb_jw_key(&writer, "additionalProperties");
    pb_jw_bool(&writer, false);
    pb_jw_close(&writer, '}');
    return pb_buf_str(&buf);
}

static pb_str body_schema(struct openapi *api, const struct input *input)
{
    const pb_operation *own = &input->of->operation;
    pb_str name = openapi_name(own->id, "Request");

    if (own->input_schema)
        return openapi_written(api, own->input_schema, name);
    if (own->upload || !openapi_keep(api, name, body_of_table(input)))
        return (pb_str){0};
    return pb_printf("#/components/schemas/%.*s", PB_ARG(name));
}

/* Is a body of this type text or a form that the schema is about? */
static bool is_described(pb_str type)
{
    return pb_str_contains(type, pb_lit("json")) || pb_str_contains(type, pb_lit("form"));
}

static void write_media(pb_json_writer *writer, pb_str type, pb_str address)
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

/* The next of several types with ", " between. */
static pb_str next_type(pb_str *types)
{
    pb_str type = pb_str_slice(*types, 0, pb_str_find(*types, ','));

    *types = pb_str_slice(*types, type.size + 1, types->size);
    return pb_str_trim(type);
}

static void write_body(struct openapi *api, const struct input *input)
{
    const pb_operation *own = &input->of->operation;
    pb_json_writer *writer = &api->writer;

    if (!own->upload && !own->input_schema && (input->query || !has_body_fields(input, false)))
        return;
    pb_str address = body_schema(api, input);
    pb_str types = pb_str_of(own->input_type ? own->input_type : "application/json");
    pb_jw_key(writer, "requestBody");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "required");
    pb_jw_bool(writer, own->upload || own->input_schema || has_body_fields(input, true));
    pb_jw_key(writer, "content");
    pb_jw_open(writer, '{');
    while (types.size) {
        pb_str type = next_type(&types);
        write_media(writer, type, is_described(type) ? address : (pb_str){0});
        if (input->example && is_described(type) && !own->upload) {
            pb_jw_key(writer, "example");
            write_rest(writer, input, input->example);
        }
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* --- answers ---------------------------------------------------------------------------------- */

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
        pb_str type = next_type(&types), address = {0};
        bool json = pb_str_contains(type, pb_lit("json"));
        if (json)
            address = openapi_output(api, own);
        else if (own->event_schema && pb_str_is(type, "text/event-stream"))
            address = openapi_written(api, own->event_schema, openapi_name(own->id, "Event"));
        write_media(writer, type, address);
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
    write_media(writer, pb_lit("application/json"), address);
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

static void write_answers(struct openapi *api, const struct operation *of)
{
    const struct openapi_failure *failures[OPENAPI_FAILURES];
    const pb_operation *own = &of->operation;
    int32_t usual[] = {own->handle && !own->output ? 204 : 200, 0};
    size_t count = openapi_failures_of(of, failures);

    pb_jw_key(&api->writer, "responses");
    pb_jw_open(&api->writer, '{');
    for (const int32_t *at = own->answers ? own->answers : usual; *at; at++)
        write_success(api, own, *at);
    if ((own->flags & PB_OPERATION_REVISIONS) && is_get(own))
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

/* --- the whole -------------------------------------------------------------------------------- */

static pb_str description(const pb_operation *own)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, pb_str_of(own->description ? own->description : own->summary));
    if (own->scope)
        pb_buf_printf(&buf, "\n\nScope: `%s`.", own->scope);
    if (own->max_body)
        pb_buf_printf(&buf, "\n\nThe body has at most %.*s.", PB_ARG(schema_size_text(own->max_body)));
    if (own->timeout)
        pb_buf_printf(&buf, "\n\nIt takes at most %.*s.", PB_ARG(schema_duration_text(own->timeout)));
    return pb_buf_str(&buf);
}

void openapi_operation_write(struct openapi *api, const struct operation *of)
{
    const pb_operation *own = &of->operation;
    pb_json_writer *writer = &api->writer;
    pb_str id = pb_str_of(own->id);
    struct input input;

    api->operation = own;
    read_input(of, &input);
    pb_jw_open(writer, '{');
    text(writer, "operationId", id);
    text(writer, "summary", pb_str_of(own->summary));
    text(writer, "description", description(own));
    pb_jw_key(writer, "tags");
    pb_jw_open(writer, '[');
    pb_jw_str(writer, pb_str_slice(id, 0, pb_str_find(id, '.')));
    pb_jw_close(writer, ']');
    if (own->scope)
        text(writer, "x-scope", pb_str_of(own->scope));
    pb_jw_key(writer, "security");
    pb_jw_raw(writer, own->public_access ? pb_lit("[]") : pb_lit("[{\"bearer\":[]},{\"apiKey\":[]}]"));
    write_parameters(writer, &input);
    write_body(api, &input);
    write_answers(api, of);
    pb_jw_close(writer, '}');
}
