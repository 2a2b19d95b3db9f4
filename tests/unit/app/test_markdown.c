/* Markdown in a terminal: what each block and marker becomes, and that it is the same however the
 * text is cut into pieces. */
#include "app/markdown.h"
#include "app/terminal.h"
#include "suite.h"

#include <locale.h>
#include <stdlib.h>

struct shown {
    size_t width;
    bool colour;
    size_t piece; /* bytes at once; 0: all */
};

/* What comes out, from malloc. */
static char *render(struct shown how, const char *text)
{
    struct markdown markdown = {0};
    struct buf out = {0};
    pb_str rest = pb_str_of(text);

    setlocale(LC_CTYPE, "C.UTF-8");
    markdown_begin(&markdown, how.width, how.colour);
    while (rest.size) {
        pb_str piece = how.piece ? pb_str_slice(rest, 0, how.piece) : rest;
        (void)buf_add(&out, markdown_feed(&markdown, piece));
        rest = pb_str_slice(rest, piece.size, rest.size);
    }
    (void)buf_add(&out, markdown_end(&markdown));
    (void)buf_add(&out, pb_str_make("", 1));
    markdown_fini(&markdown);
    return out.data;
}

static void expect_at(size_t width, const char *text, const char *expected)
{
    for (size_t piece = 0; piece < 8; piece++) {
        char *plain = render((struct shown){width, false, piece}, text);
        ck_assert_str_eq(plain, expected);
        free(plain);
    }
}

static void expect(const char *text, const char *expected)
{
    expect_at(40, text, expected);
}

static void expect_colour(const char *text, const char *expected)
{
    for (size_t piece = 0; piece < 8; piece++) {
        char *coloured = render((struct shown){40, true, piece}, text);
        ck_assert_str_eq(coloured, expected);
        free(coloured);
    }
}

START_TEST(paragraphs_wrap_between_words)
{
    expect("one", "one\n");
    expect("One two\nthree.\n\n\n\nFour.", "One two three.\n\nFour.\n");
    expect_at(20, "The quick brown fox jumps over the lazy dog.",
              "The quick brown fox\njumps over the lazy\ndog.\n");
    expect_at(20, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", "aaaaaaaaaaaaaaaaaaaa\naaaaaaaaaa b\n");
    expect("hard  \nbreak\\\nhere", "hard\nbreak\nhere\n");
    expect("", "");
}
END_TEST

START_TEST(wide_characters_count_twice)
{
    expect_at(20, "漢字漢字漢字漢字漢字 漢字", "漢字漢字漢字漢字漢字\n漢字\n");
    expect("Grüße – naïve 😀", "Grüße – naïve 😀\n");
}
END_TEST

START_TEST(headings_stand_apart)
{
    expect("a\n# Title\nb", "a\n\n# Title\nb\n");
    expect("### *x* y\n", "### x y\n");
    expect("#no heading", "#no heading\n");
    expect("#", "#\n");
    expect_colour("## Hi", "\033[0;1;1;34mHi\033[0m\n");
}
END_TEST

START_TEST(lists_hang)
{
    expect("- one\n- two\n  - three\n", "• one\n• two\n  • three\n");
    expect("9. nine\n10. ten", "9. nine\n10. ten\n");
    expect_at(20, "1. The quick brown fox jumps.", "1. The quick brown\n   fox jumps.\n");
    expect("- one\n\n  more of it\n- two", "• one\n\n  more of it\n• two\n");
    expect("- lazy\ngoes on", "• lazy goes on\n");
    expect("2024 was a year", "2024 was a year\n");
    expect("-x", "-x\n");
    expect("---", "────────────────────────────────────────\n");
}
END_TEST

START_TEST(quotes_have_a_bar)
{
    expect_at(20, "> The quick brown fox\n> jumps.", "│ The quick brown\n│ fox jumps.\n");
}
END_TEST

START_TEST(code_stays_as_it_is)
{
    expect("```sh\nls  *.c   | wc\n\n# no heading\n```\nafter",
           "    ls  *.c   | wc\n    \n    # no heading\nafter\n");
    expect("~~~\n```\n~~~", "    ```\n");
    expect("```\nnever closed", "    never closed\n");
    expect("a `b  *c*` d", "a `b *c*` d\n");
    expect("``a`b``", "`a`b`\n");
    expect("open ` tick", "open ` tick`\n");
    expect_colour("`x`", "\033[0;36mx\033[0m\n");
}
END_TEST

START_TEST(emphasis_opens_and_closes)
{
    expect("**bold** and *italic* and ***both***", "bold and italic and both\n");
    expect("2 * 3 * 4 and a_b_c and __init__", "2 * 3 * 4 and a_b_c and init\n");
    expect("\\*literal\\* \\n", "*literal* \\n\n");
    expect("~~gone~~ ~5", "gone ~5\n");
    expect_colour("a **b c** d", "a \033[0;1mb c\033[0m d\n");
    expect_colour("**open\n\nnext", "\033[0;1mopen\033[0m\n\nnext\n");
}
END_TEST

START_TEST(links_name_their_address)
{
    expect("See [the page](https://x.example/a_b \"T\").", "See the page (https://x.example/a_b).\n");
    expect("[https://x.example](https://x.example)", "https://x.example\n");
    expect("[a](b(c)d) e", "a (b(c)d) e\n");
    expect("So it is [1][2], see [3].", "So it is [1][2], see [3].\n");
    expect("[not a link] and [open", "[not a link] and [open\n");
    expect("[`code`](u)", "`code` (u)\n");
    expect_colour("x [1]", "x \033[0;35m[1]\033[0m\n");
}
END_TEST

START_TEST(tables_fit)
{
    expect("| a | b |\n|---|--:|\n| one | 1 |\n| `x|y` | 10 |\n\nafter",
           "a     │  b\n──────┼───\none   │  1\n`x|y` │ 10\n\nafter\n");
    expect_at(20, "| name | what it is |\n|---|---|\n| x | The quick brown fox |\n",
              "name │ what it is\n─────┼──────────────\n"
              "x    │ The quick\n     │ brown fox\n");
    expect("| no | rule |\n", "no │ rule\n");
}
END_TEST

START_TEST(nothing_reaches_the_terminal_by_stealth)
{
    expect("a\033[31mb\007\302\233c\342\200\256d\rx", "a[31mbcdx\n");
    expect("bad \xff\xc3 end \xe2\x82", "bad \xEF\xBF\xBD\xEF\xBF\xBD end \xEF\xBF\xBD\n");
    expect("```\na\033]0;title\007b\n```", "    a]0;titleb\n");
    expect("| \033c |\n", "c\n");
}
END_TEST

START_TEST(words_come_as_soon_as_they_are_whole)
{
    struct markdown markdown = {0};

    setlocale(LC_CTYPE, "C.UTF-8");
    markdown_begin(&markdown, 40, false);
    ck_text(markdown_feed(&markdown, pb_lit("Hello wor")), "Hello");
    ck_text(markdown_feed(&markdown, pb_lit("ld, this ")), " world, this");
    ck_text(markdown_end(&markdown), "\n");
    markdown_fini(&markdown);
}
END_TEST

int main(void)
{
    return suite_run("markdown",
                     (const TTest *const[]){
                         paragraphs_wrap_between_words, wide_characters_count_twice,
                         headings_stand_apart, lists_hang, quotes_have_a_bar, code_stays_as_it_is,
                         emphasis_opens_and_closes, links_name_their_address, tables_fit,
                         nothing_reaches_the_terminal_by_stealth,
                         words_come_as_soon_as_they_are_whole, NULL});
}
