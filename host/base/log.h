/* log.h - where log lines go: host_log() and host_log_enabled() of <patchbay/log.h>.
 *
 * A line is one write(2), so lines of threads and processes never mix. Before log_setup it goes to
 * standard error as text, from level info on. Any thread may log.
 */
#ifndef HOST_BASE_LOG_H
#define HOST_BASE_LOG_H

#include <patchbay/log.h>

/* The longest line with its newline; a longer message is cut between characters. */
enum { LOG_LINE_SIZE = 4096 };

/* From now on: lines of `level` (PB_DEBUG …) and above, as JSON objects or as text, to `file`:
 * "stderr", "stdout" or a path, which is opened for appending. PB_INVALID when that fails; nothing
 * is changed then. */
pb_status log_setup(int32_t level, bool json, const char *file);

/* Opens the file again (rotation); the old one stays in use when that fails. */
pb_status log_reopen(void);

/* Closes the file; lines go to standard error again. */
void log_fini(void);

/* What a line says about whose it is; absent where not known. */
struct log_context {
    pb_str turn, request, trace, stage, instance;
};

/* Sets who fills it in. Called on the loop's thread only, for each line; must not log or park. */
void log_context_set(void (*fill)(struct log_context *context));

/* Every line says from now on that it is of, or about, this worker; 0: of none. */
void log_worker(uint32_t number);

/* "debug", "info", "warn", "error". */
const char *log_level_name(int32_t level);

/* Lines that could not be written since the start (the disk is full, a pipe's reader is slow). */
uint64_t log_lost(void);

#endif
