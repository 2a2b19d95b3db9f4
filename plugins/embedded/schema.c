/* schema.c - the tables. They are the only truth; the files beside them are made from these.
 *
 * A change gives its collection the next version and a random stamp, its documents that version,
 * and leaves a row for each of them in vector_changes. Whoever has indexed up to a version knows by
 * the stamp that it is still the same history (a backup may have been restored), and by the rows
 * what has changed since. A document that is put again is a new row: a number never comes back.
 */
#include "embedded.h"

/* One step; released steps never change. `state`: 0 being put, 1 there, 2 gone, its rows follow. */
static const char *const tables[] = {
    "CREATE TABLE vector_collections (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, "
    "name TEXT NOT NULL, dimensions INTEGER NOT NULL, version BIGINT NOT NULL, "
    "stamp BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX vector_collections_name ON vector_collections (tenant, name)",

    "CREATE TABLE vector_documents (id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "collection BIGINT NOT NULL, document_id TEXT NOT NULL, state INTEGER NOT NULL, "
    "version BIGINT NOT NULL, stamp BIGINT NOT NULL, passages BIGINT NOT NULL, name TEXT, type "
    "TEXT, tags TEXT, "
    "access TEXT, metadata TEXT, attributes BLOB, created BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX vector_documents_there ON vector_documents (collection, document_id) "
    "WHERE state = 1",
    "CREATE INDEX vector_documents_version ON vector_documents (collection, version)",
    "CREATE INDEX vector_documents_begun ON vector_documents (created) WHERE state = 0",
    "CREATE INDEX vector_documents_gone ON vector_documents (id) WHERE state = 2",

    "CREATE TABLE vector_passages (id INTEGER PRIMARY KEY, document BIGINT NOT NULL, "
    "idx BIGINT NOT NULL, uid TEXT NOT NULL, page INTEGER, line BIGINT, lines BIGINT, "
    "tokens BIGINT, heading TEXT, text TEXT NOT NULL, url TEXT)",
    "CREATE INDEX vector_passages_document ON vector_passages (document, idx)",
    "CREATE INDEX vector_passages_uid ON vector_passages (uid)",

    /* Apart from the texts: to compare some hundred vectors touches half as many pages. */
    "CREATE TABLE vector_floats (id INTEGER PRIMARY KEY, vector BLOB NOT NULL)",

    "CREATE TABLE vector_changes (collection BIGINT NOT NULL, version BIGINT NOT NULL, "
    "document BIGINT NOT NULL, stamp BIGINT NOT NULL, PRIMARY KEY (collection, version, document)) "
    "WITHOUT ROWID",
    NULL,
};

static const pb_migration migrations[] = {
    {.size = sizeof(pb_migration), .number = 1, .statements = tables},
};

pb_status schema_open(pb_instance *database)
{
    if (pb_db_dialect(database) != PB_DIALECT_SQLITE)
        return pb_fail(PB_UNSUPPORTED,
                       "the embedded vector store needs a database that speaks SQLite; '%.*s' does "
                       "not",
                       PB_ARG(pb_instance_name(database)));
    return pb_db_migrate(database, "embedded", migrations, sizeof migrations / sizeof *migrations);
}
