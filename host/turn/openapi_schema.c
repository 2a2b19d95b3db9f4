/* openapi_schema.c - the schemas of the OpenAPI document, each under one name.
 *
 * What a noun's `get` answers is named after the noun (Document), as is what several of its operations
 * answer; a struct in a list is named after the list (passages: Passage). All else has the name of its
 * operation. So the names, from which clients in other languages make types, stay as long as the calls do.
 */
#include "turn/openapi.h"

#include "config/schema.h"

#define ADDRESS "#/components/schemas/"

struct output_style {
    struct schema_style base;
    struct openapi *api;
};

static pb_str address_of(pb_str name)
{
    return pb_printf(ADDRESS "%.*s", PB_ARG(name));
}

static struct openapi_part *find_name(struct openapi *api, pb_str name)
{
    struct openapi_part *at = api->parts;

    while (at && !pb_str_equal(at->name, name))
        at = at->next;
    return at;
}

static struct openapi_part *find_fields(struct openapi *api, const pb_field *fields)
{
    struct openapi_part *at = api->parts;

    while (at && at->fields != fields)
        at = at->next;
    return at;
}

static struct openapi_part *add(struct openapi *api, pb_str name)
{
    struct openapi_part *part = PB_NEW(struct openapi_part);

    if (!part) {
        api->writer.buf->failed = true;
        return NULL;
    }
    part->name = name;
    *(api->last_part ? &api->last_part->next : &api->parts) = part;
    api->last_part = part;
    return part;
}

/* --- names ------------------------------------------------------------------------------------ */

pb_str openapi_name(const char *id, const char *suffix)
{
    pb_buf buf = {0};
    bool begin = true;

    for (; *id; id++) {
        bool letter = *id >= 'a' && *id <= 'z';
        if (*id == '.' || *id == '_') {
            begin = true;
            continue;
        }
        pb_buf_byte(&buf, begin && letter ? (char)(*id - 32) : *id);
        begin = false;
    }
    pb_buf_add(&buf, pb_str_of(suffix));
    return pb_buf_str(&buf);
}

/* "Document" of "documents", "Entry" of "entries"; also of "documents.list". */
static pb_str singular(const char *words)
{
    pb_str word = pb_str_slice(pb_str_of(words), 0, pb_str_find(pb_str_of(words), '.'));

    if (pb_str_ends(word, pb_lit("ies")))
        word = pb_printf("%.*sy", (int)word.size - 3, word.data);
    else if (pb_str_ends(word, pb_lit("s")) && !pb_str_ends(word, pb_lit("ss")))
        word.size--;
    return openapi_name(pb_copy(word).data, "");
}

/* --- tables ----------------------------------------------------------------------------------- */

static pb_str refer(const struct schema_style *base, const pb_field *field)
{
    struct openapi *api = ((const struct output_style *)base)->api;
    const struct openapi_part *known = find_fields(api, field->fields);

    if (known)
        return address_of(known->name);
    pb_str name = singular(pb_field_name(field));
    if (find_name(api, name))
        name = openapi_name(api->operation->id, name.data);
    return openapi_table(api, field->fields, name);
}

pb_str openapi_table(struct openapi *api, const pb_field *fields, pb_str name)
{
    struct output_style style = {.base = {.output = true, .reference = refer}, .api = api};
    struct openapi_part *part = find_fields(api, fields);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (part)
        return address_of(part->name);
    if (!(part = add(api, name)))
        return (pb_str){0};
    part->fields = fields; /* before it is described: it may contain itself */
    schema_json_schema(fields, &style.base, &writer);
    part->text = pb_buf_str(&buf);
    return address_of(name);
}

static bool is_get(const pb_operation *operation)
{
    return pb_str_ends(pb_str_of(operation->id), pb_lit(".get"));
}

static size_t users(const pb_field *output)
{
    const pb_operation *at;
    size_t count = 0;

    for (size_t i = 0; (at = pb_operation_at(i)); i++)
        count += at->output == output;
    return count;
}

