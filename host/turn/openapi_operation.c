/* openapi_operation.c - one operation in the OpenAPI document: parameters and body; answers are
 * openapi_answers.c.
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
    input->query = openapi_is_get(own) || strcmp(own->method, "DELETE") == 0 ||
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
    if (openapi_is_get(own))
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
        pb_str type = openapi_next_type(&types);
        openapi_media_open(writer, type, is_described(type) ? address : (pb_str){0});
        if (input->example && is_described(type) && !own->upload) {
            pb_jw_key(writer, "example");
            write_rest(writer, input, input->example);
        }
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
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
    openapi_answers_write(api, of);
    pb_jw_close(writer, '}');
}
