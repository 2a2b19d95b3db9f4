/* ingest.c - one document through the pipeline. The vector store replaces all of a document in one
 * step, so that a job that was begun twice leaves what one leaves.
 *
 * What decides who finds the passages is read again right before they are stored, and compared once
 * more behind it: it may have changed meanwhile. */
#include "knowledge.h"

#include <patchbay/media.h>

enum { TITLE_SIZE = 512 };

static const pb_duration PROGRESS_EVERY = 500 * PB_MILLISECOND;

struct ingestion {
    const struct work *work;
    struct document document;
    pb_document carried;
    pb_str model, bytes;
    int64_t revision, tokens;
    char title[TITLE_SIZE]; /* what stages allocate goes with their turn */
    size_t title_size;
    pb_duration told; /* when progress was last written; 0: never */
    bool judged;
};

static pb_status taken_over(void)
{
    return pb_fail(PB_CANCELLED, "the job was cancelled or taken over");
}

static pb_status removed_meanwhile(void)
{
    return pb_fail(PB_DECLINED, "the document was removed");
}

/* --- the document ----------------------------------------------------------------------------- */

static pb_status load(struct ingestion *ingestion, struct document *out)
{
    const struct work *work = ingestion->work;
    pb_value values[] = {pb_value_int(work->document)};
    pb_rows rows;
    pb_status status = pb_db_query(work->self->database, sql_job_document, values, 1, &rows);

    if (status != PB_OK)
        return status;
    if (!rows.count)
        return removed_meanwhile();
    status = document_read(&rows, 0, out);
    ingestion->model = cell_text(pb_cell(&rows, 0, DOCUMENT_CELLS));
    return status == PB_OK && out->deleted ? removed_meanwhile() : status;
}

/* Labels, tags and metadata as they are now. */
static pb_status carry_labels(struct ingestion *ingestion, const struct document *from)
{
    pb_document *to = &ingestion->carried;
    pb_list tags, access;
    pb_status status = words_list(from->tags_json, &tags);

    if (status == PB_OK)
        status = words_list(from->access_json, &access);
    if (status != PB_OK)
        return status;
    to->tags = tags.items;
    to->tag_count = tags.count;
    to->access = access.items;
    to->access_count = access.count;
    ingestion->revision = from->revision;
    return PB_OK;
}

struct gathering {
    pb_writer base;
    char *data;
    size_t size, room;
};

static pb_status gather(pb_writer *base, pb_bytes bytes)
{
    struct gathering *gathering = (struct gathering *)(void *)base;

    if (bytes.size > gathering->room - gathering->size)
        return pb_fail(PB_INTERNAL, "the stored file is longer than it was");
    memcpy(gathering->data + gathering->size, bytes.data, bytes.size);
    gathering->size += bytes.size;
    return PB_OK;
}

static pb_status read_bytes(struct ingestion *ingestion)
{
    const struct document *document = &ingestion->document;
    struct gathering gathering = {.base = {.size = (uint32_t)sizeof(pb_writer), .write = gather},
                                  .room = (size_t)document->size,
                                  .data = (char *)pb_alloc((size_t)document->size + 1)};

    if (!gathering.data)
        return PB_NO_MEMORY;
    pb_status status =
        pb_blob_get(ingestion->work->self->blobs, blob_key(document->blob), NULL, &gathering.base);
    if (status == PB_OK && gathering.size != gathering.room)
        status = pb_fail(PB_UNPROCESSABLE, "the stored file is shorter than it was");
    ingestion->carried.bytes = (pb_bytes){(const uint8_t *)gathering.data, gathering.size};
    return status;
}

/* --- progress --------------------------------------------------------------------------------- */

/* Passages of two models cannot be compared. */
static pb_status check_model(struct ingestion *ingestion)
{
    pb_str model = ingestion->carried.model, known = ingestion->model;
    pb_value values[] = {pb_value_text(model), pb_value_int(ingestion->document.collection_key)};

    if (!model.size || !known.size || pb_str_equal(model, known))
        return PB_OK;
    pb_status status =
        pb_db_query(ingestion->work->self->database, sql_collection_refuse, values, 2, NULL);
    return status != PB_OK
               ? status
               : pb_fail(
                     PB_CONFLICT,
                     "the collection '%.*s' has vectors of %.*s, and the pipeline makes those of "
                     "%.*s: have it indexed anew (collections.reindex)",
                     PB_ARG(ingestion->document.collection), PB_ARG(known), PB_ARG(model));
}

