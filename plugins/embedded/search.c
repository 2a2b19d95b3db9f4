/* search.c - one search: conditions first, then the halves on a helper thread, then float vectors
 * for the best of the vector half, fusion by rank, and the texts of those that are left.
 */
#include "embedded.h"

#include <math.h>
#include <stdlib.h>

enum { TOP_MOST = 1000, WORDS_MOST = 64, DIRECT_ROWS = 4096, RANK_FLOOR = 30 };
enum { ROUNDS = 8 };
enum { DIRECT_MATCHES = 50000, DIRECT_BYTES = 3 << 20 };

/* Of the loop's side. */
struct searching {
    struct store *self;
    const pb_vector_query *query;
    struct place place;
    struct match match;
    struct coded coded;
    struct job job;
    pb_str words[WORDS_MOST];
    size_t most; /* that each half finds */
    bool missed; /* what was found is not there any more: it was replaced or removed since */
};

/* One of those found. */
struct candidate {
    int64_t passage, document;
    double score, vector, keyword;    /* NAN: not found so */
    size_t vector_rank, keyword_rank; /* from 1; 0: not found so */
};

/* --- before
 * ----------------------------------------------------------------------------------------- */

static pb_status check(const pb_vector_query *query)
{
    if (query->mode != PB_SEARCH_VECTOR && query->mode != PB_SEARCH_KEYWORD &&
        query->mode != PB_SEARCH_HYBRID)
        return pb_fail(PB_UNSUPPORTED, "the embedded vector store knows no search of mode %d",
                       (int)query->mode);
    if (query->top_k < 1 || query->top_k > TOP_MOST)
        return pb_fail(PB_INVALID, "top_k is from 1 to %d, not %u", (int)TOP_MOST, query->top_k);
    if (query->mode != PB_SEARCH_KEYWORD && (!query->vector || !query->dimensions))
        return pb_fail(PB_INVALID, "a search by meaning needs a vector");
    for (uint32_t i = 0; query->mode != PB_SEARCH_KEYWORD && i < query->dimensions; i++)
        if (!isfinite(query->vector[i]))
            return pb_fail(PB_INVALID, "component %u of the vector is no number", i);
    if (query->mode == PB_SEARCH_HYBRID &&
        !(query->vector_weight >= 0 && query->vector_weight <= 1))
        return pb_fail(PB_INVALID, "vector_weight is from 0 to 1, not %g", query->vector_weight);
    return PB_OK;
}

static void take_word(void *arg, const char *text, size_t size)
{
    struct searching *searching = arg;
    pb_str word = pb_str_make(text, size);

    for (size_t i = 0; i < searching->job.word_count; i++)
        if (pb_str_equal(searching->words[i], word))
            return;
    if (searching->job.word_count < WORDS_MOST) {
        word = pb_copy(word);
        if (word.data)
            searching->words[searching->job.word_count++] = word;
    }
}

