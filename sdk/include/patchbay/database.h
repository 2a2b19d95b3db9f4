/* database.h - SQL with parameters, batches and transactions; migrations.
 *
 * A statement is static text with $1, $2, … for values: no string ever becomes SQL. One portable
 * text runs on SQLite and PostgreSQL (RETURNING, ON CONFLICT); pb_db_dialect tells them apart where
 * they differ. $tenant is bound by the host to the tenant of whoever asks: the principal of the
 * running turn or operation. Each call is a span.
 *
 *     static const pb_str sql = PB_LIT("SELECT title FROM notes WHERE tenant = $tenant AND id = $1");
 *     pb_value values[] = {pb_value_int(7)};
 *     pb_rows rows;
 *     status = pb_db_query(self->database, sql, values, 1, &rows);
 *     if (status == PB_OK && rows.count)
 *         title = pb_cell(&rows, 0, 0)->text;
 */
#ifndef PATCHBAY_DATABASE_H
#define PATCHBAY_DATABASE_H

#include <patchbay/plugin.h>

#define PB_DATABASE_REVISION 1

enum {
    PB_VALUE_NULL = 0,
    PB_VALUE_INT = 1,
    PB_VALUE_REAL = 2,
    PB_VALUE_TEXT = 3,
    PB_VALUE_BYTES = 4,
};

/* One value: a parameter or a cell. Frozen for ever. */
typedef struct pb_value {
    int32_t type; /* PB_VALUE_… */
    uint32_t reserved;
    int64_t integer;
    double real;
    pb_str text; /* of PB_VALUE_TEXT, and the bytes of PB_VALUE_BYTES */
} pb_value;

static inline pb_value pb_value_make(int32_t type)
{
    pb_value value;
    memset(&value, 0, sizeof value);
    value.type = type;
    return value;
}

static inline pb_value pb_value_null(void)
{
    return pb_value_make(PB_VALUE_NULL);
}

static inline pb_value pb_value_int(int64_t integer)
{
    pb_value value = pb_value_make(PB_VALUE_INT);
    value.integer = integer;
    return value;
}

static inline pb_value pb_value_real(double real)
{
    pb_value value = pb_value_make(PB_VALUE_REAL);
    value.real = real;
    return value;
}

/* Borrowed until the call returns. The absent string gives NULL. */
static inline pb_value pb_value_text(pb_str text)
{
    pb_value value = pb_value_make(text.data ? PB_VALUE_TEXT : PB_VALUE_NULL);
    value.text = text;
    return value;
}

static inline pb_value pb_value_bytes(const void *data, size_t size)
{
    pb_value value = pb_value_make(data ? PB_VALUE_BYTES : PB_VALUE_NULL);
    value.text = pb_str_make((const char *)data, size);
    return value;
}

/* This statement of a batch must change or return at least one row; where it does not, the whole
 * batch is undone and PB_CONFLICT returned, with pb_rows.failed of that statement set. */
#define PB_EXPECT_ROW 1u
/* The statement is about all tenants on purpose (a sweep, a check of credentials): a debug build
 * lets it touch a table with tenants without naming $tenant. */
#define PB_ALL_TENANTS 2u

typedef struct pb_statement {
    uint32_t size;
    uint32_t flags;         /* PB_EXPECT_ROW, PB_ALL_TENANTS */
    pb_str sql;             /* static: prepared once, known by its address */
    const pb_value *values; /* for $1 … */
    size_t count;
    pb_str tenant; /* for $tenant; the host sets it where a principal is known, so that this counts
                      only in background work */
} pb_statement;

static inline pb_statement pb_statement_make(pb_str sql, const pb_value *values, size_t count)
{
    pb_statement statement;
    memset(&statement, 0, sizeof statement);
    statement.size = (uint32_t)sizeof statement;
    statement.sql = sql;
    statement.values = values;
    statement.count = count;
    return statement;
}

/* What a statement gave, in the running scope. */
typedef struct pb_rows {
    uint32_t size;
    uint32_t failed; /* 1: PB_EXPECT_ROW was not met here */
    const pb_value *cells; /* count * columns, row by row */
    size_t count;
    size_t columns;
    int64_t changed; /* rows inserted, updated or deleted */
} pb_rows;

static inline const pb_value *pb_cell(const pb_rows *rows, size_t row, size_t column)
{
    return &rows->cells[row * rows->columns + column];
}

enum { PB_DIALECT_SQLITE = 0, PB_DIALECT_POSTGRES = 1 };

