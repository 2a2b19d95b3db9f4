/* embed.c - the embedder: texts to vectors by POST /embeddings, many texts a request.
 *
 * Vectors come as base64 of little-endian floats where the service can, which is a quarter of the
 * bytes and no number to parse; a service that sends numbers all the same is understood. Source:
 * OpenAI API reference, "Create embeddings".
 */
#include "openai.h"

#include <math.h>

enum {
    REQUEST_BYTES = 256 << 10, /* of text in one request, unless one text alone is longer */
};

static const pb_field timeout_fields[] = {
    PB_DURATION(struct embed_timeouts, connect, .def = "5s", .min = 0.001, .max = 600,
                .help = "To connect, and again for TLS."),
    PB_DURATION(struct embed_timeouts, answer, .def = "60s", .min = 0.001, .max = 3600,
                .help = "From the request to the first byte of the answer, and between bytes."),
    PB_END,
};

const pb_field embedder_options[] = {
    PB_UPSTREAM_SERVICE(struct embedder, service.upstream, "https://api.openai.com/v1", "/embeddings"),
    SERVICE_OPTIONS(struct embedder),
    PB_STRUCT(struct embedder, timeouts, struct embed_timeouts, timeout_fields,
              .help = "How long to wait for the service."),
    PB_INT(struct embedder, size, .name = "dimensions", .min = 1, .max = 16384,
           .help = "Numbers of a vector; may be left out for OpenAI's own and other known models."),
    PB_BOOL(struct embedder, shorten,
            .help = "Asks the service for vectors of `dimensions`, which its model must support."),
    PB_INT(struct embedder, batch, .def = "128", .min = 1, .max = 2048,
           .help = "Texts in one request, at most."),
    PB_STR(struct embedder, query_prefix, .max_length = 1024,
           .help = "Put in front of questions: \"query: \" for models that were trained so."),
    PB_STR(struct embedder, document_prefix, .max_length = 1024,
           .help = "Put in front of texts that may answer: \"passage: \"."),
    PB_END,
};

/* What these models make of a text; the ones that can be shortened understand `dimensions`. */
static const struct known {
    const char *model;
    int dimensions;
    bool shorter;
} known[] = {
    {"text-embedding-3-small", 1536, true},
    {"text-embedding-3-large", 3072, true},
    {"text-embedding-ada-002", 1536, false},
    {"all-minilm", 384, false},
    {"all-minilm:l6-v2", 384, false},
    {"nomic-embed-text", 768, false},
    {"mxbai-embed-large", 1024, false},
    {"bge-m3", 1024, false},
};

static const struct known *find(pb_str model)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (pb_str_is(model, known[i].model))
            return &known[i];
    return NULL;
}

void embedder_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct embedder *embedder = self;
    const struct known *model = find(embedder->service.upstream.model);

    service_check(&embedder->service, diagnostics);
    if (!model && !embedder->size)
        pb_problem(diagnostics, "dimensions",
                   "is needed: how long the vectors of '%.*s' are is not known here",
                   PB_ARG(embedder->service.upstream.model));
    if (model && embedder->size > model->dimensions)
        pb_problem(diagnostics, "dimensions", "is more than the %d that '%s' has",
                   model->dimensions, model->model);
    if (model && !model->shorter && embedder->size && embedder->size != model->dimensions &&
        !embedder->shorten)
        pb_problem(diagnostics, "dimensions", "'%s' has %d; only with `shorten: true` others",
                   model->model, model->dimensions);
}

pb_status embedder_create(void *self)
{
    struct embedder *embedder = self;
    const struct known *model = find(embedder->service.upstream.model);

    embedder->dimensions = (size_t)(embedder->size ? embedder->size : model->dimensions);
    embedder->ask_size =
        embedder->shorten || (model && (size_t)model->dimensions != embedder->dimensions);
    embedder->url = service_prepare(&embedder->service, "/embeddings");
    embedder->headers = service_headers(&embedder->service, pb_lit("application/json"));
    embedder->space = embedder->ask_size
                          ? pb_printf("openai/%.*s/%zu", PB_ARG(embedder->service.upstream.model),
                                      embedder->dimensions)
                          : pb_printf("openai/%.*s", PB_ARG(embedder->service.upstream.model));
    return embedder->url.data && embedder->headers && embedder->space.data
               ? PB_OK
               : (pb_status)PB_NO_MEMORY;
}

