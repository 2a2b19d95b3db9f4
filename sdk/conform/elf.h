/* elf.h - what the cases of the file ask of its ELF structure. The file is mapped; every offset is
 * checked against its size. */
#ifndef CONFORM_ELF_H
#define CONFORM_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
    const char *data;
    size_t size;
    const Elf64_Ehdr *header;
    const Elf64_Phdr *segments;
    const Elf64_Shdr *sections; /* NULL: none that can be read */
};

/* False: not an ELF file that can be read. Stays mapped. */
bool elf_map(const char *path, struct elf *out);

const Elf64_Phdr *elf_segment(const struct elf *elf, uint32_t type); /* the first, or NULL */
const Elf64_Shdr *elf_section(const struct elf *elf, uint32_t type); /* by its type */
const Elf64_Shdr *elf_section_named(const struct elf *elf, const char *name);
/* An entry of the dynamic section; false: there is none. */
bool elf_dynamic(const struct elf *elf, int64_t tag, uint64_t *value);

/* Calls each(arg, symbol, name) for the symbols of a section (SHT_DYNSYM, SHT_SYMTAB). */
void elf_symbols(const struct elf *elf, uint32_t type,
                 void (*each)(void *arg, const Elf64_Sym *symbol, const char *name), void *arg);

/* How many constructors the compiler has put in by itself: frame_dummy, and one that looks at the
 * processor (__builtin_cpu_supports). */
unsigned elf_compiler_constructors(const struct elf *elf);

/* What its code was made of, as far as it shows. */
bool elf_is_sanitized(const struct elf *elf);
bool elf_is_cxx(const struct elf *elf);
bool elf_is_rust(const struct elf *elf);

#endif
