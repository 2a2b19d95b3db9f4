/* globals.c - see globals.h. What a first instance sets up once (a library) may stay; what another
 * use, or another instance, changes is state that all share. Names come from the symbol table,
 * where the file still has one. */
#include "globals.h"

#include "drive.h"
#include "elf.h"
#include "memory.h"
#include "stacks.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = 8 };

static struct {
    uintptr_t base;
    const pb_host **host;
    struct {
        const char *at;
        char *copy;
        size_t size;
    } parts[MOST_PARTS];
    size_t count;
} image;

/* The red zones of AddressSanitizer lie between variables: these two read across them. */
UNCHECKED static void take(volatile char *to, const volatile char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[i];
}

/* The first byte behind `from` that differs; `size`: none. */
UNCHECKED static size_t difference(const volatile char *a, const volatile char *b, size_t from,
                                   size_t size)
{
    while (from < size && a[from] == b[from])
        from++;
    return from;
}

static void remember(void)
{
    for (size_t i = 0; i < image.count; i++)
        take(image.parts[i].copy, image.parts[i].at, image.parts[i].size);
}

static void add_part(uintptr_t address, size_t size)
{
    char *copy = image.count < MOST_PARTS && size ? malloc(size) : NULL;

    if (!copy)
        return;
    image.parts[image.count].at = (const char *)address;
    image.parts[image.count].copy = copy;
    image.parts[image.count++].size = size;
}

/* A writable segment but for what the linker makes read-only. */
static void see_segment(const struct dl_phdr_info *info, const ElfW(Phdr) * segment)
{
    uintptr_t begin = info->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;

    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *relro = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + relro->p_vaddr, to = from + relro->p_memsz;
        if (relro->p_type == PT_GNU_RELRO && from <= begin && to > begin)
            begin = to < end ? to : end;
    }
    add_part(begin, end - begin);
}

static int see_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (info->dlpi_addr != image.base)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *at = &info->dlpi_phdr[i];
        if (at->p_type != PT_LOAD)
            continue;
        if (at->p_flags & PF_W)
            see_segment(info, at);
        if (at->p_flags & PF_X)
            plugin_memory_watch((const char *)info->dlpi_addr + at->p_vaddr,
                                (const char *)info->dlpi_addr + at->p_vaddr + at->p_memsz);
    }
    return 1;
}

void globals_remember(struct subject *subject)
{
    const pb_plugin *plugin = subject_load(subject);
    Dl_info info;

    if (image.base || !dladdr(plugin, &info))
        return;
    image.base = (uintptr_t)info.dli_fbase;
    image.host = plugin->host;
    (void)dl_iterate_phdr(see_object, NULL);
}

/* --- comparing ----------------------------------------------------------------------------------
 */

struct search {
    uint64_t address; /* in the file's own numbering */
    const char *name;
};

static void see_symbol(void *arg, const Elf64_Sym *symbol, const char *name)
{
    struct search *search = arg;

    if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT &&
        search->address >= symbol->st_value && search->address < symbol->st_value + symbol->st_size)
        search->name = name;
}

static bool is_of_host(const char *address)
{
    return address >= (const char *)image.host && address < (const char *)(image.host + 1);
}

/* Ends the case for a byte that was written. A sanitizer has variables of its own among the
 * plugin's, without names or with such that begin with two underscores. */
static void accuse(struct subject *subject, const char *at)
{
    struct search search = {.address = (uintptr_t)at - image.base};
    struct elf elf;
    bool sanitized = false;

    if (elf_map(subject->target->file, &elf)) {
        elf_symbols(&elf, SHT_SYMTAB, see_symbol, &search);
        sanitized = elf_is_sanitized(&elf);
    }
    if (sanitized && (!search.name || strncmp(search.name, "__", 2) == 0))
        return;
    case_fail(
        5,
        "the plugin's variable %s (at +0x%llx of the file) was written: every instance in the "
        "process shares it, so state belongs into the instance's struct",
        search.name ? search.name : "without a name", (unsigned long long)search.address);
}

static void compare(struct subject *subject)
{
    for (size_t i = 0; i < image.count; i++) {
        const char *at = image.parts[i].at;
        size_t size = image.parts[i].size;
        for (size_t k = 0; (k = difference(at, image.parts[i].copy, k, size)) < size; k++)
            if (!is_of_host(at + k))
                accuse(subject, at + k);
    }
}

static void use(struct subject *subject, unsigned number)
{
    if (!drive_of(subject->component->kind) || !subject->instance)
        return;
    struct went went = drive_once(subject, &(struct use){.number = number});
    went_free(&went);
}

static void live(struct subject *subject)
{
    subject_open(subject, NULL, NULL);
    use(subject, 0);
    use(subject, 1);
    remember();
    use(subject, 2);
    compare(subject);
    subject_close(subject);
}

static void untouched(struct subject *subject)
{
    live(subject);
    remember();
    subject_open(subject, NULL, NULL);
    use(subject, 3);
    subject_close(subject);
    compare(subject);
}

const struct conform_case global_cases[] = {
    {.name = "variables of the file are left alone", .quick = true, .rule = 5, .run = untouched},
    {0}};
