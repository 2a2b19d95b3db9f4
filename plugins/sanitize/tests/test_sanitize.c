/* What sanitize takes out, what it refuses, and that it leaves everything else alone. */
#define pb_host_table    pb_host_table_parts
#define PB_PLUGIN_SYMBOL patchbay_plugin_parts

#include "suite.h"
#include "testkit.h"

#include <patchbay/stage.h>

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_sanitize;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_replay;

/* --- a stage around it: gives the question parts and looks at what became of them ---------------
 */

static const pb_part image = {.size = sizeof(pb_part), .type = PB_PART_IMAGE, .url = PB_LIT("u")};
static pb_part words = {.size = sizeof(pb_part), .type = PB_PART_TEXT};
static const pb_json source = {.type = PB_JSON_OBJECT};
static size_t part_count;
static pb_message seen;
static pb_part seen_words;

struct parts {
    bool look; /* after, not before */
};

static const pb_field parts_options[] = {PB_BOOL(struct parts, look, .help = "Look."), PB_END};

static pb_status parts_run(void *self, pb_turn *turn, const pb_next *next)
{
    static const pb_part *const parts[] = {&words, &image};
    const pb_message *question = pb_turn_question(turn);

    if (((const struct parts *)self)->look) {
        seen = *question;
        if (question->part_count)
            seen_words = *question->parts[0];
    } else {
        pb_message *message = pb_message_new(PB_ROLE_USER, question->text);
        const pb_message *all[] = {message};
        message->parts = parts;
        message->part_count = part_count;
        message->source = &source;
        pb_status status = pb_turn_set_messages(turn, all, 1);
        if (status != PB_OK)
            return status;
    }
    return pb_run_next(next, turn);
}

PB_PLUGIN("parts", "1.0.0", "Apache-2.0", "Gives the question parts.",
          PB_STAGE("parts", struct parts, parts_options, .run = parts_run));

/* --- helpers ---------------------------------------------------------------------------------- */

static pb_harness *harness;

static void begin(const char *options)
{
    char yaml[1024];

    snprintf(yaml, sizeof yaml,
             "llms: {main: {use: scripted}}\n"
             "pipelines:\n"
             "  p: {stages: [sanitize: {%s}, generate: {llm: main}]}\n"
             "  parts: {stages: [parts: {}, sanitize: {%s}, parts: {look: true}]}\n",
             options, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_sanitize, &patchbay_plugin_generate,
                             &patchbay_plugin_parts);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* What the model gets for `text`. */
static pb_str through(const char *text)
{
    const pb_outcome *reply = pb_harness_say(harness, text);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    const pb_json *request =
        pb_scripted_request(harness, "main", pb_scripted_count(harness, "main") - 1);
    return pb_json_text(pb_json_path(request, "messages/0/content"));
}

static void becomes(const char *text, const char *expected)
{
    pb_str got = through(text);
    ck_assert_msg(pb_str_is(got, expected), "'%s' became '%.*s', not '%s'", text, PB_ARG(got),
                  expected);
}

static void refused(const pb_outcome *reply, pb_status status, const char *sentence)
{
    ck_assert_int_eq(reply->status, status);
    ck_assert_msg(pb_str_is(reply->sentence, sentence), "%.*s", PB_ARG(reply->sentence));
    ck_assert_int_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 0);
}

/* --- what is taken out ------------------------------------------------------------------------ */

START_TEST(characters_go)
{
    begin("");
    becomes("plain, ä, €, 😀\n\ttext", "plain, ä, €, 😀\n\ttext");
    becomes("a\x01"
            "b\x1b[31mc\x7f"
            "d\xc2\x85"
            "e",
            "ab[31mcde");
    becomes("one\r\ntwo\rthree\r", "one\ntwo\nthree\n");
    becomes("a\xe2\x80\x8b"
            "b\xef\xbb\xbf"
            "c\xe2\x80\xae"
            "d\xc2\xad"
            "e\xe2\x81\xa6"
            "f",
            "abcdef");
    becomes("say\xf3\xa0\x81\xa9\xf3\xa0\x81\xa7 hi", "say hi"); /* hidden in tags */
    becomes("👩\xe2\x80\x8d🔬 می\xe2\x80\x8cخواهم",
            "👩\xe2\x80\x8d🔬 می\xe2\x80\x8cخواهم"); /* joiners stay */
    becomes("\x01x", "x");
    becomes("x\x01", "x");
    becomes("<b>&</b>", "<b>&</b>"); /* html: keep */
    end();
}
END_TEST

START_TEST(bytes_that_are_no_utf8_stay)
{
    pb_str got;

    begin("html: escape");
    got = through("a\xff\x85\xe2\x80"); /* the recorded JSON has U+FFFD for each of them */
    ck_assert(pb_str_starts(got, pb_lit("a\xef\xbf\xbd")));
    becomes("\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"); /* an overlong "<" is none */
    got = through("\xe2<");                          /* does not swallow what follows */
    ck_assert(pb_str_ends(got, pb_lit("&lt;")));
    end();
}
END_TEST

