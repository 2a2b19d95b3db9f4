/* Reading JSON: what is taken and what not, the tree, places of faults, limits, every alignment. */
#include "base/scope.h"
#include "json_check.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>

static const pb_json *parsed(const char *text)
{
    const pb_json *json;
    pb_status status = pb_json_parse(pb_str_of(text), &json);
    ck_assert_msg(status == PB_OK, "%s: %.*s", text, PB_ARG(pb_error_last()->sentence));
    return json;
}

static void refused(pb_str text, pb_status wanted, const char *part)
{
    const pb_json *json = (const pb_json *)&text;
    pb_status status = pb_json_parse(text, &json);
    ck_assert_msg(status == wanted, "%.*s: status %d", PB_ARG(text), (int)status);
    ck_assert_ptr_null(json);
    ck_assert_msg(strstr(pb_error_last()->sentence.data, part) != NULL, "'%.*s' lacks '%s'",
                  PB_ARG(pb_error_last()->sentence), part);
}

START_TEST(a_tree_has_what_the_text_says)
{
    const pb_json *root = parsed(" {\"a\": [1, -2.50e+1 ,true,false,null,\"x\"], \"\": {}, "
                                 "\"n\\u0061me\": "
                                 "\"q\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"} ");
    const pb_json *list = pb_json_get(root, "a");

    ck_assert_uint_eq(root->count, 3);
    ck_assert_ptr_null(root->key.data);
    ck_assert_uint_eq(list->count, 6);
    ck_assert_int_eq(pb_json_int(pb_json_at(list, 0), 9), 1);
    ck_text(pb_json_at(list, 1)->text, "-2.50e+1");
    ck_assert(pb_json_double(pb_json_at(list, 1), 0) == -25.0);
    ck_assert(pb_json_bool(pb_json_at(list, 2), false));
    ck_assert(!pb_json_bool(pb_json_at(list, 3), true));
    ck_assert(pb_json_is(pb_json_at(list, 4), PB_JSON_NULL));
    ck_text(pb_json_text(pb_json_at(list, 5)), "x");
    ck_assert_ptr_null(pb_json_at(list, 6));
    ck_assert_uint_eq(pb_json_get(root, "")->type, PB_JSON_OBJECT);
    ck_text(pb_json_text(pb_json_get(root, "name")), "q\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80");
    ck_assert_ptr_null(json_check_tree(root));
}
END_TEST

START_TEST(texts_end_with_a_nul_and_numbers_keep_their_source)
{
    static const char *const numbers[] = {
        "0", "-0", "1.0", "1.50", "1E5", "1e+05", "-1e-7", "18446744073709551615",
        "18446744073709551616", "-9223372036854775809", "1e400", "-1e-400", "0.1e1000",
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899",
        "123456789012345678901234567890123456789012345678901234567890"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        static const char *const around[] = {"%s", "[%s]", "[%s,%s]", "{\"a\":%s}", " %s\n",
                                             "{\"a\":%s,\"b\":[\"%s\",%s ]}", "[[%s]\t,%s]"};
        for (size_t j = 0; j < sizeof around / sizeof *around; j++) {
            char text[512];
            const char *number = numbers[i];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
            snprintf(text, sizeof text, around[j], number, number, number);
#pragma GCC diagnostic pop
            const pb_json *json = parsed(text);
            ck_assert_msg(!json_check_tree(json), "%s: %s", text, json_check_tree(json));
            while (json->child)
                json = json->child;
            ck_assert_uint_eq(json->type, PB_JSON_NUMBER);
            ck_assert_str_eq(json->text.data, number);
        }
    }
    ck_assert_int_eq(pb_json_int(parsed("9007199254740993"), 0), 9007199254740993);
}
END_TEST

