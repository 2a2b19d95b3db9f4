/* desk.h - a service whose operations become tools and documents, and a stage that cites. Included
 * by kit.h. */
#ifndef TEST_MCP_DESK_H
#define TEST_MCP_DESK_H

#include "testkit.h"

struct desk {
    bool documents;
};

static const pb_field desk_options[] = {
    PB_BOOL(struct desk, documents, .help = "Nothing here reads it but the table of options."),
    PB_END};

struct note {
    pb_str id, text;
    int64_t count;
};

static const pb_field note_fields[] = {
    PB_STR(struct note, id, .required = 1, .max_length = 8, .help = "Which."),
    PB_STR(struct note, text, .help = "What it says."),
    PB_INT(struct note, count, .max = 5, .help = "How often."), PB_END};

static pb_status notes_get(void *self, const pb_call *call, const void *in, void *out)
{
    const struct note *input = in;

    (void)self, (void)call;
    if (pb_str_is(input->id, "gone"))
        return pb_fail(PB_NOT_FOUND, "there is no such note");
    *(struct note *)out = (struct note){input->id, pb_lit("hello"), input->count};
    return PB_OK;
}

static pb_status notes_delete(void *self, const pb_call *call, const void *in, void *out)
{
    (void)self, (void)call, (void)in, (void)out;
    return PB_OK;
}

static pb_status send_bytes(void *arg, pb_writer *writer)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        pb_status status = writer->write(writer, (pb_bytes){(const uint8_t *)"\x00\xff", 2});
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

static pb_status notes_image(void *self, const pb_call *call, const void *in, pb_content *out)
{
    (void)self, (void)call, (void)in;
    out->type = pb_lit("image/png");
    out->send = send_bytes;
    return PB_OK;
}

static pb_status notes_long(void *self, const pb_call *call, const void *in, pb_content *out)
{
    char *text = pb_alloc(100000);

    (void)self, (void)call, (void)in;
    if (!text)
        return PB_NO_MEMORY;
    memset(text, 'x', 100000);
    out->type = pb_lit("text/plain");
    out->body = pb_str_make(text, 100000);
    return PB_OK;
}

struct page {
    int64_t limit;
    pb_str cursor;
};
static const pb_field page_fields[] = {PB_INT(struct page, limit, .help = "How many."),
                                       PB_STR(struct page, cursor, .help = "Where."), PB_END};

static pb_status documents_list(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct page *page = in;

    (void)self, (void)call;
    if (page->cursor.size && !pb_str_is(page->cursor, "2"))
        return pb_fail_at(PB_INVALID, "/cursor", "is no cursor");
    out->body = page->cursor.size
                    ? pb_lit("{\"documents\":[{\"id\":\"d2\",\"name\":\"b.png\",\"type\":"
                             "\"image/png\",\"size\":6}]}")
                    : pb_lit("{\"documents\":[{\"id\":\"d1\",\"name\":\"a.md\",\"title\":\"A\","
                             "\"type\":\"text/markdown\",\"size\":3,\"updated\":"
                             "\"2026-01-02T03:04:05.000Z\"}],\"next\":\"2\"}");
    return PB_OK;
}

struct id {
    pb_str id;
};
static const pb_field id_fields[] = {PB_STR(struct id, id, .required = 1, .help = "Which."),
                                     PB_END};

static pb_status documents_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct id *input = in;

    (void)self, (void)call;
    if (pb_str_is(input->id, "d1"))
        out->body = pb_lit("{\"id\":\"d1\",\"name\":\"a.md\",\"type\":\"text/markdown\"}");
    else if (pb_str_is(input->id, "d2"))
        out->body = pb_lit("{\"id\":\"d2\",\"name\":\"b.png\",\"type\":\"image/png\"}");
    else
        return pb_fail(PB_NOT_FOUND, "there is no such document");
    return PB_OK;
}

static pb_status documents_download(void *self, const pb_call *call, const void *in,
                                    pb_content *out)
{
    const struct id *input = in;

    (void)self, (void)call;
    out->type = pb_lit("application/octet-stream");
    if (pb_str_is(input->id, "d1"))
        out->body = pb_lit("# A");
    else
        out->send = send_bytes;
    return PB_OK;
}

