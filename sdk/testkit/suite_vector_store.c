/* suite_vector_store.c - what every vector store must do: the sentences of vector_store.h.
 * Distances are cosines; the vectors here have four dimensions.
 */
#include "suite_kit.h"

#include "vector_store_kit.h"

#define C "suite"

/* FOUND(vs_search(C, 0), "a-0 b-0", "what"): passages by their ids, best first. */
#define FOUND(found, wanted, ...) EXPECT_STR(pb_str_of(found), pb_lit(wanted), __VA_ARGS__)

static void forget(const char *collection)
{
    pb_vector_selection selection = vs_all(collection);

    (void)vs_remove(&selection);
}

/* A case with an empty store: of what the suite uses. */
#define STORE_CASE(name)                                                                           \
    static void name##_case(void);                                                                 \
    SUITE_CASE(name)                                                                               \
    {                                                                                              \
        vs_store = instance;                                                                       \
        forget(C);                                                                                 \
        name##_case();                                                                             \
    }                                                                                              \
    static void name##_case(void)

STORE_CASE(nothing_there)
{
    pb_vector_selection selection = vs_all("suite nothing");

    FOUND(vs_search("suite nothing", 0), "",
          "search by vector in a collection that does not exist");
    FOUND(vs_words("suite nothing", "word"), "", "search by words there");
    EXPECT_INT(vs_count(&selection), 0, "count there");
    EXPECT_INT(vs_get(&selection).count, 0, "how many get gives there");
    EXPECT_INT(vs_remove(&selection), 0, "how many remove removes there");
}

STORE_CASE(modes)
{
    const struct vs_document a = {.collection = C, .id = "a", .text = "The quick fox", .count = 2};
    const struct vs_document b = {
        .collection = C, .id = "b", .text = "a lazy zebra", .axis = 2, .count = 1};
    const struct vs_document silent = {
        .collection = C, .id = "s", .text = "a silent zebra", .axis = -1, .count = 1};
    pb_passages out = {.size = sizeof out};

    vs_put(&a);
    vs_put(&b);
    vs_put(&silent);
    FOUND(vs_search(C, 0), "a-0 a-1 b-0",
          "search by vector, which a passage without one is not in,");
    FOUND(vs_search(C, 2), "b-0 a-0 a-1", "search by another vector");
    FOUND(vs_words(C, "FOX"), "a-0 a-1", "search for FOX");
    FOUND(vs_words(C, "what does the lazy thing do?"), "b-0", "search for a question");
    FOUND(vs_words(C, "nowhere"), "", "search for a word that is nowhere");
    pb_vector_query query = vs_query(C, PB_SEARCH_HYBRID, 0, "zebra");
    query.vector_weight = 1;
    FOUND(vs_found(&query), "a-0 a-1 b-0", "hybrid search with weight 1");
    query.vector_weight = 0;
    FOUND(vs_found(&query), "b-0 s-0", "hybrid search with weight 0");
    query.vector_weight = 0.5;
    query.top_k = 1;
    query.vector = vs_vector(2, 0, 4);
    EXPECT_OK(pb_vectors_search(vs_store, &query, &out), "search");
    EXPECT_INT(out.count, 1, "how many are found with top_k 1");
    EXPECT_STR(out.items[0]->id, pb_lit("b-0"), "the best by vector and words");
    EXPECT(fabs(out.items[0]->vector_score - 1) < 1e-6, "vector_score is %g and should be 1",
           out.items[0]->vector_score);
    EXPECT(out.items[0]->keyword_score > 0, "keyword_score of what words found is %g",
           out.items[0]->keyword_score);
    query = vs_query(C, PB_SEARCH_KEYWORD, -1, "silent");
    EXPECT_OK(pb_vectors_search(vs_store, &query, &out), "search");
    EXPECT_INT(out.count, 1, "how many passages are found for 'silent'");
    EXPECT(isnan(out.items[0]->vector_score), "vector_score of what has no vector is %g, not NAN",
           out.items[0]->vector_score);
}

