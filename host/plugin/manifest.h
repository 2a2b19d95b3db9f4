/* manifest.h - what a plugin file says about itself, read without running anything of it.
 *
 * Section ".patchbay" of an ELF64 shared object holds NUL-separated lines; PB_PLUGIN writes them.
 * The reader checks every offset against the file's size, so that a hostile file is a refusal with
 * a sentence (pb_error_last) and never a crash.
 */
#ifndef HOST_PLUGIN_MANIFEST_H
#define HOST_PLUGIN_MANIFEST_H

#include <patchbay/abi.h>

/* More than PB_PLUGIN can declare; what has more is refused. */
enum { MANIFEST_COMPONENTS = 32 };

struct manifest_component {
    pb_str kind;
    uint32_t revision;
    pb_str name;
};

struct manifest {
    char *text; /* malloc'd; all strings below point into it and have a NUL behind them */
    uint32_t abi;
    uint32_t level;
    pb_str name, version, license;
    struct manifest_component components[MANIFEST_COMPONENTS];
    size_t count;
};

/* Reads the manifest of an open file; does not move its offset and does not park. PB_UNSUPPORTED:
 * not an ELF shared object of this machine. PB_NOT_FOUND: one without a manifest, so no plugin.
 * PB_INVALID: a manifest that is broken; the sentence says how. On PB_OK: manifest_fini. */
pb_status manifest_read(int fd, struct manifest *out);

/* The same for a file's bytes in memory. */
pb_status manifest_read_bytes(pb_bytes file, struct manifest *out);

/* Parses the section's text (borrowed). */
pb_status manifest_parse(pb_str section, struct manifest *out);

/* May this host load it? Checks ABI, level, and that every interface is known in that revision.
 * PB_UNSUPPORTED with both versions and the remedy. */
pb_status manifest_check(const struct manifest *manifest);

void manifest_fini(struct manifest *manifest);

#endif
