/* run_dir.h - the folder where a service's processes find each other: lock, control.sock, epoch,
 * workers.
 *
 * Paths may be longer than a socket's address allows; nothing here depends on the working folder.
 */
#ifndef HOST_CLUSTER_RUN_DIR_H
#define HOST_CLUSTER_RUN_DIR_H

#include "base/buf.h"
#include <patchbay/types.h>

/* Makes the folder (0700, ours) and locks run_dir/lock for as long as *lock is open, in this
 * process only. PB_CONFLICT when another supervisor has it, PB_FORBIDDEN, PB_UNAVAILABLE. */
pb_status run_dir_lock(const char *run_dir, int *lock);
bool run_dir_lock_again(int lock); /* after an exec; false: another has it */

/* The listening control.sock, 0600; one that was there goes. */
pb_status run_dir_listen(const char *run_dir, int *out);
void run_dir_unlisten(const char *run_dir);

/* A connected socket to control.sock; -1 with errno when nobody listens there. */
int run_dir_connect(const char *run_dir, bool blocking);

/* The next epoch of fencing tokens: larger than any before, also when the folder was lost (it then
 * follows the clock). Written to disk before it is returned. PB_NO_SPACE or PB_UNAVAILABLE. */
pb_status run_dir_epoch(const char *run_dir, uint32_t *out);
uint32_t run_dir_epoch_of_clock(void);

/* The node ids of live workers, one a line; rewritten as a whole. An empty text removes the file.
 */
void run_dir_workers_write(const char *run_dir, pb_str text);
/* Adds what the file holds; nothing when there is none. */
void run_dir_workers_read(const char *run_dir, struct buf *out);
/* Does any of them live? */
bool run_dir_workers_alive(const char *run_dir);

#endif
