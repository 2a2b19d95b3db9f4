/* @NAME@ - an SQLite database in the memory of one process: a reference for databases that live
 * somewhere else.
 *
 * Statements run where they are called: nothing parks but backup and restore, so a transaction is
 * alone as it stands. What takes longer than `limit` is ended, because all turns wait meanwhile.
 */
#include <errno.h>
#include <patchbay/database.h>
#include <patchbay/task.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSACTION (100 * PB_MILLISECOND)

struct @ID@ {
    pb_duration limit;
    sqlite3 *db;
    const pb_task *owner; /* whose transaction runs, or NULL */
    pb_duration deadline; /* of what runs */
    bool control;         /* it is us who begin and end transactions */
};

static const pb_field @ID@_options[] = {
    PB_DURATION(struct @ID@, limit, .def = "50ms", .min = 0.001, .max = 60,
                .help = "A statement that takes longer is ended."),
    PB_END
};

/* --- SQLite ----------------------------------------------------------------------------------- */

static pb_status fail(sqlite3 *db)
{
    int code = sqlite3_errcode(db);
    pb_status status = code == SQLITE_CONSTRAINT  ? PB_CONFLICT
                       : code == SQLITE_INTERRUPT ? PB_TIMEOUT
                       : code == SQLITE_NOMEM     ? PB_NO_MEMORY
                       : code == SQLITE_FULL      ? PB_NO_SPACE
                       : code == SQLITE_TOOBIG    ? PB_TOO_LARGE
                                                  : PB_INVALID;

    return code == SQLITE_INTERRUPT
               ? pb_fail(status, "the statement took too long: longer than `limit`, or 100 ms in a "
                                 "transaction")
               : pb_fail(status, "the statement failed: %s", sqlite3_errmsg(db));
}

static int is_late(void *arg)
{
    return pb_monotonic() > ((const struct @ID@ *)arg)->deadline;
}

/* Statements neither end our transactions nor open files. */
static int allow(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
    bool refused = action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ||
                   action == SQLITE_ATTACH || action == SQLITE_DETACH;

    (void)a, (void)b, (void)c, (void)d;
    return refused && !((const struct @ID@ *)arg)->control ? SQLITE_DENY : SQLITE_OK;
}

