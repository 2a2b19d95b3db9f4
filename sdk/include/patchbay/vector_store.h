/* vector_store.h - passages with vectors, found by meaning, by words, or both.
 *
 * A collection is a name that exists as soon as something is put into it; its first vector says how
 * many dimensions it has. The host puts the tenant in front of the name, so that nobody can name
 * another tenant's.
 *
 * Access: each passage carries labels ("public", "owner:key:ci", "group:staff"), a query those of who
 * asks; what shares none is not there. The store applies it inside the search, before it counts to
 * top_k.
 */
#ifndef PATCHBAY_VECTOR_STORE_H
#define PATCHBAY_VECTOR_STORE_H

#include <patchbay/passage.h>
#include <patchbay/plugin.h>

#define PB_VECTOR_STORE_REVISION 1

enum { PB_SEARCH_VECTOR = 0, PB_SEARCH_KEYWORD = 1, PB_SEARCH_HYBRID = 2 };

/* One passage to store. passage: id, text, document, document_id, index and what is known of place
 * and metadata. A NULL vector: it is found by its words alone. */
struct pb_vector_item {
    uint32_t size;
    uint32_t dimensions;
    const float *vector; /* of length 1 */
    const pb_passage *passage;
};

/* All passages of one document: what was stored of it before is replaced, in one durable step. No
 * items: it is removed. */
struct pb_vector_put {
    uint32_t size;
    uint32_t reserved;
    pb_str collection;
    pb_str document_id;
    pb_str type;         /* of the document: "text/html", or absent; "$type" in filters */
    const pb_str *tags;  /* "$tags" in filters */
    size_t tag_count;
    const pb_str *access;
    size_t access_count; /* 0: nobody but those who may see all */
    const pb_vector_item *const *items;
    size_t count;
};

struct pb_vector_query {
    uint32_t size;
    int32_t mode;            /* PB_SEARCH_… */
    pb_str collection;
    const float *vector;     /* for vector and hybrid */
    uint32_t dimensions;
    uint32_t top_k;          /* 1 to 1,000 */
    pb_str text;             /* for keyword and hybrid */
    const pb_filter *filter; /* or NULL */
    const pb_str *access;    /* labels of who asks */
    size_t access_count;
    uint32_t all;            /* 1: whoever asks may see all; access is not looked at */
    uint32_t vectors;        /* 1: the vectors of what is found are wanted too */
    double vector_weight;    /* hybrid: share of the vector half in the fusion, 0 to 1 */
};

/* Which passages: of the whole collection, of one document, or these ids; and only those that the
 * filter matches, where there is one. */
struct pb_vector_selection {
    uint32_t size;
    uint32_t vectors;        /* get: 1: with vectors */
    pb_str collection;
    pb_str document_id;      /* or absent */
    int64_t first, last;     /* of one document: passages of these indexes; last -1: to the end */
    const pb_str *ids;       /* or NULL */
    size_t count;
    const pb_filter *filter; /* or NULL */
    int64_t limit;           /* get: at most so many, in the order of document and index; 0: 1,000 */
    const pb_str *access;    /* as in a query */
    size_t access_count;
    uint32_t all;
    uint32_t reserved;
};

/* The interface; all are required and may park. What is borrowed is borrowed until they return.
 * put      stores the passages of one document, durable on PB_OK; all or none. PB_INVALID when the
 *          dimensions are not the collection's.
 * search   fills `out` (size is set, the rest zero), best first, with the scores of both halves.
 *          PB_UNSUPPORTED for a mode or a filter that it cannot do: it ignores none. A collection
 *          that does not exist is empty.
 * get      passages as they were stored.
 * relabel  gives the passages of one document other access labels, tags and metadata (NULL: an empty
 *          object); durable.
 * remove   what is selected; *removed: how many there were.
 * count    how many are selected. */
typedef struct pb_vector_store {
    PB_LIFECYCLE
    pb_status (*put)(void *self, const pb_vector_put *put);
    pb_status (*search)(void *self, const pb_vector_query *query, pb_passages *out);
    pb_status (*get)(void *self, const pb_vector_selection *selection, pb_passages *out);
    pb_status (*relabel)(void *self, const pb_vector_put *labels, const pb_json *metadata);
    pb_status (*remove)(void *self, const pb_vector_selection *selection, int64_t *removed);
    pb_status (*count)(void *self, const pb_vector_selection *selection, int64_t *out);
} pb_vector_store;

/* PB_VECTOR_STORE("embedded", struct store, store_options, .put = …, .search = …, …) */
#define PB_VECTOR_STORE(name, owner, options, ...)                                                 \
    PB_COMPONENT(pb_vector_store, "vector_store", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `store` is an option of kind PB_KIND_REF. All park. --------------- */

static inline pb_status pb_vectors_put(pb_instance *store, const pb_vector_put *put)
{
    return PB_CALL(vectors_put)(store, put);
}

static inline pb_status pb_vectors_search(pb_instance *store, const pb_vector_query *query,
                                          pb_passages *out)
{
    return PB_CALL(vectors_search)(store, query, out);
}

static inline pb_status pb_vectors_get(pb_instance *store, const pb_vector_selection *selection,
                                       pb_passages *out)
{
    return PB_CALL(vectors_get)(store, selection, out);
}

static inline pb_status pb_vectors_relabel(pb_instance *store, const pb_vector_put *labels,
                                           const pb_json *metadata)
{
    return PB_CALL(vectors_relabel)(store, labels, metadata);
}

static inline pb_status pb_vectors_remove(pb_instance *store, const pb_vector_selection *selection,
                                          int64_t *removed)
{
    return PB_CALL(vectors_remove)(store, selection, removed);
}

static inline pb_status pb_vectors_count(pb_instance *store, const pb_vector_selection *selection,
                                         int64_t *out)
{
    return PB_CALL(vectors_count)(store, selection, out);
}

#endif
