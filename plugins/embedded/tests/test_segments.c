/* The parts below the store: products on every instruction set, codes, words, lists of words,
 * inverted lists; and files that are not whole. */
#define PB_HOST_BUILD 1
#include "../builder.c"
#include "../codes.c"
#include "../kernels.c"
#include "../lists.c"
#include "../segment.c"
#include "../terms.c"
#include "../words.c"

#include "suite.h"

#include <math.h>
#include <stdio.h>

static uint32_t state = 12345;

static float chance(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (float)(1 << 24) - 0.5F;
}

static void fill(float *vector, uint32_t dimensions)
{
    for (uint32_t i = 0; i < dimensions; i++)
        vector[i] = chance();
    float length = sqrtf(vector_dot(vector, vector, dimensions));
    for (uint32_t i = 0; i < dimensions; i++)
        vector[i] /= length;
}

START_TEST(kernels_agree)
{
    static const uint32_t sizes[] = {1, 3, 63, 64, 65, 128, 192, 256, 384, 768, 1000, 1536};
    const struct kernel *const *kernels = kernel_all();
    size_t compared = 0;

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        uint32_t dimensions = sizes[s], stride = code_stride(dimensions), positions[20];
        float vector[1536];
        uint8_t *codes = aligned_alloc(64, (size_t)stride * 20);
        struct coded query = {.stride = stride,
                              .bytes = aligned_alloc(64, stride),
                              .words = aligned_alloc(64, stride * 2u)};
        int32_t expected[20], got[20];
        for (uint32_t i = 0; i < 20; i++) {
            fill(vector, dimensions);
            if (i == 7)
                memset(vector, 0, sizeof vector);
            code_make(vector, dimensions, stride, codes + (size_t)i * stride);
            positions[i] = 19 - i;
        }
        memset(codes, 255, stride); /* as far as it goes */
        memset(codes + stride, 1, stride);
        coded_make(&query, vector, dimensions);
        plain_kernel.run(codes, &query, 20, expected);
        for (size_t k = 0; kernels[k]; k++, compared++) {
            kernels[k]->run(codes, &query, 20, got);
            ck_assert_msg(memcmp(got, expected, sizeof got) == 0, "%s, %u", kernels[k]->name,
                          dimensions);
            kernels[k]->pick(codes, &query, positions, 20, got);
            for (int i = 0; i < 20; i++)
                ck_assert_int_eq(got[i], expected[19 - i]);
        }
        free(codes);
        free(query.bytes);
        free(query.words);
    }
    ck_assert_uint_ge(compared, 12);
}
END_TEST

START_TEST(codes_are_near)
{
    float a[384], b[384];
    uint8_t code[384];
    struct coded query = {
        .stride = 384, .bytes = aligned_alloc(64, 384), .words = aligned_alloc(64, 768)};
    int32_t product;

    for (int i = 0; i < 200; i++) {
        fill(a, 384);
        fill(b, 384);
        float scale = code_make(a, 384, 384, code);
        coded_make(&query, b, 384);
        kernel_best()->run(code, &query, 1, &product);
        float score = (float)(product - query.bias) * scale * query.scale;
        ck_assert_float_eq_tol(score, vector_dot(a, b, 384), 0.01F);
    }
    free(query.bytes);
    free(query.words);
}
END_TEST

/* --- words
 * ------------------------------------------------------------------------------------------ */

static char gathered[1000];

static void gather(void *arg, const char *text, size_t size)
{
    (void)arg;
    strncat(gathered, " ", 2);
    strncat(gathered, text, size);
}

static const char *words(const char *text, bool stem)
{
    *gathered = 0;
    words_of(text, strlen(text), stem, gather, NULL);
    return gathered;
}

START_TEST(words_are_folded)
{
    ck_assert_str_eq(words("Plugins, running; STOPPED!", true), " plugin run stop");
    ck_assert_str_eq(words("configure configured configuring configures", true),
                     " configur configur configur configur");
    ck_assert_str_eq(words("queries query", true), " queri queri");
    ck_assert_str_eq(words("filing hopping", true), " file hop");
    ck_assert_str_eq(words("Plugins running", false), " plugins running");
    ck_assert_str_eq(words("Über Straße café Ærø", false), " uber strasse cafe aero");
    ck_assert_str_eq(words("Привет МИР", false), " привет мир");
    ck_assert_str_eq(words("東京都 x 海", false), " 東京 京都 x 海");
    ck_assert_str_eq(words("snake_case v1.2 a–b “c”", false), " snake case v1 2 a b c");
    ck_assert_str_eq(words("", true), "");
    ck_assert_str_eq(words("\xff\xfe\xe2\x82", true), "");
    ck_assert(word_is_common("the", 3) && word_is_common("how", 3) && !word_is_common("he t", 4));
    ck_assert(!word_is_common("plugin", 6));
}
END_TEST

