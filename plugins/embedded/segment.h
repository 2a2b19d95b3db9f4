/* segment.h - what is searched: a block of memory made from the documents of some versions of one
 * collection. It never changes once it is made; it lies in the memory of a worker or in a file that
 * all workers map, and holds offsets only. No function here calls the host: all may run on threads.
 *
 * A row is a passage, in the order of documents. A position is the place of a row's code: the same
 * order, or that of the inverted lists. Codes are bytes, value + 128, so that they multiply with
 * the signed query in one instruction.
 */
#ifndef PLUGIN_EMBEDDED_SEGMENT_H
#define PLUGIN_EMBEDDED_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEGMENT_FORMAT = 1, NO_POSITION = -1, ALIGN = 64, CODE_ZERO = 128 };

enum section {
    CODES,          /* uint8_t[vectors][stride] */
    SCALES,         /* float[vectors] */
    POSITION_ROW,   /* uint32_t[vectors] */
    ROW_POSITION,   /* int32_t[rows]: or NO_POSITION */
    ROW_PASSAGE,    /* int64_t[rows] */
    ROW_DOCUMENT,   /* uint32_t[rows] */
    ROW_LENGTH,     /* uint16_t[rows]: words */
    DOCUMENT_ID,    /* int64_t[documents] */
    DOCUMENT_ROW,   /* uint32_t[documents + 1]: its first row */
    DOCUMENT_ORDER, /* uint32_t[documents]: sorted by id */
    GONE,           /* int64_t[gone]: documents that older segments must not show, sorted */
    TERMS,          /* struct entry[terms]: sorted by text; list in POSTINGS, bytes */
    POSTINGS,
    ATTRIBUTES,      /* struct entry[attributes]: the same; list in HOLDERS */
    HOLDERS,         /* lists of documents, as postings are lists of rows */
    TEXTS,           /* of both kinds of entries */
    CENTROIDS,       /* uint8_t[lists][stride] */
    CENTROID_SCALES, /* float[lists] */
    LIST_POSITION,   /* uint32_t[lists + 1]: its first position */
    SECTIONS,
};

/* A word or an attribute with the list of what has it. */
struct entry {
    uint32_t text, size; /* in TEXTS */
    uint32_t list[2];    /* its first byte: low and high half */
    uint32_t length;     /* in bytes */
    uint32_t count;      /* rows or documents in it */
};

struct segment_header {
    char magic[8];
    uint32_t format, variant; /* variant: of the options that decide what is in it */
    int64_t collection;
    int64_t from, to; /* versions: above from, up to to */
    int64_t from_stamp, to_stamp;
    int64_t seen; /* of its documents all changes up to this version are in it */
    uint64_t bytes;
    uint32_t dimensions, stride;
    uint32_t rows, documents, vectors, lists, terms, attributes, gone, reserved;
    uint64_t length_sum;
    uint64_t at[SECTIONS];
    uint64_t check; /* of all before it */
};

/* Owned by the views that show it; counted on the loop's thread only. */
struct segment {
    const struct segment_header *header;
    const uint8_t *base;
    size_t bytes;
    int64_t references;
    bool mapped; /* a file */
};

#define SECTION(segment, type, which)                                                              \
    ((const type *)(const void *)((segment)->base + (segment)->header->at[which]))

static inline uint64_t entry_list(const struct entry *entry)
{
    return (uint64_t)entry->list[1] << 32 | entry->list[0];
}

/* --- segment.c ----------------------------------------------------------------------------------
 */

/* Takes over a block from malloc. NULL: no memory (the block is freed). */
struct segment *segment_of_memory(void *block, size_t bytes);
/* Maps a file; NULL when it is not there or not whole. */
struct segment *segment_open(const char *path);
void segment_free(struct segment *segment);
/* Sets magic, sizes and check of a finished block. */
void segment_seal(struct segment_header *header);
/* Where documents with this id are: its number, or -1. */
int64_t segment_document(const struct segment *segment, int64_t id);
/* The first entry whose text is not smaller. */
uint32_t segment_lower(const struct segment *segment, enum section which, const char *text,
                       size_t size);
/* Compares as bytes, shorter first. */
int bytes_compare(const char *a, size_t a_size, const char *b, size_t b_size);

/* --- kernels.c: dot products of codes and a query -----------------------------------------------
 */