static pb_status open_memory(struct @ID@ *self, sqlite3 **out)
{
    if (sqlite3_open(":memory:", out) != SQLITE_OK ||
        sqlite3_exec(*out, "PRAGMA foreign_keys = ON", NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_close(*out);
        return pb_fail(PB_NO_MEMORY, "there is no memory for a database");
    }
    sqlite3_progress_handler(*out, 1000, is_late, self);
    sqlite3_set_authorizer(*out, allow, self);
    return PB_OK;
}

static bool control(struct @ID@ *self, const char *sql)
{
    self->control = true;
    self->deadline = INT64_MAX;
    int code = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    self->control = false;
    return code == SQLITE_OK;
}

/* --- one statement ---------------------------------------------------------------------------- */

static int bind_value(sqlite3_stmt *prepared, int at, const pb_value *value)
{
    const char *data = value->text.data ? value->text.data : "";

    switch (value->type) {
    case PB_VALUE_INT:
        return sqlite3_bind_int64(prepared, at, value->integer);
    case PB_VALUE_REAL:
        return sqlite3_bind_double(prepared, at, value->real);
    case PB_VALUE_TEXT:
        return sqlite3_bind_text64(prepared, at, data, value->text.size, SQLITE_STATIC, SQLITE_UTF8);
    case PB_VALUE_BYTES:
        return sqlite3_bind_blob64(prepared, at, data, value->text.size, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(prepared, at);
    }
}

/* To SQLite $1 and $tenant are names. */
static pb_status bind(struct @ID@ *self, sqlite3_stmt *prepared, const pb_statement *statement)
{
    for (int at = 1; at <= sqlite3_bind_parameter_count(prepared); at++) {
        const char *name = sqlite3_bind_parameter_name(prepared, at);
        size_t number = name ? strtoul(name + 1, NULL, 10) : 0;
        pb_value value = pb_value_text(statement->tenant);
        if (number >= 1 && number <= statement->count)
            value = statement->values[number - 1];
        else if (!name || strcmp(name, "$tenant") != 0 || !statement->tenant.data)
            return pb_fail(PB_INVALID, "there is no value for '%s'", name ? name : "?");
        if (bind_value(prepared, at, &value) != SQLITE_OK)
            return fail(self->db);
    }
    return PB_OK;
}

static pb_value cell(sqlite3_stmt *prepared, int column)
{
    int type = sqlite3_column_type(prepared, column);
    const char *data = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(prepared, column)
                                           : (const char *)sqlite3_column_blob(prepared, column);
    pb_str copy =
        pb_copy(pb_str_make(data ? data : "", (size_t)sqlite3_column_bytes(prepared, column)));

    return type == SQLITE_INTEGER ? pb_value_int(sqlite3_column_int64(prepared, column))
           : type == SQLITE_FLOAT ? pb_value_real(sqlite3_column_double(prepared, column))
           : type == SQLITE_TEXT  ? pb_value_text(copy)
           : type == SQLITE_BLOB  ? pb_value_bytes(copy.data, copy.size)
                                  : pb_value_null();
}

/* Room for one more row, doubled when it is full; the old cells stay where they are in the scope. */
static pb_value *next_row(pb_rows *rows, size_t *room)
{
    if (rows->count == *room) {
        *room = *room ? 2 * *room : 16;
        pb_value *cells = PB_NEW_ARRAY(pb_value, *room * rows->columns);
        if (cells && rows->count)
            memcpy(cells, rows->cells, rows->count * rows->columns * sizeof *cells);
        rows->cells = cells;
        if (!cells)
            return NULL;
    }
    return (pb_value *)(uintptr_t)rows->cells + rows->count++ * rows->columns;
}

static pb_status collect(struct @ID@ *self, sqlite3_stmt *prepared, pb_rows *rows)
{
    int code, before = sqlite3_total_changes(self->db);
    size_t room = 0;

    rows->columns = (size_t)sqlite3_column_count(prepared);
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
        pb_value *row = next_row(rows, &room);
        if (!row)
            return pb_fail(PB_NO_MEMORY, "there is no memory for the rows");
        for (size_t i = 0; i < rows->columns; i++)
            row[i] = cell(prepared, (int)i);
    }
    rows->changed = sqlite3_total_changes(self->db) - before;
    return code == SQLITE_DONE ? (pb_status)PB_OK : fail(self->db);
}

static pb_status run(struct @ID@ *self, const pb_statement *statement, pb_rows *rows)
{
    sqlite3_stmt *prepared = NULL;
    const char *rest = NULL;

    if (sqlite3_prepare_v2(self->db, statement->sql.data, (int)statement->sql.size, &prepared,
                           &rest) != SQLITE_OK)
        return fail(self->db);
    size_t used = (size_t)(rest - statement->sql.data);
    pb_status status = bind(self, prepared, statement);
    if (!prepared || pb_str_trim(pb_str_slice(statement->sql, used, statement->sql.size)).size)
        status = pb_fail(PB_INVALID, "exactly one statement is run at a time");
    if (status == PB_OK)
        status = collect(self, prepared, rows);
    sqlite3_finalize(prepared);
    if (status == PB_OK && statement->flags & PB_EXPECT_ROW && !rows->count && !rows->changed) {
        rows->failed = 1;
        status = pb_fail(PB_CONFLICT, "the statement changed no row and gave none");
    }
    return status;
}

/* --- the interface ---------------------------------------------------------------------------- */

static pb_status run_all(struct @ID@ *self, const pb_statement *statements, size_t count, pb_rows *out)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        pb_rows unseen = {0};
        /* What another release of the host gives may have larger structs. */
        const char *from = (const char *)statements + i * statements->size;
        char *to = out ? (char *)out + i * out->size : (char *)&unseen;
        status = run(self, (const pb_statement *)(const void *)from, (pb_rows *)(void *)to);
    }
    return status;
}

static pb_status @ID@_batch(void *instance, const pb_statement *statements, size_t count, pb_rows *out)
{
    struct @ID@ *self = instance;
    pb_duration limit = pb_monotonic() + self->limit, transaction = self->deadline;
    bool inside = self->owner;

    if (inside && self->owner != pb_task_running())
        return pb_fail(PB_UNAVAILABLE, "another task has a transaction, and waits in it");
    if (inside && pb_monotonic() > transaction)
        return pb_fail(PB_TIMEOUT, "the transaction has taken more than 100 ms");
    if (!control(self, "SAVEPOINT batch"))
        return fail(self->db);
    self->deadline = inside && transaction < limit ? transaction : limit;
    pb_status status = run_all(self, statements, count, out);
    if (!control(self, status == PB_OK ? "RELEASE batch" : "ROLLBACK TO batch; RELEASE batch") &&
        status == PB_OK)
        status = fail(self->db);
    self->deadline = transaction;
    return status;
}

static pb_status @ID@_query(void *self, const pb_statement *statement, pb_rows *out)
{
    return @ID@_batch(self, statement, 1, out);
}

static pb_status @ID@_transaction(void *instance, pb_status (*fn)(void *arg), void *arg)
{
    struct @ID@ *self = instance;

    if (self->owner)
        return self->owner == pb_task_running()
                   ? pb_fail(PB_INVALID, "there is no transaction inside another")
                   : pb_fail(PB_UNAVAILABLE, "another task has a transaction, and waits in it");
    if (!control(self, "BEGIN"))
        return fail(self->db);
    self->owner = pb_task_running();
    self->deadline = pb_monotonic() + TRANSACTION;
    pb_status status = fn(arg);
    bool late = pb_monotonic() > self->deadline;
    self->owner = NULL;
    if (status == PB_OK && late)
        status = pb_fail(PB_TIMEOUT, "the transaction has taken more than 100 ms");
    if (!control(self, status == PB_OK ? "COMMIT" : "ROLLBACK") && status == PB_OK)
        status = fail(self->db);
    return status;
}

