/* vector_store.h - passages with vectors, found by meaning, by words, or both. Draft: may change
 * until two stores exist.
 *
 * A collection is a name that exists as soon as something is put into it; its first vector says how
 * many dimensions it has. The host puts the tenant in front of the name.
 */
#ifndef PATCHBAY_DRAFT_VECTOR_STORE_H
#define PATCHBAY_DRAFT_VECTOR_STORE_H

#include <patchbay/draft/passage.h>
#include <patchbay/plugin.h>

enum { PB_SEARCH_VECTOR = 0, PB_SEARCH_KEYWORD = 1, PB_SEARCH_HYBRID = 2 };

/* One passage to store. */
typedef struct pb_vector_item {
    uint32_t size;
    uint32_t dimensions;
    const float *vector; /* of length 1 */
    const pb_passage *passage;
} pb_vector_item;

typedef struct pb_vector_query {
    uint32_t size;
    int32_t mode;            /* PB_SEARCH_… */
    const float *vector;     /* for vector and hybrid */
    uint32_t dimensions;
    uint32_t top_k;
    pb_str text;             /* for keyword and hybrid */
    const pb_filter *filter; /* or NULL */
} pb_vector_query;

/* Which passages: those of these ids, and those that match the filter where there is one. */
typedef struct pb_vector_selection {
    uint32_t size;
    uint32_t everything; /* 1: all of the collection; ids and filter are not looked at */
    pb_str collection;
    const pb_str *ids;
    size_t count;
    const pb_filter *filter; /* or NULL */
} pb_vector_selection;

/* The interface; all are required and may park. What is borrowed is borrowed until they return.
 * upsert  stores or replaces by passage id; durable on PB_OK; all or none. PB_INVALID when the
 *         dimensions are not the collection's.
 * search  fills `out` (size is set, the rest zero). PB_UNSUPPORTED for a mode or a filter that it
 *         cannot do. A collection that does not exist is empty.
 * remove  what is selected; *removed: how many there were.
 * count   how many are selected. */
typedef struct pb_vector_store {
    PB_LIFECYCLE
    pb_status (*upsert)(void *self, pb_str collection, const pb_vector_item *const *items,
                        size_t count);
    pb_status (*search)(void *self, pb_str collection, const pb_vector_query *query,
                        pb_passages *out);
    pb_status (*remove)(void *self, const pb_vector_selection *selection, int64_t *removed);
    pb_status (*count)(void *self, const pb_vector_selection *selection, int64_t *out);
} pb_vector_store;

/* PB_VECTOR_STORE("embedded", struct store, store_options, .upsert = …, .search = …, …) */
#define PB_VECTOR_STORE(name, owner, options, ...)                                                 \
    PB_COMPONENT(pb_vector_store, "vector_store", 0, name, owner, options, __VA_ARGS__)

#endif
