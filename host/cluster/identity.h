/* identity.h - names of processes that no other process ever had: "PID-START-BOOT".
 *
 * START is when the kernel says that the process began, BOOT the beginning of the boot id.
 */
#ifndef HOST_CLUSTER_IDENTITY_H
#define HOST_CLUSTER_IDENTITY_H

#include <patchbay/types.h>

enum { IDENTITY_SIZE = 64 };

/* The name of a process; false when there is none with this number. */
bool identity_of(int32_t pid, char out[IDENTITY_SIZE]);

/* Its process number, 0 when that is no name. */
int32_t identity_pid(pb_str id);

/* Does it run still? A zombie does not. */
bool identity_alive(pb_str id);

#endif
