/* Files, and the paragraphs that they become. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <extracted.h>
#include <patchbay/extractor.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("extractors: {films: {use: @NAME@, max_text: 1KiB}}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

#define ONE "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Who is</i>\r\nthere?\r\n\r\n"
#define TWO "2\n00:00:03,000 --> 00:00:04,000\n{\\an8}It is me.\n\n"
#define LATER "3\n01:00:00.000 --> 01:00:01.000\nThe end.\n"

START_TEST(a_silence_begins_a_paragraph)
{
    ck_extracted(harness, "films", "film.srt", ONE TWO LATER,
                 "text 2-8: Who is there? It is me.\n"
                 "text 11-12: The end.\n");
}
END_TEST

START_TEST(what_is_no_subtitle_is_refused)
{
    struct extracted other = extracted_text(harness, "films", "notes.txt", "Hello\n");

    ck_assert(!other.accepts);
    ck_assert_int_eq(other.status, PB_UNPROCESSABLE);
    ck_assert_str_eq(other.text, "there is no subtitle in it");
    free(other.text);
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
    char text[4000] = "1\n00:00:01,000 --> 00:00:02,500\n";

    memset(text + strlen(text), 'x', 2000);
    struct extracted large = extracted_text(harness, "films", "film.srt", text);
    ck_assert_int_eq(large.status, PB_TOO_LARGE);
    free(large.text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_silence_begins_a_paragraph, what_is_no_subtitle_is_refused,
                                  what_is_too_large_is_refused, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("files", begin, end, tests), NULL});
}