void openapi_nouns(struct openapi *api)
{
    for (int others = 0; others < 2; others++)
        for (size_t i = 0; (api->operation = pb_operation_at(i)); i++) {
            const pb_field *output = api->operation->output;
            if (!output || (others ? users(output) < 2 : !is_get(api->operation)))
                continue;
            pb_str name = singular(api->operation->id);
            if (!find_name(api, name))
                (void)openapi_table(api, output, name);
        }
}

/* --- written out ------------------------------------------------------------------------------ */

/* Local addresses become those of the whole document. */
static pb_str readdress(pb_str text)
{
    static const pb_str local = PB_LIT("\"#/$defs/");
    pb_buf buf = {0};
    size_t from = 0;

    for (size_t i = 0; i + local.size <= text.size; i++) {
        if (memcmp(text.data + i, local.data, local.size) != 0)
            continue;
        pb_buf_add(&buf, pb_str_slice(text, from, i - from));
        pb_buf_add(&buf, pb_lit("\"" ADDRESS));
        from = i + local.size;
    }
    pb_buf_add(&buf, pb_str_slice(text, from, text.size));
    return pb_buf_str(&buf);
}

bool openapi_keep(struct openapi *api, pb_str name, pb_str text)
{
    struct openapi_part *part = find_name(api, name);

    if (!part && (part = add(api, name)))
        part->text = text;
    if (part && !pb_str_equal(part->text, text)) {
        pb_log(PB_WARN, "operation '%s' describes the schema '%.*s' otherwise than another one",
               api->operation->id, PB_ARG(name));
        return false;
    }
    return true;
}

/* A schema without its parts. */
static pb_str text_without_parts(const pb_json *schema)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (schema->type != PB_JSON_OBJECT) { /* true and false are schemas */
        pb_json_write(&buf, schema);
        return pb_buf_str(&buf);
    }
    pb_jw_open(&writer, '{');
    for (const pb_json *at = schema->child; at; at = at->next) {
        if (pb_str_is(at->key, "$defs"))
            continue;
        pb_jw_key_str(&writer, at->key);
        pb_jw_json(&writer, at);
    }
    pb_jw_close(&writer, '}');
    return readdress(pb_buf_str(&buf));
}

pb_str openapi_written(struct openapi *api, const char *schema, pb_str name)
{
    const pb_json *json;

    if (pb_json_parse(pb_str_of(schema), &json) != PB_OK) {
        pb_log(PB_ERROR, "operation '%s' has a schema that is no JSON: %.*s", api->operation->id,
               PB_ARG(pb_error_last()->sentence));
        pb_error_clear();
        return (pb_str){0};
    }
    const pb_json *parts = pb_json_get(json, "$defs");
    for (const pb_json *at = parts ? parts->child : NULL; at; at = at->next)
        (void)openapi_keep(api, at->key, text_without_parts(at));
    pb_str title = pb_json_text(pb_json_get(json, "title"));
    pb_str reference = pb_json_text(pb_json_get(json, "$ref"));
    if (reference.size) /* it is one of its parts */
        return address_of(pb_str_slice(reference, sizeof "#/$defs/" - 1, reference.size));
    if (title.size)
        name = title;
    return openapi_keep(api, name, text_without_parts(json)) ? address_of(name) : (pb_str){0};
}

pb_str openapi_output(struct openapi *api, const pb_operation *operation)
{
    pb_str name = openapi_name(operation->id, "Response");

    if (operation->output_schema)
        return openapi_written(api, operation->output_schema, name);
    return operation->output ? openapi_table(api, operation->output, name) : (pb_str){0};
}

void openapi_schemas_write(struct openapi *api)
{
    pb_jw_key(&api->writer, "schemas");
    pb_jw_open(&api->writer, '{');
    for (const struct openapi_part *at = api->parts; at; at = at->next) {
        pb_jw_key_str(&api->writer, at->name);
        pb_jw_raw(&api->writer, at->text);
    }
    pb_jw_close(&api->writer, '}');
}
