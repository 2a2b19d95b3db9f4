/* contract_symbol.c - names the function at a place of an ELF file, by .symtab or, where that was
 * stripped, .dynsym. Maps the file and only reads it, so that a handler of a signal may ask. */
#include "plugin/contract_internal.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    const char *data;
    uint64_t size;
};

static const void *part(const struct file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset ? file->data + offset : NULL;
}

/* Its name where the symbol is a function around `offset`, else NULL. */
static const char *name_of(const struct file *file, const Elf64_Sym *symbol, const Elf64_Shdr *names,
                           uint64_t offset)
{
    if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || !symbol->st_shndx ||
        offset < symbol->st_value || offset - symbol->st_value >= symbol->st_size ||
        symbol->st_name >= names->sh_size)
        return NULL;
    uint64_t room = names->sh_size - symbol->st_name;
    const char *name = part(file, names->sh_offset + symbol->st_name, room);
    return name && memchr(name, 0, room) ? name : NULL;
}

static const char *look(const struct file *file, const Elf64_Shdr *sections, uint32_t count,
                        const Elf64_Shdr *table, uint64_t offset)
{
    const Elf64_Sym *symbols = part(file, table->sh_offset, table->sh_size);

    if (!symbols || table->sh_entsize != sizeof *symbols || table->sh_link >= count)
        return NULL;
    for (uint64_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        const char *name = name_of(file, &symbols[i], &sections[table->sh_link], offset);
        if (name)
            return name;
    }
    return NULL;
}

static const char *find(const struct file *file, uint64_t offset)
{
    const Elf64_Ehdr *header = part(file, 0, sizeof *header);
    const char *name = NULL;

    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(Elf64_Shdr))
        return NULL;
    const Elf64_Shdr *sections =
        part(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    for (uint32_t i = 0; sections && !name && i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB || sections[i].sh_type == SHT_DYNSYM)
            name = look(file, sections, header->e_shnum, &sections[i], offset);
    return name;
}

bool contract_symbol(const char *path, uint64_t offset, char *out, size_t size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    void *map = fstat(fd, &about) == 0 && about.st_size > 0
                    ? mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return false;
    const struct file file = {map, (uint64_t)about.st_size};
    const char *name = find(&file, offset);
    if (name)
        (void)snprintf(out, size, "%s", name);
    munmap(map, (size_t)about.st_size);
    return name != NULL;
}
