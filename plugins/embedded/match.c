/* match.c - which documents of a segment may be seen and match: a bit each. Runs on helper threads.
 */
#include "embedded.h"

#include <stdlib.h>

static size_t words_in(const struct segment *segment)
{
    return ((size_t)segment->header->documents + 63) / 64;
}

/* Sets the bits of all that have an attribute of the range. What all have, as most labels of access,
 * needs no list read. */
static void add_range(const struct segment *segment, const struct range *range, uint64_t *bits)
{
    const struct entry *entries = SECTION(segment, struct entry, ATTRIBUTES);
    const uint8_t *lists = SECTION(segment, uint8_t, HOLDERS);
    const char *texts = SECTION(segment, char, TEXTS);
    uint32_t at = segment_lower(segment, ATTRIBUTES, range->low.data, range->low.size);

    for (; at < segment->header->attributes &&
           bytes_compare(texts + entries[at].text, entries[at].size, range->high.data,
                         range->high.size) < 0;
         at++) {
        if (entries[at].count == segment->header->documents) {
            memset(bits, 0xff, words_in(segment) * sizeof *bits);
            return;
        }
        const uint8_t *list = lists + entry_list(&entries[at]), *end = list + entries[at].length;
        uint32_t document = UINT32_MAX;
        while (list < end) {
            uint32_t step = varint_read(&list);
            list += step & 1;
            document += step >> 1;
            bits[document / 64] |= (uint64_t)1 << (document % 64);
        }
    }
}

static bool evaluate(const struct segment *segment, const struct condition *condition,
                     uint64_t *bits);

static bool combine(const struct segment *segment, const struct condition *condition,
                    uint64_t *bits)
{
    size_t words = words_in(segment);
    bool all = condition->type == PB_FILTER_ALL;
    uint64_t *one = malloc((words + 1) * sizeof *one);
    bool made = one != NULL;

    memset(bits, all ? 0xff : 0, words * sizeof *bits);
    for (size_t i = 0; i < condition->count && made; i++) {
        made = evaluate(segment, &condition->children[i], one);
        for (size_t k = 0; k < words; k++)
            bits[k] = all ? bits[k] & one[k] : bits[k] | one[k];
    }
    free(one);
    return made;
}

static bool evaluate(const struct segment *segment, const struct condition *condition,
                     uint64_t *bits)
{
    size_t words = words_in(segment);

    if (condition->type == PB_FILTER_ALL || condition->type == PB_FILTER_ANY)
        return combine(segment, condition, bits);
    if (condition->type == PB_FILTER_NOT) {
        bool made = evaluate(segment, condition->children, bits);
        for (size_t i = 0; i < words; i++)
            bits[i] = ~bits[i];
        return made;
    }
    memset(bits, 0, words * sizeof *bits);
    for (size_t i = 0; i < condition->count; i++)
        add_range(segment, &condition->ranges[i], bits);
    return true;
}

static bool and_with(const struct segment *segment, const struct condition *condition,
                     uint64_t *bits, uint64_t *room)
{
    if (!condition)
        return true;
    if (!evaluate(segment, condition, room))
        return false;
    for (size_t i = 0; i < words_in(segment); i++)
        bits[i] &= room[i];
    return true;
}

/* Bits beyond the last document are cleared. Documents of one word follow each other, and so do
 * those of their rows. */
static void count_rows(const struct segment *segment, struct matched *out)
{
    const uint32_t *first = SECTION(segment, uint32_t, DOCUMENT_ROW);
    uint32_t documents = segment->header->documents, matching = 0;
    uint64_t *bits = out->bits;

    if (documents % 64)
        bits[documents / 64] &= ((uint64_t)1 << (documents % 64)) - 1;
    out->rows = 0;
    for (size_t i = 0; i < words_in(segment); i++) {
        uint64_t word = bits[i];
        matching += (uint32_t)__builtin_popcountll(word);
        if (word == UINT64_MAX) {
            out->rows += first[i * 64 + 64] - first[i * 64];
            continue;
        }
        for (; word; word &= word - 1) {
            size_t document = i * 64 + (size_t)__builtin_ctzll(word);
            out->rows += first[document + 1] - first[document];
        }
    }
    if (matching == documents) {
        free(out->bits);
        out->bits = NULL;
    }
}

bool match_segment(const struct match *match, const struct shown *shown, struct matched *out)
{
    const struct segment *segment = shown->segment;
    size_t words = words_in(segment);

    *out = (struct matched){.rows = segment->header->rows};
    if (match->all && !match->filter && !match->also && !shown->dead)
        return true;
    uint64_t *bits = malloc((words + 1) * sizeof *bits), *room = malloc((words + 1) * sizeof *room);
    bool made = bits && room;
    if (made) {
        memset(bits, match->all ? 0xff : 0, words * sizeof *bits);
        for (size_t i = 0; i < match->access_count; i++)
            add_range(segment, &match->access[i], bits);
        for (size_t i = 0; shown->dead && i < words; i++)
            bits[i] &= ~shown->dead[i];
        made = and_with(segment, match->filter, bits, room) &&
               and_with(segment, match->also, bits, room);
    }
    if (made) {
        out->bits = bits;
        count_rows(segment, out);
        bits = NULL;
    }
    free(bits);
    free(room);
    return made;
}
