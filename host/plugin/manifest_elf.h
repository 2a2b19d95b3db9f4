/* manifest_elf.h - the bytes of section ".patchbay" of an ELF file, read without trusting it.
 * *text is malloc'd, with a NUL behind its *size bytes. Fails as manifest_read says. */
#ifndef HOST_PLUGIN_MANIFEST_ELF_H
#define HOST_PLUGIN_MANIFEST_ELF_H

#include <patchbay/types.h>

pb_status manifest_section_of_file(int fd, char **text, size_t *size);
pb_status manifest_section_of_bytes(pb_bytes file, char **text, size_t *size);

#endif
