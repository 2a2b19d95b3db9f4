/* What each stage reads, adds, refuses and says, alone and all in one pipeline. */
#include "bench.h"

static const pb_block para = {.size = sizeof para, .text = PB_LIT("Use apt to install it.")};
static const pb_block head = {
    .size = sizeof head, .type = PB_BLOCK_HEADING, .level = 1, .text = PB_LIT("Install")};
static const pb_block blank = {.size = sizeof blank, .text = PB_LIT(" ")};
static const pb_block *const good[] = {&head, &para};
static const pb_block *const empty[] = {&blank};

static void ck_fails(pb_status status, const char *says)
{
    ck_assert_msg(outcome->status == status, "%s: %.*s", pb_status_name(outcome->status),
                  PB_ARG(outcome->sentence));
    ck_assert_msg(pb_str_contains(outcome->sentence, pb_str_of(says)), "%.*s",
                  PB_ARG(outcome->sentence));
}

static void begin_good(void)
{
    begin();
    bench.blocks = good;
    bench.block_count = 2;
}

static void run_stages(const char *stages)
{
    pb_document document = document_new();

    open_stages(stages);
    run(&document);
}

/* --- without a document ------------------------------------------------------------------------
 */

START_TEST(each_says_that_there_is_none)
{
    static const char *const stages[] = {
        "scan: {classifiers: [virus]}",     "extract: {extractors: [plain]}", "chunk: {}",
        "classify: {classifiers: [virus]}", "embed: {embedder: main}",        "store: {}"};
    char yaml[128];

    (void)snprintf(yaml, sizeof yaml, "[%s]", stages[_i]);
    open_stages(yaml);
    outcome = pb_harness_say(harness, "hi");
    ck_fails(PB_INVALID, "belongs into a pipeline for documents");
}
END_TEST

START_TEST(each_says_what_must_stand_before_it)
{
    static const char *const stages[][2] = {{"chunk: {}", "put 'extract' before 'chunk'"},
                                            {"embed: {}", "put 'chunk' before 'embed'"},
                                            {"store: {}", "put 'chunk' before 'store'"}};
    char yaml[128];

    (void)snprintf(yaml, sizeof yaml, "[%s]", stages[_i][0]);
    run_stages(yaml);
    ck_fails(PB_INVALID, stages[_i][1]);
}
END_TEST

/* --- scan --------------------------------------------------------------------------------------
 */

static void tagged(const pb_document *document)
{
    ck_assert_uint_eq(document->tag_count, 2);
    ck_text(document->tags[0], "own");
    ck_text(document->tags[1], "EICAR");
}

static void untagged(const pb_document *document)
{
    ck_assert_uint_eq(document->tag_count, 1);
}

static void run_scan(const char *options)
{
    char stages[256];
    pb_document document = document_new();

    (void)snprintf(stages, sizeof stages, "[scan: {%s}, look: {}]", options);
    open_stages(stages);
    document.bytes = (pb_bytes){(const uint8_t *)"an EICAR file", 13};
    run(&document);
}

START_TEST(scan_refuses)
{
    run_scan("classifiers: [secret, virus]");
    ck_fails(PB_UNPROCESSABLE, "refused: 'EICAR' was found in it");
    ck_assert_int_eq(bench.looks, 0);
}
END_TEST

START_TEST(scan_tags)
{
    bench.look = tagged;
    run_scan("classifiers: [virus, virus], on_found: tag");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_int_eq(bench.looks, 1);
}
END_TEST

START_TEST(scan_lets_nothing_through_that_it_could_not_look_at)
{
    run_scan("classifiers: [secret, away]");
    ck_fails(PB_UNAVAILABLE, "nobody is at home");
    end();
    run_scan("classifiers: [text]");
    ck_fails(PB_UNSUPPORTED, "no classifier of 'scan' can look at 'text/markdown'");
    ck_assert_int_eq(bench.looks, 0);
}
END_TEST

