/* CSV, JSON and XML: what is read, where it stands, what is refused. */
#include "extracted.h"
#include "suite.h"

#include <stdio.h>

extern const pb_plugin patchbay_plugin_data;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("extractors: {data: {use: data, rows: 2, depth: 20}}\n",
                             &patchbay_plugin_data);
}

static void end(void)
{
    pb_harness_free(harness);
}

#define ck_reads(file, content, wanted) ck_extracted(harness, "data", file, content, wanted)

static void ck_refuses(const char *file, const char *content, const char *sentence)
{
    struct extracted got = extracted_text(harness, "data", file, content);

    ck_assert_int_eq(got.status, PB_UNPROCESSABLE);
    ck_assert_str_eq(got.text, sentence);
    free(got.text);
}

/* --- CSV -------------------------------------------------------------------------------------- */

START_TEST(tables_keep_their_header)
{
    ck_reads("a.csv", "name,age\nAnn,30\nBob,31\nCid,32\n",
             "meta rows: 3\nmeta columns: 2\ntable 1-3: name\\tage\\nAnn\\t30\\nBob\\t31\n"
             "table 4: name\\tage\\nCid\\t32\n");
    ck_reads("a.csv", "1,2\n3,4\n5,6\n",
             "meta rows: 3\nmeta columns: 2\ntable 1-2: 1\\t2\\n3\\t4\ntable 3: 5\\t6\n");
}
END_TEST

START_TEST(quotes_and_line_ends_are_followed)
{
    ck_reads("a.csv", "a,b\r\n\"x, \"\"y\"\"\",\"two\r\nlines\"\r\n\r\n,last\r\n",
             "meta rows: 2\nmeta columns: 2\ntable 1-5: a\\tb\\nx, \"y\"\\ttwo lines\\n\\tlast\n");
    ck_reads("a.csv", "a,b\n\"open,1\n2",
             "meta rows: 1\nmeta columns: 2\ntable 1-3: a\\tb\\nopen,1 2\n");
    ck_reads("a.csv", "a,b\n1\n1,2,3\n",
             "meta rows: 2\nmeta columns: 3\ntable 1-3: a\\tb\\n1\\n1\\t2\\t3\n");
}
END_TEST

START_TEST(the_mark_between_cells_is_found)
{
    ck_reads("a.csv", "a;b\n1,5;2,5\n",
             "meta rows: 1\nmeta columns: 2\ntable 1-2: a\\tb\\n1,5\\t2,5\n");
    ck_reads("a.csv", "a|b\n1|2\n", "meta rows: 1\nmeta columns: 2\ntable 1-2: a\\tb\\n1\\t2\n");
    ck_reads("a.tsv", "a, b\tc\n1\t2\n",
             "meta rows: 1\nmeta columns: 2\ntable 1-2: a, b\\tc\\n1\\t2\n");
    ck_reads("a.csv", "only\none\n", "meta rows: 1\nmeta columns: 1\ntable 1-2: only\\none\n");
}
END_TEST

START_TEST(the_header_is_a_matter_of_option)
{
    end();
    harness = pb_harness_new("extractors: {data: {use: data, rows: 1, header: yes}}\n",
                             &patchbay_plugin_data);
    ck_reads("a.csv", "1,2\n3,4\n5,6\n",
             "meta rows: 2\nmeta columns: 2\ntable 1-2: 1\\t2\\n3\\t4\ntable 3: 1\\t2\\n5\\t6\n");
    end();
    harness = pb_harness_new("extractors: {data: {use: data, rows: 1, header: no}}\n",
                             &patchbay_plugin_data);
    ck_reads("a.csv", "a,b\n3,4\n",
             "meta rows: 2\nmeta columns: 2\ntable 1: a\\tb\ntable 2: 3\\t4\n");
}
END_TEST

/* --- JSON ------------------------------------------------------------------------------------- */

START_TEST(objects_become_lines)
{
    ck_reads("a.json",
             "{\"title\": \"Inventory\", \"none\": null, \"on\": true,\n"
             " \"place\": {\"city\": \"Bern\", \"at\": [1, 2.5, -3e2]},\n"
             " \"items\": [{\"id\": 1, \"tags\": [\"a\", \"b\"]},\n  {\"id\": 2, \"in\": {\"x\": "
             "[[1], {\"y\": 2}]}}]}",
             "title: Inventory\ntext 1: title: Inventory\\non: true\nh1 2: place\n"
             "text 2: city: Bern\\nat: 1, 2.5, -3e2\nh1 3: items\n"
             "text 3: id: 1\\ntags: a, b\ntext 4: id: 2\\nin.x[0]: 1\\nin.x[1].y: 2\n");
}
END_TEST

START_TEST(arrays_and_lines_become_records)
{
    ck_reads("a.json", "[{\"a\": 1},\n {\"a\": 2}]", "text 1: a: 1\ntext 2: a: 2\n");
    ck_reads("a.jsonl", "{\"a\": 1}\n{\"a\": {\"b\": 2}}\n", "text 1: a: 1\ntext 2: a.b: 2\n");
    ck_reads("a.jsonl", "{\"name\": 1}\n{\"name\": \"no title\"}\n",
             "text 1: name: 1\ntext 2: name: no title\n");
    ck_reads("a.json", "[1, \"two\", null]", "text 1: 1, two\n");
    ck_reads("a.json", "\"text\"", "text 1: text\n");
    ck_reads("a.json", "{}", "");
}
END_TEST

