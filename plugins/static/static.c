/* static - texts to vectors without a neural network: the sum of a vector for each token.
 *
 * The vectors were fitted so that the sums lie where all-MiniLM-L6-v2 puts the texts (distil.py).
 * A short request is answered on the loop, a long one on a helper thread.
 */
#include "wordpiece.h"

#include <math.h>
#include <patchbay/embedder.h>

enum {
    ON_THE_LOOP = 1024, /* bytes of text: some 100 µs */
};

/* Which tokens a text has, and how often. Between texts all counts are zero. */
struct tally {
    uint32_t *counts; /* of every token of the model */
    uint32_t *seen;   /* those that are there, in the order of their first place */
    size_t size;      /* of seen */
};

static bool tally_make(struct tally *tally, const struct model *model)
{
    tally->counts = PB_NEW_ARRAY(uint32_t, model->header->tokens);
    tally->seen = PB_NEW_ARRAY(uint32_t, model->header->tokens);
    return tally->counts && tally->seen;
}

struct static_embedder {
    pb_str model_path;
    struct model model;
    pb_str name;
    struct tally tally; /* of what is embedded on the loop */
    uint64_t texts, tokens; /* embedded so far, by this process */
};

static const pb_field static_options[] = {
    PB_PATH(struct static_embedder, model_path, .name = "model",
            .help = "A model that distil.py made (.pbvec); without it the built-in one."),
    PB_END,
};

/* --- one text --------------------------------------------------------------------------------- */

/* out += scale × codes. Sixteen at a time, which every compiler makes SIMD of. */
static void add_row(float *restrict out, const int8_t *restrict codes, float scale,
                    size_t dimensions)
{
    for (size_t i = 0; i < dimensions; i += 16)
        for (size_t k = 0; k < 16; k++)
            out[i + k] += scale * (float)codes[i + k];
}

static void make_unit(float *out, size_t dimensions)
{
    float sum = 0;

    for (size_t i = 0; i < dimensions; i++)
        sum += out[i] * out[i];
    float scale = sum > 0 ? 1 / sqrtf(sum) : 0;
    for (size_t i = 0; i < dimensions; i++)
        out[i] *= scale;
}

struct work {
    const struct model *model;
    const pb_embed_request *request;
    float *out;
    uint64_t tokens;
    struct tally tally;
    struct wordpiece reader;
    uint32_t found[WORDPIECE_ROOM];
};

static void read_tokens(struct work *work, pb_str text)
{
    struct tally *tally = &work->tally;
    size_t count;

    work->reader.model = work->model;
    work->reader.at = (const uint8_t *)text.data;
    work->reader.end = work->reader.at + text.size;
    work->reader.size = work->reader.characters = 0;
    while ((count = wordpiece_next(&work->reader, work->found)) > 0 && !pb_cancelled()) {
        for (size_t i = 0; i < count; i++)
            if (!tally->counts[work->found[i]]++)
                tally->seen[tally->size++] = work->found[i];
        work->tokens += count;
    }
}

/* A token that stands there n times weighs as much as the root of n. */
static void add_rows(struct work *work, float *out)
{
    const struct model *model = work->model;
    size_t dimensions = model->header->dimensions;

    memset(out, 0, dimensions * sizeof *out);
    for (size_t i = 0; i < work->tally.size; i++) {
        uint32_t token = work->tally.seen[i], *count = &work->tally.counts[token];
        add_row(out, model->codes + (size_t)token * dimensions,
                model->scales[token] * sqrtf((float)*count), dimensions);
        *count = 0;
    }
    work->tally.size = 0;
    make_unit(out, dimensions);
}

/* Any thread. */
static pb_status embed_all(void *arg)
{
    struct work *work = arg;
    size_t dimensions = work->model->header->dimensions;

    for (size_t i = 0; i < work->request->count && !pb_cancelled(); i++) {
        read_tokens(work, work->request->texts[i]);
        add_rows(work, work->out + i * dimensions);
    }
    return pb_cancelled() ? PB_CANCELLED : PB_OK;
}

