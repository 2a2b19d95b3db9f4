/* statement.c - statements of components: prepared once for a connection, found by the address of
 * their text, which is static. The text is compared all the same. */
#include "sqlite.h"

#include <stdlib.h>

#define LOG_EVERY (10 * PB_SECOND)

enum { KNOWN_MOST = 1024, SHOWN = 400 };

const pb_statement *statement_next(const pb_statement *statement)
{
    return (const pb_statement *)(const void *)((const char *)statement + statement->size);
}

/* --- the table -------------------------------------------------------------------------------- */

static size_t hash(pb_str sql)
{
    uint64_t key = (uint64_t)(uintptr_t)sql.data * 0x9e3779b97f4a7c15u ^ sql.size;

    return (size_t)(key ^ key >> 29);
}

static struct known **slot(const struct connection *connection, pb_str sql)
{
    size_t mask = connection->known_room - 1, at = hash(sql) & mask;

    while (connection->known[at] && (connection->known[at]->sql.data != sql.data ||
                                     connection->known[at]->sql.size != sql.size))
        at = (at + 1) & mask;
    return &connection->known[at];
}

static void drop(struct known *known)
{
    if (known)
        sqlite3_finalize(known->statement);
    free(known);
}

void connection_forget(struct connection *connection)
{
    for (size_t i = 0; i < connection->known_room; i++)
        drop(connection->known[i]);
    free(connection->known);
    connection->known = NULL;
    connection->known_count = connection->known_room = 0;
}

static bool grow(struct connection *connection)
{
    size_t before = connection->known_room, room = before ? before * 2 : 64;
    struct known **old = connection->known, **fresh = calloc(room, sizeof *fresh);

    if (!fresh)
        return false;
    connection->known = fresh;
    connection->known_room = room;
    for (size_t i = 0; i < before; i++)
        if (old[i])
            *slot(connection, old[i]->sql) = old[i];
    free(old);
    return true;
}

/* --- preparing -------------------------------------------------------------------------------- */

/* What each parameter is: n of "$n", or $tenant. */
static pb_status read_places(struct known *known, struct fault *fault)
{
    for (size_t i = 0; i < known->count; i++) {
        const char *name = sqlite3_bind_parameter_name(known->statement, (int)i + 1);
        char *end = "";
        long place = name && name[0] == '$' ? strtol(name + 1, &end, 10) : 0;

        if (name && strcmp(name, "$tenant") == 0)
            known->places[i] = 0;
        else if (place < 1 || place > UINT16_MAX || *end)
            return fault_set(fault, PB_INVALID,
                             "a parameter is called '%s'; write $1, $2 … or $tenant",
                             name ? name : "?");
        else
            known->places[i] = (uint16_t)place;
        if (known->places[i] > known->values)
            known->values = known->places[i];
    }
    return PB_OK;
}

static struct known *make(sqlite3_stmt *statement, struct fault *fault)
{
    size_t count = (size_t)sqlite3_bind_parameter_count(statement);
    struct known *known = calloc(1, sizeof *known + count * sizeof known->places[0]);

    if (!known) {
        sqlite3_finalize(statement);
        fault_set(fault, PB_NO_MEMORY, "there is no memory to prepare a statement");
        return NULL;
    }
    known->statement = statement;
    known->count = count;
    known->reads = sqlite3_stmt_readonly(statement) != 0;
    if (read_places(known, fault) == PB_OK)
        return known;
    drop(known);
    return NULL;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n;", *at) && *at)
        at++;
    return at == end;
}

static struct known *prepare(const struct connection *connection, pb_str sql, struct fault *fault)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    int code = sqlite3_prepare_v3(connection->db, sql.data, (int)sql.size,
                                  SQLITE_PREPARE_PERSISTENT, &statement, &tail);

    if (code != SQLITE_OK) {
        fault_of(fault, connection->db, code);
        return NULL;
    }
    if (!statement || !is_blank(tail, sql.data + sql.size)) {
        sqlite3_finalize(statement);
        fault_set(fault, PB_INVALID, "there must be one statement, not %s",
                  statement ? "several" : "none");
        return NULL;
    }
    struct known *known = make(statement, fault);
    if (known)
        known->sql = sql;
    return known;
}

struct known *connection_know(struct connection *connection, pb_str sql, struct fault *fault)
{
    struct known **at = connection->known_room ? slot(connection, sql) : NULL;

