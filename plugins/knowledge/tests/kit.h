/* kit.h - what these tests share: a harness on folders of its own with the real stores and stages,
 * an embedder that needs no model, a source that the test fills, a stage that fails as it is told.
 * Include it once. */
#ifndef TEST_KNOWLEDGE_KIT_H
#define TEST_KNOWLEDGE_KIT_H

#define pb_host_table    pb_host_table_bench
#define PB_PLUGIN_SYMBOL patchbay_plugin_bench

#include "suite.h"
#include "testkit.h"

#include <patchbay/database.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_embedded;
extern const pb_plugin patchbay_plugin_filesystem;
extern const pb_plugin patchbay_plugin_ingest;
extern const pb_plugin patchbay_plugin_knowledge;
extern const pb_plugin patchbay_plugin_sqlite;
extern const pb_plugin patchbay_plugin_text;

/* --- an embedder: each word is a direction ---------------------------------------------------- */

enum { DIMENSIONS = 64 };

struct hash {
    pb_str name;
};

static const pb_field hash_options[] = {
    PB_STR(struct hash, name, .def = "hash/1", .help = "Of the model."), PB_END};

static pb_status hash_embed(void *self, const pb_embed_request *request, float *out)
{
    (void)self;
    for (size_t i = 0; i < request->count; i++) {
        float *vector = out + i * DIMENSIONS, sum = 0;
        pb_str text = request->texts[i];
        uint32_t word = 5381;
        memset(vector, 0, DIMENSIONS * sizeof *vector);
        for (size_t at = 0; at <= text.size; at++) {
            char c = at < text.size ? text.data[at] : ' ';
            bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
            if (!letter && word != 5381)
                vector[word % DIMENSIONS] += 1;
            word = letter ? word * 33 + (uint32_t)(c | 0x20) : 5381;
        }
        for (size_t j = 0; j < DIMENSIONS; j++)
            sum += vector[j] * vector[j];
        for (size_t j = 0; j < DIMENSIONS && sum > 0; j++)
            vector[j] /= sqrtf(sum);
    }
    return PB_OK;
}

static size_t hash_dimensions(void *self)
{
    (void)self;
    return DIMENSIONS;
}

static pb_str hash_model(void *self)
{
    return ((struct hash *)self)->name;
}

/* --- a source that the test fills ------------------------------------------------------------- */

enum { SHELF_MOST = 16 };

static struct shelf {
    struct {
        const char *id, *text, *digest;
    } items[SHELF_MOST];
    size_t count;
    int fetched, listed;
    pb_status (*changed)(void *arg, const pb_source_entry *entry);
    void *arg;
} shelf;

struct shelf_options {
    bool unused;
};
static const pb_field shelf_options[] = {PB_BOOL(struct shelf_options, unused, .help = "Nothing."),
                                         PB_END};

static const pb_source_entry *shelf_entry(size_t i)
{
    pb_source_entry *entry = PB_NEW(pb_source_entry);

    entry->size = sizeof *entry;
    entry->bytes = -1;
    entry->id = pb_str_of(shelf.items[i].id);
    entry->name = entry->id;
    entry->digest = pb_str_of(shelf.items[i].digest);
    entry->url = pb_printf("https://shelf.example/%s", shelf.items[i].id);
    return entry;
}

/* Two a page. */
static pb_status shelf_list(void *self, pb_str cursor, pb_source_page *out)
{
    size_t from = cursor.size ? (size_t)atoi(pb_copy(cursor).data) : 0;
    const pb_source_entry **entries = PB_NEW_ARRAY(const pb_source_entry *, 2);

    (void)self;
    shelf.listed += from == 0;
    while (from < shelf.count && out->count < 2)
        entries[out->count++] = shelf_entry(from++);
    out->entries = entries;
    if (from < shelf.count)
        out->cursor = pb_printf("%zu", from);
    return PB_OK;
}

static pb_status shelf_fetch(void *self, pb_str id, pb_writer *writer)
{
    (void)self;
    for (size_t i = 0; i < shelf.count; i++)
        if (pb_str_is(id, shelf.items[i].id)) {
            shelf.fetched++;
            return writer->write(writer, (pb_bytes){(const uint8_t *)shelf.items[i].text,
                                                    strlen(shelf.items[i].text)});
        }
    return pb_fail(PB_NOT_FOUND, "it is not there");
}

static pb_status shelf_watch(void *self, pb_status (*changed)(void *, const pb_source_entry *),
                             void *arg)
{
    (void)self;
    shelf.changed = changed;
    shelf.arg = arg;
    return pb_sleep(1000000 * PB_SECOND);
}

/* --- a stage that does as it is told ---------------------------------------------------------- */

