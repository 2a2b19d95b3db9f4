/* connection.c - one connection to the file: opening with what the promise of durability needs, who
 * may say what, and the time limit of statements.
 *
 * The file is never opened but by SQLite: closing any descriptor of it would drop SQLite's locks.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS_BETWEEN_LOOKS = 500, WAIT_MS = 50 };

/* --- limits ----------------------------------------------------------------------------------- */

/* A thread that was held up by others has not worked long: time counts from a few looks on. */
static int look(void *arg)
{
    struct connection *connection = arg;

    connection->looks++;
    if (connection->told_to_end &&
        atomic_load_explicit(connection->told_to_end, memory_order_relaxed))
        return 1;
    if (!connection->due)
        return 0;
    pb_duration late = clock_now() - connection->due;
    return late >= connection->grace || (late >= 0 && connection->looks >= LOOKS_OF_WORK);
}

/* --- who may say what ------------------------------------------------------------------------- */

/* Transactions are the plugin's, and so is how the file is kept. */
static int allow(void *arg, int action, const char *what, const char *value, const char *schema,
                 const char *trigger)
{
    static const char *const pragmas[] = {
        "table_info",  "table_xinfo",       "table_list",      "index_list",  "index_info",
        "index_xinfo", "foreign_key_check", "integrity_check", "quick_check", "data_version"};
    const struct connection *connection = arg;

    (void)value, (void)schema, (void)trigger;
    if (connection->own)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return SQLITE_DENY;
    case SQLITE_PRAGMA:
        for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++)
            if (sqlite3_stricmp(what, pragmas[i]) == 0)
                return SQLITE_OK;
        return SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

/* --- the plugin's own statements -------------------------------------------------------------- */

static const char *const control_sql[CONTROLS] = {
    [BEGIN_READ] = "BEGIN",   [BEGIN_WRITE] = "BEGIN IMMEDIATE", [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",  [SAVEPOINT] = "SAVEPOINT r",       [RELEASE] = "RELEASE r",
    [UNDO] = "ROLLBACK TO r",
};

int connection_control(struct connection *connection, enum control what)
{
    sqlite3_stmt **statement = &connection->control[what];
    int code = SQLITE_OK;

    connection->own = true;
    if (!*statement)
        code = sqlite3_prepare_v3(connection->db, control_sql[what], -1, SQLITE_PREPARE_PERSISTENT,
                                  statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(*statement);
        sqlite3_reset(*statement);
    }
    connection->own = false;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int connection_exec(struct connection *connection, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;

    connection->own = true;
    int code = sqlite3_prepare_v2(connection->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW && out)
        *out = sqlite3_column_int64(statement, 0);
    while (code == SQLITE_ROW)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    connection->own = false;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A new file is readable by its owner only, and so are those that SQLite puts beside it. Nobody has
 * it open yet: it was not there, and whoever makes it holds the write lock. */
static void make_private(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (file >= 0)
        close(file);
}

static bool run_pragma(struct connection *connection, const char *format, long long value,
                       struct fault *fault)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, format, value);
    int code = connection_exec(connection, sql, NULL);
    if (code != SQLITE_OK)
        fault_of(fault, connection->db, code);
    return code == SQLITE_OK;
}

/* A file system without shared memory for mapping leaves the old mode. */
static bool write_ahead(struct connection *connection, struct fault *fault)
{
    int64_t wal = 0;
    int code = connection_exec(connection, "PRAGMA journal_mode=WAL", NULL);

    if (code == SQLITE_OK)
        code = connection_exec(connection, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
                               &wal);
    if (code != SQLITE_OK)
        fault_of(fault, connection->db, code);
    else if (!wal)
        fault_set(fault, PB_UNAVAILABLE,
                  "its file system cannot do write-ahead logging; put it on "
                  "a local disk");
    return code == SQLITE_OK && wal;
}

/* Is it ours, or new? */
static bool check_owner(struct connection *connection, struct fault *fault)
{
    int64_t id = 0;
    int code = connection_exec(connection, "PRAGMA application_id", &id);

    if (code != SQLITE_OK) {
        fault_of(fault, connection->db, code);
        return false;
    }
    if (id == APPLICATION_ID)
        return true;
    if (id != 0) {
        fault_set(fault, PB_UNAVAILABLE,
                  "it is the database of another program; name another path");
        return false;
    }
    return !connection->writes ||
           run_pragma(connection, "PRAGMA application_id=%lld", APPLICATION_ID, fault);
}

static bool set_up(struct connection *connection, struct fault *fault)
{
    const struct sqlite *self = connection->owner;
    sqlite3 *db = connection->db;

    if (connection->writes && sqlite3_db_readonly(db, "main") == 1) {
        fault_set(fault, PB_UNAVAILABLE, "it may not be written");
        return false;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, WAIT_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    if (!write_ahead(connection, fault) || !check_owner(connection, fault) ||
        !run_pragma(connection, "PRAGMA synchronous=FULL", 0, fault) ||
        !run_pragma(connection, "PRAGMA wal_autocheckpoint=0", 0, fault) ||
        !run_pragma(connection, "PRAGMA foreign_keys=ON", 0, fault) ||
        !run_pragma(connection, "PRAGMA temp_store=MEMORY", 0, fault) ||
        !run_pragma(connection, "PRAGMA journal_size_limit=%lld", self->checkpoint_full, fault) ||
        !run_pragma(connection, "PRAGMA cache_size=-%lld", self->cache_size / 1024, fault) ||
        !run_pragma(connection, "PRAGMA mmap_size=%lld", self->mmap_size, fault) ||
        !run_pragma(connection, "PRAGMA query_only=%lld", !connection->writes, fault))
        return false;
    if (connection_exec(connection, "PRAGMA page_size", &connection->page_size) != SQLITE_OK)
        connection->page_size = 4096;
    sqlite3_set_authorizer(db, allow, connection);
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look, connection);
    return true;
}

pb_status connection_open(struct connection *connection, bool create, struct fault *fault)
{
    struct sqlite *self = connection->owner;
    uint64_t generation = atomic_load(&self->generation);
    char reason[FAULT_TEXT];

    if (connection->db && connection->generation == generation)
        return PB_OK;
    connection_close(connection);
    if (create)
        make_private(self->path.data);
    int code = sqlite3_open_v2(self->path.data, &connection->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, log_vfs);
    if (code != SQLITE_OK)
        fault_of(fault, connection->db, code);
    else if (set_up(connection, fault)) {
        connection->generation = generation;
        return PB_OK;
    }
    connection_close(connection);
    (void)snprintf(reason, sizeof reason, "%s", fault->text);
    if (access(self->path.data, F_OK) != 0)
        (void)snprintf(reason, sizeof reason, "%s", strerror(errno));
    pb_status status = fault->status == PB_INVALID ? PB_UNAVAILABLE : fault->status;
    return fault_set(fault, status, "the database %s cannot be opened: %s", self->path.data,
                     reason);
}

void connection_close(struct connection *connection)
{
    if (!connection->db)
        return;
    connection_forget(connection);
    for (size_t i = 0; i < CONTROLS; i++) {
        sqlite3_finalize(connection->control[i]);
        connection->control[i] = NULL;
    }
    sqlite3_close(connection->db);
    connection->db = NULL;
}

bool connection_moved(const struct connection *connection)
{
    int moved = 0;

    if (!connection->db)
        return false;
    int code = sqlite3_file_control(connection->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return code == SQLITE_OK && moved;
}
