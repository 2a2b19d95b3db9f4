/* reranker.h - passages in better order. */
#ifndef PATCHBAY_RERANKER_H
#define PATCHBAY_RERANKER_H

#include <patchbay/passage.h>
#include <patchbay/plugin.h>

#define PB_RERANKER_REVISION 1

/* The interface. rerank is required and may park. It fills `out` (size is set, the rest zero) with
 * passages of `in`, best first, with scores of its own: a changed passage is a copy. It may leave
 * out what has nothing to do with the query. */
typedef struct pb_reranker {
    PB_LIFECYCLE
    pb_status (*rerank)(void *self, pb_str query, const pb_passages *in, pb_passages *out);
} pb_reranker;

/* PB_RERANKER("model", struct model, model_options, .rerank = model_rerank) */
#define PB_RERANKER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_reranker, "reranker", 1, name, owner, options, __VA_ARGS__)

/* For those that use one. Parks. */
static inline pb_status pb_rerank(pb_instance *reranker, pb_str query, const pb_passages *in,
                                  pb_passages *out)
{
    return PB_CALL(rerank)(reranker, query, in, out);
}

#endif
