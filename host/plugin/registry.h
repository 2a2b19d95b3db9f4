/* registry.h - every plugin that was found, and which component comes from which.
 *
 * One registry in a process. Scanning reads manifests only; a plugin is opened when a component of
 * it is asked for. What is refused stays in the list with its sentence, for `inspect`. Nothing is
 * ever unloaded. Nothing here parks.
 */
#ifndef HOST_PLUGIN_REGISTRY_H
#define HOST_PLUGIN_REGISTRY_H

#include "plugin/loader.h"

struct plugin {
    struct plugin *next;
    char *path;                  /* of the file; "(built in)" for registry_add_static */
    char *refused;               /* why it was not or cannot be loaded, or NULL */
    pb_status status;            /* of `refused` */
    struct manifest manifest;    /* empty where the file has none that can be read */
    const pb_plugin *descriptor; /* NULL: not opened */
    bool hidden;                 /* a plugin of the same name was found before this one */
};

/* Reads the manifests of all *.so files in `folders` (NULL at the end), in this order, and adds
 * them. A folder that is not there is no failure. May be called again: folders that were read
 * already are skipped. */
pb_status registry_scan(const char *const *folders);

/* Adds one file, whatever its name. */
pb_status registry_add_file(const char *path);

/* Adds a plugin that is linked into this program (tests, testkit). Checked as a file is. */
pb_status registry_add_static(const pb_plugin *plugin);

/* Only a file with this SHA-256 (hexadecimal) may be loaded as the plugin `name`. Before opening. */
pb_status registry_pin(pb_str name, pb_str sha256);

/* All of them, in the order in which they were found. */
const struct plugin *registry_first(void);

/* The plugin that was loaded with this descriptor, or NULL. */
const struct plugin *registry_of(const pb_plugin *descriptor);

/* Its name: the manifest's, or the file's without ".so" where that cannot be read. */
pb_str plugin_name(const struct plugin *plugin);

/* The folders that were scanned, for messages: "plugins, /usr/lib/patchbay/plugins". */
pb_str registry_folders(void); /* in the running scope */

/* The component `name` of `kind`; opens its plugin when it was not. PB_NOT_FOUND with the searched
 * folders and the nearest name; PB_CONFLICT when two plugins offer it; else why it did not load. */
pb_status registry_find(pb_str kind, pb_str name, const struct plugin **plugin,
                        const pb_component **component);

/* Opens a plugin that was found. What its row says is why not. */
pb_status registry_open(const struct plugin *plugin);

/* Opens a plugin in a child process and returns its description as one JSON object in the running
 * scope: {"name", "version", "license", "help", "api_level", "abi", "path", "libraries": [name],
 * "components": [{"kind", "name", "revision", "needs": [kinds that its options refer to], "schema":
 * JSON Schema of the options}]}. A plugin that crashes, hangs for
 * ten seconds or exits while it loads is PB_UNAVAILABLE with a sentence. Blocks: for commands. */
pb_status registry_describe(const struct plugin *plugin, pb_str *json);

/* Forgets everything but what dlopen did (tests). */
void registry_reset(void);

#endif
