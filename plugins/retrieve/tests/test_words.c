/* words.h and question.h: which words are the same, and what a question leans on. */
#include "suite.h"

#include <patchbay/words.h>

#include <stdio.h>
#include <string.h>

static uint64_t key_of(const char *text)
{
    size_t at = 0;
    pb_word word = {.key = 0};

    ck_assert_msg(pb_word_next(pb_str_of(text), &at, &word), "'%s' has no word", text);
    return word.key;
}

START_TEST(endings_make_no_other_word)
{
    static const char *const same[][2] = {
        {"plugins", "plugin"},
        {"Stopping", "stop"},
        {"stopped", "STOP"},
        {"caches", "cached"},
        {"caching", "cache"},
        {"retries", "retry"},
        {"tried", "try"},
        {"calling", "calls"},
        {"configure", "configuration"},
        {"installed", "installation"},
        {"classes", "class"},
        {"files", "file"},
        {"\xC3\x84rger", "\xC3\xA4rger"},
        {"\xD0\x9C\xD0\xB8\xD1\x80", "\xD0\xBC\xD0\xB8\xD1\x80"},
    };
    static const char *const other[][2] = {
        {"stage", "state"}, {"station", "st"}, {"bus", "bu"}, {"this", "thi"}, {"sing", "s"}};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ck_assert_msg(key_of(same[i][0]) == key_of(same[i][1]), "%s is not %s", same[i][0],
                      same[i][1]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        ck_assert_msg(key_of(other[i][0]) != key_of(other[i][1]), "%s is %s", other[i][0],
                      other[i][1]);
}
END_TEST

static void check_words(const char *text, size_t size, const char *expected)
{
    pb_str all = {text, size};
    char found[256] = "";
    size_t at = 0;
    pb_word word;

    while (pb_word_next(all, &at, &word)) {
        ck_assert(word.text.data >= text && word.text.data + word.text.size <= text + size);
        size_t used = strlen(found);
        (void)snprintf(found + used, sizeof found - used, word.common ? "(%.*s)" : "[%.*s]",
                       PB_ARG(word.text));
    }
    ck_assert_uint_eq(at, size);
    ck_assert_str_eq(found, expected);
}

START_TEST(words_are_what_stands_between_signs)
{
#define check(text, expected) check_words(text, sizeof(text) - 1, expected)
    check("How do I set max_tokens: 12?", "(How)(do)(I)[set][max][tokens][12]");
    check("", "");
    check(" ... -- !", "");
    check("a\xE2\x80\x94z", "(a)[z]");                                        /* a dash */
    check("\xE6\x97\xA5\xE6\x9C\xAC go", "[\xE6\x97\xA5][\xE6\x9C\xAC](go)"); /* each a word */
    check("x\xE6\x97\xA5", "[x][\xE6\x97\xA5]");
    check("na\xC3\xAFve caf\xC3\xA9", "[na\xC3\xAFve][caf\xC3\xA9]");
#undef check
}
END_TEST

START_TEST(malformed_text_is_read_to_its_end)
{
    static const char *const texts[] = {"\xC3",         "a\xFF\xFE b", "\xE6\x97",
                                        "\xF0\x9F\x98", "\xC3(\xA4 x", "\x80\x80\x80"};
    char text[8];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t at = 0, size = strlen(texts[i]);
        pb_word word;
        memcpy(text, texts[i], size); /* without a NUL behind it */
        while (pb_word_next(pb_str_make(text, size), &at, &word))
            ck_assert_uint_le(at, size);
        ck_assert_uint_eq(at, size);
    }
}
END_TEST

START_TEST(long_words_are_words)
{
    char text[600];
    size_t at = 0;
    pb_word word;

    memset(text, 'x', sizeof text);
    ck_assert(pb_word_next(pb_str_make(text, sizeof text), &at, &word));
    ck_assert_uint_eq(word.text.size, sizeof text);
    ck_assert(!pb_word_next(pb_str_make(text, sizeof text), &at, &word));
}
END_TEST

int main(void)
{
    return suite_run("words", (const TTest *const[]){
                                  endings_make_no_other_word, words_are_what_stands_between_signs,
                                  malformed_text_is_read_to_its_end, long_words_are_words, NULL});
}
