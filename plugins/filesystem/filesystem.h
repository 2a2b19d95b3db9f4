/* filesystem.h - blobs as files: what the files of this plugin share.
 *
 * A blob's file is written under `incoming`, synced and renamed into `blobs`, so that under its name
 * there is always a whole one. What has a struct work runs on helper threads (pb_offload): it calls
 * nothing of the host and leaves what went wrong in `fault`.
 */
#ifndef FILESYSTEM_H
#define FILESYSTEM_H

#include <patchbay/patchbay.h>

#include <limits.h>

struct filesystem {
    pb_str folder;
    bool sync;
};

enum { PIECE = 128 << 10, FAULT_SIZE = 256 };

/* What failed on a helper thread. */
struct fault {
    pb_status status;
    char sentence[FAULT_SIZE];
};

/* Notes errno and gives its status: PB_NO_SPACE, PB_NOT_FOUND, PB_FORBIDDEN or PB_UNAVAILABLE. Any
 * thread. */
pb_status fault_errno(struct fault *fault, const char *what);
/* The running task's error, of what a helper thread noted. */
pb_status fault_fail(const struct fault *fault);

/* --- path.c ----------------------------------------------------------------------------------- */

/* "<folder>/blobs/default=/documents=/0190": what ends in '=' is a folder, so that "a" and "a/b" can
 * both be keys. Bytes that are not [A-Za-z0-9._-], of a tenant's name, are %XX; a part too long for a
 * file's name is its SHA-256. PB_INVALID when it becomes too long. */
pb_status path_of(const struct filesystem *self, pb_str key, char out[PATH_MAX]);
/* The path of the folder of a path, in place: cuts the last name off. */
void path_up(char *path);
/* Makes the folders above `path` that are missing, each durably. `path` is left as it was. Any
 * thread. */
pb_status path_make_folders(char *path, struct fault *fault);
pb_status path_sync(const char *folder, struct fault *fault);

/* --- put.c, get.c, copy.c --------------------------------------------------------------------- */

pb_status files_put(void *self, pb_str key, pb_str type, pb_reader *reader);
/* Removes what writers that died left in `incoming`. Any thread. */
void put_clean(const char *incoming);
pb_status files_get(void *self, pb_str key, pb_blob_info *info, pb_writer *writer);
pb_status files_remove(void *self, pb_str key);
pb_status files_backup(void *self, pb_str folder);
pb_status files_restore(void *self, pb_str folder);

#endif
