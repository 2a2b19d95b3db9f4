/* store.c - the embedded store under the bench, in one process: loads passages, then measures
 * searches and inserts on one task. bench_knowledge embed|run …; what it prints is JSON for
 * knowledge.py.
 */
#include "testkit.h"

#include <patchbay/database.h>
#include <patchbay/embedder.h>
#include <patchbay/vector_store.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_embedded;
extern const pb_plugin patchbay_plugin_sqlite;
extern const pb_plugin patchbay_plugin_static;

enum { EACH = 10, TASKS = 32, K = 10, INSERTS = 300, WARM = 20 };

static pb_harness *harness;
static pb_instance *store;
static const char *folder, *data;
static size_t dimensions;
static double seconds = 2; /* that each figure is measured */

/* --- data
 * ----------------------------------------------------------------------------------------- */

struct floats {
    float *all;
    size_t count;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_knowledge: %s: %.*s\n", what, PB_ARG(pb_error_last()->sentence));
    exit(1);
}

static struct floats read_floats(const char *name)
{
    char path[1000];
    struct floats floats = {0};

    (void)snprintf(path, sizeof path, "%s/%s", data, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    floats.all = malloc(size);
    floats.count = size / dimensions / sizeof(float);
    if (!floats.all || fread(floats.all, 1, size, file) != size)
        die(path);
    fclose(file);
    return floats;
}

/* JSON strings, one a line, as they stand: escapes stay, which no measure minds. */
struct lines {
    pb_str *all;
    size_t count;
};

static struct lines read_lines(const char *path, size_t most)
{
    struct lines lines = {.all = calloc(most + 1, sizeof(pb_str))};
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    while (file && lines.count < most && (size = getline(&line, &room, file)) > 0) {
        char *copy = strndup(line + 1, size > 3 ? (size_t)size - 3 : 0);
        lines.all[lines.count++] = pb_str_of(copy);
    }
    if (file)
        fclose(file);
    free(line);
    return lines;
}

/* Of this process's work: on a machine that does other things too, that is what can be compared. */
static double worked(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* --- loading
 * ---------------------------------------------------------------------------------------- */

static struct floats vectors, queries;
static struct lines texts, questions;
static size_t next_document;
static const pb_str everybody[] = {PB_LIT("public")};

static pb_status put_document(size_t number, size_t each)
{
    pb_scope *scope = pb_scope_begin();
    pb_vector_put put = {.size = sizeof put,
                         .collection = PB_LIT("bench"),
                         .document_id = pb_printf("d%zu", number),
                         .access = everybody,
                         .access_count = 1};
    const pb_vector_item *items[EACH];
    const pb_json *metadata = NULL;
    pb_status status = pb_json_parse(pb_printf("{\"n\":%zu}", number % 100), &metadata);

    for (size_t i = 0; status == PB_OK && i < each && number * each + i < vectors.count; i++) {
        size_t at = number * each + i;
        pb_vector_item *item = PB_NEW(pb_vector_item);
        pb_passage *passage = pb_passage_new(at < texts.count ? texts.all[at] : pb_lit(""));
        passage->id = pb_printf("%zu", at);
        passage->index = (int64_t)i;
        passage->document = put.document_id;
        passage->metadata = metadata;
        item->size = sizeof *item;
        item->dimensions = (uint32_t)dimensions;
        item->vector = vectors.all + at * dimensions;
        item->passage = passage;
        items[put.count++] = item;
    }
    put.items = items;
    if (status == PB_OK)
        status = pb_vectors_put(store, &put);
    pb_scope_end(scope);
    return status;
}

static pb_status load_some(void *arg)
{
    (void)arg;
    pb_status status = PB_OK;

    while (status == PB_OK && next_document * EACH < vectors.count)
        status = put_document(next_document++, EACH);
    return status;
}

static pb_status load(void *arg)
{
    pb_task *tasks[TASKS];
    pb_status status = PB_OK;
    double began = now();

    (void)arg;
    for (int i = 0; i < TASKS; i++)
        if (pb_spawn(load_some, NULL, &tasks[i]) != PB_OK)
            die("spawn");
    for (int i = 0; i < TASKS; i++)
        if (pb_join(tasks[i]) != PB_OK)
            status = pb_error_last()->status;
    if (status != PB_OK)
        die("load");
    printf("\"load_s\": %.2f,\n", now() - began);
    return status;
}

/* --- searching
 * ----------------------------------------------------------------------------------------- */

struct measure {
    const char *name;
    int mode;
    int most; /* documents whose n is below; 100: all */
};

static const pb_json *number(int value)
{
    return pb_json_number(value);
}

static pb_status search_one(const struct measure *measure, size_t at, bool print)
{
    pb_scope *scope = pb_scope_begin();
    pb_filter filter = {.size = sizeof filter,
                        .type = PB_FILTER_LESS,
                        .field = PB_LIT("n"),
                        .value = number(measure->most)};
    pb_vector_query query = {.size = sizeof query,
                             .mode = measure->mode,
                             .collection = PB_LIT("bench"),
                             .vector = queries.all + at % queries.count * dimensions,
                             .dimensions = (uint32_t)dimensions,
                             .top_k = K,
                             .filter = measure->most < 100 ? &filter : NULL,
                             .access = everybody,
                             .access_count = 1,
                             .vector_weight = 0.5};
    pb_passages out = {.size = sizeof out};

    if (questions.count)
        query.text = questions.all[at % questions.count];
    pb_status status = pb_vectors_search(store, &query, &out);
    for (size_t i = 0; print && i < out.count; i++)
        printf("%s%.*s", i ? "," : "[", PB_ARG(out.items[i]->id));
    if (print)
        printf(out.count ? "]" : "[]");
    pb_scope_end(scope);
    return status;
}

static pb_status search(void *arg)
{
    const struct measure *measure = arg;
    size_t done = 0;
    pb_status status = PB_OK;

    for (size_t i = 0; i < WARM && status == PB_OK; i++)
        status = search_one(measure, i, false);
    double began = now(), before = worked(), took;
    do
        status = search_one(measure, done++, false);
    while (status == PB_OK && (took = now() - began) < seconds);
    if (status != PB_OK)
        die(measure->name);
    printf("\"%s\": {\"wall_ms\": %.4f, \"ms\": %.4f, \"found\": [", measure->name,
           took / (double)done * 1000, (worked() - before) / (double)done * 1000);
    for (size_t i = 0; i < queries.count; i++) {
        printf(i ? "," : "");
        status = search_one(measure, i, true);
    }
    printf("]},\n");
    return status;
}

/* --- inserts
 * -------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    double one = *(const double *)a, two = *(const double *)b;

    return (one > two) - (one < two);
}

static void print_median(const char *name, double *times)
{
    qsort(times, INSERTS, sizeof *times, by_time);
    printf("\"%s\": %.4f,\n", name, times[INSERTS / 2] * 1000);
}

static pb_status insert(void *arg)
{
    static double times[INSERTS];
    pb_status status = PB_OK;

    (void)arg;
    for (size_t i = 0; i < INSERTS && status == PB_OK; i++) {
        double began = now();
        status = put_document(vectors.count - 1 - i, 1); /* a new document of one passage */
        times[i] = now() - began;
    }
    print_median("insert_ms", times);
    return status;
}

