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
#define WORDS(most)                                                                                \
    "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"},\"maxItems\":" PB_TEXT(most) "}"
#define TAGS(type)                                                                                 \
    PB_JSON(struct type, tags, .schema = WORDS(64), .help = "All its tags: at most 64, of 128 bytes each.")
#define ACCESS(type)                                                                               \
    PB_JSON(struct type, access, .schema = WORDS(64),                                                                   \
            .help =                                                                                \
                "Who sees it: \"public\", \"owner\", \"owner:<principal>\", \"group:<role>\".")
#define METADATA(type)                                                                             \
    PB_JSON(struct type, metadata, .schema = "{\"type\":[\"object\",\"null\"]}", .help = "An object for filters and templates.")
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
    PB_JSON(struct bulk_in, tags, .schema = WORDS(64), .help = "For tag and untag."),
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

/* --- what is written by hand, and how calls fail ---------------------------------------------- */

static const char form_schema[] = PB_JSON_TEXT({
    "title": "DocumentsUploadForm", "type": "object",
    "description": "Files, and what is said of all of them. Files may have any field name.",
    "properties": {
        "file": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                 "minItems": 1, "maxItems": 100},
        "collection": {"type": "string", "description": "The collection; else documents."},
        "name": {"type": "string", "description": "Another name, of a single file."},
        "tags": {"type": "string", "description": "A JSON list, or words with commas between."},
        "access": {"type": "string", "description": "Who sees it, in the same way."},
        "metadata": {"type": "string", "description": "A JSON object."}},
    "required": ["file"]
});

/* Documents are described by their table (documents.get). */
static const char uploaded_schema[] = PB_JSON_TEXT({
    "title": "DocumentsUploadResponse", "type": "object",
    "properties": {"documents": {"type": "array", "items": {"$ref": "#/components/schemas/Document"},
                                 "description": "In the order that they came."}},
    "required": ["documents"], "additionalProperties": false
});

static const char event_schema[] = PB_JSON_TEXT({
    "title": "DocumentEvent", "type": "object", "description": "A document changed.",
    "properties": {
        "event": {"type": "string", "const": "document"},
        "data": {"$ref": "#/components/schemas/Document"}},
    "required": ["event", "data"]
});

static const int32_t upload_answers[] = {201, 200, 0};
static const int32_t upload_errors[] = {PB_NOT_FOUND, PB_CONFLICT, PB_UNPROCESSABLE, PB_NO_SPACE, 0};
static const int32_t conflicts[] = {PB_NOT_FOUND, PB_CONFLICT, PB_NO_SPACE, 0};
static const int32_t fetch_errors[] = {PB_NOT_FOUND,    PB_CONFLICT, PB_UNPROCESSABLE,
                                       PB_BAD_UPSTREAM, PB_TIMEOUT,  PB_NO_SPACE, 0};
static const int32_t search_errors[] = {PB_NOT_FOUND, PB_BAD_UPSTREAM, PB_TIMEOUT, 0};

