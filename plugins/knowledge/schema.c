/* schema.c - the tables. Integer keys for what is scanned, UUIDs for the world outside.
 *
 * A document keeps its id over its versions: `version` is the newest, `ready_version` the one whose
 * passages can be found. A job is a row until its work is done, whoever dies meanwhile; one job of
 * a document runs at a time. `revision` grows with all that decides who finds what.
 */
#include "knowledge.h"

/* One step; released steps never change. States of a document: 0 queued, 1 processing, 2 ready,
 * 3 failed, 4 removed. Of a job: 0 queued, 1 running, 2 done, 3 failed, 4 cancelled. Kinds: 0
 * ingest, 1 relabel, 2 remove a document, 3 clear a collection. */
static const char *const tables[] = {
    "CREATE TABLE knowledge_collections (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, "
    "owner TEXT NOT NULL DEFAULT '', name TEXT NOT NULL, description TEXT, access TEXT NOT NULL, "
    "tags TEXT NOT NULL, configured INTEGER NOT NULL DEFAULT 0, model TEXT, "
    "dimensions INTEGER, refused TEXT, revision BIGINT NOT NULL DEFAULT 0, "
    "created BIGINT NOT NULL, updated BIGINT NOT NULL, deleted BIGINT)",
    "CREATE UNIQUE INDEX knowledge_collections_name ON knowledge_collections (tenant, name) "
    "WHERE deleted IS NULL",
    "CREATE INDEX knowledge_collections_list ON knowledge_collections (tenant, id) "
    "WHERE deleted IS NULL",

    "CREATE TABLE knowledge_documents (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, "
    "tenant TEXT NOT NULL, owner TEXT NOT NULL, collection BIGINT NOT NULL, name TEXT NOT NULL, "
    "type TEXT NOT NULL, size BIGINT NOT NULL, digest TEXT NOT NULL, blob TEXT NOT NULL, url TEXT, "
    "source TEXT, source_id TEXT, source_digest TEXT, source_modified BIGINT, "
    "version BIGINT NOT NULL DEFAULT 1, ready_version BIGINT NOT NULL DEFAULT 0, title TEXT, "
    "metadata TEXT, tags TEXT NOT NULL, access TEXT NOT NULL, state INTEGER NOT NULL, stage TEXT, "
    "progress DOUBLE PRECISION NOT NULL DEFAULT 0, error TEXT, chunks BIGINT NOT NULL DEFAULT 0, "
    "tokens BIGINT NOT NULL DEFAULT 0, retrievals BIGINT NOT NULL DEFAULT 0, used BIGINT, "
    "revision BIGINT NOT NULL DEFAULT 0, created BIGINT NOT NULL, updated BIGINT NOT NULL, "
    "deleted BIGINT)",
    "CREATE UNIQUE INDEX knowledge_documents_uuid ON knowledge_documents (uuid)",
    "CREATE INDEX knowledge_documents_list ON knowledge_documents (tenant, id) "
    "WHERE deleted IS NULL",
    "CREATE INDEX knowledge_documents_of ON knowledge_documents (collection, id) "
    "WHERE deleted IS NULL",
    "CREATE INDEX knowledge_documents_state ON knowledge_documents (collection, state, chunks) "
    "WHERE deleted IS NULL",
    "CREATE INDEX knowledge_documents_digest ON knowledge_documents (collection, digest) "
    "WHERE deleted IS NULL",
    "CREATE INDEX knowledge_documents_name ON knowledge_documents (collection, name) "
    "WHERE deleted IS NULL",
    "CREATE UNIQUE INDEX knowledge_documents_source ON knowledge_documents (collection, source, "
    "source_id) WHERE source IS NOT NULL AND deleted IS NULL",
    "CREATE INDEX knowledge_documents_changed ON knowledge_documents (tenant, updated, id)",
    "CREATE INDEX knowledge_documents_gone ON knowledge_documents (deleted) "
    "WHERE deleted IS NOT NULL",
    "CREATE INDEX knowledge_documents_doomed ON knowledge_documents (collection, id) "
    "WHERE deleted IS NOT NULL",

    "CREATE TABLE knowledge_versions (document BIGINT NOT NULL, version BIGINT NOT NULL, "
    "tenant TEXT NOT NULL, owner TEXT NOT NULL, digest TEXT NOT NULL, blob TEXT NOT NULL, "
    "type TEXT NOT NULL, size BIGINT NOT NULL, created BIGINT NOT NULL, "
    "PRIMARY KEY (document, version))",

    "CREATE TABLE knowledge_jobs (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, "
    "tenant TEXT NOT NULL, owner TEXT NOT NULL, collection BIGINT NOT NULL, document BIGINT, "
    "kind INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, "
    "not_before BIGINT NOT NULL, node TEXT, turn TEXT, cancel INTEGER NOT NULL DEFAULT 0, "
    "stage TEXT, progress DOUBLE PRECISION, error TEXT, created BIGINT NOT NULL, started BIGINT, "
    "ended BIGINT)",
    "CREATE UNIQUE INDEX knowledge_jobs_uuid ON knowledge_jobs (uuid)",
    "CREATE INDEX knowledge_jobs_list ON knowledge_jobs (tenant, id)",
    "CREATE INDEX knowledge_jobs_queued ON knowledge_jobs (not_before, id) WHERE state = 0",
    "CREATE INDEX knowledge_jobs_running ON knowledge_jobs (id) WHERE state = 1",
    "CREATE INDEX knowledge_jobs_of ON knowledge_jobs (document, state, id)",
    "CREATE INDEX knowledge_jobs_ended ON knowledge_jobs (ended) WHERE state > 1",

    /* What is being stored and belongs to no document yet; of a worker that died it is removed. */
    "CREATE TABLE knowledge_blobs (blob TEXT PRIMARY KEY, tenant TEXT NOT NULL, "
    "owner TEXT NOT NULL, node TEXT NOT NULL, created BIGINT NOT NULL)",
    NULL,
};

static const pb_migration migrations[] = {
    {.size = sizeof(pb_migration), .number = 1, .statements = tables},
};

pb_status schema_open(pb_instance *database)
{
    if (pb_db_dialect(database) != PB_DIALECT_SQLITE)
        return pb_fail(PB_UNSUPPORTED,
                       "documents are kept in a database that speaks SQLite; '%.*s' does not",
                       PB_ARG(pb_instance_name(database)));
    return pb_db_migrate(database, "knowledge", migrations, sizeof migrations / sizeof *migrations);
}
