/* settings.h - what the supervisor needs of a configuration, without reading it: notes in its
 * snapshot.
 *
 * The process that checked the configuration writes them; whoever has the snapshot can read them.
 * They are text, because a newer supervisor may read an older one's (`patchbay upgrade`).
 */
#ifndef HOST_APP_SETTINGS_H
#define HOST_APP_SETTINGS_H

#include "app/load.h"
#include <limits.h>

enum { WORKERS_MOST = 64, SETTINGS_PATH = 3072 };

struct settings {
    int64_t workers;
    int64_t worker_memory;
    pb_duration hang, start, drain;
    int64_t log_level, log_format; /* PB_DEBUG …, HOST_FORMAT_… */
    char run_dir[SETTINGS_PATH], log_file[SETTINGS_PATH];
};

/* Processors that may be used: affinity and the cgroup's quota; then at least 2. */
int64_t settings_workers_auto(void);

/* Into the snapshot that this process records: settings, the command line, the files of the plugins
 * that are loaded with their inodes. After load_config(). */
void settings_note(const struct invocation *invocation);

/* What holds where there is no snapshot to read. */
void settings_default(struct settings *out, int64_t workers);

/* From a snapshot; for what is not in it its default. */
pb_status settings_of(int snapshot, struct settings *out);

/* Of the replayed snapshot: calls `each` for every plugin file that is not as it was then.
 * `in_place`: the same file with other content, under the workers that run it. */
void settings_plugins_changed(void (*each)(void *arg, const char *path, bool there, bool in_place),
                              void *arg);

/* The replayed snapshot's command line: -c, --data-dir, --set, --port. Lives until snapshot_end. */
void settings_invocation(struct invocation *out);

#endif
