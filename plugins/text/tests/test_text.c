/* Plain text and Markdown: structure, lines, encodings, limits. */
#include "extracted.h"
#include "suite.h"

#include <stdio.h>

extern const pb_plugin patchbay_plugin_text;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("extractors: {text: {use: text}}\n", &patchbay_plugin_text);
}

static void end(void)
{
    pb_harness_free(harness);
}

#define ck_reads(file, content, wanted) ck_extracted(harness, "text", file, content, wanted)

/* --- plain ------------------------------------------------------------------------------------ */

START_TEST(plain_text_has_paragraphs)
{
    ck_reads("a.txt", "One\ntwo.\n\n\n  Three,\n    indented.\n\nFour",
             "text 1-2: One\\ntwo.\ntext 5-6:   Three,\\n    indented.\ntext 8: Four\n");
    ck_reads("a.txt", "One\r\ntwo.\r\n\r\nThree\r\n", "text 1-2: One\\ntwo.\ntext 4: Three\n");
    ck_reads(NULL, "One", "text 1: One\n");
    ck_reads("a.txt", "", "");
    ck_reads("a.txt", "\n \n\t\n", "");
}
END_TEST

START_TEST(rulers_make_titles)
{
    ck_reads("a.txt", "Manual\n======\n\nText.\n\nPart one\n--------\nMore.\n",
             "title: Manual\nh1 1-2: Manual\ntext 4: Text.\nh2 6-7: Part one\ntext 8: More.\n");
    ck_reads("a.rst", "======\nManual\n======\nText.\n",
             "title: Manual\nh1 1-3: Manual\ntext 4: Text.\n");
    ck_reads("a.txt", "not a title of this kind\n---\n",
             "text 1-2: not a title of this kind\\n---\n");
    ck_reads("a.txt", "-----\n\n-----\n", "text 1: -----\ntext 3: -----\n");
}
END_TEST

START_TEST(manual_pages_keep_their_shape)
{
    ck_reads("ls.txt",
             "LS(1)\n\nNAME\n       ls - list\n\nSEE ALSO\n\n       dir(1),\n         vdir(1)\n",
             "text 1: LS(1)\nh1 3: NAME\ntext 4:        ls - list\nh1 6: SEE ALSO\n"
             "text 8-9:        dir(1),\\n         vdir(1)\n");
    ck_reads("a.txt", "THIS IS SHOUTED\nand goes on\n",
             "text 1-2: THIS IS SHOUTED\\nand goes on\n");
}
END_TEST

START_TEST(source_text_is_code)
{
    ck_reads("a.py", "import x\n\nTITLE\n=====\n", "code 1: import x\ncode 3-4: TITLE\\n=====\n");
    ck_reads("a.yaml", "a: 1\n", "code 1: a: 1\n");
}
END_TEST

START_TEST(encodings_become_utf8)
{
    static const uint8_t wide[] = {0xFF, 0xFE, 'H', 0, 0xE9, 0, 0x3D, 0xD8, 0, 0xDE};

    ck_reads("a.txt", "\xEF\xBB\xBFh\xC3\xA9", "text 1: h\xC3\xA9\n");
    ck_reads("a.txt", "na\xEFve \x93quoted\x94",
             "text 1: na\xC3\xAFve \xE2\x80\x9Cquoted\xE2\x80\x9D\n");
    struct extracted got = extracted(harness, "text", (pb_blob){.bytes = {wide, sizeof wide}});
    ck_assert(got.accepts);
    ck_assert_str_eq(got.text, "text 1: H\xC3\xA9\xF0\x9F\x98\x80\n");
    free(got.text);
    /* what is not seen goes, what is broken shows */
    ck_reads("a.txt",
             "a\x1b[1mb\xC2\xAD"
             "c\xC2\xA0"
             "d \xE2\x80\xA8"
             "e",
             "text 1: a[1mbc d \\ne\n");
}
END_TEST

START_TEST(long_lines_and_long_blocks_are_fine)
{
    size_t size = 3000000;
    char *text = malloc(size + 1);

    memset(text, 'x', size);
    text[size] = 0;
    struct extracted got = extracted_text(harness, "text", "a.txt", text);
    ck_assert_int_eq(got.status, PB_OK);
    ck_assert_uint_eq(got.count, 1);
    ck_assert_uint_eq(strlen(got.text), size + strlen("text 1: \n"));
    free(got.text);
    for (size_t i = 49; i < size; i += 50)
        text[i] = '\n';
    got = extracted_text(harness, "text", "a.txt", text); /* a log: no empty lines */
    ck_assert_uint_gt(got.count, 100);
    free(got.text);
    free(text);
}
END_TEST

/* --- Markdown --------------------------------------------------------------------------------- */

