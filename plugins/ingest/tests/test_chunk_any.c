/* Whatever the document is, nothing is lost, doubled, too long or cut in the middle of a character;
 * and however large it is. */
#include "chunks.h"

enum { TEXT_MOST = 4 << 20 };

static char words[TEXT_MOST]; /* the random text */
static size_t words_size;

/* --- whatever the document is ------------------------------------------------------------------
 */

static uint64_t seed;

static size_t dice(size_t sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % sides;
}

static void put(const char *bytes)
{
    size_t size = strlen(bytes);

    ck_assert_uint_lt(words_size + size + 1, TEXT_MOST);
    memcpy(words + words_size, bytes, size);
    words_size += size;
}

/* Random words in several scripts, now and then one without an end. */
static const char *random_text(size_t count, const char *gap, size_t every)
{
    static const char *const some[] = {"a",
                                       "word",
                                       "of",
                                       "\xC3\xA4hnlich",
                                       "\xE4\xB8\x96\xE7\x95\x8C",
                                       "\xF0\x9F\x99\x82",
                                       "e.g.",
                                       "End.",
                                       "Really?",
                                       "3.14",
                                       "No.",
                                       "\xD0\xBC\xD0\xB8\xD1\x80",
                                       "\xE3\x80\x82",
                                       "(so)",
                                       "Dr."};
    const char *from = words + words_size;

    for (size_t i = 0; i < count; i++) {
        if (i)
            put(i % every ? " " : gap);
        put(some[dice(sizeof some / sizeof some[0])]);
        for (size_t more = dice(200) ? 0 : dice(400); more; more--)
            put(dice(2) ? "x" : "\xE4\xB8\x96");
    }
    words[words_size++] = 0;
    return from;
}

/* One that stands nowhere else. */
static const char *random_heading(size_t number)
{
    const char *from = words + words_size;
    char name[32];

    (void)snprintf(name, sizeof name, "<%zu>", number);
    put(name);
    (void)random_text(1 + dice(5), " ", 9);
    return from;
}

static void random_document(size_t count)
{
    int64_t line = 1;

    words_size = 0;
    block_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t kind = dice(12), long_one = dice(10) == 0;
        pb_block *one =
            kind < 2 ? block(PB_BLOCK_HEADING, 1 + (int32_t)dice(4), random_heading(i))
            : kind < 7
                ? block(PB_BLOCK_TEXT, 0, random_text(1 + dice(long_one ? 600 : 60), "\n", 11))
            : kind < 9 ? block(PB_BLOCK_LIST_ITEM, 1, random_text(1 + dice(20), " ", 9))
            : kind < 10
                ? block(PB_BLOCK_TABLE, 0, random_text(1 + dice(long_one ? 400 : 40), "\n", 5))
                : block(PB_BLOCK_CODE, 0,
                        random_text(1 + dice(long_one ? 400 : 40), dice(2) ? "\n" : "\n\n", 7));
        one->line = line;
        one->lines = 1 + (int64_t)dice(9);
        line += one->lines;
    }
}

/* Everything but white space. */
static size_t squeeze(char *to, pb_str from)
{
    size_t size = 0;

    for (size_t i = 0; i < from.size; i++)
        if (!strchr(" \t\r\n", from.data[i]))
            to[size++] = from.data[i];
    return size;
}

static bool valid_utf8(pb_str at)
{
    for (size_t i = 0; i < at.size;) {
        unsigned char c = (unsigned char)at.data[i++];
        int more = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : -1;
        if (more < 0)
            return false;
        while (more--)
            if (i >= at.size || ((unsigned char)at.data[i++] & 0xC0) != 0x80)
                return false;
    }
    return true;
}

static bool same_text(pb_str longer, pb_str part)
{
    return part.size <= longer.size && memmem(longer.data, longer.size, part.data, part.size);
}

/* The text of all blocks but headings stands in the passages in its order, once; headings stand
 * there or in a path. */
static void ck_covered(void)
{
    char *want = malloc(TEXT_MOST), *have = malloc(TEXT_MOST);
    size_t have_size = 0, at = 0;

    for (size_t i = 0; i < got.count; i++)
        have_size += squeeze(have + have_size, got.all[i].text);
    for (size_t i = 0; i < block_count; i++) {
        size_t size = squeeze(want, blocks[i].text);
        bool here = have_size - at >= size && memcmp(have + at, want, size) == 0;
        if (blocks[i].type == PB_BLOCK_HEADING) {
            bool in_path = false;
            for (size_t k = 0; k < got.count && !in_path; k++)
                in_path = same_text(got.all[k].heading, pb_str_slice(blocks[i].text, 0, 150));
            ck_assert_msg(in_path || here, "heading '%.*s' is lost", PB_ARG(blocks[i].text));
            at += here ? size : 0;
            continue;
        }
        ck_assert_msg(here, "block %zu is not where it belongs: '%.80s' instead of '%.80s'", i,
                      have + at, want);
        at += size;
    }
    ck_assert_uint_eq(at, have_size);
    free(want);
    free(have);
}

