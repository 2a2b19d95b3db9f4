/* suite_vector_store.h - what every vector store must do, as tests. Include it once, set the two
 * variables in a fixture that opens a harness with an empty store, and run the case:
 *
 *     suite_run_cases("store", (TCase *const[]){vector_store_case("mine", before, after), NULL})
 *
 * Distances are cosines; the vectors here have four dimensions.
 */
#ifndef PATCHBAY_SUITE_VECTOR_STORE_H
#define PATCHBAY_SUITE_VECTOR_STORE_H

#include "vector_store_kit.h"

static inline void vs_do_nothing_there(void)
{
    pb_vector_selection selection = vs_all("empty");

    ck_assert_str_eq(vs_search("empty", 0), "");
    ck_assert_str_eq(vs_words("empty", "word"), "");
    ck_assert_int_eq(vs_count(&selection), 0);
    ck_assert_uint_eq(vs_get(&selection).count, 0);
    ck_assert_int_eq(vs_remove(&selection), 0);
}

static inline void vs_do_modes(void)
{
    const struct vs_document a = {
        .collection = "c", .id = "a", .text = "The quick fox", .count = 2};
    const struct vs_document b = {
        .collection = "c", .id = "b", .text = "a lazy zebra", .axis = 2, .count = 1};
    const struct vs_document silent = {
        .collection = "c", .id = "s", .text = "a silent zebra", .axis = -1, .count = 1};
    pb_passages out = {.size = sizeof out};

    vs_put(&a);
    vs_put(&b);
    vs_put(&silent);
    ck_assert_str_eq(vs_search("c", 0), "a-0 a-1 b-0");
    ck_assert_str_eq(vs_search("c", 2), "b-0 a-0 a-1");
    ck_assert_str_eq(vs_words("c", "FOX"), "a-0 a-1");
    ck_assert_str_eq(vs_words("c", "what does the lazy thing do?"), "b-0");
    ck_assert_str_eq(vs_words("c", "nowhere"), "");
    pb_vector_query query = vs_query("c", PB_SEARCH_HYBRID, 0, "zebra");
    query.vector_weight = 1;
    ck_assert_str_eq(vs_found(&query), "a-0 a-1 b-0");
    query.vector_weight = 0;
    ck_assert_str_eq(vs_found(&query), "b-0 s-0");
    query.vector_weight = 0.5;
    query.top_k = 1;
    query.vector = vs_vector(2, 0, 4);
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert_uint_eq(out.count, 1);
    ck_text(out.items[0]->id, "b-0");
    ck_assert_double_eq_tol(out.items[0]->vector_score, 1, 1e-6);
    ck_assert(out.items[0]->keyword_score > 0);
    query = vs_query("c", PB_SEARCH_KEYWORD, -1, "silent");
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert(isnan(out.items[0]->vector_score));
}

static inline void vs_do_as_stored(void)
{
    const struct vs_document a = {.collection = "c",
                                  .id = "a",
                                  .text = "text",
                                  .metadata = "{\"year\": 2020, \"deep\": {\"er\": [1, \"x\"]}}",
                                  .count = 3};
    pb_vector_selection selection = vs_all("c");

    vs_put(&a);
    selection.vectors = 1;
    pb_passages out = vs_get(&selection);
    ck_assert_uint_eq(out.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const pb_passage *passage = out.items[i];
        ck_text(passage->text, pb_printf("text part %zu", i).data);
        ck_text(passage->id, pb_printf("a-%zu", i).data);
        ck_text(passage->document, "a.txt");
        ck_text(passage->document_id, "a");
        ck_text(passage->heading, "Heading > Below");
        ck_assert_int_eq(passage->index, (int64_t)i);
        ck_assert_int_eq(passage->page, 7);
        ck_assert_int_eq(passage->line, 3);
        ck_assert_int_eq(passage->lines, 2);
        ck_assert_int_eq(passage->tokens, 11);
        ck_assert_ptr_null(passage->url.data);
        ck_assert_int_eq(pb_json_int(pb_json_get(passage->metadata, "year"), 0), 2020);
        ck_assert_uint_eq(passage->dimensions, 4);
        ck_assert_mem_eq(passage->vector, vs_vector(0, i, 4), 4 * sizeof(float));
    }
    pb_vector_query query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert_ptr_null(out.items[0]->vector);
    query.vectors = 1;
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_OK);
    ck_assert_ptr_nonnull(out.items[0]->vector);
}

