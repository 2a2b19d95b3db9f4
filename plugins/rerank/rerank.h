/* rerank.h - the two rerankers, and what they share: handing passages back in another order. */
#ifndef RERANK_H
#define RERANK_H

#include <patchbay/llm.h>
#include <patchbay/reranker.h>
#include <patchbay/words.h>

/* mmr.c */
struct mmr {
    double relevance;
    double duplicate;
    int64_t keep;
};
extern const pb_field mmr_options[];
pb_status mmr_rerank(void *self, pb_str query, const pb_passages *in, pb_passages *out);

/* model.c */
struct model {
    pb_instance *llm;
    int64_t passages;
    int64_t length;
    pb_duration timeout;
    bool drop;
    pb_str instruction;
    pb_duration warned; /* when it was last said that the model fails */
    uint64_t asked, failed;
};
extern const pb_field model_options[];
pb_status model_rerank(void *self, pb_str query, const pb_passages *in, pb_passages *out);
void model_stats(void *self, pb_stats *stats);

/* order.c: an order that grows. Its passages are copies with scores of their own, from 1 downwards.
 */
struct order {
    const pb_passages *in;
    const pb_passage **items;
    bool *taken; /* of `in` */
    size_t count;
};

pb_status order_begin(struct order *order, const pb_passages *in);
/* Takes the i-th of `in`, with this score; one that is taken stays where it is. */
pb_status order_take(struct order *order, size_t index, double score);
void order_end(const struct order *order, pb_passages *out);

#endif
