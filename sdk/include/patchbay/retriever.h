/* retriever.h - a question to passages of documents. */
#ifndef PATCHBAY_RETRIEVER_H
#define PATCHBAY_RETRIEVER_H

#include <patchbay/passage.h>
#include <patchbay/plugin.h>

#define PB_RETRIEVER_REVISION 1

/* What to look for. Borrowed until retrieve returns. Whoever runs the turn or the operation is who
 * asks: what they may not see is not found. */
struct pb_retrieve_request {
    uint32_t size;
    uint32_t top_k;         /* at most so many passages, at least 1 */
    int32_t mode;           /* PB_SEARCH_… of vector_store.h; -1: as the retriever is configured */
    uint32_t vectors;       /* 1: vectors are wanted with the passages */
    pb_str query;           /* as a person would ask it */
    const pb_str *collections; /* names; none: all that the retriever has */
    size_t collection_count;
    const pb_str *documents; /* only of these, by id; none: of all */
    size_t document_count;
    const pb_filter *filter; /* or NULL */
    double vector_weight;    /* hybrid: 0 to 1; below 0: as configured */
};

/* More of what was found: the passages of a document from `first` to `last` (-1: to its end). */
struct pb_surround_request {
    uint32_t size;
    uint32_t reserved;
    const pb_passage *passage; /* as retrieve gave it */
    int64_t first, last;
};

/* The interface. retrieve is required and may park. It fills `out` (size is set, the rest zero);
 * nothing found is PB_OK with no passages. PB_UNAVAILABLE when what it asks cannot be reached,
 * PB_UNSUPPORTED for a filter that it cannot apply: it must not ignore one.
 * surround is optional: passages of the same document in their order, the given one among them.
 * version is optional and may park: a text in the running scope that is another one as soon as the
 * request could find other passages (a document came, went, or is for others): what was kept of an
 * earlier answer is then out of date. */
typedef struct pb_retriever {
    PB_LIFECYCLE
    pb_status (*retrieve)(void *self, const pb_retrieve_request *request, pb_passages *out);
    pb_status (*surround)(void *self, const pb_surround_request *request, pb_passages *out);
    pb_status (*version)(void *self, const pb_retrieve_request *request, pb_str *out);
} pb_retriever;

/* PB_RETRIEVER("web", struct web, web_options, .retrieve = web_retrieve) */
#define PB_RETRIEVER(name, owner, options, ...)                                                    \
    PB_COMPONENT(pb_retriever, "retriever", 1, name, owner, options, __VA_ARGS__)

/* For those that use one. Parks. */
static inline pb_status pb_retrieve(pb_instance *retriever, const pb_retrieve_request *request,
                                    pb_passages *out)
{
    return PB_CALL(retrieve)(retriever, request, out);
}

/* PB_UNSUPPORTED: this retriever knows nothing around what it finds. Parks. */
static inline pb_status pb_surround(pb_instance *retriever, const pb_surround_request *request,
                                    pb_passages *out)
{
    return PB_CALL(surround)(retriever, request, out);
}

/* PB_UNSUPPORTED: this retriever cannot tell. Parks. */
static inline pb_status pb_retriever_version(pb_instance *retriever,
                                             const pb_retrieve_request *request, pb_str *out)
{
    return PB_CALL(retriever_version)(retriever, request, out);
}

#endif
