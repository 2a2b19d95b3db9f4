/* copy.c - all blobs into a folder and back. A blob's file never changes once it has its name, so a
 * backup on the same file system is hard links; elsewhere the bytes are copied.
 *
 * Coming back, everything is put together beside what is there and takes its place in one rename.
 */
#include "filesystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LEVELS = 300 }; /* a key of 512 bytes has fewer parts */

struct copy {
    struct fault fault;
    char from[PATH_MAX], to[PATH_MAX];    /* grow and shrink with the walk */
    char here[PATH_MAX], aside[PATH_MAX]; /* of a restore */
    char data[PIECE];
};

static pb_status copy_type(int from, int to)
{
    char type[256];
    ssize_t size = fgetxattr(from, "user.mime_type", type, sizeof type);

    if (size > 0)
        (void)fsetxattr(to, "user.mime_type", type, (size_t)size, 0);
    return PB_OK;
}

static pb_status copy_bytes(struct copy *copy, int from, int to)
{
    for (;;) {
        ssize_t got = read(from, copy->data, PIECE), done = 0;
        if (got < 0)
            return fault_errno(&copy->fault, copy->from);
        if (got == 0)
            break;
        while (done < got) {
            ssize_t wrote = write(to, copy->data + done, (size_t)(got - done));
            if (wrote < 0)
                return fault_errno(&copy->fault, copy->to);
            done += wrote;
        }
        if (pb_cancelled())
            return PB_CANCELLED;
    }
    return fsync(to) == 0 ? copy_type(from, to) : fault_errno(&copy->fault, copy->to);
}

static pb_status copy_file(struct copy *copy)
{
    if (link(copy->from, copy->to) == 0)
        return PB_OK;
    int from = open(copy->from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) /* removed meanwhile */
        return errno == ENOENT ? (pb_status)PB_OK : fault_errno(&copy->fault, copy->from);
    int to = open(copy->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    pb_status status = to >= 0 ? copy_bytes(copy, from, to) : fault_errno(&copy->fault, copy->to);
    close(from);
    if (to >= 0)
        close(to);
    return status;
}

static pb_status copy_folder(struct copy *copy, int level);

static pb_status copy_entry(struct copy *copy, const char *name, int level)
{
    size_t from = strlen(copy->from), to = strlen(copy->to), size = strlen(name);
    struct stat about;
    pb_status status = PB_OK;

    if (from + size + 2 > PATH_MAX || to + size + 2 > PATH_MAX) {
        errno = ENAMETOOLONG;
        return fault_errno(&copy->fault, name);
    }
    (void)snprintf(copy->from + from, PATH_MAX - from, "/%s", name);
    (void)snprintf(copy->to + to, PATH_MAX - to, "/%s", name);
    if (lstat(copy->from, &about) != 0)
        status = errno == ENOENT ? (pb_status)PB_OK : fault_errno(&copy->fault, copy->from);
    else if (S_ISDIR(about.st_mode))
        status = copy_folder(copy, level + 1);
    else if (S_ISREG(about.st_mode))
        status = copy_file(copy);
    copy->from[from] = copy->to[to] = 0;
    return status;
}

static pb_status copy_folder(struct copy *copy, int level)
{
    struct dirent *entry;
    pb_status status = PB_OK;

    if (mkdir(copy->to, 0700) != 0)
        return fault_errno(&copy->fault, copy->to);
    DIR *folder = opendir(copy->from);
    if (!folder)
        return fault_errno(&copy->fault, copy->from);
    while (status == PB_OK && level < LEVELS && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = copy_entry(copy, entry->d_name, level);
    closedir(folder);
    return status == PB_OK ? path_sync(copy->to, &copy->fault) : status;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

/* --- out and in ---------------------------------------------------------------------------------
 */

static pb_status copy_out(void *arg)
{
    struct copy *copy = arg;
    pb_status status = path_make_folders(copy->to, &copy->fault);

    if (status != PB_OK)
        return status;
    if (access(copy->to, F_OK) == 0) {
        errno = EEXIST;
        return fault_errno(&copy->fault, copy->to);
    }
    status = copy_folder(copy, 0);
    if (status != PB_OK)
        remove_tree(copy->to);
    return status;
}

static pb_status copy_in(void *arg)
{
    struct copy *copy = arg;
    pb_status status = path_make_folders(copy->to, &copy->fault);

    if (status == PB_OK)
        status = copy_folder(copy, 0);
    if (status == PB_OK &&
        renameat2(AT_FDCWD, copy->to, AT_FDCWD, copy->here, RENAME_EXCHANGE) != 0 &&
        ((rename(copy->here, copy->aside) != 0 && errno != ENOENT) ||
         rename(copy->to, copy->here) != 0))
        status = fault_errno(&copy->fault, copy->here);
    if (status == PB_OK) {
        (void)snprintf(copy->from, sizeof copy->from, "%s", copy->here);
        path_up(copy->from);
        status = path_sync(copy->from, &copy->fault);
    }
    remove_tree(copy->to);
    remove_tree(copy->aside);
    return status;
}

static pb_status run(struct copy *copy, pb_status (*fn)(void *))
{
    pb_status status = pb_offload(fn, copy);

    return status != PB_OK && status == copy->fault.status ? fault_fail(&copy->fault) : status;
}

pb_status files_backup(void *arg, pb_str folder)
{
    const struct filesystem *self = arg;
    struct copy *copy = PB_NEW(struct copy);

    if (!copy)
        return PB_NO_MEMORY;
    if (self->folder.size + 64 > PATH_MAX || folder.size + 64 > PATH_MAX)
        return pb_fail(PB_INVALID, "the path of the backup is too long");
    (void)snprintf(copy->from, sizeof copy->from, "%.*s/blobs", PB_ARG(self->folder));
    (void)snprintf(copy->to, sizeof copy->to, "%.*s", PB_ARG(folder));
    return run(copy, copy_out);
}

pb_status files_restore(void *arg, pb_str folder)
{
    const struct filesystem *self = arg;
    struct copy *copy = PB_NEW(struct copy);
    pb_str name = pb_uuid();

    if (!copy || !name.data)
        return PB_NO_MEMORY;
    if (self->folder.size + 128 > PATH_MAX || folder.size + 64 > PATH_MAX)
        return pb_fail(PB_INVALID, "the path of the backup is too long");
    (void)snprintf(copy->from, sizeof copy->from, "%.*s", PB_ARG(folder));
    (void)snprintf(copy->here, sizeof copy->here, "%.*s/blobs", PB_ARG(self->folder));
    (void)snprintf(copy->to, sizeof copy->to, "%.*s/incoming/%.*s.new", PB_ARG(self->folder),
                   PB_ARG(name));
    (void)snprintf(copy->aside, sizeof copy->aside, "%.*s/incoming/%.*s.old", PB_ARG(self->folder),
                   PB_ARG(name));
    return run(copy, copy_in);
}