static struct {
    int fail;         /* so many times … */
    pb_status status; /* … with this */
    bool die;         /* the process ends, once the passages are stored */
    bool hang;
    int runs;
} trap;

struct trap_options {
    bool after;
};
static const pb_field trap_options[] = {
    PB_BOOL(struct trap_options, after, .help = "Behind the rest."), PB_END};

static pb_status trap_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    trap.runs++;
    if (trap.fail > 0) {
        trap.fail--;
        return pb_fail(trap.status, "told to fail");
    }
    if (trap.hang)
        return pb_sleep(100000 * PB_SECOND);
    pb_status status = pb_run_next(next, turn);
    if (trap.die)
        _exit(7);
    return status;
}

PB_PLUGIN("bench", "1.0.0", "Apache-2.0", "What tests need.",
          PB_EMBEDDER("hash", struct hash, hash_options, .embed = hash_embed,
                      .dimensions = hash_dimensions, .model = hash_model),
          PB_SOURCE("shelf", struct shelf_options, shelf_options, .list = shelf_list,
                    .fetch = shelf_fetch, .watch = shelf_watch),
          PB_STAGE("trap", struct trap_options, trap_options, .run = trap_run));

/* --- the harness ------------------------------------------------------------------------------ */

static const pb_plugin *const plugins[] = {&patchbay_plugin_knowledge,  &patchbay_plugin_sqlite,
                                           &patchbay_plugin_filesystem, &patchbay_plugin_embedded,
                                           &patchbay_plugin_ingest,     &patchbay_plugin_text,
                                           &patchbay_plugin_bench,      NULL};
static pb_harness *harness;
static char folder[256];
static char *kept[8192];
static size_t kept_count;
static const char *model = "hash/1", *more_options = "", *host_options = "", *retriever_options = "",
                  *second_retriever = "", *database_asked = "main";

static inline char *keep(size_t size)
{
    ck_assert_uint_lt(kept_count, 8192);
    ck_assert_ptr_nonnull(kept[kept_count] = calloc(1, size));
    return kept[kept_count++];
}

