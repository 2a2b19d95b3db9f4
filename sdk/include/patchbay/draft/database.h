/* database.h - SQL with parameters, batches and transactions. Draft: may change until two databases
 * exist.
 *
 * Statements are static text with $1, $2, … for values: no string ever becomes SQL. One portable
 * text runs on SQLite and PostgreSQL (RETURNING, ON CONFLICT); dialect() tells them apart where
 * they differ. $tenant is bound by the host.
 */
#ifndef PATCHBAY_DRAFT_DATABASE_H
#define PATCHBAY_DRAFT_DATABASE_H

#include <patchbay/plugin.h>

enum {
    PB_VALUE_NULL = 0,
    PB_VALUE_INTEGER = 1,
    PB_VALUE_REAL = 2,
    PB_VALUE_TEXT = 3,
    PB_VALUE_BYTES = 4,
};

/* One value: a parameter or a cell. */
typedef struct pb_value {
    uint32_t size;
    int32_t type; /* PB_VALUE_… */
    int64_t integer;
    double real;
    pb_str text;
    pb_bytes bytes;
} pb_value;

typedef struct pb_statement {
    uint32_t size;
    uint32_t reserved;
    pb_str sql;                     /* static: prepared once, known by its address */
    const pb_value *const *values;  /* for $1 … */
    size_t count;
} pb_statement;

typedef struct pb_row {
    uint32_t size;
    uint32_t count;
    const pb_value *const *values; /* in the order of the statement's columns */
} pb_row;

/* What a statement gave, in the running scope. */
typedef struct pb_rows {
    uint32_t size;
    uint32_t reserved;
    const pb_row *const *items;
    size_t count;
    int64_t changed; /* rows inserted, updated or deleted */
} pb_rows;

enum { PB_DIALECT_SQLITE = 0, PB_DIALECT_POSTGRES = 1 };

/* The interface; all are required and may park but for dialect.
 *     PB_CONFLICT      a constraint or a concurrent change      PB_UNAVAILABLE  cannot be reached
 *     PB_INVALID       the statement or a value is wrong        PB_NO_SPACE     the disk is full
 * query        one statement. `out` may be NULL.
 * batch        statements that become durable together or not at all, with others' in one group
 *              commit: the normal write. `out` is NULL or holds `count` rows.
 * transaction  runs fn(arg) inside one; what it returns commits (PB_OK) or rolls back. Inside it
 *              only calls of this database may park, for 100 ms at most.
 * dialect      PB_DIALECT_…
 * backup       writes a consistent copy to `path`; restore replaces everything by one. */
typedef struct pb_database {
    PB_LIFECYCLE
    pb_status (*query)(void *self, const pb_statement *statement, pb_rows *out);
    pb_status (*batch)(void *self, const pb_statement *const *statements, size_t count,
                       pb_rows *const *out);
    pb_status (*transaction)(void *self, pb_status (*fn)(void *arg), void *arg);
    int32_t (*dialect)(void *self);
    pb_status (*backup)(void *self, pb_str path);
    pb_status (*restore)(void *self, pb_str path);
} pb_database;

/* PB_DATABASE("sqlite", struct sqlite, sqlite_options, .query = …, .batch = …, …) */
#define PB_DATABASE(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_database, "database", 0, name, owner, options, __VA_ARGS__)

#endif