static int32_t @ID@_dialect(void *self)
{
    (void)self;
    return PB_DIALECT_SQLITE;
}

/* --- copies ----------------------------------------------------------------------------------- */

/* A file and its bytes: read and written on a helper thread, where no host call is made. */
struct file {
    const char *path;
    unsigned char *bytes; /* of sqlite3_malloc64() */
    size_t size;
    int error;
};

static pb_status write_file(void *arg)
{
    struct file *file = arg;
    FILE *to = fopen(file->path, "wbx");
    bool written = to && fwrite(file->bytes, 1, file->size, to) == file->size;

    if (to && fclose(to) != 0)
        written = false;
    file->error = written ? 0 : errno;
    return PB_OK;
}

static pb_status read_file(void *arg)
{
    struct file *file = arg;
    FILE *from = (errno = 0, fopen(file->path, "rb"));
    bool sized = from && fseek(from, 0, SEEK_END) == 0 && ftell(from) >= 0;

    file->size = sized ? (size_t)ftell(from) : 0;
    file->bytes = sized ? sqlite3_malloc64(file->size + 1) : NULL;
    bool whole = file->bytes && fseek(from, 0, SEEK_SET) == 0 &&
                 fread(file->bytes, 1, file->size, from) == file->size;
    file->error = whole ? 0 : errno ? errno : EIO;
    if (from)
        (void)fclose(from);
    return PB_OK;
}

static pb_status fail_file(const struct file *file)
{
    return pb_fail(file->error == EEXIST   ? PB_CONFLICT
                   : file->error == ENOENT ? PB_NOT_FOUND
                                           : PB_UNAVAILABLE,
                   "%s: %s", file->path, strerror(file->error));
}

static pb_status @ID@_backup(void *instance, pb_str path)
{
    struct @ID@ *self = instance;
    struct file file = {.path = pb_copy(path).data};
    sqlite3_int64 size = 0;

    if (self->owner)
        return pb_fail(PB_INVALID, "a transaction runs: there is no backup inside one");
    self->deadline = INT64_MAX;
    file.bytes = file.path ? sqlite3_serialize(self->db, "main", &size, 0) : NULL;
    file.size = (size_t)size;
    if (!file.bytes)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a copy");
    pb_status status = pb_offload(write_file, &file);
    sqlite3_free(file.bytes);
    return status == PB_OK && file.error ? fail_file(&file) : status;
}

/* Tried in a database of its own first: what is no copy changes nothing. */
static pb_status take_copy(struct @ID@ *self, struct file *file)
{
    sqlite3 *db;
    pb_status status = open_memory(self, &db);
    int64_t size = (int64_t)file->size;

    if (status != PB_OK) {
        sqlite3_free(file->bytes);
        return status;
    }
    self->deadline = INT64_MAX;
    self->control = true; /* SQLite attaches it */
    bool taken = sqlite3_deserialize(db, "main", file->bytes, size, size,
                                     SQLITE_DESERIALIZE_FREEONCLOSE |
                                         SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK;
    self->control = false;
    if (!taken ||
        sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_close(db);
        return pb_fail(PB_INVALID, "%s is no copy of a database", file->path);
    }
    sqlite3_close(self->db);
    self->db = db;
    return PB_OK;
}

static pb_status @ID@_restore(void *instance, pb_str path)
{
    struct @ID@ *self = instance;
    struct file file = {.path = pb_copy(path).data};

    if (self->owner)
        return pb_fail(PB_INVALID, "a transaction runs: nothing is restored inside one");
    if (!file.path)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a path");
    pb_status status = pb_offload(read_file, &file);
    if (status == PB_OK && !file.error)
        return take_copy(self, &file);
    sqlite3_free(file.bytes);
    return status == PB_OK ? fail_file(&file) : status;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static pb_status @ID@_create(void *instance)
{
    struct @ID@ *self = instance;

    return open_memory(self, &self->db);
}

static void @ID@_destroy(void *instance)
{
    sqlite3_close(((struct @ID@ *)instance)->db);
}

PB_PLUGIN("@NAME@", "0.1.0", "Apache-2.0", "An SQLite database in the memory of one process.",
          PB_DATABASE("@NAME@", struct @ID@, @ID@_options, .create = @ID@_create,
                      .destroy = @ID@_destroy, .query = @ID@_query, .batch = @ID@_batch,
                      .transaction = @ID@_transaction, .dialect = @ID@_dialect,
                      .backup = @ID@_backup, .restore = @ID@_restore));