START_TEST(long_words_are_cut)
{
    char text[5000];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    size_t size = strlen(words(text, true));
    ck_assert_uint_gt(size, 20);
    ck_assert_uint_le(size, WORD_MOST);
}
END_TEST

/* --- a whole segment
 * ----------------------------------------------------------------------------------- */

static struct segment *build(uint32_t rows, int64_t lists_above)
{
    const struct build how = {.collection = 3,
                              .to = 9,
                              .to_stamp = 5,
                              .dimensions = 16,
                              .stem = true,
                              .lists_above = lists_above};
    struct builder *builder = builder_new(&how);
    float vector[16];
    size_t bytes;
    char text[60];

    for (uint32_t i = 0; i < rows; i++) {
        if (i % 3 == 0)
            ck_assert(builder_document(builder, 1000 - i, NULL, 0));
        fill(vector, 16);
        int size = snprintf(text, sizeof text, "all n%u %s", i, i % 10 ? "odd" : "ten ten ten");
        ck_assert(
            builder_row(builder, i, vector, i % 7 ? sizeof vector : 0, "", 0, text, (size_t)size));
    }
    void *block = builder_finish(builder, &bytes);
    builder_free(builder);
    return segment_of_memory(block, bytes);
}

static uint32_t count_of(const struct segment *segment, const char *word)
{
    uint32_t at = segment_lower(segment, TERMS, word, strlen(word));
    const struct entry *entry = SECTION(segment, struct entry, TERMS) + at;
    const uint8_t *list = SECTION(segment, uint8_t, POSTINGS) + entry_list(entry);
    const uint8_t *end = list + entry->length;
    uint32_t row = UINT32_MAX, count = 0;

    while (list < end) {
        uint32_t step = varint_read(&list), often = step & 1 ? *list++ : 1;
        row += step >> 1;
        ck_assert_uint_lt(row, segment->header->rows);
        ck_assert_uint_eq(often, strcmp(word, "ten") == 0 ? 3 : 1);
        count++;
    }
    ck_assert_uint_eq(count, entry->count);
    return count;
}

START_TEST(segments_hold_all)
{
    for (int lists = 0; lists < 2; lists++) {
        struct segment *segment = build(500, lists ? 100 : 0);
        const struct segment_header *header = segment->header;
        const uint32_t *rows = SECTION(segment, uint32_t, POSITION_ROW);
        const int32_t *positions = SECTION(segment, int32_t, ROW_POSITION);
        ck_assert_uint_eq(header->rows, 500);
        ck_assert_uint_eq(header->documents, 167);
        ck_assert_uint_eq(header->vectors, 428);
        ck_assert_uint_eq(header->lists, lists ? 41 : 0);
        for (uint32_t i = 0; i < header->vectors; i++)
            ck_assert_int_eq(positions[rows[i]], (int32_t)i);
        ck_assert_int_eq(positions[0], NO_POSITION);
        ck_assert_int_eq(segment_document(segment, 1000 - 30), 10);
        ck_assert_int_eq(segment_document(segment, 1000 - 31), -1);
        ck_assert_uint_eq(count_of(segment, "all"), 500);
        ck_assert_uint_eq(count_of(segment, "ten"), 50);
        ck_assert_uint_eq(count_of(segment, "n499"), 1);
        if (lists)
            ck_assert_uint_eq(SECTION(segment, uint32_t, LIST_POSITION)[41], 428);
        segment_free(segment);
    }
}
END_TEST

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

START_TEST(files_that_are_not_whole)
{
    char path[] = "/tmp/patchbay-segment-XXXXXX";
    int file = mkstemp(path);
    struct segment *segment = build(100, 0), *opened;
    uint8_t *copy = malloc(segment->bytes);

    ck_assert_int_ge(file, 0);
    close(file);
    write_file(path, segment->base, segment->bytes);
    ck_assert_ptr_nonnull(opened = segment_open(path));
    segment_free(opened);
    for (size_t size = 0; size < segment->bytes; size += 997) {
        write_file(path, segment->base, size);
        ck_assert_ptr_null(segment_open(path));
    }
    for (size_t at = 0; at < sizeof(struct segment_header); at++) {
        memcpy(copy, segment->base, segment->bytes);
        copy[at] ^= 0x10;
        write_file(path, copy, segment->bytes);
        ck_assert_ptr_null(segment_open(path));
    }
    unlink(path);
    ck_assert_ptr_null(segment_open(path));
    free(copy);
    segment_free(segment);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {kernels_agree,
                                  codes_are_near,
                                  words_are_folded,
                                  long_words_are_cut,
                                  segments_hold_all,
                                  files_that_are_not_whole,
                                  NULL};
    return suite_run("segments", tests);
}
