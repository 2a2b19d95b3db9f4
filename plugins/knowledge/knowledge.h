/* knowledge.h - what the files of this plugin share: rows, labels, jobs.
 *
 * Two components stand on the same tables: the service `knowledge` takes documents in and has them
 * made into passages, the retriever `knowledge` finds these. Where a function parks it is because
 * it asks the database, the blob store or the vector store.
 */
#ifndef PLUGIN_KNOWLEDGE_H
#define PLUGIN_KNOWLEDGE_H

#include <patchbay/filter.h>
#include <patchbay/multipart.h>
#include <patchbay/patchbay.h>

#include "sql.h"

enum { NAME_MOST = 512, LABELS_MOST = 64, LABEL_MOST = 128, METADATA_MOST = 64 << 10 };
enum { QUEUED, PROCESSING, READY, FAILED, REMOVED };
enum { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };
enum { KIND_INGEST, KIND_RELABEL, KIND_REMOVE, KIND_CLEAR };

/* --- the service --------------------------------------------------------------------------------
 */

/* A collection of the configuration. */
struct configured {
    pb_list sources; /* of pb_instance * */
    pb_list access;  /* of pb_str; none: "public" */
    pb_list tags;
    pb_str description;
};

struct syncer;

struct knowledge {
    pb_instance *database, *blobs, *vectors, *web, *retriever;
    pb_str pipeline, tenant;
    pb_map collections; /* of struct configured */
    int64_t max_document, parallel, attempts, versions;
    pb_list types; /* of pb_str */
    pb_duration interval, keep_jobs;

    /* Made by start. */
    pb_pipeline *found;
    pb_task **runners; /* `parallel` of them */
    pb_task *keeper;
    struct syncer *syncers;
    size_t syncer_count;
    pb_principal system; /* of `tenant`: for sources */
};

/* Brings the tables up to date; for start(). Parks. */
pb_status schema_open(pb_instance *database);

/* --- encode.c, labels.c --------------------------------------------------------------------------
 */