const pb_operation knowledge_operations[] = {
    {PB_OPERATION("collections.list", "GET", "/v1/collections", "Collections of documents."),
     .description = "Those that the caller may see.", READ,
     IN(page_in, page_in), OUT(collections_out, collections_out), .handle = collections_list},
    {PB_OPERATION("collections.create", "POST", "/v1/collections", "Makes a collection."),
     .description = "What is put into it has its `access` and `tags` unless told otherwise.", .input_example = "{\"name\": \"manuals\", \"description\": \"How to use our things.\", \"access\": [\"public\"]}", .errors = conflicts, WRITE,
     IN(collection_in, collection_in), OUT(collection_fields, collection),
     .handle = collections_create},
    {PB_OPERATION("collections.get", "GET", "/v1/collections/{name}",
                  "One collection, and how many documents are in which state."),
     .input_example = "{\"name\": \"manuals\"}",
     READ, IN(name_in, name_in), OUT(collection_fields, collection), .flags = PB_OPERATION_REVISIONS, .handle = collections_get},
    {PB_OPERATION("collections.update", "PATCH", "/v1/collections/{name}",
                  "Changes what a collection says of itself and of what comes into it."),
     .input_example = "{\"name\": \"manuals\", \"description\": \"How to use our things.\"}", .errors = conflicts,
     WRITE, IN(collection_in, collection_in), OUT(collection_fields, collection),
     .flags = PB_OPERATION_REVISIONS, .handle = collections_update},
    {PB_OPERATION("collections.delete", "DELETE", "/v1/collections/{name}",
                  "Removes a collection with all its documents."),
     .input_example = "{\"name\": \"manuals\"}", .errors = conflicts,
     WRITE, IN(name_in, name_in), .flags = PB_OPERATION_REVISIONS, .handle = collections_delete},
    {PB_OPERATION("collections.reindex", "POST", "/v1/collections/{name}/reindex",
                  "Makes all documents of a collection into passages anew, for another model."),
     .description = "Searches find what was there before until each document is done.", .input_example = "{\"name\": \"manuals\"}", .errors = conflicts,
     WRITE, IN(name_in, name_in), OUT(collection_fields, collection),
     .handle = collections_reindex},
    {PB_OPERATION("documents.list", "GET", "/v1/documents", "Documents, the newest first."),
     .description = "Those that the caller may see, page by page.", READ,
     IN(documents_in, documents_in), OUT(documents_out, documents_out), .handle = documents_list},
    {PB_OPERATION("documents.upload", "POST", "/v1/documents",
                  "Takes in files: a form with any number of them, or one as the body."),
     .description = "The answer comes when the bytes are stored (201; 200: all of them were there already). What becomes of a "
                    "document says its `state`: documents.get, or documents.events as it happens.",
     .input_type = "multipart/form-data, application/octet-stream", .input_schema = form_schema,
     .output_schema = uploaded_schema, .answers = upload_answers, .errors = upload_errors,
     WRITE, IN(upload_in, upload_in), .raw = documents_upload, .upload = 1},
    {PB_OPERATION("documents.add", "POST", "/v1/documents/add", "Takes in a document by its URL."),
     .description = "It is fetched by the service's source of web pages.", .input_example = "{\"url\": \"https://example.com/manual.html\", \"collection\": \"manuals\"}", .errors = fetch_errors,
     WRITE, IN(add_in, add_in), OUT(document_fields, document), .handle = documents_add},
    {PB_OPERATION("documents.bulk", "POST", "/v1/documents/bulk",
                  "Deletes, reprocesses or tags many documents."),
     .description = "Say which: by `ids`, or by a `filter`. At most a thousand a call; `more` says that there are others.", .input_example = "{\"action\": \"tag\", \"filter\": {\"collection\": \"manuals\"}, \"tags\": [\"2026\"], \"dry_run\": true}", .errors = conflicts,
     WRITE, IN(bulk_in, bulk_in), OUT(bulk_out, bulk_out), .handle = documents_bulk},
    {PB_OPERATION("documents.events", "GET", "/v1/documents/events",
                  "Changes of documents as they happen, as server-sent events."),
     .description = "From now on; of one document (`id`) its present state first. The stream ends when its client leaves.",
     .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_TOOL, .output_type = "text/event-stream",
     .event_schema = event_schema,
     READ, IN(events_in, events_in), .raw = documents_events},
    {PB_OPERATION("documents.get", "GET", "/v1/documents/{id}", "One document."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", READ,
     IN(id_in, id_in), OUT(document_fields, document), .flags = PB_OPERATION_REVISIONS, .handle = documents_get},
    {PB_OPERATION("documents.update", "PATCH", "/v1/documents/{id}",
                  "Names or tags a document, or says who sees it."),
     .description = "Only what is given changes.", .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\", \"tags\": [\"2026\"]}", .errors = conflicts,
     WRITE, IN(document_in, document_in), OUT(document_fields, document),
     .flags = PB_OPERATION_REVISIONS, .handle = documents_update},
    {PB_OPERATION("documents.delete", "DELETE", "/v1/documents/{id}", "Removes a document."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", .errors = conflicts, WRITE,
     IN(id_in, id_in), .flags = PB_OPERATION_REVISIONS, .handle = documents_delete},
    {PB_OPERATION("documents.download", "GET", "/v1/documents/{id}/content", "Its bytes."),
     .description = "As they were sent, with their own type, and `Content-Disposition`.", .output_type = "application/octet-stream, */*", .flags = PB_OPERATION_NO_TOOL, .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", READ,
     IN(download_in, download_in), .raw = documents_download},
    {PB_OPERATION("documents.chunks", "GET", "/v1/documents/{id}/chunks",
                  "The passages that a document was made into."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     READ, IN(chunks_in, chunks_in), OUT(chunks_out, chunks_out), .handle = documents_chunks},
    {PB_OPERATION("documents.versions", "GET", "/v1/documents/{id}/versions",
                  "Versions of a document."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}",
     READ, IN(versions_in, versions_in), OUT(versions_out, versions_out),
     .handle = documents_versions},
    {PB_OPERATION("documents.reprocess", "POST", "/v1/documents/{id}/reprocess",
                  "Has a document made into passages again."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", .errors = conflicts,
     WRITE, IN(id_in, id_in), OUT(document_fields, document), .handle = documents_reprocess},
    {PB_OPERATION("documents.cancel", "POST", "/v1/documents/{id}/cancel",
                  "Cancels what is being done with a document."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", .errors = conflicts,
     WRITE, IN(id_in, id_in), OUT(document_fields, document), .handle = documents_cancel},
    {PB_OPERATION("jobs.list", "GET", "/v1/jobs", "What is being done with documents, and was."),
     .description = "The newest first.",
     READ, IN(jobs_in, jobs_in), OUT(jobs_out, jobs_out), .handle = jobs_list},
    {PB_OPERATION("jobs.get", "GET", "/v1/jobs/{id}", "One job."),
     .input_example = "{\"id\": \"0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44\"}", READ, IN(id_in, id_in),
     OUT(job_fields, job), .handle = jobs_get},
    {PB_OPERATION("knowledge.search", "POST", "/v1/knowledge/search",
                  "Passages for a question, with the scores of both ways to find them."),
     .input_example = "{\"query\": \"How do I write a plugin?\", \"top_k\": 5}", .errors = search_errors,
     .flags = PB_OPERATION_NO_AUDIT, READ, IN(search_in, search_in), OUT(search_out, search_out),
     .handle = knowledge_search},
    {PB_OPERATION("knowledge.sync", "POST", "/v1/knowledge/sync",
                  "Has sources read now, and not when their time comes."),
     .input_example = "{\"collection\": \"manuals\"}", .errors = conflicts,
     WRITE, IN(sync_in, sync_in), OUT(sync_out, sync_out), .handle = knowledge_sync},
    PB_OPERATION_END,
};
