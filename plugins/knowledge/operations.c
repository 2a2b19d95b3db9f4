/* operations.c - the table of the service's operations: names, addresses, what they take and give.
 */
#include "knowledge.h"

#define READ             .scope = "knowledge.read"
#define WRITE            .scope = "knowledge.write"
#define IN(table, type)  .input = table, .input_size = sizeof(struct type)
#define OUT(table, type) .output = table, .output_size = sizeof(struct type)

#define NAME(type)                                                                                 \
    PB_STR(struct type, name, .required = 1, .max_length = 64,                                     \
           .pattern = "[A-Za-z0-9][A-Za-z0-9._-]*", .help = "The collection's name.")
#define ID(type, what) PB_STR(struct type, id, .required = 1, .max_length = 64, .help = what)
#define TAGS(type)                                                                                 \
    PB_JSON(struct type, tags, .help = "All its tags: at most 64, of 128 bytes each.")
#define ACCESS(type)                                                                               \
    PB_JSON(struct type, access,                                                                   \
            .help =                                                                                \
                "Who sees it: \"public\", \"owner\", \"owner:<principal>\", \"group:<role>\".")
#define METADATA(type)                                                                             \
    PB_JSON(struct type, metadata, .help = "An object for filters and templates.")
#define COLLECTION(type)                                                                           \
    PB_STR(struct type, collection, .max_length = 64, .help = "The collection; else `documents`.")
#define SELECTION(T, at)                                                                           \
    PB_STR(T, at state, .name = "state", .max_length = 16,                                         \
           .help = "Only those that are queued, processing, ready or failed."),                    \
        PB_STR(T, at tag, .name = "tag", .max_length = 128, .help = "Only those with this tag."),  \
        PB_STR(T, at type, .name = "type", .max_length = 128, .help = "Only those of this type."), \
        PB_STR(T, at name, .name = "name", .max_length = 256,                                      \
               .help = "Only those with this in their name."),                                     \
        PB_STR(T, at collection, .name = "collection", .max_length = 64,                           \
               .help = "Only those of this collection."),                                          \
        PB_STR(T, at owner, .name = "owner", .max_length = 256,                                    \
               .help = "Only those of this owner.")

/* --- collections ------------------------------------------------------------------------------ */

static const pb_field page_in[] = {
    PB_INT(struct page_in, limit, .def = "50", .min = 1, .max = 200, .help = "How many at most."),
    PB_STR(struct page_in, cursor, .max_length = 24, .help = "`next` of the page before."), PB_END};
static const pb_field collections_out[] = {
    PB_LIST_OF(struct collections_out, collections, struct collection, collection_fields,
               .help = "In the order that they were made."),
    PB_STR(struct collections_out, next, .help = "The next page's cursor; absent at the end."),
    PB_END};
static const pb_field name_in[] = {NAME(name_in), PB_END};
static const pb_field collection_in[] = {
    NAME(collection_in),
    PB_STR(struct collection_in, description, .max_length = 1000, .help = "What is in it."),
    ACCESS(collection_in), TAGS(collection_in), PB_END};

/* --- documents -------------------------------------------------------------------------------- */

static const pb_field documents_in[] = {
    PB_INT(struct documents_in, limit, .def = "20", .min = 1, .max = 200,
           .help = "How many at most."),
    PB_STR(struct documents_in, cursor, .max_length = 24, .help = "`next` of the page before."),
    SELECTION(struct documents_in, only.), PB_END};
static const pb_field documents_out[] = {
    PB_LIST_OF(struct documents_out, documents, struct document, document_fields,
               .help = "The newest first."),
    PB_STR(struct documents_out, next, .help = "The next page's cursor; absent at the end."),
    PB_END};
static const pb_field id_in[] = {ID(id_in, "Its id."), PB_END};
static const pb_field document_in[] = {
    ID(document_in, "The document's id."),
    PB_STR(struct document_in, name, .max_length = 512, .help = "Another name."),
    METADATA(document_in),
    TAGS(document_in),
    ACCESS(document_in),
    PB_END};
