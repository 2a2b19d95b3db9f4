/* loader.h - finding plugin files, deciding whether they may be opened, and opening them.
 *
 * A file is checked and opened through one descriptor, so that nothing can be swapped in between.
 * Descriptors of loaded plugins stay open: the dynamic linker knows a library by the name under
 * which it was opened (/proc/self/fd/N), and that number must not name another file later.
 */
#ifndef HOST_PLUGIN_LOADER_H
#define HOST_PLUGIN_LOADER_H

#include "plugin/manifest.h"
#include <patchbay/plugin.h>

/* The table that plugins call, and whose address the loader stores in each. Exported for the tests
 * of strangers, which link the testkit as a shared library. */
extern PB_EXPORT const pb_host host_table;

/* The folders that are searched when the configuration names none, and after those that it names:
 * beside the program (a build folder) and where `cmake --install` puts plugins. NULL at the end;
 * static. */
const char *const *loader_default_folders(void);

/* Opens `path` for reading after checking that its owner and the owner of every folder above, and of
 * every link on the way, is root or the user who runs this, and that nobody else may write there (a sticky folder that root
 * owns, like /tmp, may stand above the folder that holds the file). PB_NOT_FOUND, or PB_FORBIDDEN
 * with the chmod that helps. Close *fd. */
pb_status loader_file_open(const char *path, int *fd);

/* Compares the file's SHA-256 with a pin (64 hexadecimal digits). PB_FORBIDDEN when it differs. */
pb_status loader_pin_check(int fd, pb_str pin);

/* A plugin's libraries come from where the system keeps them: no RUNPATH, none by its path. (main
 * starts the program again without LD_LIBRARY_PATH.) PB_FORBIDDEN. */
pb_status loader_search_check(int fd);

/* Maps the open file (constructors run), checks that its descriptor says what `manifest` says and
 * that its components are whole, stores the host's table. Takes `fd` over, whatever it returns. */
pb_status loader_open(int fd, const struct manifest *manifest, const pb_plugin **out);

/* The part of loader_open after dlopen; also for plugins that are linked in (manifest NULL). */
pb_status loader_descriptor_check(const pb_plugin *plugin, const struct manifest *manifest);

#endif