static inline void open_harness(void)
{
    char yaml[4096];

    (void)snprintf(
        yaml, sizeof yaml,
        "%sdatabases: {main: {use: sqlite, path: %s/t.db}}\n"
        "blob_stores: {files: {use: filesystem, path: %s/blobs}}\n"
        "embedders: {words: {use: hash, name: \"%s\"}}\n"
        "vector_stores: {passages: {use: embedded, database: main}}\n"
        "extractors: {text: {use: text}}\n"
        "sources: {shelf: {use: shelf}}\n"
        "services:\n"
        "  knowledge: {use: knowledge, pipeline: ingest, web: shelf, collections: {shelves: "
        "{sources: [shelf], tags: [shelved]}, secret: {access: ['group:staff'], description: Not for all.}}%s}\n"
        "retrievers: {documents: {use: knowledge%s}%s}\n"
        "pipelines: {ingest: {stages: [trap: {}, extract: {extractors: [text]}, chunk: {}, "
        "embed: {embedder: words}, store: {vectors: passages}]}}\n",
        host_options, folder, folder, model, more_options, retriever_options,
        second_retriever);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static inline void close_harness(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static inline void reopen(void)
{
    close_harness();
    open_harness();
}

static inline void before(void)
{
    const char *where = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/patchbay-knowledge-XXXXXX", where ? where : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_harness();
}

static inline void after(void)
{
    char command[300];

    if (harness)
        close_harness();
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    while (kept_count)
        free(kept[--kept_count]);
}

static inline pb_status sleep_some(void *arg)
{
    return pb_sleep(*(pb_duration *)arg);
}

static inline void pass_time(pb_duration time)
{
    ck_assert_int_eq(pb_harness_run(harness, sleep_some, &time, NULL), PB_OK);
}

/* --- who asks --------------------------------------------------------------------------------- */

static const pb_principal other = {
    .size = sizeof other, .id = PB_LIT("somebody"), .tenant = PB_LIT("default")};
static const pb_str staff_roles[] = {PB_LIT("staff")};
static const pb_principal staff = {.size = sizeof staff,
                                   .role_count = 1,
                                   .roles = staff_roles,
                                   .id = PB_LIT("colleague"),
                                   .tenant = PB_LIT("default")};
static const pb_str admin_roles[] = {PB_LIT("admin")};
static const pb_principal admin = {.size = sizeof admin,
                                   .role_count = 1,
                                   .roles = admin_roles,
                                   .id = PB_LIT("boss"),
                                   .tenant = PB_LIT("default")};
static const pb_principal stranger = {.size = sizeof stranger,
                                      .role_count = 1,
                                      .roles = admin_roles,
                                      .id = PB_LIT("tester"),
                                      .tenant = PB_LIT("elsewhere")};

/* --- operations ------------------------------------------------------------------------------- */

static inline const char *text_of(pb_str text)
{
    char *copy = keep(text.size + 1);

    if (text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

static inline const pb_json *answer(pb_content content, const char *what, int32_t wanted)
{
    const pb_json *json = NULL;

    ck_assert_msg(content.status == wanted, "%s: %d, not %d: %.*s", what, content.status, wanted,
                  PB_ARG(content.body));
    if (content.body.size && pb_str_contains(content.type, pb_lit("json")))
        ck_assert_int_eq(pb_json_parse(content.body, &json), PB_OK);
    return json;
}

static inline const pb_json *call_as(const pb_principal *principal, const char *method,
                                     const char *path, const char *body, int32_t wanted)
{
    return answer(pb_harness_call(harness, method, path, body, principal), path, wanted);
}

static inline const pb_json *call(const char *method, const char *path, const char *body,
                                  int32_t wanted)
{
    return call_as(NULL, method, path, body, wanted);
}

static inline const char *member(const pb_json *json, const char *path)
{
    const pb_json *at = pb_json_path(json, path);

    return at && at->text.data ? text_of(at->text) : "";
}

static inline int64_t number(const pb_json *json, const char *path)
{
    return pb_json_int(pb_json_path(json, path), -1);
}

static inline const char *path_of(const char *id, const char *rest)
{
    char *path = keep(512);

    (void)snprintf(path, 512, "/v1/documents/%s%s", id, rest);
    return path;
}

/* Sends a text; the document as it was answered. */
static inline const pb_json *send_as(const pb_principal *principal, const char *query,
                                     const char *text, int32_t wanted)
{
    char *path = keep(512);

    (void)snprintf(path, 512, "/v1/documents?%s", query);
    const pb_json *json = answer(
        pb_harness_upload(harness, path, "text/plain", pb_str_of(text), principal), path, wanted);
    return wanted < 300 ? pb_json_at(pb_json_get(json, "documents"), 0) : json;
}

static inline const char *state_of(const char *id)
{
    return member(call_as(&admin, "GET", path_of(id, ""), NULL, 200), "state");
}

/* Lets time pass until the document is ready or has failed; its state. */
static inline const char *settle(const char *id)
{
    const char *state = "";

    for (int i = 0; i < 200; i++) {
        state = state_of(id);
        if (strcmp(state, "ready") == 0 || strcmp(state, "failed") == 0)
            break;
        pass_time(PB_SECOND);
    }
    return state;
}

/* A document that must become ready: its id. */
static inline const char *bring(const char *query, const char *text)
{
    const char *id = member(send_as(NULL, query, text, 201), "id");

    ck_assert_str_eq(settle(id), "ready");
    return id;
}

/* The names of the documents whose passages are found: "a.md b.md " */
static inline const char *found_as(const pb_principal *principal, const char *body)
{
    const pb_json *list =
        pb_json_get(call_as(principal, "POST", "/v1/knowledge/search", body, 200), "passages");
    char *out = keep(4096);

    for (const pb_json *at = list->child; at; at = at->next) {
        const char *name = member(at, "document");
        strcat(strcat(out, name), " ");
    }
    return out;
}

static inline const char *found(const char *query)
{
    char body[512];

    (void)snprintf(body, sizeof body, "{\"query\":\"%s\",\"mode\":\"keyword\"}", query);
    return found_as(NULL, body);
}

/* --- statements ------------------------------------------------------------------------------- */

struct question {
    const char *sql;
    int64_t number;
};

static inline pb_status run_question(void *arg)
{
    struct question *question = arg;
    pb_statement statement = pb_statement_make(pb_str_of(question->sql), NULL, 0);
    pb_rows rows = {.size = sizeof rows};

    statement.flags = PB_ALL_TENANTS;
    pb_status status =
        pb_db_run(pb_harness_instance(harness, "database", database_asked), &statement, &rows);
    if (status == PB_OK && rows.count)
        question->number = pb_cell(&rows, 0, 0)->integer;
    return status;
}

static inline int64_t sql(const char *text)
{
    struct question question = {.sql = text};
    pb_str sentence;
    pb_status status = pb_harness_run(harness, run_question, &question, &sentence);

    ck_assert_msg(status == PB_OK, "%s: %.*s", text, PB_ARG(sentence));
    return question.number;
}

static inline int files(void)
{
    char command[400], line[32] = "";

    (void)snprintf(command, sizeof command, "find '%s/blobs/blobs' -type f | wc -l", folder);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
    (void)pclose(pipe);
    return atoi(line);
}

#endif
