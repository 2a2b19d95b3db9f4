/* backup.c - copies: out by SQLite's backup while others write, in under the write lock. The file
 * itself is only ever opened by SQLite. */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGES_A_STEP = 256 };

struct copy {
    struct sqlite *self;
    const char *path;
    char part[PATH_MAX]; /* where it is written first */
    sqlite3 *db;         /* the other file */
    struct fault fault;
    bool ran;
};

static pb_status fault_errno(struct fault *fault, const char *path, int error)
{
    return fault_set(fault,
                     error == ENOSPC || error == EDQUOT ? PB_NO_SPACE
                     : error == EEXIST                  ? PB_CONFLICT
                     : error == ENOENT                  ? PB_NOT_FOUND
                                                        : PB_UNAVAILABLE,
                     "%s: %s", path, strerror(error));
}

/* --- out -------------------------------------------------------------------------------------- */

static pb_status open_part(struct copy *copy)
{
    struct stat there;
    int size = snprintf(copy->part, sizeof copy->part, "%s.%ld.part", copy->path, (long)getpid());

    if (lstat(copy->path, &there) == 0)
        return fault_errno(&copy->fault, copy->path, EEXIST);
    if (size < 0 || (size_t)size >= sizeof copy->part)
        return fault_errno(&copy->fault, copy->path, ENAMETOOLONG);
    unlink(copy->part);
    int file = open(copy->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fault_errno(&copy->fault, copy->part, errno);
    close(file);
    int code =
        sqlite3_open_v2(copy->part, &copy->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy->db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL,
                            NULL);
    return code == SQLITE_OK ? PB_OK : fault_of(&copy->fault, copy->db, code);
}

/* One moment of the source: its read transaction stays open, so that writers do not make it begin
 * again and again. */
static pb_status copy_pages(struct copy *copy, struct connection *source)
{
    int code = connection_control(source, BEGIN_READ);

    if (code == SQLITE_OK)
        code = connection_exec(source, "SELECT count(*) FROM sqlite_schema", NULL);
    if (code != SQLITE_OK)
        return fault_of(&copy->fault, source->db, code);
    sqlite3_backup *backup = sqlite3_backup_init(copy->db, "main", source->db, "main");
    if (!backup)
        return fault_of(&copy->fault, copy->db, sqlite3_errcode(copy->db));
    do
        code = sqlite3_backup_step(backup, PAGES_A_STEP);
    while (code == SQLITE_OK && !pb_cancelled());
    int finished = sqlite3_backup_finish(backup);
    if (code == SQLITE_OK)
        return fault_set(&copy->fault, PB_CANCELLED, "the backup was cancelled");
    if (code == SQLITE_DONE)
        code = finished;
    if (code == SQLITE_OK) /* one file, complete without a log beside it */
        code = sqlite3_exec(copy->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    return code == SQLITE_OK ? PB_OK : fault_of(&copy->fault, copy->db, code);
}

static bool sync_path(const char *path, int flags)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | flags);
    bool done = file >= 0 && fsync(file) == 0;
    int error = errno;

    if (file >= 0)
        close(file);
    errno = error;
    return done;
}