size_t embedder_dimensions(void *self)
{
    return ((const struct embedder *)self)->dimensions;
}

pb_str embedder_model(void *self)
{
    return ((const struct embedder *)self)->space;
}

/* --- one vector ------------------------------------------------------------------------------- */

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Exactly `count` little-endian floats. */
static bool read_base64(pb_str text, float *out, size_t count)
{
    uint32_t bits = 0;
    size_t size = 0;
    int have = 0;

    while (text.size && text.data[text.size - 1] == '=')
        text.size--;
    if (text.size != (count * 32 + 5) / 6)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8 && size < count * 4) {
            have -= 8;
            ((uint8_t *)out)[size++] = (uint8_t)(bits >> have);
        }
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        memcpy(bytes, &out[i], 4);
        uint32_t word = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                        (uint32_t)bytes[3] << 24;
        memcpy(&out[i], &word, 4);
    }
    return true;
}

static bool read_numbers(const pb_json *json, float *out, size_t count)
{
    const pb_json *at = json->child;

    for (size_t i = 0; i < count; i++, at = at->next) {
        if (!pb_json_is(at, PB_JSON_NUMBER))
            return false;
        out[i] = (float)pb_json_double(at, 0);
    }
    return !at;
}

/* Length 1; false for what has none. */
static bool make_unit(float *out, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)out[i] * (double)out[i];
    if (!isfinite(sum) || sum <= 0)
        return false;
    float scale = (float)(1 / sqrt(sum));
    for (size_t i = 0; i < count; i++)
        out[i] *= scale;
    return true;
}

static pb_status read_vector(const struct embedder *embedder, const pb_json *item, float *out)
{
    const pb_json *vector = pb_json_get(item, "embedding");
    size_t count = embedder->dimensions;
    bool good = pb_json_is(vector, PB_JSON_ARRAY)
                    ? read_numbers(vector, out, count)
                    : read_base64(pb_json_text(vector), out, count);

    return good && make_unit(out, count)
               ? PB_OK
               : pb_fail(PB_BAD_UPSTREAM,
                         "the model's service did not send vectors of %zu numbers; is `dimensions` "
                         "right?",
                         count);
}

/* --- one request ------------------------------------------------------------------------------ */

struct batch {
    const struct embedder *embedder;
    pb_str prefix;
    const pb_str *texts;
    const size_t *places; /* of its texts among those of the call */
    size_t count;
    float *out; /* of the call */
};

static pb_status write_request(const struct batch *batch, pb_str *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    const struct embedder *embedder = batch->embedder;

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "model");
    pb_jw_str(&writer, embedder->service.upstream.model);
    pb_jw_key(&writer, "encoding_format");
    pb_jw_str(&writer, pb_lit("base64"));
    if (embedder->ask_size) {
        pb_jw_key(&writer, "dimensions");
        pb_jw_int(&writer, (int64_t)embedder->dimensions);
    }
    pb_jw_key(&writer, "input");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < batch->count; i++) {
        pb_buf text = {0};
        if (batch->prefix.size) {
            pb_buf_add(&text, batch->prefix);
            pb_buf_add(&text, batch->texts[batch->places[i]]);
        }
        pb_jw_str(&writer, batch->prefix.size ? pb_buf_str(&text) : batch->texts[batch->places[i]]);
    }
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

