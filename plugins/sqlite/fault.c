/* fault.c - SQLite's codes as statuses and sentences. Texts name tables, columns and the file,
 * never values. */
#include "sqlite.h"

#include <errno.h>
#include <time.h>

pb_duration clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * PB_SECOND + now.tv_nsec;
}

pb_status fault_set(struct fault *fault, pb_status status, const char *format, ...)
{
    va_list args;

    fault->status = status;
    fault->code = 0;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return status;
}

/* Why the disk failed: SQLite does not always carry the number up, but the log's file keeps it. */
static int errno_of(sqlite3 *db)
{
    sqlite3_file *log = NULL;
    int error = db ? sqlite3_system_errno(db) : 0;

    if (error || !db)
        return error;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    if (!error)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

static pb_status status_of(int code, int error)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return PB_CONFLICT;
    case SQLITE_FULL:
        return PB_NO_SPACE;
    case SQLITE_IOERR:
        return error == ENOSPC || error == EDQUOT || error == EFBIG ? PB_NO_SPACE : PB_UNAVAILABLE;
    case SQLITE_INTERRUPT:
        return PB_TIMEOUT;
    case SQLITE_NOMEM:
        return PB_NO_MEMORY;
    case SQLITE_TOOBIG:
        return PB_TOO_LARGE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
        return PB_UNAVAILABLE;
    default:
        return PB_INVALID;
    }
}

static const char *reason_of(sqlite3 *db, int code, int error)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "the disk is full";
    case SQLITE_INTERRUPT:
        return "the statement took longer than query_limit allows";
    case SQLITE_IOERR:
        return error == ENOSPC   ? "the disk is full"
               : error == EDQUOT ? "the disk quota is used up"
               : error == EFBIG  ? "the file may not grow any more"
               : error           ? strerror(error)
                                 : "the disk does not do as it should";
    default:
        return db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    }
}

pb_status fault_of(struct fault *fault, sqlite3 *db, int code)
{
    int error = (code & 0xff) == SQLITE_IOERR ? errno_of(db) : 0;

    fault_set(fault, status_of(code, error), "%s", reason_of(db, code, error));
    fault->code = code;
    return fault->status;
}

pb_status fault_fail(const struct fault *fault)
{
    if (fault->status == PB_OK)
        return PB_OK;
    return pb_fail(fault->status, "%s", fault->text);
}
