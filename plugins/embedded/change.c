/* change.c - other labels for a document; removing documents, or passages of them. Each is a change
 * with a version of its own, as putting is. */
#include "embedded.h"

enum { AT_ONCE = 256 };

static pb_status not_there(const pb_vector_put *labels)
{
    return pb_fail(PB_NOT_FOUND, "there is no document '%.*s'", PB_ARG(labels->document_id));
}

pb_status store_relabel(void *arg, const pb_vector_put *put, const pb_json *metadata)
{
    struct store *self = arg;
    struct place place = place_of(put->collection);
    pb_status status = place_find(self, &place);
    pb_rows rows[3] = {{.size = sizeof rows[0]}};
    pb_value which[] = {pb_value_int(place.id), pb_value_text(put->document_id)};

    if (status == PB_OK && place.id)
        status = ask(self, sql_document_find, which, 2, rows);
    if (status != PB_OK)
        return status;
    if (!place.id || !rows[0].count)
        return not_there(put);
    const pb_value *found = pb_cell(&rows[0], 0, 0);
    struct labels labels = {.document_id = put->document_id,
                            .name = found[1].text,
                            .type = put->type.data ? put->type : found[2].text,
                            .tags = put->tags,
                            .access = put->access,
                            .tag_count = put->tag_count,
                            .access_count = put->access_count,
                            .metadata = metadata};
    pb_str attributes;
    pb_buf text = {0};
    if (metadata)
        pb_json_write(&text, metadata);
    else
        pb_buf_add(&text, pb_lit("{}"));
    status = attributes_make(&labels, &attributes);
    if (status != PB_OK || text.failed)
        return text.failed ? (pb_status)PB_NO_MEMORY : status;
    pb_value values[] = {pb_value_text(place.name),
                         found[0],
                         pb_value_text(labels.type),
                         pb_value_text(strings_text(put->tags, put->tag_count)),
                         pb_value_text(strings_text(put->access, put->access_count)),
                         pb_value_text(pb_buf_str(&text)),
                         pb_value_bytes(attributes.data, attributes.size)};
    pb_statement statements[] = {about(&place, sql_collection_touch, values, 1),
                                 about(&place, sql_document_relabel, values, 7),
                                 about(&place, sql_change_log, values, 1)};
    statements[1].flags = PB_EXPECT_ROW;
    status = pb_db_batch(self->database, statements, 3, rows);
    return status == PB_CONFLICT && rows[1].failed ? not_there(put) : status;
}

/* --- removing
 * ---------------------------------------------------------------------------------------- */

struct removing {
    struct store *self;
    const struct place *place;
    int64_t ids[AT_ONCE], documents[AT_ONCE];
    size_t count, document_count;
    int64_t removed;
};

/* What somebody else has removed meanwhile is no error, and not counted. */
static pb_status remove_documents(struct removing *removing)
{
    pb_value values[] = {pb_value_text(removing->place->name),
                         pb_value_text(ids_text(removing->ids, removing->count))};
    pb_statement statements[6] = {about(removing->place, sql_collection_touch, values, 1),
                                  about(removing->place, sql_document_retire_many, values, 2),
                                  about(removing->place, sql_change_log, values, 1)};
    pb_rows rows[6];

    if (!removing->count)
        return PB_OK;
    statements[1].flags = PB_EXPECT_ROW;
    sweep_statements(removing->place, statements + 3);
    pb_status status = pb_db_batch(removing->self->database, statements, 6, rows);
    if (status == PB_CONFLICT && rows[1].failed) {
        pb_error_clear();
        status = PB_OK;
    } else if (status == PB_OK) {
        for (size_t i = 0; i < rows[1].count; i++)
            removing->removed += pb_cell(&rows[1], i, 0)->integer;
    }
    removing->count = 0;
    return status;
}

static pb_status remove_passages(struct removing *removing)
{
    pb_value passages[] = {pb_value_text(ids_text(removing->ids, removing->count))};
    pb_value values[] = {pb_value_text(removing->place->name),
                         pb_value_text(ids_text(removing->documents, removing->document_count))};
    pb_statement statements[] = {about(removing->place, sql_collection_touch, values, 1),
                                 about(removing->place, sql_float_drop, passages, 1),
                                 about(removing->place, sql_passage_drop, passages, 1),
                                 about(removing->place, sql_document_shrink, values, 2),
                                 about(removing->place, sql_change_log, values, 1)};
    pb_rows rows[5];

    if (!removing->count)
        return PB_OK;
    statements[2].flags = statements[3].flags = PB_EXPECT_ROW;
    pb_status status = pb_db_batch(removing->self->database, statements, 5, rows);
    if (status == PB_CONFLICT && (rows[2].failed || rows[3].failed)) {
        pb_error_clear();
        status = PB_OK;
    } else if (status == PB_OK) {
        removing->removed += rows[2].changed;
    }
    removing->count = removing->document_count = 0;
    return status;
}

static pb_status remove_document(void *arg, const struct chosen *one)
{
    struct removing *removing = arg;

    removing->ids[removing->count++] = one->document;
    return removing->count == AT_ONCE ? remove_documents(removing) : (pb_status)PB_OK;
}

/* They come document by document. */
static pb_status remove_passage(void *arg, const struct chosen *one)
{
    struct removing *removing = arg;

    removing->ids[removing->count++] = one->id;
    if (!removing->document_count ||
        removing->documents[removing->document_count - 1] != one->document)
        removing->documents[removing->document_count++] = one->document;
    return removing->count == AT_ONCE ? remove_passages(removing) : (pb_status)PB_OK;
}

pb_status store_remove(void *arg, const pb_vector_selection *selection, int64_t *removed)
{
    struct choice choice;
    pb_status status = choice_open(arg, selection, &choice);
    struct removing removing = {.self = arg, .place = &choice.place};

    *removed = 0;
    if (status == PB_OK && choice.place.id && selects_parts(selection)) {
        status = chosen_passages(arg, selection, &choice, INT64_MAX, remove_passage, &removing);
        status = status == PB_OK ? remove_passages(&removing) : status;
    } else if (status == PB_OK && choice.place.id) {
        status = chosen_documents(arg, selection, &choice, remove_document, &removing);
        status = status == PB_OK ? remove_documents(&removing) : status;
        if (status == PB_OK && removing.removed > 1024 && store_sweep(arg, &choice.place) != PB_OK)
            pb_error_clear();
    }
    *removed = removing.removed;
    choice_close(&choice);
    return status;
}
