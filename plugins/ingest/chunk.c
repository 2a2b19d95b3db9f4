/* chunk - the stage that cuts the blocks of a document into passages, each with its place. How:
 * section.c (headings), split.c (what is too long), pack.c (what fits together). */
#include "ingest.h"

enum { OVERLAP = 64 }; /* the default, as in the table */

/* The defaults are those that found most in tests/bench/answers: with an overlap of 64 the passage that
 * answers is the first one for 0.49 of the questions, without for 0.35. */
const pb_field chunk_options[] = {
    PB_INT(struct chunk, max_tokens, .def = "256", .min = 16, .max = 8192,
           .help = "The longest passage, in tokens."),
    PB_INT(struct chunk, min_tokens, .def = "32", .max = 8192,
           .help = "Neighbouring sections that are shorter become one passage; 0: never."),
    PB_INT(struct chunk, overlap, .def = "64", .max = 4096,
           .help = "So many tokens from the end of a passage stand before the next one of the same "
                   "section, in whole sentences."),
    PB_REF(struct chunk, embedder, "embedder",
           .help = "Counts tokens; without it four bytes are one."),
    PB_END,
};

void chunk_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct chunk *chunk = self;

    if (chunk->overlap > chunk->max_tokens / 2 && chunk->overlap != OVERLAP)
        pb_problem(diagnostics, "overlap", "this is more than half of 'max_tokens'");
}

/* Short passages have less of it, where nobody said how much. */
pb_status chunk_create(void *self)
{
    struct chunk *chunk = self;

    if (chunk->overlap > chunk->max_tokens / 2)
        chunk->overlap = chunk->max_tokens / 4;
    return PB_OK;
}

int64_t count_tokens(const struct chunker *chunker, pb_str text)
{
    if (text.size > chunker->most)
        return INT64_MAX;
    return (int64_t)pb_embed_tokens(chunker->options->embedder, text);
}

pb_status atoms_add(struct atoms *atoms, const struct atom *atom)
{
    if (atoms->count == atoms->room) {
        size_t room = atoms->room ? atoms->room * 2 : 64;
        struct atom *items =
            pb_grow(atoms->items, atoms->room * sizeof *items, room * sizeof *items);
        if (!items)
            return PB_NO_MEMORY;
        atoms->items = items;
        atoms->room = room;
    }
    atoms->items[atoms->count++] = *atom;
    atoms->tokens += atom->tokens + 1;
    return PB_OK;
}

pb_status chunk_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct chunk *chunk = self;
    struct chunker chunker = {.options = chunk,
                              .limit = chunk->max_tokens - chunk->overlap,
                              .most = (size_t)chunk->max_tokens * 16};
    pb_status status = ingest_document(turn, "chunk", &chunker.document);

    if (status != PB_OK)
        return status;
    if (!chunker.document->blocks)
        return pb_fail(PB_INVALID, "there is nothing to cut: put 'extract' before 'chunk'");
    status = pb_document_progress(chunker.document, "chunking", 0);
    if (status == PB_OK)
        status = chunk_blocks(&chunker);
    chunker.document->chunks = chunker.chunks;
    chunker.document->chunk_count = chunker.count;
    if (status == PB_OK)
        status = pb_document_progress(chunker.document, "chunking", 1);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