/* The same into a plain table through the plugin, as any component would. */
static pb_status insert_through(void *arg)
{
    static double times[INSERTS];
    static const pb_str table = PB_LIT("CREATE TABLE IF NOT EXISTS bench_plain (id INTEGER PRIMARY "
                                       "KEY, text TEXT, vector BLOB)"),
                        add = PB_LIT("INSERT INTO bench_plain (text, vector) VALUES ($1, $2)");
    pb_instance *database = pb_harness_instance(harness, "database", "main");
    pb_status status = pb_db_query(database, table, NULL, 0, NULL);

    (void)arg;
    for (size_t i = 0; i < INSERTS && status == PB_OK; i++) {
        size_t at = vectors.count - 1 - i;
        pb_value values[] = {
            pb_value_text(at < texts.count ? texts.all[at] : pb_lit("")),
            pb_value_bytes(vectors.all + at * dimensions, dimensions * sizeof(float))};
        double began = now();
        status = pb_db_query(database, add, values, 2, NULL);
        times[i] = now() - began;
    }
    print_median("through_ms", times);
    return status;
}

/* The same text and vector into a plain table, a commit each. */
static void insert_plainly(void)
{
    static double times[INSERTS];
    char path[1000];
    sqlite3 *db;
    sqlite3_stmt *statement;

    (void)snprintf(path, sizeof path, "%s/plain.db", folder);
    (void)unlink(path);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(path);
    sqlite3_exec(db,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                 "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, vector BLOB)",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t (text, vector) VALUES (?, ?)", -1, &statement, NULL);
    for (size_t i = 0; i < INSERTS; i++) {
        size_t at = vectors.count - 1 - i;
        pb_str text = at < texts.count ? texts.all[at] : pb_lit("");
        double began = now();
        sqlite3_bind_text(statement, 1, text.data, (int)text.size, SQLITE_STATIC);
        sqlite3_bind_blob(statement, 2, vectors.all + at * dimensions,
                          (int)(dimensions * sizeof(float)), SQLITE_STATIC);
        sqlite3_step(statement);
        sqlite3_reset(statement);
        times[i] = now() - began;
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    print_median("plain_ms", times);
}

/* How fast one core reads memory, by the library's own search for a byte. */
static void bandwidth(void)
{
    size_t size = (size_t)1 << 30;
    char *memory = malloc(size);
    double best = 1e9;

    if (!memory)
        return;
    memset(memory, 1, size);
    for (int i = 0; i < 4; i++) {
        double began = worked();
        if (memchr(memory, 2 + i % 2, size))
            printf(" ");
        double took = worked() - began;
        best = took < best ? took : best;
    }
    free(memory);
    printf("\"bandwidth\": %.2f,\n", (double)size / best / 1e9);
}

/* --- commands
 * --------------------------------------------------------------------------------------------- */

static void open_store(const char *options)
{
    char yaml[3000];

    (void)snprintf(
        yaml, sizeof yaml,
        "databases: {main: {use: sqlite, path: %s/t.db, query_limit: 600s, cache_size: "
        "64MiB}}\n"
        "vector_stores: {passages: {use: embedded, database: main, path: %s/vectors%s}}\n",
        folder, folder, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_embedded, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(harness, false);
    store = pb_harness_instance(harness, "vector_store", "passages");
}

static void must(pb_status (*fn)(void *arg), void *arg)
{
    pb_str sentence;

    if (pb_harness_run(harness, fn, arg, &sentence) != PB_OK) {
        fprintf(stderr, "bench_knowledge: %.*s\n", PB_ARG(sentence));
        exit(1);
    }
}

static int run(const char *options, bool hybrid)
{
    static const struct measure vector = {"vector", PB_SEARCH_VECTOR, 100},
                                tenth = {"tenth", PB_SEARCH_VECTOR, 10},
                                hundredth = {"hundredth", PB_SEARCH_VECTOR, 1},
                                words = {"keyword", PB_SEARCH_KEYWORD, 100},
                                both = {"hybrid", PB_SEARCH_HYBRID, 100};
    char path[1000];

    vectors = read_floats("vectors.f32");
    queries = read_floats("queries.f32");
    (void)snprintf(path, sizeof path, "%s/questions.jsonl", data);
    questions = read_lines(path, 10000);
    (void)snprintf(path, sizeof path, "%s/texts.jsonl", data);
    texts = read_lines(path, vectors.count);
    (void)snprintf(path, sizeof path, "%s/t.db", folder);
    bool there = access(path, F_OK) == 0;
    printf("{");
    bandwidth();
    open_store(options);
    if (!there)
        must(load, NULL);
    double began = now();
    const struct measure first = {"first", PB_SEARCH_VECTOR, 100};
    double before = seconds;
    seconds = 0;
    must(search, (void *)(uintptr_t)&first);
    printf("\"first_s\": %.2f,\n", now() - began);
    seconds = before;
    must(search, (void *)(uintptr_t)&vector);
    must(search, (void *)(uintptr_t)&tenth);
    must(search, (void *)(uintptr_t)&hundredth);
    if (hybrid) {
        must(search, (void *)(uintptr_t)&words);
        must(search, (void *)(uintptr_t)&both);
        must(insert, NULL);
        must(insert_through, NULL);
        insert_plainly();
    }
    printf("\"count\": %zu}\n", vectors.count);
    pb_harness_free(harness);
    return 0;
}

static const char *embed_out;
static size_t embed_count;

static pb_status embed(void *arg)
{
    pb_instance *embedder = pb_harness_instance(harness, "embedder", "words");
    FILE *file = fopen(embed_out, "wb");
    pb_status status = PB_OK;
    (void)arg;
    dimensions = pb_embed_dimensions(embedder);
    float *out = malloc(64 * dimensions * sizeof *out);
    for (size_t at = 0; at < texts.count && status == PB_OK; at += 64) {
        size_t some = texts.count - at < 64 ? texts.count - at : 64;
        pb_scope *scope = pb_scope_begin();
        status = pb_embed(embedder, PB_EMBED_DOCUMENT, texts.all + at, some, out);
        pb_scope_end(scope);
        fwrite(out, dimensions * sizeof(float), some, file);
    }
    fclose(file);
    free(out);
    return status;
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "embed") == 0) {
        embed_count = strtoul(arguments[3], NULL, 10);
        embed_out = arguments[4];
        texts = read_lines(arguments[2], embed_count);
        harness = pb_harness_new("embedders: {words: {use: static}}\n", &patchbay_plugin_static);
        must(embed, NULL);
        pb_harness_free(harness);
        return 0;
    }
    if (count < 5 || strcmp(arguments[1], "run") != 0) {
        fprintf(stderr, "usage: bench_knowledge embed TEXTS COUNT OUT | run FOLDER DATA DIMENSIONS "
                        "[OPTIONS] [hybrid]\n");
        return 2;
    }
    folder = arguments[2];
    data = arguments[3];
    dimensions = strtoul(arguments[4], NULL, 10);
    return run(count > 5 ? arguments[5] : "", count > 6);
}
