/* snapshot.h - everything that loading a configuration read, kept so that it can be loaded again.
 *
 * A worker that is started later than its generation must run that generation's configuration, not
 * files edited meanwhile. One process records (`serve` checks in a child), the others replay. The
 * environment is not in it: processes inherit it.
 */
#ifndef HOST_CONFIG_SNAPSHOT_H
#define HOST_CONFIG_SNAPSHOT_H

#include <patchbay/memory.h>

enum snapshot_kind { SNAPSHOT_FILE = 1, SNAPSHOT_COMMAND = 2, SNAPSHOT_NOTE = 3 };

/* From now on files that are read and commands that run are kept. */
void snapshot_record(void);

/* Keeps a fact beside them; the same key may be noted several times. */
void snapshot_note(const char *key, pb_str value);

/* Writes all that is kept. PB_NO_SPACE and the like with a sentence. */
pb_status snapshot_write(int fd);

/* From now on files and commands come from there; what is not in it cannot be read. The descriptor
 * is not closed. PB_INVALID: it is no snapshot of this release's kind. */
pb_status snapshot_replay(int fd);

/* Reads files and runs commands again; forgets everything. */
void snapshot_end(void);

/* The note `key` (the first, or the one after `index` others); absent: there is none. Lives until
 * snapshot_end. */
pb_str snapshot_noted(const char *key, size_t index);

/* Do both hold the same? */
bool snapshot_same(int one, int other);

/* --- for the places that read -------------------------------------------------------------------
 */

/* While replaying: true, and what was kept in *out (running scope) with *status PB_OK, or a failure
 * that says `key` was not part of it. Else false. */
bool snapshot_take(enum snapshot_kind kind, pb_str key, pb_status *status, pb_str *out);
/* While recording: keeps it. */
void snapshot_keep(enum snapshot_kind kind, pb_str key, pb_str value);

#endif