/* As far as there is room, not cut inside of a character. */
static void keep_title(struct ingestion *ingestion)
{
    pb_str title = pb_str_trim(ingestion->carried.title);
    size_t size = title.size < TITLE_SIZE ? title.size : TITLE_SIZE;

    while (size < title.size && size && ((unsigned char)title.data[size] & 0xC0) == 0x80)
        size--;
    if (size)
        memcpy(ingestion->title, title.data, size);
    ingestion->title_size = size;
}

/* Right before the passages are stored: what they are is complete. */
static pb_status before_storing(struct ingestion *ingestion)
{
    const pb_document *carried = &ingestion->carried;
    struct document now;
    pb_status status = load(ingestion, &now);

    ingestion->judged = true;
    keep_title(ingestion);
    ingestion->tokens = 0;
    for (size_t i = 0; i < carried->chunk_count; i++)
        ingestion->tokens += carried->chunks[i]->tokens;
    if (status == PB_OK)
        status = check_model(ingestion);
    return status == PB_OK ? carry_labels(ingestion, &now) : status;
}

static pb_status write_progress(struct ingestion *ingestion, pb_str stage, double share)
{
    const struct work *work = ingestion->work;
    pb_value job[] = {pb_value_text(stage), pb_value_real(share), pb_value_int(work->key),
                      pb_value_text(pb_node_id()), pb_value_int(work->attempts)};
    pb_value document[] = {job[0], job[1], pb_value_int(pb_now()), pb_value_int(work->document)};
    pb_statement batch[] = {statement_of(sql_job_progress, job, 5, PB_ALL_TENANTS | PB_EXPECT_ROW),
                            statement_of(sql_document_stage, document, 4, PB_EXPECT_ROW)};
    pb_rows rows[2];
    pb_status status = pb_db_batch(work->self->database, batch, 2, rows);

    if (status == PB_CONFLICT && rows[1].failed)
        return removed_meanwhile();
    if (status == PB_CONFLICT || (status == PB_OK && pb_cell(&rows[0], 0, 0)->integer))
        return taken_over();
    documents_ring(work->tenant);
    return status;
}

static pb_status progress(void *arg, pb_str stage, double share)
{
    struct ingestion *ingestion = arg;
    pb_duration now = pb_monotonic();
    bool storing = pb_str_is(stage, "storing") && share < 1;
    pb_status status = PB_OK;

    if (!ingestion->told || now - ingestion->told >= PROGRESS_EVERY) {
        pb_scope *scope = pb_scope_begin();
        ingestion->told = now;
        status = write_progress(ingestion, stage, share);
        pb_scope_end(scope);
    }
    return status == PB_OK && storing ? before_storing(ingestion) : status;
}

/* --- the end ---------------------------------------------------------------------------------- */

static pb_status mark_ready(struct ingestion *ingestion)
{
    const struct document *document = &ingestion->document;
    const pb_document *carried = &ingestion->carried;
    pb_value ready[] = {pb_value_int(carried->version),
                        pb_value_text(pb_str_make(ingestion->title_size ? ingestion->title : NULL,
                                                  ingestion->title_size)),
                        pb_value_int((int64_t)carried->chunk_count),
                        pb_value_int(ingestion->tokens),
                        pb_value_int(pb_now()),
                        pb_value_int(document->key)};
    pb_value model[] = {pb_value_text(carried->model.size ? carried->model : pb_str_make(NULL, 0)),
                        pb_value_int(carried->dimensions), pb_value_int(document->collection_key)};
    pb_statement batch[] = {statement_of(sql_document_ready, ready, COUNT(ready), PB_EXPECT_ROW),
                            statement_of(sql_collection_touch, model + 2, 1, 0),
                            statement_of(sql_collection_model, model, 3, 0)};
    pb_status status = pb_db_batch(ingestion->work->self->database, batch, COUNT(batch), NULL);

    documents_ring(ingestion->work->tenant);
    return status;
}

/* The document was removed while its passages came: they must not stay. */
static pb_status take_back(struct ingestion *ingestion)
{
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection,
                                     .collection = ingestion->document.collection,
                                     .document_id = ingestion->document.id,
                                     .last = -1,
                                     .all = 1};
    int64_t removed;
    pb_status status = pb_vectors_remove(ingestion->work->self->vectors, &selection, &removed);

    return status == PB_OK ? removed_meanwhile() : status;
}