START_TEST(switched_off)
{
    begin("strip_control: false, strip_invisible: false");
    becomes("a\x01\r\n\xe2\x80\x8b", "a\x01\r\n\xe2\x80\x8b");
    end();
    begin("strip_control: false");
    becomes("a\x01\r\n\xe2\x80\x8b", "a\x01\r\n");
    end();
    begin("strip_invisible: false");
    becomes("a\x01\r\n\xe2\x80\x8b", "a\n\xe2\x80\x8b");
    end();
}
END_TEST

START_TEST(html_is_taken_out)
{
    begin("html: strip");
    becomes("<p>one <b class=\"x\">two</b></p><br/>", "one two");
    becomes("a < b, c > d, a<3, <>", "a < b, c > d, a<3, <>");
    becomes("x <!-- a > b --> y", "x  y");
    becomes("x <!-- never closed", "x <!-- never closed");
    becomes("x<SCRIPT src=y>if (a > b) alert('<b>')</script >y", "xy");
    becomes("x<style>p {}</STYLE>y", "xy");
    becomes("x<script>no end", "xno end");
    becomes("x<scripture>y", "xy");
    becomes("x<script>y</script", "x");
    becomes("a <b", "a <b");
    becomes("<!DOCTYPE html><?php x ?>y", "y");
    end();
}
END_TEST

START_TEST(no_tag_is_put_together)
{
    begin("html: strip");
    becomes("<<b>script>x", "x");
    becomes("<\xe2\x80\x8bscript>x</\x01script>y", "y");
    becomes("<<<b>b>i>x", "x");
    becomes("<scr<script>ipt>x", "ipt>x");
    becomes("<<!-- -->b>x", "x");
    becomes("<!<!-- -->-- x -->y", "-- x -->y");
    end();
}
END_TEST

/* No text of these pieces comes out with a tag in it. */
START_TEST(no_text_keeps_a_tag)
{
    static const char *const pieces[] = {"<",   ">",    "b",  "/",         "!--",      "-->",
                                         "<b>", "\x01", "<!", "</script>", "<script>", " "};
    enum { PIECES = sizeof pieces / sizeof *pieces };
    uint32_t random = 1;

    begin("html: strip, allow_empty: true");
    for (int round = 0; round < 2000; round++) {
        char text[256] = "";
        for (int i = 0; i < 12; i++) {
            random = random * 1664525u + 1013904223u;
            strcat(text, pieces[(random >> 16) % PIECES]);
        }
        pb_str left = through(text);
        for (size_t i = 0; i + 1 < left.size; i++)
            if (left.data[i] == '<' && strchr("b/!s", left.data[i + 1]))
                ck_assert_msg(!memchr(left.data + i, '>', left.size - i), "'%s' became '%.*s'",
                              text, PB_ARG(left));
        pb_script_reset(harness, "main");
    }
    end();
}
END_TEST

/* Would take hours if the work were quadratic. */
START_TEST(long_texts_take_linear_time)
{
    static const char *const pieces[] = {"<a", "<!--", "<script>", "</script", "<", "\x01<b>"};
    enum { LENGTH = 4 << 20 };
    char *text = malloc(LENGTH + 1);

    begin("html: strip, max_length: 0, allow_empty: true");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t size = strlen(pieces[i]), at = 0;
        for (; at + size <= LENGTH; at += size)
            memcpy(text + at, pieces[i], size);
        text[at] = 0;
        ck_assert_int_eq(pb_harness_say(harness, text)->status, PB_OK);
        pb_script_reset(harness, "main");
    }
    free(text);
    end();
}
END_TEST

START_TEST(html_is_escaped)
{
    begin("html: escape");
    becomes("<b>&amp; \"x\"</b>", "&lt;b&gt;&amp;amp; \"x\"&lt;/b&gt;");
    end();
}
END_TEST

START_TEST(only_the_user_is_cleaned)
{
    begin("");
    pb_harness_ask(harness,
                   &(pb_ask){.messages = "[{\"role\": \"system\", \"content\": \"\\u0001\"},"
                                         "{\"role\": \"user\", \"content\": \"a\\u0001\"},"
                                         "{\"role\": \"assistant\", \"content\": \"\\u0001\"},"
                                         "{\"role\": \"user\", \"content\": \"b\\u0001\"}]"});
    const pb_json *messages = pb_json_get(pb_scripted_request(harness, "main", 0), "messages");
    static const char *const expected[] = {"\x01", "a", "\x01", "b"};
    for (size_t i = 0; i < 4; i++)
        ck_assert(
            pb_str_is(pb_json_text(pb_json_get(pb_json_at(messages, i), "content")), expected[i]));
    end();
}
END_TEST