START_TEST(strings_are_decoded)
{
    ck_reads("a.json",
             "{\"a\": \"q\\\" \\u00e9 \\ud83d\\ude00 \\ud83d x\\/\", \"b\": \"one\\ntwo\\u0000\"}",
             "text 1: a: q\" \xC3\xA9 \xF0\x9F\x98\x80 \xEF\xBF\xBD x/\\nb: one\\ntwo\n");
}
END_TEST

START_TEST(broken_json_names_the_line)
{
    ck_refuses("a.json", "{\"a\":\n 1,\n}", "line 3: the name of a member is expected");
    ck_refuses("a.json", "[1,\n 2", "line 2: ',' or ']' is expected");
    ck_refuses("a.json", "{\"a\" 1}", "line 1: ':' is expected");
    ck_refuses("a.json", "{\"a\": \"x}", "line 1: a string is not closed or has a wrong escape");
    ck_refuses("a.json", "{\"a\": \"\\u12\"}",
               "line 1: a string is not closed or has a wrong escape");
    ck_refuses("a.json", "{\"a\": what}", "line 1: a value is expected");
    ck_refuses("a.jsonl", "{\"a\": 1}\n{\"a\": }\n", "line 2: a value is expected");
}
END_TEST

/* --- XML -------------------------------------------------------------------------------------- */

START_TEST(elements_become_records)
{
    ck_reads(
        "a.xml",
        "<?xml version='1.0'?>\n<catalog xmlns='urn:x'>\n <book id='b1'>\n  <author>Ann</author>\n"
        "  <title>One &amp; all</title>\n  <price unit='EUR'>3</price>\n </book>\n"
        " <book id='b2'><author>Bob</author><place><city>Bern</city></place></book>\n</catalog>",
        "text 3-6: book.id: b1\\nauthor: Ann\\ntitle: One & all\\nprice.unit: EUR\\nprice: 3\n"
        "text 8: book.id: b2\\nauthor: Bob\\nplace.city: Bern\n");
    ck_reads("a.xml", "<a><b>1</b><b>2</b></a>", "text 1: b: 1\ntext 1: b: 2\n");
}
END_TEST

START_TEST(documents_keep_their_sentences)
{
    ck_reads("a.xml",
             "<?xml version='1.0'?><article><title>The Thing</title>\n<section><title>Use</title>\n"
             "<para>Press <key>any</key> key,\n<b>now</b>.</para><para>Then "
             "wait.</para></section></article>",
             "title: The Thing\nh1 1: The Thing\nh2 2: Use\ntext 3-4: Press any key, now.\ntext 4: "
             "Then wait.\n");
}
END_TEST

START_TEST(feeds_are_read)
{
    ck_reads("feed.xml",
             "<rss><channel><title>News</title><item><title>First</title><description>It "
             "&lt;b&gt;is&lt;/b&gt;.</description></item>\n"
             "<item><title>Second</title><link>http://x.test</link></item></channel></rss>",
             "h2 1: News\nh3 1: First\ntext 1: It <b>is</b>.\nh3 2: Second\ntext 2: link: "
             "http://x.test\n");
}
END_TEST

START_TEST(broken_xml_names_the_line)
{
    ck_refuses("a.xml", "<a>\n<b></a>", "line 2: mismatched tag");
    ck_refuses("a.xml", "<?xml version='1.0' encoding='x-unknown'?><a/>",
               "line 1: unknown encoding");
    ck_reads("a.xml", "<?xml version='1.0' encoding='windows-1252'?><a><b>\x93x\x94</b></a>",
             "text 1: b: \xE2\x80\x9Cx\xE2\x80\x9D\n");
    ck_reads("a.xml", "<?xml version='1.0' encoding='iso-8859-1'?><a><b>\xE9</b></a>",
             "text 1: b: \xC3\xA9\n");
}
END_TEST

START_TEST(entities_are_neither_unfolded_nor_fetched)
{
    ck_reads("a.xml",
             "<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'><!ENTITY y '&x;&x;&x;'><!ENTITY f SYSTEM "
             "'file:///etc/passwd'>]>"
             "<a><b>1&y;2</b><b>&f;3</b></a>",
             "text 1: b: 12\ntext 1: b: 3\n");
    char bomb[4096] = "<!DOCTYPE a [<!ENTITY a0 'lollollol'>", *at = bomb + strlen(bomb);
    for (int i = 1; i < 20; i++)
        at += sprintf(at, "<!ENTITY a%d '&a%d;&a%d;&a%d;&a%d;'>", i, i - 1, i - 1, i - 1, i - 1);
    strcpy(at, "]><a b='&a19;'>x</a>"); /* attributes are unfolded by any reader */
    struct extracted got = extracted_text(harness, "data", "a.xml", bomb);
    ck_assert_int_eq(got.status, PB_UNPROCESSABLE);
    ck_assert_ptr_nonnull(strstr(got.text, "amplification"));
    free(got.text);
}
END_TEST

