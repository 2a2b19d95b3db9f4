/* search.c - which passages are found, and in which order: by the cosine of vectors, by BM25, or by
 * the ranks of both. What is given out is copied into the caller's scope. */
#include "@NAME@.h"

#include <math.h>
#include <patchbay/words.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 32, TOP = 1000, RANKS = 60 };

/* Who asks, and for what. */
struct asked {
    pb_str collection;
    const pb_filter *filter;
    const pb_str *access;
    size_t access_count;
    bool all;
};

struct found {
    const struct document *document;
    const struct kept *kept;
    double score, vector, keyword; /* NAN: not found so */
};

/* --- what may be seen ------------------------------------------------------------------------- */

static bool may_see(const struct document *document, const struct asked *asked)
{
    for (size_t i = 0; i < asked->access_count; i++)
        for (size_t k = 0; k < document->access_count; k++)
            if (pb_str_equal(asked->access[i], document->access[k]))
                return true;
    return asked->all;
}

/* All that may be seen and match, in the order of document and index. `out` is in the scope. */
static pb_status look(const struct @ID@ *self, const struct asked *asked, struct found **out,
                      size_t *count)
{
    pb_status status = filter_check(asked->filter);

    *count = 0;
    if (status == PB_OK && !(*out = PB_NEW_ARRAY(struct found, (size_t)self->passages + 1)))
        status = PB_NO_MEMORY;
    for (struct document *at = self->documents; at && status == PB_OK; at = at->next) {
        const pb_json *metadata = NULL;
        if (!pb_str_equal(at->collection, asked->collection) || !may_see(at, asked))
            continue;
        if (asked->filter && at->metadata.size)
            status = pb_json_parse(at->metadata, &metadata);
        for (size_t i = 0; i < at->count && status == PB_OK; i++)
            if (filter_matches(asked->filter, at, &at->passages[i].passage, metadata))
                (*out)[(*count)++] =
                    (struct found){at, &at->passages[i], (double)NAN, (double)NAN, (double)NAN};
    }
    return status;
}

static pb_status give(const struct found *found, size_t count, bool vectors, pb_passages *out)
{
    pb_passage *all = PB_NEW_ARRAY(pb_passage, count + 1);
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, count + 1);
    pb_status status = all && items ? PB_OK : PB_NO_MEMORY;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const pb_passage *from = &found[i].kept->passage;
        pb_str numbers = pb_str_make((const char *)from->vector, from->dimensions * sizeof(float));
        all[i] = *from;
        all[i].score = found[i].score;
        all[i].vector_score = found[i].vector;
        all[i].keyword_score = found[i].keyword;
        all[i].id = pb_copy(from->id);
        all[i].text = pb_copy(from->text);
        all[i].document = pb_copy(from->document);
        all[i].document_id = pb_copy(from->document_id);
        all[i].heading = pb_copy(from->heading);
        all[i].url = pb_copy(from->url);
        all[i].title = pb_copy(from->title);
        all[i].collection = pb_copy(from->collection);
        float *copy = vectors && numbers.data ? PB_NEW_ARRAY(float, from->dimensions) : NULL;
        all[i].vector = copy ? memcpy(copy, numbers.data, numbers.size) : NULL;
        if (found[i].document->metadata.size)
            status = pb_json_parse(found[i].document->metadata, &all[i].metadata);
        items[i] = &all[i];
    }
    out->items = items;
    out->count = status == PB_OK ? count : 0;
    return status;
}

/* --- scores ----------------------------------------------------------------------------------- */

static void score_vectors(struct found *found, size_t count, const pb_vector_query *query)
{
    for (size_t i = 0; i < count; i++) {
        const float *vector = found[i].kept->passage.vector;
        double sum = 0;
        for (uint32_t k = 0; vector && k < query->dimensions; k++)
            sum += (double)vector[k] * (double)query->vector[k];
        if (vector)
            found[i].vector = sum; /* both are of length 1 */
    }
}

