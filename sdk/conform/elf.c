/* elf.c - see elf.h. Format: System V ABI, "Object Files" (ELF-64). */
#include "elf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const void *part(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset ? elf->data + offset : NULL;
}

bool elf_map(const char *path, struct elf *out)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = (struct elf){0};
    if (fd < 0 || fstat(fd, &about) != 0 || (size_t)about.st_size < sizeof(Elf64_Ehdr))
        return false;
    out->size = (size_t)about.st_size;
    out->data = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (out->data == MAP_FAILED || memcmp(out->data, ELFMAG, SELFMAG) != 0)
        return false;
    out->header = (const Elf64_Ehdr *)(const void *)out->data;
    out->segments = part(out, out->header->e_phoff, out->header->e_phnum * sizeof(Elf64_Phdr));
    out->sections = out->header->e_shentsize == sizeof(Elf64_Shdr)
                        ? part(out, out->header->e_shoff, out->header->e_shnum * sizeof(Elf64_Shdr))
                        : NULL;
    return out->segments != NULL;
}

const Elf64_Phdr *elf_segment(const struct elf *elf, uint32_t type)
{
    for (unsigned i = 0; i < elf->header->e_phnum; i++)
        if (elf->segments[i].p_type == type)
            return &elf->segments[i];
    return NULL;
}

const Elf64_Shdr *elf_section(const struct elf *elf, uint32_t type)
{
    for (unsigned i = 0; elf->sections && i < elf->header->e_shnum; i++)
        if (elf->sections[i].sh_type == type)
            return &elf->sections[i];
    return NULL;
}

/* A text of a string section; "" where there is none. */
static const char *text(const struct elf *elf, unsigned section, uint64_t offset)
{
    if (section >= elf->header->e_shnum)
        return "";
    const Elf64_Shdr *at = &elf->sections[section];
    const char *table = part(elf, at->sh_offset, at->sh_size);
    if (!table || offset >= at->sh_size || !memchr(table + offset, 0, at->sh_size - offset))
        return "";
    return table + offset;
}

const Elf64_Shdr *elf_section_named(const struct elf *elf, const char *name)
{
    for (unsigned i = 0; elf->sections && i < elf->header->e_shnum; i++)
        if (strcmp(text(elf, elf->header->e_shstrndx, elf->sections[i].sh_name), name) == 0)
            return &elf->sections[i];
    return NULL;
}

bool elf_dynamic(const struct elf *elf, int64_t tag, uint64_t *value)
{
    const Elf64_Phdr *segment = elf_segment(elf, PT_DYNAMIC);
    const Elf64_Dyn *entry = segment ? part(elf, segment->p_offset, segment->p_filesz) : NULL;
    size_t count = entry ? segment->p_filesz / sizeof *entry : 0;

    for (size_t i = 0; i < count && entry[i].d_tag != DT_NULL; i++)
        if (entry[i].d_tag == tag) {
            *value = entry[i].d_un.d_val;
            return true;
        }
    return false;
}

void elf_symbols(const struct elf *elf, uint32_t type,
                 void (*each)(void *arg, const Elf64_Sym *symbol, const char *name), void *arg)
{
    const Elf64_Shdr *section = elf_section(elf, type);
    const Elf64_Sym *symbols = section ? part(elf, section->sh_offset, section->sh_size) : NULL;

    for (size_t i = 1; symbols && i < section->sh_size / sizeof *symbols; i++)
        each(arg, &symbols[i], text(elf, section->sh_link, symbols[i].st_name));
}

static void see_sanitizer(void *arg, const Elf64_Sym *symbol, const char *name)
{
    static const char *const starts[] = {"__asan_", "__ubsan_", "__tsan_", "__gcov_",
                                         "__sanitizer_"};

    if (symbol->st_shndx != SHN_UNDEF)
        return;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            *(bool *)arg = true;
}

bool elf_is_sanitized(const struct elf *elf)
{
    bool found = false;

    elf_symbols(elf, SHT_DYNSYM, see_sanitizer, &found);
    return found;
}

static void see_cxx(void *arg, const Elf64_Sym *symbol, const char *name)
{
    if (symbol->st_shndx == SHN_UNDEF &&
        (strncmp(name, "_Z", 2) == 0 || strncmp(name, "__cxa_throw", 11) == 0 ||
         strncmp(name, "__gxx_personality", 17) == 0))
        *(bool *)arg = true;
}

bool elf_is_cxx(const struct elf *elf)
{
    bool found = false;

    elf_symbols(elf, SHT_DYNSYM, see_cxx, &found);
    return found;
}

/* A path that the panics of its standard library name, whoever built that: it stays when symbols
 * go. */
bool elf_is_rust(const struct elf *elf)
{
    static const char path[] = "library/std/src/";

    return memmem(elf->data, elf->size, path, sizeof path - 1) != NULL;
}

static void see_processor(void *arg, const Elf64_Sym *symbol, const char *name)
{
    (void)symbol;
    if (strcmp(name, "__cpu_indicator_init") == 0)
        *(unsigned *)arg = 1;
}

unsigned elf_compiler_constructors(const struct elf *elf)
{
    unsigned processor = 0;

    elf_symbols(elf, SHT_SYMTAB, see_processor, &processor);
    return 1 + processor;
}
