/* @NAME@ - vectors from the words of a text, without a model.
 *
 * Each word and each three letters of it add to a place of the vector that their hash chooses: texts with
 * common words, or words that are written alike, are near to one another.
 */
#include <patchbay/embedder.h>
#include <patchbay/words.h>

#include <math.h>

enum { LETTERS = 3 };

/* The instance: filled by the host from YAML, `model` by create. */
struct @ID@ {
    int64_t dimensions;
    double letters;
    pb_str model;
};

static const pb_field @ID@_options[] = {
    PB_INT(struct @ID@, dimensions, .def = "256", .min = 16, .max = 4096,
           .help = "Floats of a vector: more keep different words apart."),
    PB_FLOAT(struct @ID@, letters, .def = "0.3", .min = 0, .max = 1,
             .help = "What three letters count, beside a whole word's 1."),
    PB_END,
};

/* The hash chooses place and sign, so that what falls together cancels out as often as it adds up. */
static void add(const struct @ID@ *own, float *vector, uint64_t hash, double weight)
{
    hash = (hash ^ hash >> 31) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
    vector[hash % (uint64_t)own->dimensions] += (float)(hash >> 63 ? -weight : weight);
}

static void add_word(const struct @ID@ *own, float *vector, const pb_word *word)
{
    add(own, vector, word->key, 1);
    for (size_t i = 0; own->letters > 0 && i + LETTERS <= word->text.size; i++) {
        uint64_t hash = LETTERS;
        for (size_t k = 0; k < LETTERS; k++) {
            char byte = word->text.data[i + k];
            hash = hash * 257 + (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
        }
        add(own, vector, hash, own->letters);
    }
}

/* To length 1; all zero stays as it is. */
static void normalize(float *vector, size_t count)
{
    double square = 0;

    for (size_t i = 0; i < count; i++)
        square += (double)vector[i] * (double)vector[i];
    for (size_t i = 0; i < count && square > 0; i++)
        vector[i] = (float)(vector[i] / sqrt(square));
}

static pb_status @ID@_embed(void *self, const pb_embed_request *request, float *out)
{
    const struct @ID@ *own = self;
    size_t dimensions = (size_t)own->dimensions;
    pb_status status = PB_OK;

    memset(out, 0, request->count * dimensions * sizeof *out);
    for (size_t i = 0; i < request->count && status == PB_OK; i++, out += dimensions) {
        pb_word word;
        for (size_t at = 0; pb_word_next(request->texts[i], &at, &word);)
            if (!word.common)
                add_word(own, out, &word);
        normalize(out, dimensions);
        status = pb_step(); /* many texts: others get their turn in between */
    }
    return status;
}

static size_t @ID@_dimensions(void *self)
{
    return (size_t)((const struct @ID@ *)self)->dimensions;
}

static pb_str @ID@_model(void *self)
{
    return ((const struct @ID@ *)self)->model;
}

static pb_status @ID@_create(void *self)
{
    struct @ID@ *own = self;

    /* Memory of create lives as long as the instance. Other options are another space. */
    own->model = pb_printf("@NAME@/1-%lld-%g", (long long)own->dimensions, own->letters);
    return own->model.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Vectors from the words of a text.",
          PB_EMBEDDER("@NAME@", struct @ID@, @ID@_options, .create = @ID@_create,
                      .embed = @ID@_embed, .dimensions = @ID@_dimensions, .model = @ID@_model));
