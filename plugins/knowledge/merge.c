/* merge.c - lists of several collections as one. Scores of two collections' fusions cannot be
 * compared, but what they were made of can: all passages are ranked by vector and by words over all
 * collections, and these two ranks fused as a store does (reciprocal rank). */
#include "knowledge.h"

#include <stdlib.h>

enum { RANK = 60 };

struct entry {
    pb_passage *passage;
    double fused;
    size_t place; /* in its own list */
};

static int by_vector(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->passage->vector_score;
    double y = ((const struct entry *)b)->passage->vector_score;

    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x < y) - (x > y);
}

static int by_words(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->passage->keyword_score;
    double y = ((const struct entry *)b)->passage->keyword_score;

    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x < y) - (x > y);
}

static int by_fusion(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->fused != y->fused)
        return (x->fused < y->fused) - (x->fused > y->fused);
    return (x->place > y->place) - (x->place < y->place);
}

static void rank(struct entry *entries, size_t count, bool vector, double weight)
{
    qsort(entries, count, sizeof *entries, vector ? by_vector : by_words);
    for (size_t i = 0; i < count; i++) {
        const pb_passage *passage = entries[i].passage;
        if (!isnan(vector ? passage->vector_score : passage->keyword_score))
            entries[i].fused += weight / (double)(RANK + 1 + i);
    }
}

pb_status merge(const pb_passages *lists, size_t count, const pb_retrieve_request *request,
                double vector_weight, pb_passages *out)
{
    size_t all = 0, filled = 0, at = 0;

    for (size_t i = 0; i < count; i++) {
        all += lists[i].count;
        filled += lists[i].count > 0;
        if (lists[i].count)
            *out = lists[i];
    }
    if (filled < 2)
        return PB_OK;
    struct entry *entries = PB_NEW_ARRAY(struct entry, all);
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, all);
    if (!entries || !items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < lists[i].count; j++, at++) {
            entries[at].passage = (pb_passage *)(uintptr_t)lists[i].items[j];
            entries[at].place = j;
        }
    rank(entries, all, true, vector_weight);
    rank(entries, all, false, 1 - vector_weight);
    qsort(entries, all, sizeof *entries, by_fusion);
    out->items = items;
    out->count = all < request->top_k ? all : request->top_k;
    for (size_t i = 0; i < out->count; i++) {
        entries[i].passage->score = entries[i].fused;
        items[i] = entries[i].passage;
    }
    return PB_OK;
}
