/* model.h - a model: token vectors and what is needed to find the tokens of a text.
 *
 * The file (.pbvec, little-endian; pbvec.py writes it, its numbers are found by distil.py):
 *
 *     header       struct model_header, 128 bytes
 *     scales       float[tokens]: a row is its codes times its scale; weights are in it
 *     places       uint32[tokens + 1]: where each token's text begins and the last one ends
 *     index        uint16[4352]: which page describes the characters 256 × i to 256 × i + 255
 *     pages        uint16[pages × 256]: what becomes of each character (CHARACTER_…)
 *     replacements a length byte and that many bytes of UTF-8, again and again
 *     text         the tokens' texts without gaps; those that continue a word begin with "##"
 *     codes        int8[tokens × dimensions], at the next multiple of 64
 *     digest       SHA-256 of all that precedes
 *
 * The vector of a text is the sum of its tokens' rows, each times the root of how often the token is
 * there, made length 1. The file is mapped, never changed: all workers share its pages. Only the hash table is a worker's own.
 */
#ifndef STATIC_MODEL_H
#define STATIC_MODEL_H

#include <patchbay/plugin.h>

struct model_header {
    char magic[8];
    uint32_t version;
    uint32_t dimensions;
    uint32_t tokens;
    uint32_t text_size;
    uint32_t pages;
    uint32_t replacement_size;
    uint64_t file_size;
    char name[64]; /* of the space that the vectors lie in; NUL-terminated */
    char reserved[24];
};

enum {
    CHARACTER_KEEP = 0,
    CHARACTER_DROP = 1,
    CHARACTER_SPACE = 2,
    CHARACTER_ALONE = 3, /* a word of its own: punctuation, CJK */
    /* From here on: this plus twice a place in the replacements, plus 1 for alone. */
    CHARACTER_REPLACED = 16,

    MODEL_PAGES = 0x110000 / 256,
    MODEL_TOKEN = 32, /* longest token in bytes; ones in BERT's vocabulary have 18 */
    MODEL_WORD = 100, /* characters; a longer word is unknown */
    MODEL_DIMENSIONS = 4096,
    MODEL_NONE = -1,
};

struct model_slot {
    uint32_t hash;
    uint32_t token; /* its number plus 1; 0: free */
};

struct model {
    const uint8_t *data;
    size_t size;
    void *mapping; /* NULL: the one that is part of the plugin */
    const struct model_header *header;
    const float *scales;
    const uint32_t *places;
    const uint16_t *index;
    const uint16_t *pages;
    const uint8_t *replacements;
    const char *text;
    const int8_t *codes;
    int32_t unknown; /* the token "[UNK]" */
    struct model_slot *slots;
    uint32_t mask; /* slots less one */
};

/* What is wrong with the file; `problem` is empty when nothing is. */
struct model_problem {
    pb_status status;
    char text[160];
};

/* The file that is part of the plugin. */
pb_bytes model_builtin(void);

/* Slots of a hash table for `tokens` tokens. */
uint32_t model_slots(uint32_t tokens);

/* Maps the file at `path` (NULL: the built-in one) and checks its size and header. Blocks: for a
 * helper thread. */
bool model_map(struct model *model, const char *path, struct model_problem *problem);
/* Checks all of it, a file's digest too, and fills `slots`, model_slots(tokens) zeroed ones. */
bool model_check(struct model *model, struct model_problem *problem);
void model_unmap(struct model *model);

#define MODEL_HASH 2166136261u
/* The hash (FNV-1a) of a text and one byte more; that of the empty text is MODEL_HASH. */
static inline uint32_t model_hash(uint32_t hash, uint8_t byte)
{
    return (hash ^ byte) * 16777619u;
}

/* Where in the table to begin: FNV's low bits alone are weak for short texts. */
static inline uint32_t model_place(const struct model *model, uint32_t hash)
{
    return (hash ^ (hash >> 15)) & model->mask;
}

/* The token with this text and hash, or MODEL_NONE. */
int32_t model_find(const struct model *model, uint32_t hash, pb_str text);

#endif
