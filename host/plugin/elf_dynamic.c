/* elf_dynamic.c - see elf_dynamic.h. Program headers, not sections: it is those that the linker reads.
 * Format: System V ABI, "Program Loading and Dynamic Linking" (ELF-64). */
#include "plugin/elf_dynamic.h"

#include <elf.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_HEADERS = 256, MOST_ENTRIES = 4096, MOST_TEXT = 16 * 1024 * 1024 };

static bool get(int fd, uint64_t offset, void *out, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = offset > INT64_MAX - size
                          ? -1
                          : pread(fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

struct image {
    int fd;
    size_t count;
    Elf64_Phdr headers[MOST_HEADERS];
};

static bool get_headers(struct image *image)
{
    Elf64_Ehdr header;

    if (!get(image->fd, 0, &header, sizeof header) || header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phnum > MOST_HEADERS)
        return false;
    image->count = header.e_phnum;
    return get(image->fd, header.e_phoff, image->headers, image->count * sizeof(Elf64_Phdr));
}

/* Where in the file the byte lies that is loaded at `address`. */
static bool place(const struct image *image, uint64_t address, uint64_t *out)
{
    for (size_t i = 0; i < image->count; i++) {
        const Elf64_Phdr *at = &image->headers[i];
        if (at->p_type != PT_LOAD || address < at->p_vaddr || address - at->p_vaddr >= at->p_filesz)
            continue;
        *out = at->p_offset + (address - at->p_vaddr);
        return true;
    }
    return false;
}

static bool get_text(const struct image *image, const Elf64_Dyn *entries, size_t count,
                     struct elf_dynamic *out, uint64_t *size)
{
    uint64_t address = 0, offset = 0;

    *size = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].d_tag == DT_STRTAB)
            address = entries[i].d_un.d_ptr;
        else if (entries[i].d_tag == DT_STRSZ)
            *size = entries[i].d_un.d_val;
    if (*size == 0 || *size > MOST_TEXT || !place(image, address, &offset))
        return false;
    out->text = malloc(*size + 1);
    if (!out->text || !get(image->fd, offset, out->text, *size))
        return false;
    out->text[*size] = 0;
    return true;
}

/* True: all strings lie inside the table. */
static bool take(const Elf64_Dyn *entries, size_t count, uint64_t size, struct elf_dynamic *out)
{
    for (size_t i = 0; i < count; i++) {
        const Elf64_Dyn *at = &entries[i];
        bool library = at->d_tag == DT_NEEDED || at->d_tag == DT_FILTER || at->d_tag == DT_AUXILIARY;
        bool path = at->d_tag == DT_RPATH || at->d_tag == DT_RUNPATH;
        if (!library && !path)
            continue;
        if (at->d_un.d_val >= size || (library && out->count == ELF_LIBRARIES))
            return false;
        if (library)
            out->libraries[out->count++] = out->text + at->d_un.d_val;
        else
            out->run_path = out->text + at->d_un.d_val;
    }
    return true;
}

static bool read_dynamic(const struct image *image, const Elf64_Phdr *header,
                         struct elf_dynamic *out)
{
    size_t count = header->p_filesz / sizeof(Elf64_Dyn), used = 0;
    uint64_t size;

    if (count == 0 || count > MOST_ENTRIES)
        return false;
    Elf64_Dyn *entries = malloc(count * sizeof *entries);
    bool good = entries && get(image->fd, header->p_offset, entries, count * sizeof *entries);
    while (good && used < count && entries[used].d_tag != DT_NULL)
        used++;
    good = good && get_text(image, entries, used, out, &size) && take(entries, used, size, out);
    free(entries);
    return good;
}

pb_status elf_dynamic_read(int fd, struct elf_dynamic *out)
{
    struct image *image = calloc(1, sizeof *image);
    bool good = image != NULL;

    *out = (struct elf_dynamic){0};
    if (good)
        image->fd = fd;
    good = good && get_headers(image);
    for (size_t i = 0; good && i < image->count; i++)
        if (image->headers[i].p_type == PT_DYNAMIC) {
            good = read_dynamic(image, &image->headers[i], out);
            break;
        }
    free(image);
    if (good)
        return PB_OK;
    elf_dynamic_fini(out);
    return pb_fail(PB_INVALID, "the ELF dynamic section is broken: build the plugin again");
}

void elf_dynamic_fini(struct elf_dynamic *dynamic)
{
    free(dynamic->text);
    *dynamic = (struct elf_dynamic){0};
}
