/* manifest_elf.c - finds section ".patchbay" of an ELF64 shared object, trusting nothing.
 *
 * Every offset and size is checked against the file's size before it is used; the file is read with
 * pread, not mapped, so that one that shrinks meanwhile is a short read and not a signal. Format:
 * System V ABI, "Object Files" (ELF-64, little-endian).
 */
#include "plugin/manifest_elf.h"

#include <elf.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file may ask for: more sections or a longer manifest is no plugin of this world. */
enum { MOST_SECTIONS = 4096, MOST_MANIFEST = 64 * 1024, MOST_NAMES = 1024 * 1024 };

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#define MACHINE_NAME "AArch64"
#elif defined(__riscv) && __riscv_xlen == 64
enum { MACHINE = EM_RISCV };
#define MACHINE_NAME "RISC-V"
#else
#error "add this machine's ELF number"
#endif

struct source {
    int fd; /* or -1: `bytes` */
    pb_bytes bytes;
    uint64_t size;
};

/* `size` bytes from `offset`; false when they are not all there. */
static bool get(const struct source *source, uint64_t offset, void *out, uint64_t size)
{
    if (offset > source->size || size > source->size - offset)
        return false;
    if (source->fd < 0) {
        memcpy(out, source->bytes.data + offset, size);
        return true;
    }
    for (uint64_t done = 0; done < size;) {
        ssize_t got =
            pread(source->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got <= 0)
            return false;
        done += (uint64_t)got;
    }
    return true;
}

static pb_status check_header(const struct source *source, Elf64_Ehdr *header)
{
    memset(header, 0, sizeof *header);
    if (!get(source, 0, header, source->size < sizeof *header ? source->size : sizeof *header) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return pb_fail(PB_UNSUPPORTED, "not an ELF file: a plugin is a shared object built by "
                                       "patchbay_plugin() or cc -shared");
    if (source->size < sizeof *header)
        return pb_fail(PB_INVALID, "the ELF file is cut off inside its header: copy it again");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != MACHINE)
        return pb_fail(PB_UNSUPPORTED,
                       "built for another machine (ELF class %d, machine %d); this host runs "
                       "64-bit " MACHINE_NAME ": build the plugin here",
                       header->e_ident[EI_CLASS], header->e_machine);
    if (header->e_type != ET_DYN)
        return pb_fail(PB_UNSUPPORTED, "an ELF file, but not a shared object: link it with -shared");
    if (header->e_shoff == 0 || header->e_shnum == 0)
        return pb_fail(PB_NOT_FOUND, "has no section table (stripped by sstrip?), so no manifest");
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum > MOST_SECTIONS ||
        header->e_shstrndx >= header->e_shnum)
        return pb_fail(PB_INVALID, "the ELF section table is broken: build the plugin again");
    return PB_OK;
}

/* The section table, malloc'd. */
static pb_status get_sections(const struct source *source, const Elf64_Ehdr *header,
                              Elf64_Shdr **out)
{
    uint64_t size = (uint64_t)header->e_shnum * sizeof(Elf64_Shdr);
    Elf64_Shdr *sections = malloc(size);

    if (!sections)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    if (!get(source, header->e_shoff, sections, size)) {
        free(sections);
        return pb_fail(PB_INVALID,
                       "the ELF file is cut off before its section table: copy it again");
    }
    *out = sections;
    return PB_OK;
}

/* Does the name at `offset` of the table of names say ".patchbay"? */
static bool is_ours(const struct source *source, const Elf64_Shdr *names, uint32_t offset)
{
    static const char wanted[] = ".patchbay";
    char name[sizeof wanted];

    return offset <= names->sh_size && sizeof wanted <= names->sh_size - offset &&
           names->sh_offset <= source->size &&
           get(source, names->sh_offset + offset, name, sizeof name) &&
           memcmp(name, wanted, sizeof wanted) == 0;
}

static pb_status take(const struct source *source, const Elf64_Shdr *section, char **text,
                      size_t *size)
{
    if (section->sh_type != SHT_PROGBITS || section->sh_size == 0)
        return pb_fail(PB_INVALID, "its manifest section is empty: declare it with PB_PLUGIN");
    if (section->sh_size > MOST_MANIFEST)
        return pb_fail(PB_INVALID, "its manifest is longer than %d bytes", MOST_MANIFEST);
    char *copy = malloc(section->sh_size + 1);
    if (!copy)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    if (!get(source, section->sh_offset, copy, section->sh_size)) {
        free(copy);
        return pb_fail(PB_INVALID, "the ELF file is cut off before its manifest: copy it again");
    }
    copy[section->sh_size] = 0;
    *text = copy;
    *size = section->sh_size;
    return PB_OK;
}

static pb_status find(const struct source *source, char **text, size_t *size)
{
    Elf64_Ehdr header;
    Elf64_Shdr *sections = NULL;
    pb_status status = check_header(source, &header);

    if (status == PB_OK)
        status = get_sections(source, &header, &sections);
    if (status != PB_OK)
        return status;
    const Elf64_Shdr *names = &sections[header.e_shstrndx];
    status = PB_NOT_FOUND;
    if (names->sh_size > MOST_NAMES)
        status = pb_fail(PB_INVALID, "the ELF section names are broken: build the plugin again");
    for (size_t i = 0; status == PB_NOT_FOUND && i < header.e_shnum; i++)
        if (is_ours(source, names, sections[i].sh_name)) {
            status = take(source, &sections[i], text, size);
            break;
        }
    if (status == PB_NOT_FOUND)
        status = pb_fail(PB_NOT_FOUND, "a shared object without a Patchbay manifest: no plugin, or "
                                       "one that does not use PB_PLUGIN");
    free(sections);
    return status;
}

pb_status manifest_section_of_file(int fd, char **text, size_t *size)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return pb_fail(PB_UNSUPPORTED, "not a regular file");
    struct source source = {.fd = fd, .size = (uint64_t)stat.st_size};
    return find(&source, text, size);
}

pb_status manifest_section_of_bytes(pb_bytes file, char **text, size_t *size)
{
    struct source source = {.fd = -1, .bytes = file, .size = file.size};
    return find(&source, text, size);
}