START_TEST(markdown_has_headings)
{
    ck_reads("a.md", "# Manual #\n\nSome\ntext.\n\nPart\n----\n## Sub *part* `x`\n###### six\n",
             "title: Manual\nh1 1: Manual\ntext 3-4: Some text.\nh2 6: Part\nh2 8: Sub part x\n"
             "h6 9: six\n");
    ck_reads("a.md", "## Only\ntext\n", "title: Only\nh2 1: Only\ntext 2: text\n");
}
END_TEST

START_TEST(markdown_loses_its_marks)
{
    ck_reads("a.md",
             "A **bold** [link](http://x.test/ \"t\") and ![picture](p.png), `code`, ~~gone~~,\n"
             "<http://auto.test>, &lt;b&gt; &#65;&#x42; &unknown; \\*stars\\*<br>new<!-- c --> "
             "[ref].\n\n[ref]: http://r.test\n",
             "text 1-2: A bold link and picture, code, gone, http://auto.test, <b> AB &unknown; "
             "*stars*\\nnew ref.\n");
}
END_TEST

START_TEST(markdown_has_lists)
{
    ck_reads("a.md",
             "- one\n  more\n- two\n  1. deep\n  2. deeper\n- three\n\n  its second\n\nafter\n",
             "item1 1-2: one more\nitem1 3: two\nitem2 4: 1. deep\nitem2 5: 2. deeper\n"
             "item1 6: three\ntext 8: its second\ntext 10: after\n");
    ck_reads("a.md", "3. c\n4. d\n", "item1 1: 3. c\nitem1 2: 4. d\n");
    ck_reads("a.md", "- [x] done\n- [ ] open\n-\n- last\n",
             "item1 1: done\nitem1 2: open\nitem1 4: last\n");
}
END_TEST

START_TEST(markdown_has_code)
{
    ck_reads("a.md",
             "Run:\n\n```sh\nmake *all*\n\n    # deep\n```\n\n    indented\n      more\n\nend\n",
             "text 1: Run:\ncode 3-7: make *all*\\n\\n    # deep\ncode 9-10: indented\\n  more\n"
             "text 12: end\n");
    ck_reads("a.md", "- item\n\n  ```\n  x\n  ```\n", "item1 1: item\ncode 3-5: x\n");
}
END_TEST

START_TEST(markdown_has_tables)
{
    ck_reads("a.md", "| a | **b** |\n|---|---|\n| 1 \\| 2 | [x](y) |\n|   | z |\n",
             "table 1-4: a\\tb\\n1 | 2\\tx\\n\\tz\n");
}
END_TEST

START_TEST(markdown_has_quotes_and_html)
{
    ck_reads("a.md",
             "> said\n> twice\n\n<p align=\"center\">\n <b>Shown</b>\n</p>\n\n<!-- hidden\n text "
             "-->\n\nend\n",
             "text 1-2: said twice\ntext 4-6: Shown\ntext 11: end\n");
}
END_TEST

START_TEST(front_matter_is_metadata)
{
    ck_reads("a.md",
             "---\ntitle: \"The manual\"\nauthor: Ann\ntags:\n  - one\n  - two\nnested:\n  a: "
             "1\nlist: [x, y]\n---\n# Start\n",
             "title: The manual\nmeta author: Ann\nmeta tags: one, two\nmeta list: x, y\nh1 11: "
             "Start\n");
    ck_reads("a.md", "+++\ntitle = 'Toml'\n+++\ntext\n", "title: Toml\ntext 4: text\n");
    ck_reads("a.md", "---\n\ntext\n", "text 3: text\n");
}
END_TEST