static inline void vs_do_replace(void)
{
    struct vs_document a = {.collection = "c", .id = "a", .text = "before", .count = 5};
    const struct vs_document other = {
        .collection = "c", .id = "o", .text = "other", .axis = 1, .count = 1};

    vs_put(&a);
    vs_put(&other);
    ck_assert_int_eq(vs_count_all("c"), 6);
    a.text = "after";
    a.count = 2;
    vs_put(&a);
    ck_assert_int_eq(vs_count_all("c"), 3);
    ck_assert_str_eq(vs_words("c", "before"), "");
    ck_assert_str_eq(vs_words("c", "after"), "a-0 a-1");
    a.count = 0;
    vs_put(&a);
    ck_assert_str_eq(vs_search("c", 0), "o-0");
    ck_assert_int_eq(vs_count_all("c"), 1);
    vs_put(&a); /* is gone already */
}

static inline void vs_do_access(void)
{
    const pb_str labels[] = {PB_LIT("owner:ann"), PB_LIT("group:staff")};
    const struct vs_document ann = {
        .collection = "c", .id = "ann", .text = "words", .access = "owner:ann", .count = 1};
    const struct vs_document staff = {
        .collection = "c", .id = "staff", .text = "words", .access = "group:staff", .count = 1};
    struct vs_document many = {
        .collection = "c", .text = "words", .access = "owner:bob", .count = 1};
    pb_vector_query query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
    pb_vector_selection selection = vs_all("c");

    vs_put(&ann);
    vs_put(&staff);
    for (int i = 0; i < 30; i++) { /* more than top_k that are nearer or as near */
        many.id = pb_printf("bob%d", i).data;
        vs_put(&many);
    }
    ck_assert_str_eq(vs_found(&query), "");
    query.access = labels;
    ck_assert_str_eq(vs_found(&query), "ann-0");
    query.access_count = 2;
    query.mode = PB_SEARCH_HYBRID;
    query.text = pb_lit("words");
    ck_assert(strcmp(vs_found(&query), "ann-0 staff-0") == 0 ||
              strcmp(vs_found(&query), "staff-0 ann-0") == 0);
    query.access_count = 0;
    ck_assert_str_eq(vs_found(&query), "");
    query.all = 1;
    query.top_k = 100;
    ck_assert_uint_eq(strlen(vs_found(&query)) > 100, 1);
    selection.all = 0;
    selection.access = labels;
    selection.access_count = 2;
    ck_assert_int_eq(vs_count(&selection), 2);
    ck_assert_uint_eq(vs_get(&selection).count, 2);
    const pb_str ids[] = {PB_LIT("bob3-0"), PB_LIT("ann-0")};
    selection.ids = ids;
    selection.count = 2;
    ck_assert_uint_eq(vs_get(&selection).count, 1);
    ck_assert_int_eq(vs_remove(&selection), 1);
    ck_assert_int_eq(vs_count_all("c"), 31);
}

