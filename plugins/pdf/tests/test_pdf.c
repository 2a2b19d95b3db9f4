/* What survives of PDF: the order of reading, headings, paragraphs, lists, tables, code, pages. The
 * files are written here, or were made by groff (manual.ms); the programs that read them are real.
 */
#include "read_pdf.h"

#include <unistd.h>

static pb_bytes fixture(const char *name)
{
    char path[1000];
    static uint8_t bytes[1 << 17];

    (void)snprintf(path, sizeof path, "%s", __FILE__);
    (void)snprintf(strrchr(path, '/') + 1, 100, "%s", name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return (pb_bytes){bytes, size};
}

START_TEST(a_real_file_has_structure)
{
    open_pdf("");
    ck_assert_int_eq(read_bytes(fixture("manual.pdf")), PB_OK);
    shows(
        "h1 p1 Operating Manual\ntext p1 Ada Writer\nh2 p1 1. Installation\n"
        "text p1 This is the first paragraph of the installation chapter, which is long enough to "
        "be wrapped over several lines so that hyphenation and joining of lines are to be seen in "
        "the result of the extraction program.\n"
        "h3 p1 1.1. Debian packages\ntext p1 Install the package and configure it.\n"
        "table p1 Name|Kind|Price/Bolt|steel|1.50/Nut|brass|0.75/Washer|steel|0.10\n"
        "list1 p1 First point\nlist1 p1 Second point\nh2 p1 2. Two columns\n"
        "text p1 Left column text goes here and continues for quite a while so that the column is "
        "filled with words of all kinds, and some more of these internationalization words, and "
        "then again other words to fill.\n"
        "text p1 Another paragraph of left column with words of all kinds, and some more of these "
        "words and words.\n"
        "text p1 Third paragraph that should be in the next column eventually, given sufficiently "
        "many words are there.\ntext p2 -2-\ntext p2 Page two text.\n");
    ck_assert_str_eq(title, "Operating Manual");
    ck_assert_ptr_nonnull(strstr(metadata, "\"pages\":2"));
    end();
}
END_TEST

START_TEST(sizes_and_weights_are_headings)
{
    open_pdf("");
    ck_assert_int_eq(
        read_pages(
            LINE(72, 780, "B", 24, "Handbook") LINE(72, 740, "B", 16, "A chapter with a")
                LINE(72, 722, "B", 16, "long name")
                    LINE(72, 700, "F", 10, "Words of the first paragraph that go on and are auto-")
                        LINE(72, 688, "F", 10, "matic in their end, \\(like this\\) & <so>.") LINE(
                            72, 660, "B", 10, "Bold words") LINE(72, 648, "F", 10, "Below these.")
                            LINE(90, 636, "F", 10, "An indented paragraph begins here and")
                                LINE(72, 624, "F", 10, "goes on there.")
                                    LINE(72, 600, "F", 10, "2.1 Numbered heading")
                                        LINE(72, 580, "F", 10, "It ends on the next page with-"),
            LINE(72, 780, "F", 10, "out a break, and more words to be the size of most text.")
                LINE(72, 760, "F", 10, "1. First of all") LINE(72, 748, "F", 10, "2. Then")),
        PB_OK);
    shows("h1 p1 Handbook\nh2 p1 A chapter with a long name\n"
          "text p1 Words of the first paragraph that go on and are automatic in their end, (like "
          "this) & <so>.\nh3 p1 Bold words\ntext p1 Below these.\n"
          "text p1 An indented paragraph begins here and goes on there.\n"
          "h4 p1 2.1 Numbered heading\n"
          "text p1 It ends on the next page without a break, and more words to be the size of most "
          "text.\nlist1 p2 1. First of all\nlist1 p2 2. Then\n");
    ck_assert_str_eq(title, "Handbook");
    end();
}
END_TEST

START_TEST(tables_code_and_columns)
{
    open_pdf("");
    ck_assert_int_eq(
        read_pages(
            LINE(72, 780, "F", 10, "Name") LINE(200, 780, "F", 10, "Meaning")
                LINE(400, 780, "F", 10, "Unit") LINE(72, 766, "F", 10, "v") LINE(
                    200, 766, "F", 10, "speed, which is") LINE(400, 766, "F", 10, "m/s")
                    LINE(200, 754, "F", 10, "measured") LINE(72, 740, "F", 10, "t") LINE(
                        400, 740, "F", 10, "s") LINE(72, 700, "F", 10, "See this:")
                        LINE(72, 680, "C", 10, "int main\\(void\\)") LINE(72, 668, "C", 10, "{")
                            LINE(96, 656, "C", 10, "return 0;") LINE(72, 644, "C", 10, "}")
                                LINE(72, 600, "F", 10, "The left column says a thing or two") LINE(
                                    320, 600, "F", 10, "The right column is another text")
                                    LINE(72, 588, "F", 10, "that goes on over some more lines")
                                        LINE(320, 588, "F", 10, "that must not be mixed with it")
                                            LINE(72, 576, "F", 10,
                                                 "and does not end nearly so soon as")
                                                LINE(320, 576, "F", 10,
                                                     "because nobody would understand")
                                                    LINE(72, 564, "F", 10,
                                                         "you would think at first sight.")
                                                        LINE(320, 564, "F", 10,
                                                             "what either of the two is about.")),
        PB_OK);
    shows("table p1 Name|Meaning|Unit/v|speed, which is measured|m/s/t||s\ntext p1 See this:\n"
          "code p1 int main(void)/{/    return 0;/}\n"
          "text p1 The left column says a thing or two that goes on over some more lines and does "
          "not end nearly so soon "
          "as you would think at first sight.\n"
          "text p1 The right column is another text that must not be mixed with it because nobody "
          "would understand what either of the two is about.\n");
    end();
}
END_TEST

START_TEST(headers_and_page_numbers_are_dropped)
{
#define PAGE(number, words)                                                                        \
    LINE(72, 820, "F", 9, "Handbook of things")                                                    \
    LINE(300, 20, "F", 9, number) LINE(72, 700, "F", 10, words)                                    \
        LINE(72, 660, "F", 10, "And " words)
    open_pdf("");
    ck_assert_int_eq(read_pages(PAGE("ii", "Preface."), PAGE("2", "One."), PAGE("3", "Two."),
                                PAGE("14", "Three.")),
                     PB_OK);
    shows("text p1 Preface.\ntext p1 And Preface.\ntext p2 One.\ntext p2 And One.\n"
          "text p3 Two.\ntext p3 And Two.\ntext p4 Three.\ntext p4 And Three.\n");
    end();
}
END_TEST

START_TEST(properties_are_told)
{
    static const char *const page[] = {LINE(72, 700, "F", 10, "Words.")};
    pb_bytes bytes = make_pdf(page, 1,
                              "/Info<</Title(The \\(real\\) title)/Author(Ada)"
                              "/CreationDate(D:20260102030405Z)>>");

    open_pdf("");
    ck_assert_int_eq(read_bytes(bytes), PB_OK);
    ck_assert_str_eq(title, "The (real) title");
    ck_assert_str_eq(metadata, "{\"author\":\"Ada\",\"created\":\"2026-01-02T03:04:05Z\","
                               "\"pages\":1}");
    end();
    free((void *)(uintptr_t)bytes.data);
}
END_TEST

START_TEST(it_takes_pdf_by_type_or_content)
{
    static const struct {
        const char *type, *name, *bytes;
        bool takes;
    } cases[] = {{"application/pdf", NULL, "", true},
                 {NULL, "a.txt", "%PDF-1.7", true},
                 {NULL, "a.pdf", "words", false},
                 {"text/plain", NULL, "words", false}};

    open_pdf("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_blob one = {.size = sizeof one,
                       .type = pb_str_of(cases[i].type),
                       .name = pb_str_of(cases[i].name),
                       .bytes = {(const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)}};
        ck_assert(pb_extractor_accepts(pb_harness_instance(harness, "extractor", "pdf"), &one) ==
                  cases[i].takes);
    }
    end();
}
END_TEST

int main(void)
{
    if (access("/usr/bin/pdftohtml", X_OK) != 0) {
        printf("SKIPPED: pdftohtml is not installed (apt install poppler-utils)\n");
        return 77;
    }
    return suite_run(
        "pdf", (const TTest *const[]){a_real_file_has_structure, sizes_and_weights_are_headings,
                                      tables_code_and_columns, headers_and_page_numbers_are_dropped,
                                      properties_are_told, it_takes_pdf_by_type_or_content, NULL});
}
