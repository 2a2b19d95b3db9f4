/* operations.h - the table of operations: the host's own, those of the service instances, and those that
 * transports serve themselves.
 *
 * The table is built once, after the instances were made. An operation is handed out as a copy of
 * its own, so two instances of one service do not meet.
 */
#ifndef HOST_TURN_OPERATIONS_H
#define HOST_TURN_OPERATIONS_H

#include <patchbay/patchbay.h>

/* Collects the host's operations and those of all instances. PB_CONFLICT when two
 * have the same method and path, or the same id. */
pb_status operations_setup(void);
void operations_fini(void);

/* By its id ("turns.get"), for `patchbay call`; NULL: unknown. */
const pb_operation *operation_find(pb_str id);

/* Calls one with the whole of a body and of its answer in memory: `upload` is what an operation that takes
 * files gets, what it sends piece by piece becomes out->body (64 MiB at most). Parks. */
pb_status operation_call_whole(const pb_operation *operation, pb_call *call, pb_str upload,
                               pb_content *out);

/* The host's own table (host_operations.c), ended by PB_OPERATION_END. */
const pb_operation *host_operations(void);

#endif
