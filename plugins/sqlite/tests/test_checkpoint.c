/* Moving the log into the file while the disk lies: a sync that fails loses what was written since
 * the last one, also what another checkpoint wrote before. */
#include "common.h"

#include "../sqlite.h"
#include <sys/syscall.h>

static _Atomic bool broken; /* syncs of the file fail, those of its log do not */
static struct sqlite *self;

static bool is_file(int descriptor)
{
    char link[64], path[400];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    return size > 0 && strncmp(path, file, (size_t)size) == 0 && strlen(file) == (size_t)size;
}

static int sync_or_fail(long call, int descriptor)
{
    if (broken && is_file(descriptor)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, descriptor);
}

/* In front of the C library's, for SQLite to find. */
#define SHOWN __attribute__((visibility("default")))

SHOWN int fsync(int descriptor)
{
    return sync_or_fail(SYS_fsync, descriptor);
}

SHOWN int fdatasync(int descriptor)
{
    return sync_or_fail(SYS_fdatasync, descriptor);
}

/* How many pages of the log count as moved. */
static uint32_t moved(sqlite3 *db)
{
    sqlite3_file *handle = NULL;
    void volatile *index = NULL;

    ck_assert_int_eq(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &handle),
                     SQLITE_OK);
    ck_assert_int_eq(handle->pMethods->xShmMap(handle, 0, 32768, 0, &index), SQLITE_OK);
    return ((uint32_t volatile *)index)[24];
}

static void must_exec(sqlite3 *db, const char *sql)
{
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
}

/* Writes enough for a checkpoint, once, and waits for its end: who writes meanwhile makes it a
 * partial one, which is not synced. */
static void write_until_moved(void)
{
    long long before = self->figures.checkpoints;

    must("INSERT INTO b VALUES (randomblob(100000))");
    while (self->figures.checkpoints == before)
        ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
}

static void lose_a_sync(void)
{
    sqlite3 *db;

    self = pb_harness_self(harness, "database", "main");
    must("CREATE TABLE b (a)");
    must("INSERT INTO b VALUES (1)");
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    must_exec(db, "BEGIN; SELECT count(*) FROM b"); /* what comes later cannot be moved yet */
    write_until_moved();
    uint32_t part = moved(db);
    ck_assert_uint_gt(part, 0); /* moved, and not synced */
    must_exec(db, "COMMIT");
    broken = true;
    write_until_moved();
    ck_assert_uint_eq(moved(db), 0); /* so that it is moved again */
    broken = false;
    write_until_moved();
    ck_assert_uint_gt(moved(db), part);
    sqlite3_close(db);
}

START_TEST(a_failed_sync_takes_back_what_was_moved_before)
{
    make_folder();
    options = ", checkpoint: 64KiB";
    open_database();
    pb_harness_log(PB_ERROR + 1, NULL);
    in_task(lose_a_sync);
    close_database();
    ck_assert_int_eq(stranger("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    drop_folder();
}
END_TEST

int main(void)
{
    return suite_run("sqlite checkpoint",
                     (const TTest *const[]){a_failed_sync_takes_back_what_was_moved_before, NULL});
}
