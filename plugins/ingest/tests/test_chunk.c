/* Where a document is cut: by headings, paragraphs, sentences, rows and lines. */
#include "chunks.h"

static void heading(int32_t level, const char *text)
{
    block(PB_BLOCK_HEADING, level, text);
}

static pb_block *text(const char *words_of_it)
{
    return block(PB_BLOCK_TEXT, 0, words_of_it);
}

static void is(size_t index, const char *heading_of_it, const char *text_of_it)
{
    ck_assert_uint_lt(index, got.count);
    ck_text(got.all[index].heading, heading_of_it);
    ck_text(got.all[index].text, text_of_it);
}

/* --- cases -------------------------------------------------------------------------------------
 */

START_TEST(headings_make_paths)
{
    text("Before all.");
    heading(1, "Manual");
    text("What it is.");
    heading(2, "Install");
    heading(3, "Debian");
    text("Use apt.");
    heading(3, "Fedora");
    text("Use dnf.");
    heading(2, "Run");
    text("Start it.");
    cut_by("min_tokens: 0");
    ck_assert_uint_eq(got.count, 5);
    is(0, "", "Before all.");
    is(1, "Manual", "What it is.");
    is(2, "Manual > Install > Debian", "Use apt.");
    is(3, "Manual > Install > Fedora", "Use dnf.");
    is(4, "Manual > Run", "Start it.");
}
END_TEST

START_TEST(small_neighbours_become_one)
{
    heading(1, "Manual");
    heading(2, "Install");
    heading(3, "Debian");
    text("Use apt.");
    heading(3, "Fedora");
    text("Use dnf.");
    heading(2, "Run");
    text("Start it with a command that is long enough to stand alone, as a passage of its own.");
    cut_by("min_tokens: 16");
    ck_assert_uint_eq(got.count, 2);
    is(0, "Manual > Install", "Debian\n\nUse apt.\n\nFedora\n\nUse dnf.");
    ck_text(got.all[1].heading, "Manual > Run");
}
END_TEST

START_TEST(a_small_introduction_takes_what_is_below_it)
{
    heading(1, "Install");
    text("Two ways.");
    heading(2, "Debian");
    text("Use apt.");
    cut_by("min_tokens: 16");
    ck_assert_uint_eq(got.count, 1);
    is(0, "Install", "Two ways.\n\nDebian\n\nUse apt.");
}
END_TEST

START_TEST(a_small_section_does_not_take_the_heading_from_a_large_one)
{
    heading(1, "Notes");
    text("Short.");
    heading(1, "Install");
    text("This is a section that is longer than the least number of tokens which is configured.");
    cut_by("min_tokens: 16");
    ck_assert_uint_eq(got.count, 2);
    is(0, "Notes", "Short.");
    ck_text(got.all[1].heading, "Install");
}
END_TEST

START_TEST(a_heading_with_nothing_below_is_kept)
{
    heading(1, "Slides");
    heading(2, "Thanks to all");
    heading(2, "Questions");
    cut_by("min_tokens: 0");
    ck_assert_uint_eq(got.count, 2);
    is(0, "Slides > Thanks to all", "Thanks to all");
    is(1, "Slides > Questions", "Questions");
}
END_TEST

START_TEST(paragraphs_stay_whole)
{
    heading(1, "A");
    text("One two three four five six seven eight.");
    text("Nine ten eleven twelve thirteen fourteen.");
    text("Fifteen sixteen seventeen eighteen.");
    cut_by("max_tokens: 16, min_tokens: 0, embedder: main");
    ck_assert_uint_eq(got.count, 2);
    is(0, "A", "One two three four five six seven eight.");
    is(1, "A", "Nine ten eleven twelve thirteen fourteen.\n\nFifteen sixteen seventeen eighteen.");
    ck_assert_int_eq(got.all[0].tokens, 8);
}
END_TEST

START_TEST(long_paragraphs_are_cut_at_sentences)
{
    text("Dr. Who met Mr. B. Smith at 3.14 p.m. in a place, e.g. London or so. He said \"No. Not "
         "me!\" Then he left for good and was not seen. The end came soon after that evening.");
    cut_by("max_tokens: 16, embedder: main");
    ck_assert_uint_eq(got.count, 3);
    is(0, "", "Dr. Who met Mr. B. Smith at 3.14 p.m. in a place, e.g. London or so.");
    is(1, "", "He said \"No. Not me!\" Then he left for good and was not seen.");
    is(2, "", "The end came soon after that evening.");
}
END_TEST

START_TEST(sentences_of_other_scripts)
{
    text("\xE4\xB8\x80\xE4\xBA\x8C\xE4\xB8\x89\xE5\x9B\x9B\xE4\xBA\x94\xE3\x80\x82"
         "\xE4\xB8\x80\xE4\xBA\x8C\xE4\xB8\x89\xE5\x9B\x9B\xE4\xBA\x94\xE4\xB8\x80\xE4\xBA\x8C"
         "\xE4\xB8\x89\xE5\x9B\x9B\xE4\xBA\x94\xE4\xB8\x80\xE4\xBA\x8C\xE3\x80\x82"
         "\xE4\xB8\x80\xE4\xBA\x8C\xE4\xB8\x89\xE5\x9B\x9B\xE4\xBA\x94\xE3\x80\x82");
    cut_by("max_tokens: 16"); /* 64 bytes */
    ck_assert_uint_eq(got.count, 2);
    ck_assert(pb_str_ends(got.all[0].text, pb_lit("\xE3\x80\x82")));
}
END_TEST