/* Files of versions that nobody asks for any more. */
static pb_status drop_old(struct ingestion *ingestion)
{
    const struct knowledge *self = ingestion->work->self;
    int64_t oldest = ingestion->carried.version - self->versions + 1;
    pb_value values[] = {pb_value_int(ingestion->document.key), pb_value_int(oldest),
                         pb_value_int(20)};
    pb_rows rows;
    pb_status status = oldest > 1 ? pb_db_query(self->database, sql_version_list, values, 3, &rows)
                                  : (pb_status)PB_OK;

    for (size_t i = 0; oldest > 1 && status == PB_OK && i < rows.count; i++) {
        const pb_value *cell = pb_cell(&rows, i, 0);
        pb_value gone[] = {values[0], cell[0]};
        status = pb_blob_remove(self->blobs, blob_key(cell[5].text));
        if (status == PB_OK)
            status = pb_db_query(self->database, sql_version_drop, gone, 2, NULL);
    }
    return status;
}

static pb_status finish(struct ingestion *ingestion)
{
    int64_t revision = ingestion->revision;
    pb_status status = mark_ready(ingestion);

    if (status == PB_CONFLICT)
        return take_back(ingestion);
    struct document now;
    if (status == PB_OK)
        status = load(ingestion, &now);
    if (status == PB_DECLINED)
        return take_back(ingestion);
    if (status == PB_OK && now.revision != revision)
        status = document_relabel(ingestion->work->self, &now);
    return status == PB_OK ? drop_old(ingestion) : status;
}

/* --- the pipeline ----------------------------------------------------------------------------- */

static pb_status ignore(pb_sink *sink, const pb_event *event)
{
    (void)sink, (void)event;
    return PB_OK;
}

static pb_status tell_turn(struct ingestion *ingestion, pb_turn *turn)
{
    const struct work *work = ingestion->work;
    pb_value values[] = {pb_value_text(pb_turn_info_of(turn)->id), pb_value_int(work->key),
                         pb_value_text(pb_node_id()), pb_value_int(work->attempts)};
    pb_statement statement = statement_of(sql_job_turn, values, 4, PB_ALL_TENANTS);
    pb_rows rows;
    pb_status status = pb_db_run(work->self->database, &statement, &rows);

    if (status != PB_OK)
        return status;
    return rows.count && !pb_cell(&rows, 0, 0)->integer ? (pb_status)PB_OK : taken_over();
}

/* All of a document is in the memory of its turn at once: nothing of it is stored when that is not
 * enough, and trying again helps only where it was the machine's. */
static pb_status too_large(void)
{
    pb_str why = pb_copy(pb_error_last()->sentence);

    return pb_fail(PB_NO_MEMORY,
                   "the document is too large to be taken in at once: %.*s; raise the limit, or "
                   "divide the document",
                   PB_ARG(why));
}

static pb_status run_pipeline(struct ingestion *ingestion)
{
    pb_turn_spec spec = pb_turn_spec_make();
    pb_sink sink = {.size = (uint32_t)sizeof sink, .emit = ignore};
    pb_turn *turn = NULL;

    spec.pipeline = ingestion->work->self->found;
    spec.principal = pb_principal_running();
    spec.document = &ingestion->carried;
    spec.request_id = ingestion->work->id;
    pb_status status = pb_turn_new(&spec, &turn);
    if (status != PB_OK)
        return status;
    status = tell_turn(ingestion, turn);
    if (status == PB_OK)
        status = pb_turn_run(turn, &sink);
    ingestion->carried.model = pb_copy(ingestion->carried.model);
    if (!ingestion->judged)
        keep_title(ingestion);
    pb_turn_free(turn);
    if (status == PB_NO_MEMORY)
        return too_large();
    if (status == PB_OK && !ingestion->carried.stored)
        status = pb_fail(PB_INVALID, "the pipeline '%.*s' stores no passages: it needs 'store'",
                         PB_ARG(ingestion->work->self->pipeline));
    return status;
}

pb_status ingest_run(const struct work *work)
{
    struct ingestion *ingestion = PB_NEW(struct ingestion);
    pb_document *carried = ingestion ? &ingestion->carried : NULL;

    if (!ingestion)
        return PB_NO_MEMORY;
    ingestion->work = work;
    pb_status status = load(ingestion, &ingestion->document);
    if (status == PB_OK)
        status = read_bytes(ingestion);
    if (status == PB_OK)
        status = carry_labels(ingestion, &ingestion->document);
    if (status != PB_OK)
        return status;
    const struct document *document = &ingestion->document;
    carried->size = (uint32_t)sizeof *carried;
    carried->version = (int32_t)document->version;
    carried->id = document->id;
    carried->collection = document->collection;
    carried->name = document->name;
    carried->type = pb_str_of(pb_media_type(carried->bytes, document->name));
    carried->url = document->url;
    carried->digest = document->digest;
    carried->metadata = document->metadata;
    carried->progress = progress;
    carried->progress_arg = ingestion;
    status = run_pipeline(ingestion);
    return status == PB_OK ? finish(ingestion) : status;
}
