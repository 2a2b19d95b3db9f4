/* get.c - a blob goes out piece by piece, or is removed. One that is replaced meanwhile is read to
 * its end as it was: its file stays open. */
#include "filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct get {
    int file;
    int64_t at;
    char *data; /* PIECE bytes, or NULL: only the info is wanted */
    size_t size;
    int64_t bytes;
    pb_time modified;
    char type[256];
    struct fault fault;
    char path[PATH_MAX];
};

/* --- on a helper thread -------------------------------------------------------------------------
 */

static pb_status get_more(void *arg)
{
    struct get *get = arg;

    do {
        ssize_t got = pread(get->file, get->data, PIECE, get->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_errno(&get->fault, get->path);
        get->size = (size_t)got;
        get->at += got;
        return PB_OK;
    } while (true);
}

static pb_status get_open(void *arg)
{
    struct get *get = arg;
    struct stat about;

    get->file = open(get->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (get->file < 0 || fstat(get->file, &about) != 0)
        return fault_errno(&get->fault, get->path);
    get->bytes = about.st_size;
    get->modified = (pb_time)about.st_mtim.tv_sec * 1000 + about.st_mtim.tv_nsec / 1000000;
    ssize_t size = fgetxattr(get->file, "user.mime_type", get->type, sizeof get->type - 1);
    get->type[size > 0 ? size : 0] = 0;
    return get->data ? get_more(get) : (pb_status)PB_OK;
}

static pb_status get_close(void *arg)
{
    struct get *get = arg;

    if (get->file >= 0)
        close(get->file);
    return PB_OK;
}

struct removal {
    struct fault fault;
    bool sync;
    char path[PATH_MAX];
};

static pb_status remove_now(void *arg)
{
    struct removal *removal = arg;

    if (unlink(removal->path) != 0)
        return errno == ENOENT || errno == ENOTDIR ? (pb_status)PB_OK
                                                   : fault_errno(&removal->fault, removal->path);
    path_up(removal->path);
    return removal->sync ? path_sync(removal->path, &removal->fault) : (pb_status)PB_OK;
}

/* --- the calls ----------------------------------------------------------------------------------
 */

static pb_status run(struct get *get, pb_status (*fn)(void *))
{
    pb_status status = pb_offload(fn, get);

    if (status == PB_OK || status != get->fault.status)
        return status;
    return status == PB_NOT_FOUND ? pb_fail(PB_NOT_FOUND, "there is no such blob")
                                  : fault_fail(&get->fault);
}

static pb_status get_all(struct get *get, pb_blob_info *info, pb_writer *writer)
{
    pb_status status = run(get, get_open);

    if (status == PB_OK && info) {
        info->bytes = get->bytes;
        info->modified = get->modified;
        info->type = pb_copy(pb_str_of(get->type[0] ? get->type : NULL));
    }
    while (status == PB_OK && get->data && get->size) {
        status = writer->write(writer, (pb_bytes){(const uint8_t *)get->data, get->size});
        if (status == PB_OK)
            status = run(get, get_more);
    }
    return status;
}

pb_status files_get(void *arg, pb_str key, pb_blob_info *info, pb_writer *writer)
{
    struct get *get = PB_NEW(struct get);

    if (!get || (writer && !(get->data = (char *)pb_alloc(PIECE))))
        return PB_NO_MEMORY;
    get->file = -1;
    pb_status status = path_of(arg, key, get->path);
    if (status == PB_OK)
        status = get_all(get, info, writer);
    (void)get_close(get); /* closing a file that was read does not block */
    return status;
}

pb_status files_remove(void *arg, pb_str key)
{
    const struct filesystem *self = arg;
    struct removal *removal = PB_NEW(struct removal);

    if (!removal)
        return PB_NO_MEMORY;
    removal->sync = self->sync;
    pb_status status = path_of(self, key, removal->path);
    if (status == PB_OK)
        status = pb_offload(remove_now, removal);
    return status != PB_OK && status == removal->fault.status ? fault_fail(&removal->fault)
                                                              : status;
}
