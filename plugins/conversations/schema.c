/* schema.c - the tables. Integer keys for what is scanned, UUIDs for the world outside.
 *
 * `seq` orders the messages of a conversation and is unique there; `running` names the turn that
 * holds the conversation. Together they decide when two turns come at once. While a turn runs, the
 * seq before next_seq is its reply's; the row comes with the reply, or with the first that is saved
 * of it.
 *
 * Messages of all conversations lie in the order in which they were written: the many that one
 * commit writes share a few pages, whose number is what a commit costs.
 */
#include "conversations.h"

/* One step; released steps never change. `state`: 0 there, 1 archived, 2 deleted. Statuses of a
 * message: 0 done, 1 running, 2 cancelled, 3 interrupted, 4 failed. */
static const char *const tables[] = {
    "CREATE TABLE conversations ("
    "id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, tenant TEXT NOT NULL, owner TEXT NOT NULL, "
    "title TEXT, titled INTEGER NOT NULL DEFAULT 0, pipeline TEXT NOT NULL, "
    "created BIGINT NOT NULL, updated BIGINT NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, "
    "archived_at BIGINT, deleted_at BIGINT, tags TEXT, forked_from BLOB, "
    "next_seq BIGINT NOT NULL DEFAULT 1, version BIGINT NOT NULL DEFAULT 0, "
    "running BLOB, running_node TEXT, running_reply BLOB, "
    "state INTEGER NOT NULL GENERATED ALWAYS AS (CASE WHEN deleted_at IS NOT NULL THEN 2 "
    "WHEN archived_at IS NOT NULL THEN 1 ELSE 0 END) STORED)",
    "CREATE UNIQUE INDEX conversations_uuid ON conversations (uuid)",
    "CREATE INDEX conversations_list ON conversations (tenant, owner, state, updated, id)",
    "CREATE INDEX conversations_running ON conversations (id) WHERE running IS NOT NULL",

    "CREATE TABLE messages ("
    "id INTEGER PRIMARY KEY, conversation BIGINT NOT NULL, seq BIGINT NOT NULL, "
    "uuid BLOB NOT NULL, tenant TEXT NOT NULL, owner TEXT NOT NULL, role INTEGER NOT NULL, "
    "text TEXT NOT NULL, extra TEXT, status INTEGER NOT NULL, reason TEXT, turn BLOB, node TEXT, "
    "llm TEXT, model TEXT, input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, "
    "cost DOUBLE PRECISION, latency BIGINT, finish INTEGER, created BIGINT NOT NULL, "
    "superseded_by BLOB, deleted_at BIGINT)",
    "CREATE UNIQUE INDEX messages_order ON messages (conversation, seq)",
    "CREATE UNIQUE INDEX messages_uuid ON messages (uuid)",

    "CREATE TABLE conversation_tags (conversation BIGINT NOT NULL, tag TEXT NOT NULL, "
    "PRIMARY KEY (conversation, tag))",

    "CREATE TABLE conversation_queue (id INTEGER PRIMARY KEY, conversation BIGINT NOT NULL, "
    "turn BLOB NOT NULL, node TEXT NOT NULL)",
    "CREATE INDEX conversation_queue_order ON conversation_queue (conversation, id)",

    /* What was said is put there later, many at a time, in the order of the messages' integer keys:
     * all up to `upto` are there (keeper.c). No trigger does it, because a statement with one keeps
     * a journal of its own. */
    "CREATE TABLE conversations_search (id INTEGER PRIMARY KEY, upto BIGINT NOT NULL)",
    "INSERT INTO conversations_search (id, upto) VALUES (1, 0)",
    "CREATE VIRTUAL TABLE messages_fts USING fts5 (who, body, content = '', "
    "tokenize = 'unicode61 remove_diacritics 2')",
    NULL,
};

/* Grows with each edit of what the owner says of it: title, tags, marks. `version` grows with what a model
 * would see. */
static const char *const revisions[] = {
    "ALTER TABLE conversations ADD COLUMN revision BIGINT NOT NULL DEFAULT 1",
    NULL,
};

static const pb_migration migrations[] = {
    {.size = sizeof(pb_migration), .number = 1, .statements = tables},
    {.size = sizeof(pb_migration), .number = 2, .statements = revisions},
};

pb_status schema_open(pb_instance *database)
{
    if (pb_db_dialect(database) != PB_DIALECT_SQLITE)
        return pb_fail(PB_UNSUPPORTED,
                       "conversations are kept in a database that speaks SQLite; '%.*s' does not",
                       PB_ARG(pb_instance_name(database)));
    return pb_db_migrate(database, "conversations", migrations,
                         sizeof migrations / sizeof *migrations);
}
