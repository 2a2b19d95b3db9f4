/* sealed.h - anonymous files of a fixed size, to be shared by descriptor. */
#ifndef HOST_CLUSTER_SEALED_H
#define HOST_CLUSTER_SEALED_H

#include <patchbay/types.h>

/* Zeroed; it can neither grow nor shrink. PB_NO_MEMORY. */
pb_status sealed_create(const char *name, int64_t size, int *fd);

/* Is that such a file, of this size? */
bool sealed_is(int fd, int64_t size);

#endif