START_TEST(a_string_may_hold_a_nul)
{
    const pb_json *json = parsed("[\"a\\u0000b\"]")->child;
    ck_assert_uint_eq(json->text.size, 3);
    ck_assert_mem_eq(json->text.data, "a\0b", 4);
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "empty"},
        {" ", "line 1, column 2: the text ends where a value is expected"},
        {"{", "line 1, column 2: expected a member's name"},
        {"[", "the text ends where a value is expected"},
        {"[1", "expected ',' or ']'"},
        {"[1,]", "line 1, column 4: expected a value"},
        {"[,1]", "line 1, column 2: expected a value"},
        {"[1 2]", "line 1, column 4: expected ',' or ']'"},
        {"[1}", "expected ',' or ']'"},
        {"{\"a\":1]", "expected ',' or '}'"},
        {"{\"a\"}", "expected ':'"},
        {"{\"a\" 1}", "expected ':'"},
        {"{\"a\":}", "expected a value"},
        {"{a:1}", "expected a member's name"},
        {"{'a':1}", "expected a member's name"},
        {"{\"a\":1,}", "line 1, column 8: expected a member's name"},
        {"{1:2}", "expected a member's name"},
        {"{\"a\":1}}", "more text behind the end"},
        {"1 2", "line 1, column 3: more text behind the end"},
        {"{} x", "more text behind the end"},
        {"\n\n  tru", "line 3, column 3: expected a value"},
        {"True", "expected a value"},
        {"nul", "expected a value"},
        {"nullx", "more text"},
        {"NaN", "expected a value"},
        {"Infinity", "expected a value"},
        {"-Infinity", "a number is malformed"},
        {"01", "must not start with a zero"},
        {"-01", ""},
        {"1.", "a number is malformed"},
        {".5", "expected a value"},
        {"-", "a number is malformed"},
        {"+1", "expected a value"},
        {"1e", "a number is malformed"},
        {"1e+", "a number is malformed"},
        {"0x10", "more text"},
        {"1_000", "more text"},
        {"\"abc", "a string is not closed"},
        {"[\"a\n\"]", "a control character in a string"},
        {"[\"\x01\"]", "a control character in a string"},
        {"\"\\x\"", "no such escape"},
        {"\"\\u12g4\"", "four hexadecimal digits"},
        {"\"\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
        {"\"\\udc00\"", "half of a surrogate pair"},
        {"\"\xFF\"", "invalid UTF-8"},
        {"\"\xC0\xAF\"", "invalid UTF-8"},
        {"\"\xED\xA0\x80\"", "invalid UTF-8"},
        {"\"\xF4\x90\x80\x80\"", "invalid UTF-8"},
        {"\"\xE2\x82\"", "invalid UTF-8"},
        {"\xEF\xBB\xBF{}", "line 1, column 1: expected a value"},
        {"[1] // c", "more text"},
        {"[1,/**/2]", "expected a value"},
        {"\xC2\xA0[1]", "expected a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pb_str_of(cases[i].text), PB_INVALID, cases[i].part);
    refused(pb_str_make("[1]\0", 4), PB_INVALID, "more text");
    refused(pb_str_make("\0", 1), PB_INVALID, "expected a value");
    refused(pb_str_make(NULL, 0), PB_INVALID, "empty");
}
END_TEST

START_TEST(a_name_stands_once_in_an_object)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        {"{\"a\":1,\"a\":2}", "/a"},
        {"{\"a\":1,\"b\":{\"c\":1},\"d\":[0,{\"x\":1,\"y\":2,\"x\":3}]}", "/d/1/x"},
        {"{\"a\":1,\"\\u0061\":2}", "/a"},
        {"{\"\":1,\"\":2}", "/"},
        {"{\"a/b\":{\"c~d\":[{\"~/\":1,\"~/\":2}]}}", "/a~1b/c~0d/0/~0~1"},
        {"[[],[{}],{\"k\":{\"k\":1,\"k\":1}}]", "/2/k/k"},
        {"{\"a1\":1,\"a2\":1,\"a3\":1,\"a4\":1,\"a5\":1,\"a6\":1,\"a7\":1,\"a8\":1,\"a9\":1,"
         "\"a5\":1}", "/a5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(pb_str_of(cases[i].text), PB_INVALID, "two members of this name");
        ck_text(pb_error_last()->pointer, cases[i].pointer);
    }
    parsed("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}},\"A\":1,\"a \":1}");
}
END_TEST

/* {"k0":0,…}, and once more the name `twice` unless it is negative. */
static pb_str large_object(int count, int twice)
{
    pb_buf text = {0};
    pb_buf_byte(&text, '{');
    for (int i = 0; i < count; i++)
        pb_buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
    if (twice >= 0)
        pb_buf_printf(&text, ",\"k%d\":0", twice);
    pb_buf_byte(&text, '}');
    return pb_buf_str(&text);
}

START_TEST(objects_of_any_size_are_checked_for_names)
{
    for (int count = 1; count < 3000; count = count * 3 / 2 + 1) {
        const pb_json *json;
        ck_assert_int_eq(pb_json_parse(large_object(count, -1), &json), PB_OK);
        ck_assert_uint_eq(json->count, (unsigned)count);
        for (int twice = 0; twice < count; twice += count / 4 + 1) {
            char pointer[16];
            snprintf(pointer, sizeof pointer, "/k%d", twice);
            refused(large_object(count, twice), PB_INVALID, "two members");
            ck_text(pb_error_last()->pointer, pointer);
        }
    }
}
END_TEST

static pb_str nested(size_t depth, const char *open, const char *close, const char *inside)
{
    pb_buf text = {0};
    for (size_t i = 0; i < depth; i++)
        pb_buf_add(&text, pb_str_of(open));
    pb_buf_add(&text, pb_str_of(inside));
    for (size_t i = 0; i < depth; i++)
        pb_buf_add(&text, pb_str_of(close));
    return pb_buf_str(&text);
}