/* The interface; all are required and may park but for dialect.
 *     PB_CONFLICT      a constraint, PB_EXPECT_ROW, or a concurrent change
 *     PB_UNAVAILABLE   cannot be reached       PB_TIMEOUT  took longer than host.limits.query
 *     PB_INVALID       the statement or a value is wrong
 *     PB_NO_SPACE      the disk is full
 * Every write is durable when the call returned PB_OK.
 * query        one statement. `out` may be NULL.
 * batch        statements that become durable together or not at all, with others' in one group
 *              commit: the normal write. `out` is NULL or has room for `count` results.
 * transaction  runs fn(arg) inside one, in the calling task; what it returns commits (PB_OK) or
 *              rolls back. Inside it query and batch of this database belong to it, and nothing
 *              else may park. It holds the database's one writer: 100 ms at most, then PB_TIMEOUT.
 *              Another one inside it, a backup or a restore: PB_INVALID.
 * dialect      PB_DIALECT_…
 * backup       writes a consistent copy to the file `path`; PB_CONFLICT when that is there.
 * restore      replaces everything by the copy at `path`; PB_NOT_FOUND when there is none, and
 *              nothing has changed. */
typedef struct pb_database {
    PB_LIFECYCLE
    pb_status (*query)(void *self, const pb_statement *statement, pb_rows *out);
    pb_status (*batch)(void *self, const pb_statement *statements, size_t count, pb_rows *out);
    pb_status (*transaction)(void *self, pb_status (*fn)(void *arg), void *arg);
    int32_t (*dialect)(void *self);
    pb_status (*backup)(void *self, pb_str path);
    pb_status (*restore)(void *self, pb_str path);
} pb_database;

/* PB_DATABASE("sqlite", struct sqlite, sqlite_options, .query = …, .batch = …, …) */
#define PB_DATABASE(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_database, "database", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `database` is an option of kind PB_KIND_REF -------------------- */

/* Several statements that become durable together or not at all. Parks. `out` is NULL or has room
 * for `count` results. */
static inline pb_status pb_db_batch(pb_instance *database, const pb_statement *statements,
                                    size_t count, pb_rows *out)
{
    for (size_t i = 0; out && i < count; i++) {
        memset(&out[i], 0, sizeof out[i]);
        out[i].size = (uint32_t)sizeof out[i];
    }
    return PB_CALL(db_batch)(database, statements, count, out);
}

/* One statement, read or write. Parks. `out` may be NULL. */
static inline pb_status pb_db_run(pb_instance *database, const pb_statement *statement, pb_rows *out)
{
    return pb_db_batch(database, statement, 1, out);
}

static inline pb_status pb_db_query(pb_instance *database, pb_str sql, const pb_value *values,
                                    size_t count, pb_rows *out)
{
    pb_statement statement = pb_statement_make(sql, values, count);
    return pb_db_batch(database, &statement, 1, out);
}

/* For what a batch cannot say: reads that decide what is written. Parks. */
static inline pb_status pb_db_transaction(pb_instance *database, pb_status (*fn)(void *arg),
                                          void *arg)
{
    return PB_CALL(db_transaction)(database, fn, arg);
}

static inline int32_t pb_db_dialect(pb_instance *database)
{
    return PB_CALL(db_dialect)(database);
}

static inline pb_status pb_db_backup(pb_instance *database, pb_str path)
{
    return PB_CALL(db_backup)(database, path);
}

static inline pb_status pb_db_restore(pb_instance *database, pb_str path)
{
    return PB_CALL(db_restore)(database, path);
}

/* --- migrations ------------------------------------------------------------------------------- */

/* Cannot run while workers of the release before serve: reload refuses it, `patchbay migrate` runs
 * it with no worker up. */
#define PB_MIGRATION_OFFLINE 1u

/* One step of a schema. Never changed once released: its digest is recorded. */
struct pb_migration {
    uint32_t size;
    uint32_t flags;
    int64_t number;                /* 1, 2, 3 … */
    const char *const *statements; /* SQL, NULL at the end; one transaction */
};

/* Brings the tables of `owner` (the component's name: "conversations") up to the last migration:
 * under a lock, each step in a transaction, recorded with its digest; an embedded database is backed
 * up first when a step is pending and something is there. For start(). Parks. PB_CONFLICT: the schema is newer
 * than this program, a recorded step differs, or an offline step is pending while workers serve. */
static inline pb_status pb_db_migrate(pb_instance *database, const char *owner,
                                      const pb_migration *migrations, size_t count)
{
    return PB_CALL(db_migrate)(database, pb_str_of(owner), migrations, count);
}

#endif