static pb_status send_changes(void *arg, pb_writer *writer)
{
    static const char *const events[] = {
        ": watching\n\n",
        "event: document\ndata: {\"id\":\"d1\",\"state\":\"processing\",\"version\":1}\n\n",
        "event: document\ndata: {\"id\":\"d1\",\"state\":\"processing\",\"version\":1}\n\n",
        "event: document\ndata: {\"id\":\"d1\",\"state\":\"ready\",\"version\":1}\n\n",
        "event: document\ndata: {\"id\":\"d2\",\"state\":\"ready\",\"version\":1}\n\n",
    };

    (void)arg;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        pb_status status =
            writer->write(writer, (pb_bytes){(const uint8_t *)events[i], strlen(events[i])});
        if (status == PB_OK)
            status = pb_sleep(PB_SECOND);
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

static pb_status documents_events(void *self, const pb_call *call, const void *in, pb_content *out)
{
    (void)self, (void)call, (void)in;
    out->type = pb_lit("text/event-stream");
    out->send = send_changes;
    return PB_OK;
}

#define NOTE .input = note_fields, .input_size = sizeof(struct note)
#define ID   .input = id_fields, .input_size = sizeof(struct id), .scope = "documents"

static const pb_operation desk_operations[] = {
    {PB_OPERATION("notes.get", "GET", "/v1/notes/{id}", "One note."), NOTE, .output = note_fields,
     .output_size = sizeof(struct note), .handle = notes_get, .scope = "notes",
     .description = "More about it."},
    {PB_OPERATION("notes.delete", "DELETE", "/v1/notes/{id}", "Removes a note."), NOTE,
     .handle = notes_delete, .scope = "notes"},
    {PB_OPERATION("notes.image", "POST", "/v1/image", "A picture."), .raw = notes_image},
    {PB_OPERATION("notes.long", "GET", "/v1/long", "Too much."), .raw = notes_long},
    {PB_OPERATION("notes.secret", "GET", "/v1/secret", "No tool."), .raw = notes_long,
     .flags = PB_OPERATION_NO_TOOL},
    {PB_OPERATION("notes.either", "POST", "/v1/either", "A list, or one."), .raw = notes_long,
     .input_schema = "{\"type\":\"object\",\"oneOf\":[{},{}]}"},
    {PB_OPERATION("notes.free", "POST", "/v1/free", "Takes what it says itself."),
     .raw = notes_image, .input_schema = "{\"type\":\"object\",\"title\":\"Free\"}",
     .output_schema = "{\"type\":\"object\",\"title\":\"Picture\"}",
     .output_type = "application/json, image/png"},
    {PB_OPERATION("notes.upload", "POST", "/v1/upload", "Takes a file."), .raw = notes_image,
     .upload = 1},
    {PB_OPERATION("documents.list", "GET", "/v1/documents", "Documents."), .raw = documents_list,
     .input = page_fields, .input_size = sizeof(struct page), .scope = "documents"},
    {PB_OPERATION("documents.get", "GET", "/v1/documents/{id}", "One."), .raw = documents_get, ID},
    {PB_OPERATION("documents.download", "GET", "/v1/documents/{id}/content", "Bytes."),
     .raw = documents_download, ID},
    {PB_OPERATION("documents.events", "GET", "/v1/documents/events", "Changes."),
     .raw = documents_events, .scope = "documents"},
    PB_OPERATION_END};

/* A stage that tells where an answer comes from. */
static pb_status cite_run(void *self, pb_turn *turn, const pb_next *next)
{
    static const char *const sources[] = {"{\"document_id\":\"d1\",\"document\":\"a.md\"}",
                                          "{\"document_id\":\"d1\",\"document\":\"a.md\"}",
                                          "{\"url\":\"http://a\"}"};
    pb_status status = pb_run_next(next, turn);

    (void)self;
    for (size_t i = 0; i < 3 && status == PB_OK; i++) {
        pb_event event = pb_event_make(PB_EVENT_SOURCE);
        status = pb_json_parse(pb_str_of(sources[i]), &event.data);
        if (status == PB_OK)
            status = pb_emit(turn, &event);
    }
    return status;
}

/* A cache that nobody reaches. */
static pb_status away_get(void *self, pb_str key, pb_bytes *out)
{
    (void)self, (void)key, (void)out;
    return pb_fail(PB_UNAVAILABLE, "nobody is at home");
}

static pb_status away_set(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    (void)value, (void)options;
    return away_get(self, key, NULL);
}

static pb_status away_increment(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                                int64_t *out)
{
    (void)by, (void)options, (void)out;
    return away_get(self, key, NULL);
}

static pb_status away_take(void *self, pb_str key, pb_bucket *bucket)
{
    (void)bucket;
    return away_get(self, key, NULL);
}

static pb_status away_remove(void *self, pb_str key)
{
    return away_get(self, key, NULL);
}

PB_PLUGIN("desk", "0.1.0", "Apache-2.0", "Notes and documents.",
          PB_STAGE("cite", struct desk, desk_options, .run = cite_run),
          PB_CACHE("away", struct desk, desk_options, .get = away_get, .set = away_set,
                   .add = away_set, .increment = away_increment, .take = away_take,
                   .remove = away_remove, .remove_tag = away_remove),
          PB_SERVICE("desk", struct desk, desk_options, .operations = desk_operations));

#endif
