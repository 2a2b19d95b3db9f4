/* documents.c - the operations that read documents: lists by key, one, its versions, its passages,
 * its bytes. What somebody may not see is not there. */
#include "knowledge.h"

#include <inttypes.h>

pb_status no_document(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no document with this id");
}

pb_status document_find(const struct knowledge *self, const struct asker *asker, pb_str id,
                        struct document *out)
{
    pb_value values[5];
    pb_rows rows;

    asker_values(asker, values);
    values[3] = pb_value_text(id);
    values[4] = pb_value_int(0);
    pb_status status = pb_db_query(self->database, sql_document_get, values, 5, &rows);
    if (status != PB_OK)
        return status;
    return rows.count ? document_read(&rows, 0, out) : no_document();
}

pb_status document_own(const struct knowledge *self, const pb_principal *principal, pb_str id,
                       struct document *out)
{
    struct asker asker;
    pb_status status = asker_of(principal, &asker);

    if (status == PB_OK)
        status = document_find(self, &asker, id, out);
    if (status == PB_OK && !asker.all && !pb_str_equal(out->owner, principal->id))
        status = pb_fail(PB_FORBIDDEN, "the document is another's");
    return status;
}

static pb_status state_value(pb_str state, pb_value *out)
{
    *out = pb_value_null();
    for (int i = 0; state.size && state_names[i]; i++)
        if (pb_str_is(state, state_names[i]))
            *out = pb_value_int(i);
    return !state.size || cell_there(out)
               ? (pb_status)PB_OK
               : pb_fail_at(PB_INVALID, "/state", "must be queued, processing, ready or failed");
}

pb_status documents_page(const struct knowledge *self, const struct asker *asker,
                         const struct selection *selection, int64_t before, int64_t limit,
                         pb_rows *rows)
{
    struct collection collection;
    pb_value values[11];
    pb_status status = state_value(selection->state, &values[4]);

    if (status == PB_OK && selection->collection.size)
        status = collection_find(self, asker, selection->collection, &collection);
    if (status != PB_OK)
        return status;
    asker_values(asker, values);
    values[3] = pb_value_int(before);
    values[5] = pb_value_text(selection->tag.size ? selection->tag : pb_str_make(NULL, 0));
    values[6] = pb_value_text(selection->type.size ? selection->type : pb_str_make(NULL, 0));
    values[7] = pb_value_text(selection->name.size ? selection->name : pb_str_make(NULL, 0));
    values[8] = pb_value_text(selection->owner.size ? selection->owner : pb_str_make(NULL, 0));
    values[9] = pb_value_int(limit);
    if (!selection->collection.size)
        return pb_db_query(self->database, sql_document_list, values, 10, rows);
    values[10] = pb_value_int(collection.key);
    return pb_db_query(self->database, sql_document_list_in, values, 11, rows);
}

HANDLER(documents_list)
{
    const struct documents_in *input = in;
    struct documents_out *output = out;
    struct asker asker;
    int64_t before = INT64_MAX;
    pb_rows rows;
    pb_status status = asker_of(call->principal, &asker);

    if (status == PB_OK)
        status = read_cursor(input->cursor, &before);
    if (status == PB_OK)
        status = documents_page(self, &asker, &input->only, before, input->limit + 1, &rows);
    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct document *items = PB_NEW_ARRAY(struct document, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count && status == PB_OK; i++)
        status = document_read(&rows, i, &items[i]);
    output->documents = (pb_list){items, count};
    if (count < rows.count)
        output->next = pb_printf("%" PRId64, items[count - 1].key);
    return status;
}

static pb_status find(const struct knowledge *self, const pb_call *call, pb_str id,
                      struct document *out)
{
    struct asker asker;
    pb_status status = asker_of(call->principal, &asker);

    return status == PB_OK ? document_find(self, &asker, id, out) : status;
}

HANDLER(documents_get)
{
    const struct id_in *input = in;

    return find(self, call, input->id, out);
}

/* --- versions --------------------------------------------------------------------------------- */

static pb_status versions_page(const struct knowledge *self, int64_t document, int64_t before,
                               int64_t limit, pb_rows *rows)
{
    pb_value values[] = {pb_value_int(document), pb_value_int(before), pb_value_int(limit)};

    return pb_db_query(self->database, sql_version_list, values, 3, rows);
}

