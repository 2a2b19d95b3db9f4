/* scan.c - the vector half of a search: products of codes with the query, the best kept. What
 * passes is compared again with the float vectors by whoever asked. Runs on a helper thread.
 *
 * Where conditions leave few, only those are looked at; where a segment has lists, only the nearest
 * lists; else everything, in the order of memory.
 */
#include "embedded.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 256, LISTS_SHARE = 5, LISTS_LEAST = 64, LISTS_FEW = 4 };
/* Under a condition: so many are compared for each that is kept, and so many positions are looked at
 * for each document's row that matches before all of those are compared instead. */
enum { SEEN = 12, LOOKS = 2 };

/* --- the best
 * --------------------------------------------------------------------------------------- */

static bool is_worse(const struct found *a, const struct found *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    return a->segment != b->segment ? a->segment > b->segment : a->row > b->row;
}

static void sift_down(struct found *all, size_t count, size_t at)
{
    struct found moved = all[at];

    for (size_t child; (child = at * 2 + 1) < count; at = child) {
        if (child + 1 < count && is_worse(&all[child + 1], &all[child]))
            child++;
        if (!is_worse(&all[child], &moved))
            break;
        all[at] = all[child];
    }
    all[at] = moved;
}

void best_add(struct best *best, float score, uint32_t segment, uint32_t row)
{
    struct found found = {score, segment, row};

    if (best->count == best->most) {
        if (is_worse(&best->all[0], &found)) {
            best->all[0] = found;
            sift_down(best->all, best->count, 0);
        }
        return;
    }
    size_t at = best->count++;
    for (; at && is_worse(&found, &best->all[(at - 1) / 2]); at = (at - 1) / 2)
        best->all[at] = best->all[(at - 1) / 2];
    best->all[at] = found;
}

static int by_score(const void *a, const void *b)
{
    return is_worse(a, b) ? 1 : is_worse(b, a) ? -1 : 0;
}

void best_sort(struct best *best)
{
    if (best->count)
        qsort(best->all, best->count, sizeof *best->all, by_score);
}

/* --- one segment
 * --------------------------------------------------------------------------------------- */

struct scan {
    struct job *job;
    uint32_t number; /* of the segment */
    const struct segment *segment;
    const struct kernel *kernel;
    const uint8_t *codes;
    const float *scales;
    const uint32_t *rows, *documents;
    const uint64_t *bits;
};

static void keep(struct scan *scan, uint32_t position, float score)
{
    uint32_t row = scan->rows[position];

    if (bit_is_set(scan->bits, scan->documents[row]))
        best_add(&scan->job->vector, score, scan->number, row);
}

/* What a score must be above to count. */
static float least_of(const struct best *best)
{
    return best->count == best->most ? best->all[0].score : -INFINITY;
}

/* Positions that follow each other. */
static void scan_range(struct scan *scan, uint32_t from, uint32_t to)
{
    const struct coded *query = scan->job->query;
    float least = least_of(&scan->job->vector);
    int32_t products[BLOCK];

    for (uint32_t at = from; at < to; at += BLOCK) {
        uint32_t count = to - at < BLOCK ? to - at : BLOCK;
        scan->kernel->run(scan->codes + (size_t)at * query->stride, query, count, products);
        for (uint32_t i = 0; i < count; i++) {
            float score = (float)(products[i] - query->bias) * scan->scales[at + i];
            if (score <= least)
                continue;
            keep(scan, at + i, score);
            least = least_of(&scan->job->vector);
        }
    }
}

/* Those of documents that match. */
static void scan_positions(struct scan *scan, const uint32_t *positions, size_t all)
{
    const struct coded *query = scan->job->query;
    float least = least_of(&scan->job->vector);
    int32_t products[BLOCK];

    for (size_t at = 0; at < all; at += BLOCK, positions += BLOCK) {
        size_t count = all - at < BLOCK ? all - at : BLOCK;
        scan->kernel->pick(scan->codes, query, positions, count, products);
        for (size_t i = 0; i < count; i++) {
            float score = (float)(products[i] - query->bias) * scan->scales[positions[i]];
            if (score <= least)
                continue;
            keep(scan, positions[i], score);
            least = least_of(&scan->job->vector);
        }
    }
}

