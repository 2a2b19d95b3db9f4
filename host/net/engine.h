/* engine.h - engines: heavy libraries in .so files of the host's own, opened on first use.
 *
 * They lie in "engines" beside the executable (or in the folder above, for tests), or installed in
 * ../lib/patchbay/engines. They are parts of the host, not plugins: same build, same trust.
 */
#ifndef HOST_NET_ENGINE_H
#define HOST_NET_ENGINE_H

#include <patchbay/types.h>

/* The symbol `symbol` of engine "patchbay-<name>.so"; NULL with the task's error PB_UNAVAILABLE.
 * Never closed again. */
void *engine_open(const char *name, const char *symbol);

#endif