/* With a tally of its own, because others embed meanwhile. */
static pb_status embed_aside(struct work *work)
{
    return tally_make(&work->tally, work->model) ? pb_offload(embed_all, work)
                                                 : (pb_status)PB_NO_MEMORY;
}

static pb_status static_embed(void *self, const pb_embed_request *request, float *out)
{
    struct static_embedder *embedder = self;
    pb_scope *scope = pb_scope_begin();
    struct work *work = PB_NEW(struct work);
    pb_status status = PB_NO_MEMORY;
    size_t size = 0;

    for (size_t i = 0; i < request->count; i++)
        size += request->texts[i].size + 16;
    if (work) {
        work->model = &embedder->model;
        work->request = request;
        work->out = out;
        work->tally = embedder->tally;
        status = size <= ON_THE_LOOP ? embed_all(work) : embed_aside(work);
        embedder->tokens += work->tokens;
        embedder->texts += request->count;
    }
    pb_scope_end(scope);
    return status == PB_CANCELLED ? pb_fail(PB_CANCELLED, "cancelled") : status;
}

static size_t static_dimensions(void *self)
{
    return ((const struct static_embedder *)self)->model.header->dimensions;
}

static pb_str static_name(void *self)
{
    return ((const struct static_embedder *)self)->name;
}

static size_t static_tokens(void *self, pb_str text)
{
    struct wordpiece reader = {.model = &((struct static_embedder *)self)->model,
                               .at = (const uint8_t *)text.data,
                               .end = (const uint8_t *)text.data + text.size};
    uint32_t found[WORDPIECE_ROOM];
    size_t total = 0, count;

    while ((count = wordpiece_next(&reader, found)) > 0)
        total += count;
    return total;
}

/* --- life ------------------------------------------------------------------------------------- */

struct opening {
    struct model *model;
    const char *path;
    struct model_problem problem;
};

static pb_status map_it(void *arg)
{
    struct opening *opening = arg;

    return model_map(opening->model, opening->path, &opening->problem) ? PB_OK
                                                                        : opening->problem.status;
}

static pb_status check_it(void *arg)
{
    struct opening *opening = arg;

    return model_check(opening->model, &opening->problem) ? PB_OK : opening->problem.status;
}

static pb_status static_start(void *self)
{
    struct static_embedder *embedder = self;
    struct model *model = &embedder->model;
    struct opening opening = {.model = model, .path = embedder->model_path.data};
    pb_status status = pb_offload(map_it, &opening);

    if (status == PB_OK) {
        const struct model_header *header = model->header;
        const uint8_t *digest = model->data + model->size - 32;
        model->slots = PB_NEW_ARRAY(struct model_slot, model_slots(header->tokens));
        embedder->name = pb_printf("static/%s-%02x%02x%02x%02x", header->name, digest[0], digest[1],
                                   digest[2], digest[3]);
        bool made = model->slots && embedder->name.data && tally_make(&embedder->tally, model);
        status = made ? pb_offload(check_it, &opening) : (pb_status)PB_NO_MEMORY;
    }
    if (!opening.problem.text[0])
        return status;
    return pb_fail(status, "the model '%s' %s", opening.path ? opening.path : "minilm.pbvec",
                   opening.problem.text);
}

static void static_destroy(void *self)
{
    model_unmap(&((struct static_embedder *)self)->model);
}

static void static_stats(void *self, pb_stats *stats)
{
    const struct static_embedder *embedder = self;

    pb_stat(stats, "texts_embedded", (double)embedder->texts);
    pb_stat(stats, "tokens_embedded", (double)embedder->tokens);
}

PB_PLUGIN("static", "0.1.0", "Apache-2.0",
          "Text to vectors by a table, in the process: no model server, no network.",
          PB_EMBEDDER("static", struct static_embedder, static_options, .start = static_start,
                      .destroy = static_destroy, .stats = static_stats, .embed = static_embed,
                      .dimensions = static_dimensions, .model = static_name,
                      .tokens = static_tokens));
