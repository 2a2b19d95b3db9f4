/* gather.c - writes to the log in one piece: SQLite writes each page of a commit in two, its header
 * and the page; what lies side by side is held back here until it is synced.
 *
 * It is a layer over SQLite's own files (https://sqlite.org/vfs.html) for those of the write-ahead
 * log only. Nobody reads what was not synced but the connection that wrote it: others see a commit
 * when the index of the log says so, which SQLite writes after the sync. With synchronous=FULL, that
 * is; nothing else is set here.
 */
#include "sqlite.h"

#include <stdlib.h>

enum { GATHER_MOST = 124 << 10 }; /* SQLite's own files take less than 128 kB at once */

struct gathered {
    sqlite3_file base;
    sqlite3_file *file; /* SQLite's own, behind this struct */
    char *held;         /* GATHER_MOST bytes once there was something */
    int size;
    sqlite3_int64 at;
};

static struct gathered *of(sqlite3_file *file)
{
    return (struct gathered *)(void *)file;
}

/* What could not be written is gone: SQLite takes the whole commit back. */
static int let_go(struct gathered *gathered)
{
    int size = gathered->size;

    gathered->size = 0;
    return size ? gathered->file->pMethods->xWrite(gathered->file, gathered->held, size,
                                                   gathered->at)
                : SQLITE_OK;
}

static int gather_close(sqlite3_file *file)
{
    struct gathered *gathered = of(file);
    int code = let_go(gathered), closed = gathered->file->pMethods->xClose(gathered->file);

    free(gathered->held);
    gathered->held = NULL;
    return code == SQLITE_OK ? closed : code;
}

static int gather_read(sqlite3_file *file, void *out, int size, sqlite3_int64 at)
{
    struct gathered *gathered = of(file);
    int code = let_go(gathered);

    return code == SQLITE_OK ? gathered->file->pMethods->xRead(gathered->file, out, size, at) : code;
}

static int gather_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    struct gathered *gathered = of(file);
    bool beside = gathered->size && at == gathered->at + gathered->size;

    if (!beside || size > GATHER_MOST - gathered->size) {
        int code = let_go(gathered);
        if (code != SQLITE_OK)
            return code;
        gathered->at = at;
    }
    if (!gathered->held)
        gathered->held = malloc(GATHER_MOST);
    if (!gathered->held || size > GATHER_MOST)
        return gathered->file->pMethods->xWrite(gathered->file, data, size, at);
    memcpy(gathered->held + gathered->size, data, (size_t)size);
    gathered->size += size;
    return SQLITE_OK;
}

static int gather_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct gathered *gathered = of(file);
    int code = let_go(gathered);

    return code == SQLITE_OK ? gathered->file->pMethods->xTruncate(gathered->file, size) : code;
}

static int gather_sync(sqlite3_file *file, int flags)
{
    struct gathered *gathered = of(file);
    int code = let_go(gathered);

    return code == SQLITE_OK ? gathered->file->pMethods->xSync(gathered->file, flags) : code;
}

static int gather_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct gathered *gathered = of(file);
    int code = let_go(gathered);

    return code == SQLITE_OK ? gathered->file->pMethods->xFileSize(gathered->file, out) : code;
}

static int gather_lock(sqlite3_file *file, int how)
{
    return of(file)->file->pMethods->xLock(of(file)->file, how);
}

static int gather_unlock(sqlite3_file *file, int how)
{
    return of(file)->file->pMethods->xUnlock(of(file)->file, how);
}

static int gather_check_lock(sqlite3_file *file, int *out)
{
    return of(file)->file->pMethods->xCheckReservedLock(of(file)->file, out);
}

static int gather_control(sqlite3_file *file, int what, void *arg)
{
    return of(file)->file->pMethods->xFileControl(of(file)->file, what, arg);
}

static int gather_sector(sqlite3_file *file)
{
    return of(file)->file->pMethods->xSectorSize(of(file)->file);
}

static int gather_device(sqlite3_file *file)
{
    return of(file)->file->pMethods->xDeviceCharacteristics(of(file)->file);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = gather_close,
    .xRead = gather_read,
    .xWrite = gather_write,
    .xTruncate = gather_truncate,
    .xSync = gather_sync,
    .xFileSize = gather_size,
    .xLock = gather_lock,
    .xUnlock = gather_unlock,
    .xCheckReservedLock = gather_check_lock,
    .xFileControl = gather_control,
    .xSectorSize = gather_sector,
    .xDeviceCharacteristics = gather_device,
};

/* --- the layer -------------------------------------------------------------------------------- */

static sqlite3_vfs layer, *below;

static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct gathered *gathered = of(file);

    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return below->xOpen(below, name, file, flags, out);
    memset(gathered, 0, sizeof *gathered);
    gathered->file = (sqlite3_file *)(void *)(gathered + 1);
    gathered->file->pMethods = NULL;
    int code = below->xOpen(below, name, gathered->file, flags, out);
    if (gathered->file->pMethods) /* else there is nothing to close */
        gathered->base.pMethods = &methods;
    return code;
}

const char *gather_register(void)
{
    below = sqlite3_vfs_find(NULL);
    if (!below)
        return NULL;
    layer = *below;
    layer.pNext = NULL;
    layer.zName = "patchbay";
    layer.szOsFile += (int)sizeof(struct gathered);
    layer.xOpen = gather_open;
    return sqlite3_vfs_register(&layer, 0) == SQLITE_OK ? layer.zName : NULL;
}