static void *align(void *memory)
{
    return (void *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
}

static pb_status prepare(struct searching *searching)
{
    const pb_vector_query *query = searching->query;
    struct store *self = searching->self;
    struct coded *coded = &searching->coded;
    size_t top = query->top_k, floor = top * 3 > RANK_FLOOR ? top * 3 : RANK_FLOOR;

    searching->most = query->mode == PB_SEARCH_HYBRID ? floor : top;
    size_t scanned = top * (size_t)self->rescore;
    scanned = scanned > searching->most ? scanned : searching->most;
    searching->job.vector = (struct best){PB_NEW_ARRAY(struct found, scanned), 0, scanned};
    searching->job.keyword =
        (struct best){PB_NEW_ARRAY(struct found, searching->most), 0, searching->most};
    coded->stride = code_stride(query->dimensions);
    coded->bytes = align(pb_alloc((size_t)coded->stride + 64));
    coded->words = align(pb_alloc((size_t)coded->stride * 2 + 64));
    searching->job.matched = PB_NEW_ARRAY(struct matched, CHAIN_MOST);
    if (!searching->job.vector.all || !searching->job.keyword.all || !coded->bytes ||
        !coded->words || !searching->job.matched)
        return PB_NO_MEMORY;
    if (query->mode != PB_SEARCH_KEYWORD) {
        coded_make(coded, query->vector, query->dimensions);
        searching->job.query = coded->scale > 0 ? coded : NULL; /* else without a known word */
    }
    if (query->mode != PB_SEARCH_VECTOR)
        words_of(query->text.data, query->text.size, self->stem, take_word, searching);
    searching->job.words = searching->words;
    searching->job.self = self;
    searching->job.match = &searching->match;
    return match_make(&searching->match, query->filter, query->access, query->access_count,
                      query->all != 0);
}

/* --- the halves
 * ---------------------------------------------------------------------------------------- */

static pb_status match_all(struct job *job)
{
    for (size_t i = 0; i < job->view->count; i++)
        if (!match_segment(job->match, &job->view->all[i], &job->matched[i]))
            return PB_NO_MEMORY;
    job->is_matched = true;
    return PB_OK;
}

static pb_status run(void *arg)
{
    struct job *job = arg;
    pb_status status = job->is_matched ? (pb_status)PB_OK : match_all(job);

    if (status == PB_OK && job->query)
        status = search_scan(job);
    if (status == PB_OK && job->word_count)
        status = search_keywords(job);
    best_sort(&job->vector);
    best_sort(&job->keyword);
    return status;
}

static size_t ranges_in(const struct condition *condition)
{
    size_t count = 1;

    if (condition && condition->type == PB_FILTER_EXISTS)
        return condition->count;
    for (size_t i = 0; condition && i < condition->count; i++)
        count += ranges_in(&condition->children[i]);
    return condition ? count : 0;
}

/* A search that takes some tenths of a millisecond costs less on the loop than a thread does: of few
 * passages, or by meaning alone where few are left by conditions that are soon looked up. */
static pb_status is_short(struct job *job, bool *yes)
{
    uint64_t rows = 0, documents = 0;
    pb_status status = PB_OK;

    for (size_t i = 0; i < job->view->count; i++) {
        rows += job->view->all[i].segment->header->rows;
        documents += job->view->all[i].segment->header->documents;
    }
    *yes = rows <= DIRECT_ROWS;
    if (*yes || job->word_count || !job->query ||
        documents * (job->match->access_count + ranges_in(job->match->filter) + 1) > DIRECT_MATCHES)
        return PB_OK;
    status = match_all(job);
    rows = 0;
    for (size_t i = 0; i < job->view->count; i++)
        rows += job->matched[i].rows;
    *yes = rows * job->query->stride <= DIRECT_BYTES;
    return status;
}

static pb_status run_job(struct job *job)
{
    bool direct;
    pb_status status = is_short(job, &direct);

    if (status == PB_OK)
        status = direct ? run(job) : pb_offload(run, job);
    for (size_t i = 0; i < job->view->count; i++)
        free(job->matched[i].bits);
    return status == PB_NO_MEMORY ? pb_fail(PB_NO_MEMORY, "there is no memory to search") : status;
}

static struct candidate candidate_of(const struct job *job, const struct found *found)
{
    const struct segment *segment = job->view->all[found->segment].segment;
    uint32_t document = SECTION(segment, uint32_t, ROW_DOCUMENT)[found->row];

    return (struct candidate){.passage = SECTION(segment, int64_t, ROW_PASSAGE)[found->row],
                              .document = SECTION(segment, int64_t, DOCUMENT_ID)[document],
                              .vector = NAN,
                              .keyword = NAN};
}

/* --- float vectors
 * ------------------------------------------------------------------------------------------ */

struct candidates {
    struct candidate *all;
    size_t count;
};

static int by_passage(const void *a, const void *b)
{
    const struct candidate *one = a, *two = b;

    return (one->passage > two->passage) - (one->passage < two->passage);
}

static int by_vector(const void *a, const void *b)
{
    const struct candidate *one = a, *two = b;

    if (one->vector != two->vector)
        return one->vector < two->vector ? 1 : -1;
    return by_passage(a, b);
}

static struct candidate *find(const struct candidates *candidates, int64_t passage)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->all[i].passage == passage)
            return &candidates->all[i];
    return NULL;
}

