/* Text helpers: UTF-8 to the letter of the standard, numbers, order, the hash. */
#include "base/str.h"
#include "suite.h"

#include <string.h>

/* Decodes by the definition: every scalar value has one form, nothing else is valid. */
static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80)
        return out[0] = (char)point, 1;
    if (point < 0x800)
        return out[0] = (char)(0xC0 | point >> 6), out[1] = (char)(0x80 | (point & 63)), 2;
    if (point < 0x10000)
        return out[0] = (char)(0xE0 | point >> 12), out[1] = (char)(0x80 | (point >> 6 & 63)),
               out[2] = (char)(0x80 | (point & 63)), 3;
    return out[0] = (char)(0xF0 | point >> 18), out[1] = (char)(0x80 | (point >> 12 & 63)),
           out[2] = (char)(0x80 | (point >> 6 & 63)), out[3] = (char)(0x80 | (point & 63)), 4;
}

START_TEST(every_scalar_value_is_valid_and_surrogates_are_not)
{
    char text[4];
    for (uint32_t point = 0; point < 0x120000; point++) {
        size_t size = encode(point, text);
        bool valid = point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
        bool fine = utf8_sequence(text, size) == (valid ? size : 0) &&
                    (size == 1 || utf8_sequence(text, size - 1) == 0);
        if (!fine) /* an assertion a million times takes seconds */
            ck_abort_msg("U+%04X", point);
    }
}
END_TEST

/* All pairs of leading bytes: valid two-byte texts are 128² ASCII pairs and U+0080 to U+07FF. */
START_TEST(nothing_else_is_valid)
{
    unsigned valid = 0;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        char text[2] = {(char)(pair >> 8), (char)pair};
        valid += utf8_valid(pb_str_make(text, 2));
    }
    ck_assert_uint_eq(valid, 128 * 128 + (0x800 - 0x80));
    ck_assert_uint_eq(utf8_sequence("\xE0\x9F\xBF", 3), 0);     /* overlong */
    ck_assert_uint_eq(utf8_sequence("\xF0\x8F\xBF\xBF", 4), 0); /* overlong */
    ck_assert_uint_eq(utf8_sequence("\xF5\x80\x80\x80", 4), 0); /* above U+10FFFF */
    ck_assert_uint_eq(utf8_sequence("", 0), 0);
}
END_TEST

START_TEST(one_replacement_stands_for_a_maximal_subpart)
{
    ck_assert_uint_eq(utf8_skip("\xE2\x82" "a", 3), 2);
    ck_assert_uint_eq(utf8_skip("\xF0\x9F\x98" "a", 4), 3);
    ck_assert_uint_eq(utf8_skip("\xF0\x9F\x98", 3), 3);
    ck_assert_uint_eq(utf8_skip("\xE0\x80\x80", 3), 1);
    ck_assert_uint_eq(utf8_skip("\xED\xA0\x80", 3), 1);
    ck_assert_uint_eq(utf8_skip("\xFF", 1), 1);
    ck_assert_uint_eq(utf8_skip("a", 1), 1);
}
END_TEST

START_TEST(text_is_cut_between_characters)
{
    ck_text(utf8_cut(pb_lit("a\xE2\x82\xAC" "b"), 5), "a\xE2\x82\xAC" "b");
    ck_text(utf8_cut(pb_lit("a\xE2\x82\xAC" "b"), 4), "a\xE2\x82\xAC");
    ck_text(utf8_cut(pb_lit("a\xE2\x82\xAC" "b"), 3), "a");
    ck_text(utf8_cut(pb_lit("a\xE2\x82\xAC" "b"), 2), "a");
    ck_text(utf8_cut(pb_lit("\xE2\x82\xAC"), 1), "");
}
END_TEST

START_TEST(numbers_are_read_whole)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0}, {"-0", 0}, {"+7", 7}, {"007", 7}, {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"", "-", "+", "1 ", " 1", "1.0", "1e3", "0x1", "--1",
                                      "9223372036854775808", "-9223372036854775809",
                                      "99999999999999999999", "1a"};
    int64_t value;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(str_to_int(pb_str_of(good[i].text), &value), "%s", good[i].text);
        ck_assert_int_eq(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!str_to_int(pb_str_of(bad[i]), &value), "%s", bad[i]);
}
END_TEST

START_TEST(order_is_by_bytes)
{
    ck_assert_int_lt(str_compare(pb_lit("a"), pb_lit("b")), 0);
    ck_assert_int_lt(str_compare(pb_lit("a"), pb_lit("aa")), 0);
    ck_assert_int_gt(str_compare(pb_lit("\xFF"), pb_lit("a")), 0);
    ck_assert_int_eq(str_compare(pb_lit("ab"), pb_lit("ab")), 0);
    ck_assert_int_lt(str_compare(pb_str_make(NULL, 0), pb_lit("a")), 0);
}
END_TEST

START_TEST(the_hash_sees_every_byte)
{
    char text[40];
    memset(text, 'x', sizeof text);
    for (size_t size = 0; size < sizeof text; size++) {
        uint64_t hash = str_hash(pb_str_make(text, size));
        ck_assert_uint_eq(hash, str_hash(pb_str_make(text, size)));
        ck_assert_uint_ne(hash, str_hash(pb_str_make(text, size + 1)));
        for (size_t i = 0; i < size; i++) {
            text[i] ^= 1;
            ck_assert_uint_ne(hash, str_hash(pb_str_make(text, size)));
            text[i] ^= 1;
        }
    }
}
END_TEST

int main(void)
{
    return suite_run("str", (const TTest *[]){every_scalar_value_is_valid_and_surrogates_are_not,
                                              nothing_else_is_valid,
                                              one_replacement_stands_for_a_maximal_subpart,
                                              text_is_cut_between_characters,
                                              numbers_are_read_whole, order_is_by_bytes,
                                              the_hash_sees_every_byte, NULL});
}
