/* terms.c - the words of one segment while it is made: a table from text to a growing list of rows.
 * Rows come in ascending order; of each only the difference to the one before is kept, and how
 * often it has the word where that is more than once. */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

struct term {
    uint64_t text; /* in the texts */
    uint32_t size;
    uint32_t hash;
    uint32_t row, often; /* of the open row */
    uint32_t last;       /* the last one in the list, plus one */
    uint32_t count;
    uint32_t used, room;
    uint8_t *list;
};

struct terms {
    struct term *all;
    uint32_t count, room;
    uint32_t *table; /* number + 1 */
    uint32_t mask;
    char *texts;
    uint64_t texts_size, texts_room;
    uint32_t *open; /* numbers of the terms of the open row */
    uint32_t open_count, open_room;
    uint32_t row; /* the open row, plus one */
};

enum { TABLE_FIRST = 1024 };

struct terms *terms_new(void)
{
    struct terms *terms = calloc(1, sizeof *terms);

    if (!terms)
        return NULL;
    terms->table = calloc(TABLE_FIRST, sizeof *terms->table);
    terms->mask = TABLE_FIRST - 1;
    terms->row = 1;
    if (terms->table)
        return terms;
    terms_free(terms);
    return NULL;
}

void terms_free(struct terms *terms)
{
    if (!terms)
        return;
    for (uint32_t i = 0; i < terms->count; i++)
        free(terms->all[i].list);
    free(terms->all);
    free(terms->table);
    free(terms->texts);
    free(terms->open);
    free(terms);
}

static bool make_room(void **memory, uint64_t *room, uint64_t want, size_t item)
{
    uint64_t more = *room ? *room : 64;

    if (want <= *room)
        return true;
    while (more < want)
        more *= 2;
    void *grown = realloc(*memory, more * item);
    if (!grown)
        return false;
    *memory = grown;
    *room = more;
    return true;
}

static bool make_room32(void **memory, uint32_t *room, uint32_t want, size_t item)
{
    uint64_t wide = *room;
    bool made = make_room(memory, &wide, want, item);

    *room = (uint32_t)wide;
    return made;
}

static uint32_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ size;

    while (size) {
        uint64_t part = 0;
        size_t take = size < 8 ? size : 8;
        memcpy(&part, text, take);
        hash = (hash ^ part) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        text += take;
        size -= take;
    }
    return (uint32_t)hash;
}

static bool grow_table(struct terms *terms)
{
    uint32_t mask = terms->mask * 2 + 1;
    uint32_t *table = calloc((size_t)mask + 1, sizeof *table);

    if (!table)
        return false;
    for (uint32_t i = 0; i < terms->count; i++) {
        uint32_t at = terms->all[i].hash & mask;
        while (table[at])
            at = (at + 1) & mask;
        table[at] = i + 1;
    }
    free(terms->table);
    terms->table = table;
    terms->mask = mask;
    return true;
}

/* The term of this text; NULL: no memory. */
static struct term *find(struct terms *terms, const char *text, size_t size)
{
    uint32_t hash = hash_of(text, size), at = hash & terms->mask;
    void *all = terms->all, *texts = terms->texts;

    for (; terms->table[at]; at = (at + 1) & terms->mask) {
        struct term *term = &terms->all[terms->table[at] - 1];
        if (term->hash == hash && term->size == size &&
            memcmp(terms->texts + term->text, text, size) == 0)
            return term;
    }
    bool made = make_room32(&all, &terms->room, terms->count + 1, sizeof *terms->all);
    terms->all = all;
    made = made && make_room(&texts, &terms->texts_room, terms->texts_size + size, 1);
    terms->texts = texts;
    if (!made)
        return NULL;
    struct term *term = &terms->all[terms->count];
    *term = (struct term){.text = terms->texts_size, .size = (uint32_t)size, .hash = hash};
    memcpy(terms->texts + terms->texts_size, text, size);
    terms->texts_size += size;
    terms->table[at] = ++terms->count;
    if (terms->count * 2u > terms->mask && !grow_table(terms))
        return NULL;
    return term;
}

bool terms_word(struct terms *terms, const char *text, size_t size)
{
    struct term *term = find(terms, text, size);
    void *open = terms->open;

    if (!term)
        return false;
    if (term->row == terms->row) {
        term->often++;
        return true;
    }
    term->row = terms->row;
    term->often = 1;
    bool made = make_room32(&open, &terms->open_room, terms->open_count + 1, sizeof *terms->open);
    terms->open = open;
    if (made)
        terms->open[terms->open_count++] = (uint32_t)(term - terms->all);
    return made;
}

static uint32_t varint_write(uint8_t *at, uint32_t value)
{
    uint32_t size = 0;

    while (value >= 128) {
        at[size++] = (uint8_t)(value | 128);
        value >>= 7;
    }
    at[size++] = (uint8_t)value;
    return size;
}

/* Twice the difference, plus one where a byte follows that says how often. Rows stay below 2^31. */
bool terms_row_end(struct terms *terms, uint32_t row)
{
    for (uint32_t i = 0; i < terms->open_count; i++) {
        struct term *term = &terms->all[terms->open[i]];
        void *list = term->list;
        bool made =
            term->used + 8 <= term->room || make_room32(&list, &term->room, term->used + 8, 1);
        term->list = list;
        if (!made)
            return false;
        uint32_t more = term->often > 1;
        term->used += varint_write(term->list + term->used, (row + 1 - term->last) << 1 | more);
        if (more)
            term->list[term->used++] = (uint8_t)(term->often < 255 ? term->often : 255);
        term->last = row + 1;
        term->count++;
    }
    terms->open_count = 0;
    terms->row = row + 2;
    return true;
}

static int by_text(const void *a, const void *b, void *arg)
{
    const struct term *one = a, *two = b;
    const char *texts = arg;

    return bytes_compare(texts + one->text, one->size, texts + two->text, two->size);
}

bool terms_sort(struct terms *terms, uint32_t *count, uint64_t *postings, uint64_t *texts)
{
    *postings = 0;
    if (terms->count)
        qsort_r(terms->all, terms->count, sizeof *terms->all, by_text, terms->texts);
    for (uint32_t i = 0; i < terms->count; i++)
        *postings += terms->all[i].used;
    *count = terms->count;
    *texts = terms->texts_size;
    return terms->texts_size < UINT32_MAX;
}

void terms_write(struct terms *terms, struct entry *entries, uint8_t *postings, char *texts,
                 uint32_t text)
{
    uint64_t at = 0;

    for (uint32_t i = 0; i < terms->count; i++) {
        const struct term *term = &terms->all[i];
        entries[i] = (struct entry){.text = text,
                                    .size = term->size,
                                    .list = {(uint32_t)at, (uint32_t)(at >> 32)},
                                    .length = term->used,
                                    .count = term->count};
        memcpy(postings + at, term->list, term->used);
        memcpy(texts + text, terms->texts + term->text, term->size);
        text += term->size;
        at += term->used;
    }
}