static const pb_field upload_in[] = {
    PB_STR(struct upload_in, name, .max_length = 512,
           .help = "What the document is called, where the body is its bytes and no form."),
    COLLECTION(upload_in),
    PB_STR(struct upload_in, tags, .help = "Tags: a JSON list, or words with commas between."),
    PB_STR(struct upload_in, access, .help = "Who sees it, in the same way."),
    PB_STR(struct upload_in, metadata, .help = "A JSON object."),
    PB_END};
static const pb_field add_in[] = {
    PB_STR(struct add_in, url, .required = 1, .max_length = 2048, .help = "Where it is."),
    COLLECTION(add_in),
    PB_STR(struct add_in, name, .max_length = 512, .help = "What it is called; else its address."),
    METADATA(add_in),
    TAGS(add_in),
    ACCESS(add_in),
    PB_END};
static const pb_field download_in[] = {
    ID(download_in, "The document's id."),
    PB_INT(struct download_in, version, .max = 1e9, .help = "Which version; else the newest."),
    PB_END};
static const pb_field chunks_in[] = {
    ID(chunks_in, "The document's id."),
    PB_STR(struct chunks_in, cursor, .max_length = 24, .help = "`next` of the page before."),
    PB_INT(struct chunks_in, first, .max = 1e9, .help = "The first passage's index."),
    PB_INT(struct chunks_in, limit, .def = "20", .min = 1, .max = 200, .help = "How many at most."),
    PB_END};
static const pb_field chunks_out[] = {
    PB_LIST_OF(struct chunks_out, chunks, struct passage, passage_fields,
               .help = "In the order of the document."),
    PB_STR(struct chunks_out, next, .help = "The next page's cursor; absent at the end."),
    PB_END};
static const pb_field versions_in[] = {
    ID(versions_in, "The document's id."),
    PB_INT(struct versions_in, limit, .def = "20", .min = 1, .max = 200,
           .help = "How many at most."),
    PB_STR(struct versions_in, cursor, .max_length = 24, .alias = "before",
           .help = "`next` of the page before."),
    PB_END};
static const pb_field version_fields[] = {
    PB_INT(struct version, version, .help = "Its number, from 1."),
    PB_INT(struct version, size, .help = "Bytes."),
    PB_STR(struct version, digest, .help = "SHA-256 of the bytes."),
    PB_STR(struct version, type, .help = "What it is, by its content."),
    PB_STR(struct version, created, .help = "When it came."),
    PB_BOOL(struct version, ready, .help = "It is the one that is found."),
    PB_BOOL(struct version, newest, .help = "It is the newest."),
    PB_END};
static const pb_field versions_out[] = {PB_LIST_OF(struct versions_out, versions, struct version,
                                                   version_fields, .help = "The newest first."),
                                        PB_STR(struct versions_out, next,
                                               .help = "The next page's cursor; absent at the end."),
                                        PB_END};
static const pb_field selection_fields[] = {SELECTION(struct selection, ), PB_END};
static const pb_field bulk_in[] = {
    PB_ENUM(struct bulk_in, action, .required = 1,
            .values = PB_VALUES("delete", "reprocess", "tag", "untag"), .help = "What to do."),
    PB_LIST(struct bulk_in, ids, PB_KIND_STR, .max_length = 1000, .help = "These documents; or"),
    PB_STRUCT(struct bulk_in, filter, struct selection, selection_fields,
              .help = "… all that these conditions name."),
    PB_JSON(struct bulk_in, tags, .help = "For tag and untag."),
    PB_BOOL(struct bulk_in, dry_run, .help = "Only say which documents it would be."),
    PB_END};
static const pb_field bulk_out[] = {
    PB_INT(struct bulk_out, matched, .help = "Documents that were meant."),
    PB_INT(struct bulk_out, changed, .help = "Those that were changed."),
    PB_INT(struct bulk_out, failed, .help = "Those that could not be."),
    PB_BOOL(struct bulk_out, more, .help = "There are more: call it again."),
    PB_BOOL(struct bulk_out, dry_run, .help = "Nothing was changed."),
    PB_LIST(struct bulk_out, ids, PB_KIND_STR, .help = "The first hundred."),
    PB_END};