static inline void vs_do_filters(void)
{
    const struct vs_document documents[] = {
        {.collection = "c",
         .id = "a",
         .text = "x",
         .tag = "red",
         .count = 1,
         .metadata = "{\"year\": 2019, \"author\": {\"name\": \"Ann\"}, \"draft\": true}"},
        {.collection = "c",
         .id = "b",
         .text = "x",
         .tag = "blue",
         .axis = 1,
         .count = 1,
         .metadata = "{\"year\": 2020.5, \"topics\": [\"cats\", \"dogs\"], \"none\": null}"},
        {.collection = "c",
         .id = "d",
         .text = "x",
         .axis = 2,
         .count = 1,
         .metadata = "{\"year\": -3, \"topics\": [\"birds\"], \"draft\": false}"}};
    static const char *const cases[][2] = {
        {"{\"all\": []}", "a-0 b-0 d-0"},
        {"{\"any\": []}", ""},
        {"{\"field\": \"year\", \"is\": 2019}", "a-0"},
        {"{\"field\": \"year\", \"is\": \"2019\"}", ""},
        {"{\"field\": \"year\", \"less\": 0}", "d-0"},
        {"{\"field\": \"year\", \"more\": 2019}", "b-0"},
        {"{\"field\": \"year\", \"more\": -4}", "a-0 b-0 d-0"},
        {"{\"field\": \"author.name\", \"is\": \"Ann\"}", "a-0"},
        {"{\"field\": \"author.name\", \"less\": \"Anna\"}", "a-0"},
        {"{\"field\": \"author.name\", \"more\": \"Ann\"}", ""},
        {"{\"field\": \"author\", \"there\": true}", "a-0"},
        {"{\"field\": \"topics\", \"is\": \"dogs\"}", "b-0"},
        {"{\"field\": \"topics\", \"in\": [\"birds\", \"cats\", 4]}", "b-0 d-0"},
        {"{\"field\": \"topics\", \"in\": []}", ""},
        {"{\"field\": \"draft\", \"is\": false}", "d-0"},
        {"{\"field\": \"none\", \"is\": null}", "b-0"},
        {"{\"field\": \"topics\", \"there\": true}", "b-0 d-0"},
        {"{\"field\": \"nothing\", \"there\": true}", ""},
        {"{\"not\": {\"field\": \"topics\", \"there\": true}}", "a-0"},
        {"{\"field\": \"$tags\", \"is\": \"red\"}", "a-0"},
        {"{\"field\": \"$type\", \"is\": \"text/plain\"}", "a-0 b-0 d-0"},
        {"{\"field\": \"$document\", \"in\": [\"b\", \"d\"]}", "b-0 d-0"},
        {"{\"field\": \"$name\", \"is\": \"d.txt\"}", "d-0"},
        {"{\"all\": [{\"field\": \"year\", \"more\": 0}, {\"not\": {\"field\": \"draft\", \"is\": "
         "true}}]}",
         "b-0"},
        {"{\"any\": [{\"field\": \"year\", \"is\": -3}, {\"all\": [{\"field\": \"$tags\", \"is\": "
         "\"red\"}, {\"field\": \"draft\", \"there\": true}]}]}",
         "a-0 d-0"}};
    pb_vector_selection selection = vs_all("c");

    for (size_t i = 0; i < 3; i++)
        vs_put(&documents[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = vs_filtered("c", cases[i][0]);
        ck_assert_msg(strcmp(found, cases[i][1]) == 0, "%s: '%s' instead of '%s'", cases[i][0],
                      found, cases[i][1]);
    }
    selection.filter = vs_filter_of(vs_json("{\"field\": \"year\", \"more\": 0}"));
    ck_assert_int_eq(vs_count(&selection), 2);
    ck_assert_uint_eq(vs_get(&selection).count, 2);
    ck_assert_int_eq(vs_remove(&selection), 2);
    ck_assert_str_eq(vs_search("c", 0), "d-0");
}

static inline void vs_do_ranges(void)
{
    const struct vs_document a = {.collection = "c", .id = "a", .text = "x", .count = 30};
    const struct vs_document b = {.collection = "c", .id = "b", .text = "x", .count = 3};
    pb_vector_selection selection = vs_all("c");

    vs_put(&b);
    vs_put(&a);
    selection.limit = 4;
    pb_passages out = vs_get(&selection);
    ck_assert_uint_eq(out.count, 4);
    ck_text(out.items[3]->id, "a-3");
    selection.limit = 0;
    out = vs_get(&selection);
    ck_assert_uint_eq(out.count, 33);
    ck_text(out.items[32]->id, "b-2");
    selection.document_id = pb_lit("a");
    selection.first = 9;
    selection.last = 11;
    out = vs_get(&selection);
    ck_assert_uint_eq(out.count, 3);
    ck_text(out.items[0]->id, "a-9");
    ck_text(out.items[2]->id, "a-11");
    ck_assert_int_eq(vs_count(&selection), 3);
    selection.first = 28;
    selection.last = -1;
    ck_assert_uint_eq(vs_get(&selection).count, 2);
    ck_assert_int_eq(vs_remove(&selection), 2);
    selection.first = 0;
    ck_assert_int_eq(vs_count(&selection), 28);
    ck_assert_int_eq(vs_remove(&selection), 28);
    ck_assert_int_eq(vs_count_all("c"), 3);
    ck_assert_str_eq(vs_words("c", "28"), "");
}

static inline void vs_do_relabel(void)
{
    const struct vs_document a = {.collection = "c",
                                  .id = "a",
                                  .text = "x",
                                  .tag = "old",
                                  .count = 2,
                                  .metadata = "{\"year\": 1}"};
    struct vs_document other = {.collection = "c", .id = "a", .tag = "new", .access = "owner:ann"};

    vs_put(&a);
    ck_assert_str_eq(vs_search("c", 0), "a-0 a-1");
    pb_vector_put labels = vs_put_of(&other);
    ck_assert_int_eq(pb_vectors_relabel(vs_store, &labels, vs_json("{\"year\": 2}")), PB_OK);
    ck_assert_str_eq(vs_search("c", 0), "");
    pb_vector_query query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
    query.access = labels.access;
    ck_assert_str_eq(vs_found(&query), "a-0 a-1");
    query.filter = vs_filter_of(vs_json("{\"all\": [{\"field\": \"year\", \"is\": 2}, "
                                        "{\"field\": \"$tags\", \"is\": \"new\"}]}"));
    ck_assert_str_eq(vs_found(&query), "a-0 a-1");
    query.filter = vs_filter_of(vs_json("{\"field\": \"$tags\", \"is\": \"old\"}"));
    ck_assert_str_eq(vs_found(&query), "");
    labels.document_id = pb_lit("nobody");
    ck_assert_int_eq(pb_vectors_relabel(vs_store, &labels, NULL), PB_NOT_FOUND);
}

static inline void vs_do_refuse(void)
{
    struct vs_document a = {.collection = "c", .id = "a", .text = "x", .count = 1};
    pb_passages out = {.size = sizeof out};

    vs_put(&a);
    a.id = "b";
    a.dimensions = 8;
    ck_assert_int_eq(vs_try(&a), PB_INVALID);
    ck_assert_int_eq(vs_count_all("c"), 1);
    a.collection = "wider";
    vs_put(&a);
    pb_vector_query query = vs_query("wider", PB_SEARCH_VECTOR, 0, NULL);
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_INVALID);
    query = vs_query("c", 17, 0, NULL);
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_UNSUPPORTED);
    query = vs_query("c", PB_SEARCH_VECTOR, 0, NULL);
    const pb_filter strange = {.size = sizeof strange, .type = 99, .field = PB_LIT("x")};
    query.filter = &strange;
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_UNSUPPORTED);
    query.filter = NULL;
    query.top_k = 0;
    ck_assert_int_eq(pb_vectors_search(vs_store, &query, &out), PB_INVALID);
}