static pb_status ids_of(const struct candidates *candidates, pb_str *out)
{
    int64_t *ids = PB_NEW_ARRAY(int64_t, candidates->count + 1);

    for (size_t i = 0; ids && i < candidates->count; i++)
        ids[i] = candidates->all[i].passage;
    *out = ids ? ids_text(ids, candidates->count) : pb_str_make(NULL, 0);
    return out->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

/* Exact products instead of those of the codes. What is not there any more stays NAN and falls out.
 */
static pb_status rescore(struct searching *searching, struct candidates *candidates)
{
    const pb_vector_query *query = searching->query;
    pb_rows rows = {.size = sizeof rows};
    pb_str ids;
    size_t found = 0;
    if (candidates->count)
        qsort(candidates->all, candidates->count, sizeof *candidates->all, by_passage);
    pb_status status = ids_of(candidates, &ids);
    pb_value values[] = {pb_value_text(ids)};
    float *vector = PB_NEW_ARRAY(float, query->dimensions);

    if (!vector)
        return PB_NO_MEMORY;
    if (status == PB_OK)
        status = ask(searching->self, sql_fetch_floats, values, 1, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        struct candidate key = {.passage = pb_cell(&rows, i, 0)->integer};
        pb_str bytes = pb_cell(&rows, i, 1)->text;
        struct candidate *one =
            bsearch(&key, candidates->all, candidates->count, sizeof key, by_passage);
        if (!one || bytes.size != query->dimensions * sizeof(float))
            continue;
        memcpy(vector, bytes.data, bytes.size); /* they lie at any address */
        one->vector = vector_dot(vector, query->vector, query->dimensions);
        found++;
    }
    searching->missed |= found < candidates->count;
    return status;
}

/* The vector half: exact, best first, at most `most`. */
static pb_status take_vectors(struct searching *searching, struct candidates *candidates)
{
    const struct best *best = &searching->job.vector;

    candidates->all = PB_NEW_ARRAY(struct candidate, best->count + searching->most);
    if (!candidates->all)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < best->count; i++)
        candidates->all[candidates->count++] = candidate_of(&searching->job, &best->all[i]);
    pb_status status = candidates->count ? rescore(searching, candidates) : (pb_status)PB_OK;
    size_t count = 0;
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->all[i].vector == candidates->all[i].vector)
            candidates->all[count++] = candidates->all[i];
    candidates->count = count;
    if (count)
        qsort(candidates->all, count, sizeof *candidates->all, by_vector);
    if (candidates->count > searching->most)
        candidates->count = searching->most;
    for (size_t i = 0; i < candidates->count; i++) {
        candidates->all[i].vector_rank = i + 1;
        candidates->all[i].score = candidates->all[i].vector;
    }
    return status;
}

/* --- fusion
 * ----------------------------------------------------------------------------------------------------
 */

static void add_keywords(struct searching *searching, struct candidates *candidates)
{
    const struct best *best = &searching->job.keyword;

    for (size_t i = 0; i < best->count; i++) {
        struct candidate found = candidate_of(&searching->job, &best->all[i]);
        struct candidate *one = find(candidates, found.passage);
        if (!one) {
            one = &candidates->all[candidates->count++];
            *one = found;
        }
        one->keyword = best->all[i].score;
        one->keyword_rank = i + 1;
        one->score = one->keyword;
    }
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *one = a, *two = b;

    if (one->score != two->score)
        return one->score < two->score ? 1 : -1;
    return by_passage(a, b);
}

/* Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009. */
static void fuse(const struct searching *searching, struct candidates *candidates)
{
    double weight = searching->query->vector_weight, k = (double)searching->self->fusion;

    for (size_t i = 0; i < candidates->count; i++) {
        struct candidate *one = &candidates->all[i];
        one->score = 0;
        if (one->vector_rank)
            one->score += weight / (k + (double)one->vector_rank);
        if (one->keyword_rank)
            one->score += (1 - weight) / (k + (double)one->keyword_rank);
    }
    if (candidates->count)
        qsort(candidates->all, candidates->count, sizeof *candidates->all, by_score);
    while (candidates->count && candidates->all[candidates->count - 1].score <= 0)
        candidates->count--; /* found by a half that does not count */
}

