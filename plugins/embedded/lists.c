/* lists.c - inverted lists: vectors that are near to each other lie together, so that a search
 * looks at a few lists. Centres by k-means over a sample; about twice as many as the root of the vectors.
 */
#include "segment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LISTS_MOST = 4096, SAMPLE = 48, ROUNDS = 8 };

struct means {
    const uint8_t *codes;
    const float *scales;
    uint32_t stride;
    struct lists *lists;
    struct coded query;
    int32_t *products; /* of one vector with all centres */
    float *sums;       /* lists * stride */
    uint32_t *sizes;
    const struct kernel *kernel;
};

/* The list whose centre is nearest. */
static uint32_t nearest(struct means *means, uint32_t vector)
{
    struct lists *lists = means->lists;
    float best = -INFINITY;
    uint32_t found = 0;

    coded_from_code(&means->query, means->codes + (size_t)vector * means->stride,
                    means->scales[vector]);
    means->kernel->run(lists->centroids, &means->query, lists->count, means->products);
    for (uint32_t i = 0; i < lists->count; i++) {
        float score = (float)(means->products[i] - means->query.bias) * lists->scales[i];
        if (score > best) {
            best = score;
            found = i;
        }
    }
    return found;
}

static void add_to_sum(struct means *means, uint32_t vector, uint32_t list)
{
    const uint8_t *code = means->codes + (size_t)vector * means->stride;
    float *sum = means->sums + (size_t)list * means->stride;

    for (uint32_t i = 0; i < means->stride; i++)
        sum[i] += (float)(code[i] - CODE_ZERO) * means->scales[vector];
    means->sizes[list]++;
}

/* Of length 1, so that large lists draw no more than small ones. */
static void place_centre(struct means *means, uint32_t list)
{
    float *sum = means->sums + (size_t)list * means->stride;
    float length = sqrtf(vector_dot(sum, sum, means->stride));

    for (uint32_t i = 0; length > 0 && i < means->stride; i++)
        sum[i] /= length;
    means->lists->scales[list] = code_make(sum, means->stride, means->stride,
                                           means->lists->centroids + (size_t)list * means->stride);
}

static void one_round(struct means *means, uint32_t step, uint32_t samples, uint32_t vectors)
{
    uint32_t count = means->lists->count;

    memset(means->sums, 0, (size_t)count * means->stride * sizeof *means->sums);
    memset(means->sizes, 0, count * sizeof *means->sizes);
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t vector = (uint32_t)((uint64_t)i * step % vectors);
        add_to_sum(means, vector, nearest(means, vector));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!means->sizes[i]) /* nobody came: begin elsewhere */
            add_to_sum(means, (uint32_t)((uint64_t)i * 2654435761u % vectors), i);
        place_centre(means, i);
    }
}

/* All vectors to their lists, by counting. */
static void sort_all(struct means *means, uint32_t vectors, uint32_t *of)
{
    struct lists *lists = means->lists;

    memset(lists->first, 0, (lists->count + 1) * sizeof *lists->first);
    for (uint32_t i = 0; i < vectors; i++) {
        of[i] = nearest(means, i);
        lists->first[of[i] + 1]++;
    }
    for (uint32_t i = 0; i < lists->count; i++)
        lists->first[i + 1] += lists->first[i];
    memcpy(means->sizes, lists->first, lists->count * sizeof *means->sizes);
    for (uint32_t i = 0; i < vectors; i++)
        lists->order[means->sizes[of[i]]++] = i;
}

static bool make_memory(struct means *means, uint32_t vectors, uint32_t **of)
{
    struct lists *lists = means->lists;
    size_t count = lists->count, stride = means->stride;

    lists->centroids = aligned_alloc(ALIGN, count * stride);
    lists->scales = malloc(count * sizeof *lists->scales);
    lists->first = malloc((count + 1) * sizeof *lists->first);
    lists->order = malloc(vectors * sizeof *lists->order);
    means->products = malloc(count * sizeof *means->products);
    means->sums = malloc(count * stride * sizeof *means->sums);
    means->sizes = malloc(count * sizeof *means->sizes);
    means->query.bytes = aligned_alloc(ALIGN, stride);
    means->query.words = aligned_alloc(ALIGN, stride * 2);
    *of = malloc(vectors * sizeof **of);
    return lists->centroids && lists->scales && lists->first && lists->order && means->products &&
           means->sums && means->sizes && means->query.bytes && means->query.words && *of;
}

bool lists_make(struct lists *lists, const uint8_t *codes, const float *scales, uint32_t vectors,
                uint32_t stride)
{
    struct means means = {.codes = codes,
                          .scales = scales,
                          .stride = stride,
                          .lists = lists,
                          .query = {.stride = stride},
                          .kernel = kernel_best()};
    uint32_t *of = NULL;

    lists->count = (uint32_t)(2 * sqrt((double)vectors));
    if (lists->count > LISTS_MOST)
        lists->count = LISTS_MOST;
    if (!lists->count)
        lists->count = 1;
    bool made = make_memory(&means, vectors, &of);
    if (made) {
        uint32_t samples = lists->count * SAMPLE < vectors ? lists->count * SAMPLE : vectors;
        uint32_t step = vectors / samples;
        memset(means.sums, 0, (size_t)lists->count * stride * sizeof *means.sums);
        for (uint32_t i = 0; i < lists->count; i++) {
            add_to_sum(&means, (uint32_t)((uint64_t)i * vectors / lists->count), i);
            place_centre(&means, i);
        }
        for (int i = 0; i < ROUNDS; i++)
            one_round(&means, step, samples, vectors);
        sort_all(&means, vectors, of);
    }
    free(of);
    free(means.products);
    free(means.sums);
    free(means.sizes);
    free(means.query.bytes);
    free(means.query.words);
    return made;
}

void lists_free(struct lists *lists)
{
    free(lists->centroids);
    free(lists->scales);
    free(lists->first);
    free(lists->order);
    *lists = (struct lists){0};
}