static void expect_passage(const pb_passage *passage, size_t i)
{
    EXPECT_STR(passage->text, pb_printf("text part %zu", i), "text");
    EXPECT_STR(passage->id, pb_printf("a-%zu", i), "id");
    EXPECT_STR(passage->document, pb_lit("a.txt"), "document");
    EXPECT_STR(passage->document_id, pb_lit("a"), "document_id");
    EXPECT_STR(passage->heading, pb_lit("Heading > Below"), "heading");
    EXPECT_STR(passage->url, (pb_str){0}, "url");
    EXPECT_INT(passage->index, i, "index");
    EXPECT_INT(passage->page, 7, "page");
    EXPECT_INT(passage->line, 3, "line");
    EXPECT_INT(passage->lines, 2, "lines");
    EXPECT_INT(passage->tokens, 11, "tokens");
    EXPECT_INT(pb_json_int(pb_json_get(passage->metadata, "year"), 0), 2020, "metadata.year");
    EXPECT_INT(passage->dimensions, 4, "dimensions");
    EXPECT(passage->vector && memcmp(passage->vector, vs_vector(0, i, 4), 4 * sizeof(float)) == 0,
           "the vector of passage %zu does not come back as it was put", i);
}

STORE_CASE(as_stored)
{
    const struct vs_document a = {.collection = C,
                                  .id = "a",
                                  .text = "text",
                                  .metadata = "{\"year\": 2020, \"deep\": {\"er\": [1, \"x\"]}}",
                                  .count = 3};
    pb_vector_selection selection = vs_all(C);

    vs_put(&a);
    selection.vectors = 1;
    pb_passages out = vs_get(&selection);
    EXPECT_INT(out.count, 3, "how many passages get gives");
    for (size_t i = 0; i < 3; i++)
        expect_passage(out.items[i], i);
    pb_vector_query query = vs_query(C, PB_SEARCH_VECTOR, 0, NULL);
    EXPECT_OK(pb_vectors_search(vs_store, &query, &out), "search");
    EXPECT(!out.items[0]->vector, "search gives vectors that nobody asked for");
    query.vectors = 1;
    EXPECT_OK(pb_vectors_search(vs_store, &query, &out), "search");
    EXPECT(out.items[0]->vector, "search gives no vectors where they were asked for");
}

STORE_CASE(borrows)
{
    char text[] = "borrowed words", id[] = "borrowed";
    struct vs_document document = {.collection = C, .id = id, .text = text, .count = 1};

    vs_put(&document);
    memset(text, 'x', sizeof text - 1);
    memset(id, 'x', sizeof id - 1);
    FOUND(vs_words(C, "borrowed"), "borrowed-0",
          "search for a passage whose memory the caller used again");
    pb_vector_selection selection = vs_all(C);
    pb_passages out = vs_get(&selection);
    document.id = "borrowed";
    document.text = "other";
    vs_put(&document);
    EXPECT_STR(out.items[0]->text, pb_lit("borrowed words part 0"),
               "what get gave before the document was replaced");
}

STORE_CASE(replaces)
{
    struct vs_document a = {.collection = C, .id = "a", .text = "apples", .count = 5};
    const struct vs_document other = {
        .collection = C, .id = "o", .text = "other", .axis = 1, .count = 1};

    vs_put(&a);
    vs_put(&other);
    EXPECT_INT(vs_count_all(C), 6, "count");
    a.text = "pears";
    a.count = 2;
    vs_put(&a);
    EXPECT_INT(vs_count_all(C), 3, "count after a document of 5 passages was put with 2");
    FOUND(vs_words(C, "apples"), "", "search for words of the document before it was replaced");
    FOUND(vs_words(C, "pears"), "a-0 a-1", "search for words of the new one");
    a.count = 0;
    vs_put(&a);
    FOUND(vs_search(C, 0), "o-0", "search after a document was put without passages");
    EXPECT_INT(vs_count_all(C), 1, "count after that");
    vs_put(&a); /* is gone already */
}

static void put_labelled(void)
{
    const struct vs_document ann = {
        .collection = C, .id = "ann", .text = "words", .access = "owner:ann", .count = 1};
    const struct vs_document staff = {
        .collection = C, .id = "staff", .text = "words", .access = "group:staff", .count = 1};
    struct vs_document many = {.collection = C, .text = "words", .access = "owner:bob", .count = 1};

    vs_put(&ann);
    vs_put(&staff);
    for (int i = 0; i < 30; i++) { /* more than top_k that are nearer or as near */
        many.id = pb_printf("bob%d", i).data;
        vs_put(&many);
    }
}

