/* retriever.h - a query to passages. Draft: may change until two retrievers exist. */
#ifndef PATCHBAY_DRAFT_RETRIEVER_H
#define PATCHBAY_DRAFT_RETRIEVER_H

#include <patchbay/draft/passage.h>
#include <patchbay/plugin.h>

/* What to look for. Borrowed until retrieve returns. */
typedef struct pb_retrieve_request {
    uint32_t size;
    uint32_t top_k;          /* at most so many passages, at least 1 */
    pb_str query;            /* as a person would ask it */
    const pb_filter *filter; /* or NULL */
} pb_retrieve_request;

/* The interface. retrieve is required and may park. It fills `out` (size is set, the rest zero);
 * nothing found is PB_OK with no passages. PB_UNAVAILABLE when what it asks cannot be reached,
 * PB_UNSUPPORTED for a filter that it cannot apply: it must not ignore one. */
typedef struct pb_retriever {
    PB_LIFECYCLE
    pb_status (*retrieve)(void *self, const pb_retrieve_request *request, pb_passages *out);
} pb_retriever;

/* PB_RETRIEVER("web", struct web, web_options, .retrieve = web_retrieve) */
#define PB_RETRIEVER(name, owner, options, ...)                                                    \
    PB_COMPONENT(pb_retriever, "retriever", 0, name, owner, options, __VA_ARGS__)

#endif
