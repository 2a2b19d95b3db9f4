/* filesystem - a blob store in a folder of the local disk, shared by all workers. A blob is one
 * plain file; what was put is on the disk when the call returned, and never seen in part. */
#include "filesystem.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const pb_field filesystem_options[] = {
    PB_DATA_PATH(struct filesystem, folder, .name = "path", .def = "blobs",
                 .help = "The folder; it is made when it is not there."),
    PB_BOOL(struct filesystem, sync, .def = "true",
            .help =
                "A blob is on the disk when it was put; false is faster, and a power failure may "
                "lose what was put last."),
    PB_END,
};

static void filesystem_check(const void *arg, pb_diagnostics *diagnostics)
{
    const struct filesystem *self = arg;
    char path[PATH_MAX];
    struct stat there;

    if (self->folder.size > PATH_MAX - 1024) {
        pb_problem(diagnostics, "path", "the path is too long");
        return;
    }
    (void)snprintf(path, sizeof path, "%.*s", PB_ARG(self->folder));
    while (stat(path, &there) != 0 && (errno == ENOENT || errno == ENOTDIR) && path[1])
        path_up(path);
    if (stat(path, &there) == 0 && !S_ISDIR(there.st_mode))
        pb_problem(diagnostics, "path", "%s is no folder", path);
    else if (access(path, W_OK | X_OK) != 0)
        pb_problem(diagnostics, "path", "the folder %s may not be written", path);
}

struct opening {
    struct fault fault;
    char path[PATH_MAX];
};

static pb_status open_folders(void *arg)
{
    struct opening *opening = arg;
    size_t size = strlen(opening->path);

    (void)snprintf(opening->path + size, PATH_MAX - size, "/blobs/x");
    pb_status status = path_make_folders(opening->path, &opening->fault);
    (void)snprintf(opening->path + size, PATH_MAX - size, "/incoming/x");
    if (status == PB_OK)
        status = path_make_folders(opening->path, &opening->fault);
    path_up(opening->path);
    if (status == PB_OK)
        put_clean(opening->path);
    return status;
}

static pb_status filesystem_start(void *arg)
{
    const struct filesystem *self = arg;
    struct opening *opening = PB_NEW(struct opening);

    if (!opening)
        return PB_NO_MEMORY;
    (void)snprintf(opening->path, sizeof opening->path, "%.*s", PB_ARG(self->folder));
    pb_status status = pb_offload(open_folders, opening);
    return status != PB_OK && status == opening->fault.status ? fault_fail(&opening->fault)
                                                              : status;
}

PB_PLUGIN("filesystem", "0.1.0", "Apache-2.0", "Keeps blobs in files.",
          PB_BLOB_STORE("filesystem", struct filesystem, filesystem_options,
                        .check = filesystem_check, .start = filesystem_start, .put = files_put,
                        .get = files_get, .remove = files_remove, .backup = files_backup,
                        .restore = files_restore));