static void ck_fine(int64_t most, bool by_words)
{
    for (size_t i = 0; i < got.count; i++) {
        const pb_passage *one = &got.all[i];
        int64_t tokens =
            by_words ? (int64_t)fake_tokens(NULL, one->text) : ((int64_t)one->text.size + 3) / 4;
        ck_assert_int_eq(one->tokens, tokens);
        ck_assert_msg(tokens <= most, "passage %zu has %lld tokens", i, (long long)tokens);
        ck_assert(one->text.size > 0);
        ck_assert(valid_utf8(one->text) && valid_utf8(one->heading));
        ck_assert_int_gt(one->line, 0);
        ck_assert_int_gt(one->lines, 0);
        ck_assert_msg(i == 0 || one->line >= got.all[i - 1].line, "%zu: %lld after %lld: %.60s", i,
                      (long long)one->line, (long long)got.all[i - 1].line, one->text.data);
    }
}

START_TEST(nothing_is_lost_or_doubled)
{
    static const int64_t sizes[] = {16, 20, 64, 256, 1000};

    seed = (uint64_t)_i + 1;
    random_document(1 + dice(80));
    for (size_t i = 0; i < block_count; i++) /* a header row would stand there twice */
        if (blocks[i].type == PB_BLOCK_TABLE)
            blocks[i].type = PB_BLOCK_TEXT;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        char options[128];
        (void)snprintf(options, sizeof options, "max_tokens: %lld, min_tokens: %zu%s",
                       (long long)sizes[i / 2], dice(16), i % 2 ? ", embedder: main" : "");
        cut_by(options);
        ck_fine(sizes[i / 2], i % 2);
        ck_covered();
    }
}
END_TEST

START_TEST(sizes_hold_with_tables_and_overlap)
{
    seed = (uint64_t)_i + 1000;
    random_document(1 + dice(80));
    cut_by("max_tokens: 40, min_tokens: 10, overlap: 15");
    ck_fine(40, false);
    cut_by("max_tokens: 40, min_tokens: 10, overlap: 15, embedder: main");
    ck_fine(40, true);
}
END_TEST

START_TEST(the_same_document_gives_the_same_passages)
{
    pb_str *before;
    size_t count;

    seed = 77;
    random_document(300);
    cut_by("max_tokens: 64");
    count = got.count;
    before = calloc(count, sizeof *before);
    for (size_t i = 0; i < count; i++)
        before[i] = hold(got.all[i].text);
    cut_by("max_tokens: 64");
    ck_assert_uint_eq(got.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert(pb_str_equal(before[i], got.all[i].text));
        free((void *)(uintptr_t)before[i].data);
    }
    free(before);
}
END_TEST

/* --- large -------------------------------------------------------------------------------------
 */

static size_t large_count;

static void count_only(const pb_document *document)
{
    large_count = document->chunk_count;
}

START_TEST(ten_thousand_pages)
{
    static const char page[] = "A page of a book without headings has a few sentences. It goes on "
                               "and on, and at some time it ends. Nobody knows when that will be.";
    enum { PAGES = 10000, PER_PAGE = 20 };
    pb_block *all = calloc((size_t)PAGES * PER_PAGE, sizeof *all);
    const pb_block **list = calloc((size_t)PAGES * PER_PAGE, sizeof *list);
    pb_document document = document_new();

    for (int i = 0; i < PAGES * PER_PAGE; i++) {
        all[i] = (pb_block){.size = sizeof *all, .page = i / PER_PAGE + 1, .text = pb_str_of(page)};
        list[i] = &all[i];
    }
    bench.blocks = list;
    bench.block_count = (size_t)PAGES * PER_PAGE;
    open_stages("[extract: {extractors: [plain]}, chunk: {}, look: {}]");
    bench.look = count_only;
    ck_assert_int_eq(run(&document), PB_OK);
    ck_assert_uint_ge(large_count, (size_t)PAGES * PER_PAGE * 36 / 256);
    ck_assert_uint_le(large_count, (size_t)PAGES * PER_PAGE / 4);
    ck_assert_int_ge(bench.progress, PAGES * PER_PAGE / 256);
    free(all);
    free(list);
}
END_TEST

START_TEST(one_endless_paragraph)
{
    size_t size = 8 << 20;
    char *endless = malloc(size + 1);
    pb_document document = document_new();

    memset(endless, 'x', size);
    endless[size] = 0;
    block(PB_BLOCK_TEXT, 0, endless);
    open_stages("[extract: {extractors: [plain]}, chunk: {max_tokens: 1024, overlap: 0}, look: {}]");
    bench.look = count_only;
    ck_assert_int_eq(run(&document), PB_OK);
    ck_assert_uint_eq(large_count, size / 4 / 1024);
    free(endless);
}
END_TEST

START_TEST(a_cancelled_job_stops)
{
    pb_document document = document_new();

    block(PB_BLOCK_TEXT, 0, "Anything.");
    open_stages("[extract: {extractors: [plain]}, chunk: {}, look: {}]");
    bench.cancel_at = 3; /* the beginning of chunk */
    run(&document);
    ck_assert_int_eq(outcome->status, PB_CANCELLED);
    ck_assert_int_eq(bench.looks, 0);
}
END_TEST

int main(void)
{
    const TTest *const large[] = {the_same_document_gives_the_same_passages, ten_thousand_pages,
                                  one_endless_paragraph, a_cancelled_job_stops, NULL};
    TCase *random = tcase_create("random");

    tcase_set_timeout(random, 100);
    tcase_add_checked_fixture(random, begin_blocks, end_blocks);
    tcase_add_loop_test(random, nothing_is_lost_or_doubled, 0, 40);
    tcase_add_loop_test(random, sizes_hold_with_tables_and_overlap, 0, 40);
    return suite_run_cases(
        "chunk of any kind",
        (TCase *const[]){suite_case("large", begin_blocks, end_blocks, large), random, NULL});
}