/* All documents that match. */
static void scan_matching(struct scan *scan)
{
    const uint32_t *first = SECTION(scan->segment, uint32_t, DOCUMENT_ROW);
    const int32_t *row_position = SECTION(scan->segment, int32_t, ROW_POSITION);
    size_t words = ((size_t)scan->segment->header->documents + 63) / 64, count = 0;
    uint32_t positions[BLOCK];

    for (size_t i = 0; i < words; i++)
        for (uint64_t word = scan->bits[i]; word; word &= word - 1) {
            size_t document = i * 64 + (size_t)__builtin_ctzll(word);
            for (uint32_t row = first[document]; row < first[document + 1]; row++) {
                if (row_position[row] == NO_POSITION)
                    continue;
                positions[count++] = (uint32_t)row_position[row];
                if (count == BLOCK) {
                    scan_positions(scan, positions, count);
                    count = 0;
                }
            }
        }
    scan_positions(scan, positions, count);
}

/* --- lists
 * ------------------------------------------------------------------------------------------------
 */

/* The lists whose centres are nearest, best first. */
struct near {
    struct best best;
    int32_t *products; /* of all centres with the query */
};

static void near_free(struct near *near)
{
    free(near->products);
    free(near->best.all);
}

static bool near_find(const struct scan *scan, uint32_t most, struct near *near)
{
    const struct coded *query = scan->job->query;
    const float *scales = SECTION(scan->segment, float, CENTROID_SCALES);
    uint32_t lists = scan->segment->header->lists;

    most = most < lists ? most : lists;
    free(near->best.all);
    near->best = (struct best){malloc(most * sizeof *near->best.all), 0, most};
    if (!near->products) {
        near->products = malloc(lists * sizeof *near->products);
        if (near->products)
            scan->kernel->run(SECTION(scan->segment, uint8_t, CENTROIDS), query, lists,
                              near->products);
    }
    if (!near->products || !near->best.all)
        return false;
    for (uint32_t i = 0; i < lists; i++)
        best_add(&near->best, (float)(near->products[i] - query->bias) * scales[i], 0, i);
    best_sort(&near->best);
    return true;
}

/* Where vectors lie in clusters the next lists are much farther than the first, and not looked at;
 * else they are nearly as far, and are. How many come before those that are far. */
static size_t before_far(const struct best *near, size_t first)
{
    size_t count = first + LISTS_FEW;

    while (count < near->count && near->all[count].score >= near->all[first].score * 0.25F)
        count++;
    return count < near->count ? count : near->count;
}

/* How many lists without regard to how far they are; more where a condition leaves less in each. */
static uint32_t probes_of(const struct scan *scan, uint64_t rows)
{
    const struct segment_header *header = scan->segment->header;
    uint64_t probes = (uint64_t)scan->job->self->probes;

    if (!probes)
        probes =
            header->lists / LISTS_SHARE > LISTS_LEAST ? header->lists / LISTS_SHARE : LISTS_LEAST;
    probes = probes * header->rows / (rows ? rows : 1);
    return (uint32_t)(probes < header->lists ? probes : header->lists);
}

/* The nearest lists whole. Where nothing is left out those that are far are. */
static bool scan_lists(struct scan *scan, uint32_t probes)
{
    const uint32_t *first = SECTION(scan->segment, uint32_t, LIST_POSITION);
    bool cut = !scan->bits && !scan->job->self->probes;
    struct near near = {.products = NULL};
    bool made = near_find(scan, cut ? LISTS_LEAST : probes, &near);
    size_t count = made && cut ? before_far(&near.best, 0) : near.best.count;

    if (made && cut && count == near.best.count && count < probes) {
        made = near_find(scan, probes, &near);
        count = made ? before_far(&near.best, 0) : 0;
    }
    for (size_t i = 0; made && i < count; i++) {
        uint32_t list = near.best.all[i].row;
        scan_range(scan, first[list], first[list + 1]);
    }
    near_free(&near);
    return made;
}

/* --- lists under a condition
 * ---------------------------------------------------------------------------------------------- */

/* Positions in the nearest lists, of documents that match. */
struct chosen_positions {
    uint32_t *all;
    size_t count;
    size_t looked; /* how many positions it took */
};

