/* sql.h - every statement of this plugin, by name: X(name, text).
 *
 * One list, so that the plans of all of them can be tested. Labels and tags are JSON lists in their
 * rows: who may see a document is decided row by row, along a key.
 */
#ifndef PLUGIN_KNOWLEDGE_SQL_H
#define PLUGIN_KNOWLEDGE_SQL_H

#define COLLECTION_COLUMNS                                                                         \
    "c.id, c.name, c.owner, c.description, c.access, c.tags, c.configured, c.model, "              \
    "c.dimensions, c.refused, c.created, c.updated"

#define DOCUMENT_COLUMNS                                                                           \
    "d.id, d.uuid, d.owner, c.name, d.name, d.type, d.size, d.digest, d.url, d.source, "           \
    "d.source_id, d.version, d.ready_version, d.title, d.metadata, d.tags, d.access, d.state, "    \
    "d.stage, d.progress, d.error, d.chunks, d.tokens, d.retrievals, d.used, d.created, "          \
    "d.updated, d.blob, d.collection, d.revision, d.deleted"
#define DOCUMENTS "knowledge_documents AS d JOIN knowledge_collections AS c ON c.id = d.collection "

#define JOB_COLUMNS                                                                                \
    "j.id, j.uuid, j.kind, j.state, j.attempts, j.not_before, j.node, j.stage, j.progress, "       \
    "j.error, j.created, j.started, j.ended, d.uuid, c.name"
#define JOBS                                                                                       \
    "knowledge_jobs AS j JOIN knowledge_collections AS c ON c.id = j.collection "                  \
    "LEFT JOIN knowledge_documents AS d ON d.id = j.document "

/* May who asks see the row? `me` is who, `labels` a JSON list, `all` 1 for administrators. */
#define SHARED(row, me, labels, all)                                                               \
    "(" all " = 1 OR " row ".owner = " me " OR EXISTS (SELECT 1 FROM json_each(" row ".access) "   \
    "AS a WHERE a.value IN (SELECT value FROM json_each(" labels "))))"

#define THERE(row) row ".tenant = $tenant AND " row ".deleted IS NULL"

/* The filters of lists: $5 state, $6 tag, $7 type, $8 name, $9 only of whom. */
#define DOCUMENT_FILTERS                                                                           \
    "AND ($5 IS NULL OR d.state = $5) AND ($6 IS NULL OR EXISTS (SELECT 1 FROM json_each(d.tags) " \
    "AS t WHERE t.value = $6)) AND ($7 IS NULL OR d.type = $7) "                                   \
    "AND ($8 IS NULL OR instr(lower(d.name), lower($8)) > 0) AND ($9 IS NULL OR d.owner = $9) "

#define INSERT_JOB                                                                                 \
    "INSERT INTO knowledge_jobs (uuid, tenant, owner, collection, document, kind, state, "         \
    "not_before, node, created) "