/* --- limits ----------------------------------------------------------------------------------- */

START_TEST(depth_is_limited)
{
    static const char *const parts[] = {"[", "{\"a\":", "<a>"};

    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(parts[i]);
        char *text = calloc(1, size * 100000 + 1);
        for (size_t n = 0; n < 100000; n++)
            memcpy(text + n * size, parts[i], size);
        struct extracted got = extracted_text(harness, "data", i == 2 ? "a.xml" : "a.json", text);
        ck_assert_int_eq(got.status, PB_TOO_LARGE);
        ck_assert_ptr_nonnull(strstr(got.text, "depth"));
        free(got.text);
        free(text);
    }
}
END_TEST

START_TEST(text_is_limited)
{
    end();
    harness =
        pb_harness_new("extractors: {data: {use: data, max_text: 1KiB}}\n", &patchbay_plugin_data);
    static const char *const names[] = {"a.csv", "a.json", "a.xml"};
    char text[4000];
    for (int i = 0; i < 3; i++) {
        memset(text, 'x', sizeof text);
        memcpy(text, i == 1 ? "[\"" : "<a>", i == 1 ? 2 : 3);
        memcpy(text + sizeof text - 5, i == 1 ? "\"] " : "</a>", i == 1 ? 3 : 4);
        text[sizeof text - (i == 1 ? 2 : 1)] = 0;
        struct extracted got = extracted_text(harness, "data", names[i], text);
        ck_assert_int_eq(got.status, PB_TOO_LARGE);
        ck_assert_ptr_nonnull(strstr(got.text, "max_text"));
        free(got.text);
    }
}
END_TEST

START_TEST(many_records_are_fast)
{
    enum { COUNT = 20000 };
    char *text = malloc(COUNT * 40), *at = text;

    for (int i = 0; i < COUNT; i++)
        at += sprintf(at, "{\"id\": %d, \"text\": \"word\"}\n", i);
    struct extracted got = extracted_text(harness, "data", "a.jsonl", text);
    ck_assert_uint_eq(got.count, COUNT);
    free(got.text);
    free(text);
}
END_TEST

START_TEST(it_accepts_data_only)
{
    static const struct {
        const char *type, *name, *bytes;
        bool accepts;
    } cases[] = {
        {"text/csv; header=present", NULL, "x", true}, {"application/ld+json", NULL, "{}", true},
        {"application/atom+xml", NULL, "<a/>", true},  {"image/svg+xml", NULL, "<svg/>", false},
        {"text/plain", "a.csv", "a,b", false},         {NULL, "a.csv", "a,b", true},
        {NULL, "a.txt", "{\"a\": 1}", true},           {"text/html", NULL, "<p>", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct extracted got = extracted(
            harness, "data",
            (pb_blob){.type = pb_str_of(cases[i].type),
                      .name = pb_str_of(cases[i].name),
                      .bytes = {(const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)}});
        ck_assert_msg(got.accepts == cases[i].accepts, "case %zu", i);
        free(got.text);
    }
}
END_TEST

START_TEST(depth_and_blocks_are_limited)
{
    static const struct {
        const char *options, *name, *text, *says;
    } cases[] = {{"depth: 3", "a.json", "[[[[[1]]]]]", "deep"},
                 {"max_blocks: 2, rows: 1", "a.csv", "n\na\nb\nc\n", "max_blocks"}};

    for (int i = 0; i < 2; i++) {
        struct extracted got = extracted_text(harness, "data", cases[i].name, cases[i].text);
        ck_assert_int_eq(got.status, PB_OK);
        free(got.text);
    }
    for (int i = 0; i < 2; i++) {
        char yaml[200];
        end();
        (void)snprintf(yaml, sizeof yaml, "extractors: {data: {use: data, %s}}\n",
                       cases[i].options);
        harness = pb_harness_new(yaml, &patchbay_plugin_data);
        struct extracted got = extracted_text(harness, "data", cases[i].name, cases[i].text);
        ck_assert_int_ne(got.status, PB_OK);
        ck_assert_msg(strstr(got.text, cases[i].says) != NULL, "%s", got.text);
        free(got.text);
    }
}
END_TEST

int main(void)
{
    return suite_run_cases(
        "data",
        (TCase *const[]){
            suite_case("data", begin, end,
                       (const TTest *const[]){
                           tables_keep_their_header, quotes_and_line_ends_are_followed,
                           the_mark_between_cells_is_found, the_header_is_a_matter_of_option,
                           objects_become_lines, arrays_and_lines_become_records,
                           strings_are_decoded, broken_json_names_the_line, elements_become_records,
                           documents_keep_their_sentences, feeds_are_read,
                           broken_xml_names_the_line, entities_are_neither_unfolded_nor_fetched,
                           depth_is_limited, text_is_limited, depth_and_blocks_are_limited,
                           many_records_are_fast, it_accepts_data_only, NULL}),
            NULL});
}
