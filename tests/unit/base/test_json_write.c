/* Writing JSON: quoting at every place of a vector, invalid UTF-8, deep trees, the writer. */
#include "json_check.h"
#include "suite.h"

static pb_str quoted(pb_str text)
{
    pb_buf buf = {0};
    pb_json_quote(&buf, text);
    return pb_buf_str(&buf);
}

START_TEST(what_must_be_escaped_is)
{
    ck_text(quoted(pb_lit("")), "\"\"");
    ck_text(quoted(pb_str_make(NULL, 0)), "\"\"");
    ck_text(quoted(pb_lit("plain/'<>&")), "\"plain/'<>&\"");
    ck_text(quoted(pb_lit("\"\\\b\f\n\r\t")), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    ck_text(quoted(pb_str_make("\0\x01\x1F\x7F", 4)), "\"\\u0000\\u0001\\u001f\x7F\"");
    ck_text(quoted(pb_lit("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")),
            "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}
END_TEST

START_TEST(invalid_utf8_becomes_the_replacement_character)
{
#define R "\xEF\xBF\xBD"
    ck_text(quoted(pb_lit("a\xFF" "b")), "\"a" R "b\"");
    ck_text(quoted(pb_lit("\xC3")), "\"" R "\"");
    ck_text(quoted(pb_lit("\xC0\xAF")), "\"" R R "\"");
    ck_text(quoted(pb_lit("\xE2\x82")), "\"" R "\"");
    ck_text(quoted(pb_lit("\xE2\x82" "a")), "\"" R "a\"");
    ck_text(quoted(pb_lit("\xED\xA0\x80")), "\"" R R R "\"");
    ck_text(quoted(pb_lit("\xF0\x9F\x98\"")), "\"" R "\\\"\"");
    ck_text(quoted(pb_lit("\xF4\x90\x80\x80")), "\"" R R R R "\"");
#undef R
}
END_TEST

START_TEST(every_byte_at_every_place_reads_back)
{
    char text[48];
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t size = 1; size <= sizeof text; size += 3)
            for (size_t at = 0; at < size; at += 1 + at / 5) {
                pb_scope *scope = pb_scope_begin();
                memset(text, 'x', sizeof text);
                text[at] = (char)byte;
                char *exact = memcpy(malloc(size), text, size); /* a sanitizer sees its end */
                const char *why = json_check_quote(pb_str_make(exact, size));
                ck_assert_msg(!why, "%s: byte %u at %zu of %zu", why, byte, at, size);
                free(exact);
                pb_scope_end(scope);
            }
}
END_TEST

START_TEST(a_tree_is_written_as_it_is)
{
    static const char *const texts[] = {
        "[]", "{}", "null", "true", "false", "-0.0", "1e999", "\"\"", "[[],{},[[]]]",
        "{\"a\":{\"b\":{\"c\":[1,[2,[3]],{\"d\":4}]},\"e\":5},\"f\":\"\\n\"}",
        "{\"\":[null,true]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const pb_json *json;
        pb_buf buf = {0};
        ck_assert_int_eq(pb_json_parse(pb_str_of(texts[i]), &json), PB_OK);
        pb_json_write(&buf, json);
        ck_text(pb_buf_str(&buf), texts[i]);
    }
    pb_buf buf = {0};
    pb_json_write(&buf, NULL);
    ck_text(pb_buf_str(&buf), "null");
}
END_TEST

START_TEST(a_part_of_a_tree_can_be_written)
{
    const pb_json *json;
    pb_buf buf = {0};
    ck_assert_int_eq(pb_json_parse(pb_lit("{\"a\":[1,2],\"b\":3}"), &json), PB_OK);
    pb_json_write(&buf, pb_json_get(json, "a"));
    ck_text(pb_buf_str(&buf), "[1,2]");
    pb_json_write(&buf, pb_json_at(pb_json_get(json, "a"), 0));
    ck_text(pb_buf_str(&buf), "[1,2]1");
}
END_TEST

static pb_json *nested(int depth)
{
    pb_json *root = pb_json_new(PB_JSON_ARRAY, pb_str_make(NULL, 0)), *at = root;
    while (--depth)
        at = pb_json_add(at, pb_str_make(NULL, 0),
                         pb_json_new(PB_JSON_ARRAY, pb_str_make(NULL, 0)));
    return root;
}

START_TEST(deeper_than_anyone_reads_fails)
{
    pb_buf fine = {0}, deep = {0};
    pb_json_write(&fine, nested(96));
    ck_assert_uint_eq(fine.size, 192);
    ck_assert_int_eq(pb_buf_status(&fine), PB_OK);
    pb_json_write(&deep, nested(98));
    ck_assert_int_ne(pb_buf_status(&deep), PB_OK);
}
END_TEST

START_TEST(the_writer_places_commas)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "a");
    pb_jw_open(&writer, '[');
    pb_jw_int(&writer, -5);
    pb_jw_double(&writer, 0.25);
    pb_jw_double(&writer, NAN);
    pb_jw_bool(&writer, true);
    pb_jw_null(&writer);
    pb_jw_open(&writer, '{');
    pb_jw_close(&writer, '}');
    pb_jw_str(&writer, pb_lit("\""));
    pb_jw_close(&writer, ']');
    pb_jw_key_str(&writer, pb_lit("b\n"));
    pb_jw_raw(&writer, pb_lit("{\"c\":1}"));
    pb_jw_key(&writer, "d");
    pb_jw_json(&writer, pb_json_string(pb_lit("e")));
    pb_jw_close(&writer, '}');
    ck_text(pb_buf_str(&buf), "{\"a\":[-5,0.25,null,true,null,{},\"\\\"\"],\"b\\n\":{\"c\":1},"
                              "\"d\":\"e\"}");
}
END_TEST

int main(void)
{
    return suite_run("json_write",
                     (const TTest *[]){what_must_be_escaped_is,
                                       invalid_utf8_becomes_the_replacement_character,
                                       every_byte_at_every_place_reads_back,
                                       a_tree_is_written_as_it_is, a_part_of_a_tree_can_be_written,
                                       deeper_than_anyone_reads_fails, the_writer_places_commas,
                                       NULL});
}
