/* embedder.h - texts in, vectors out. */
#ifndef PATCHBAY_EMBEDDER_H
#define PATCHBAY_EMBEDDER_H

#include <patchbay/plugin.h>

#define PB_EMBEDDER_REVISION 1

/* Some models embed a question otherwise than a text that may answer it. */
enum { PB_EMBED_DOCUMENT = 0, PB_EMBED_QUERY = 1 };

/* What to embed. Borrowed until embed returns. */
struct pb_embed_request {
    uint32_t size;
    int32_t purpose; /* PB_EMBED_… */
    const pb_str *texts;
    size_t count;
};

/* The interface; tokens is optional, the others are required.
 * embed       fills `out`: count vectors of dimensions() floats, one behind the other, each of
 *             length 1 (all zero for a text without a known word). May park. PB_TOO_LARGE when a
 *             text is longer than the model takes, PB_UNAVAILABLE, PB_RATE_LIMITED, PB_BAD_UPSTREAM
 *             as for an llm.
 * dimensions  floats of a vector; the same from start to destroy. Does not park.
 * model       names the space that the vectors lie in ("static/minilm-l6-1"): vectors of two names
 *             cannot be compared. Lives as long as the instance. Does not park.
 * tokens      how many tokens the model sees in a text. Does not park. */
typedef struct pb_embedder {
    PB_LIFECYCLE
    pb_status (*embed)(void *self, const pb_embed_request *request, float *out);
    size_t (*dimensions)(void *self);
    pb_str (*model)(void *self);
    size_t (*tokens)(void *self, pb_str text);
} pb_embedder;

/* PB_EMBEDDER("hash", struct hash, hash_options, .embed = …, .dimensions = …, .model = …) */
#define PB_EMBEDDER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_embedder, "embedder", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `embedder` is an option of kind PB_KIND_REF ----------------------- */

/* Parks. `out` has room for count × dimensions floats. */
static inline pb_status pb_embed(pb_instance *embedder, int32_t purpose, const pb_str *texts,
                                 size_t count, float *out)
{
    pb_embed_request request;
    memset(&request, 0, sizeof request);
    request.size = (uint32_t)sizeof request;
    request.purpose = purpose;
    request.texts = texts;
    request.count = count;
    return PB_CALL(embed)(embedder, &request, out);
}

static inline size_t pb_embed_dimensions(pb_instance *embedder)
{
    return PB_CALL(embed_dimensions)(embedder);
}

static inline pb_str pb_embed_model(pb_instance *embedder)
{
    return PB_CALL(embed_model)(embedder);
}

/* As the embedder counts; an estimate (bytes / 4) where it cannot, or for NULL. Does not park. */
static inline size_t pb_embed_tokens(pb_instance *embedder, pb_str text)
{
    return embedder ? PB_CALL(embed_tokens)(embedder, text) : (text.size + 3) / 4;
}

#endif
