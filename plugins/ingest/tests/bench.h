/* bench.h - for the tests: an extractor that gives the blocks of the test, embedders that count
 * words, a classifier that looks for a word, a store that keeps what it was given, and a stage that
 * looks.
 */
#ifndef INGEST_TEST_BENCH_H
#define INGEST_TEST_BENCH_H

#define pb_host_table    pb_host_table_bench
#define PB_PLUGIN_SYMBOL patchbay_plugin_bench

#include "suite.h"
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_ingest;

struct fake {
    pb_str word; /* a classifier's, and the label it gives */
    bool broken;
    bool only_text;
};

static const pb_field fake_options[] = {
    PB_STR(struct fake, word, .help = "What is looked for."),
    PB_BOOL(struct fake, broken, .help = "Fails."),
    PB_BOOL(struct fake, only_text, .help = "Takes no bytes."),
    PB_END,
};

/* What the test gives and what came out. */
static struct bench {
    const pb_block *const *blocks;
    size_t block_count;
    pb_str title, accepts;
    const char *metadata;
    pb_status extract_status;
    void (*look)(const pb_document *document);
    int looks;
    char states[1024];
    int cancel_at; /* the n-th progress is refused */
    int progress;
    double last_share;
    size_t batches, largest, dimensions;
    char embedded[2048]; /* the first text */
    pb_status put_status;
    void (*put)(const pb_vector_put *put);
    int puts;
} bench;

static bool fake_accepts(void *self, const pb_blob *blob)
{
    (void)self;
    return !bench.accepts.size || pb_str_equal(bench.accepts, blob->type);
}

static pb_status fake_extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    (void)self, (void)blob;
    if (bench.extract_status != PB_OK)
        return pb_fail(bench.extract_status, "the file is damaged");
    out->items = bench.blocks;
    out->count = bench.block_count;
    out->title = bench.title;
    return bench.metadata ? pb_json_parse(pb_str_of(bench.metadata), &out->metadata)
                          : (pb_status)PB_OK;
}

static size_t fake_dimensions(void *self)
{
    (void)self;
    return bench.dimensions;
}

static pb_str fake_model(void *self)
{
    (void)self;
    return pb_lit("fake-1");
}

/* The first float is the length of the text. */
static pb_status fake_embed(void *self, const pb_embed_request *request, float *out)
{
    const struct fake *fake = self;

    if (fake->broken)
        return pb_fail(PB_UNAVAILABLE, "nobody is at home");
    ck_assert_int_eq(request->purpose, PB_EMBED_DOCUMENT);
    bench.batches++;
    if (request->count > bench.largest)
        bench.largest = request->count;
    if (!bench.embedded[0])
        (void)snprintf(bench.embedded, sizeof bench.embedded, "%.*s", PB_ARG(request->texts[0]));
    for (size_t i = 0; i < request->count; i++)
        out[i * bench.dimensions] = (float)request->texts[i].size;
    return PB_OK;
}

/* Words: as WordPiece, a long one is one token. */
static size_t fake_tokens(void *self, pb_str text)
{
    size_t count = 0;
    bool inside = false;

    (void)self;
    for (size_t i = 0; i < text.size; i++) {
        bool space = strchr(" \t\r\n", text.data[i]) != NULL;
        count += !space && !inside;
        inside = !space;
    }
    return count;
}

static pb_status fake_classify(void *self, const pb_classify_request *request, pb_labels *out)
{
    const struct fake *fake = self;
    pb_str text = pb_str_make((const char *)request->bytes.data, request->bytes.size);

    if (fake->broken)
        return pb_fail(PB_UNAVAILABLE, "nobody is at home");
    if (fake->only_text && !request->text.size)
        return pb_fail(PB_UNSUPPORTED, "no bytes, please");
    if (!memmem(text.data, text.size, fake->word.data, fake->word.size))
        return PB_OK;
    pb_label *label = PB_NEW(pb_label);
    const pb_label **items = PB_NEW_ARRAY(const pb_label *, 1);
    *label = (pb_label){.size = sizeof *label, .name = fake->word, .score = 0.6, .offset = -1};
    items[0] = label;
    out->items = items;
    out->count = 1;
    return PB_OK;
}

