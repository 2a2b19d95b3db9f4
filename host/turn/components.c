/* components.c - calls of the components that know documents: each a span, each under its contract. A
 * tenant's collections and blobs have its name in front of theirs: nobody can name another's. */
#include "turn/component.h"

#include <patchbay/blob_store.h>
#include <patchbay/classifier.h>
#include <patchbay/document.h>
#include <patchbay/embedder.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/source.h>
#include <patchbay/vector_store.h>

enum { COLLECTION_MOST = 128, BLOB_KEY_MOST = 512 };

#define INTERFACE(type, instance) ((const type *)(const void *)(instance)->interface)

pb_status component_scope(pb_str name, size_t most, pb_str *out)
{
    const pb_principal *principal = task_local()->principal;
    pb_str tenant = principal && principal->tenant.size ? principal->tenant : pb_lit("default");

    if (!name.size || name.size > most)
        return pb_fail(PB_INVALID, "a name of 1 to %zu bytes is needed, not one of %zu", most,
                       name.size);
    *out = pb_printf("%.*s/%.*s", PB_ARG(tenant), PB_ARG(name));
    return out->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

/* --- embedder --------------------------------------------------------------------------------- */

pb_status host_embed(pb_instance *embedder, const pb_embed_request *request, float *out)
{
    if (!request->count)
        return PB_OK;
    struct component_call call = component_enter(embedder, "embedder");
    return component_leave(
        &call, INTERFACE(pb_embedder, embedder)->embed(embedder->self, request, out));
}

size_t host_embed_dimensions(pb_instance *embedder)
{
    return INTERFACE(pb_embedder, embedder)->dimensions(embedder->self);
}

pb_str host_embed_model(pb_instance *embedder)
{
    return INTERFACE(pb_embedder, embedder)->model(embedder->self);
}

size_t host_embed_tokens(pb_instance *embedder, pb_str text)
{
    const pb_embedder *interface = INTERFACE(pb_embedder, embedder);

    return interface->tokens ? interface->tokens(embedder->self, text) : (text.size + 3) / 4;
}

/* --- vector store ------------------------------------------------------------------------------ */

/* Copies what came from a plugin that may know fewer members, and scopes its collection. */
#define TAKE(own, from)                                                                            \
    memcpy(&(own), (from), (from)->size < sizeof(own) ? (from)->size : sizeof(own));               \
    (own).size = (uint32_t)sizeof(own);                                                            \
    pb_status status = component_scope((own).collection, COLLECTION_MOST, &(own).collection)

pb_status host_vectors_put(pb_instance *store, const pb_vector_put *put)
{
    pb_vector_put own = {0};

    TAKE(own, put);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(&call, INTERFACE(pb_vector_store, store)->put(store->self, &own));
}

pb_status host_vectors_search(pb_instance *store, const pb_vector_query *query, pb_passages *out)
{
    pb_vector_query own = {0};

    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    TAKE(own, query);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(&call, INTERFACE(pb_vector_store, store)->search(store->self, &own, out));
}

pb_status host_vectors_get(pb_instance *store, const pb_vector_selection *selection,
                           pb_passages *out)
{
    pb_vector_selection own = {0};

    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    TAKE(own, selection);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(&call, INTERFACE(pb_vector_store, store)->get(store->self, &own, out));
}

pb_status host_vectors_relabel(pb_instance *store, const pb_vector_put *labels,
                               const pb_json *metadata)
{
    pb_vector_put own = {0};

    TAKE(own, labels);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(
        &call, INTERFACE(pb_vector_store, store)->relabel(store->self, &own, metadata));
}

pb_status host_vectors_remove(pb_instance *store, const pb_vector_selection *selection,
                              int64_t *removed)
{
    pb_vector_selection own = {0};

    *removed = 0;
    TAKE(own, selection);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(
        &call, INTERFACE(pb_vector_store, store)->remove(store->self, &own, removed));
}

pb_status host_vectors_count(pb_instance *store, const pb_vector_selection *selection, int64_t *out)
{
    pb_vector_selection own = {0};

    *out = 0;
    TAKE(own, selection);
    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "vector_store");
    return component_leave(&call, INTERFACE(pb_vector_store, store)->count(store->self, &own, out));
}

/* --- blobs ------------------------------------------------------------------------------------- */

static bool part_fine(pb_str part)
{
    return part.size && !pb_str_is(part, ".") && !pb_str_is(part, "..");
}

static pb_status blob_key(pb_str key, pb_str *out)
{
    size_t from = 0;

    for (size_t i = 0; i <= key.size; i++) {
        char byte = i < key.size ? key.data[i] : '/';
        bool fine = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                    (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-' ||
                    byte == '/';
        if (!fine || (byte == '/' && !part_fine(pb_str_slice(key, from, i - from))))
            return pb_fail(PB_INVALID, "'%.*s' is no key of a blob: letters, digits and ._-/ make "
                                       "one, without empty parts, '.' or '..'",
                           PB_ARG(key));
        if (byte == '/')
            from = i + 1;
    }
    return component_scope(key, BLOB_KEY_MOST, out);
}

pb_status host_blob_put(pb_instance *store, pb_str key, pb_str type, pb_reader *reader)
{
    pb_status status = blob_key(key, &key);

    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "blob_store");
    return component_leave(&call,
                           INTERFACE(pb_blob_store, store)->put(store->self, key, type, reader));
}

