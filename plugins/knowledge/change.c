/* change.c - the operations that change one document. What decides who finds what is in force when
 * they return; a job beside it makes sure of that also when this process ends in between. */
#include "knowledge.h"

/* A job of this worker, which does the work now: another takes it over should this one die. */
static pb_statement job_now(pb_str id, int64_t kind, pb_str document, pb_value values[6])
{
    values[0] = pb_value_text(id);
    values[1] = pb_value_int(kind);
    values[2] = pb_value_int(JOB_QUEUED);
    values[3] = pb_value_int(pb_now());
    values[4] = pb_value_null();
    values[5] = pb_value_text(document);
    return statement_of(sql_job_insert, values, 6, PB_EXPECT_ROW);
}

/* --- labels ----------------------------------------------------------------------------------- */

/* The metadata as passages have it: with the title of the document, where it has none of its own.
 */
static pb_status titled(const struct document *document, const pb_json **out)
{
    pb_json *copy;

    *out = document->metadata;
    if (!document->title.size || pb_json_get(document->metadata, "title"))
        return PB_OK;
    if (!(copy = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0))))
        return PB_NO_MEMORY;
    *out = copy;
    const pb_json *at = document->metadata ? document->metadata->child : NULL;
    for (; at; at = at->next)
        if (!pb_json_add_copy(copy, at->key, at))
            return PB_NO_MEMORY;
    return pb_json_add(copy, pb_lit("title"), pb_json_string(document->title))
               ? (pb_status)PB_OK
               : (pb_status)PB_NO_MEMORY;
}

pb_status document_relabel(const struct knowledge *self, const struct document *document)
{
    const pb_json *metadata;
    pb_list tags, access;
    pb_status status = words_list(document->tags_json, &tags);

    if (status == PB_OK)
        status = words_list(document->access_json, &access);
    if (status == PB_OK)
        status = titled(document, &metadata);
    if (status != PB_OK || !document->ready_version)
        return status;
    pb_vector_put labels = {.size = (uint32_t)sizeof labels,
                            .collection = document->collection,
                            .document_id = document->id,
                            .type = document->type,
                            .tags = tags.items,
                            .tag_count = tags.count,
                            .access = access.items,
                            .access_count = access.count};
    status = pb_vectors_relabel(self->vectors, &labels, metadata);
    return status == PB_NOT_FOUND ? (pb_status)PB_OK : status; /* it is being made anew */
}

struct change {
    pb_str name, metadata, tags, access;
    int64_t revision; /* that it must have; 0: any */
};

/* Nothing was written: it is not there, or another edit came first. */
static pb_status gone_or_changed(const struct knowledge *self, const pb_call *call, pb_str id)
{
    struct document now;
    pb_status status = document_own(self, call->principal, id, &now);

    if (status != PB_OK)
        return status;
    return call->revision ? pb_call_changed(call) : no_document();
}

/* PB_CONFLICT: it is not there as it should be. */
static pb_status write_change(const struct knowledge *self, const struct document *document,
                              const struct change *change)
{
    pb_value job[6];
    pb_value key = pb_value_int(document->collection_key);
    pb_value values[] = {pb_value_text(change->name), pb_value_text(change->metadata),
                         pb_value_text(change->tags), pb_value_text(change->access),
                         pb_value_int(pb_now()),      pb_value_int(document->key),
                         pb_value_int(change->revision)};
    pb_statement batch[] = {statement_of(sql_document_update, values, COUNT(values), PB_EXPECT_ROW),
                            job_now(pb_uuid(), KIND_RELABEL, document->id, job),
                            statement_of(sql_collection_touch, &key, 1, 0)};

    return pb_db_batch(self->database, batch, COUNT(batch), NULL);
}

HANDLER(documents_update)
{
    const struct document_in *input = in;
    struct document *document = out;
    struct change change = {.name = input->name, .revision = call->revision};
    pb_str id = input->id;
    pb_status status = document_own(self, call->principal, id, document);

    if (status == PB_OK && input->name.data)
        status = name_check(input->name, "/name");
    if (status == PB_OK)
        status = metadata_read(input->metadata, &change.metadata);
    if (status == PB_OK)
        status = words_read(input->tags, "/tags", &change.tags);
    if (status == PB_OK)
        status = access_read(input->access, document->owner, &change.access);
    if (status == PB_OK)
        status = write_change(self, document, &change);
    if (status == PB_CONFLICT)
        return gone_or_changed(self, call, id);
    struct asker asker = {.id = call->principal->id, .json = pb_lit("[]"), .all = true};
    if (status == PB_OK)
        status = document_find(self, &asker, id, document);
    if (status == PB_OK)
        status = document_relabel(self, document);
    if (status != PB_OK)
        return status;
    jobs_ring();
    documents_ring(call->principal->tenant);
    return PB_OK;
}

pb_status document_tag(const struct knowledge *self, const struct document *document, pb_str tags)
{
    struct change change = {.tags = tags};
    struct document changed = *document;
    pb_status status = write_change(self, document, &change);

    changed.tags_json = tags;
    if (status == PB_CONFLICT)
        return no_document();
    return status == PB_OK ? document_relabel(self, &changed) : status;
}

/* --- cancelling ------------------------------------------------------------------------------- */

struct cancelled {
    size_t count;
    bool runs; /* one of them, in whatever worker: it ends as soon as its stages let it */
};

