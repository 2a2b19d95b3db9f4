/* package.h - the ZIP archive that an office file is, read part by part.
 *
 * Nothing is written anywhere and no name becomes a path of this machine. Every byte that comes out
 * counts against limits.unfolded, also when a part is read twice or two parts share their bytes.
 */
#ifndef OFFICE_PACKAGE_H
#define OFFICE_PACKAGE_H

#include "job.h"

#include <zip.h>

struct package {
    struct job *job;
    zip_t *zip;
    size_t unfolded;
};

/* Takes the next bytes of a part; false: no more of them is wanted. */
typedef bool (*package_take)(void *arg, const char *data, size_t size, bool last);

pb_status package_open(struct package *package, struct job *job);
void package_close(struct package *package);
bool package_has(const struct package *package, const char *path);
/* The job's status; a part that is not there fails the job. */
pb_status package_read(struct package *package, const char *path, package_take take, void *arg);
/* The first `size` bytes at most, with a NUL behind; how many there were; 0 when it is not there.
 */
size_t package_head(struct package *package, const char *path, char *out, size_t size);
/* Where `target`, as written in the part `base`, points to: no "..", no fragment, no %20. Absent
 * when it leaves the archive. Lives in the job. */
pb_str package_resolve(struct job *job, const char *base, pb_str target);

#endif