static size_t times(const struct kept *kept, uint64_t word)
{
    size_t count = 0;

    for (size_t i = 0; i < kept->word_count; i++)
        count += kept->words[i] == word;
    return count;
}

/* Adds what one word of the question is worth. */
static void score_word(struct found *found, size_t count, uint64_t word)
{
    double with = 0, all = 0;

    for (size_t i = 0; i < count; i++) {
        with += times(found[i].kept, word) > 0;
        all += (double)found[i].kept->word_count;
    }
    double rare = log(1 + ((double)count - with + 0.5) / (with + 0.5));
    for (size_t i = 0; i < count; i++) {
        double often = (double)times(found[i].kept, word);
        double length = (double)found[i].kept->word_count * (double)count / all;
        if (often > 0)
            found[i].keyword = (isnan(found[i].keyword) ? 0 : found[i].keyword) +
                               rare * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length));
    }
}

static void score_words(struct found *found, size_t count, pb_str text)
{
    uint64_t seen[WORDS];
    size_t words = 0, known = 0;
    pb_word word;

    for (size_t at = 0; words < WORDS && pb_word_next(text, &at, &word);) {
        for (known = 0; known < words && seen[known] != word.key; known++)
            ;
        if (word.common || known < words)
            continue;
        seen[words++] = word.key;
        score_word(found, count, word.key);
    }
}

/* --- order ------------------------------------------------------------------------------------ */

/* What was not found has no score, and comes last; of equals the one that is kept first. */
static int better_first(const void *left, const void *right)
{
    const struct found *a = left, *b = right;

    if (isnan(a->score) || isnan(b->score))
        return isnan(a->score) - isnan(b->score);
    if (a->score < b->score || a->score > b->score)
        return a->score > b->score ? -1 : 1;
    int by_document = filter_compare(a->document->id, b->document->id);
    return by_document ? by_document : (a->kept > b->kept) - (a->kept < b->kept);
}

/* Sorts by one half and adds what its ranks are worth to `fused`, by the passage. */
static void rank(struct found *found, size_t count, bool by_vector, double weight)
{
    for (size_t i = 0; i < count; i++)
        found[i].score = by_vector ? found[i].vector : found[i].keyword;
    qsort(found, count, sizeof *found, better_first);
    for (size_t i = 0; i < count; i++)
        found[i].score = isnan(found[i].score) ? 0 : weight / (double)(RANKS + i + 1);
}

static pb_status fuse(struct found *found, size_t count, double weight)
{
    struct found *second = PB_NEW_ARRAY(struct found, count + 1);

    if (!second)
        return PB_NO_MEMORY;
    memcpy(second, found, count * sizeof *found);
    rank(found, count, true, weight);
    rank(second, count, false, 1 - weight);
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (second[same].kept != found[i].kept)
            same++;
        found[i].score += second[same].score;
        if (!(found[i].score > 0))
            found[i].score = (double)NAN;
    }
    return PB_OK;
}

/* --- search ----------------------------------------------------------------------------------- */

static pb_status check(const struct @ID@ *self, const pb_vector_query *query)
{
    uint32_t dimensions = store_dimensions(self, query->collection);

    if (query->mode < PB_SEARCH_VECTOR || query->mode > PB_SEARCH_HYBRID)
        return pb_fail(PB_UNSUPPORTED, "there is no search of mode %d", (int)query->mode);
    if (query->top_k < 1 || query->top_k > TOP)
        return pb_fail(PB_INVALID, "top_k is from 1 to %d, not %u", (int)TOP, query->top_k);
    if (query->mode == PB_SEARCH_KEYWORD)
        return PB_OK;
    if (!query->vector || !query->dimensions)
        return pb_fail(PB_INVALID, "a search by meaning needs a vector");
    if (dimensions && query->dimensions != dimensions)
        return pb_fail(PB_INVALID, "the collection has vectors of %u dimensions, not %u", dimensions,
                       query->dimensions);
    return PB_OK;
}

