/* similar.c - what means the same in other words, where an embedder is given: each word of the
 * passages is compared with the terms of the question that it is not, and each unit with the whole
 * question. */
#include "extractive.h"

enum { WORDS_MOST = 1500, BUCKETS = 4096 };

/* A word counts as another from this cosine on; it is worth so much less than that. */
static const float SAME = 0.6f, UNSURE = 0.2f;

/* The different words of all units. */
struct vocabulary {
    pb_word *words;
    float (*has)[TERMS];       /* of each word */
    uint16_t buckets[BUCKETS]; /* number of the word, from 1 */
    size_t count;
};

static size_t bucket_of(const struct vocabulary *vocabulary, uint64_t key)
{
    size_t at = (size_t)(key % BUCKETS);

    while (vocabulary->buckets[at] && vocabulary->words[vocabulary->buckets[at] - 1].key != key)
        at = (at + 1) % BUCKETS;
    return at;
}

static void gather(struct vocabulary *vocabulary, pb_str text)
{
    size_t at = 0;
    pb_word word;

    while (vocabulary->count < WORDS_MOST && pb_word_next(text, &at, &word)) {
        size_t bucket = bucket_of(vocabulary, word.key);
        if (word.common || word.text.size < 3 || vocabulary->buckets[bucket])
            continue;
        vocabulary->words[vocabulary->count++] = word;
        vocabulary->buckets[bucket] = (uint16_t)vocabulary->count;
    }
}

static float cosine(const float *a, const float *b, size_t dimensions)
{
    float product = 0;

    for (size_t i = 0; i < dimensions; i++)
        product += a[i] * b[i];
    return product;
}

/* The vectors of `count` texts that `text_of` names. */
static pb_status embed(const struct answer *answer, const pb_str *texts, size_t count, int purpose,
                       float **out)
{
    size_t dimensions = pb_embed_dimensions(answer->extractive->embedder);

    *out = PB_NEW_ARRAY(float, count *dimensions + 1);
    return *out ? pb_embed(answer->extractive->embedder, purpose, texts, count, *out)
                : (pb_status)PB_NO_MEMORY;
}

static pb_status compare_words(const struct answer *answer, struct vocabulary *vocabulary)
{
    size_t dimensions = pb_embed_dimensions(answer->extractive->embedder);
    size_t asked = answer->asked.count, count = vocabulary->count;
    pb_str *texts = PB_NEW_ARRAY(pb_str, asked + count);
    float *vectors;

    if (!texts)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < asked; i++)
        texts[i] = answer->asked.words[i].text;
    for (size_t i = 0; i < count; i++)
        texts[asked + i] = vocabulary->words[i].text;
    pb_status status = embed(answer, texts, asked + count, PB_EMBED_DOCUMENT, &vectors);
    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const float *word = vectors + (asked + i) * dimensions;
        for (size_t term = 0; term < asked; term++) {
            float alike = cosine(word, vectors + term * dimensions, dimensions);
            vocabulary->has[i][term] = alike >= SAME ? (alike > 1 ? 1 : alike) - UNSURE : 0;
        }
        status = i % 64 ? PB_OK : pb_step();
    }
    return status;
}

static void note(const struct vocabulary *vocabulary, pb_str text, float worth, float has[TERMS])
{
    size_t at = 0;
    pb_word word;

    while (pb_word_next(text, &at, &word)) {
        uint16_t number = vocabulary->buckets[bucket_of(vocabulary, word.key)];
        for (size_t term = 0; number && term < TERMS; term++)
            if (vocabulary->has[number - 1][term] * worth > has[term])
                has[term] = vocabulary->has[number - 1][term] * worth;
    }
}

static pb_status words(struct answer *answer)
{
    struct vocabulary *vocabulary = PB_NEW(struct vocabulary);

    if (!vocabulary)
        return PB_NO_MEMORY;
    vocabulary->words = PB_NEW_ARRAY(pb_word, WORDS_MOST);
    vocabulary->has = pb_alloc(WORDS_MOST * sizeof *vocabulary->has);
    if (!vocabulary->words || !vocabulary->has)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < answer->passages->count && i < PASSAGES_MOST; i++)
        gather(vocabulary, answer->passages->items[i]->heading);
    for (size_t i = 0; i < answer->count; i++)
        gather(vocabulary, answer->units[i].text);
    pb_status status = compare_words(answer, vocabulary);
    if (status != PB_OK)
        return status;
    for (size_t i = 0; i < answer->passages->count && i < PASSAGES_MOST; i++)
        note(vocabulary, answer->passages->items[i]->heading, 0.7f, answer->context[i]);
    for (size_t i = 0; i < answer->count; i++)
        note(vocabulary, answer->units[i].text, 1, answer->units[i].has);
    return pb_step();
}

static pb_status sentences(struct answer *answer)
{
    size_t dimensions = pb_embed_dimensions(answer->extractive->embedder);
    pb_str *texts = PB_NEW_ARRAY(pb_str, answer->count + 1);
    float *question, *vectors;

    if (!texts)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < answer->count; i++)
        texts[i] = pb_str_slice(answer->units[i].text, 0, 1000);
    pb_status status = embed(answer, &answer->question, 1, PB_EMBED_QUERY, &question);
    if (status == PB_OK)
        status = embed(answer, texts, answer->count, PB_EMBED_DOCUMENT, &vectors);
    for (size_t i = 0; i < answer->count && status == PB_OK; i++) {
        answer->units[i].alike = cosine(question, vectors + i * dimensions, dimensions);
        status = i % 64 ? PB_OK : pb_step();
    }
    return status;
}

pb_status similar_find(struct answer *answer)
{
    pb_status status = words(answer);

    evidence_weigh(answer);
    return status == PB_OK ? sentences(answer) : status;
}
