/* What each option changes: stores that differ in one of them answer about the same passages, which
 * lie in one database. Only `elsewhere` has its own.
 */
#include "kit.h"

#include <glob.h>
#include <math.h>

enum { WIDE = 16, ALIKE = 100, MANY_ROWS = 2000, ASKED = 20, TOP = 10 };

static const char *const yaml =
    "databases: {main: {use: sqlite, path: %s/t.db}, second: {use: sqlite, path: %s/second.db}}\n"
    "vector_stores:\n"
    "  plain: {use: embedded, database: main}\n"
    "  elsewhere: {use: embedded, database: second}\n"
    "  first_ranks: {use: embedded, database: main, fusion: 1}\n"
    "  all_ranks: {use: embedded, database: main, fusion: 1000}\n"
    "  once: {use: embedded, database: main, k1: 0}\n"
    "  any_length: {use: embedded, database: main, b: 0}\n"
    "  any_word: {use: embedded, database: main, common: 1}\n"
    "  as_written: {use: embedded, database: main, stem: false}\n"
    "  rough: {use: embedded, database: main, rescore: 1}\n"
    "  exact: {use: embedded, database: main, rescore: 100}\n"
    "  no_lists: {use: embedded, database: main, tail: 64, lists_above: 0, probes: 1}\n"
    "  one_list: {use: embedded, database: main, tail: 64, lists_above: 500, probes: 1}\n"
    "  all_lists: {use: embedded, database: main, tail: 64, lists_above: 500, probes: 4096}\n"
    "  small_files: {use: embedded, database: main, tail: 64, segment: 1000}\n";