START_TEST(parts_are_cleaned)
{
    pb_ask ask = {.text = "a\x01", .pipeline = "parts"};

    begin("");
    part_count = 2;
    words.text = pb_lit("a\x01");
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_OK);
    ck_assert_uint_eq(seen.part_count, 2);
    ck_assert_ptr_null(seen.source); /* no model gets the original */
    words.text = pb_lit("a");
    ask.text = "a";
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_OK);
    ck_assert_ptr_eq(seen.source, &source); /* nothing to do: nothing changed */
    ck_assert_ptr_eq(seen_words.text.data, words.text.data);
    ask.text = words.text.data = "";
    words.text.size = 0;
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_OK); /* an image is not nothing */
    part_count = 1;
    refused(pb_harness_ask(harness, &ask), PB_INVALID, "the message is empty; write something");
    end();
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

START_TEST(empty_messages)
{
    begin("");
    refused(pb_harness_say(harness, " \n"), PB_INVALID, "the message is empty; write something");
    refused(pb_harness_say(harness, "\xe2\x80\x8b"), PB_INVALID,
            "the message is empty; write something");
    end();
    begin("allow_empty: true");
    becomes("", "");
    end();
}
END_TEST

START_TEST(lengths)
{
    const pb_outcome *reply;

    begin("max_length: 4, max_messages: 2");
    becomes("four", "four");
    refused(pb_harness_say(harness, "four\x01"), PB_TOO_LARGE,
            "the message has 5 bytes; at most 4 are allowed");
    reply =
        pb_harness_ask(harness, &(pb_ask){.messages = "[{\"role\": \"system\", \"content\": \"a\"},"
                                                      "{\"role\": \"user\", \"content\": \"b\"},"
                                                      "{\"role\": \"user\", \"content\": \"c\"}]"});
    refused(reply, PB_TOO_LARGE, "there are 3 messages; at most 2 are allowed");
    ck_assert(pb_str_is(reply->result->error->pointer, "/messages"));
    reply = pb_harness_ask(harness,
                           &(pb_ask){.messages = "[{\"role\": \"system\", \"content\": \"longer\"},"
                                                 "{\"role\": \"user\", \"content\": \"longer\"}]"});
    refused(reply, PB_TOO_LARGE, "the message has 6 bytes; at most 4 are allowed");
    ck_assert(pb_str_is(reply->result->error->pointer, "/messages/1"));
    ck_assert_msg(pb_str_is(reply->error_instance, "pipelines.p.stages[0].sanitize"), "%.*s",
                  PB_ARG(reply->error_instance));
    end();
}
END_TEST

START_TEST(a_turn_has_little_memory)
{
    static char text[60000];

    memset(text, 'x', sizeof text - 1);
    text[100] = 1;
    harness = pb_harness_new("host: {limits: {turn_memory: 64KiB}}\n"
                             "llms: {main: {use: scripted}}\n"
                             "pipelines: {p: {stages: [sanitize: {max_length: 0}]}}\n",
                             &patchbay_plugin_sanitize);
    ck_assert_int_eq(pb_harness_say(harness, text)->status, PB_NO_MEMORY);
    ck_assert_int_eq(pb_harness_say(harness, "next")->status, PB_OK);
    end();
}
END_TEST

START_TEST(a_thousand_turns)
{
    harness = pb_harness_new("host: {limits: {kept_turns: 8}}\n"
                             "llms: {main: {use: replay, replies: [text: hi]}}\n"
                             "pipelines: {p: {stages: [sanitize: {html: strip}, generate: {}]}}\n",
                             &patchbay_plugin_sanitize, &patchbay_plugin_generate,
                             &patchbay_plugin_replay);
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "a\x01<b>c"}, 1000), 4096);
    end();
}
END_TEST

START_TEST(options_are_checked)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_sanitize, NULL};
    char *problems = NULL;

    ck_assert_ptr_null(pb_harness_open("pipelines:\n"
                                       "  p:\n"
                                       "    stages:\n"
                                       "      - sanitize: {html: remove, max_messages: -1}\n",
                                       plugins, &problems));
    ck_assert_msg(strstr(problems, "test.yaml:4:26: pipelines.p.stages[0].sanitize.html"), "%s",
                  problems);
    ck_assert_msg(strstr(problems, "max_messages"), "%s", problems);
    free(problems);
}
END_TEST

int main(void)
{
    return suite_run("sanitize",
                     (const TTest *const[]){
                         characters_go, bytes_that_are_no_utf8_stay, switched_off,
                         html_is_taken_out, no_tag_is_put_together, no_text_keeps_a_tag,
                         long_texts_take_linear_time, html_is_escaped, only_the_user_is_cleaned,
                         parts_are_cleaned, empty_messages, lengths, a_turn_has_little_memory,
                         a_thousand_turns, options_are_checked, NULL});
}
