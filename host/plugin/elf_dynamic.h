/* elf_dynamic.h - what a shared object asks the dynamic linker for: libraries, and folders to look
 * for them. Read from the open file as the linker would, without trusting it and running nothing. */
#ifndef HOST_PLUGIN_ELF_DYNAMIC_H
#define HOST_PLUGIN_ELF_DYNAMIC_H

#include <patchbay/types.h>

enum { ELF_LIBRARIES = 64 };

struct elf_dynamic {
    char *text; /* malloc'd; the strings below point into it */
    const char *libraries[ELF_LIBRARIES];
    size_t count;
    const char *run_path; /* RPATH or RUNPATH; NULL: none */
};

/* PB_INVALID: the dynamic section is broken. On PB_OK: elf_dynamic_fini. */
pb_status elf_dynamic_read(int fd, struct elf_dynamic *out);
void elf_dynamic_fini(struct elf_dynamic *dynamic);

#endif