#define KNOWLEDGE_SQL(X)                                                                           \
    /* --- collections                                                                             \
     * ------------------------------------------------------------------------------ */           \
    X(collection_configure,                                                                        \
      "INSERT INTO knowledge_collections (tenant, name, description, access, "                     \
      "tags, configured, created, updated) VALUES ($1, $2, $3, $4, $5, 1, $6, $6) "                \
      "ON CONFLICT (tenant, name) WHERE deleted IS NULL DO UPDATE SET description = "              \
      "excluded.description, access = excluded.access, tags = excluded.tags, configured = 1")      \
    X(collection_create,                                                                           \
      "INSERT INTO knowledge_collections (tenant, owner, name, description, "                      \
      "access, tags, created, updated) VALUES ($tenant, $1, $2, $3, $4, $5, $6, $6) "              \
      "ON CONFLICT (tenant, name) WHERE deleted IS NULL DO NOTHING")                               \
    X(collection_list,                                                                             \
      "SELECT " COLLECTION_COLUMNS " FROM knowledge_collections AS c WHERE " THERE(                \
          "c") " AND c.id > $4 AND " SHARED("c", "$1", "$2", "$3") " ORDER BY c.id LIMIT $5")      \
    X(collection_get,                                                                              \
      "SELECT " COLLECTION_COLUMNS " FROM knowledge_collections AS c WHERE " THERE(                \
          "c") " AND c.name = $4 AND " SHARED("c", "$1", "$2", "$3"))                              \
    X(collection_update,                                                                           \
      "UPDATE knowledge_collections AS c SET description = COALESCE($1, "                          \
      "description), access = COALESCE($2, access), tags = COALESCE($3, tags), "                   \
      "updated = CASE WHEN updated < $4 THEN $4 ELSE updated + 1 END "                             \
      "WHERE " THERE("c") " AND c.id = $5 AND ($6 = 0 OR c.updated = $6)")                         \
    X(collection_delete, "UPDATE knowledge_collections AS c SET deleted = $1, updated = $1, "      \
                         "revision = revision + 1 WHERE " THERE("c") " AND c.id = $2 "             \
                         "AND ($3 = 0 OR c.updated = $3)")                                         \
    X(collection_empty, "UPDATE knowledge_documents AS d SET deleted = $1, updated = $1, "         \
                        "state = 4 WHERE " THERE("d") " AND d.collection = $2")                    \
    X(collection_model, "UPDATE knowledge_collections AS c SET model = $1, dimensions = $2, "      \
                        "refused = NULL WHERE " THERE("c") " AND c.id = $3")                       \
    X(collection_refuse,                                                                           \
      "UPDATE knowledge_collections AS c SET refused = $1 WHERE " THERE("c") " AND c.id = $2")     \
    X(collection_touch, "UPDATE knowledge_collections AS c SET revision = revision + 1 "           \
                        "WHERE c.tenant = $tenant AND c.id = $1")                                  \
    X(collection_counts, "SELECT d.state, count(*), sum(d.chunks) FROM knowledge_documents AS d "  \
                         "WHERE " THERE("d") " AND d.collection = $1 GROUP BY d.state")            \
    X(collection_version, "SELECT count(*), total(c.revision), max(c.id) "                         \
                          "FROM knowledge_collections AS c WHERE " THERE("c"))                     \
    /* --- documents                                                                               \
     * -------------------------------------------------------------------------------- */         \
    X(document_list,                                                                               \
      "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENTS "WHERE " THERE(                                \
          "d") " AND d.id < $4 AND " SHARED("d", "$1", "$2", "$3") " " DOCUMENT_FILTERS            \
                                                                   "ORDER BY d.id DESC LIMIT $10") \
    X(document_list_in,                                                                            \
      "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENTS                                                \
      "WHERE " THERE("d") " AND d.collection = $11 AND d.id < $4 AND " SHARED(                     \
          "d", "$1", "$2", "$3") " " DOCUMENT_FILTERS "ORDER BY d.id DESC LIMIT $10")              \
    X(document_get,                                                                                \
      "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENTS "WHERE d.tenant = $tenant "                    \
      "AND d.uuid = $4 AND (d.deleted IS NULL OR $5 = 1) AND " SHARED("d", "$1", "$2", "$3"))      \
    X(document_changed,                                                                            \
      "SELECT " DOCUMENT_COLUMNS " FROM " DOCUMENTS "WHERE d.tenant = $tenant "                    \
      "AND (d.updated, d.id) > ($4, $5) AND " SHARED(                                              \
          "d", "$1", "$2",                                                                         \
          "$3") " AND ($7 IS NULL OR d.uuid = $7) ORDER BY d.updated, d.id LIMIT $6")              \
    X(document_visible,                                                                            \
      "SELECT d.uuid, d.id, d.url, d.title FROM knowledge_documents AS d "                         \
      "WHERE " THERE("d") " AND d.uuid IN (SELECT value FROM json_each($4)) AND " SHARED(          \
          "d", "$1", "$2", "$3"))                                                                  \
    X(document_same, "SELECT d.uuid, d.state, d.id FROM knowledge_documents AS d WHERE " THERE(    \
                         "d") " AND d.collection = $1 AND d.digest = $2 AND d.owner = $3 AND "     \
                              "d.source IS NULL LIMIT 1")                                          \
    X(document_named,                                                                              \
      "SELECT d.id, d.uuid, d.version FROM knowledge_documents AS d WHERE " THERE(                 \
          "d") " AND d.collection = $1 AND d.name = $2 AND d.owner = $3 AND d.source IS NULL "     \
               "LIMIT 1")                                                                          \
    X(document_insert,                                                                             \
      "INSERT INTO knowledge_documents (uuid, tenant, owner, collection, name, "                   \
      "type, size, digest, blob, url, source, source_id, source_digest, source_modified, "         \
      "metadata, tags, access, state, created, updated) SELECT $1, $tenant, $2, $3, $4, $5, $6, "  \
      "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $17 WHERE ($10 IS NOT NULL OR "      \
      "NOT EXISTS (SELECT 1 FROM knowledge_documents AS o WHERE " THERE(                           \
          "o") " AND o.collection = $3 AND o.owner = $2 AND o.source IS NULL AND o.name = $4) "    \
               "AND NOT EXISTS (SELECT 1 FROM knowledge_documents AS o WHERE " THERE(              \
                   "o") " AND o.collection = $3 AND o.owner = $2 AND o.source IS NULL AND "        \
                        "o.digest = $7)) "                                                         \
                        "AND EXISTS (SELECT 1 FROM knowledge_collections AS c WHERE " THERE(       \
                            "c") " AND c.id = $3)")                                                \
    X(document_renew,                                                                              \
      "UPDATE knowledge_documents AS d SET version = version + 1, type = $1, "                     \
      "size = $2, digest = $3, blob = $4, url = COALESCE($5, url), source_digest = $6, "           \
      "source_modified = $7, metadata = COALESCE($8, metadata), tags = COALESCE($9, tags), "       \
      "access = COALESCE($10, access), name = $14, state = 0, error = NULL, stage = NULL, "        \
      "progress = 0, updated = $11, revision = revision + 1 WHERE " THERE(                         \
          "d") " AND d.id = $12 AND d.version = $13")                                              \
    X(version_insert,                                                                              \
      "INSERT INTO knowledge_versions (document, version, tenant, owner, digest, "                 \
      "blob, type, size, created) SELECT d.id, d.version, d.tenant, d.owner, d.digest, d.blob, "   \
      "d.type, d.size, d.updated FROM knowledge_documents AS d WHERE d.tenant = $tenant "          \
      "AND d.uuid = $1")                                                                           \
    X(version_list, "SELECT v.version, v.digest, v.type, v.size, v.created, v.blob "               \
                    "FROM knowledge_versions AS v WHERE v.tenant = $tenant AND v.document = $1 "   \
                    "AND v.version < $2 ORDER BY v.version DESC LIMIT $3")                         \
    X(version_drop, "DELETE FROM knowledge_versions WHERE tenant = $tenant AND document = $1 "     \
                    "AND version = $2")                                                            \
    X(document_update,                                                                             \
      "UPDATE knowledge_documents AS d SET name = COALESCE($1, name), "                            \
      "metadata = COALESCE($2, metadata), tags = COALESCE($3, tags), "                             \
      "access = COALESCE($4, access), updated = $5, revision = revision + 1 WHERE " THERE(         \
          "d") " AND d.id = $6 AND ($7 = 0 OR d.revision + 1 = $7)")                               \
    X(document_delete, "UPDATE knowledge_documents AS d SET deleted = $1, updated = $1, "          \
                       "state = 4, revision = revision + 1 WHERE " THERE("d") " AND d.id = $2 "    \
                       "AND ($3 = 0 OR d.revision + 1 = $3)")                                      \
    X(document_requeue,                                                                            \
      "UPDATE knowledge_documents AS d SET state = 0, error = NULL, "                              \
      "stage = NULL, progress = 0, updated = $1 WHERE " THERE("d") " AND d.id = $2")               \
    X(document_requeue_all,                                                                        \
      "UPDATE knowledge_documents AS d SET state = 0, error = NULL, "                              \
      "stage = NULL, progress = 0, ready_version = 0, updated = $1 WHERE " THERE(                  \
          "d") " AND d.collection = $2")                                                           \
    X(document_stage, "UPDATE knowledge_documents SET state = 1, stage = $1, progress = $2, "      \
                      "updated = $3 WHERE tenant = $tenant AND id = $4 AND deleted IS NULL "       \
                      "RETURNING revision")                                                        \
    X(document_ready,                                                                              \
      "UPDATE knowledge_documents SET state = CASE WHEN version = $1 THEN 2 "                      \
      "ELSE state END, ready_version = $1, stage = NULL, progress = 1, error = NULL, title = $2, " \
      "chunks = $3, tokens = $4, updated = $5 WHERE tenant = $tenant AND id = $6 "                 \
      "AND deleted IS NULL")                                                                       \
    X(document_failed,                                                                             \
      "UPDATE knowledge_documents SET state = $1, stage = NULL, error = $2, "                      \
      "updated = $3 WHERE tenant = $tenant AND id = $4 AND version = $5 AND deleted IS NULL")      \
    X(document_lost,                                                                               \
      "UPDATE knowledge_documents SET state = $1, stage = NULL, error = $2, "                      \
      "updated = $3 WHERE tenant = $tenant AND id = $4 AND deleted IS NULL AND state < 2")         \
    X(document_used, "UPDATE knowledge_documents SET retrievals = retrievals + $1, used = $2 "     \
                     "WHERE id = $3")                                                              \
    X(documents_gone, "SELECT d.id FROM knowledge_documents AS d WHERE d.deleted IS NOT NULL "     \
                      "AND d.deleted < $1 AND NOT EXISTS (SELECT 1 FROM knowledge_jobs AS j "      \
                      "WHERE j.document = d.id) ORDER BY d.deleted LIMIT $2")                      \
    X(document_forget, "DELETE FROM knowledge_documents WHERE id = $1 AND deleted IS NOT NULL")    \
    /* --- documents of sources                                                                    \
     * --------------------------------------------------------------------- */                    \
    X(source_known,                                                                                \
      "SELECT d.source_id, d.id, d.uuid, d.source_digest, d.source_modified, "                     \
      "d.size, d.version, d.state, d.digest FROM knowledge_documents AS d WHERE " THERE(           \
          "d") " AND d.collection = $1 AND d.source = $2 AND d.source_id IN "                      \
               "(SELECT value FROM json_each($3))")                                                \
    X(source_all,                                                                                  \
      "SELECT d.source_id, d.id, d.uuid FROM knowledge_documents AS d WHERE " THERE(               \
          "d") " AND d.collection = $1 AND d.source = $2 AND d.source_id > $3 AND d.updated < $5 " \
               "ORDER BY d.source_id LIMIT $4")                                                    \
    X(source_same, "UPDATE knowledge_documents SET source_digest = $1, source_modified = $2 "      \
                   "WHERE tenant = $tenant AND id = $3")                                           \
    /* --- jobs                                                                                    \
     * ------------------------------------------------------------------------------------- */    \
    X(job_insert,                                                                                  \
      INSERT_JOB "SELECT $1, d.tenant, d.owner, d.collection, d.id, $2, $3, $4, $5, "              \
                 "$4 FROM knowledge_documents AS d WHERE d.tenant = $tenant AND d.uuid = $6")      \
    X(job_insert_clear,                                                                            \
      INSERT_JOB "SELECT $1, c.tenant, c.owner, c.id, NULL, 3, 0, $2, NULL, $2 "                   \
                 "FROM knowledge_collections AS c WHERE c.tenant = $tenant AND c.id = $3")         \
    X(document_page, "SELECT d.id, d.uuid FROM knowledge_documents AS d WHERE " THERE(             \
                         "d") " AND d.collection = $1 AND d.id > $2 ORDER BY d.id LIMIT $3")       \
    X(job_supersede,                                                                               \
      "UPDATE knowledge_jobs SET state = 4, ended = $1, error = $2 "                               \
      "WHERE tenant = $tenant AND document = (SELECT id FROM knowledge_documents AS d "            \
      "WHERE d.tenant = $tenant AND d.uuid = $3) AND state = 0 AND kind = 0")                      \
    X(job_claim,                                                                                   \
      "UPDATE knowledge_jobs SET state = 1, node = $1, attempts = attempts + 1, "                  \
      "started = $2, cancel = 0, turn = NULL WHERE id = (SELECT j.id FROM knowledge_jobs AS j "    \
      "WHERE j.state = 0 AND j.not_before <= $2 AND NOT EXISTS (SELECT 1 FROM knowledge_jobs "     \
      "AS r WHERE r.state = 1 AND r.document = j.document) "                                       \
      "AND NOT EXISTS (SELECT 1 FROM knowledge_jobs AS o WHERE o.state = 0 AND o.document = "      \
      "j.document AND o.id < j.id) ORDER BY j.not_before, j.id LIMIT 1) AND state = 0 "            \
      "RETURNING id, uuid, tenant, collection, document, kind, attempts")                          \
    X(job_next, "SELECT min(not_before) FROM knowledge_jobs WHERE state = 0")                      \
    X(job_turn, "UPDATE knowledge_jobs SET turn = $1 WHERE id = $2 AND state = 1 AND node = $3 "   \
                "AND attempts = $4 RETURNING cancel")                                              \
    X(job_wanted, "SELECT cancel FROM knowledge_jobs WHERE id = $1")                               \
    X(job_progress, "UPDATE knowledge_jobs SET stage = $1, progress = $2 WHERE id = $3 "           \
                    "AND state = 1 AND node = $4 AND attempts = $5 RETURNING cancel")              \
    X(job_end, "UPDATE knowledge_jobs SET state = $1, error = $2, ended = $3, node = NULL, "       \
               "turn = NULL WHERE id = $4 AND state = 1 AND node = $5 AND attempts = $6")          \
    X(job_again,                                                                                   \
      "UPDATE knowledge_jobs SET state = 0, error = $1, not_before = $2, node = NULL, "            \
      "turn = NULL, attempts = attempts - $6 WHERE id = $3 AND state = 1 AND node = $4 "           \
      "AND attempts = $5")                                                                         \
    X(job_cancel,                                                                                  \
      "UPDATE knowledge_jobs SET cancel = 1, state = CASE WHEN state = 0 THEN 4 "                  \
      "ELSE state END, ended = CASE WHEN state = 0 THEN $1 ELSE ended END, "                       \
      "error = CASE WHEN state = 0 THEN $2 ELSE error END "                                        \
      "WHERE tenant = $tenant AND document = $3 AND state < 2 AND kind = 0 RETURNING state, turn") \
    X(job_running, "SELECT id, node, attempts, tenant, document, cancel FROM knowledge_jobs "      \
                   "WHERE state = 1 AND id > $1 ORDER BY id LIMIT $2")                             \
    X(job_list,                                                                                    \
      "SELECT " JOB_COLUMNS " FROM " JOBS "WHERE j.tenant = $tenant AND j.id < $4 "                \
      "AND " SHARED("c", "$1", "$2", "$3") " AND (d.id IS NULL OR " SHARED(                        \
          "d", "$1", "$2", "$3") ") AND ($5 IS NULL OR j.state = $5) ORDER BY j.id DESC LIMIT $6") \
    X(job_list_of,                                                                                 \
      "SELECT " JOB_COLUMNS " FROM " JOBS "WHERE j.tenant = $tenant AND j.document = "             \
      "(SELECT id FROM knowledge_documents AS o WHERE o.tenant = $tenant AND o.uuid = $7) "        \
      "AND j.id < $4 AND " SHARED("d", "$1", "$2", "$3") " AND ($5 IS NULL OR j.state = $5) "      \
                                                         "ORDER BY j.id DESC LIMIT $6")            \
    X(job_get, "SELECT " JOB_COLUMNS " FROM " JOBS "WHERE j.tenant = $tenant AND j.uuid = $4 "     \
               "AND " SHARED("c", "$1", "$2",                                                      \
                             "$3") " AND (d.id IS NULL OR " SHARED("d", "$1", "$2", "$3") ")")     \
    X(job_forget, "DELETE FROM knowledge_jobs WHERE id IN (SELECT id FROM knowledge_jobs "         \
                  "WHERE state > 1 AND ended < $1 ORDER BY ended LIMIT $2)")                       \
    /* what a job works on */                                                                      \
    X(job_document, "SELECT " DOCUMENT_COLUMNS ", c.model, c.dimensions FROM " DOCUMENTS           \
                    "WHERE d.tenant = $tenant AND d.id = $1")                                      \
    X(job_collection, "SELECT c.name FROM knowledge_collections AS c WHERE c.tenant = $tenant "    \
                      "AND c.id = $1")                                                             \
    X(job_doomed,                                                                                  \
      "SELECT d.id, d.uuid FROM knowledge_documents AS d WHERE d.tenant = $tenant "                \
      "AND d.collection = $1 AND d.deleted IS NOT NULL AND d.id > $2 ORDER BY d.id LIMIT $3")      \
    /* --- blobs that are on their way in                                                          \
     * ----------------------------------------------------------- */                              \
    X(blob_coming, "INSERT INTO knowledge_blobs (blob, tenant, owner, node, created) "             \
                   "VALUES ($1, $tenant, $2, $3, $4)")                                             \
    X(blob_kept, "DELETE FROM knowledge_blobs WHERE tenant = $tenant AND blob = $1")               \
    X(blob_left, "SELECT blob, tenant, node FROM knowledge_blobs WHERE blob > $1 ORDER BY blob "   \
                 "LIMIT $2")                                                                       \
    X(blob_forget, "DELETE FROM knowledge_blobs WHERE blob = $1 AND node = $2")

#ifdef PATCHBAY_MEMORY_H
#define KNOWLEDGE_SQL_DECLARE(name, text) extern const pb_str sql_##name;
KNOWLEDGE_SQL(KNOWLEDGE_SQL_DECLARE)
#undef KNOWLEDGE_SQL_DECLARE
#endif

#endif
