/* reindex.c - a whole collection made into passages again, for another model or another way to cut.
 */
#include "knowledge.h"

enum { PAGE = 50 };

/* A job for each document of a page; *after moves, and is 0 at the end. */
static pb_status queue_page(const struct knowledge *self, int64_t collection, int64_t *after)
{
    pb_value asked[] = {pb_value_int(collection), pb_value_int(*after), pb_value_int(PAGE)};
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, 2 * PAGE);
    pb_value *values = PB_NEW_ARRAY(pb_value, 9 * PAGE);
    pb_rows rows;
    size_t count = 0;
    pb_status status = pb_db_query(self->database, sql_document_page, asked, 3, &rows);

    if (!batch || !values)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < rows.count && status == PB_OK; i++) {
        pb_value *value = &values[9 * i];
        pb_value now = pb_value_int(pb_now());
        value[0] = now;
        value[1] = pb_value_text(pb_lit("the collection is indexed anew"));
        value[2] = pb_value_text(pb_cell(&rows, i, 1)->text);
        value[3] = pb_value_text(pb_uuid());
        value[4] = pb_value_int(KIND_INGEST);
        value[5] = pb_value_int(JOB_QUEUED);
        value[6] = now;
        value[7] = pb_value_null();
        value[8] = value[2];
        batch[count++] = statement_of(sql_job_supersede, value, 3, 0);
        batch[count++] = statement_of(sql_job_insert, value + 3, 6, 0);
        *after = pb_cell(&rows, i, 0)->integer;
    }
    if (status == PB_OK && count)
        status = pb_db_batch(self->database, batch, count, NULL);
    if (rows.count < PAGE)
        *after = 0;
    return status;
}

/* What was found until now is not, until each document is through again: vectors of two models
 * cannot stand in one collection. */
static pb_status empty(const struct knowledge *self, const struct collection *collection)
{
    pb_vector_selection selection = {
        .size = (uint32_t)sizeof selection, .collection = collection->name, .all = 1, .last = -1};
    pb_value when[] = {pb_value_int(pb_now()), pb_value_int(collection->key)};
    pb_value model[] = {pb_value_null(), pb_value_null(), pb_value_int(collection->key)};
    pb_statement batch[] = {statement_of(sql_document_requeue_all, when, 2, 0),
                            statement_of(sql_collection_model, model, 3, 0),
                            statement_of(sql_collection_touch, model + 2, 1, 0)};
    int64_t removed;
    pb_status status = pb_db_batch(self->database, batch, 3, NULL);

    return status == PB_OK ? pb_vectors_remove(self->vectors, &selection, &removed) : status;
}

HANDLER(collections_reindex)
{
    const struct name_in *input = in;
    struct collection *collection = out;
    struct asker asker;
    int64_t after = 0;
    pb_status status = asker_of(call->principal, &asker);

    if (status == PB_OK)
        status = collection_find(self, &asker, input->name, collection);
    if (status == PB_OK && !is_admin(call->principal) &&
        !pb_str_equal(collection->owner, call->principal->id))
        status = pb_fail(PB_FORBIDDEN, "only its owner or an administrator has a collection "
                                       "indexed anew");
    if (status == PB_OK)
        status = empty(self, collection);
    do {
        if (status == PB_OK)
            status = queue_page(self, collection->key, &after);
    } while (status == PB_OK && after);
    jobs_ring();
    documents_ring(call->principal->tenant);
    return status == PB_OK ? collection_find(self, &asker, input->name, collection) : status;
}