START_TEST(the_projects_own_manual_is_read)
{
    static char path[4096], text[200000];

    snprintf(path, sizeof path, "%.*s/../../../host/README.md",
             (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    struct extracted got = extracted_text(harness, "text", "README.md", text);
    ck_assert_int_eq(got.status, PB_OK);
    ck_assert_ptr_nonnull(strstr(got.text, "title: Inside the host: anatomy of a chat turn\n"));
    ck_assert_ptr_nonnull(strstr(got.text, "\nh2 "));
    ck_assert_ptr_nonnull(strstr(got.text, "\ntable "));
    ck_assert_ptr_null(strstr(got.text, "**"));
    /* every line that is named is the line of that text */
    const char *heading = strstr(got.text, "\nh2 ");
    for (; heading; heading = strstr(heading + 1, "\nh2 ")) {
        long line = strtol(heading + 4, NULL, 10);
        const char *at = text;
        while (--line)
            at = strchr(at, '\n') + 1;
        ck_assert_int_eq(strncmp(at, "## ", 3), 0);
        ck_assert_int_eq(strncmp(at + 3, strchr(heading, ':') + 2, 8), 0);
    }
    free(got.text);
}
END_TEST

/* --- what it takes and what not --------------------------------------------------------------- */

START_TEST(it_accepts_text_only)
{
    static const struct {
        const char *type, *name, *bytes;
        bool accepts;
    } cases[] = {
        {"text/plain", NULL, "x", true},
        {"text/markdown; charset=utf-8", NULL, "x", true},
        {"text/x-python", NULL, "x", true},
        {"text/html", NULL, "x", false},
        {"text/csv", "a.csv", "x", false},
        {"application/pdf", NULL, "x", false},
        {NULL, "a.md", "# x", true},
        {NULL, "a.csv", "a,b", false},
        {NULL, "a.txt", "<!doctype html><p>", false},
        {NULL, "a.txt", "%PDF-1.7", false},
        {"application/octet-stream", "a.txt", "hello", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct extracted got = extracted(
            harness, "text",
            (pb_blob){.type = pb_str_of(cases[i].type),
                      .name = pb_str_of(cases[i].name),
                      .bytes = {(const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)}});
        ck_assert_msg(got.accepts == cases[i].accepts, "case %zu", i);
        free(got.text);
    }
}
END_TEST

START_TEST(bytes_are_not_text)
{
    struct extracted got = extracted(
        harness, "text",
        (pb_blob){.type = pb_lit("text/plain"), .bytes = {(const uint8_t *)"a\0\1\2b", 5}});

    ck_assert_int_eq(got.status, PB_UNPROCESSABLE);
    ck_assert_str_eq(got.text, "it is not text");
    free(got.text);
}
END_TEST

START_TEST(limits_hold)
{
    end();
    harness = pb_harness_new("extractors: {text: {use: text, max_text: 1KiB, max_blocks: 3}}\n",
                             &patchbay_plugin_text);
    struct extracted got = extracted_text(harness, "text", "a.md", "a\n\nb\n\nc\n\nd\n");
    ck_assert_int_eq(got.status, PB_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(got.text, "max_blocks"));
    free(got.text);
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 2; i++) {
        got = extracted_text(harness, "text", i ? "a.md" : "a.txt", text);
        ck_assert_int_eq(got.status, PB_TOO_LARGE);
        ck_assert_ptr_nonnull(strstr(got.text, "max_text"));
        free(got.text);
    }
}
END_TEST

/* Shapes that take other readers of Markdown quadratic time or a deep stack. */
START_TEST(hostile_markdown_is_harmless)
{
    static const char *const parts[] = {"[a](",     "![[]()", "**x ", "> ",         "- ",
                                        "* a *a",   "<!--",   "a_",   "|a|\n|-|\n", "`a``b",
                                        "[a]: b\n", "&",      "[",    "<"};
    enum { COUNT = 100000 };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t size = strlen(parts[i]);
        char *text = malloc(size * COUNT + 1);
        for (size_t n = 0; n < COUNT; n++)
            memcpy(text + n * size, parts[i], size);
        text[size * COUNT] = 0;
        struct extracted got = extracted_text(harness, "text", "a.md", text);
        ck_assert_msg(got.status == PB_OK || got.status == PB_TOO_LARGE, "%s: %s", parts[i],
                      got.text);
        free(got.text);
        free(text);
    }
}
END_TEST

START_TEST(a_wide_table_does_not_unfold)
{
    enum { COUNT = 20000 };
    char *text = malloc(2 * COUNT * 3 + 10), *at = text;

    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < COUNT; i++)
            *at++ = '|', *at++ = row ? '-' : 'a';
        *at++ = '\n';
    }
    for (int i = 0; i < COUNT; i++)
        *at++ = 'a', *at++ = '\n';
    *at = 0;
    struct extracted got = extracted_text(harness, "text", "a.md", text);
    ck_assert(got.status == PB_TOO_LARGE || strlen(got.text) < (17 << 20));
    free(got.text);
    free(text);
}
END_TEST

int main(void)
{
    return suite_run_cases(
        "text",
        (TCase *const[]){suite_case("text", begin, end,
                                    (const TTest *const[]){plain_text_has_paragraphs,
                                                           rulers_make_titles,
                                                           manual_pages_keep_their_shape,
                                                           source_text_is_code,
                                                           encodings_become_utf8,
                                                           long_lines_and_long_blocks_are_fine,
                                                           markdown_has_headings,
                                                           markdown_loses_its_marks,
                                                           markdown_has_lists,
                                                           markdown_has_code,
                                                           markdown_has_tables,
                                                           markdown_has_quotes_and_html,
                                                           front_matter_is_metadata,
                                                           the_projects_own_manual_is_read,
                                                           it_accepts_text_only,
                                                           bytes_are_not_text,
                                                           limits_hold,
                                                           hostile_markdown_is_harmless,
                                                           a_wide_table_does_not_unfold,
                                                           NULL}),
                         NULL});
}