/* --- texts
 * --------------------------------------------------------------------------------------------------------
 */

/* A document that was replaced since is another one: its passages are left out. */
static pb_status fetch(struct searching *searching, struct candidates *candidates, pb_passages *out)
{
    pb_passage **passages = PB_NEW_ARRAY(pb_passage *, candidates->count + 1);
    pb_rows rows = {.size = sizeof rows};
    pb_status status;
    pb_str ids;
    size_t count = 0;

    if (!passages || ids_of(candidates, &ids) != PB_OK)
        return PB_NO_MEMORY;
    pb_value values[] = {pb_value_text(ids), pb_value_int(searching->place.id),
                         pb_value_int(searching->query->vectors != 0)};
    status = ask(searching->self, sql_fetch_passages, values, 3, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        const pb_value *cells = pb_cell(&rows, i, 0);
        const struct candidate *one = find(candidates, cells[0].integer);
        if (!one || one->document != cells[1].integer)
            continue;
        status = passage_of_row(&rows, i, &passages[count]);
        if (status != PB_OK)
            return status;
        passages[count]->score = one->score;
        passages[count]->vector_score = one->vector;
        passages[count++]->keyword_score = one->keyword;
    }
    searching->missed |= count < candidates->count;
    return status == PB_OK ? passages_collect(out, passages, count) : status;
}

static pb_status answer(struct searching *searching, pb_passages *out)
{
    struct candidates candidates = {.count = 0};
    pb_status status = take_vectors(searching, &candidates);

    if (status != PB_OK)
        return status;
    if (searching->query->mode != PB_SEARCH_VECTOR)
        add_keywords(searching, &candidates);
    if (searching->query->mode == PB_SEARCH_HYBRID)
        fuse(searching, &candidates);
    if (candidates.count > searching->query->top_k)
        candidates.count = searching->query->top_k;
    return candidates.count ? fetch(searching, &candidates, out) : (pb_status)PB_OK;
}

static pb_status check_dimensions(const struct searching *searching)
{
    const pb_vector_query *query = searching->query;

    if (query->mode == PB_SEARCH_KEYWORD || !searching->place.dimensions ||
        query->dimensions == searching->place.dimensions)
        return PB_OK;
    return pb_fail(
        PB_INVALID,
        "the query's vector has %u dimensions, those of collection '%.*s' have %u: it must "
        "come from the model that embedded the documents",
        query->dimensions, PB_ARG(searching->place.name), searching->place.dimensions);
}

static pb_status search_once(struct searching *searching, pb_passages *out)
{
    struct store *self = searching->self;
    struct view *view = NULL;
    pb_status status = prepare(searching);

    status = status == PB_OK ? place_find(self, &searching->place) : status;
    if (status != PB_OK || !searching->place.id)
        return status;
    status = check_dimensions(searching);
    status = status == PB_OK ? index_show(self, &searching->place, &view) : status;
    if (status != PB_OK)
        return status;
    searching->job.view = view;
    status = run_job(&searching->job);
    status = status == PB_OK ? answer(searching, out) : status;
    view_release(view);
    return status;
}

/* A document that another worker replaces between the scan and the reading of its texts would be
 * missing, though it was there all the time: then it is searched again. Where documents are replaced
 * faster than one can look, the last round's answer has to do. */
pb_status store_search(void *arg, const pb_vector_query *query, pb_passages *out)
{
    struct store *self = arg;
    struct searching searching;
    pb_status status = check(query);
    int round = 0;

    if (status != PB_OK)
        return status;
    do {
        searching = (struct searching){
            .self = self, .query = query, .place = place_of(query->collection)};
        status = search_once(&searching, out);
    } while (status == PB_OK && searching.missed && ++round < ROUNDS);
    self->figures.searches++;
    return status;
}