static pb_status cancel_jobs(const struct knowledge *self, int64_t document, pb_str why,
                             struct cancelled *out)
{
    const pb_principal *asks = pb_principal_running();
    pb_principal worker = {.size = (uint32_t)sizeof worker,
                           .id = pb_lit("system:knowledge"),
                           .tenant = asks ? asks->tenant : self->tenant};
    pb_value values[] = {pb_value_int(pb_now()), pb_value_text(why), pb_value_int(document)};
    pb_rows rows;
    pb_status status = pb_db_query(self->database, sql_job_cancel, values, 3, &rows);

    *out = (struct cancelled){.count = rows.count};
    for (size_t i = 0; i < rows.count && status == PB_OK; i++) {
        const pb_value *cell = pb_cell(&rows, i, 0);
        out->runs = out->runs || cell[0].integer == JOB_RUNNING;
        if (cell_there(&cell[1]) && pb_turn_cancel(cell_text(&cell[1]), &worker) != PB_OK)
            pb_error_clear(); /* it just ended */
    }
    return status;
}

/* --- removing --------------------------------------------------------------------------------- */

/* PB_CONFLICT: it is not there as it should be. */
static pb_status remove_revision(const struct knowledge *self, const struct document *document,
                                 int64_t revision)
{
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection,
                                     .collection = document->collection,
                                     .document_id = document->id,
                                     .last = -1,
                                     .all = 1};
    pb_value job[6], key = pb_value_int(document->collection_key);
    pb_value values[] = {pb_value_int(pb_now()), pb_value_int(document->key),
                         pb_value_int(revision)};
    pb_value late[] = {values[0], pb_value_text(pb_lit("the document was removed")),
                       pb_value_text(document->id)};
    pb_statement batch[] = {statement_of(sql_document_delete, values, 3, PB_EXPECT_ROW),
                            statement_of(sql_job_supersede, late, 3, 0),
                            job_now(pb_uuid(), KIND_REMOVE, document->id, job),
                            statement_of(sql_collection_touch, &key, 1, 0)};
    int64_t removed;
    pb_status status = pb_db_batch(self->database, batch, COUNT(batch), NULL);

    if (status == PB_CONFLICT)
        return status;
    if (status == PB_OK)
        status = pb_vectors_remove(self->vectors, &selection, &removed);
    struct cancelled cancelled;
    if (status == PB_OK)
        status = cancel_jobs(self, document->key, late[1].text, &cancelled);
    return status;
}

pb_status document_remove(const struct knowledge *self, const struct document *document)
{
    pb_status status = remove_revision(self, document, 0);

    return status == PB_CONFLICT ? no_document() : status;
}

HANDLER(documents_delete)
{
    const struct id_in *input = in;
    struct document document;
    pb_status status = document_own(self, call->principal, input->id, &document);

    (void)out;
    if (status == PB_OK)
        status = remove_revision(self, &document, call->revision);
    if (status == PB_CONFLICT)
        return gone_or_changed(self, call, input->id);
    if (status != PB_OK)
        return status;
    jobs_ring();
    documents_ring(call->principal->tenant);
    return PB_OK;
}

/* --- again, and not at all -------------------------------------------------------------------- */

pb_status document_again(const struct knowledge *self, const struct document *document)
{
    pb_value job[6];
    pb_value values[] = {pb_value_int(pb_now()), pb_value_int(document->key)};
    pb_value late[] = {values[0], pb_value_text(pb_lit("it was wanted again")),
                       pb_value_text(document->id)};
    pb_statement batch[] = {statement_of(sql_document_requeue, values, 2, PB_EXPECT_ROW),
                            statement_of(sql_job_supersede, late, 3, 0),
                            job_now(pb_uuid(), KIND_INGEST, document->id, job)};
    pb_status status = pb_db_batch(self->database, batch, COUNT(batch), NULL);

    return status == PB_CONFLICT ? no_document() : status;
}

HANDLER(documents_reprocess)
{
    const struct id_in *input = in;
    struct document *document = out;
    pb_str id = input->id;
    pb_status status = document_own(self, call->principal, id, document);

    if (status == PB_OK)
        status = document_again(self, document);
    if (status == PB_OK)
        status = document_own(self, call->principal, id, document);
    if (status != PB_OK)
        return status;
    jobs_ring();
    documents_ring(call->principal->tenant);
    return PB_OK;
}

HANDLER(documents_cancel)
{
    const struct knowledge *service = self;
    const struct id_in *input = in;
    struct document *document = out;
    struct cancelled cancelled;
    pb_str id = input->id, why = pb_lit("it was cancelled");
    pb_status status = document_own(service, call->principal, id, document);

    if (status == PB_OK)
        status = cancel_jobs(service, document->key, why, &cancelled);
    if (status != PB_OK)
        return status;
    if (!cancelled.count)
        return pb_fail(PB_CONFLICT, "nothing is being done with this document");
    if (!cancelled.runs) {
        pb_value failed[] = {pb_value_int(FAILED), pb_value_text(why), pb_value_int(pb_now()),
                             pb_value_int(document->key), pb_value_int(document->version)};
        status = pb_db_query(service->database, sql_document_failed, failed, 5, NULL);
    }
    documents_ring(call->principal->tenant);
    return status == PB_OK ? document_own(service, call->principal, id, document) : status;
}
