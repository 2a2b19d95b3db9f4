/* keyword.c - the other half: BM25 over the words of the query, any of them. All lists of a word
 * are read whole, which at two nanoseconds an entry costs less than skipping would; words that say
 * nothing are left out before. Exact. Runs on a helper thread.
 */
#include "embedded.h"

#include <math.h>
#include <stdlib.h>

enum { MANY = 1000 }; /* so many passages: how often a word is in them means something */

struct word {
    pb_str text;
    uint64_t count; /* passages that have it */
    bool common;
    float weight;
};

struct totals {
    struct word *words;
    size_t count;
    uint64_t rows, length;
};

static const struct entry *look_up(const struct segment *segment, pb_str text)
{
    uint32_t at = segment_lower(segment, TERMS, text.data, text.size);
    const struct entry *entry = SECTION(segment, struct entry, TERMS) + at;
    const char *texts = SECTION(segment, char, TEXTS);

    return at < segment->header->terms && entry->size == text.size &&
                   memcmp(texts + entry->text, text.data, text.size) == 0
               ? entry
               : NULL;
}

static void count_all(const struct job *job, struct totals *totals)
{
    for (size_t i = 0; i < job->view->count; i++) {
        const struct segment *segment = job->view->all[i].segment;
        totals->rows += segment->header->rows;
        totals->length += segment->header->length_sum;
        for (size_t k = 0; k < totals->count; k++) {
            const struct entry *entry = look_up(segment, totals->words[k].text);
            totals->words[k].count += entry ? entry->count : 0;
        }
    }
}

/* Words that most passages have, or most questions; unless there are no others. */
static void drop_common(const struct job *job, struct totals *totals)
{
    double most = (double)totals->rows * job->self->common;
    bool others = false;

    for (size_t i = 0; i < totals->count; i++) {
        struct word *word = &totals->words[i];
        word->common = word_is_common(word->text.data, word->text.size) ||
                       (totals->rows >= MANY && (double)word->count > most);
        others = others || (!word->common && word->count);
    }
    for (size_t i = 0; i < totals->count; i++) {
        struct word *word = &totals->words[i];
        double idf =
            log(1 + ((double)(totals->rows - word->count) + 0.5) / ((double)word->count + 0.5));
        word->weight = (float)(idf * (job->self->k1 + 1));
        if (word->common && others)
            word->count = 0;
    }
}

struct scoring {
    struct job *job;
    const struct segment *segment;
    float *scores;     /* of each row */
    uint32_t *touched; /* rows that have one */
    size_t count;
    float steady, per_word; /* what the length of a passage counts */
};

static void score_word(struct scoring *scoring, const struct word *word)
{
    const struct entry *entry = look_up(scoring->segment, word->text);
    const uint16_t *lengths = SECTION(scoring->segment, uint16_t, ROW_LENGTH);

    if (!entry)
        return;
    const uint8_t *list = SECTION(scoring->segment, uint8_t, POSTINGS) + entry_list(entry);
    const uint8_t *end = list + entry->length;
    uint32_t row = UINT32_MAX;
    while (list < end) {
        uint32_t step = varint_read(&list);
        float often = step & 1 ? *list++ : 1;
        row += step >> 1;
        if (scoring->scores[row] == 0)
            scoring->touched[scoring->count++] = row;
        scoring->scores[row] += word->weight * often /
                                (often + scoring->steady + scoring->per_word * (float)lengths[row]);
    }
}

static pb_status score_segment(struct job *job, const struct totals *totals, uint32_t number)
{
    const struct segment *segment = job->view->all[number].segment;
    const uint32_t *documents = SECTION(segment, uint32_t, ROW_DOCUMENT);
    const uint64_t *bits = job->matched[number].bits;
    double average = totals->rows ? (double)totals->length / (double)totals->rows : 1;
    struct scoring scoring = {
        .job = job,
        .segment = segment,
        .scores = calloc(segment->header->rows + 1u, sizeof(float)),
        .touched = malloc((segment->header->rows + 1u) * sizeof(uint32_t)),
        .steady = (float)(job->self->k1 * (1 - job->self->b)),
        .per_word = (float)(job->self->k1 * job->self->b / (average > 1 ? average : 1))};
    bool made = scoring.scores && scoring.touched;

    for (size_t i = 0; made && i < totals->count; i++)
        if (totals->words[i].count)
            score_word(&scoring, &totals->words[i]);
    for (size_t i = 0; made && i < scoring.count; i++) {
        uint32_t row = scoring.touched[i];
        struct best *best = &job->keyword;
        if (best->count == best->most && scoring.scores[row] < best->all[0].score)
            continue;
        if (bit_is_set(bits, documents[row]))
            best_add(best, scoring.scores[row], number, row);
    }
    free(scoring.scores);
    free(scoring.touched);
    return made ? PB_OK : PB_NO_MEMORY;
}

pb_status search_keywords(struct job *job)
{
    struct totals totals = {.count = job->word_count,
                            .words = calloc(job->word_count + 1, sizeof *totals.words)};
    pb_status status = totals.words ? PB_OK : PB_NO_MEMORY;

    if (status == PB_OK) {
        for (size_t i = 0; i < totals.count; i++)
            totals.words[i].text = job->words[i];
        count_all(job, &totals);
        drop_common(job, &totals);
    }
    for (uint32_t i = 0; status == PB_OK && i < job->view->count; i++)
        if (job->matched[i].rows)
            status = score_segment(job, &totals, i);
    free(totals.words);
    return status;
}
