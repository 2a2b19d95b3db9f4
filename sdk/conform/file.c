/* file.c - cases of the file itself: what the loader and `inspect` check, one by one, and what only
 * shows in the file. */
#include "conform.h"

#include "elf.h"
#include "plugin/loader.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_file(const struct subject *subject)
{
    int fd = open(subject->target->file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        case_fail(0, "%s cannot be read", subject->target->file);
    return fd;
}

static void expect(pb_status status)
{
    if (status != PB_OK)
        case_fail(0, "%.*s", PB_ARG(pb_error_last()->sentence));
}

static struct elf map(const struct subject *subject)
{
    struct elf elf;

    if (!elf_map(subject->target->file, &elf))
        case_fail(0, "it is no ELF file that can be read");
    return elf;
}

static void manifest(struct subject *subject)
{
    expect(manifest_check(&subject->target->manifest));
}

static void owner(struct subject *subject)
{
    int fd;

    expect(loader_file_open(subject->target->file, &fd));
    close(fd);
}

static void search_path(struct subject *subject)
{
    expect(loader_search_check(open_file(subject)));
}

static void loads(struct subject *subject)
{
    (void)subject_load(subject);
}

/* --- symbols ------------------------------------------------------------------------------------
 */

struct exports {
    char others[300];
    unsigned count, entry;
};

static void see_export(void *arg, const Elf64_Sym *symbol, const char *name)
{
    struct exports *exports = arg;
    unsigned binding = ELF64_ST_BIND(symbol->st_info), seen = ELF64_ST_VISIBILITY(symbol->st_other);

    if (symbol->st_shndx == SHN_UNDEF || binding == STB_LOCAL || seen == STV_HIDDEN ||
        seen == STV_INTERNAL || !*name || symbol->st_shndx == SHN_ABS)
        return;
    if (strcmp(name, "patchbay_plugin") == 0) {
        exports->entry++;
        return;
    }
    size_t used = strlen(exports->others);
    (void)snprintf(exports->others + used, sizeof exports->others - used, "%s%s",
                   exports->count++ ? ", " : "", name);
}

static void exports(struct subject *subject)
{
    struct exports found = {.count = 0};
    struct elf elf = map(subject);

    elf_symbols(&elf, SHT_DYNSYM, see_export, &found);
    if (!found.entry)
        case_fail(0, "it does not export patchbay_plugin: declare it with PB_PLUGIN");
    if (found.count)
        case_fail(0,
                  "it also exports %s: build it with patchbay_plugin() of CMake, or with the flags "
                  "of pkg-config, which hide them",
                  found.others);
}

/* --- what runs or lies outside of the contract ---------------------------------------------------
 */

static void constructors(struct subject *subject)
{
    struct elf elf = map(subject);
    uint64_t size = 0;

    if (elf_is_cxx(&elf) || elf_is_rust(&elf) || elf_is_sanitized(&elf))
        case_skip("it is not C alone: the language has constructors of its own");
    (void)elf_dynamic(&elf, DT_INIT_ARRAYSZ, &size);
    uint64_t count = size / sizeof(Elf64_Addr), known = elf_compiler_constructors(&elf);
    if (count <= known)
        return;
    if (!elf_section(&elf, SHT_SYMTAB))
        case_skip("it has %llu constructors, and no symbols that would tell whose they are",
                  (unsigned long long)count);
    case_fail(
        0,
        "it has %llu constructors, which run before the file was checked: what they do belongs "
        "into create or start",
        (unsigned long long)(count - known));
}

bool file_is_rust(struct subject *subject)
{
    struct elf elf = map(subject);

    return elf_is_rust(&elf);
}

static void threads_own(struct subject *subject)
{
    struct elf elf = map(subject);

    if (elf_is_rust(&elf))
        case_skip("Rust's standard library has variables per thread");
    const Elf64_Phdr *segment = elf_segment(&elf, PT_TLS);
    if (segment)
        case_fail(
            5,
            "it has %llu bytes of variables per thread (_Thread_local): tasks share a thread, "
            "so another turn sees them after every call that parks",
            (unsigned long long)segment->p_memsz);
}

static void protected(struct subject *subject)
{
    struct elf elf = map(subject);
    const Elf64_Phdr *stack = elf_segment(&elf, PT_GNU_STACK);

    if (!stack || stack->p_flags & PF_X)
        case_fail(0, "its stack is executable: link with -z noexecstack");
    for (unsigned i = 0; i < elf.header->e_phnum; i++)
        if (elf.segments[i].p_type == PT_LOAD && elf.segments[i].p_flags & PF_W &&
            elf.segments[i].p_flags & PF_X)
            case_fail(0, "it has a segment that is writable and executable");
}

const struct conform_case file_cases[] = {
    {.name = "manifest fits this host", .quick = true, .run = manifest},
    {.name = "owner and permissions", .quick = true, .run = owner},
    {.name = "libraries come from the system's folders", .quick = true, .run = search_path},
    {.name = "exports patchbay_plugin and nothing else", .quick = true, .run = exports},
    {.name = "no code runs while it is loaded", .quick = true, .run = constructors},
    {.name = "no variables per thread", .quick = true, .rule = 5, .run = threads_own},
    {.name = "memory is writable or executable", .quick = true, .run = protected},
    {.name = "descriptor says what the manifest says", .quick = true, .run = loads},
    {0}};