START_TEST(scan_leaves_what_one_cannot_judge_to_the_others)
{
    bench.look = untagged;
    run_scan("classifiers: [text, secret]");
    ck_assert_int_eq(bench.looks, 1);
    end();
    run_scan("classifiers: [virus], threshold: 0.7"); /* it is sure by 0.6 */
    ck_assert_int_eq(bench.looks, 2);
}
END_TEST

/* --- extract -----------------------------------------------------------------------------------
 */

static void merged(const pb_document *document)
{
    ck_text(document->title, "The manual");
    ck_text(pb_json_text(pb_json_get(document->metadata, "author")), "given");
    ck_text(pb_json_text(pb_json_get(document->metadata, "language")), "en");
    ck_assert_uint_eq(document->metadata->count, 2);
    ck_assert_uint_eq(document->block_count, 2);
}

static const pb_json given = {
    .type = PB_JSON_STRING, .key = PB_LIT("author"), .text = PB_LIT("given")};
static const pb_json all_given = {.type = PB_JSON_OBJECT, .count = 1, .child = &given};

START_TEST(metadata_of_both_and_the_given_wins)
{
    pb_document document = document_new();

    bench.metadata = "{\"author\":\"found\",\"language\":\"en\"}";
    bench.title = pb_lit("The manual");
    bench.look = merged;
    open_stages("[extract: {extractors: [plain]}, look: {}]");
    document.metadata = &all_given;
    ck_assert_int_eq(run(&document), PB_OK);
    ck_assert_int_eq(bench.looks, 1);
}
END_TEST

START_TEST(a_type_that_nobody_reads)
{
    bench.accepts = pb_lit("image/png");
    run_stages("[extract: {extractors: [plain]}, look: {}]");
    ck_fails(PB_UNSUPPORTED, "no extractor reads 'text/markdown'; configured: plain");
}
END_TEST

START_TEST(damaged_files_and_empty_ones)
{
    bench.extract_status = PB_UNPROCESSABLE;
    run_stages("[extract: {extractors: [plain]}, look: {}]");
    ck_fails(PB_UNPROCESSABLE, "the file is damaged");
    end();
    bench.extract_status = PB_OK;
    bench.blocks = empty;
    bench.block_count = 1;
    run_stages("[extract: {extractors: [plain]}, look: {}]");
    ck_fails(PB_UNPROCESSABLE, "there is no text in it");
    ck_assert_int_eq(bench.looks, 0);
}
END_TEST

/* --- classify ----------------------------------------------------------------------------------
 */

static void classified(const pb_document *document)
{
    ck_text(document->tags[document->tag_count - 1], "secret");
    ck_text(pb_json_text(pb_json_at(pb_json_get(document->metadata, "labels"), 0)), "secret");
}

START_TEST(classify_leaves_tags_and_metadata)
{
    static const pb_block said = {.size = sizeof said, .text = PB_LIT("This is a secret.")};
    static const pb_block *const list[] = {&head, &said};

    bench.blocks = list;
    bench.look = classified;
    run_stages(
        "[extract: {extractors: [plain]}, classify: {classifiers: [secret, virus]}, look: {}]");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_int_eq(bench.looks, 1);
}
END_TEST

/* --- all of them -------------------------------------------------------------------------------
 */

