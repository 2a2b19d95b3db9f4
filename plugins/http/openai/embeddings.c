/* embeddings.c - POST /v1/embeddings: vectors of texts by one of the embedders that the listener offers.
 *
 * Vectors have length 1, as the embedders make them. Another number of dimensions than the embedder's own is
 * refused: a vector that is cut is worth something only where the model was trained for it.
 */
#include "openai/openai.h"

#include <patchbay/embedder.h>

enum { TEXTS_MOST = 2048 }; /* as OpenAI's own */

struct asked {
    pb_str model;
    pb_instance *embedder;
    pb_str *texts;
    size_t count;
    bool base64;
};

static void read_texts(struct exchange *exchange, const pb_json *input, struct asked *asked)
{
    const struct place *place = AT(NULL, "input");
    bool list = pb_json_is(input, PB_JSON_ARRAY);
    size_t count = list ? input->count : 1, index = 0;

    if (!list && !pb_json_is(input, PB_JSON_STRING)) {
        fault(exchange, place, json_given(input) ? "must be a text or a list of texts" : "is missing");
        return;
    }
    if (!count || count > TEXTS_MOST) {
        fault(exchange, place, "must have between 1 and %d texts", TEXTS_MOST);
        return;
    }
    if (!(asked->texts = PB_NEW_ARRAY(pb_str, count)))
        return;
    for (const pb_json *at = list ? input->child : input; index < count; at = at->next, index++) {
        const struct place *inside = list ? AT_INDEX(place, index) : place;
        if (at->type == PB_JSON_NUMBER || at->type == PB_JSON_ARRAY) {
            fault(exchange, inside, "must be a text: tokens are another model's, so send the text itself");
            return;
        }
        if (at->type != PB_JSON_STRING)
            fault(exchange, inside, "must be a text");
        else if (!at->text.size)
            fault(exchange, inside, "must not be empty");
        asked->texts[index] = pb_json_text(at);
    }
    asked->count = count;
}

static void read_format(struct exchange *exchange, const pb_json *json, struct asked *asked)
{
    pb_str format = member_text(exchange, json, NULL, "encoding_format");

    asked->base64 = pb_str_is(format, "base64");
    if (format.data && !asked->base64 && !pb_str_is(format, "float"))
        fault(exchange, AT(NULL, "encoding_format"), "must be \"float\" or \"base64\"");
}

static void read_dimensions(struct exchange *exchange, const pb_json *json,
                            const struct asked *asked)
{
    const pb_json *member = pb_json_get(json, "dimensions");
    size_t own = asked->embedder ? pb_embed_dimensions(asked->embedder) : 0;

    if (!json_given(member) || !own)
        return;
    if (member->type != PB_JSON_NUMBER || pb_json_int(member, -1) != (int64_t)own)
        fault(exchange, AT(NULL, "dimensions"), "must be %zu, which '%.*s' has", own,
              PB_ARG(asked->model));
}

static pb_status read_request(struct exchange *exchange, struct asked *asked)
{
    const pb_json *json;
    pb_status status = body_json(exchange, &json);

    if (status == PB_OK)
        status = openai_embedder(exchange, json, &asked->model, &asked->embedder);
    if (status != PB_OK)
        return status;
    read_texts(exchange, pb_json_get(json, "input"), asked);
    read_format(exchange, json, asked);
    read_dimensions(exchange, json, asked);
    (void)member_text(exchange, json, NULL, "user");
    status = faults_status(exchange);
    return status == PB_OK && !asked->count ? (pb_status)PB_NO_MEMORY : status;
}

/* --- the answer ----------------------------------------------------------------------------------- */

static void add_base64(pb_buf *buf, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < count; i += 3) {
        size_t have = count - i < 3 ? count - i : 3;
        uint32_t word = (uint32_t)bytes[i] << 16 | (have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (have > 2 ? bytes[i + 2] : 0);
        pb_buf_byte(buf, digits[word >> 18]);
        pb_buf_byte(buf, digits[word >> 12 & 63]);
        pb_buf_byte(buf, have > 1 ? digits[word >> 6 & 63] : '=');
        pb_buf_byte(buf, have > 2 ? digits[word & 63] : '=');
    }
}

