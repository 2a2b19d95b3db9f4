/* journal_sql.c - every statement of the journal, so that a test can look at how each is planned.
 */
#include "turn/journal.h"

#define COLUMNS                                                                                    \
    "id, uuid, owner, pipeline, conversation, reply, request, created, headers, status, node"

const pb_str journal_sql[JOURNAL_STATEMENTS] = {
    [SQL_KNOWN] = PB_LIT("SELECT " COLUMNS ", digest FROM turns "
                         "WHERE tenant = $tenant AND owner = $1 AND key_hash = $2"),
    [SQL_TURN_INSERT] = PB_LIT(
        "INSERT INTO turns (tenant, owner, uuid, key_hash, digest, pipeline, conversation, reply, "
        "request, node, created, status, events, bytes) VALUES ($tenant, $1, $2, $3, $4, $5, $6, "
        "$7, $8, $9, $10, 'running', 0, 0) ON CONFLICT (tenant, owner, key_hash) WHERE key_hash "
        "IS NOT NULL DO NOTHING RETURNING id"),
    [SQL_TURN_TAKE_BACK] =
        PB_LIT("DELETE FROM turns WHERE tenant = $tenant AND uuid = $1 AND status = 'running'"),
    [SQL_TURN] = PB_LIT("SELECT " COLUMNS " FROM turns WHERE tenant = $tenant AND uuid = $1"),
    [SQL_PAGE] = PB_LIT(
        "SELECT t.status, t.node, t.headers, e.number, e.data FROM turns t LEFT JOIN turn_events e "
        "ON e.turn = t.id AND e.number > $2 WHERE t.tenant = $tenant AND t.id = $1 "
        "ORDER BY e.number LIMIT 32"),
    [SQL_EVENT] = PB_LIT("INSERT INTO turn_events (turn, number, data) VALUES "
                         "($1, $2, $3) ON CONFLICT (turn, number) DO NOTHING"),
    [SQL_FIRST_BATCH] = PB_LIT("UPDATE turns SET events = $2, bytes = $3, headers = $4 "
                               "WHERE tenant = $tenant AND id = $1 AND status = 'running'"),
    [SQL_NEXT_BATCH] = PB_LIT("UPDATE turns SET events = $2, bytes = $3 "
                              "WHERE tenant = $tenant AND id = $1 AND status = 'running'"),
    [SQL_LAST_BATCH] =
        PB_LIT("UPDATE turns SET events = $2, bytes = $3, headers = $4, status = $5, ended = $6, "
               "key_hash = CASE WHEN $7 = 1 THEN NULL ELSE key_hash END "
               "WHERE tenant = $tenant AND id = $1 AND status = 'running'"),
    [SQL_INTERRUPT] =
        PB_LIT("UPDATE turns SET status = 'interrupted', ended = $2, events = events + 2 "
               "WHERE id = $1 AND status = 'running' AND node = $3"),
    [SQL_INTERRUPT_EVENT] = PB_LIT("INSERT INTO turn_events (turn, number, data) "
                                   "SELECT id, events, $2 FROM turns WHERE id = $1"),
    [SQL_RUNNING] = PB_LIT("SELECT id, uuid, node FROM turns WHERE status = 'running' "
                           "AND id > $1 ORDER BY id LIMIT 100"),
    [SQL_SUM] =
        PB_LIT("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM turns WHERE ended IS NOT NULL"),
    [SQL_OLDEST] = PB_LIT("SELECT id, ended, events, bytes FROM turns WHERE ended IS "
                          "NOT NULL ORDER BY ended LIMIT 100"),
    [SQL_EVENTS_DELETE] = PB_LIT("DELETE FROM turn_events WHERE turn = $1 AND number <= $2"),
    [SQL_TURN_DELETE] = PB_LIT("DELETE FROM turns WHERE id = $1"),
};
