/* choose.c - which of the passages found are worth a place in the prompt, and in which order. */
#include "retrieve.h"

#include <math.h>

double relevance_of(const pb_passage *passage)
{
    enum { HALF = 10 }; /* the BM25 that counts as 0.5 */
    double vector = isnan(passage->vector_score) ? -1 : passage->vector_score;
    double words = isnan(passage->keyword_score) || passage->keyword_score <= 0
                       ? -1
                       : passage->keyword_score / (passage->keyword_score + HALF);
    double best = vector > words ? vector : words;

    if (best < 0 && isnan(passage->vector_score) && isnan(passage->keyword_score))
        best = passage->score; /* a retriever with a scale of its own */
    return best < 0 ? 0 : best > 1 ? 1 : best;
}

int64_t tokens_of(const pb_passage *passage)
{
    return passage->tokens > 0 ? passage->tokens : (int64_t)(passage->text.size + 3) / 4;
}

pb_passage *passage_copy(const pb_passage *from)
{
    pb_passage *copy = PB_NEW(pb_passage);

    if (copy) {
        memcpy(copy, from, from->size < sizeof *copy ? from->size : sizeof *copy);
        copy->size = (uint32_t)sizeof *copy;
    }
    return copy;
}

static void drop_weak(struct search *search)
{
    size_t kept = 0;

    for (size_t i = 0; i < search->count; i++)
        if (relevance_of(search->items[i]) >= search->stage->min_score)
            search->items[kept++] = search->items[i];
    search->count = kept;
}

static pb_status order_anew(struct search *search)
{
    pb_passages in = {.size = (uint32_t)sizeof in, .items = search->items, .count = search->count},
                out;
    pb_status status = pb_rerank(search->stage->reranker, search->query, &in, &out);

    if (status != PB_OK)
        return status;
    if (out.count > search->count)
        return pb_fail(PB_INTERNAL, "the reranker made passages up");
    if (out.count)
        memcpy(search->items, out.items, out.count * sizeof *out.items);
    search->count = out.count;
    return PB_OK;
}

static bool same_document(const pb_passage *a, const pb_passage *b)
{
    return pb_str_equal(a->document_id, b->document_id) &&
           pb_str_equal(a->collection, b->collection);
}

static void cap_documents(struct search *search)
{
    size_t kept = 0;

    for (size_t i = 0; i < search->count; i++) {
        int64_t before = 0;
        for (size_t j = 0; j < kept; j++)
            before += same_document(search->items[i], search->items[j]);
        if (before < search->stage->per_document)
            search->items[kept++] = search->items[i];
    }
    search->count = kept;
}

pb_status choose(struct search *search)
{
    const struct retrieve *stage = search->stage;
    pb_status status = PB_OK;

    if (stage->min_score > 0)
        drop_weak(search);
    if (stage->reranker && search->count > 1)
        status = order_anew(search);
    if (status != PB_OK)
        return status;
    if (stage->per_document)
        cap_documents(search);
    if (search->count > (size_t)stage->top_k)
        search->count = (size_t)stage->top_k;
    return PB_OK;
}

/* The beginning of it, to the end of a line or a word. */
static pb_status cut(const pb_passage **item, int64_t tokens)
{
    pb_passage *copy = passage_copy(*item);
    size_t most = (size_t)tokens * 4, at;

    if (!copy)
        return PB_NO_MEMORY;
    *item = copy;
    copy->tokens = tokens;
    if (most >= copy->text.size)
        return PB_OK;
    for (at = most; at > most / 2 && copy->text.data[at] != '\n'; at--)
        ;
    if (at == most / 2)
        for (at = most; at && ((unsigned char)copy->text.data[at] & 0xC0) == 0x80; at--)
            ;
    copy->text.size = at;
    copy->lines = 0;
    for (size_t i = 0; copy->line && i < at; i++)
        copy->lines += copy->text.data[i] == '\n';
    copy->lines += copy->line != 0;
    return PB_OK;
}

pb_status choose_within(struct search *search)
{
    int64_t left = search->stage->max_tokens;
    size_t kept = 0;

    for (size_t i = 0; left > 0 && i < search->count; i++) {
        int64_t tokens = tokens_of(search->items[i]);
        if (tokens > left && !kept) {
            pb_status status = cut(&search->items[i], left);
            if (status != PB_OK)
                return status;
            tokens = left;
        }
        if (tokens > left)
            continue;
        search->items[kept++] = search->items[i];
        left -= tokens;
    }
    search->count = search->stage->max_tokens ? kept : search->count;
    return PB_OK;
}