pb_status host_blob_get(pb_instance *store, pb_str key, pb_blob_info *info, pb_writer *writer)
{
    pb_status status = blob_key(key, &key);

    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "blob_store");
    return component_leave(&call,
                           INTERFACE(pb_blob_store, store)->get(store->self, key, info, writer));
}

pb_status host_blob_remove(pb_instance *store, pb_str key)
{
    pb_status status = blob_key(key, &key);

    if (status != PB_OK)
        return status;
    struct component_call call = component_enter(store, "blob_store");
    return component_leave(&call, INTERFACE(pb_blob_store, store)->remove(store->self, key));
}

pb_status host_blob_url(pb_instance *store, pb_str key, pb_time expiry, pb_str *out)
{
    pb_status status = blob_key(key, &key);

    if (status != PB_OK)
        return status;
    if (!INTERFACE(pb_blob_store, store)->url)
        return pb_fail(PB_UNSUPPORTED, "blob store '%.*s' gives no links", PB_ARG(store->name));
    struct component_call call = component_enter(store, "blob_store");
    return component_leave(&call,
                           INTERFACE(pb_blob_store, store)->url(store->self, key, expiry, out));
}

/* --- extractor, classifier --------------------------------------------------------------------- */

bool host_extractor_accepts(pb_instance *extractor, const pb_blob *blob)
{
    void *before = instance_enter(extractor);
    bool accepts = INTERFACE(pb_extractor, extractor)->accepts(extractor->self, blob);

    instance_leave(before);
    return accepts;
}

pb_status host_extract(pb_instance *extractor, const pb_blob *blob, pb_blocks *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    struct component_call call = component_enter(extractor, "extractor");
    return component_leave(&call,
                           INTERFACE(pb_extractor, extractor)->extract(extractor->self, blob, out));
}

pb_status host_classify(pb_instance *classifier, const pb_classify_request *request, pb_labels *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    struct component_call call = component_enter(classifier, "classifier");
    return component_leave(
        &call, INTERFACE(pb_classifier, classifier)->classify(classifier->self, request, out));
}

/* --- source ------------------------------------------------------------------------------------ */

pb_status host_source_list(pb_instance *source, pb_str cursor, pb_source_page *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    struct component_call call = component_enter(source, "source");
    return component_leave(&call, INTERFACE(pb_source, source)->list(source->self, cursor, out));
}

pb_status host_source_fetch(pb_instance *source, pb_str id, pb_writer *writer)
{
    struct component_call call = component_enter(source, "source");
    return component_leave(&call, INTERFACE(pb_source, source)->fetch(source->self, id, writer));
}

pb_status host_source_watch(pb_instance *source,
                            pb_status (*changed)(void *, const pb_source_entry *), void *arg)
{
    if (!INTERFACE(pb_source, source)->watch)
        return pb_fail(PB_UNSUPPORTED, "source '%.*s' cannot watch", PB_ARG(source->name));
    struct component_call call = component_enter(source, "source");
    return component_leave(&call, INTERFACE(pb_source, source)->watch(source->self, changed, arg));
}

/* --- retriever, reranker ----------------------------------------------------------------------- */

pb_status host_retrieve(pb_instance *retriever, const pb_retrieve_request *request, pb_passages *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    struct component_call call = component_enter(retriever, "retriever");
    return component_leave(
        &call, INTERFACE(pb_retriever, retriever)->retrieve(retriever->self, request, out));
}

pb_status host_surround(pb_instance *retriever, const pb_surround_request *request, pb_passages *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    if (!INTERFACE(pb_retriever, retriever)->surround)
        return pb_fail(PB_UNSUPPORTED, "retriever '%.*s' knows nothing around what it finds",
                       PB_ARG(retriever->name));
    struct component_call call = component_enter(retriever, "retriever");
    return component_leave(
        &call, INTERFACE(pb_retriever, retriever)->surround(retriever->self, request, out));
}

pb_status host_retriever_version(pb_instance *retriever, const pb_retrieve_request *request,
                                 pb_str *out)
{
    const pb_retriever *interface = INTERFACE(pb_retriever, retriever);

    *out = (pb_str){0};
    if (interface->size < sizeof *interface || !interface->version)
        return pb_fail(PB_UNSUPPORTED, "retriever '%.*s' cannot tell when it finds other passages",
                       PB_ARG(retriever->name));
    struct component_call call = component_enter(retriever, "retriever");
    return component_leave(&call, interface->version(retriever->self, request, out));
}

pb_status host_rerank(pb_instance *reranker, pb_str query, const pb_passages *in, pb_passages *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    struct component_call call = component_enter(reranker, "reranker");
    return component_leave(
        &call, INTERFACE(pb_reranker, reranker)->rerank(reranker->self, query, in, out));
}