static void stored(const pb_vector_put *put)
{
    const pb_vector_item *item = put->items[0];
    const pb_passage *passage = item->passage;

    ck_assert(pb_str_ends(put->collection, pb_lit("manuals"))); /* its tenant in front */
    ck_text(put->document_id, "0193d2a0-0000-7000-8000-000000000001");
    ck_text(put->type, "text/markdown");
    ck_assert_uint_eq(put->count, 1);
    ck_assert_uint_eq(put->tag_count, 1);
    ck_text(put->tags[0], "own");
    ck_assert_uint_eq(put->access_count, 1);
    ck_text(put->access[0], "public");
    ck_assert_uint_eq(item->dimensions, 4);
    ck_assert_uint_eq((size_t)item->vector[0],
                      strlen("Manual > Install\n\nUse apt to install it."));
    ck_text(passage->text, "Use apt to install it.");
    ck_text(passage->heading, "Install");
    ck_text(passage->document, "docs/a.md");
    ck_text(passage->document_id, "0193d2a0-0000-7000-8000-000000000001");
    ck_text(passage->url, "https://example.org/a");
    ck_text(pb_json_text(pb_json_get(passage->metadata, "title")), "Manual");
}

START_TEST(a_whole_pipeline)
{
    pb_document document = document_new();

    bench.title = pb_lit("Manual");
    bench.put = stored;
    open_stages(
        "[scan: {classifiers: [virus]}, extract: {extractors: [plain]}, chunk: {min_tokens: "
        "0}, classify: {classifiers: [virus]}, embed: {}, store: {}]");
    ck_assert_msg(run(&document) == PB_OK, "%.*s", PB_ARG(outcome->sentence));
    ck_assert_uint_eq(document.stored, 1);
    ck_assert_int_eq(bench.puts, 1);
    ck_text(document.model, "fake-1");
    ck_assert_str_eq(bench.embedded, "Manual > Install\n\nUse apt to install it.");
    ck_assert_str_eq(bench.states, " extracting chunking classifying embedding storing");
}
END_TEST

START_TEST(without_an_embedder_words_alone_find_it)
{
    pb_document document = document_new();

    open_stages("[extract: {extractors: [plain]}, chunk: {}, store: {}]");
    ck_assert_int_eq(run(&document), PB_OK);
    ck_assert_uint_eq(document.stored, 1);
}
END_TEST

START_TEST(embedding_goes_in_batches)
{
    static pb_block many[100];
    static const pb_block *list[100];

    for (size_t i = 0; i < 100; i++) {
        many[i] = i % 2 ? para : head;
        list[i] = &many[i];
    }
    bench.blocks = list;
    bench.block_count = 100;
    run_stages(
        "[extract: {extractors: [plain]}, chunk: {min_tokens: 0}, embed: {batch: 16, context: "
        "false}, store: {}]");
    ck_assert_int_eq(outcome->status, PB_OK);
    ck_assert_uint_eq(bench.batches, 4); /* 50 passages */
    ck_assert_uint_eq(bench.largest, 16);
    ck_assert_str_eq(bench.embedded, "Use apt to install it.");
}
END_TEST

START_TEST(what_the_store_says_is_said)
{
    pb_document document = document_new();

    bench.put_status = PB_NO_SPACE;
    open_stages("[extract: {extractors: [plain]}, chunk: {}, embed: {}, store: {}]");
    ck_assert_int_eq(run(&document), PB_NO_SPACE);
    ck_assert_uint_eq(document.stored, 0);
}
END_TEST

START_TEST(problems_have_their_line)
{
    static const char *const wanted[] = {
        "p.stages[0].scan.classifiers: name at least one classifier",
        "p.stages[1].chunk.overlap: this is more than half of 'max_tokens'", NULL};

    pb_harness_refuse("pipelines:\n  p:\n    stages:\n      - scan: {classifiers: []}\n"
                      "      - chunk: {max_tokens: 20, overlap: 11}\n",
                      plugins, wanted);
}
END_TEST

static char labelled[200];

/* The document's tags, and the metadata that list what was found. */
static void note_labels(const pb_document *document)
{
    (void)snprintf(labelled, sizeof labelled, "%zu %s%s", document->tag_count,
                   pb_json_get(document->metadata, "labels") ? "labels" : "",
                   pb_json_get(document->metadata, "kinds") ? "kinds" : "");
}

