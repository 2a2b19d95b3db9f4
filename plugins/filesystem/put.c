/* put.c - a blob comes in: into a file of its own under `incoming`, synced, then renamed.
 *
 * Whoever writes holds a lock on its file, so that what a writer that died left behind is known by
 * being unlocked. A blob of one piece costs one trip to a helper thread.
 */
#include "filesystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { YOUNG = 60 }; /* seconds in which a file may not be locked yet */

struct put {
    int file; /* -1: not opened yet */
    bool last, sync;
    char *data; /* PIECE bytes */
    size_t size;
    const char *type; /* or NULL */
    struct fault fault;
    char part[PATH_MAX], path[PATH_MAX];
};

/* --- on a helper thread -------------------------------------------------------------------------
 */

static pb_status put_open(struct put *put)
{
    pb_status status = path_make_folders(put->part, &put->fault);

    if (status == PB_OK)
        status = path_make_folders(put->path, &put->fault);
    if (status != PB_OK)
        return status;
    put->file = open(put->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (put->file < 0)
        return fault_errno(&put->fault, put->part);
    (void)flock(put->file, LOCK_EX | LOCK_NB);
    if (put->type) /* where the file system has such; what a blob is for does not hang on it */
        (void)fsetxattr(put->file, "user.mime_type", put->type, strlen(put->type), 0);
    return PB_OK;
}

static pb_status put_write(struct put *put)
{
    size_t done = 0;

    while (done < put->size) {
        ssize_t wrote = write(put->file, put->data + done, put->size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fault_errno(&put->fault, put->part);
        done += (size_t)wrote;
    }
    put->size = 0;
    return PB_OK;
}

/* Durable, then seen, then durably seen. */
static pb_status put_finish(struct put *put)
{
    char folder[PATH_MAX];

    if (put->sync && fsync(put->file) != 0)
        return fault_errno(&put->fault, put->part);
    if (rename(put->part, put->path) != 0)
        return fault_errno(&put->fault, put->path);
    put->part[0] = 0;
    (void)snprintf(folder, sizeof folder, "%s", put->path);
    path_up(folder);
    return put->sync ? path_sync(folder, &put->fault) : (pb_status)PB_OK;
}

static pb_status put_some(void *arg)
{
    struct put *put = arg;
    pb_status status = put->file < 0 ? put_open(put) : (pb_status)PB_OK;

    if (status == PB_OK)
        status = put_write(put);
    return status == PB_OK && put->last ? put_finish(put) : status;
}

static pb_status put_end(void *arg)
{
    struct put *put = arg;

    if (put->file >= 0)
        close(put->file);
    if (put->file >= 0 && put->part[0])
        (void)unlink(put->part);
    return PB_OK;
}

static pb_status put_end_aside(void *arg)
{
    return pb_offload(put_end, arg);
}

/* --- the call -----------------------------------------------------------------------------------
 */

static pb_status hand_over(struct put *put)
{
    pb_status status = pb_offload(put_some, put);

    return status != PB_OK && status == put->fault.status ? fault_fail(&put->fault) : status;
}

static pb_status take(struct put *put, pb_bytes bytes)
{
    pb_status status = PB_OK;

    while (bytes.size && status == PB_OK) {
        size_t size = bytes.size < PIECE - put->size ? bytes.size : PIECE - put->size;
        memcpy(put->data + put->size, bytes.data, size);
        put->size += size;
        bytes.data += size;
        bytes.size -= size;
        if (put->size == PIECE)
            status = hand_over(put);
    }
    return status;
}

static pb_status put_all(struct put *put, pb_reader *reader)
{
    pb_bytes bytes;
    pb_status status;

    do {
        status = reader->read(reader, &bytes);
        if (status == PB_OK)
            status = take(put, bytes);
    } while (status == PB_OK && bytes.size);
    put->last = true;
    return status == PB_OK ? hand_over(put) : status;
}

pb_status files_put(void *arg, pb_str key, pb_str type, pb_reader *reader)
{
    const struct filesystem *self = arg;
    pb_scope *scope = pb_scope_begin();
    struct put *put = PB_NEW(struct put);
    pb_str name = pb_uuid();
    pb_status status = put && name.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    if (status == PB_OK) {
        put->file = -1;
        put->sync = self->sync;
        put->type = type.size ? pb_copy(type).data : NULL;
        put->data = (char *)pb_alloc(PIECE);
        status = put->data ? path_of(self, key, put->path) : (pb_status)PB_NO_MEMORY;
    }
    if (status == PB_OK && (size_t)snprintf(put->part, sizeof put->part, "%.*s/incoming/%.*s",
                                            PB_ARG(self->folder), PB_ARG(name)) >= sizeof put->part)
        status = pb_fail(PB_INVALID, "the path of the folder of blobs is too long");
    if (status == PB_OK) {
        status = put_all(put, reader);
        if (put->file >= 0) /* also when the task was cancelled */
            (void)pb_shield(put_end_aside, put);
    }
    pb_scope_end(scope);
    return status;
}

/* --- what writers that died left ----------------------------------------------------------------
 */

static void clean_one(const char *incoming, const char *name)
{
    char path[PATH_MAX];
    struct stat about;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", incoming, name) >= sizeof path)
        return;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_mtime + YOUNG < time(NULL) &&
        flock(file, LOCK_EX | LOCK_NB) == 0)
        (void)unlink(path);
    close(file);
}

void put_clean(const char *incoming)
{
    DIR *folder = opendir(incoming);
    struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            clean_one(incoming, entry->d_name);
    closedir(folder);
}
