/* store - the stage that puts all passages of a document into a vector store, in one durable step.
 */
#include "ingest.h"

const pb_field store_options[] = {
    PB_REF(struct store, vectors, "vector_store", .required = 1, .help = "Where they are kept."),
    PB_END,
};

void store_stats(void *self, pb_stats *stats)
{
    const struct store *store = self;

    pb_stat(stats, "stored_documents", (double)store->documents);
    pb_stat(stats, "stored_passages", (double)store->passages);
}

/* The metadata with the title, where it has none. */
static pb_status titled(const pb_document *document, const pb_json **out)
{
    *out = document->metadata;
    if (!document->title.size || pb_json_get(document->metadata, "title"))
        return PB_OK;
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    const pb_json *at = document->metadata ? document->metadata->child : NULL;
    for (; at; at = at->next)
        (void)pb_json_add_copy(object, at->key, at);
    *out = object;
    return pb_json_add(object, pb_lit("title"), pb_json_string(document->title))
               ? (pb_status)PB_OK
               : (pb_status)PB_NO_MEMORY;
}

/* One passage as it is stored; those of the document stay as they are. */
static pb_vector_item *item_of(const pb_document *document, size_t index, const pb_json *metadata)
{
    pb_vector_item *item = PB_NEW(pb_vector_item);
    pb_passage *passage = PB_NEW(pb_passage);

    if (!item || !passage)
        return NULL;
    *passage = *document->chunks[index];
    passage->document = document->name;
    passage->document_id = document->id;
    passage->url = document->url;
    passage->metadata = metadata;
    item->size = (uint32_t)sizeof *item;
    item->passage = passage;
    if (document->vectors) {
        item->dimensions = document->dimensions;
        item->vector = document->vectors + index * document->dimensions;
    }
    return item;
}

static pb_status put(const struct store *store, const pb_document *document)
{
    const pb_vector_item **items = PB_NEW_ARRAY(const pb_vector_item *, document->chunk_count);
    const pb_json *metadata;
    pb_status status = items ? titled(document, &metadata) : (pb_status)PB_NO_MEMORY;

    for (size_t i = 0; i < document->chunk_count && status == PB_OK; i++) {
        items[i] = item_of(document, i, metadata);
        status = items[i] ? pb_step() : (pb_status)PB_NO_MEMORY;
    }
    if (status != PB_OK)
        return status;
    return pb_vectors_put(store->vectors, &(pb_vector_put){.size = sizeof(pb_vector_put),
                                                           .collection = document->collection,
                                                           .document_id = document->id,
                                                           .type = document->type,
                                                           .tags = document->tags,
                                                           .tag_count = document->tag_count,
                                                           .access = document->access,
                                                           .access_count = document->access_count,
                                                           .items = items,
                                                           .count = document->chunk_count});
}

pb_status store_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct store *store = self;
    pb_document *document;
    pb_status status = ingest_document(turn, "store", &document);

    if (status != PB_OK)
        return status;
    if (!document->chunk_count)
        return pb_fail(PB_INVALID, "there are no passages to store: put 'chunk' before 'store'");
    status = pb_document_progress(document, "storing", 0);
    if (status == PB_OK)
        status = put(store, document);
    if (status != PB_OK)
        return status;
    document->stored = 1;
    store->documents++;
    store->passages += (int64_t)document->chunk_count;
    status = pb_document_progress(document, "storing", 1);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
