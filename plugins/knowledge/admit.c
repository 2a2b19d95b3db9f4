/* admit.c - stored bytes become a document, a new version of one, or nothing new. Row, version, job
 * and the end of the blob's being on its way are one step; who came first is decided by conditions
 * in it. */
#include "knowledge.h"

enum { TRIES = 8 };

struct admission {
    const struct knowledge *self;
    const struct incoming *incoming;
    const struct wanted *wanted;
    pb_str id;
    pb_value job[6], blob, late[3], touch;
    pb_statement batch[6];
    size_t count;
};

/* What follows the row itself: its version, its job. */
static void add_rest(struct admission *admission, bool renewed)
{
    pb_value *job = admission->job;

    admission->blob = pb_value_text(admission->incoming->blob);
    job[0] = pb_value_text(pb_uuid());
    job[1] = pb_value_int(KIND_INGEST);
    job[2] = pb_value_int(JOB_QUEUED);
    job[3] = pb_value_int(pb_now());
    job[4] = pb_value_null();
    job[5] = pb_value_text(admission->id);
    admission->late[0] = job[3];
    admission->late[1] = pb_value_text(pb_lit("a newer version came"));
    admission->late[2] = job[5];
    admission->batch[admission->count++] =
        statement_of(sql_version_insert, &job[5], 1, PB_EXPECT_ROW);
    if (renewed)
        admission->batch[admission->count++] =
            statement_of(sql_job_supersede, admission->late, 3, 0);
    admission->batch[admission->count++] = statement_of(sql_job_insert, job, 6, PB_EXPECT_ROW);
    admission->batch[admission->count++] =
        statement_of(sql_blob_kept, &admission->blob, 1, PB_EXPECT_ROW);
}

static pb_status insert(struct admission *admission)
{
    const struct wanted *wanted = admission->wanted;
    const struct incoming *incoming = admission->incoming;
    const struct collection *collection = wanted->collection;

    admission->id = pb_uuid();
    admission->count = 0;
    pb_value values[] = {pb_value_text(admission->id),
                         pb_value_text(wanted->owner),
                         pb_value_int(collection->key),
                         pb_value_text(wanted->name),
                         pb_value_text(incoming->type),
                         pb_value_int(incoming->size),
                         pb_value_text(incoming->digest),
                         pb_value_text(incoming->blob),
                         pb_value_text(wanted->url),
                         pb_value_text(wanted->source),
                         pb_value_text(wanted->source_id),
                         pb_value_text(wanted->source_digest),
                         pb_value_int(wanted->source_modified),
                         pb_value_text(wanted->metadata),
                         pb_value_text(wanted->tags.data ? wanted->tags : collection->tags_json),
                         pb_value_text(wanted->access.data
                                           ? wanted->access
                                           : access_for(collection->access_json, wanted->owner)),
                         pb_value_int(pb_now())};
    admission->batch[admission->count++] =
        statement_of(sql_document_insert, values, COUNT(values), PB_EXPECT_ROW);
    add_rest(admission, false);
    return pb_db_batch(admission->self->database, admission->batch, admission->count, NULL);
}

static pb_status renew(struct admission *admission, int64_t key, int64_t version)
{
    const struct wanted *wanted = admission->wanted;
    const struct incoming *incoming = admission->incoming;
    pb_value values[] = {pb_value_text(incoming->type),
                         pb_value_int(incoming->size),
                         pb_value_text(incoming->digest),
                         pb_value_text(incoming->blob),
                         pb_value_text(wanted->url),
                         pb_value_text(wanted->source_digest),
                         pb_value_int(wanted->source_modified),
                         pb_value_text(wanted->metadata),
                         pb_value_text(wanted->tags),
                         pb_value_text(wanted->access),
                         pb_value_int(pb_now()),
                         pb_value_int(key),
                         pb_value_int(version),
                         pb_value_text(wanted->name)};

    admission->count = 0;
    admission->batch[admission->count++] =
        statement_of(sql_document_renew, values, COUNT(values), PB_EXPECT_ROW);
    add_rest(admission, true);
    return pb_db_batch(admission->self->database, admission->batch, admission->count, NULL);
}

/* These bytes are there: that document is given; one that failed is tried again. */
static pb_status find_same(struct admission *admission, bool *found)
{
    const struct wanted *wanted = admission->wanted;
    pb_value values[] = {pb_value_int(wanted->collection->key),
                         pb_value_text(admission->incoming->digest), pb_value_text(wanted->owner)};
    struct document document = {0};
    pb_rows rows;
    pb_status status = pb_db_query(admission->self->database, sql_document_same, values, 3, &rows);

    *found = status == PB_OK && rows.count;
    if (!*found)
        return status;
    admission->id = pb_cell(&rows, 0, 0)->text;
    document.id = admission->id;
    document.key = pb_cell(&rows, 0, 2)->integer;
    document.collection_key = wanted->collection->key;
    if (pb_cell(&rows, 0, 1)->integer == FAILED)
        status = document_again(admission->self, &document);
    return status;
}

/* One attempt. PB_CONFLICT: somebody was quicker. */
static pb_status try_once(struct admission *admission, bool *duplicate)
{
    const struct wanted *wanted = admission->wanted;
    pb_value values[] = {pb_value_int(wanted->collection->key), pb_value_text(wanted->name),
                         pb_value_text(wanted->owner)};
    pb_rows rows;

    *duplicate = false;
    if (wanted->source.data) {
        if (!wanted->before)
            return insert(admission);
        admission->id = wanted->before->id;
        return renew(admission, wanted->before->key, wanted->before->version);
    }
    pb_status status = find_same(admission, duplicate);
    if (status != PB_OK || *duplicate)
        return status;
    status = pb_db_query(admission->self->database, sql_document_named, values, 3, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return insert(admission);
    admission->id = pb_cell(&rows, 0, 1)->text;
    return renew(admission, pb_cell(&rows, 0, 0)->integer, pb_cell(&rows, 0, 2)->integer);
}

pb_status admit(const struct knowledge *self, const struct incoming *incoming,
                const struct wanted *wanted, pb_str *id, bool *duplicate)
{
    struct admission *admission = PB_NEW(struct admission);
    pb_status status = PB_CONFLICT;

    if (!admission)
        return PB_NO_MEMORY;
    admission->self = self;
    admission->incoming = incoming;
    admission->wanted = wanted;
    for (int i = 0; i < TRIES && status == PB_CONFLICT; i++)
        status = try_once(admission, duplicate);
    if (status == PB_CONFLICT)
        status = pb_fail(PB_CONFLICT, "the collection or the document changed meanwhile");
    if (status != PB_OK || *duplicate)
        incoming_drop(self, incoming);
    *id = admission->id;
    if (status == PB_OK) {
        const pb_principal *principal = pb_principal_running();
        jobs_ring();
        documents_ring(principal ? principal->tenant : self->tenant);
    }
    return status;
}
