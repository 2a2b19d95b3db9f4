/* document.h - a document on its way through a pipeline of stages into a vector store.
 *
 * Such a pipeline is one like any other (extract, chunk, classify, embed, store); its turn carries a
 * document instead of messages. A stage reads what those above it filled in, adds its own, and runs
 * the rest: what it allocates lives until the rest has returned.
 *
 *     pb_document *document = pb_turn_document(turn);
 *     if (!document) return pb_fail(PB_INVALID, "'chunk' belongs into a pipeline for documents");
 *     … document->chunks = …;
 *     return pb_run_next(next, turn);
 */
#ifndef PATCHBAY_DOCUMENT_H
#define PATCHBAY_DOCUMENT_H

#include <patchbay/extractor.h>
#include <patchbay/passage.h>
#include <patchbay/turn.h>

struct pb_document {
    uint32_t size;
    int32_t version;     /* of the document, from 1 */
    /* set by whoever runs the pipeline */
    pb_str id;           /* UUID */
    pb_str collection;
    pb_str name;         /* "docs/install.md" */
    pb_str type;         /* by content, not by name: "text/markdown" */
    pb_str url;          /* or absent */
    pb_str digest;       /* SHA-256 of the bytes, in hex */
    pb_bytes bytes;      /* the file */
    const pb_str *access; /* labels, as in vector_store.h */
    size_t access_count;
    const pb_str *tags;
    size_t tag_count;
    const pb_json *metadata; /* an object or NULL; stages may put another in its place */
    /* extract */
    pb_str title;
    const pb_block *const *blocks;
    size_t block_count;
    /* chunk: with all but document, document_id, url and metadata, which store adds */
    const pb_passage *const *chunks;
    size_t chunk_count;
    /* embed: one vector a chunk, side by side */
    const float *vectors;
    uint32_t dimensions;
    uint32_t stored; /* store: 1: it is in the vector store */
    pb_str model;    /* embed: pb_embed_model */
    /* Says how far it is: `state` is "extracting", "chunking", "classifying", "embedding" or
     * "storing", `share` 0 to 1 of that. May park; what it returns other than PB_OK is returned
     * unchanged (the job was cancelled). Call it through pb_document_progress. */
    pb_status (*progress)(void *arg, pb_str state, double share);
    void *progress_arg;
};

/* The document that this turn carries, or NULL. Lives as long as the turn. Does not park. */
static inline pb_document *pb_turn_document(pb_turn *turn)
{
    return PB_CALL(turn_document)(turn);
}

static inline pb_status pb_document_progress(const pb_document *document, const char *state,
                                             double share)
{
    return document->progress ? document->progress(document->progress_arg, pb_str_of(state), share)
                              : (pb_status)PB_OK;
}

#endif