static inline void vs_do_apart(void)
{
    const struct vs_document one = {.collection = "one", .id = "a", .text = "x", .count = 1};
    const struct vs_document two = {.collection = "two", .id = "a", .text = "y", .count = 2};
    pb_vector_selection selection = vs_all("two");
    const pb_str ids[] = {PB_LIT("a-0")};

    vs_put(&one);
    vs_put(&two);
    ck_assert_str_eq(vs_search("one", 0), "a-0");
    ck_assert_str_eq(vs_words("one", "y"), "");
    selection.ids = ids;
    selection.count = 1;
    ck_assert_uint_eq(vs_get(&selection).count, 1);
    selection.ids = NULL;
    ck_assert_int_eq(vs_remove(&selection), 2);
    ck_assert_str_eq(vs_search("one", 0), "a-0");
}

#define VS_TEST(name)                                                                              \
    START_TEST(vs_##name)                                                                          \
    {                                                                                              \
        vs_in_task(vs_do_##name);                                                                  \
    }                                                                                              \
    END_TEST

VS_TEST(nothing_there)
VS_TEST(modes)
VS_TEST(as_stored)
VS_TEST(replace)
VS_TEST(access)
VS_TEST(filters)
VS_TEST(ranges)
VS_TEST(relabel)
VS_TEST(refuse)
VS_TEST(apart)

static inline TCase *vector_store_case(const char *name, void (*before)(void), void (*after)(void))
{
    const TTest *const tests[] = {vs_nothing_there, vs_modes,   vs_as_stored, vs_replace,
                                  vs_access,        vs_filters, vs_ranges,    vs_relabel,
                                  vs_refuse,        vs_apart,   NULL};

    return suite_case(name, before, after, tests);
}

#endif