/* A query in the form that the kernels take. */
struct coded {
    uint32_t stride;
    int32_t bias; /* to be taken from each product */
    float scale;
    int8_t *bytes;  /* stride */
    int16_t *words; /* the same */
};

struct kernel {
    const char *name;
    /* Products of `count` codes that follow each other. */
    void (*run)(const uint8_t *codes, const struct coded *query, size_t count, int32_t *out);
    /* Of those at these positions. */
    void (*pick)(const uint8_t *codes, const struct coded *query, const uint32_t *positions,
                 size_t count, int32_t *out);
};

/* The best for this processor. */
const struct kernel *kernel_best(void);
/* All that this processor can run; NULL at the end. */
const struct kernel *const *kernel_all(void);

/* --- codes.c
 * -------------------------------------------------------------------------------------- */

uint32_t code_stride(uint32_t dimensions);
/* Writes `stride` bytes; gives the scale. */
float code_make(const float *vector, uint32_t dimensions, uint32_t stride, uint8_t *out);
/* bytes and words are the caller's, of `stride` each and aligned to 64. */
void coded_make(struct coded *query, const float *vector, uint32_t dimensions);
void coded_from_code(struct coded *query, const uint8_t *code, float scale);
float vector_dot(const float *a, const float *b, uint32_t dimensions);

/* --- words.c
 * -------------------------------------------------------------------------------------- */

enum { WORD_MOST = 64 };

/* Calls word(arg, text, size) for each word of a text: lower case, without accents, an English
 * ending taken off where `stem`. The text of a word lives until the call returns. */
void words_of(const char *text, size_t size, bool stem,
              void (*word)(void *arg, const char *text, size_t size), void *arg);
/* One that says nothing in a question: "the", "how". */
bool word_is_common(const char *text, size_t size);

/* --- builder.c, terms.c, lists.c
 * ------------------------------------------------------------------- */

struct builder;

struct build {
    int64_t collection, from, to, from_stamp, to_stamp, seen;
    uint32_t dimensions, variant;
    bool stem;
    int64_t lists_above;
};

struct builder *builder_new(const struct build *build);
void builder_free(struct builder *builder);
/* Each gives false when memory is short. Rows belong to the document that was added last; a vector
 * may lie at any address. */
bool builder_document(struct builder *builder, int64_t id, const char *attributes, size_t size);
bool builder_row(struct builder *builder, int64_t passage, const void *vector, size_t vector_size,
                 const char *heading, size_t heading_size, const char *text, size_t text_size);
bool builder_gone(struct builder *builder, int64_t document);
/* Takes over up to which version it goes, which may be known only now. */
void builder_limit(struct builder *builder, const struct build *build);
/* The finished block, from malloc; NULL: no memory. */
void *builder_finish(struct builder *builder, size_t *bytes);

/* Texts of one segment on their way, with lists of the rows that have them: words of passages, or
 * attributes of documents. */
struct terms;
struct terms *terms_new(void);
void terms_free(struct terms *terms);
bool terms_word(struct terms *terms, const char *text, size_t size); /* of the open row */
bool terms_row_end(struct terms *terms, uint32_t row);
/* How long the sections will be; sorts. */
bool terms_sort(struct terms *terms, uint32_t *count, uint64_t *postings, uint64_t *texts);
/* Writes them; texts begin at `text` of TEXTS. */
void terms_write(struct terms *terms, struct entry *entries, uint8_t *postings, char *texts,
                 uint32_t text);

/* Puts codes into lists of near ones: order[i] is the old position of the code at i. */
struct lists {
    uint32_t count;
    uint8_t *centroids;
    float *scales;
    uint32_t *first; /* count + 1 */
    uint32_t *order;
};

bool lists_make(struct lists *lists, const uint8_t *codes, const float *scales, uint32_t vectors,
                uint32_t stride);
void lists_free(struct lists *lists);

/* A list of rows with how often each has the word: differences, 7 bits a byte. */
static inline uint32_t varint_read(const uint8_t **at)
{
    uint32_t value = *(*at)++;
    uint32_t shift = 7;

    if (value < 128)
        return value;
    value &= 127;
    for (;;) {
        uint32_t byte = *(*at)++;
        value |= (byte & 127) << shift;
        if (byte < 128)
            return value;
        shift += 7;
    }
}

#endif