static const pb_field events_in[] = {
    PB_STR(struct events_in, id, .max_length = 64, .help = "Only this document."),
    PB_STR(struct events_in, collection, .max_length = 64, .help = "Only this collection."),
    PB_END};

/* --- jobs, search ----------------------------------------------------------------------------- */

static const pb_field jobs_in[] = {
    PB_INT(struct jobs_in, limit, .def = "20", .min = 1, .max = 200, .help = "How many at most."),
    PB_STR(struct jobs_in, cursor, .max_length = 24, .help = "`next` of the page before."),
    PB_STR(struct jobs_in, document, .max_length = 64, .help = "Only those of this document."),
    PB_STR(struct jobs_in, state, .max_length = 16,
           .help = "Only those that are queued, running, done, failed or cancelled."),
    PB_END};
static const pb_field jobs_out[] = {
    PB_LIST_OF(struct jobs_out, jobs, struct job, job_fields, .help = "The newest first."),
    PB_STR(struct jobs_out, next, .help = "The next page's cursor; absent at the end."), PB_END};
static const pb_field search_in[] = {
    PB_STR(struct search_in, query, .required = 1, .max_length = 4096,
           .help = "As a person would ask it."),
    PB_LIST(struct search_in, collections, PB_KIND_STR, .max_length = 64,
            .help = "Only in these collections."),
    PB_LIST(struct search_in, documents, PB_KIND_STR, .max_length = 200,
            .help = "Only in these documents, by id."),
    PB_JSON(struct search_in, filter,
            .help = "Conditions on metadata: {\"year\": {\"gt\": 2020}}."),
    PB_ENUM(struct search_in, mode, .values = PB_VALUES("default", "hybrid", "vector", "keyword"),
            .def = "default", .help = "By meaning, by words, or both."),
    PB_JSON(struct search_in, vector_weight, .help = "Hybrid: share of the meaning, 0 to 1."),
    PB_INT(struct search_in, top_k, .def = "10", .min = 1, .max = 100,
           .help = "How many passages at most."),
    PB_END};
static const pb_field search_out[] = {
    PB_LIST_OF(struct search_out, passages, struct passage, passage_fields, .help = "Best first."),
    PB_END};
static const pb_field sync_in[] = {
    PB_STR(struct sync_in, collection, .max_length = 64, .help = "Only this collection."), PB_END};
static const pb_field sync_out[] = {
    PB_INT(struct sync_out, sources, .help = "Sources that are read now."), PB_END};