pb_status store_search(void *self, const pb_vector_query *query, pb_passages *out)
{
    struct asked asked = {query->collection, query->filter, query->access, query->access_count,
                          query->all};
    struct found *found;
    size_t count, good = 0;
    pb_status status = check(self, query);

    if (status == PB_OK)
        status = look(self, &asked, &found, &count);
    if (status != PB_OK)
        return status;
    if (query->mode != PB_SEARCH_KEYWORD)
        score_vectors(found, count, query);
    if (query->mode != PB_SEARCH_VECTOR)
        score_words(found, count, query->text);
    for (size_t i = 0; i < count; i++)
        found[i].score = query->mode == PB_SEARCH_VECTOR ? found[i].vector : found[i].keyword;
    if (query->mode == PB_SEARCH_HYBRID)
        status = fuse(found, count, query->vector_weight);
    qsort(found, count, sizeof *found, better_first);
    while (good < count && good < query->top_k && !isnan(found[good].score))
        good++;
    return status == PB_OK ? give(found, good, query->vectors, out) : status;
}

/* --- selections ------------------------------------------------------------------------------- */

static bool is_selected(const struct found *found, const pb_vector_selection *selection)
{
    const pb_passage *passage = &found->kept->passage;

    if (selection->document_id.data &&
        (!pb_str_equal(found->document->id, selection->document_id) ||
         passage->index < selection->first ||
         (selection->last >= 0 && passage->index > selection->last)))
        return false;
    for (size_t i = 0; selection->ids && i < selection->count; i++)
        if (pb_str_equal(selection->ids[i], passage->id))
            return true;
    return !selection->ids;
}

static pb_status select_all(const struct @ID@ *self, const pb_vector_selection *selection,
                            struct found **out, size_t *count)
{
    struct asked asked = {selection->collection, selection->filter, selection->access,
                          selection->access_count, selection->all};
    size_t all = 0;
    pb_status status = look(self, &asked, out, &all);

    *count = 0;
    for (size_t i = 0; i < all && status == PB_OK; i++)
        if (is_selected(&(*out)[i], selection))
            (*out)[(*count)++] = (*out)[i];
    return status;
}

pb_status store_get(void *self, const pb_vector_selection *selection, pb_passages *out)
{
    size_t count, limit = selection->limit > 0 ? (size_t)selection->limit : 1000;
    struct found *found;
    pb_status status = select_all(self, selection, &found, &count);

    return status == PB_OK ? give(found, count < limit ? count : limit, selection->vectors, out)
                           : status;
}

pb_status store_count(void *self, const pb_vector_selection *selection, int64_t *out)
{
    size_t count;
    struct found *found;
    pb_status status = select_all(self, selection, &found, &count);

    *out = (int64_t)count;
    return status;
}

/* What stays moves together; a document without passages goes. */
static size_t remove_from(struct document *document, const struct found *found, size_t count)
{
    size_t stay = 0, next = 0;

    for (size_t i = 0; i < document->count; i++)
        if (next < count && found[next].kept == &document->passages[i])
            next++;
        else
            document->passages[stay++] = document->passages[i];
    document->count = stay;
    return next;
}

pb_status store_remove(void *instance, const pb_vector_selection *selection, int64_t *removed)
{
    struct @ID@ *self = instance;
    size_t count, done = 0;
    struct found *found;
    pb_status status = select_all(self, selection, &found, &count);

    if (status != PB_OK)
        return status;
    for (struct document **at = &self->documents; *at && done < count;) {
        if (*at == found[done].document)
            done += remove_from(*at, found + done, count - done);
        if ((*at)->count)
            at = &(*at)->next;
        else
            store_unhook(self, at);
    }
    self->passages -= (int64_t)count;
    *removed = (int64_t)count;
    return PB_OK;
}