static void choose_in(const struct scan *scan, uint32_t list, struct chosen_positions *chosen)
{
    const uint32_t *first = SECTION(scan->segment, uint32_t, LIST_POSITION);

    for (uint32_t at = first[list]; at < first[list + 1]; at++) {
        chosen->all[chosen->count] = at;
        chosen->count += bit_is_set(scan->bits, scan->documents[scan->rows[at]]);
    }
    chosen->looked += first[list + 1] - first[list];
}

/* Fills `chosen` from lists that are near. What is far is measured from the first list that has its
 * share of what matches: a condition may leave out all that the query is near to. false: all that
 * matches should be compared instead. */
static bool choose(const struct scan *scan, const struct matched *matched, const struct best *near,
                   struct chosen_positions *chosen)
{
    const struct segment_header *header = scan->segment->header;
    bool fixed = scan->job->self->probes != 0;
    size_t enough = scan->job->vector.most * SEEN;
    size_t most = matched->rows * LOOKS, begins = near->count, ends = near->count;

    for (size_t i = 0; i < near->count; i++) {
        size_t count = chosen->count, looked = chosen->looked;
        if (i >= ends && count >= enough)
            return true;
        if (looked > most)
            return false;
        choose_in(scan, near->all[i].row, chosen);
        if (!fixed && begins == near->count && (chosen->count - count) * header->rows * 2 >=
                                         (chosen->looked - looked) * matched->rows) {
            begins = i;
            ends = before_far(near, i);
        }
    }
    return fixed;
}

/* As many lists as hold what is enough, and some more. */
static uint32_t lists_wanted(const struct scan *scan, const struct matched *matched)
{
    const struct segment_header *header = scan->segment->header;
    uint64_t rows = scan->job->self->probes
                        ? (uint64_t)header->rows * (uint64_t)scan->job->self->probes / header->lists
                        : scan->job->vector.most * SEEN * 4;
    uint64_t lists = rows * header->lists / matched->rows + LISTS_FEW;

    return (uint32_t)(lists < header->lists ? lists : header->lists);
}

/* Some documents do not match. *done: it was cheaper to find those that do in the nearest lists. */
static bool scan_lists_matching(struct scan *scan, const struct matched *matched, bool *done)
{
    uint32_t wanted = lists_wanted(scan, matched);
    struct chosen_positions chosen = {.all = NULL};
    struct near near = {.products = NULL};

    *done = false;
    if (wanted >= scan->segment->header->lists / 2)
        return true;
    chosen.all = malloc((size_t)scan->segment->header->vectors * sizeof *chosen.all);
    bool made = chosen.all && near_find(scan, wanted, &near);
    if (made && choose(scan, matched, &near.best, &chosen)) {
        scan_positions(scan, chosen.all, chosen.count);
        *done = true;
    }
    free(chosen.all);
    near_free(&near);
    return made;
}

static bool scan_segment(struct scan *scan, const struct matched *matched)
{
    const struct segment_header *header = scan->segment->header;
    uint32_t probes = header->lists ? probes_of(scan, matched->rows) : 0;
    bool done = false;

    if (probes && scan->bits && !scan_lists_matching(scan, matched, &done))
        return false;
    if (done)
        return true;
    if (matched->rows * 2 <= header->rows)
        scan_matching(scan);
    else if (probes && probes < header->lists)
        return scan_lists(scan, probes);
    else
        scan_range(scan, 0, header->vectors);
    return true;
}

pb_status search_scan(struct job *job)
{
    for (size_t i = 0; i < job->view->count; i++) {
        const struct segment *segment = job->view->all[i].segment;
        struct scan scan = {.job = job,
                            .number = (uint32_t)i,
                            .segment = segment,
                            .kernel = kernel_best(),
                            .codes = SECTION(segment, uint8_t, CODES),
                            .scales = SECTION(segment, float, SCALES),
                            .rows = SECTION(segment, uint32_t, POSITION_ROW),
                            .documents = SECTION(segment, uint32_t, ROW_DOCUMENT),
                            .bits = job->matched[i].bits};
        if (segment->header->vectors && job->matched[i].rows &&
            segment->header->stride == job->query->stride && !scan_segment(&scan, &job->matched[i]))
            return PB_NO_MEMORY;
    }
    return PB_OK;
}
