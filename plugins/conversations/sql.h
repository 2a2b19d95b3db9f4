/* sql.h - every statement of this plugin, by name: X(name, text).
 *
 * One list, so that the plans of all of them can be tested. Portable between SQLite and PostgreSQL
 * but for search_…, which is SQLite's full-text index.
 */
#ifndef PLUGIN_CONVERSATIONS_SQL_H
#define PLUGIN_CONVERSATIONS_SQL_H

#define CONVERSATION_COLUMNS                                                                       \
    "c.id, c.uuid, c.title, c.pipeline, c.created, c.updated, c.pinned, c.archived_at, "           \
    "c.deleted_at, c.tags, c.running, c.running_node, c.forked_from, c.owner, c.titled, c.revision"

#define MESSAGE_COLUMNS                                                                            \
    "m.id, m.seq, m.uuid, m.role, m.text, m.extra, m.status, m.reason, m.turn, m.node, m.llm, "    \
    "m.model, m.input_tokens, m.output_tokens, m.cached_tokens, m.cost, m.latency, m.finish, "     \
    "m.created, m.superseded_by, m.deleted_at"

/* A message gets the last integer key when it is whole: the full-text index takes them in that order. */
#define LAST_KEY "id = (SELECT max(w.id) + 1 FROM messages AS w)"

/* The next messages for the full-text index: above the last that it has. */
#define SEARCHED "(SELECT upto FROM conversations_search WHERE id = 1)"
#define SEARCHABLE                                                                                 \
    "(SELECT max(n.id) FROM (SELECT w.id FROM messages AS w WHERE w.id > " SEARCHED " "            \
    "ORDER BY w.id LIMIT $1) AS n)"

/* The integer key of a conversation that this owner may change. */
#define OWN(uuid, owner)                                                                           \
    "(SELECT id FROM conversations WHERE tenant = $tenant AND uuid = " uuid " AND owner = " owner  \
    " AND deleted_at IS NULL)"

#define LIST_WHERE                                                                                 \
    "c.tenant = $tenant AND c.owner = $1 AND c.state = $2 AND (c.updated, c.id) < ($3, $4) "       \
    "AND ($5 IS NULL OR c.pinned = $5) AND ($6 IS NULL OR c.pipeline = $6) "                       \
    "AND ($7 IS NULL OR EXISTS (SELECT 1 FROM conversation_tags AS t WHERE t.conversation = c.id " \
    "AND t.tag = $7)) "

#define LIST_ORDER "ORDER BY c.updated DESC, c.id DESC LIMIT $8"

/* What a statement about one conversation needs: the owner's, or an administrator's eyes. */
#define READABLE "c.tenant = $tenant AND c.uuid = $1 AND (c.owner = $2 OR $3 = 1) AND c.deleted_at IS NULL"

