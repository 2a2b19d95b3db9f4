/* embedder.h - texts in, vectors out. Draft: may change until two embedders exist. */
#ifndef PATCHBAY_DRAFT_EMBEDDER_H
#define PATCHBAY_DRAFT_EMBEDDER_H

#include <patchbay/plugin.h>

/* Some models embed a question otherwise than a text that may answer it. */
enum { PB_EMBED_DOCUMENT = 0, PB_EMBED_QUERY = 1 };

/* What to embed. Borrowed until embed returns. */
typedef struct pb_embed_request {
    uint32_t size;
    int32_t purpose; /* PB_EMBED_… */
    const pb_str *texts;
    size_t count;
} pb_embed_request;

/* The interface; both are required.
 * embed       fills `out`: count vectors of dimensions() floats, one behind the other, each of
 *             length 1. May park. PB_TOO_LARGE when a text is longer than the model takes,
 *             PB_UNAVAILABLE, PB_RATE_LIMITED, PB_BAD_UPSTREAM as for an llm.
 * dimensions  floats of a vector; the same from start to destroy. Does not park. */
typedef struct pb_embedder {
    PB_LIFECYCLE
    pb_status (*embed)(void *self, const pb_embed_request *request, float *out);
    size_t (*dimensions)(void *self);
} pb_embedder;

/* PB_EMBEDDER("hash", struct hash, hash_options, .embed = …, .dimensions = …) */
#define PB_EMBEDDER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_embedder, "embedder", 0, name, owner, options, __VA_ARGS__)

#endif