/* Little-endian floats, as OpenAI sends them. */
static void write_base64(pb_json_writer *writer, const float *vector, size_t count)
{
    uint8_t *bytes = pb_alloc(count * 4);

    for (size_t i = 0; bytes && i < count; i++) {
        uint32_t word;
        memcpy(&word, &vector[i], 4);
        for (size_t j = 0; j < 4; j++)
            bytes[i * 4 + j] = (uint8_t)(word >> (8 * j));
    }
    pb_buf_byte(writer->buf, '"');
    add_base64(writer->buf, bytes, bytes ? count * 4 : 0);
    pb_buf_byte(writer->buf, '"');
    writer->comma = true;
}

/* Nine digits say a float exactly. */
static void write_floats(pb_json_writer *writer, const float *vector, size_t count)
{
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < count; i++) {
        pb_jw_separate(writer);
        pb_buf_printf(writer->buf, "%.9g", (double)vector[i]);
    }
    pb_jw_close(writer, ']');
}

static pb_status write_vectors(pb_json_writer *writer, const struct asked *asked,
                               const float *vectors, size_t dimensions)
{
    pb_status status = PB_OK;

    pb_jw_key(writer, "data");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < asked->count && status == PB_OK; i++) {
        const float *vector = vectors + i * dimensions;
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "object", pb_lit("embedding"));
        pb_jw_count(writer, "index", (int64_t)i);
        pb_jw_key(writer, "embedding");
        if (asked->base64)
            write_base64(writer, vector, dimensions);
        else
            write_floats(writer, vector, dimensions);
        pb_jw_close(writer, '}');
        status = pb_step();
    }
    pb_jw_close(writer, ']');
    return status;
}

/* A long text is counted piece by piece, so that the loop is not held; a cut may count a word twice. */
static pb_status count_tokens(const struct asked *asked, int64_t *tokens)
{
    enum { PIECE = 4096 };
    pb_status status = PB_OK;

    *tokens = 0;
    for (size_t i = 0; i < asked->count; i++)
        for (size_t at = 0; at < asked->texts[i].size && status == PB_OK; at += PIECE) {
            pb_str piece = pb_str_slice(asked->texts[i], at, PIECE);
            *tokens += (int64_t)pb_embed_tokens(asked->embedder, piece);
            status = pb_step();
        }
    return status;
}

pb_status embeddings_create(struct exchange *exchange)
{
    struct asked asked = {0};
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    int64_t tokens;
    pb_status status = read_request(exchange, &asked);

    if (status != PB_OK)
        return status;
    size_t dimensions = pb_embed_dimensions(asked.embedder);
    float *vectors = PB_NEW_ARRAY(float, asked.count * dimensions);
    if (!vectors)
        return PB_NO_MEMORY;
    status = pb_embed(asked.embedder, PB_EMBED_DOCUMENT, asked.texts, asked.count, vectors);
    if (status == PB_OK)
        status = count_tokens(&asked, &tokens);
    if (status != PB_OK)
        return status;
    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "object", pb_lit("list"));
    status = write_vectors(&writer, &asked, vectors, dimensions);
    pb_jw_member(&writer, "model", asked.model);
    pb_jw_key(&writer, "usage");
    pb_jw_open(&writer, '{');
    pb_jw_count(&writer, "prompt_tokens", tokens);
    pb_jw_count(&writer, "total_tokens", tokens);
    pb_jw_close(&writer, '}');
    pb_jw_close(&writer, '}');
    if (status == PB_OK)
        status = pb_buf_status(&buf);
    return status == PB_OK ? answer(exchange, 200, "application/json", pb_buf_str(&buf)) : status;
}