START_TEST(depth_is_limited_to_64)
{
    const pb_json *json;
    static const char *const inside[] = {"", "1", "\"x\"", "null"};

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pb_json_parse(nested(64, "[", "]", inside[i]), &json), PB_OK);
        refused(nested(65, "[", "]", inside[i]), PB_TOO_LARGE, "deeper than 64 levels");
    }
    ck_assert_int_eq(pb_json_parse(nested(64, "{\"a\":", "}", "1"), &json), PB_OK);
    refused(nested(64, "{\"a\":", "}", "{}"), PB_TOO_LARGE, "line 1, column 321");
    refused(nested(65, "{\"a\":", "}", "1"), PB_TOO_LARGE, "deeper than 64 levels");
    refused(nested(200000, "[", "]", ""), PB_TOO_LARGE, "deeper than 64 levels");
    refused(nested(200000, "{\"a\":", "", ""), PB_TOO_LARGE, "deeper than 64 levels");
}
END_TEST

/* The text ends where its memory ends, and begins at every place of a block: a sanitizer sees a
 * read or a write too far. Escapes move through every place of a vector. */
START_TEST(any_alignment_and_length_will_do)
{
    for (size_t pad = 0; pad < 70; pad++)
        for (size_t tail = 0; tail < 70; tail += tail < 6 ? 1 : 9) {
            pb_scope *scope = pb_scope_begin();
            char xs[71] = {0};
            memset(xs, 'x', sizeof xs - 1);
            char text[256], expected[256];
            snprintf(text, sizeof text, "[\"%.*s\\\"\\n\xC3\xA9\\\\%.*s\", 7]", (int)pad, xs,
                     (int)tail, xs);
            snprintf(expected, sizeof expected, "%.*s\"\n\xC3\xA9\\%.*s", (int)pad, xs, (int)tail,
                     xs);
            size_t size = strlen(text);
            char *memory = memcpy(malloc(size), text, size);
            const pb_json *json;
            ck_assert_int_eq(pb_json_parse(pb_str_make(memory, size), &json), PB_OK);
            ck_assert_str_eq(json->child->text.data, expected);
            ck_assert_str_eq(json->last->text.data, "7");
            free(memory);
            pb_scope_end(scope);
        }
}
END_TEST

START_TEST(the_text_itself_is_not_touched)
{
    const char *text = "{\"a\\n\":[1,\"b\\u0041\",1e999],\"c\":-1}";
    char *copy = strdup(text);
    parsed(copy);
    ck_assert_str_eq(copy, text);
    free(copy);
}
END_TEST

START_TEST(memory_may_end_at_any_place)
{
    pb_str text = large_object(300, -1);
    bool done = false;

    for (size_t limit = 64; !done; limit += limit / 3) {
        struct arena arena;
        const pb_json *json;
        arena_init(&arena, limit);
        struct arena *before = scope_arena_swap(&arena);
        pb_status status = pb_json_parse(text, &json);
        scope_arena_swap(before);
        done = status == PB_OK;
        ck_assert(done || status == PB_NO_MEMORY);
        ck_assert(done || pb_error_last()->status == PB_NO_MEMORY);
        arena_fini(&arena);
    }
}
END_TEST

static void *parse_elsewhere(void *arg)
{
    const pb_json *json;
    *(pb_status *)arg = pb_json_parse(pb_lit("1"), &json);
    return NULL;
}

START_TEST(a_helper_thread_has_no_reader)
{
    pb_status status = PB_OK;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, parse_elsewhere, &status), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(status, PB_INTERNAL);
}
END_TEST

/* --- properties ------------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static unsigned chance(unsigned below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 20) % below);
}

static pb_str any_text(void)
{
    static const char *const pieces[] = {"a", "Z9 ", "\"", "\\", "\n", "\x01", "\x7F", "\xC3\xA9",
                                         "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "/", "key", "\\u0041",
                                         "a long piece of plain text, longer than a vector"};
    pb_buf text = {0};
    (void)pb_buf_room(&text, 1);
    for (unsigned i = chance(6); i; i--)
        pb_buf_add(&text, pb_str_of(pieces[chance(sizeof pieces / sizeof *pieces)]));
    return pb_buf_str(&text);
}

static pb_json *any_value(unsigned depth)
{
    unsigned kind = chance(depth ? 8 : 6);
    pb_json *json;

    if (kind == 0)
        return pb_json_boolean(chance(2));
    if (kind == 1)
        return pb_json_new(PB_JSON_NULL, pb_str_make(NULL, 0));
    if (kind == 2)
        return pb_json_number((double)chance(1000000) / (double)(chance(9) + 1) - 1000);
    if (kind < 6)
        return pb_json_string(any_text());
    json = pb_json_new(kind == 6 ? PB_JSON_ARRAY : PB_JSON_OBJECT, pb_str_make(NULL, 0));
    for (unsigned i = chance(12); i; i--) {
        pb_str key = any_text(); /* the number makes it the only one */
        pb_json_add(json, kind == 6 ? pb_str_make(NULL, 0) : pb_printf("%u %.*s", i, PB_ARG(key)),
                    any_value(depth - 1));
    }
    return json;
}