STORE_CASE(access)
{
    const pb_str labels[] = {PB_LIT("owner:ann"), PB_LIT("group:staff")};
    const pb_str ids[] = {PB_LIT("bob3-0"), PB_LIT("ann-0")};
    pb_vector_query query = vs_query(C, PB_SEARCH_VECTOR, 0, NULL);
    pb_vector_selection selection = vs_all(C);

    put_labelled();
    FOUND(vs_found(&query), "", "what is found without a label that fits");
    query.access = labels;
    FOUND(vs_found(&query), "ann-0", "what is found by its owner, before 30 that are as near");
    query.access_count = 2;
    query.mode = PB_SEARCH_HYBRID;
    query.text = pb_lit("words");
    const char *found = vs_found(&query);
    EXPECT(strcmp(found, "ann-0 staff-0") == 0 || strcmp(found, "staff-0 ann-0") == 0,
           "with two labels '%s' is found and should be 'ann-0 staff-0'", found);
    query.access_count = 0;
    FOUND(vs_found(&query), "", "what is found without any label");
    query.all = 1;
    query.top_k = 100;
    EXPECT_INT(strlen(vs_found(&query)) > 100, 1, "`all` finds all");
    selection.all = 0;
    selection.access = labels;
    selection.access_count = 2;
    EXPECT_INT(vs_count(&selection), 2, "count with two labels");
    EXPECT_INT(vs_get(&selection).count, 2, "how many get gives with two labels");
    selection.ids = ids;
    selection.count = 2;
    EXPECT_INT(vs_get(&selection).count, 1, "how many get gives of two ids, one without access,");
    EXPECT_INT(vs_remove(&selection), 1, "how many remove removes of them");
    EXPECT_INT(vs_count_all(C), 31, "count of what is left");
}

static const struct vs_document filtered[] = {
    {.collection = C,
     .id = "a",
     .text = "x",
     .tag = "red",
     .count = 1,
     .metadata = "{\"year\": 2019, \"author\": {\"name\": \"Ann\"}, \"draft\": true}"},
    {.collection = C,
     .id = "b",
     .text = "x",
     .tag = "blue",
     .axis = 1,
     .count = 1,
     .metadata = "{\"year\": 2020.5, \"topics\": [\"cats\", \"dogs\"], \"none\": null}"},
    {.collection = C,
     .id = "d",
     .text = "x",
     .axis = 2,
     .count = 1,
     .metadata = "{\"year\": -3, \"topics\": [\"birds\"], \"draft\": false}"}};

