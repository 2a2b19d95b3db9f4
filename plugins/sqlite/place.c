/* place.c - where the file lies: is it a place for a database? Its folders are made when it starts,
 * for a first start has no data folder yet. */
#include "sqlite.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Cuts the last name off: "/data/patchbay.db" to "/data". */
static void go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        slash[slash == path] = 0;
}

static void check_file_system(const char *folder, pb_diagnostics *diagnostics)
{
    struct statfs system;

    if (statfs(folder, &system) != 0)
        return;
    switch ((unsigned)system.f_type) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case V9FS_MAGIC:
        pb_warning(diagnostics, "path",
                   "%s is on a network file system, where locks and the log are not safe; "
                   "put it on a local disk",
                   folder);
    }
}

void place_check(pb_str path, pb_diagnostics *diagnostics)
{
    char folder[PATH_MAX];
    struct stat there;

    if (stat(path.data, &there) == 0 && !S_ISREG(there.st_mode)) {
        pb_problem(diagnostics, "path", "%s is no file", path.data);
        return;
    }
    (void)snprintf(folder, sizeof folder, "%s", path.data);
    do
        go_up(folder);
    while (stat(folder, &there) != 0 && errno == ENOENT && folder[1]);
    if (stat(folder, &there) == 0 ? !S_ISDIR(there.st_mode) : errno == ENOTDIR)
        pb_problem(diagnostics, "path", "%s is no folder", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        pb_problem(diagnostics, "path", "the folder %s may not be written: %s", folder,
                   strerror(errno));
    else if (access(path.data, W_OK) != 0 && errno != ENOENT)
        pb_problem(diagnostics, "path", "%s may not be written: %s", path.data, strerror(errno));
    else
        check_file_system(folder, diagnostics);
}

/* Folders are readable by their owner only, as what lies in them. */
pb_status place_make(pb_str path)
{
    char folder[PATH_MAX];

    (void)snprintf(folder, sizeof folder, "%.*s", PB_ARG(path));
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return pb_fail(errno == ENOSPC ? PB_NO_SPACE : PB_UNAVAILABLE,
                           "the folder %s cannot be made: %s", folder, strerror(errno));
        *slash = '/';
    }
    return PB_OK;
}