static const char *labels_with(const char *more)
{
    char yaml[300];

    bench.look = note_labels;
    (void)snprintf(
        yaml, sizeof yaml,
        "[extract: {extractors: [plain]}, classify: {classifiers: [secret]%s}, look: {}]", more);
    run_stages(yaml);
    ck_assert_int_eq(outcome->status, PB_OK);
    end();
    return labelled;
}

START_TEST(classify_does_as_its_options_say)
{
    static char late[4000];
    static pb_block said = {.size = sizeof said, .text = PB_LIT("This is a secret.")};
    static const pb_block *const list[] = {&head, &said};

    bench.blocks = list;
    ck_assert_str_eq(labels_with(""), "2 labels");
    ck_assert_str_eq(labels_with(", threshold: 0.7"), "1 "); /* it is sure by 0.6 */
    ck_assert_str_eq(labels_with(", field: kinds"), "2 kinds");
    ck_assert_str_eq(labels_with(", tags: false"), "1 labels");
    memset(late, 'x', sizeof late - 1);
    memcpy(late + sizeof late - 10, " secret", 7);
    said.text = pb_str_of(late);
    ck_assert_str_eq(labels_with(""), "2 labels");
    ck_assert_str_eq(labels_with(", max_text: 1KiB"), "1 ");
    run_stages("[look: {}]"); /* what ends the test closes it */
}
END_TEST

START_TEST(of_several_the_one_that_is_named)
{
    static const char around[] =
        "extractors: {plain: {use: fake}}\n"
        "embedders: {main: {use: words}, away: {use: words, broken: true}}\n"
        "vector_stores: {passages: {use: fake}, other: {use: fake}}\n"
        "pipelines: {p: {stages: [extract: {extractors: [plain]}, chunk: {}, embed: {embedder: "
        "%s}, store: {vectors: %s}]}}\n";
    static const char *const named[][3] = {{"main", "passages", NULL},
                                           {"away", "passages", "away"},
                                           {"main", "other", "other"},
                                           {"main", "passages", "passages"}};
    char yaml[1000];

    for (int i = 0; i < 4; i++) {
        pb_document document = document_new();
        (void)snprintf(yaml, sizeof yaml, around, named[i][0], named[i][1]);
        harness = pb_harness_open(yaml, plugins, NULL);
        bench.put_status = i > 1 ? PB_UNAVAILABLE : PB_OK;
        pb_status status = run(&document);
        ck_assert_int_eq(status, named[i][2] ? PB_UNAVAILABLE : PB_OK);
        if (named[i][2])
            ck_assert_msg(pb_str_contains(outcome->error_instance, pb_str_of(named[i][2])), "%.*s",
                          PB_ARG(outcome->error_instance));
        end();
    }
    open_stages("[look: {}]");
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {scan_refuses,
                                  scan_tags,
                                  scan_lets_nothing_through_that_it_could_not_look_at,
                                  scan_leaves_what_one_cannot_judge_to_the_others,
                                  metadata_of_both_and_the_given_wins,
                                  a_type_that_nobody_reads,
                                  damaged_files_and_empty_ones,
                                  classify_leaves_tags_and_metadata,
                                  a_whole_pipeline,
                                  without_an_embedder_words_alone_find_it,
                                  classify_does_as_its_options_say,
                                  of_several_the_one_that_is_named,
                                  embedding_goes_in_batches,
                                  what_the_store_says_is_said,
                                  NULL};
    const TTest *const refused[] = {problems_have_their_line, NULL};
    TCase *each = tcase_create("each");

    tcase_add_checked_fixture(each, begin_good, end);
    tcase_add_loop_test(each, each_says_that_there_is_none, 0, 6);
    tcase_add_loop_test(each, each_says_what_must_stand_before_it, 0, 3);
    return suite_run_cases("stages", (TCase *const[]){suite_case("cases", begin_good, end, cases),
                                                      suite_case("refused", NULL, NULL, refused),
                                                      each, NULL});
}