START_TEST(code_is_cut_at_blank_lines)
{
    pb_block *code =
        block(PB_BLOCK_CODE, 0,
              "    int a = 1;\n    int b = 22 + 1;\n\n    int c = 3;\n    int d = 4;\n");

    code->line = 10;
    code->lines = 8; /* with fences */
    cut_by("max_tokens: 16, embedder: main");
    ck_assert_uint_eq(got.count, 2);
    is(0, "", "    int a = 1;\n    int b = 22 + 1;");
    is(1, "", "    int c = 3;\n    int d = 4;");
}
END_TEST

START_TEST(tables_repeat_their_header)
{
    block(PB_BLOCK_TABLE, 0,
          "name\tvalue\nalpha one\t1 2 3 4\nbeta two\t5 6 7 8\ngamma three\t9 10 11 12\n"
          "delta four\t13 14 15 16");
    cut_by("max_tokens: 16, embedder: main");
    ck_assert_uint_eq(got.count, 2);
    is(0, "", "name\tvalue\nalpha one\t1 2 3 4\nbeta two\t5 6 7 8");
    is(1, "", "name\tvalue\ngamma three\t9 10 11 12\ndelta four\t13 14 15 16");
}
END_TEST

START_TEST(lists_stay_together)
{
    text("Some words come first in this place, and they are many.");
    text("Then do this:");
    block(PB_BLOCK_LIST_ITEM, 1, "one thing");
    block(PB_BLOCK_LIST_ITEM, 1, "another thing");
    block(PB_BLOCK_LIST_ITEM, 1, "a third");
    cut_by("max_tokens: 16, embedder: main");
    ck_assert_uint_eq(got.count, 2);
    is(1, "", "Then do this:\n\none thing\nanother thing\na third");
}
END_TEST

START_TEST(overlap_is_whole_sentences_of_the_same_section)
{
    heading(1, "A");
    text("One two three four five six. Seven eight nine ten. Eleven twelve thirteen fourteen "
         "fifteen. Sixteen seventeen eighteen nineteen twenty one.");
    heading(1, "B");
    text("Alone here with enough words to be no small section at all.");
    cut_by("max_tokens: 18, min_tokens: 2, overlap: 6, embedder: main");
    ck_assert_uint_eq(got.count, 3);
    is(0, "A", "One two three four five six. Seven eight nine ten.");
    is(1, "A",
       "Seven eight nine ten.\nEleven twelve thirteen fourteen fifteen. Sixteen seventeen eighteen "
       "nineteen twenty one.");
    is(2, "B", "Alone here with enough words to be no small section at all.");
}
END_TEST

START_TEST(places)
{
    pb_block *first, *second;

    heading(1, "A");
    blocks[0].line = 1;
    first = text("One two three four five six seven\neight nine ten\neleven twelve. Thirteen "
                 "fourteen fifteen sixteen seventeen eighteen\nnineteen twenty.");
    first->line = 3;
    first->lines = 4;
    first->page = 7;
    second = text("On the next page.");
    second->line = 8;
    second->lines = 1;
    second->page = 8;
    cut_by("max_tokens: 16, min_tokens: 0, embedder: main");
    ck_assert_uint_eq(got.count, 2);
    ck_assert_int_eq(got.all[0].line, 3);
    ck_assert_int_eq(got.all[0].lines, 3);
    ck_assert_int_eq(got.all[0].page, 7);
    ck_assert_int_eq(got.all[1].line, 5);
    ck_assert_int_eq(got.all[1].lines, 4);
    ck_assert_int_eq(got.all[1].page, 7);
}
END_TEST

START_TEST(ids_are_the_same_every_time)
{
    static const char id[] = "0193d2a0-0000-7000-8000-000000000001#0";
    uint8_t digest[32], bytes[16];

    text("Anything.");
    cut_by("");
    ck_assert(pb_uuid_bytes(got.all[0].id, bytes));
    pb_sha256((pb_bytes){(const uint8_t *)id, strlen(id)}, digest);
    ck_assert_int_eq(bytes[6] >> 4, 8);
    ck_assert_int_eq(bytes[8] >> 6, 2);
    ck_assert_mem_eq(bytes, digest, 6);
    ck_assert_mem_eq(bytes + 9, digest + 9, 7);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {headings_make_paths,
                                  small_neighbours_become_one,
                                  a_small_introduction_takes_what_is_below_it,
                                  a_small_section_does_not_take_the_heading_from_a_large_one,
                                  a_heading_with_nothing_below_is_kept,
                                  paragraphs_stay_whole,
                                  long_paragraphs_are_cut_at_sentences,
                                  sentences_of_other_scripts,
                                  code_is_cut_at_blank_lines,
                                  tables_repeat_their_header,
                                  lists_stay_together,
                                  overlap_is_whole_sentences_of_the_same_section,
                                  places,
                                  ids_are_the_same_every_time,
                                  NULL};

    return suite_run_cases(
        "chunk", (TCase *const[]){suite_case("cases", begin_blocks, end_blocks, cases), NULL});
}
