/* openapi.c - GET /openapi.json: the document around its operations, made once. */
#include "turn/openapi.h"

#include <patchbay/problem.h>
#include <stdlib.h>

static pb_str made; /* malloc'd; absent until somebody asks */

static const char about[] =
    "One description of every call of this server, made from the operations of the host and of the "
    "configured services.\n\nErrors are RFC 9457 problem documents, but for the calls that speak another "
    "API's dialect. Ids are UUIDv7, times are UTC. Pages are asked for with `limit` and `cursor`.";

static const char problem[] = "{\"$ref\":\"#/$defs/Problem\",\"$defs\":{" PB_PROBLEM_SCHEMAS "}}";

static void text(pb_json_writer *writer, const char *key, const char *value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, pb_str_of(value));
}

static void write_head(pb_json_writer *writer)
{
    text(writer, "openapi", "3.1.0");
    pb_jw_key(writer, "info");
    pb_jw_open(writer, '{');
    text(writer, "title", "Patchbay");
    text(writer, "version", PATCHBAY_VERSION);
    text(writer, "description", about);
    pb_jw_key(writer, "license");
    pb_jw_raw(writer, pb_lit("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "servers");
    pb_jw_raw(writer, pb_lit("[{\"url\":\"/\",\"description\":\"The server that this comes from.\"}]"));
}

static pb_str noun_of(const pb_operation *operation)
{
    pb_str id = pb_str_of(operation->id);

    return pb_str_slice(id, 0, pb_str_find(id, '.'));
}

static bool is_first_of_noun(size_t index)
{
    pb_str noun = noun_of(pb_operation_at(index));

    for (size_t i = 0; i < index; i++)
        if (pb_str_equal(noun_of(pb_operation_at(i)), noun))
            return false;
    return true;
}

static void write_tags(pb_json_writer *writer)
{
    pb_jw_key(writer, "tags");
    pb_jw_open(writer, '[');
    for (size_t i = 0; pb_operation_at(i); i++) {
        if (!is_first_of_noun(i))
            continue;
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "name");
        pb_jw_str(writer, noun_of(pb_operation_at(i)));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

/* "get" of "GET". */
static const char *lower(const char *method, char out[16])
{
    size_t i = 0;

    for (; method[i] && i < 15; i++)
        out[i] = (char)(method[i] | 0x20);
    out[i] = 0;
    return out;
}

static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(pb_operation_at(i)->path, pb_operation_at(index)->path) == 0)
            return false;
    return true;
}

static void write_path(struct openapi *api, const char *path)
{
    const pb_operation *at;
    char method[16];

    pb_jw_key(&api->writer, path);
    pb_jw_open(&api->writer, '{');
    for (size_t i = 0; (at = pb_operation_at(i)); i++) {
        if (strcmp(at->path, path) != 0)
            continue;
        pb_jw_key(&api->writer, lower(at->method, method));
        openapi_operation_write(api, operation_of(at));
        (void)pb_step(); /* half a millisecond each, at most */
    }
    pb_jw_close(&api->writer, '}');
}

static void write_components(struct openapi *api)
{
    pb_json_writer *writer = &api->writer;

    pb_jw_key(writer, "components");
    pb_jw_open(writer, '{');
    openapi_failures_write(api);
    openapi_headers_write(api);
    pb_jw_key(writer, "securitySchemes");
    pb_jw_raw(writer,
              pb_lit("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API key.\"},"
                     "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Api-Key\","
                     "\"description\":\"The same in a header of its own.\"}}"));
    openapi_schemas_write(api);
    pb_jw_close(writer, '}');
}

static pb_status make(pb_buf *buf)
{
    struct openapi api = {.writer = pb_json_writer_make(buf), .operation = pb_operation_at(0)};

    (void)openapi_written(&api, problem, pb_lit("Problem"));
    openapi_nouns(&api);
    pb_jw_open(&api.writer, '{');
    write_head(&api.writer);
    write_tags(&api.writer);
    pb_jw_key(&api.writer, "paths");
    pb_jw_open(&api.writer, '{');
    for (size_t i = 0; pb_operation_at(i); i++)
        if (is_first_of_path(i))
            write_path(&api, pb_operation_at(i)->path);
    pb_jw_close(&api.writer, '}');
    write_components(&api);
    pb_jw_close(&api.writer, '}');
    return pb_buf_status(buf);
}

pb_status openapi_document(pb_str *out)
{
    pb_buf buf = {0};
    pb_status status = made.data ? (pb_status)PB_OK : make(&buf);
    char *copy;

    if (status == PB_OK && !made.data) { /* nobody else was first */
        if (!(copy = malloc(buf.size)))
            return PB_NO_MEMORY;
        memcpy(copy, buf.data, buf.size);
        made = pb_str_make(copy, buf.size);
    }
    *out = made;
    return status;
}

void openapi_fini(void)
{
    free((void *)(uintptr_t)made.data);
    made = (pb_str){0};
}
