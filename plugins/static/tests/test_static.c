/* The tokenizer against the model's own (wordpiece.json, see fixtures.py), vectors against numpy,
 * long texts, and model files that are damaged in every way. */
#define pb_host_table    pb_host_table_bench
#define PB_PLUGIN_SYMBOL patchbay_plugin_bench

#include "../model.c"
#include "../wordpiece.c"
#include "suite.h"
#include "testkit.h"

#include <patchbay/embedder.h>
#include <stdlib.h>

extern const pb_plugin patchbay_plugin_static;

struct bench {
    pb_instance *embedder;
};

static const pb_field bench_options[] = {
    PB_REF(struct bench, embedder, "embedder", .required = 1, .help = "The one under test."), PB_END};

static pb_status bench_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

PB_PLUGIN("bench", "0.1.0", "Apache-2.0", "Names the embedder under test.",
          PB_STAGE("bench", struct bench, bench_options, .run = bench_run));

#define YAML                                                                                       \
    "embedders: {words: {use: static}}\n"                                                          \
    "pipelines: {p: {stages: [bench: {embedder: words}]}}\n"

/* model.c asks for it; here models are mapped from their files. */
pb_bytes model_builtin(void)
{
    return (pb_bytes){0};
}

static pb_harness *harness;
static pb_instance *embedder;
static size_t dimensions;