const pb_operation knowledge_operations[] = {
    {PB_OPERATION("collections.list", "GET", "/v1/collections", "Collections of documents."), READ,
     IN(page_in, page_in), OUT(collections_out, collections_out), .handle = collections_list},
    {PB_OPERATION("collections.create", "POST", "/v1/collections", "Makes a collection."), WRITE,
     IN(collection_in, collection_in), OUT(collection_fields, collection),
     .handle = collections_create},
    {PB_OPERATION("collections.get", "GET", "/v1/collections/{name}",
                  "One collection, and how many documents are in which state."),
     READ, IN(name_in, name_in), OUT(collection_fields, collection), .flags = PB_OPERATION_REVISIONS, .handle = collections_get},
    {PB_OPERATION("collections.update", "PATCH", "/v1/collections/{name}",
                  "Changes what a collection says of itself and of what comes into it."),
     WRITE, IN(collection_in, collection_in), OUT(collection_fields, collection),
     .flags = PB_OPERATION_REVISIONS, .handle = collections_update},
    {PB_OPERATION("collections.delete", "DELETE", "/v1/collections/{name}",
                  "Removes a collection with all its documents."),
     WRITE, IN(name_in, name_in), .flags = PB_OPERATION_REVISIONS, .handle = collections_delete},
    {PB_OPERATION("collections.reindex", "POST", "/v1/collections/{name}/reindex",
                  "Makes all documents of a collection into passages anew, for another model."),
     WRITE, IN(name_in, name_in), OUT(collection_fields, collection),
     .handle = collections_reindex},
    {PB_OPERATION("documents.list", "GET", "/v1/documents", "Documents, the newest first."), READ,
     IN(documents_in, documents_in), OUT(documents_out, documents_out), .handle = documents_list},
    {PB_OPERATION("documents.upload", "POST", "/v1/documents",
                  "Takes in files: a form with any number of them, or one as the body."),
     WRITE, IN(upload_in, upload_in), .raw = documents_upload, .upload = 1},
    {PB_OPERATION("documents.add", "POST", "/v1/documents/add", "Takes in a document by its URL."),
     WRITE, IN(add_in, add_in), OUT(document_fields, document), .handle = documents_add},
    {PB_OPERATION("documents.bulk", "POST", "/v1/documents/bulk",
                  "Deletes, reprocesses or tags many documents."),
     WRITE, IN(bulk_in, bulk_in), OUT(bulk_out, bulk_out), .handle = documents_bulk},
    {PB_OPERATION("documents.events", "GET", "/v1/documents/events",
                  "Changes of documents as they happen, as server-sent events."),
     READ, IN(events_in, events_in), .raw = documents_events},
    {PB_OPERATION("documents.get", "GET", "/v1/documents/{id}", "One document."), READ,
     IN(id_in, id_in), OUT(document_fields, document), .flags = PB_OPERATION_REVISIONS, .handle = documents_get},
    {PB_OPERATION("documents.update", "PATCH", "/v1/documents/{id}",
                  "Names or tags a document, or says who sees it."),
     WRITE, IN(document_in, document_in), OUT(document_fields, document),
     .flags = PB_OPERATION_REVISIONS, .handle = documents_update},
    {PB_OPERATION("documents.delete", "DELETE", "/v1/documents/{id}", "Removes a document."), WRITE,
     IN(id_in, id_in), .flags = PB_OPERATION_REVISIONS, .handle = documents_delete},
    {PB_OPERATION("documents.download", "GET", "/v1/documents/{id}/content", "Its bytes."), READ,
     IN(download_in, download_in), .raw = documents_download},
    {PB_OPERATION("documents.chunks", "GET", "/v1/documents/{id}/chunks",
                  "The passages that a document was made into."),
     READ, IN(chunks_in, chunks_in), OUT(chunks_out, chunks_out), .handle = documents_chunks},
    {PB_OPERATION("documents.versions", "GET", "/v1/documents/{id}/versions",
                  "Versions of a document."),
     READ, IN(versions_in, versions_in), OUT(versions_out, versions_out),
     .handle = documents_versions},
    {PB_OPERATION("documents.reprocess", "POST", "/v1/documents/{id}/reprocess",
                  "Has a document made into passages again."),
     WRITE, IN(id_in, id_in), OUT(document_fields, document), .handle = documents_reprocess},
    {PB_OPERATION("documents.cancel", "POST", "/v1/documents/{id}/cancel",
                  "Cancels what is being done with a document."),
     WRITE, IN(id_in, id_in), OUT(document_fields, document), .handle = documents_cancel},
    {PB_OPERATION("jobs.list", "GET", "/v1/jobs", "What is being done with documents, and was."),
     READ, IN(jobs_in, jobs_in), OUT(jobs_out, jobs_out), .handle = jobs_list},
    {PB_OPERATION("jobs.get", "GET", "/v1/jobs/{id}", "One job."), READ, IN(id_in, id_in),
     OUT(job_fields, job), .handle = jobs_get},
    {PB_OPERATION("knowledge.search", "POST", "/v1/knowledge/search",
                  "Passages for a question, with the scores of both ways to find them."),
     READ, IN(search_in, search_in), OUT(search_out, search_out), .handle = knowledge_search},
    {PB_OPERATION("knowledge.sync", "POST", "/v1/knowledge/sync",
                  "Has sources read now, and not when their time comes."),
     WRITE, IN(sync_in, sync_in), OUT(sync_out, sync_out), .handle = knowledge_sync},
    PB_OPERATION_END,
};