START_TEST(random_trees_survive_writing_and_reading)
{
    for (int i = 0; i < 1500; i++) {
        pb_scope *scope = pb_scope_begin();
        pb_json *tree = any_value(5);
        const pb_json *json;
        pb_buf text = {0};
        pb_json_write(&text, tree);
        ck_assert_int_eq(pb_json_parse(pb_buf_str(&text), &json), PB_OK);
        ck_assert_msg(json_same(tree, json), "%.*s", PB_ARG(pb_buf_str(&text)));
        ck_assert_ptr_null(json_check_text(pb_buf_str(&text)));
        pb_scope_end(scope);
    }
}
END_TEST

START_TEST(random_damage_is_judged_alike_by_both_readers)
{
    static const char bytes[] = "{}[]:,\"\\ue0-19.tfn \n\x01\x80\xC3\xFF";
    for (int i = 0; i < 3000; i++) {
        pb_scope *scope = pb_scope_begin();
        pb_buf text = {0};
        pb_json_write(&text, any_value(4));
        for (unsigned j = chance(4); j && text.size; j--)
            text.data[chance((unsigned)text.size)] = bytes[chance(sizeof bytes)];
        const char *why = json_check_text(pb_buf_str(&text));
        ck_assert_msg(!why, "%s: %.*s", why, PB_ARG(pb_buf_str(&text)));
        pb_scope_end(scope);
    }
}
END_TEST

START_TEST(cut_off_anywhere_it_is_refused)
{
    static const char text[] = "{\"a\":[1,2.5e3,{\"b\":\"c\\u00e9\\\"\"}],\"d\":true,\"e\":null}";
    for (size_t size = 0; size + 1 < sizeof text; size++) {
        refused(pb_str_make(text, size), PB_INVALID, "");
        char *end = malloc(size ? size : 1); /* nothing is readable behind it */
        memcpy(end, text, size);
        refused(pb_str_make(end, size), PB_INVALID, "");
        free(end);
    }
    parsed(text);
}
END_TEST

/* After json_fini the next parse chooses anew. */
static void with_implementation(const char *wanted, const char *name)
{
    setenv("PATCHBAY_CPU", wanted, 1);
    json_fini();
    parsed("[1,\"two\\n\",{\"three\":3e0}]");
    if (strcmp(json_implementation(), name) != 0) {
        ck_assert_str_ne(wanted, "plain"); /* which runs anywhere */
        return;
    }
    for (int i = 0; i < 300; i++) {
        pb_scope *scope = pb_scope_begin();
        pb_buf text = {0};
        pb_json_write(&text, any_value(5));
        ck_assert_ptr_null(json_check_text(pb_buf_str(&text)));
        pb_scope_end(scope);
    }
}

START_TEST(it_runs_without_vectors)
{
    with_implementation("plain", "fallback");
}
END_TEST

START_TEST(it_runs_with_avx2)
{
    with_implementation("avx2", "haswell");
}
END_TEST

START_TEST(it_runs_with_avx512)
{
    with_implementation("avx512", "icelake");
}
END_TEST

START_TEST(a_large_text_leaves_nothing_behind)
{
    const pb_json *json;
    pb_str text = large_object(40000, -1);
    ck_assert_uint_gt(text.size, 512 * 1024);
    ck_assert_int_eq(pb_json_parse(text, &json), PB_OK);
    ck_assert_uint_eq(json->count, 40000);
    parsed("[1]");
    json_fini();
    parsed("[2]");
    json_fini();
}
END_TEST

int main(void)
{
    return suite_run("json", (const TTest *[]){a_tree_has_what_the_text_says,
                                               texts_end_with_a_nul_and_numbers_keep_their_source,
                                               a_string_may_hold_a_nul,
                                               what_is_not_json_is_refused_with_its_place,
                                               a_name_stands_once_in_an_object,
                                               objects_of_any_size_are_checked_for_names,
                                               depth_is_limited_to_64,
                                               any_alignment_and_length_will_do,
                                               the_text_itself_is_not_touched,
                                               memory_may_end_at_any_place,
                                               a_helper_thread_has_no_reader,
                                               random_trees_survive_writing_and_reading,
                                               random_damage_is_judged_alike_by_both_readers,
                                               cut_off_anywhere_it_is_refused,
                                               it_runs_without_vectors,
                                               it_runs_with_avx2,
                                               it_runs_with_avx512,
                                               a_large_text_leaves_nothing_behind,
                                               NULL});
}