static inline pb_statement statement_of(pb_str sql, const pb_value *values, size_t count,
                                        uint32_t flags)
{
    pb_statement statement = pb_statement_make(sql, values, count);
    statement.flags = flags;
    return statement;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

pb_str time_text(pb_time moment); /* "2024-05-06T07:08:09.123Z"; absent for 0 */
pb_str cell_text(const pb_value *value);
bool cell_there(const pb_value *value);
/* JSON text as a tree; NULL where there is none. */
pb_status json_of(pb_str text, const pb_json **out);
pb_str json_text_of(const pb_json *json);
pb_str hex_of(const uint8_t digest[32]);
/* A name that can be shown and kept: UTF-8 without control characters. PB_INVALID at `pointer`. */
pb_status name_check(pb_str name, const char *pointer);
/* A JSON list of 1 to LABEL_MOST bytes each, without those that come twice, as a list and as text.
 * `json` may be NULL or null: *text is absent. PB_INVALID at `pointer`. */
pb_status words_read(const pb_json *json, const char *pointer, pb_str *text);
pb_str words_text(const pb_list *words);
/* The strings of a JSON list. */
pb_status words_list(pb_str text, pb_list *out);
/* Access labels as they are kept: "owner" becomes "owner:<owner>". PB_INVALID for what is no label.
 */
pb_status access_read(const pb_json *json, pb_str owner, pb_str *text);
pb_str access_for(pb_str access, pb_str owner);
/* An object, as text. */
pb_status metadata_read(const pb_json *json, pb_str *text);

/* Who asks, as statements and vector stores take it. */
struct asker {
    pb_str id, json; /* the labels as a JSON list */
    const pb_str *labels;
    size_t count;
    bool all; /* an administrator */
};
/* For `principal`; NULL: somebody who sees what is public. */
pb_status asker_of(const pb_principal *principal, struct asker *out);
/* The first three values of a statement. */
static inline void asker_values(const struct asker *asker, pb_value *values)
{
    values[0] = pb_value_text(asker->id);
    values[1] = pb_value_text(asker->json);
    values[2] = pb_value_int(asker->all);
}
bool is_admin(const pb_principal *principal);

/* --- rows.c: rows as they are shown --------------------------------------------------------------
 */

struct collection {
    int64_t key, dimensions, edition;
    pb_str name, owner, description, access_json, tags_json, model, refused, created, updated;
    const pb_json *access, *tags, *documents;
    int64_t passages;
    bool configured, reindex;
};

struct document {
    int64_t key, collection_key, revision, edition;
    pb_str id, owner, collection, name, type, digest, url, source, source_id, title, access_json,
        tags_json, metadata_json, stage, error, used, created, updated, blob;
    const pb_json *metadata, *tags, *access;
    pb_time updated_at;
    int64_t size, version, ready_version, chunks, tokens, retrievals;
    double progress;
    int32_t state;
    bool deleted, duplicate;
};

struct job {
    int64_t key, attempts;
    pb_str id, document, collection, worker, stage, error, not_before, created, started, ended;
    double progress;
    int32_t kind, state;
};

enum { DOCUMENT_CELLS = 31 };
extern const pb_field collection_fields[], document_fields[], job_fields[];
extern const char *const state_names[], *const job_state_names[];

pb_status collection_read(const pb_rows *rows, size_t row, struct collection *out);
pb_status document_read(const pb_rows *rows, size_t row, struct document *out);
/* As `document_fields` would: for answers that are written by hand. */
void document_write(pb_json_writer *writer, const struct document *document);
void job_read(const pb_rows *rows, size_t row, struct job *out);

/* --- collections.c, documents.c, change.c: what operations stand on --------------------------- */

pb_status no_document(void);
/* One that who asks may see. Parks. PB_NOT_FOUND. */
pb_status collection_find(const struct knowledge *self, const struct asker *asker, pb_str name,
                          struct collection *out);
pb_status document_find(const struct knowledge *self, const struct asker *asker, pb_str id,
                        struct document *out);
/* … and change: an administrator, or whose it is. PB_FORBIDDEN. */
pb_status document_own(const struct knowledge *self, const pb_principal *principal, pb_str id,
                       struct document *out);
/* May documents be put there? */
pb_status collection_open(const struct collection *collection, const pb_principal *principal);
/* Brings those of the configuration into the table. Parks. */
pb_status collections_configure(const struct knowledge *self);
pb_status read_cursor(pb_str cursor, int64_t *key);

/* A filter of lists and bulk calls. */
struct selection {
    pb_str collection, state, tag, type, name, owner;
};
/* The page behind `before` (INT64_MAX: the first), newest first. Parks. */
pb_status documents_page(const struct knowledge *self, const struct asker *asker,
                         const struct selection *selection, int64_t before, int64_t limit,
                         pb_rows *rows);

/* Removes one: not found any more when it returned PB_OK, its files follow. Parks. */
pb_status document_remove(const struct knowledge *self, const struct document *document);
/* Has it made into passages again. Parks. */
pb_status document_again(const struct knowledge *self, const struct document *document);
/* Its labels and metadata as they are in the row, into the vector store. Parks. */
pb_status document_relabel(const struct knowledge *self, const struct document *document);
pb_status document_tag(const struct knowledge *self, const struct document *document, pb_str tags);

/* --- incoming.c, admit.c: bytes become documents ---------------------------------------------- */

/* Bytes that were stored and belong to no document yet. */
struct incoming {
    pb_str blob;   /* the key's last part: a UUID */
    pb_str digest; /* SHA-256 in hex */
    pb_str type;   /* by content */
    int64_t size;
};

pb_str blob_key(pb_str blob);
/* Stores what the reader gives; `type` and `name` help to tell what it is. Parks. PB_TOO_LARGE
 * beyond max_document, PB_UNSUPPORTED: not one of the types. */
pb_status incoming_store(const struct knowledge *self, pb_reader *reader, pb_str name, pb_str type,
                         struct incoming *out);
/* The same from memory. */
pb_status incoming_bytes(const struct knowledge *self, pb_bytes bytes, pb_str name, pb_str type,
                         struct incoming *out);
/* Nobody wants it after all. Parks; works in a task that was cancelled. */
void incoming_drop(const struct knowledge *self, const struct incoming *incoming);

/* The bytes of a document of a source, in the running scope. Parks. PB_TOO_LARGE. */
pb_status fetch(const struct knowledge *self, pb_instance *source, pb_str id, pb_bytes *out);

/* What a document is to be. Absent members: as the collection says, or as it was. */
struct wanted {
    const struct collection *collection;
    pb_str owner, name, url, source, source_id, source_digest;
    pb_time source_modified;
    pb_str metadata, tags, access; /* JSON texts */
    const struct document *before; /* of a source: the version before, or NULL */
};
/* A new document, a new version of the one with this name, or the one that has these bytes already
 * (*duplicate; the blob is dropped). `id` is text. Parks. */
pb_status admit(const struct knowledge *self, const struct incoming *incoming,
                const struct wanted *wanted, pb_str *id, bool *duplicate);

/* --- jobs ------------------------------------------------------------------------------------- */

/* A job that this worker runs. */
struct work {
    const struct knowledge *self;
    int64_t key, collection, document, kind, attempts;
    pb_str id, tenant;
};

/* Wakes who runs jobs, in all workers; tells who watches documents of a tenant. */
void jobs_ring(void);
void documents_ring(pb_str tenant);
pb_str documents_topic(pb_str tenant);

pb_status runner_start(struct knowledge *self);
void runner_stop(struct knowledge *self); /* parks */
/* Makes a document into passages. Parks. */
pb_status ingest_run(const struct work *work);
/* The blobs and rows of a document that is gone. Parks. */
pb_status bury(const struct knowledge *self, int64_t document);
pb_status keeper_start(struct knowledge *self);
void keeper_stop(struct knowledge *self);
pb_status sources_start(struct knowledge *self);
void sources_stop(struct knowledge *self);
/* Says something that nobody is told of. */
void note_failure(const char *what, pb_status status);

/* One source of one collection (sources.c); what a sync does to its documents (sync.c). */
struct syncer {
    const struct knowledge *self;
    pb_instance *source;
    pb_str collection;
    pb_task *task;
    pb_subscription *bell;
    const pb_bus_message *heard;
    bool listed; /* all of it, at least once */
};
pb_status sync_all(struct syncer *syncer);
pb_status sync_one(struct syncer *syncer, const pb_source_entry *entry);

/* --- the retriever ---------------------------------------------------------------------------- */

enum { USED_MOST = 512 };

struct finder {
    pb_instance *database, *vectors, *embedder;
    int32_t mode;
    double vector_weight;
    pb_list collections; /* of pb_str; none: all */
    pb_duration count_delay;

    struct { /* documents that were found since the last time */
        int64_t key, times;
    } used[USED_MOST];
    size_t used_count;
    pb_task *counter;
    struct finder *next;
};

pb_status finder_start(void *self);
void finder_stop(void *self);
pb_status finder_retrieve(void *self, const pb_retrieve_request *request, pb_passages *out);
pb_status finder_surround(void *self, const pb_surround_request *request, pb_passages *out);
pb_status finder_version(void *self, const pb_retrieve_request *request, pb_str *out);
/* One of this worker over this database, or NULL. */
struct finder *finder_over(const pb_instance *database);
/* Lists of several collections as one, best first, `top_k` at most. */
pb_status merge(const pb_passages *lists, size_t count, const pb_retrieve_request *request,
                double vector_weight, pb_passages *out);
void usage_note(struct finder *finder, int64_t document);
pb_status usage_start(struct finder *finder);
void usage_stop(struct finder *finder);

/* --- operations ------------------------------------------------------------------------------- */

extern const pb_operation knowledge_operations[];

#define HANDLER(name) pb_status name(void *self, const pb_call *call, const void *in, void *out)
#define RAW(name)     pb_status name(void *self, const pb_call *call, const void *in, pb_content *out)
HANDLER(collections_list);
HANDLER(collections_get);
HANDLER(collections_create);
HANDLER(collections_update);
HANDLER(collections_delete);
HANDLER(collections_reindex);
HANDLER(documents_list);
HANDLER(documents_get);
HANDLER(documents_update);
HANDLER(documents_delete);
HANDLER(documents_reprocess);
HANDLER(documents_cancel);
HANDLER(documents_chunks);
HANDLER(documents_versions);
HANDLER(documents_bulk);
HANDLER(documents_add);
HANDLER(jobs_list);
HANDLER(jobs_get);
HANDLER(knowledge_search);
HANDLER(knowledge_sync);
RAW(documents_upload);
RAW(documents_download);
RAW(documents_events);

struct name_in {
    pb_str name;
};
struct id_in {
    pb_str id;
};
struct page_in {
    int64_t limit;
    pb_str cursor;
};
struct collections_out {
    pb_list collections;
    pb_str next;
};
struct collection_in {
    pb_str name, description;
    const pb_json *access, *tags;
};
struct documents_in {
    int64_t limit;
    pb_str cursor;
    struct selection only;
};
struct documents_out {
    pb_list documents;
    pb_str next;
};
struct document_in {
    pb_str id, name;
    const pb_json *metadata, *tags, *access;
};
struct download_in {
    pb_str id;
    int64_t version;
};
struct chunks_in {
    pb_str id, cursor;
    int64_t first, limit;
};
struct chunks_out {
    pb_list chunks;
    pb_str next;
};
struct versions_in {
    pb_str id, cursor;
    int64_t limit;
};
struct version {
    int64_t version, size;
    pb_str digest, type, created, blob;
    bool ready, newest;
};
struct versions_out {
    pb_list versions;
    pb_str next;
};
struct bulk_in {
    int32_t action;
    pb_list ids; /* of pb_str */
    struct selection filter;
    const pb_json *tags;
    bool dry_run;
};
struct bulk_out {
    int64_t matched, changed, failed;
    pb_list ids; /* of pb_str: the first ones */
    bool more, dry_run;
};
struct add_in {
    pb_str url, collection, name;
    const pb_json *metadata, *tags, *access;
};
struct upload_in {
    pb_str name, collection, tags, access, metadata;
};
struct events_in {
    pb_str id, collection;
};
struct jobs_in {
    int64_t limit;
    pb_str cursor, document, state;
};
struct jobs_out {
    pb_list jobs;
    pb_str next;
};
struct search_in {
    pb_str query;
    pb_list collections, documents; /* of pb_str */
    const pb_json *filter, *vector_weight;
    int32_t mode;
    int64_t top_k;
};
struct search_out {
    pb_list passages;
};
struct sync_in {
    pb_str collection;
};
struct sync_out {
    int64_t sources;
};
struct passage {
    pb_str id, document_id, document, collection, title, heading, url, text;
    const pb_json *page, *lines, *vector_score, *keyword_score, *metadata;
    double score;
    int64_t index, tokens;
};
extern const pb_field passage_fields[];
void passage_show(const pb_passage *from, struct passage *out);

#endif
