/* What a shared object asks the linker for, read from whole files and from broken ones. */
#include "plugin/elf_dynamic.h"

#include "plugin_test.h"
#include "suite.h"

#include <elf.h>

static size_t read_file(const char *path, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, room, file) : 0;

    ck_assert_uint_gt(size, 0);
    fclose(file);
    return size;
}

/* Reads these bytes as a file; the status. */
static pb_status read_bytes(const uint8_t *bytes, size_t size)
{
    struct elf_dynamic dynamic;
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fflush(file), 0);
    pb_status status = elf_dynamic_read(fileno(file), &dynamic);
    for (size_t i = 0; status == PB_OK && i < dynamic.count; i++)
        ck_assert_uint_lt(strlen(dynamic.libraries[i]), size);
    if (status == PB_OK)
        elf_dynamic_fini(&dynamic);
    fclose(file);
    return status;
}

START_TEST(a_plugin_names_its_libraries)
{
    struct elf_dynamic dynamic;
    int fd = open(test_plugin("plugins", "conform_llms.so"), O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(elf_dynamic_read(fd, &dynamic), PB_OK);
    ck_assert_ptr_null(dynamic.run_path);
    bool libc = false;
    for (size_t i = 0; i < dynamic.count; i++)
        libc = libc || strncmp(dynamic.libraries[i], "libc.so", 7) == 0;
    ck_assert(libc);
    elf_dynamic_fini(&dynamic);
    close(fd);
}
END_TEST

START_TEST(a_file_that_is_cut_off_is_refused_or_read)
{
    static uint8_t bytes[1 << 20];
    size_t size = read_file(test_plugin("load", "good.so"), bytes, sizeof bytes);

    ck_assert_int_eq(read_bytes(bytes, size), PB_OK);
    ck_assert_int_eq(read_bytes(bytes, 0), PB_INVALID);
    ck_assert_int_eq(read_bytes(bytes, sizeof(Elf64_Ehdr)), PB_INVALID);
    for (size_t cut = 1; cut < size; cut += 509)
        (void)read_bytes(bytes, cut);
}
END_TEST

/* Every byte of the headers and of the dynamic section, changed in two ways. */
START_TEST(a_file_with_a_wrong_byte_is_refused_or_read)
{
    static uint8_t bytes[1 << 20];
    size_t size = read_file(test_plugin("load", "good.so"), bytes, sizeof bytes);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)bytes;
    size_t begin = 0, end = header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr);
    size_t refused = 0;

    for (int part = 0; part < 2; part++) {
        for (size_t at = begin; at < end && at < size; at++)
            for (int how = 0; how < 2; how++) {
                uint8_t before = bytes[at];
                bytes[at] = how ? 0xff : (uint8_t)(before ^ 0x80);
                refused += read_bytes(bytes, size) != PB_OK;
                bytes[at] = before;
            }
        for (size_t i = 0; i < header->e_phnum; i++) {
            Elf64_Phdr at;
            memcpy(&at, bytes + header->e_phoff + i * sizeof at, sizeof at);
            if (at.p_type == PT_DYNAMIC) {
                begin = at.p_offset;
                end = at.p_offset + at.p_filesz;
            }
        }
    }
    ck_assert_uint_gt(refused, 0);
    ck_assert_int_eq(read_bytes(bytes, size), PB_OK);
}
END_TEST

int main(void)
{
    return suite_run("elf_dynamic", (const TTest *const[]){
                                        a_plugin_names_its_libraries,
                                        a_file_that_is_cut_off_is_refused_or_read,
                                        a_file_with_a_wrong_byte_is_refused_or_read, NULL});
}
