/* Pages: structure, lines, what is left out, charsets, hostile shapes. */
#include "extracted.h"
#include "suite.h"

#include <stdio.h>

extern const pb_plugin patchbay_plugin_html;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("extractors: {html: {use: html}}\n", &patchbay_plugin_html);
}

static void end(void)
{
    pb_harness_free(harness);
}

#define ck_reads(content, wanted) ck_extracted(harness, "html", "a.html", content, wanted)

START_TEST(pages_have_structure)
{
    ck_reads("<!doctype html>\n<html lang=en><head><title> The\n Manual </title>\n"
             "<meta name=description content='All of it'></head>\n<body>\n<h1>Start</h1>\n"
             "<p>One <b>bold</b>\n<a href=x>link</a>.<p>Two<br>lines\n<h2>Part "
             "<code>x</code></h2>text\n",
             "title: The Manual\nmeta language: en\nmeta description: All of it\nh1 6: Start\n"
             "text 7-8: One bold link.\ntext 8: Two\\nlines\nh2 9: Part x\ntext 9: text\n");
}
END_TEST

START_TEST(pages_have_lists_and_code)
{
    ck_reads(
        "<ul><li>one<li>two<ol start=3><li>deep</li><li><p>deeper</p><p>more</p></ol><li>three</ul>"
        "<pre>a &lt; b\n  c</pre><dl><dt>term<dd>what it is</dl>",
        "item1 1: one\nitem1 1: two\nitem2 1: 3. deep\nitem2 1: 4. deeper\ntext 1: more\n"
        "item1 1: three\ncode 1-2: a < b\\n  c\ntext 2: term\ntext 2: what it is\n");
}
END_TEST

START_TEST(pages_have_tables)
{
    ck_reads("<table>\n<caption>Sizes</caption>\n<tr><th>a<th>b\n<tr><td><p>1</p><p>x</p><td>\n"
             "<tr><td>2<td>3 <table><tr><td>in</table>\n</table>after",
             "table 1-5: Sizes\\na\\tb\\n1 x\\t\\n2\\t3 in\ntext 6: after\n");
}
END_TEST

START_TEST(tables_that_arrange_a_page_are_none)
{
    ck_reads("<table><tr><td>left<td><h1>Title</h1><p>Text</p></table>",
             "title: Title\ntext 1: left\nh1 1: Title\ntext 1: Text\n");
    ck_reads("<table><tr><td><table><tr><th>a<td>b</table></table>", "table 1: a\\tb\n");
    ck_reads("<table role=presentation><tr><td>a<td>b</table>", "text 1: a\ntext 1: b\n");
}
END_TEST

START_TEST(what_is_no_content_is_left_out)
{
    ck_reads("<html><body><header>Site <h1>Logo</h1></header><nav>Menu</nav>"
             "<div class='x sphinxsidebar'>Side</div><p style='display : none'>hidden</p>"
             "<p hidden>hidden</p><p aria-hidden=true>hidden</p><script>var a='<p>x</p>'</script>"
             "<style>p{}</style><h1>Kept<a class=headerlink>P</a></h1><p>Text.</p>"
             "<button>Click</button><select><option>one</select><div role=contentinfo>Foot</div>"
             "<aside>Beside</aside><footer>Foot</footer></body>",
             "title: Kept\nh1 1: Kept\ntext 1: Text.\n");
    ck_reads("<html><body><div>Around</div><main><header><h1>Title</h1></header><p>In it.</main>"
             "<div>Around</div>",
             "title: Title\nh1 1: Title\ntext 1: In it.\n");
    ck_reads("<body><div>x</div><article><h2>Long enough</h2>to be the content</article>",
             "title: Long enough\nh2 1: Long enough\ntext 1: to be the content\n");
    ck_reads("<body><nav>Only <a>this</a></nav>", "text 1: Only this\n");
    end();
    harness =
        pb_harness_new("extractors: {html: {use: html, whole: true}}\n", &patchbay_plugin_html);
    ck_reads("<body><nav>Menu</nav><main>Text</main>", "text 1: Menu\ntext 1: Text\n");
    end();
    harness =
        pb_harness_new("extractors: {html: {use: html, drop: [advert]}}\n", &patchbay_plugin_html);
    ck_reads("<body><div><p class='big advert'>Buy</p>Text</div>", "text 1: Text\n");
}
END_TEST

START_TEST(charsets_are_followed)
{
    ck_reads("<meta charset=iso-8859-1><p>caf\xE9 \x80", "text 1: caf\xC3\xA9 \xE2\x82\xAC\n");
    ck_reads("<p>caf\xC3\xA9", "text 1: caf\xC3\xA9\n");
    ck_reads("<p>caf\xE9", "text 1: caf\xC3\xA9\n");
    ck_reads("<meta charset=utf-8><p>caf\xE9 x", "text 1: caf\xEF\xBF\xBD x\n");
    ck_reads("<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>\xCD\xC9\xD2",
             "text 1: \xD0\xBC\xD0\xB8\xD1\x80\n");
    struct extracted got = extracted(harness, "html",
                                     (pb_blob){.type = pb_lit("text/html; charset=shift_jis"),
                                               .bytes = {(const uint8_t *)"<p>\x93\xFA\x96{", 7}});
    ck_assert_str_eq(got.text, "text 1: \xE6\x97\xA5\xE6\x9C\xAC\n");
    free(got.text);
    ck_reads("<p>&eacute;&#x41;&nbsp;&amp;&bogus;&#0;&#1;", "text 1: \xC3\xA9"
                                                            "A &&bogus;\n");
}
END_TEST

