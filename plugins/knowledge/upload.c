/* upload.c - documents as somebody sends them: files of a form, or one body by itself. Bytes are
 * stored as they come; only when all of it was read does any of it become a document. */
#include "knowledge.h"

enum { FILES_MOST = 100, FIELD_MOST = 256 << 10 };

struct upload {
    const struct knowledge *self;
    const pb_call *call;
    struct {
        struct incoming incoming;
        pb_str name;
    } files[FILES_MOST];
    size_t count, admitted;
    pb_str collection, name, tags, access, metadata; /* fields as they were sent */
};

static pb_status add_file(struct upload *upload, pb_reader *reader, pb_str name, pb_str type)
{
    if (upload->count == FILES_MOST)
        return pb_fail(PB_TOO_LARGE, "at most %d files are taken at once", FILES_MOST);
    pb_status status = name_check(name, "/name");
    if (status == PB_OK)
        status = incoming_store(upload->self, reader, name, type,
                                &upload->files[upload->count].incoming);
    if (status == PB_OK)
        upload->files[upload->count++].name = name;
    return status;
}

static pb_status take_field(struct upload *upload, pb_multipart *form)
{
    static const char *const names[] = {"collection", "name", "tags", "access", "metadata"};
    pb_str *const places[] = {&upload->collection, &upload->name, &upload->tags, &upload->access,
                              &upload->metadata};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (!pb_str_is(form->part.name, names[i]))
            continue;
        if (places[i]->data)
            return pb_fail_at(PB_INVALID, pb_printf("/%s", names[i]).data, "is given twice");
        return pb_multipart_text(form, FIELD_MOST, places[i]);
    }
    return pb_fail(PB_INVALID,
                   "the form has a field '%.*s': it may have files, collection, name, "
                   "tags, access and metadata",
                   PB_ARG(form->part.name));
}

static pb_status read_form(struct upload *upload)
{
    pb_multipart *form = PB_NEW(pb_multipart);
    pb_status status = form ? pb_multipart_begin(form, upload->call->reader, upload->call->type)
                            : (pb_status)PB_NO_MEMORY;

    while (status == PB_OK && (status = pb_multipart_next(form)) == PB_OK) {
        if (form->part.file_name.data)
            status = add_file(upload, &form->base, pb_copy(form->part.file_name), form->part.type);
        else
            status = take_field(upload, form);
    }
    if (status == PB_DECLINED)
        status = upload->count
                     ? (pb_status)PB_OK
                     : pb_fail(PB_INVALID, "the form has no file: a part with a filename");
    return status;
}

/* A list: JSON, or words with commas between. */
static pb_status list_of(pb_str text, const pb_json **out)
{
    pb_json *list;

    *out = NULL;
    text = pb_str_trim(text);
    if (!text.size)
        return PB_OK;
    if (text.data[0] == '[')
        return pb_json_parse(text, out);
    if (!(list = pb_json_new(PB_JSON_ARRAY, pb_str_make(NULL, 0))))
        return PB_NO_MEMORY;
    while (text.size) {
        pb_str word = pb_str_trim(pb_str_slice(text, 0, pb_str_find(text, ',')));
        text = pb_str_slice(text, pb_str_find(text, ',') + 1, text.size);
        if (word.size && !pb_json_add(list, pb_str_make(NULL, 0), pb_json_string(word)))
            return PB_NO_MEMORY;
    }
    *out = list;
    return PB_OK;
}

static pb_status read_fields(struct upload *upload, struct wanted *wanted)
{
    const pb_json *json;
    pb_str owner = upload->call->principal->id;
    pb_status status = list_of(upload->tags, &json);

    if (status == PB_OK)
        status = words_read(json, "/tags", &wanted->tags);
    if (status == PB_OK)
        status = list_of(upload->access, &json);
    if (status == PB_OK)
        status = access_read(json, owner, &wanted->access);
    if (status == PB_OK)
        status = json_of(pb_str_trim(upload->metadata), &json);
    if (status == PB_OK)
        status = metadata_read(json, &wanted->metadata);
    if (status == PB_OK && upload->name.size && upload->count > 1)
        status = pb_fail_at(PB_INVALID, "/name", "names one file, and %zu came", upload->count);
    if (status == PB_OK && upload->name.size)
        status = name_check(upload->name, "/name");
    wanted->owner = owner;
    return status;
}

static pb_status find_collection(struct upload *upload, struct collection *out)
{
    struct asker asker;
    pb_status status = asker_of(upload->call->principal, &asker);

    if (status == PB_OK)
        status = collection_find(upload->self, &asker, upload->collection, out);
    return status == PB_OK ? collection_open(out, upload->call->principal) : status;
}

/* --- the answer ------------------------------------------------------------------------------- */

static pb_status show_one(struct upload *upload, pb_str id, bool duplicate, pb_json_writer *writer)
{
    struct asker asker = {.id = upload->call->principal->id, .json = pb_lit("[]"), .all = true};
    struct document document;
    pb_status status = document_find(upload->self, &asker, id, &document);

    if (status != PB_OK)
        return status;
    document.duplicate = duplicate;
    document_write(writer, &document);
    return PB_OK;
}

static pb_status admit_all(struct upload *upload, const struct collection *collection,
                           struct wanted *wanted, pb_content *out)
{
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = PB_OK;
    bool fresh = false;

    memset(&buf, 0, sizeof buf);
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "documents");
    pb_jw_open(&writer, '[');
    wanted->collection = collection;
    while (upload->admitted < upload->count && status == PB_OK) {
        size_t i = upload->admitted++;
        bool duplicate = false;
        pb_str id;
        wanted->name = upload->name.size ? upload->name : upload->files[i].name;
        status = admit(upload->self, &upload->files[i].incoming, wanted, &id, &duplicate);
        if (status == PB_OK)
            status = show_one(upload, id, duplicate, &writer);
        fresh = fresh || !duplicate;
    }
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    out->status = fresh ? 201 : 200;
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&buf);
    return status == PB_OK ? pb_buf_status(&buf) : status;
}

RAW(documents_upload)
{
    const struct upload_in *input = in;
    struct upload *upload = PB_NEW(struct upload);
    struct wanted wanted = {0};
    struct collection collection;
    pb_status status;

    if (!upload)
        return PB_NO_MEMORY;
    upload->self = self;
    upload->call = call;
    upload->collection = input->collection;
    upload->name = input->name;
    upload->tags = input->tags;
    upload->access = input->access;
    upload->metadata = input->metadata;
    if (pb_multipart_is(call->type))
        status = read_form(upload);
    else if (!input->name.size)
        status = pb_fail_at(PB_INVALID, "/name",
                            "say what the document is called (?name=…), or "
                            "send a form (multipart/form-data)");
    else
        status = add_file(upload, call->reader, input->name, call->type);
    if (status == PB_OK)
        status = find_collection(upload, &collection);
    if (status == PB_OK)
        status = read_fields(upload, &wanted);
    if (status == PB_OK)
        status = admit_all(upload, &collection, &wanted, out);
    for (size_t i = upload->admitted; i < upload->count; i++) /* nothing of it stays */
        incoming_drop(upload->self, &upload->files[i].incoming);
    return status;
}