static void open_stores(void)
{
    char text[2500];

    make_folder();
    (void)snprintf(text, sizeof text, yaml, folder, folder);
    vs_harness = pb_harness_new(text, &patchbay_plugin_embedded, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(vs_harness, false);
    pb_expect_hook(interface_ended);
}

static void use(const char *store)
{
    vs_store = pb_harness_instance(vs_harness, "vector_store", store);
}

/* --- by words -----------------------------------------------------------------------------------
 */

static void put_text(const char *id, const char *text)
{
    vs_put(&(struct vs_document){
        .collection = "words", .id = id, .text = text, .axis = -1, .count = 1});
}

static const char *ask_words(const char *store, const char *text)
{
    use(store);
    return vs_words("words", text);
}

/* By how much the first that is found is better than the second. */
static double lead(const char *store, const char *text)
{
    pb_vector_query query = vs_query("words", PB_SEARCH_KEYWORD, -1, text);
    pb_passages out = {.size = sizeof out};

    use(store);
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert_uint_eq(out.count, 2);
    return out.items[0]->score - out.items[1]->score;
}

static void look_at_words(void)
{
    use("plain");
    put_text("a", "apple apple apple pear");
    put_text("b", "apple grape plum pear");
    put_text("c", "cherry");
    put_text("d", "cherry among very many other fruits of trees that nobody knows");
    put_text("e", "one of the plugins");
    put_text("f", "seldom");
    vs_put(&(struct vs_document){
        .collection = "words", .id = "g", .text = "often", .axis = -1, .count = MANY_ROWS});

    ck_assert_double_gt(lead("plain", "apple"), 0.01);
    ck_assert_double_eq_tol(lead("once", "apple"), 0, 1e-4);
    ck_assert_double_gt(lead("plain", "cherry"), 0.01);
    ck_assert_double_eq_tol(lead("any_length", "cherry"), 0, 1e-4);
    ck_assert_str_eq(ask_words("plain", "often seldom"), "f-0");
    ck_assert_str_ne(ask_words("any_word", "often seldom"), "f-0");
    ck_assert_str_eq(ask_words("plain", "plugin"), "e-0");
    ck_assert_str_eq(ask_words("as_written", "plugin"), "");
    ck_assert_str_eq(ask_words("as_written", "plugins"), "e-0");
}

START_TEST(words)
{
    vs_in_task(look_at_words);
}
END_TEST

/* --- both
 * ----------------------------------------------------------------------------------------- */

/* The passage at place i among those near to axis 0 comes at place ranks[i] by words. */
static void put_ranks(const int *ranks, size_t count)
{
    const pb_vector_item **items = PB_NEW_ARRAY(const pb_vector_item *, count);
    pb_vector_put put =
        vs_put_of(&(struct vs_document){.collection = "ranks", .id = "a", .text = ""});

    for (size_t i = 0; i < count; i++) {
        pb_vector_item *item = PB_NEW(pb_vector_item);
        pb_buf text = {0};
        for (int word = 0; word < 16; word++)
            pb_buf_printf(&text, "%s ", word < 10 - ranks[i] ? "fruit" : "other");
        pb_passage *passage = pb_passage_new(pb_buf_str(&text));
        passage->id = pb_printf("%zu", i);
        passage->index = (int64_t)i;
        passage->document_id = put.document_id;
        *item = (pb_vector_item){.size = sizeof *item,
                                 .dimensions = 4,
                                 .vector = vs_vector(0, i, 4),
                                 .passage = passage};
        items[i] = item;
    }
    put.items = items;
    put.count = count;
    ck_assert_int_eq(pb_vectors_put(vs_store, &put), PB_OK);
}

static void look_at_ranks(void)
{
    static const int ranks[] = {8, 7, 3, 6, 5, 4, 2, 1};
    pb_vector_query query = vs_query("ranks", PB_SEARCH_HYBRID, 0, "fruit");

    query.vector_weight = 0.6;
    use("plain");
    put_ranks(ranks, sizeof ranks / sizeof *ranks);
    use("first_ranks");
    ck_assert_int_eq(*vs_found(&query), '0'); /* first and eighth */
    use("all_ranks");
    ck_assert_int_eq(*vs_found(&query), '2'); /* third in both */
}

START_TEST(both)
{
    vs_in_task(look_at_ranks);
}
END_TEST

/* --- by meaning
 * ----------------------------------------------------------------------------------- */

static float vectors[MANY_ROWS][WIDE];
static uint32_t seed = 815;

/* Of length 1: the direction of `centre` and some noise. */
static void make_vector(float *out, float centre, float noise)
{
    float sum = 0;

    for (int i = 0; i < WIDE; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = centre + noise * ((float)(seed >> 8) / (float)(1 << 24) - 0.5F);
        sum += out[i] * out[i];
    }
    for (int i = 0; i < WIDE; i++)
        out[i] /= sqrtf(sum);
}

static void put_vectors(const char *collection, int count, float centre, float noise)
{
    const pb_vector_item **items = PB_NEW_ARRAY(const pb_vector_item *, 100);
    pb_vector_put put =
        vs_put_of(&(struct vs_document){.collection = collection, .id = "", .text = ""});

    put.items = items;
    put.count = 100;
    for (int i = 0; i < count; i++) {
        pb_vector_item *item = PB_NEW(pb_vector_item);
        pb_passage *passage = pb_passage_new(pb_lit("text"));
        make_vector(vectors[i], centre, noise);
        put.document_id = pb_printf("d%d", i / 100);
        passage->id = pb_printf("%d", i);
        passage->index = i;
        passage->document_id = put.document_id;
        *item = (pb_vector_item){
            .size = sizeof *item, .dimensions = WIDE, .vector = vectors[i], .passage = passage};
        items[i % 100] = item;
        if (i % 100 == 99)
            ck_assert_int_eq(pb_vectors_put(vs_store, &put), PB_OK);
    }
}

static float product(const float *a, const float *b)
{
    float sum = 0;

    for (int i = 0; i < WIDE; i++)
        sum += a[i] * b[i];
    return sum;
}

/* How many of the `top` found by each of ASKED queries belong there. */
static int right(const char *store, const char *collection, const float (*asked)[WIDE],
                 uint32_t top, int rows)
{
    int count = 0;

    use(store);
    for (int i = 0; i < ASKED; i++) {
        pb_vector_query query = vs_query(collection, PB_SEARCH_VECTOR, 0, NULL);
        pb_passages out = {.size = sizeof out};
        query.vector = asked[i];
        query.dimensions = WIDE;
        query.top_k = top;
        ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
        for (size_t k = 0; k < out.count; k++) {
            float score = product(asked[i], vectors[atoi(out.items[k]->id.data)]);
            uint32_t nearer = 0;
            for (int row = 0; row < rows; row++)
                nearer += product(asked[i], vectors[row]) > score + 1e-7F;
            count += nearer < top;
        }
    }
    return count;
}

static void look_at_codes(void)
{
    float asked[ASKED][WIDE];

    use("plain");
    put_vectors("alike", ALIKE, 1, 0.02F);
    for (int i = 0; i < ASKED; i++)
        make_vector(asked[i], 1, 0.02F);
    ck_assert_int_eq(right("exact", "alike", asked, 1, ALIKE), ASKED);
    ck_assert_int_lt(right("rough", "alike", asked, 1, ALIKE), ASKED / 2);
}

START_TEST(codes_are_compared_again)
{
    vs_in_task(look_at_codes);
}
END_TEST

static size_t files_of(const char *store)
{
    glob_t found;
    pb_str pattern = pb_printf("%s/vectors/%s/*.segment", pb_harness_data_dir(vs_harness), store);
    int status = glob(pattern.data, 0, NULL, &found);
    size_t count = status == 0 ? found.gl_pathc : 0;

    globfree(&found);
    return count;
}

static void look_at_files(void)
{
    float asked[ASKED][WIDE];

    use("plain");
    put_vectors("wide", MANY_ROWS, 0, 1);
    for (int i = 0; i < ASKED; i++)
        make_vector(asked[i], 0, 1);
    ck_assert_int_eq(right("no_lists", "wide", asked, TOP, MANY_ROWS), ASKED * TOP);
    ck_assert_int_eq(right("all_lists", "wide", asked, TOP, MANY_ROWS), ASKED * TOP);
    ck_assert_int_lt(right("one_list", "wide", asked, TOP, MANY_ROWS), ASKED * TOP / 2);
    (void)right("small_files", "wide", asked, TOP, MANY_ROWS);
    ck_assert_uint_eq(files_of("no_lists"), 1);
    ck_assert_uint_eq(files_of("small_files"), 2);
}

START_TEST(lists_and_files)
{
    vs_in_task(look_at_files);
}
END_TEST

/* --- where
 * ---------------------------------------------------------------------------------------- */

static void look_elsewhere(void)
{
    use("plain");
    put_text("here", "apple");
    use("elsewhere");
    put_text("there", "apple");
    ck_assert_str_eq(ask_words("plain", "apple"), "here-0");
    ck_assert_str_eq(ask_words("once", "apple"), "here-0");
    ck_assert_str_eq(ask_words("elsewhere", "apple"), "there-0");
}

START_TEST(databases)
{
    vs_in_task(look_elsewhere);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {words,           both,      codes_are_compared_again,
                                  lists_and_files, databases, NULL};
    return suite_run_cases(
        "options", (TCase *const[]){suite_case("options", open_stores, after, tests), NULL});
}