static pb_status read_answer(const struct batch *batch, pb_str text)
{
    const pb_json *json;
    size_t seen = 0;

    if (pb_json_parse(text, &json) != PB_OK)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer that is not JSON");
    const pb_json *error = pb_json_get(json, "error"), *data = pb_json_get(json, "data");
    if (error && error->type != PB_JSON_NULL)
        return failure_of_error(&batch->embedder->service, error);
    bool *had = PB_NEW_ARRAY(bool, batch->count);
    if (!had)
        return PB_NO_MEMORY;
    for (const pb_json *item = pb_json_is(data, PB_JSON_ARRAY) ? data->child : NULL; item;
         item = item->next) {
        int64_t index = pb_json_int(pb_json_get(item, "index"), (int64_t)seen);
        if (index < 0 || (size_t)index >= batch->count || had[index])
            return pb_fail(PB_BAD_UPSTREAM, "the model's service sent a vector for no text");
        had[index] = true;
        seen++;
        size_t place = batch->places[index];
        pb_status status = read_vector(batch->embedder, item,
                                       batch->out + place * batch->embedder->dimensions);
        if (status == PB_OK)
            status = pb_step();
        if (status != PB_OK)
            return status;
    }
    return seen == batch->count
               ? PB_OK
               : pb_fail(PB_BAD_UPSTREAM, "the model's service sent %zu vectors for %zu texts",
                         seen, batch->count);
}

/* Services say in many words that a text was longer than the model takes. */
static pb_status too_long(pb_status status)
{
    static const char *const words[] = {"context length", "maximum input length", "too large",
                                        "too long", "input length"};
    pb_str sentence = pb_error_last()->sentence;

    for (size_t i = 0; status == PB_INVALID && i < sizeof words / sizeof *words; i++)
        if (pb_str_contains(sentence, pb_str_of(words[i])))
            return pb_fail(PB_TOO_LARGE, "a text is longer than the model takes");
    return status;
}

static pb_status ask(const struct batch *batch)
{
    const struct embedder *embedder = batch->embedder;
    pb_http_spec spec = pb_upstream_post(&embedder->service.upstream, embedder->url, false);
    pb_http *http;
    pb_str text;
    pb_status status = write_request(batch, &spec.body);

    spec.headers = embedder->headers;
    spec.header_count = embedder->service.header_count;
    spec.connect = embedder->timeouts.connect;
    spec.first_byte = spec.between_bytes = embedder->timeouts.answer;
    if (status == PB_OK)
        status = pb_http_open(&spec, &http);
    if (status != PB_OK)
        return status;
    if (pb_http_status(http) != 200)
        status = too_long(failure_of_status(&embedder->service, http));
    else if ((status = pb_http_read_all(http, &text)) == PB_OK)
        status = read_answer(batch, text);
    else
        status = pb_upstream_fail_read(&embedder->service.upstream, status);
    pb_http_close(http);
    return status;
}

/* --- the call --------------------------------------------------------------------------------- */

/* The next texts for one request. Blank ones are left out: services refuse them, and their vectors
 * are zero already. */
static size_t gather(const struct embedder *embedder, const pb_embed_request *request, size_t *at,
                     size_t *places)
{
    size_t count = 0, bytes = 0;

    for (; *at < request->count && count < (size_t)embedder->batch; ++*at) {
        pb_str text = request->texts[*at];
        if (!pb_str_trim(text).size)
            continue;
        if (count && bytes + text.size > REQUEST_BYTES)
            break;
        bytes += text.size;
        places[count++] = *at;
    }
    return count;
}

pb_status embedder_embed(void *self, const pb_embed_request *request, float *out)
{
    const struct embedder *embedder = self;
    struct batch batch = {.embedder = embedder, .texts = request->texts, .out = out};
    pb_status status = PB_OK;
    size_t at = 0;

    memset(out, 0, request->count * embedder->dimensions * sizeof *out);
    batch.prefix = request->purpose == PB_EMBED_QUERY ? embedder->query_prefix
                                                      : embedder->document_prefix;
    while (at < request->count && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        size_t *places = PB_NEW_ARRAY(size_t, embedder->batch);
        batch.places = places;
        status = places ? PB_OK : (pb_status)PB_NO_MEMORY;
        if (places && (batch.count = gather(embedder, request, &at, places)) > 0)
            status = ask(&batch);
        pb_scope_end(scope);
    }
    return status;
}