    if (at && *at) {
        const char *text = sqlite3_sql((*at)->statement);
        if (strncmp(text, sql.data, sql.size) == 0 && !text[sql.size])
            return *at;
        connection_forget(connection); /* texts that are not static: no address can be trusted */
    }
    if (connection->known_count >= KNOWN_MOST)
        connection_forget(connection);
    if (connection->known_count * 2 >= connection->known_room && !grow(connection)) {
        fault_set(fault, PB_NO_MEMORY, "there is no memory to prepare a statement");
        return NULL;
    }
    struct known *known = prepare(connection, sql, fault);
    if (known) {
        *slot(connection, sql) = known;
        connection->known_count++;
    }
    return known;
}

/* --- running ---------------------------------------------------------------------------------- */

/* The values stay where they are until the statement is reset. */
static int bind_value(sqlite3_stmt *statement, int at, const pb_value *value)
{
    const char *data = value->text.data ? value->text.data : "";

    switch (value->type) {
    case PB_VALUE_INT:
        return sqlite3_bind_int64(statement, at, value->integer);
    case PB_VALUE_REAL:
        return sqlite3_bind_double(statement, at, value->real);
    case PB_VALUE_TEXT:
        return sqlite3_bind_text64(statement, at, data, value->text.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case PB_VALUE_BYTES:
        return sqlite3_bind_blob64(statement, at, data, value->text.size, SQLITE_STATIC);
    case PB_VALUE_NULL:
        return sqlite3_bind_null(statement, at);
    default:
        return SQLITE_MISMATCH;
    }
}

static pb_status bind(sqlite3 *db, const struct known *known, const pb_statement *statement,
                      struct fault *fault)
{
    if (known->values != statement->count)
        return fault_set(fault, PB_INVALID, "the statement has %zu values, %zu were given",
                         known->values, statement->count);
    for (size_t i = 0; i < known->count; i++) {
        uint16_t place = known->places[i];
        pb_value tenant = pb_value_text(statement->tenant);

        if (!place && tenant.type == PB_VALUE_NULL)
            return fault_set(fault, PB_INVALID,
                             "the statement names $tenant, but nobody has said whose it is");
        int code = bind_value(known->statement, (int)i + 1,
                              place ? &statement->values[place - 1] : &tenant);
        if (code == SQLITE_MISMATCH)
            return fault_set(fault, PB_INVALID, "value $%u is of no known type", place);
        if (code != SQLITE_OK)
            return fault_of(fault, db, code);
    }
    return PB_OK;
}

/* One that is always slow is not said each time. */
static void note_slow(const struct connection *connection, struct known *known, pb_duration took)
{
    struct sqlite *self = connection->owner;
    pb_duration now = clock_now();
    pb_str sql = pb_str_slice(known->sql, 0, SHOWN);

    atomic_fetch_add(&self->figures.slow, 1);
    if (known->logged && now - known->logged < LOG_EVERY)
        return;
    known->logged = now;
    pb_log(PB_WARN, "%s: a statement took %.0f ms: %.*s", self->path.data,
           (double)took / (double)PB_MILLISECOND, PB_ARG(sql));
}

static pb_status step(const struct connection *connection, const struct known *known,
                      struct harvest *harvest, struct fault *fault)
{
    sqlite3_int64 before = sqlite3_total_changes64(connection->db);
    pb_status status = PB_OK;
    int code;

    while ((code = sqlite3_step(known->statement)) == SQLITE_ROW && status == PB_OK)
        status = harvest_row(harvest, known->statement, fault);
    if (code != SQLITE_DONE && status == PB_OK)
        status = fault_of(fault, connection->db, code);
    if (sqlite3_total_changes64(connection->db) != before)
        harvest->changed = sqlite3_changes64(connection->db);
    return status;
}

pb_status connection_run(struct connection *connection, const pb_statement *statement,
                         struct harvest *harvest, struct fault *fault)
{
    struct known *known = connection_know(connection, statement->sql, fault);

    harvest_clear(harvest);
    if (!known)
        return fault->status;
    pb_duration began = clock_now();
    pb_status status = bind(connection->db, known, statement, fault);
    if (status == PB_OK)
        status = step(connection, known, harvest, fault);
    sqlite3_reset(known->statement);
    sqlite3_clear_bindings(known->statement);
    if (status == PB_OK && statement->flags & PB_EXPECT_ROW && !harvest->rows &&
        !harvest->changed) {
        harvest->failed = 1;
        status = fault_set(fault, PB_CONFLICT, "a row that was expected is not there");
    }
    pb_duration took = clock_now() - began;
    if (connection->owner->slow && took >= connection->owner->slow)
        note_slow(connection, known, took);
    return status;
}

pb_status connection_run_all(struct connection *connection, const pb_statement *statements,
                             size_t count, struct harvest *harvests, struct fault *fault)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        status = connection_run(connection, statements, &harvests[i], fault);
        statements = statement_next(statements);
    }
    return status;
}