START_TEST(titles_come_from_where_there_is_one)
{
    ck_reads("<meta property='og:title' content='Shown'><p>x", "title: Shown\ntext 1: x\n");
    ck_reads("<body><h2>Second</h2><h1>First</h1>", "title: First\nh2 1: Second\nh1 1: First\n");
    ck_reads("<title></title><svg><title>icon</title></svg><p>x", "text 1: x\n");
}
END_TEST

START_TEST(headings_lose_their_own_address)
{
    ck_reads("<h1>Path <a href='#path'>#</a></h1><h2>C#<a href=\"#c\">\xC2\xB6</a></h2>"
             "<h2><a href='#x'>Kept</a> <a href=y>#</a></h2>",
             "title: Path\nh1 1: Path\nh2 1: C#\nh2 1: Kept #\n");
}
END_TEST

START_TEST(it_accepts_html_only)
{
    struct extracted got =
        extracted(harness, "html",
                  (pb_blob){.type = pb_lit("text/plain"), .bytes = {(const uint8_t *)"<p>", 3}});
    ck_assert(!got.accepts);
    free(got.text);
    got = extracted_text(harness, "html", "a.txt", "<!doctype html><p>x");
    ck_assert(got.accepts);
    free(got.text);
}
END_TEST

/* --- hostile ---------------------------------------------------------------------------------- */

static struct extracted repeat(const char *before, const char *part, size_t count)
{
    size_t first = strlen(before), size = strlen(part);
    char *text = malloc(first + count * size + 1);

    memcpy(text, before, first);
    for (size_t i = 0; i < count; i++)
        memcpy(text + first + i * size, part, size);
    text[first + count * size] = 0;
    struct extracted got = extracted_text(harness, "html", "a.html", text);
    free(text);
    return got;
}

START_TEST(depth_is_limited)
{
    struct extracted got = repeat("", "<div>x", 200000);

    ck_assert_int_eq(got.status, PB_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(got.text, "depth"));
    free(got.text);
    got = repeat("", "<b>x", 900); /* forgotten end tags are no harm */
    ck_assert_int_eq(got.status, PB_OK);
    free(got.text);
}
END_TEST

START_TEST(hostile_pages_are_harmless)
{
    static const char *const parts[] = {"<p>",
                                        "<li>",
                                        "<td>",
                                        "<table>",
                                        "</b>",
                                        "<a href='",
                                        "&",
                                        "<!--",
                                        "<![CDATA[",
                                        "<",
                                        "</",
                                        "&#x",
                                        "<script>",
                                        "<title>",
                                        "<select><option>",
                                        "<form><p></form>",
                                        "\xF4\x8F"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct extracted got = repeat("<html>", parts[i], 50000);
        ck_assert_msg(got.status == PB_OK || got.status == PB_TOO_LARGE, "%s: %s", parts[i],
                      got.text);
        free(got.text);
    }
}
END_TEST

START_TEST(entities_are_not_unfolded)
{
    struct extracted got = extracted_text(
        harness, "html", "a.html",
        "<!DOCTYPE html [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><p>&b;&b;</p>");
    ck_assert_int_eq(got.status, PB_OK);
    ck_assert_ptr_null(strstr(got.text, "aaaaaaaaaaaaaaaaaaaa"));
    free(got.text);
}
END_TEST

START_TEST(time_is_limited)
{
    enum { COUNT = 400000 };
    char *text = malloc(COUNT * 9 + 10), *at = text + sprintf(text, "<a ");

    end();
    harness =
        pb_harness_new("extractors: {html: {use: html, time: 50ms}}\n", &patchbay_plugin_html);
    for (int i = 0; i < COUNT; i++)
        at += sprintf(at, "a%x ", i);
    strcpy(at, ">x");
    struct extracted got = extracted_text(harness, "html", "a.html", text);
    ck_assert_int_eq(got.status, PB_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(got.text, "time"));
    free(got.text);
    free(text);
}
END_TEST

START_TEST(text_is_limited)
{
    end();
    harness = pb_harness_new("extractors: {html: {use: html, max_text: 1KiB, max_blocks: 50}}\n",
                             &patchbay_plugin_html);
    struct extracted got = repeat("", "words ", 1000);
    ck_assert_int_eq(got.status, PB_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(got.text, "max_text"));
    free(got.text);
    got = repeat("", "<p>x", 51);
    ck_assert_ptr_nonnull(strstr(got.text, "max_blocks"));
    free(got.text);
}
END_TEST

START_TEST(depth_is_an_option)
{
    struct extracted got = repeat("", "<div>x", 40);

    ck_assert_int_eq(got.status, PB_OK);
    free(got.text);
    end();
    harness = pb_harness_new("extractors: {html: {use: html, depth: 16}}\n", &patchbay_plugin_html);
    got = repeat("", "<div>x", 40);
    ck_assert_int_eq(got.status, PB_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(got.text, "depth"));
    free(got.text);
}
END_TEST

int main(void)
{
    return suite_run_cases(
        "html",
        (TCase *const[]){
            suite_case("html", begin, end,
                       (const TTest *const[]){
                           pages_have_structure, pages_have_lists_and_code, pages_have_tables,
                           tables_that_arrange_a_page_are_none, what_is_no_content_is_left_out,
                           charsets_are_followed, titles_come_from_where_there_is_one,
                           headings_lose_their_own_address, it_accepts_html_only, depth_is_limited,
                           hostile_pages_are_harmless, entities_are_not_unfolded, time_is_limited,
                           text_is_limited, depth_is_an_option, NULL}),
            NULL});
}