static void version_read(const pb_rows *rows, size_t row, const struct document *document,
                         struct version *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    out->version = cell[0].integer;
    out->digest = cell_text(&cell[1]);
    out->type = cell_text(&cell[2]);
    out->size = cell[3].integer;
    out->created = time_text(cell[4].integer);
    out->blob = cell_text(&cell[5]);
    out->ready = out->version == document->ready_version;
    out->newest = out->version == document->version;
}

HANDLER(documents_versions)
{
    const struct versions_in *input = in;
    struct versions_out *output = out;
    struct document document;
    pb_rows rows;
    int64_t before = INT64_MAX;
    pb_status status = find(self, call, input->id, &document);

    if (status == PB_OK)
        status = read_cursor(input->cursor, &before);
    if (status == PB_OK)
        status = versions_page(self, document.key, before, input->limit + 1, &rows);
    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct version *items = PB_NEW_ARRAY(struct version, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        version_read(&rows, i, &document, &items[i]);
    output->versions = (pb_list){items, count};
    if (count < rows.count)
        output->next = pb_printf("%" PRId64, items[count - 1].version);
    return PB_OK;
}

/* --- bytes ------------------------------------------------------------------------------------ */

struct download {
    const struct knowledge *self;
    pb_str key;
};

static pb_status download_send(void *arg, pb_writer *writer)
{
    const struct download *download = arg;

    return pb_blob_get(download->self->blobs, download->key, NULL, writer);
}

static pb_str last_part(pb_str name)
{
    for (size_t i = name.size; i; i--)
        if (name.data[i - 1] == '/' || name.data[i - 1] == '\\')
            return i < name.size ? pb_str_slice(name, i, name.size) : name;
    return name;
}

RAW(documents_download)
{
    const struct knowledge *service = self;
    const struct download_in *input = in;
    struct download *download = PB_NEW(struct download);
    pb_blob_info info = {.size = (uint32_t)sizeof info};
    struct document document;
    struct version version;
    pb_rows rows;
    pb_status status = find(service, call, input->id, &document);

    if (status == PB_OK)
        status = versions_page(service, document.key,
                               (input->version ? input->version : document.version) + 1, 1, &rows);
    if (status != PB_OK || !download)
        return status != PB_OK ? status : (pb_status)PB_NO_MEMORY;
    if (rows.count)
        version_read(&rows, 0, &document, &version);
    if (!rows.count || (input->version && version.version != input->version))
        return pb_fail_at(PB_NOT_FOUND, "/version", "this version is not kept");
    *download = (struct download){service, blob_key(version.blob)};
    status = pb_blob_get(service->blobs, download->key, &info, NULL);
    if (status != PB_OK)
        return status;
    out->type = version.type;
    out->length = info.bytes;
    out->file_name = last_part(document.name);
    out->send = download_send;
    out->arg = download;
    return PB_OK;
}

/* --- passages --------------------------------------------------------------------------------- */

HANDLER(documents_chunks)
{
    const struct knowledge *service = self;
    const struct chunks_in *input = in;
    struct chunks_out *output = out;
    struct document document;
    pb_passages found;
    int64_t first = input->first;
    pb_status status = find(service, call, input->id, &document);

    if (status == PB_OK)
        status = read_cursor(input->cursor, &first);
    if (status != PB_OK)
        return status;
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection,
                                     .collection = document.collection,
                                     .document_id = document.id,
                                     .first = first,
                                     .last = first + input->limit - 1,
                                     .limit = input->limit,
                                     .all = 1};
    status = pb_vectors_get(service->vectors, &selection, &found);
    if (status != PB_OK)
        return status;
    struct passage *items = PB_NEW_ARRAY(struct passage, found.count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < found.count; i++) {
        passage_show(found.items[i], &items[i]);
        items[i].collection = document.collection;
        items[i].document = document.name;
    }
    output->chunks = (pb_list){items, found.count};
    if (first + (int64_t)found.count < document.chunks && found.count)
        output->next = pb_printf("%" PRId64, first + (int64_t)found.count);
    return PB_OK;
}
