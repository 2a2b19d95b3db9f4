/* sql.h - every statement of this plugin, by name: X(name, text).
 *
 * One list, so that the plans of all of them can be tested. $1 of a statement about a collection by
 * name is that name; a collection belongs to one tenant, and everything else hangs off its number.
 */
#ifndef PLUGIN_EMBEDDED_SQL_H
#define PLUGIN_EMBEDDED_SQL_H

#include <patchbay/types.h>

#define COLLECTION "(SELECT id FROM vector_collections WHERE tenant = $tenant AND name = $1)"
#define VERSION    "(SELECT version FROM vector_collections WHERE tenant = $tenant AND name = $1)"
#define STAMP      "(SELECT stamp FROM vector_collections WHERE tenant = $tenant AND name = $1)"

/* What a passage is made of; see rows.c. */
#define PASSAGE_COLUMNS                                                                            \
    "p.id, p.document, p.idx, p.uid, p.page, p.line, p.lines, p.tokens, p.heading, p.text, "       \
    "p.url, "                                                                                      \
    "d.document_id, d.name, d.metadata, f.vector"

/* Passages of documents that are no more, oldest first, so many at a time. */
#define DEAD                                                                                       \
    "(SELECT p.id FROM (SELECT id FROM vector_documents WHERE state = 2 ORDER BY id LIMIT 1024) "  \
    "AS d CROSS JOIN vector_passages AS p ON p.document = d.id LIMIT 1024)"