/* Durable, then visible, then durably visible. Nobody has the copy open. */
static pb_status put_in_place(struct copy *copy)
{
    char folder[PATH_MAX];

    if (!sync_path(copy->part, 0))
        return fault_errno(&copy->fault, copy->part, errno);
    if (renameat2(AT_FDCWD, copy->part, AT_FDCWD, copy->path, RENAME_NOREPLACE) != 0)
        return fault_errno(&copy->fault, copy->path, errno);
    (void)snprintf(folder, sizeof folder, "%s", copy->path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    if (!sync_path(slash ? folder : ".", O_DIRECTORY))
        return fault_errno(&copy->fault, folder, errno);
    return PB_OK;
}

static pb_status write_copy(void *arg)
{
    struct copy *copy = arg;
    struct connection source = {.owner = copy->self};

    copy->ran = true;
    pb_status status = open_part(copy);
    if (status == PB_OK)
        status = connection_open(&source, false, &copy->fault);
    if (status == PB_OK)
        status = copy_pages(copy, &source);
    connection_close(&source);
    sqlite3_close(copy->db);
    if (status == PB_OK)
        status = put_in_place(copy);
    if (status != PB_OK && copy->part[0])
        unlink(copy->part);
    return copy->fault.status = status;
}

/* --- in --------------------------------------------------------------------------------------- */

static pb_status read_integer(struct copy *copy, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(copy->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK)
        fault_of(&copy->fault, copy->db, code);
    sqlite3_finalize(statement);
    return code == SQLITE_OK ? PB_OK : copy->fault.status;
}

/* Before the lock is taken: is it ours, and whole? */
static pb_status check_copy(void *arg)
{
    struct copy *copy = arg;
    int64_t id = 0, whole = 0;

    copy->ran = true;
    copy->fault.status = PB_OK;
    if (access(copy->path, R_OK) != 0)
        return fault_errno(&copy->fault, copy->path, errno);
    int code =
        sqlite3_open_v2(copy->path, &copy->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return fault_of(&copy->fault, copy->db, code);
    sqlite3_extended_result_codes(copy->db, 1);
    if (read_integer(copy, "PRAGMA application_id", &id) != PB_OK)
        return fault_set(&copy->fault, PB_INVALID, "%s is no database", copy->path);
    if (id != APPLICATION_ID)
        return fault_set(&copy->fault, PB_INVALID, "%s is the database of another program",
                         copy->path);
    if (read_integer(copy, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &whole) !=
            PB_OK ||
        !whole)
        return fault_set(&copy->fault, PB_INVALID, "%s is damaged; take another backup",
                         copy->path);
    return PB_OK;
}

/* On the writer's thread, with the lock: one transaction, which others see whole or not at all. */
static pb_status read_copy(struct sqlite *self, void *arg, struct fault *fault)
{
    struct copy *copy = arg;
    struct connection *target = &self->writer.connection;

    if (connection_open(target, false, fault) != PB_OK)
        return fault->status;
    sqlite3_backup *backup = sqlite3_backup_init(target->db, "main", copy->db, "main");
    if (!backup)
        return fault_of(fault, target->db, sqlite3_errcode(target->db));
    int code = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE)
        code = finished;
    if ((code & 0xff) == SQLITE_READONLY)
        return fault_set(fault, PB_INVALID, "%s has pages of another size", copy->path);
    connection_close(target); /* it begins with what is there now */
    return code == SQLITE_OK ? PB_OK : fault_of(fault, NULL, code);
}

/* --- the calls ---------------------------------------------------------------------------------
 */

static pb_status refuse_inside(const struct sqlite *self)
{
    return session_here(self) ? pb_fail(PB_INVALID, "not inside of a transaction") : PB_OK;
}

static struct copy *copy_new(struct sqlite *self, pb_str path)
{
    struct copy *copy = PB_NEW(struct copy);

    if (copy) {
        copy->self = self;
        copy->path = pb_copy(path).data;
    }
    return copy && copy->path ? copy : NULL;
}

pb_status backup_to(void *arg, pb_str path)
{
    struct sqlite *self = arg;
    pb_status status = refuse_inside(self);

    if (status != PB_OK)
        return status;
    struct copy *copy = copy_new(self, path);
    if (!copy)
        return PB_NO_MEMORY;
    status = pb_offload(write_copy, copy);
    return copy->ran ? fault_fail(&copy->fault) : status;
}

pb_status restore_from(void *arg, pb_str path)
{
    struct sqlite *self = arg;
    pb_status status = refuse_inside(self);

    if (status != PB_OK)
        return status;
    struct copy *copy = copy_new(self, path);
    if (!copy)
        return PB_NO_MEMORY;
    status = pb_offload(check_copy, copy);
    if (copy->ran)
        status = fault_fail(&copy->fault);
    if (status == PB_OK) {
        struct request request = {.kind = REQUEST_WORK, .work = read_copy, .arg = copy};
        status = request_run(self, &self->writer.queue, &request);
    }
    sqlite3_close(copy->db);
    return status;
}