static pb_status fake_put(void *self, const pb_vector_put *put)
{
    (void)self;
    if (bench.put_status != PB_OK)
        return pb_fail(bench.put_status, "no");
    bench.puts++;
    if (bench.put)
        bench.put(put);
    return PB_OK;
}

static pb_status fake_search(void *self, const pb_vector_query *query, pb_passages *out)
{
    (void)self, (void)query, (void)out;
    return pb_fail(PB_UNSUPPORTED, "no");
}

static pb_status fake_get(void *self, const pb_vector_selection *selection, pb_passages *out)
{
    (void)self, (void)selection, (void)out;
    return pb_fail(PB_UNSUPPORTED, "no");
}

static pb_status fake_relabel(void *self, const pb_vector_put *labels, const pb_json *metadata)
{
    (void)self, (void)labels, (void)metadata;
    return pb_fail(PB_UNSUPPORTED, "no");
}

static pb_status fake_count(void *self, const pb_vector_selection *selection, int64_t *out)
{
    (void)self, (void)selection, (void)out;
    return pb_fail(PB_UNSUPPORTED, "no");
}

static pb_status look_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    bench.looks++;
    if (bench.look)
        bench.look(pb_turn_document(turn));
    return pb_run_next(next, turn);
}

PB_PLUGIN("bench", "0.1.0", "Apache-2.0", "What the stages need around them.",
          PB_STAGE("look", struct fake, fake_options, .run = look_run),
          PB_EXTRACTOR("fake", struct fake, fake_options, .accepts = fake_accepts,
                       .extract = fake_extract),
          PB_EMBEDDER("words", struct fake, fake_options, .embed = fake_embed,
                      .dimensions = fake_dimensions, .model = fake_model, .tokens = fake_tokens),
          PB_CLASSIFIER("word", struct fake, fake_options, .classify = fake_classify),
          PB_VECTOR_STORE("fake", struct fake, fake_options, .put = fake_put, .search = fake_search,
                          .get = fake_get, .relabel = fake_relabel, .remove = fake_count,
                          .count = fake_count));

static const pb_plugin *const plugins[] = {&patchbay_plugin_ingest, &patchbay_plugin_bench, NULL};
static pb_harness *harness;
static const pb_outcome *outcome;

static pb_status note_progress(void *arg, pb_str state, double share)
{
    size_t used = strlen(bench.states);

    (void)arg;
    ck_assert(share >= 0 && share <= 1);
    if (++bench.progress == bench.cancel_at)
        return pb_fail(PB_CANCELLED, "the job was cancelled");
    if (!used || !pb_str_ends(pb_str_of(bench.states), state))
        (void)snprintf(bench.states + used, sizeof bench.states - used, " %.*s", PB_ARG(state));
    else
        ck_assert(share >= bench.last_share);
    bench.last_share = share;
    return PB_OK;
}

static pb_document document_new(void)
{
    static const pb_str access[] = {PB_LIT("public")}, tags[] = {PB_LIT("own")};

    return (pb_document){.size = sizeof(pb_document),
                         .version = 1,
                         .id = pb_lit("0193d2a0-0000-7000-8000-000000000001"),
                         .collection = pb_lit("manuals"),
                         .name = pb_lit("docs/a.md"),
                         .type = pb_lit("text/markdown"),
                         .url = pb_lit("https://example.org/a"),
                         .digest = pb_lit("00"),
                         .bytes = {(const uint8_t *)"bytes of it", 11},
                         .access = access,
                         .access_count = 1,
                         .tags = tags,
                         .tag_count = 1,
                         .progress = note_progress};
}

static void open_stages(const char *stages)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   "host: {limits: {turn_memory: 1GiB}}\n"
                   "extractors: {plain: {use: fake}}\n"
                   "embedders: {main: {use: words}}\n"
                   "vector_stores: {passages: {use: fake}}\n"
                   "classifiers: {virus: {use: word, word: EICAR}, secret: {use: word, word: "
                   "secret}, away: {use: word, broken: true}, text: {use: word, word: bytes, "
                   "only_text: true}}\n"
                   "pipelines: {p: {stages: %s}}\n",
                   stages);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static pb_status run(pb_document *document)
{
    outcome = pb_harness_ask(harness, &(pb_ask){.text = "", .document = document});
    return outcome->status;
}

static void begin(void)
{
    memset(&bench, 0, sizeof bench);
    bench.dimensions = 4;
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

#endif
