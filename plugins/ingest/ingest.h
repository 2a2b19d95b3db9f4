/* ingest.h - the stages of a pipeline that takes a document apart and stores it: their options, and
 * what the files of the chunker share. */
#ifndef INGEST_H
#define INGEST_H

#include <patchbay/classifier.h>
#include <patchbay/document.h>
#include <patchbay/embedder.h>
#include <patchbay/extractor.h>
#include <patchbay/stage.h>
#include <patchbay/vector_store.h>

enum { ON_FOUND_REFUSE = 0, ON_FOUND_TAG = 1 };

struct scan {
    pb_list classifiers;
    int32_t on_found;
    double threshold;
};

struct extract {
    pb_list extractors;
};

struct chunk {
    int64_t max_tokens, min_tokens, overlap;
    pb_instance *embedder;
};

struct classify {
    pb_list classifiers;
    double threshold;
    int64_t max_text;
    pb_str field;
    bool tags;
};

struct embed {
    pb_instance *embedder;
    int64_t batch;
    bool context;
};

struct store {
    pb_instance *vectors;
    int64_t documents, passages; /* stored by this worker */
};

extern const pb_field scan_options[], extract_options[], chunk_options[], classify_options[],
    embed_options[], store_options[];

void scan_check(const void *self, pb_diagnostics *diagnostics);
pb_status scan_run(void *self, pb_turn *turn, const pb_next *next);
void extract_check(const void *self, pb_diagnostics *diagnostics);
pb_status extract_run(void *self, pb_turn *turn, const pb_next *next);
void chunk_check(const void *self, pb_diagnostics *diagnostics);
pb_status chunk_create(void *self);
pb_status chunk_run(void *self, pb_turn *turn, const pb_next *next);
void classify_check(const void *self, pb_diagnostics *diagnostics);
pb_status classify_run(void *self, pb_turn *turn, const pb_next *next);
pb_status embed_run(void *self, pb_turn *turn, const pb_next *next);
pb_status store_run(void *self, pb_turn *turn, const pb_next *next);
void store_stats(void *self, pb_stats *stats);

/* The turn's document; PB_INVALID when it carries none. */
pb_status ingest_document(pb_turn *turn, const char *stage, pb_document **out);

/* --- sentence.c --------------------------------------------------------------------------------
 */

/* Where the first sentence of `text` ends, the white space behind it included; never inside of a
 * character. At most `most` bytes (at least 4): then at white space, or between characters. */
size_t sentence_end(pb_str text, size_t most);

/* `size`, or less: the start of the character that would be cut. */
size_t whole_characters(pb_str text, size_t size);

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- the chunker -------------------------------------------------------------------------------
 */

enum { PATH_DEPTH = 8, PATH_NAME = 160 };

/* The headings above a place, outermost first. */
struct path {
    pb_str names[PATH_DEPTH];
    int32_t levels[PATH_DEPTH];
    int depth;
};

/* A piece of a block that is never cut: a paragraph, a sentence of one, a row, some lines of code.
 */
struct atom {
    pb_str text; /* a slice of block->text */
    const pb_block *block;
    int64_t tokens;
    int64_t line, last; /* first and last line; 0: not known */
    int64_t head;       /* of a table's row: tokens of the header row that is put in front of it */
    bool glued;         /* belongs to the atom before it where both fit */
};

struct atoms {
    struct atom *items;
    size_t count, room;
    int64_t tokens; /* of all, with one for each join */
};

/* Small sections, gathered until they are worth a passage. */
struct group {
    struct atoms atoms;
    struct path path; /* what all of them have in common */
    int first_depth;  /* of the first one's path */
    bool titled;      /* the first atom is the first one's heading */
    size_t sections;
};

struct chunker {
    const struct chunk *options;
    pb_document *document;
    int64_t limit; /* tokens of an atom and of what is packed */
    size_t most;   /* bytes that are too many for `limit`, whatever they are */
    struct path path;
    struct atoms atoms; /* of the section that is being read */
    struct atom title;  /* its heading */
    bool titled;
    struct group pending;
    const pb_passage *before; /* the passage before in the same section, when it ends in prose */
    const pb_passage **chunks;
    size_t count, room;
};

/* Tokens of a text; INT64_MAX for one that is too long to count. */
int64_t count_tokens(const struct chunker *chunker, pb_str text);
/* PB_OK or PB_NO_MEMORY. */
pb_status atoms_add(struct atoms *atoms, const struct atom *atom);

/* split.c: the atoms of one block, behind those of its section. Parks. */
pb_status split_block(struct chunker *chunker, const pb_block *block);
/* pack.c: passages out of `count` atoms of one section. Parks. */
pb_status pack_atoms(struct chunker *chunker, const struct atom *atoms, size_t count,
                     const struct path *path);
/* The same for what is one passage. */
pb_status pack_one(struct chunker *chunker, const struct atom *atoms, size_t count,
                   const struct path *path);
/* section.c: all blocks. Parks. */
pb_status chunk_blocks(struct chunker *chunker);

#endif