#define EMBEDDED_SQL(X)                                                                            \
    X(collection_find, "SELECT id, dimensions, version, stamp FROM vector_collections "            \
                       "WHERE tenant = $tenant AND name = $1")                                     \
    X(collection_make,                                                                             \
      "INSERT INTO vector_collections (tenant, name, dimensions, version, stamp) "                 \
      "VALUES ($tenant, $1, 0, 0, 0) ON CONFLICT (tenant, name) DO NOTHING")                       \
    X(collection_put,                                                                              \
      "INSERT INTO vector_collections (tenant, name, dimensions, version, stamp) "                 \
      "VALUES ($tenant, $1, $2, 1, random()) ON CONFLICT (tenant, name) DO UPDATE "                \
      "SET version = version + 1, stamp = excluded.stamp, dimensions = "                           \
      "max(dimensions, excluded.dimensions) WHERE dimensions = 0 OR "                              \
      "excluded.dimensions IN (0, dimensions) RETURNING id")                                       \
    X(collection_touch, "UPDATE vector_collections SET version = version + 1, stamp = random() "   \
                        "WHERE tenant = $tenant AND name = $1")                                    \
    X(document_retire,                                                                             \
      "UPDATE vector_documents SET state = 2, version = " VERSION                                  \
      " WHERE collection = " COLLECTION " AND document_id = $2 AND state = 1 RETURNING passages")  \
    X(document_retire_many,                                                                        \
      "UPDATE vector_documents SET state = 2, version = " VERSION                                  \
      " WHERE id IN (SELECT value FROM json_each($2)) AND state = 1 AND collection = " COLLECTION  \
      " RETURNING passages")                                                                       \
    X(document_add,                                                                                \
      "INSERT INTO vector_documents (collection, document_id, state, version, stamp, passages, "   \
      "name, type, tags, access, metadata, attributes, created) SELECT id, $2, $3, "               \
      "CASE $3 WHEN 1 THEN version ELSE 0 END, stamp, $4, $5, $6, $7, $8, $9, $10, $11 "           \
      "FROM vector_collections WHERE tenant = $tenant AND name = $1 RETURNING id")                 \
    X(document_show,                                                                               \
      "UPDATE vector_documents SET state = 1, version = " VERSION ", stamp = " STAMP               \
      " WHERE id = $2 AND state = 0 AND collection = " COLLECTION)                                 \
    X(document_relabel,                                                                            \
      "UPDATE vector_documents SET version = " VERSION ", stamp = " STAMP                          \
      ", type = $3, tags = $4, access = $5, "                                                      \
      "metadata = $6, attributes = $7 WHERE id = $2 AND state = 1 AND collection = " COLLECTION)   \
    X(document_shrink,                                                                             \
      "UPDATE vector_documents SET version = " VERSION ", stamp = " STAMP ", passages = "          \
      "(SELECT count(*) FROM vector_passages WHERE document = vector_documents.id) "               \
      "WHERE id IN (SELECT value FROM json_each($2)) AND state = 1 AND collection = " COLLECTION)  \
    X(document_find, "SELECT id, name, type, passages FROM vector_documents "                      \
                     "WHERE collection = $1 AND document_id = $2 AND state = 1")                   \
    X(document_page, "SELECT id, document_id, passages FROM vector_documents "                     \
                     "WHERE collection = $1 AND state = 1 AND document_id > $2 "                   \
                     "ORDER BY document_id LIMIT 256")                                             \
    X(document_forget, "UPDATE vector_documents SET state = 2 WHERE state = 0 AND created < $1")   \
    X(change_log, "INSERT INTO vector_changes (collection, version, document, stamp) "             \
                  "SELECT c.id, c.version, d.id, c.stamp FROM vector_collections AS c "            \
                  "JOIN vector_documents AS d ON d.collection = c.id AND d.version = c.version "   \
                  "WHERE c.tenant = $tenant AND c.name = $1")                                      \
    X(passage_add, "INSERT INTO vector_passages (document, idx, uid, page, line, lines, tokens, "  \
                   "heading, text, "                                                               \
                   "url) VALUES (coalesce($1, (SELECT max(id) FROM vector_documents)), $2, $3, "   \
                   "$4, $5, $6, $7, "                                                              \
                   "$8, $9, $10)")                                                                 \
    X(float_add, "INSERT INTO vector_floats (id, vector) VALUES (last_insert_rowid(), $1)")        \
    X(float_drop, "DELETE FROM vector_floats WHERE id IN (SELECT value FROM json_each($1))")       \
    X(passage_drop, "DELETE FROM vector_passages WHERE id IN (SELECT value FROM json_each($1))")   \
    X(sweep_floats, "DELETE FROM vector_floats WHERE id IN " DEAD)                                 \
    X(sweep_passages, "DELETE FROM vector_passages WHERE id IN " DEAD)                             \
    X(sweep_documents,                                                                             \
      "DELETE FROM vector_documents WHERE id IN (SELECT d.id FROM vector_documents AS d "          \
      "WHERE d.state = 2 AND NOT EXISTS (SELECT 1 FROM vector_passages AS p "                      \
      "WHERE p.document = d.id) ORDER BY d.id LIMIT 1024)")                                        \
    X(change_stamp,                                                                                \
      "SELECT stamp, (SELECT min(version) FROM vector_changes WHERE collection = $1) "             \
      "FROM (SELECT stamp FROM vector_changes WHERE collection = $1 AND version = $2 UNION ALL "   \
      "SELECT stamp FROM vector_documents WHERE collection = $1 AND version = $2) LIMIT 1")        \
    X(change_weight, "SELECT count(*) FROM vector_changes WHERE collection = $1 AND version > $2 " \
                     "AND version <= $3")                                                          \
    X(document_weight, "SELECT coalesce(sum(passages), 0) FROM vector_documents "                  \
                       "WHERE collection = $1 AND version > $2 AND version <= $3 AND state = 1")   \
    X(change_page, "SELECT version, document FROM vector_changes WHERE collection = $1 "           \
                   "AND (version, document) > ($2, $3) AND version <= $4 "                         \
                   "ORDER BY version, document LIMIT 4096")                                        \
    X(change_again,                                                                                \
      "SELECT 1 WHERE (SELECT min(version) FROM vector_changes WHERE collection = $1) > $3 + 1 "   \
      "OR EXISTS (SELECT 1 FROM vector_changes AS later CROSS JOIN vector_changes AS c "           \
      "WHERE later.collection = $1 AND later.version > $2 AND c.collection = $1 "                  \
      "AND c.version > $3 AND c.version <= $2 AND c.document = later.document)")                   \
    X(change_prune, "DELETE FROM vector_changes WHERE collection = $1 AND version < min($2, "      \
                    "(SELECT min(version) FROM vector_changes WHERE collection = $1) + 20000)")    \
    X(build_documents,                                                                             \
      "SELECT id, version, stamp, passages, attributes FROM vector_documents INDEXED BY "          \
      "vector_documents_version WHERE collection = $1 AND (version, id) > ($2, $3) "               \
      "AND version <= $4 AND state = 1 ORDER BY version, id LIMIT 256")                            \
    X(build_passages,                                                                              \
      "SELECT p.id, p.document, p.idx, p.heading, p.text, f.vector FROM json_each($1) AS j "       \
      "CROSS JOIN vector_passages AS p ON p.document = j.value "                                   \
      "LEFT JOIN vector_floats AS f ON f.id = p.id")                                               \
    X(build_long,                                                                                  \
      "SELECT p.id, p.document, p.idx, p.heading, p.text, f.vector FROM vector_passages AS p "     \
      "LEFT JOIN vector_floats AS f ON f.id = p.id WHERE p.document = $1 "                         \
      "AND (p.idx, p.id) > ($2, $3) ORDER BY p.idx, p.id LIMIT 512")                               \
    X(fetch_floats, "SELECT f.id, f.vector FROM json_each($1) AS j CROSS JOIN vector_floats AS f " \
                    "ON f.id = j.value")                                                           \
    X(fetch_passages,                                                                              \
      "SELECT " PASSAGE_COLUMNS " FROM json_each($1) AS j CROSS JOIN vector_passages AS p "        \
      "ON p.id = j.value JOIN vector_documents AS d ON d.id = p.document AND d.state = 1 "         \
      "AND d.collection = $2 LEFT JOIN vector_floats AS f ON f.id = p.id AND $3 = 1")              \
    X(get_ids,                                                                                     \
      "SELECT " PASSAGE_COLUMNS " FROM json_each($1) AS j CROSS JOIN vector_passages AS p "        \
      "ON p.uid = j.value JOIN vector_documents AS d ON d.id = p.document AND d.state = 1 "        \
      "AND d.collection = $2 LEFT JOIN vector_floats AS f ON f.id = p.id AND $3 = 1 "              \
      "ORDER BY d.document_id, p.idx, p.id")                                                       \
    X(get_document,                                                                                \
      "SELECT " PASSAGE_COLUMNS " FROM vector_documents AS d CROSS JOIN vector_passages AS p "     \
      "ON p.document = d.id LEFT JOIN vector_floats AS f ON f.id = p.id AND $2 = 1 "               \
      "WHERE d.id = $1 AND d.state = 1 AND (p.idx, p.id) > ($3, $4) AND p.idx <= $5 "              \
      "ORDER BY p.idx, p.id LIMIT $6")

#define DECLARE(name, text) extern const pb_str sql_##name;
EMBEDDED_SQL(DECLARE)
#undef DECLARE

#endif
