/* What the options change: who is asked of several, how much is taken and kept, what is found. Those that other tests
 * need anyway are not repeated here. */
#include "kit.h"

static void open_more(const char *service, const char *retriever)
{
    close_harness();
    more_options = service;
    retriever_options = retriever;
    open_harness();
}

/* --- who is asked, of several ----------------------------------------------------------------- */

/* Two of everything; the names in `order` are those of the service and of the retriever. */
static void open_pairs(const char *chosen)
{
    static const char text[] =
        "databases: {one: {use: sqlite, path: %1$s/one.db}, two: {use: sqlite, path: %1$s/two.db}}\n"
        "blob_stores: {one: {use: filesystem, path: %1$s/one}, two: {use: filesystem, path: %1$s/two}}\n"
        "embedders: {one: {use: hash, name: hash/one}, two: {use: hash, name: hash/two}}\n"
        "vector_stores: {one: {use: embedded, database: one}, two: {use: embedded, database: two}}\n"
        "extractors: {text: {use: text}}\n"
        "services: {knowledge: {database: %2$s, blobs: %2$s, vectors: %2$s, pipeline: %2$s}}\n"
        "retrievers: {documents: {use: knowledge, database: %2$s, vectors: %2$s, embedder: %2$s}}\n"
        "pipelines:\n"
        "  one: {stages: [trap: {}, extract: {extractors: [text]}, chunk: {}, embed: {embedder: one}, "
        "store: {vectors: one}]}\n"
        "  two: {stages: [extract: {extractors: [text]}, chunk: {}, embed: {embedder: two}, "
        "store: {vectors: two}]}\n";
    char yaml[4096];

    close_harness();
    (void)snprintf(yaml, sizeof yaml, text, folder, chosen);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static int64_t rows_in(const char *database, const char *statement)
{
    database_asked = database;
    return sql(statement);
}

static int files_in(const char *store)
{
    char command[400], line[32] = "";

    (void)snprintf(command, sizeof command, "find '%s/%s' -type f -size +0 2>/dev/null | wc -l", folder, store);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
    (void)pclose(pipe);
    return atoi(line);
}

static void uses(const char *chosen, const char *spare, int runs)
{
    char model_name[32];

    open_pairs(chosen);
    trap.runs = 0;
    const char *id = bring("name=a.txt", "about herons");
    ck_assert_int_eq(trap.runs, runs); /* which pipeline */
    ck_assert_int_eq(rows_in(chosen, "SELECT count(*) FROM knowledge_documents"), 1);
    ck_assert_int_eq(rows_in(chosen, "SELECT count(*) FROM vector_passages"), 1);
    ck_assert_int_eq(files_in(chosen), 1);
    ck_assert_int_eq(files_in(spare), 0);
    ck_assert_str_eq(found_as(NULL, "{\"query\":\"herons\",\"mode\":\"vector\"}"), "a.txt ");
    (void)snprintf(model_name, sizeof model_name, "hash/%s", chosen);
    ck_assert_str_eq(member(call("GET", "/v1/collections/documents", NULL, 200), "model"), model_name);
    call("DELETE", path_of(id, ""), NULL, 204);
    pass_time(10 * PB_SECOND);
    ck_assert_int_eq(rows_in(chosen, "SELECT count(*) FROM vector_passages"), 0);
    ck_assert_int_eq(files_in(chosen), 0);
    if (runs) /* the other one was never asked */
        ck_assert_int_eq(rows_in(spare, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'knowledge%'"), 0);
}

START_TEST(those_that_are_named_are_used)
{
    uses("one", "two", 1);
    uses("two", "one", 0);
}
END_TEST

START_TEST(a_search_asks_the_named_retriever)
{
    static const char *const queries[] = {"name=a.txt", "name=b.txt&collection=shelves"};
    static const struct {
        const char *service, *found;
    } cases[] = {{", retriever: documents", "a.txt "}, {", retriever: second", "b.txt "}};

    second_retriever = ", second: {use: knowledge, collections: [shelves]}";
    for (size_t i = 0; i < 2; i++) {
        open_more(cases[i].service, ", collections: [documents]");
        (void)bring(queries[i], queries[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        open_more(cases[i].service, ", collections: [documents]");
        ck_assert_str_eq(found("name"), cases[i].found);
    }
}
END_TEST

/* --- collections ------------------------------------------------------------------------------ */

START_TEST(collections_are_as_configured)
{
    call_as(&other, "GET", "/v1/collections/secret", NULL, 404);
    const pb_json *secret = call_as(&staff, "GET", "/v1/collections/secret", NULL, 200);
    ck_assert_str_eq(member(secret, "access/0"), "group:staff"); /* access: ['group:staff'] */
    ck_assert_str_eq(member(secret, "description"), "Not for all.");
    call_as(&stranger, "GET", "/v1/collections/shelves", NULL, 404);
    open_more(", tenant: elsewhere", "");
    call_as(&stranger, "GET", "/v1/collections/shelves", NULL, 200);
}
END_TEST

/* --- how much --------------------------------------------------------------------------------- */

START_TEST(what_is_taken)
{
    char *large = keep(2001);

    memset(large, 'a', 2000);
    open_more(", max_document: 1KiB, types: [text/markdown, 'image/*']", "");
    send_as(NULL, "name=a.md", large, 413);
    large[1000] = 0;
    send_as(NULL, "name=a.md", large, 201);
    send_as(NULL, "name=a.txt", "plain text", 415);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_documents"), 1);
}
END_TEST

START_TEST(several_at_once)
{
    open_more(", parallel: 2", "");
    trap.hang = true;
    for (int i = 0; i < 3; i++) {
        char query[32];
        (void)snprintf(query, sizeof query, "name=%d.txt", i);
        send_as(NULL, query, query, 201);
    }
    pass_time(PB_SECOND);
    ck_assert_int_eq(trap.runs, 2);
    ck_assert_uint_eq(pb_json_get(call("GET", "/v1/jobs?state=running", NULL, 200), "jobs")->count, 2);
    trap.hang = false;
}
END_TEST

START_TEST(versions_that_are_kept)
{
    const char *id = "";

    open_more(", versions: 2", "");
    for (int i = 0; i < 4; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "about %d", i);
        id = bring("name=a.txt", text);
    }
    pass_time(10 * PB_SECOND);
    ck_assert_int_eq(files(), 2);
    call("GET", path_of(id, "/content?version=2"), NULL, 404);
    ck_text(pb_harness_call(harness, "GET", path_of(id, "/content?version=3"), NULL, NULL).body, "about 2");
}
END_TEST

START_TEST(how_often_and_how_long)
{
    open_more(", interval: 1m, keep_jobs: 1h", "");
    (void)bring("name=a.txt", "about herons");
    int listed = shelf.listed;
    pass_time(600 * PB_SECOND);
    ck_assert_int_ge(shelf.listed, listed + 8);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs"), 1);
    pass_time(3700 * PB_SECOND);
    ck_assert_int_eq(sql("SELECT count(*) FROM knowledge_jobs"), 0);
}
END_TEST

/* --- the retriever ---------------------------------------------------------------------------- */

START_TEST(by_meaning_by_words_or_both)
{
    static const struct {
        const char *options;
        bool meaning, words;
    } cases[] = {{"", true, true}, {", mode: vector", true, false}, {", mode: keyword", false, true}};

    (void)bring("name=a.txt", "about herons");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_more("", cases[i].options);
        const pb_json *list = call("POST", "/v1/knowledge/search", "{\"query\":\"herons\"}", 200);
        ck_assert(!!pb_json_path(list, "passages/0/vector_score") == cases[i].meaning);
        ck_assert(!!pb_json_path(list, "passages/0/keyword_score") == cases[i].words);
    }
}
END_TEST

/* The rare word decides among words, and weighs no more than another in what the embedder makes of them. */
START_TEST(the_share_of_the_meaning)
{
    static const char question[] = "{\"query\":\"common rare\"}";

    (void)bring("name=words.txt", "rare birds sleep under old trees");
    (void)bring("name=meaning.txt", "common common common");
    for (int i = 0; i < 4; i++) {
        char query[32], text[128];
        (void)snprintf(query, sizeof query, "name=%d.txt", i);
        (void)snprintf(text, sizeof text, "common things among %d others that nobody ever asks about at all", i);
        (void)bring(query, text);
    }
    open_more("", ", vector_weight: 1");
    ck_assert_int_eq(strncmp(found_as(NULL, question), "meaning.txt ", 12), 0);
    open_more("", ", vector_weight: 0");
    ck_assert_int_eq(strncmp(found_as(NULL, question), "words.txt ", 10), 0);
}
END_TEST

START_TEST(what_was_found_is_written_down_in_time)
{
    open_more("", ", count_delay: 10m");
    const char *id = bring("name=a.txt", "about herons");
    ck_assert_str_eq(found("herons"), "a.txt ");
    pass_time(60 * PB_SECOND);
    ck_assert_int_eq(number(call("GET", path_of(id, ""), NULL, 200), "retrievals"), 0);
    pass_time(600 * PB_SECOND);
    ck_assert_int_eq(number(call("GET", path_of(id, ""), NULL, 200), "retrievals"), 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {those_that_are_named_are_used,
                                  a_search_asks_the_named_retriever,
                                  collections_are_as_configured,
                                  what_is_taken,
                                  several_at_once,
                                  versions_that_are_kept,
                                  how_often_and_how_long,
                                  by_meaning_by_words_or_both,
                                  the_share_of_the_meaning,
                                  what_was_found_is_written_down_in_time,
                                  NULL};
    return suite_run_cases("options", (TCase *const[]){suite_case("options", before, after, tests), NULL});
}
