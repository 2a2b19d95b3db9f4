/* abi.h - what makes a shared object a Patchbay plugin: entry symbol, versions, manifest.
 *
 * Plugin authors write PB_PLUGIN (plugin.h) and never look here. The host reads the manifest from
 * section ".patchbay" without running anything, checks it, opens the file, checks that the
 * descriptor says the same, stores the address of its function table at *host, and only then calls.
 */
#ifndef PATCHBAY_ABI_H
#define PATCHBAY_ABI_H

#include <patchbay/types.h>

/* Plugins load only into a host of the same ABI major. 0: interfaces may still change, on purpose,
 * with a CHANGELOG line. */
#define PB_ABI_MAJOR 0

/* The newest API level that these headers describe. A plugin may target an older one by defining
 * PB_API before its first include; an older host then takes it. */
#define PB_API_LEVEL 1
#ifndef PB_API
#define PB_API PB_API_LEVEL
#endif

#define PB_MAGIC 0x50424159u /* "PBAY" */

typedef struct pb_component pb_component;
typedef struct pb_host pb_host;

/* The plugin's one exported object. Static, constant, lives for ever. */
typedef struct pb_plugin {
    uint32_t magic;     /* PB_MAGIC */
    uint32_t abi_major; /* PB_ABI_MAJOR */
    uint32_t size;      /* sizeof(pb_plugin) */
    uint32_t api_level; /* PB_API */
    const char *name;
    const char *version;
    const char *license;
    const char *help;
    const pb_component *const *components; /* NULL at the end */
    const pb_host **host;                  /* filled by the loader before any call */
} pb_plugin;

/* The name under which the descriptor is exported. A static build gives each plugin another. */
#ifndef PB_PLUGIN_SYMBOL
#define PB_PLUGIN_SYMBOL patchbay_plugin
#endif

#if defined(__GNUC__)
#define PB_HIDDEN __attribute__((visibility("hidden")))
#define PB_EXPORT __attribute__((visibility("default")))
#ifndef __has_attribute
#define __has_attribute(name) 0
#endif
#if __has_attribute(retain) /* also when the linker drops what nothing refers to (--gc-sections) */
#define PB_SECTION __attribute__((section(".patchbay"), used, retain))
#else
#define PB_SECTION __attribute__((section(".patchbay"), used))
#endif
#else
#error "Patchbay plugins need a compiler with GNU attributes (gcc, clang)"
#endif

#define PB_TEXT_(text) #text
#define PB_TEXT(text) PB_TEXT_(text)

#endif