static const char *const filters_and_found[][2] = {
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
    {"{\"field\": \"author.name\", \"more\": \"Al\"}", "a-0"},
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

STORE_CASE(filters)
{
    pb_vector_selection selection = vs_all(C);

    for (size_t i = 0; i < 3; i++)
        vs_put(&filtered[i]);
    for (size_t i = 0; i < sizeof filters_and_found / sizeof *filters_and_found; i++)
        EXPECT_STR(pb_str_of(vs_filtered(C, filters_and_found[i][0])),
                   pb_str_of(filters_and_found[i][1]), "what is found with the filter %s",
                   filters_and_found[i][0]);
    selection.filter = vs_filter_of(vs_json("{\"field\": \"year\", \"more\": 0}"));
    EXPECT_INT(vs_count(&selection), 2, "count with a filter");
    EXPECT_INT(vs_get(&selection).count, 2, "how many get gives with a filter");
    EXPECT_INT(vs_remove(&selection), 2, "how many remove removes with a filter");
    FOUND(vs_search(C, 0), "d-0", "what is left");
}

STORE_CASE(ranges)
{
    const struct vs_document a = {.collection = C, .id = "a", .text = "x", .count = 30};
    const struct vs_document b = {.collection = C, .id = "b", .text = "x", .count = 3};
    pb_vector_selection selection = vs_all(C);

    vs_put(&b);
    vs_put(&a);
    selection.limit = 4;
    pb_passages out = vs_get(&selection);
    EXPECT_INT(out.count, 4, "how many get gives with limit 4");
    EXPECT_STR(out.items[3]->id, pb_lit("a-3"), "the 4th of them");
    selection.limit = 0;
    out = vs_get(&selection);
    EXPECT_INT(out.count, 33, "how many get gives without a limit");
    EXPECT_STR(out.items[32]->id, pb_lit("b-2"), "the last in the order of document and index");
    selection.document_id = pb_lit("a");
    selection.first = 9;
    selection.last = 11;
    out = vs_get(&selection);
    EXPECT_INT(out.count, 3, "how many get gives of the passages 9 to 11");
    EXPECT_STR(out.items[0]->id, pb_lit("a-9"), "the first of them");
    EXPECT_STR(out.items[2]->id, pb_lit("a-11"), "the last of them");
    EXPECT_INT(vs_count(&selection), 3, "count of the passages 9 to 11");
    selection.first = 28;
    selection.last = -1;
    EXPECT_INT(vs_get(&selection).count, 2, "how many get gives from 28 to the end");
    EXPECT_INT(vs_remove(&selection), 2, "how many remove removes from 28 to the end");
    selection.first = 0;
    EXPECT_INT(vs_count(&selection), 28, "count of the document after that");
    EXPECT_INT(vs_remove(&selection), 28, "how many remove removes of the document");
    EXPECT_INT(vs_count_all(C), 3, "count of the others");
    FOUND(vs_words(C, "28"), "", "search for words of what was removed");
}

STORE_CASE(relabels)
{
    const struct vs_document a = {.collection = C,
                                  .id = "a",
                                  .text = "x",
                                  .tag = "old",
                                  .count = 2,
                                  .metadata = "{\"year\": 1}"};
    struct vs_document other = {.collection = C, .id = "a", .tag = "new", .access = "owner:ann"};

    vs_put(&a);
    FOUND(vs_search(C, 0), "a-0 a-1", "search before relabel");
    pb_vector_put labels = vs_put_of(&other);
    EXPECT_OK(pb_vectors_relabel(vs_store, &labels, vs_json("{\"year\": 2}")), "relabel");
    FOUND(vs_search(C, 0), "", "search with the labels from before");
    pb_vector_query query = vs_query(C, PB_SEARCH_VECTOR, 0, NULL);
    query.access = labels.access;
    FOUND(vs_found(&query), "a-0 a-1", "search with the new label");
    query.filter = vs_filter_of(vs_json("{\"all\": [{\"field\": \"year\", \"is\": 2}, "
                                        "{\"field\": \"$tags\", \"is\": \"new\"}]}"));
    FOUND(vs_found(&query), "a-0 a-1", "search by the new tag and metadata");
    query.filter = vs_filter_of(vs_json("{\"field\": \"$tags\", \"is\": \"old\"}"));
    FOUND(vs_found(&query), "", "search by the tag from before");
    labels.document_id = pb_lit("nobody");
    EXPECT_STATUS(pb_vectors_relabel(vs_store, &labels, NULL), PB_NOT_FOUND,
                  "relabel of a document that is not there");
}

STORE_CASE(refuses)
{
    struct vs_document a = {.collection = C, .id = "a", .text = "x", .count = 1};
    pb_passages out = {.size = sizeof out};

    vs_put(&a);
    a.id = "b";
    a.dimensions = 8;
    EXPECT_STATUS(vs_try(&a), PB_INVALID, "put of 8 dimensions into a collection of 4");
    EXPECT_INT(vs_count_all(C), 1, "count after a put that was refused");
    a.collection = "suite wider";
    vs_put(&a);
    pb_vector_query query = vs_query("suite wider", PB_SEARCH_VECTOR, 0, NULL);
    EXPECT_STATUS(pb_vectors_search(vs_store, &query, &out), PB_INVALID,
                  "search with 4 dimensions in a collection of 8");
    query = vs_query(C, 17, 0, NULL);
    EXPECT_STATUS(pb_vectors_search(vs_store, &query, &out), PB_UNSUPPORTED, "search in mode 17");
    query = vs_query(C, PB_SEARCH_VECTOR, 0, NULL);
    const pb_filter strange = {.size = sizeof strange, .type = 99, .field = PB_LIT("x")};
    query.filter = &strange;
    EXPECT_STATUS(pb_vectors_search(vs_store, &query, &out), PB_UNSUPPORTED,
                  "search with a filter of type 99");
    query.filter = NULL;
    query.top_k = 0;
    EXPECT_STATUS(pb_vectors_search(vs_store, &query, &out), PB_INVALID, "search with top_k 0");
    forget("suite wider");
}

STORE_CASE(apart)
{
    const struct vs_document one = {.collection = C, .id = "a", .text = "x", .count = 1};
    const struct vs_document two = {.collection = "suite two", .id = "a", .text = "y", .count = 2};
    pb_vector_selection selection = vs_all("suite two");
    const pb_str ids[] = {PB_LIT("a-0")};

    forget("suite two");
    vs_put(&one);
    vs_put(&two);
    FOUND(vs_search(C, 0), "a-0", "search in one collection");
    FOUND(vs_words(C, "y"), "", "search for words of another collection");
    selection.ids = ids;
    selection.count = 1;
    EXPECT_INT(vs_get(&selection).count, 1, "how many get gives of one id");
    selection.ids = NULL;
    EXPECT_INT(vs_remove(&selection), 2, "how many remove removes of the other collection");
    FOUND(vs_search(C, 0), "a-0", "search in the one collection after that");
}

/* --- tenants, many at once -------------------------------------------------------------------- */

static pb_status put_as(void *arg)
{
    const struct vs_document a = {.collection = C, .id = "a", .text = arg, .count = 1};

    forget(C);
    vs_put(&a);
    return PB_OK;
}

static pb_status see_as(void *arg)
{
    const char *others = strcmp(arg, "plums") == 0 ? "lemons" : "plums";

    FOUND(vs_words(C, others), "", "search for words of another tenant");
    FOUND(vs_words(C, arg), "a-0", "search for words of one's own tenant");
    forget(C);
    return PB_OK;
}

STORE_CASE(tenants)
{
    char theirs[] = "lemons", ours[] = "plums";

    suite_as("suite-a", put_as, theirs);
    suite_as("suite-b", put_as, ours);
    suite_as("suite-b", see_as, ours);
    FOUND(vs_words(C, "lemons"), "", "search for words of another tenant");
    suite_as("suite-a", see_as, theirs);
}

static void put_own(void *shared, int number)
{
    const char *id = pb_printf("d%d", number).data;
    struct vs_document own = {
        .collection = C, .id = id, .text = "crowd", .axis = number % 4, .count = 3};

    (void)shared;
    for (size_t i = 1; i <= 3; i++) {
        own.count = i;
        vs_put(&own);
    }
}

STORE_CASE(at_once)
{
    suite_at_once(16, put_own, NULL);
    EXPECT_INT(vs_count_all(C), 16 * 3, "count after 16 tasks put 3 passages each");
    EXPECT(*vs_words(C, "crowd"), "search finds none of what 16 tasks put at once");
}

static pb_status put_often(void *arg)
{
    const struct vs_document often = {.collection = C, .id = "often", .text = "x", .count = 2};
    pb_status status = PB_OK;

    (void)arg;
    for (int i = 0; i < 50 && status == PB_OK; i++) {
        status = vs_try(&often);
        if (status == PB_OK)
            status = pb_sleep(0);
    }
    return status;
}

STORE_CASE(cancelled)
{
    const struct vs_document after = {.collection = C, .id = "often", .text = "x", .count = 1};

    EXPECT_STATUS(suite_cancelled(put_often, NULL), PB_CANCELLED, "a task that was cancelled");
    pb_error_clear();
    vs_put(&after);
    EXPECT_INT(vs_count_all(C), 1, "count after a task was cancelled and its document put again");
}

const struct pb_suite_case suite_vector_store[] = {
    {"a collection that does not exist is empty", 0, nothing_there},
    {"search by vector, by words and by both", 0, modes},
    {"passages come back as they were put", 0, as_stored},
    {"what put borrowed is copied", 1, borrows},
    {"put replaces the document", 0, replaces},
    {"only what whoever asks may see is there", 0, access},
    {"filters choose by metadata", 0, filters},
    {"selections by document, index and limit", 0, ranges},
    {"relabel changes labels, tags and metadata", 0, relabels},
    {"what it cannot do is refused", 0, refuses},
    {"collections never meet", 0, apart},
    {"tenants never meet", 0, tenants},
    {"16 tasks put at once", 3, at_once},
    {"a cancelled task leaves it usable", 6, cancelled},
    {.name = NULL},
};
