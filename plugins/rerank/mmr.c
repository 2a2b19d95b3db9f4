/* mmr.c - maximal marginal relevance: the next passage is the one that is relevant and unlike those
 * already chosen (Carbonell and Goldstein, 1998).
 *
 * How alike two passages are say their vectors, or, where one has none, the words that they share.
 * Relevance is the retriever's score, scaled so that the best is 1 and the worst 0.5: a retriever
 * gives what it thinks may answer, and its last is not worthless.
 */
#include "rerank.h"

const pb_field mmr_options[] = {
    PB_FLOAT(struct mmr, relevance, .def = "0.9", .max = 1, /* by tests/bench/answers */
             .help = "What counts: 1 relevance alone, 0 being unlike the others alone."),
    PB_FLOAT(struct mmr, duplicate, .def = "0.97", .max = 1,
             .help =
                 "Passages as alike as this are one: the less relevant is left out. 1: none is."),
    PB_INT(struct mmr, keep, .def = "0", .max = 1000, .help = "At most so many passages; 0: all."),
    PB_END,
};

enum { WORDS = 256 }; /* of a passage, for the overlap */

/* The different words of a passage, in order of their keys. */
struct bag {
    uint64_t *keys;
    size_t count;
};

struct work {
    const pb_passages *in;
    struct bag *bags;  /* made when first asked for */
    double *relevance; /* 0.5 to 1 */
    double *alike;     /* to the nearest that is chosen */
};

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static const struct bag *bag_of(struct work *work, size_t index)
{
    struct bag *bag = &work->bags[index];
    size_t at = 0, kept = 0;
    pb_word word;

    if (bag->keys)
        return bag;
    bag->keys = PB_NEW_ARRAY(uint64_t, WORDS);
    if (!bag->keys)
        return NULL;
    while (bag->count < WORDS && pb_word_next(work->in->items[index]->text, &at, &word))
        if (!word.common)
            bag->keys[bag->count++] = word.key;
    qsort(bag->keys, bag->count, sizeof *bag->keys, by_key);
    for (size_t i = 0; i < bag->count; i++)
        if (!kept || bag->keys[kept - 1] != bag->keys[i])
            bag->keys[kept++] = bag->keys[i];
    bag->count = kept;
    return bag;
}

/* Words in both, of the words in either. */
static double overlap(const struct bag *a, const struct bag *b)
{
    size_t i = 0, j = 0, both = 0;

    while (a && b && i < a->count && j < b->count) {
        both += a->keys[i] == b->keys[j];
        if (a->keys[i] < b->keys[j])
            i++;
        else if (a->keys[i] > b->keys[j])
            j++;
        else
            i++, j++;
    }
    return both ? (double)both / (double)(a->count + b->count - both) : 0;
}

static double alike(struct work *work, size_t i, size_t j)
{
    const pb_passage *a = work->in->items[i], *b = work->in->items[j];
    double product = 0;

    if (!a->vector || !b->vector || a->dimensions != b->dimensions)
        return overlap(bag_of(work, i), bag_of(work, j));
    for (uint32_t at = 0; at < a->dimensions; at++)
        product += (double)(a->vector[at] * b->vector[at]);
    return product;
}

static pb_status prepare(struct work *work, const pb_passages *in)
{
    double best = 0, worst = 0;

    work->in = in;
    work->bags = PB_NEW_ARRAY(struct bag, in->count);
    work->relevance = PB_NEW_ARRAY(double, in->count);
    work->alike = PB_NEW_ARRAY(double, in->count);
    if (!work->bags || !work->relevance || !work->alike)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < in->count; i++) {
        double score = in->items[i]->score;
        best = i && best > score ? best : score;
        worst = i && worst < score ? worst : score;
    }
    for (size_t i = 0; i < in->count; i++)
        work->relevance[i] =
            best > worst ? 0.5 + 0.5 * (in->items[i]->score - worst) / (best - worst) : 1;
    return PB_OK;
}

/* The best that is left; in->count when only duplicates are. */
static size_t next_of(const struct mmr *mmr, const struct work *work, const struct order *order)
{
    size_t best = work->in->count;
    double most = -2;

    for (size_t i = 0; i < work->in->count; i++) {
        double value = mmr->relevance * work->relevance[i] - (1 - mmr->relevance) * work->alike[i];
        bool again = mmr->duplicate < 1 && work->alike[i] >= mmr->duplicate;
        if (!order->taken[i] && !again && value > most) {
            most = value;
            best = i;
        }
    }
    return best;
}

pb_status mmr_rerank(void *self, pb_str query, const pb_passages *in, pb_passages *out)
{
    const struct mmr *mmr = self;
    struct work work;
    struct order order;
    size_t most = mmr->keep && (size_t)mmr->keep < in->count ? (size_t)mmr->keep : in->count;
    double score = 1;
    pb_status status = order_begin(&order, in);

    (void)query; /* the retriever's scores know it */
    if (status == PB_OK)
        status = prepare(&work, in);
    while (status == PB_OK && order.count < most) {
        size_t chosen = next_of(mmr, &work, &order);
        if (chosen == in->count)
            break;
        score = work.relevance[chosen] < score ? work.relevance[chosen] : score;
        status = order_take(&order, chosen, score);
        for (size_t i = 0; i < in->count && status == PB_OK; i++) {
            double now = order.taken[i] ? 0 : alike(&work, i, chosen);
            if (now > work.alike[i])
                work.alike[i] = now;
        }
        if (status == PB_OK)
            status = pb_step();
    }
    order_end(&order, out);
    return status;
}
