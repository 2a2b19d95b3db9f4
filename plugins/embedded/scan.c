/* scan.c - the vector half of a search: products of codes with the query, the best kept. What
 * passes is compared again with the float vectors by whoever asked. Runs on a helper thread.
 *
 * Where conditions leave few, only those are looked at; where a segment has lists, only the nearest
 * lists; else everything, in the order of memory.
 */
#include "embedded.h"

#include <stdlib.h>

enum { BLOCK = 256, LISTS_SHARE = 5, LISTS_LEAST = 64, LISTS_FEW = 4 };

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

static void take(struct scan *scan, uint32_t position, int32_t product)
{
    struct best *best = &scan->job->vector;
    float score = (float)(product - scan->job->query->bias) * scan->scales[position];

    if (best->count == best->most && score <= best->all[0].score)
        return;
    uint32_t row = scan->rows[position];
    if (bit_is_set(scan->bits, scan->documents[row]))
        best_add(best, score, scan->number, row);
}

/* Positions that follow each other. */
static void scan_range(struct scan *scan, uint32_t from, uint32_t to)
{
    const struct coded *query = scan->job->query;
    int32_t products[BLOCK];

    for (uint32_t at = from; at < to; at += BLOCK) {
        uint32_t count = to - at < BLOCK ? to - at : BLOCK;
        scan->kernel->run(scan->codes + (size_t)at * query->stride, query, count, products);
        for (uint32_t i = 0; i < count; i++)
            take(scan, at + i, products[i]);
    }
}

static void scan_positions(struct scan *scan, const uint32_t *positions, size_t count)
{
    int32_t products[BLOCK];

    scan->kernel->pick(scan->codes, scan->job->query, positions, count, products);
    for (size_t i = 0; i < count; i++)
        take(scan, positions[i], products[i]);
}

/* Only documents that match. */
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
    if (count)
        scan_positions(scan, positions, count);
}

/* --- lists
 * ------------------------------------------------------------------------------------------------
 */

/* Where vectors lie in clusters the next lists are much farther than the first, and not looked at;
 * else they are nearly as far, and are. */
static bool is_far(const struct best *near, size_t at)
{
    return at >= LISTS_FEW && near->all[at].score < near->all[0].score * 0.25F;
}

/* `all`: no condition has to be made up for by looking farther. */
static bool scan_lists(struct scan *scan, uint32_t probes, bool all)
{
    const struct coded *query = scan->job->query;
    const float *scales = SECTION(scan->segment, float, CENTROID_SCALES);
    const uint32_t *first = SECTION(scan->segment, uint32_t, LIST_POSITION);
    uint32_t lists = scan->segment->header->lists;
    struct best near = {.most = probes};
    int32_t *products = malloc(lists * sizeof *products);

    near.all = malloc(probes * sizeof *near.all);
    bool made = products && near.all;
    if (made) {
        scan->kernel->run(SECTION(scan->segment, uint8_t, CENTROIDS), query, lists, products);
        for (uint32_t i = 0; i < lists; i++)
            best_add(&near, (float)(products[i] - query->bias) * scales[i], 0, i);
        best_sort(&near);
        for (size_t i = 0; i < near.count && !(all && is_far(&near, i)); i++)
            scan_range(scan, first[near.all[i].row], first[near.all[i].row + 1]);
    }
    free(products);
    free(near.all);
    return made;
}

/* How many lists; more where conditions leave fewer in each. */
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

static bool scan_segment(struct scan *scan, const struct matched *matched)
{
    const struct segment_header *header = scan->segment->header;
    uint32_t probes = header->lists ? probes_of(scan, matched->rows) : 0;

    if (probes && matched->rows * header->lists > (uint64_t)header->rows * probes)
        return scan_lists(scan, probes,
                          !scan->job->self->probes && matched->rows * 2 > header->rows);
    if (matched->rows * 2 < header->rows)
        scan_matching(scan);
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
