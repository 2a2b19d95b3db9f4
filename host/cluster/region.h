/* region.h - shared memory with locks that survive their holder: the file behind pb_shared.
 *
 * A head of one page holds the locks; the region follows. Whoever creates it (the supervisor, or a
 * process alone) makes the head before anybody else sees the descriptor.
 */
#ifndef HOST_CLUSTER_REGION_H
#define HOST_CLUSTER_REGION_H

#include <patchbay/types.h>

struct region_head;

/* A new one, zeroed. PB_NO_MEMORY. */
pb_status region_create(int64_t bytes, uint32_t version, int *fd);

/* PB_INVALID when it is another's, PB_NO_MEMORY. */
pb_status region_map(int fd, int64_t bytes, uint32_t version, struct region_head **out);
void region_unmap(struct region_head *head);
void *region_memory(struct region_head *head);

/* PB_OK; PB_DECLINED: it is ours, but its holder died inside: repair, then region_repaired.
 * PB_TIMEOUT after 50 ms. Any thread. */
pb_status region_lock(struct region_head *head, uint32_t index);
void region_repaired(struct region_head *head, uint32_t index);
void region_unlock(struct region_head *head, uint32_t index);

#endif