static void begin(void)
{
    harness = pb_harness_new(YAML, &patchbay_plugin_static, &patchbay_plugin_bench);
    embedder = pb_harness_instance(harness, "embedder", "words");
    dimensions = pb_embed_dimensions(embedder);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A file beside this one or in the plugin's folder. */
static const char *beside(const char *name)
{
    static char path[1024];
    const char *slash = strrchr(__FILE__, '/');

    (void)snprintf(path, sizeof path, "%.*s/%s", (int)(slash - __FILE__), __FILE__, name);
    return path;
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");

    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    ck_assert_uint_eq(fread(data, 1, *size, file), *size);
    data[*size] = 0;
    (void)fclose(file);
    return data;
}

/* --- a task around a call --------------------------------------------------------------------- */

struct call {
    const pb_str *texts;
    size_t count;
    float *out;
};

static pb_status call_embed(void *arg)
{
    struct call *call = arg;
    return pb_embed(embedder, PB_EMBED_DOCUMENT, call->texts, call->count, call->out);
}

static float *embed(const pb_str *texts, size_t count)
{
    struct call call = {texts, count, calloc(count * dimensions + 1, sizeof(float))};

    ck_assert_int_eq(pb_harness_run(harness, call_embed, &call, NULL), PB_OK);
    return call.out;
}

static double product(const float *a, const float *b)
{
    double sum = 0;

    for (size_t i = 0; i < dimensions; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* --- against the reference -------------------------------------------------------------------- */

static pb_status read_fixtures(void *arg)
{
    size_t size;
    char *text = read_file(beside("wordpiece.json"), &size);
    pb_status status = pb_json_parse(pb_str_make(text, size), arg);

    free(text);
    return status;
}

struct checking {
    const char *path;
    struct model model;
    struct model_problem problem;
    bool good;
};

static pb_status check_model(void *arg)
{
    struct checking *checking = arg;
    struct model *model = &checking->model;

    checking->good = model_map(model, checking->path, &checking->problem);
    if (checking->good) {
        model->slots = calloc(model_slots(model->header->tokens), sizeof *model->slots);
        checking->good = model_check(model, &checking->problem);
    }
    return PB_OK;
}

static void same_tokens(const struct model *model, const pb_json *fixture)
{
    pb_str text = pb_json_text(pb_json_get(fixture, "text"));
    struct wordpiece reader = {.model = model,
                               .at = (const uint8_t *)text.data,
                               .end = (const uint8_t *)text.data + text.size};
    const pb_json *token = pb_json_get(fixture, "tokens")->child;
    uint32_t found[WORDPIECE_ROOM];
    size_t count, total = 0;

    while ((count = wordpiece_next(&reader, found)) > 0) {
        total += count;
        for (size_t i = 0; i < count; i++, token = token->next) {
            ck_assert_msg(token != NULL, "'%.*s' has tokens too many", PB_ARG(text));
            pb_str is = token_text(model, found[i]), wanted = pb_json_text(token);
            ck_assert_msg(pb_str_equal(is, wanted), "'%.*s': '%.*s' is not '%.*s'", PB_ARG(text),
                          PB_ARG(is), PB_ARG(wanted));
        }
    }
    ck_assert_msg(!token, "'%.*s' has too few tokens", PB_ARG(text));
    ck_assert_uint_eq(pb_embed_tokens(embedder, text), total);
}

struct reference {
    const struct model *model;
    size_t texts;
};

static pb_status compare(void *arg)
{
    struct reference *reference = arg;
    const pb_json *fixtures = NULL;

    ck_assert_int_eq(read_fixtures(&fixtures), PB_OK);
    for (const pb_json *at = fixtures->child; at; at = at->next, reference->texts++) {
        pb_str text = pb_json_text(pb_json_get(at, "text"));
        float *vector = PB_NEW_ARRAY(float, dimensions);
        size_t i = 0;
        same_tokens(reference->model, at);
        ck_assert_int_eq(pb_embed(embedder, PB_EMBED_QUERY, &text, 1, vector), PB_OK);
        for (const pb_json *number = pb_json_get(at, "vector")->child; number;
             number = number->next, i += dimensions / 8)
            ck_assert_msg(fabs(pb_json_double(number, 9) - (double)vector[i]) < 1e-5,
                          "'%.*s' at %zu: %f", PB_ARG(text), i, (double)vector[i]);
    }
    return PB_OK;
}

START_TEST(it_does_as_the_models_own_tokenizer)
{
    struct checking checking = {.path = beside("../minilm.pbvec")};
    struct reference reference = {&checking.model, 0};

    ck_assert_int_eq(pb_harness_run(harness, check_model, &checking, NULL), PB_OK);
    ck_assert_msg(checking.good, "%s", checking.problem.text);
    ck_assert_int_eq(pb_harness_run(harness, compare, &reference, NULL), PB_OK);
    ck_assert_uint_gt(reference.texts, 60);
    free(checking.model.slots);
    model_unmap(&checking.model);
}
END_TEST

/* --- vectors ---------------------------------------------------------------------------------- */

START_TEST(vectors_tell_what_is_alike)
{
    pb_str texts[] = {pb_lit("How do I write a plugin?"),
                      pb_lit("A plugin is written from the template: copy it and build."),
                      pb_lit("The cat slept on a warm window sill all afternoon."),
                      pb_lit(""),
                      pb_lit("\xe2\x80\x8b \xff\xfe"),
                      pb_lit("HOW DO I WRITE A PLUGIN?")};
    float *out = embed(texts, 6);
    float *vector[6];

    for (size_t i = 0; i < 6; i++)
        vector[i] = out + i * dimensions;
    for (size_t i = 0; i < 3; i++)
        ck_assert_double_eq_tol(product(vector[i], vector[i]), 1, 1e-5);
    ck_assert_double_gt(product(vector[0], vector[1]), product(vector[0], vector[2]) + 0.2);
    ck_assert_double_eq_tol(product(vector[0], vector[5]), 1, 1e-5);
    for (size_t i = 3; i < 5; i++)
        ck_assert(product(vector[i], vector[i]) == 0);
    free(out);
}
END_TEST

START_TEST(long_texts_are_read_to_their_end)
{
    static const char sentence[] = "Plugins are shared libraries; the host loads them at start. ";
    size_t times = (1 << 20) / (sizeof sentence - 1);
    char *text = malloc(times * (sizeof sentence - 1));

    for (size_t i = 0; i < times; i++)
        memcpy(text + i * (sizeof sentence - 1), sentence, sizeof sentence - 1);
    pb_str texts[] = {pb_str_of(sentence), pb_str_make(text, times * (sizeof sentence - 1))};
    float *out = embed(texts, 2); /* a sentence said again and again points where it points once */
    ck_assert_double_eq_tol(product(out, out + dimensions), 1, 1e-4);
    ck_assert_uint_eq(pb_embed_tokens(embedder, texts[1]),
                      times * pb_embed_tokens(embedder, texts[0]));
    free(out);
    free(text);
}
END_TEST

/* Each text lies in memory of its own length, where a sanitizer sees every byte too far. */
START_TEST(any_bytes_are_read)
{
    static const uint8_t some[] = {0,    'a',  ' ',  '.',  0x80, 0xc3, 0xa9, 0xe4, 0xb8, 0xad,
                                   0xea, 0xb0, 0x81, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0xed, 0xf4};
    unsigned state = 7;
    size_t most = 0;

    for (int round = 0; round < 5000; round++) {
        size_t size = (size_t)round % 97;
        uint8_t *text = malloc(size + !size);
        for (size_t i = 0; i < size; i++) {
            state = state * 1103515245u + 12345u;
            text[i] = round % 2 ? some[(state >> 16) % sizeof some] : (uint8_t)(state >> 16);
        }
        size_t tokens = pb_embed_tokens(embedder, pb_str_make((char *)text, size));
        ck_assert_uint_le(tokens, 3 * size); /* a syllable of Hangul is three */
        most = tokens > most ? tokens : most;
        free(text);
    }
    ck_assert_uint_gt(most, 20);
}
END_TEST

static pb_status embed_cancelled(void *arg)
{
    struct call *call = arg;
    pb_task *task = NULL;
    pb_status status = pb_spawn(call_embed, call, &task);

    ck_assert_int_eq(status, PB_OK);
    pb_task_cancel(task);
    return pb_join(task);
}

START_TEST(a_long_text_can_be_cancelled)
{
    size_t size = 4 << 20;
    char *text = malloc(size);
    memset(text, ' ', size);
    for (size_t i = 0; i < size; i += 4)
        text[i] = 'a';
    pb_str texts[] = {pb_str_make(text, size)};
    struct call call = {texts, 1, calloc(dimensions, sizeof(float))};

    ck_assert_int_eq(pb_harness_run(harness, embed_cancelled, &call, NULL), PB_CANCELLED);
    free(call.out);
    free(text);
}
END_TEST

START_TEST(the_name_says_which_vectors_these_are)
{
    pb_str name = pb_embed_model(embedder);

    ck_assert(pb_str_starts(name, pb_lit("static/minilm-l6-")));
    ck_assert_uint_eq(dimensions % 16, 0);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------ */

static char *write_copy(const char *data, size_t size)
{
    static char path[1024];

    (void)snprintf(path, sizeof path, "%s/copy.pbvec", pb_harness_data_dir(harness));
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static void refused(const char *path, const char *says)
{
    struct checking checking = {.path = path};

    ck_assert_int_eq(pb_harness_run(harness, check_model, &checking, NULL), PB_OK);
    ck_assert_msg(!checking.good, "%s was not refused", says);
    ck_assert_msg(strstr(checking.problem.text, says), "%s", checking.problem.text);
    free(checking.model.slots);
    model_unmap(&checking.model);
}

START_TEST(damaged_files_are_refused)
{
    size_t size;
    char *data = read_file(beside("../minilm.pbvec"), &size);
    struct model_header *header = (struct model_header *)(void *)data, good = *header;

    refused("/nowhere/model.pbvec", "cannot be opened");
    refused("/dev/null", "is not a file");
    refused(beside("test_static.c"), "is not a model");
    refused(write_copy(data, 0), "is not a model");
    refused(write_copy(data, 100), "is not a model");
    refused(write_copy(data, size - 1), "copy it again");
    header->version = 9;
    refused(write_copy(data, size), "version 9");
    *header = good;
    header->dimensions = 0;
    refused(write_copy(data, size), "makes no sense");
    *header = good;
    header->tokens++;
    refused(write_copy(data, size), "do not add up");
    *header = good;
    data[size / 2] ^= 1;
    refused(write_copy(data, size), "digest");
    free(data);
}
END_TEST

/* The digest fits: whoever made the file made a mistake. */
static pb_status sign(void *arg)
{
    pb_str *file = arg;
    uint8_t digest[32];

    pb_sha256((pb_bytes){(const uint8_t *)file->data, file->size - 32}, digest);
    memcpy((char *)(uintptr_t)(file->data + file->size - 32), digest, 32);
    return PB_OK;
}

START_TEST(tables_that_point_elsewhere_are_refused)
{
    size_t size, tokens;
    char *data = read_file(beside("../minilm.pbvec"), &size);
    pb_str file = pb_str_make(data, size);
    struct checking checking = {.path = beside("../minilm.pbvec")};

    ck_assert_int_eq(pb_harness_run(harness, check_model, &checking, NULL), PB_OK);
    ck_assert(checking.good);
    const struct model *model = &checking.model;
    tokens = model->header->tokens;
    const struct {
        const void *at;
        uint8_t bytes[4];
        size_t size;
    } changes[] = {
        {&model->places[7], {0xff, 0xff, 0xff, 0x7f}, 4}, {&model->places[0], {1, 0, 0, 0}, 4},
        {&model->places[tokens], {0, 0, 0, 0}, 4},        {&model->index[5], {0xff, 0xff}, 2},
        {&model->pages[65], {9, 0}, 2},                   {&model->pages[65], {0xff, 0xff}, 2},
        {&model->scales[3], {0, 0, 0xc0, 0x7f}, 4},       {model->text, {'x', 'x', 'x', 'x'}, 4},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *at = data + ((const uint8_t *)changes[i].at - model->data), before[4];
        memcpy(before, at, changes[i].size);
        memcpy(at, changes[i].bytes, changes[i].size);
        ck_assert_int_eq(pb_harness_run(harness, sign, &file, NULL), PB_OK);
        refused(write_copy(data, size), changes[i].at == model->text ? "[UNK]" : "make no sense");
        memcpy(at, before, changes[i].size);
    }
    free(checking.model.slots);
    model_unmap(&checking.model);
    free(data);
}
END_TEST

START_TEST(a_model_by_its_path)
{
    char yaml[2048];
    char *problems = NULL;
    const pb_plugin *const plugins[] = {&patchbay_plugin_static, &patchbay_plugin_bench, NULL};

    (void)snprintf(yaml, sizeof yaml,
                   "embedders: {words: {use: static, model: '%s'}}\n"
                   "pipelines: {p: {stages: [bench: {embedder: words}]}}\n",
                   beside("../minilm.pbvec"));
    harness = pb_harness_new(yaml, &patchbay_plugin_static, &patchbay_plugin_bench);
    embedder = pb_harness_instance(harness, "embedder", "words");
    ck_assert_uint_eq(pb_embed_tokens(embedder, pb_lit("unaffable!")), 4);
    end();
    ck_assert_ptr_null(pb_harness_open("embedders: {words: {use: static, model: /dev/null}}\n"
                                       "pipelines: {p: {stages: [bench: {embedder: words}]}}\n",
                                       plugins, &problems));
    ck_assert_msg(strstr(problems, "the model '/dev/null' is not a file"), "%s", problems);
    free(problems);
}
END_TEST

int main(void)
{
    TCase *with = suite_case("static", begin, end,
                             (const TTest *const[]){it_does_as_the_models_own_tokenizer,
                                                    vectors_tell_what_is_alike,
                                                    long_texts_are_read_to_their_end,
                                                    a_long_text_can_be_cancelled, any_bytes_are_read,
                                                    the_name_says_which_vectors_these_are,
                                                    damaged_files_are_refused,
                                                    tables_that_point_elsewhere_are_refused, NULL});
    TCase *alone =
        suite_case("paths", NULL, NULL, (const TTest *const[]){a_model_by_its_path, NULL});

    return suite_run_cases("static", (TCase *const[]){with, alone, NULL});
}
