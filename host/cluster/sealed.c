/* sealed.c - see sealed.h: memfd_create(2) with seals. */
#include "cluster/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <patchbay/memory.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW };

pb_status sealed_create(const char *name, int64_t size, int *out)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && ftruncate(fd, size) == 0 && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0) {
        *out = fd;
        return PB_OK;
    }
    pb_status status = pb_fail(PB_NO_MEMORY, "%lld bytes of shared memory cannot be had: %s",
                               (long long)size, strerror(errno));
    if (fd >= 0)
        close(fd);
    return status;
}

bool sealed_is(int fd, int64_t size)
{
    struct stat stat;
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &stat) == 0 && stat.st_size == size;
}