#define CONVERSATION_SQL(X)                                                                        \
    /* --- a turn (no RETURNING here: SQLite makes a table for it each time) --------------------------------------------------------------------------- */ \
    X(claim, "UPDATE conversations SET running = $1, running_node = $2, running_reply = $8, "      \
             "next_seq = next_seq + $3, pipeline = $7 "                                            \
             "WHERE tenant = $tenant AND uuid = $5 AND owner = $4 AND deleted_at IS NULL "         \
             "AND running IS NULL AND NOT EXISTS (SELECT 1 FROM conversation_queue AS q "          \
             "WHERE q.conversation = conversations.id AND q.id < $6)")                             \
    X(create, "INSERT INTO conversations (uuid, tenant, owner, title, pipeline, created, updated, " \
              "next_seq, running, running_node, running_reply) "                                   \
              "VALUES ($1, $tenant, $2, $3, $4, $5, $5, $6 + 1, $7, $8, $9) "                      \
              "ON CONFLICT (uuid) DO UPDATE SET running = excluded.running, "                      \
              "running_node = excluded.running_node, running_reply = excluded.running_reply, "     \
              "next_seq = conversations.next_seq + $6 "                                            \
              "WHERE conversations.running IS NULL AND conversations.tenant = excluded.tenant "    \
              "AND conversations.owner = excluded.owner")                                          \
    X(claimed, "SELECT id, next_seq, version FROM conversations WHERE tenant = $tenant AND uuid = $1") \
    /* … where this worker knows how the conversation stood a moment ago */                        \
    X(claim_known, "UPDATE conversations SET running = $1, running_node = $2, running_reply = $3, " \
                   "next_seq = next_seq + $4, pipeline = $5 WHERE tenant = $tenant AND id = $6 "   \
                   "AND owner = $7 AND version = $8 AND next_seq = $9 AND running IS NULL "        \
                   "AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM conversation_queue AS q " \
                   "WHERE q.conversation = $6)")                                                   \
    X(say_known, "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, extra, " \
                 "status, turn, created) VALUES ($9, $1, $2, $tenant, $3, $4, $5, $6, 0, $7, $8) " \
                 "ON CONFLICT (uuid) DO NOTHING")                                                  \
    X(supersede, "UPDATE messages SET superseded_by = $1 WHERE tenant = $tenant "                  \
                 "AND conversation = " OWN("$2", "$3") " AND seq >= $4 "                           \
                 "AND (superseded_by IS NULL OR superseded_by = $1) "                              \
                 "AND turn IS DISTINCT FROM $1")                                                   \
    X(say, "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, extra, "     \
           "status, turn, created) SELECT c.id, c.next_seq - $1, $2, c.tenant, $3, $4, $5, $6, 0, " \
           "$7, $8 FROM conversations AS c WHERE c.tenant = $tenant AND c.uuid = $9 "              \
           "ON CONFLICT (uuid) DO NOTHING")                                                        \
    X(blocked, "SELECT c.id, c.running, c.running_node, q.id, q.node FROM conversations AS c "     \
               "LEFT JOIN conversation_queue AS q ON q.id = (SELECT min(w.id) "                    \
               "FROM conversation_queue AS w WHERE w.conversation = c.id) "                        \
               "WHERE c.tenant = $tenant AND c.uuid = $1 AND c.owner = $2 "                        \
               "AND c.deleted_at IS NULL")                                                         \
    X(target, "SELECT m.seq, m.role, m.superseded_by, m.status FROM messages AS m "                \
              "JOIN conversations AS c ON c.id = m.conversation WHERE m.tenant = $tenant "         \
              "AND m.uuid = $1 AND c.uuid = $2 AND c.tenant = $tenant AND c.owner = $3 "           \
              "AND c.deleted_at IS NULL AND m.deleted_at IS NULL")                                 \
    X(recall, "SELECT seq, role, text, extra, status, output_tokens FROM messages "                \
              "WHERE tenant = $tenant AND conversation = $1 AND seq < $2 "                         \
              "AND superseded_by IS NULL AND deleted_at IS NULL AND turn IS DISTINCT FROM $4 "     \
              "ORDER BY seq DESC LIMIT $3")                                                        \
    X(checkpoint, "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, "     \
                  "extra, status, turn, node, created) SELECT c.id, c.next_seq - 1, "              \
                  "c.running_reply, c.tenant, c.owner, 2, $1, $2, 1, c.running, c.running_node, $5 " \
                  "FROM conversations AS c WHERE c.tenant = $tenant AND c.id = $3 "                \
                  "AND c.running = $4 ON CONFLICT (uuid) DO UPDATE SET seq = excluded.seq, "       \
                  "text = excluded.text, extra = excluded.extra, status = 1, reason = NULL, "      \
                  "node = excluded.node")                                                          \
    X(finish, "INSERT INTO messages (text, extra, status, reason, llm, model, input_tokens, "      \
              "output_tokens, cached_tokens, cost, latency, finish, conversation, seq, turn, uuid, " \
              "owner, created, tenant, role) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, " \
              "$12, $13, $14, $15, $16, $17, $18, $tenant, 2) ON CONFLICT (uuid) DO UPDATE SET "   \
              LAST_KEY ", seq = excluded.seq, text = excluded.text, extra = excluded.extra, "      \
              "status = excluded.status, reason = excluded.reason, node = NULL, "                  \
              "llm = excluded.llm, model = excluded.model, "                                       \
              "input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, "     \
              "cached_tokens = excluded.cached_tokens, cost = excluded.cost, "                     \
              "latency = excluded.latency, finish = excluded.finish "                              \
              "WHERE messages.tenant = excluded.tenant AND messages.turn = excluded.turn")         \
    X(release, "UPDATE conversations SET running = NULL, running_node = NULL, "                    \
               "running_reply = NULL, updated = $1, "                                              \
               "version = version + 1 WHERE tenant = $tenant AND id = $2 AND running = $3")        \
    X(release_known, "UPDATE conversations SET running = NULL, running_node = NULL, "              \
                     "running_reply = NULL, updated = $1, version = version + 1 "                  \
                     "WHERE tenant = $tenant AND id = $2 AND running = $3 AND version = $4 "       \
                     "AND NOT EXISTS (SELECT 1 FROM conversation_queue AS q "                      \
                     "WHERE q.conversation = $2)")                                                 \
    X(released, "SELECT version, EXISTS (SELECT 1 FROM conversation_queue AS q "                   \
                "WHERE q.conversation = c.id) FROM conversations AS c "                            \
                "WHERE c.tenant = $tenant AND c.id = $1")                                          \
    /* --- waiting for one's turn ----------------------------------------------------------- */   \
    X(enlist, "INSERT INTO conversation_queue (conversation, turn, node) SELECT $1, $2, $3 "       \
              "WHERE (SELECT count(*) FROM conversation_queue WHERE conversation = $1) < $4 "      \
              "RETURNING id")                                                                      \
    X(unlist, "DELETE FROM conversation_queue WHERE id = $1 AND node = $2")                        \
    /* --- what dead workers left ----------------------------------------------------------- */   \
    X(running, "SELECT id, uuid, running, running_node FROM conversations "                        \
               "WHERE running IS NOT NULL AND id > $1 ORDER BY id LIMIT $2")                       \
    X(take_over, "UPDATE conversations SET running = NULL, running_node = NULL, "                  \
                 "running_reply = NULL, version = version + 1 "                                    \
                 "WHERE id = $1 AND running = $2 AND running_node = $3")                           \
    X(interrupt, "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, "      \
                 "status, reason, turn, node, created) SELECT c.id, c.next_seq - 1, "              \
                 "c.running_reply, c.tenant, c.owner, 2, '', 3, $4, c.running, c.running_node, $5 " \
                 "FROM conversations AS c WHERE c.id = $1 AND c.running = $2 "                     \
                 "AND c.running_node = $3 ON CONFLICT (uuid) DO UPDATE SET " LAST_KEY ", "         \
                 "seq = excluded.seq, status = 3, reason = excluded.reason "                       \
                 "WHERE messages.status <> 0")                                                     \
    X(queued, "SELECT id, node FROM conversation_queue WHERE id > $1 ORDER BY id LIMIT $2")        \
    /* --- reading -------------------------------------------------------------------------- */   \
    X(list, "SELECT " CONVERSATION_COLUMNS " FROM conversations AS c WHERE " LIST_WHERE LIST_ORDER) \
    X(search, "SELECT " CONVERSATION_COLUMNS " FROM conversations AS c WHERE " LIST_WHERE          \
              "AND c.id IN (SELECT m.conversation FROM messages_fts "                              \
              "JOIN messages AS m ON m.id = messages_fts.rowid WHERE messages_fts MATCH $9 "       \
              "AND m.tenant = $tenant AND m.superseded_by IS NULL AND m.deleted_at IS NULL) "      \
              LIST_ORDER)                                                                          \
    X(get, "SELECT " CONVERSATION_COLUMNS " FROM conversations AS c WHERE " READABLE)              \
    X(forward, "SELECT " MESSAGE_COLUMNS " FROM messages AS m WHERE m.tenant = $tenant "           \
               "AND m.conversation = $1 AND m.seq > $2 AND ($3 = 1 OR m.superseded_by IS NULL) "   \
               "AND ($4 = 1 OR m.deleted_at IS NULL) ORDER BY m.seq LIMIT $5")                     \
    X(backward, "SELECT " MESSAGE_COLUMNS " FROM messages AS m WHERE m.tenant = $tenant "          \
                "AND m.conversation = $1 AND m.seq < $2 "                                          \
                "AND ($3 = 1 OR m.superseded_by IS NULL) "                                         \
                "AND ($4 = 1 OR m.deleted_at IS NULL) ORDER BY m.seq DESC LIMIT $5")               \
    X(message, "SELECT " MESSAGE_COLUMNS " FROM messages AS m WHERE m.tenant = $tenant "           \
               "AND m.uuid = $1 AND m.conversation = $2")                                          \
    X(last, "SELECT m.uuid, m.role FROM messages AS m WHERE m.tenant = $tenant "                   \
            "AND m.conversation = $1 AND m.superseded_by IS NULL "                                 \
            "AND m.deleted_at IS NULL AND m.role IN (1, 2) ORDER BY m.seq DESC LIMIT 1")           \
    /* --- changing ------------------------------------------------------------------------- */   \
    X(update, "UPDATE conversations AS c SET title = COALESCE($1, title), "                        \
              "titled = CASE WHEN $1 IS NULL THEN titled ELSE 1 END, "                             \
              "pinned = COALESCE($2, pinned), archived_at = CASE WHEN $3 IS NULL THEN archived_at " \
              "WHEN $3 = 1 THEN COALESCE(archived_at, $4) ELSE NULL END, "                         \
              "tags = COALESCE($5, tags), revision = revision + 1 "                               \
              "WHERE c.tenant = $tenant AND c.uuid = $6 AND c.owner = $7 "                         \
              "AND c.deleted_at IS NULL AND ($8 = 0 OR c.revision = $8)")                                         \
    X(untag, "DELETE FROM conversation_tags WHERE conversation = " OWN("$1", "$2"))                \
    X(tag, "INSERT INTO conversation_tags (conversation, tag) SELECT id, $1 FROM conversations "   \
           "WHERE tenant = $tenant AND uuid = $2 AND owner = $3 ON CONFLICT DO NOTHING")           \
    X(remove, "UPDATE conversations SET deleted_at = COALESCE(deleted_at, $1), "                   \
              "revision = revision + 1 WHERE tenant = $tenant AND uuid = $2 AND owner = $3 "       \
              "AND ($4 = 0 OR revision = $4) RETURNING running")                                   \
    X(restore, "UPDATE conversations SET deleted_at = NULL, revision = revision + 1 "              \
               "WHERE tenant = $tenant AND uuid = $1 AND owner = $2 "                              \
               "AND ($3 = 0 OR revision = $3)")                                                    \
    X(remove_message, "UPDATE messages SET deleted_at = COALESCE(deleted_at, $1) "                 \
                      "WHERE tenant = $tenant AND uuid = $2 AND status <> 1 "                      \
                      "AND conversation = " OWN("$3", "$4"))                                       \
    X(restore_message, "UPDATE messages SET deleted_at = NULL "                                    \
                       "WHERE tenant = $tenant AND uuid = $1 "                                     \
                       "AND conversation = " OWN("$2", "$3"))                                      \
    X(change, "UPDATE conversations SET version = version + 1 "                                    \
              "WHERE tenant = $tenant AND uuid = $1 AND owner = $2")                               \
    /* --- whole conversations that come from elsewhere ------------------------------------- */   \
    X(copy, "INSERT INTO conversations (uuid, tenant, owner, title, titled, pipeline, created, "   \
            "updated, pinned, archived_at, deleted_at, tags, forked_from, next_seq) "              \
            "VALUES ($1, $tenant, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1)")              \
    X(copy_message, "INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, "   \
                    "extra, status, reason, turn, llm, model, input_tokens, output_tokens, "       \
                    "cached_tokens, cost, latency, finish, created, superseded_by) SELECT c.id, $1, " \
                    "$2, c.tenant, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, " \
                    "$17, $18, $19 FROM conversations AS c "                                       \
                    "WHERE c.tenant = $tenant AND c.uuid = $20")                                   \
    X(copied, "UPDATE conversations SET deleted_at = NULL, next_seq = $1 "                         \
              "WHERE tenant = $tenant AND uuid = $2")                                              \
    /* --- the full-text index -------------------------------------------------------------- */   \
    X(search_behind, "SELECT EXISTS (SELECT 1 FROM messages AS m WHERE m.id > " SEARCHED ")")      \
    X(search_add, "INSERT INTO messages_fts (rowid, who, body) SELECT m.id, "                      \
                  "'o' || hex(m.tenant) || 'x' || hex(m.owner), m.text "                           \
                  "FROM messages AS m WHERE m.id > " SEARCHED " AND m.id <= " SEARCHABLE " "       \
                  "AND m.status <> 1 AND m.text <> ''")                                            \
    X(search_done, "UPDATE conversations_search SET upto = " SEARCHABLE " "                        \
                   "WHERE id = 1 AND EXISTS (SELECT 1 FROM messages AS m WHERE m.id > upto)")

#ifdef PATCHBAY_MEMORY_H
#define CONVERSATION_SQL_DECLARE(name, text) extern const pb_str sql_##name;
CONVERSATION_SQL(CONVERSATION_SQL_DECLARE)
#undef CONVERSATION_SQL_DECLARE
#endif

#endif
