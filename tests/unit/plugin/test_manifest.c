/* Reading manifests: good ones, every kind of broken one, files cut off anywhere. */
#include "plugin/manifest.h"

#include "plugin_test.h"
#include "suite.h"

static pb_status read_file(const char *path, struct manifest *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    pb_status status = manifest_read(fd, out);
    close(fd);
    return status;
}

static pb_status parse(const char *text, size_t size, struct manifest *out)
{
    return manifest_parse(pb_str_make(text, size), out);
}

#define refused(text, part)                                                                        \
    do {                                                                                           \
        struct manifest ignored;                                                                   \
        ck_assert_int_ne(parse(text, sizeof(text), &ignored), PB_OK);                              \
        assert_says(part);                                                                         \
    } while (0)

START_TEST(a_good_file_is_read)
{
    struct manifest manifest;
    ck_assert_int_eq(read_file(test_plugin("plugins", "conform_llms.so"), &manifest), PB_OK);
    ck_assert_str_eq(manifest.name.data, "llms");
    ck_assert_str_eq(manifest.version.data, "1.0.0");
    ck_assert_str_eq(manifest.license.data, "MIT");
    ck_assert_uint_eq(manifest.count, 8);
    ck_assert_str_eq(manifest.components[1].kind.data, "llm");
    ck_assert_str_eq(manifest.components[1].name.data, "late-text");
    ck_assert_uint_eq(manifest.components[1].revision, 1);
    ck_assert_int_eq(manifest_check(&manifest), PB_OK);
    manifest_fini(&manifest);
}
END_TEST

START_TEST(each_refusal_has_its_sentence)
{
    refused("", "empty");
    refused("nonsense", "does not begin with 'PATCHBAY/'");
    refused("PATCHBAY/", "no format number");
    refused("PATCHBAY/2 abi=0", "has format 2, this host reads format 1: update Patchbay");
    refused("PATCHBAY/1", "'abi='");
    refused("PATCHBAY/1 abi=zero", "'abi='");
    refused("PATCHBAY/1 abi=0 level=", "'level='");
    refused("PATCHBAY/1 abi=0 level=1 name=a/b version=1 license=MIT", "'name='");
    refused("PATCHBAY/1 abi=0 level=1 name=a license=MIT", "'version='");
    refused("PATCHBAY/1 abi=0 level=1 name=a version=1", "'license='");
    refused("PATCHBAY/1 abi=0 level=1 name=a version=1 license=MIT", "names no component");
#define HEAD "PATCHBAY/1 abi=0 level=1 name=a version=1 license=MIT\0"
    refused(HEAD "stage/1:a", "line 2 is no component");
    refused(HEAD "PATCHBAY/component stage:a", "not 'kind/revision:name'");
    refused(HEAD "PATCHBAY/component stage/x:a", "bad kind, revision or name");
    refused(HEAD "PATCHBAY/component stage/0:a", "bad kind, revision or name");
    refused(HEAD "PATCHBAY/component stage/1:", "bad kind, revision or name");
    refused(HEAD "PATCHBAY/component stage/1:a\0PATCHBAY/component stage/1:a", "twice");
    struct manifest manifest;
    ck_assert_int_ne(parse("PATCHBAY/1", 10, &manifest), PB_OK);
    assert_says("does not end with a NUL");
}
END_TEST

START_TEST(a_licence_may_hold_blanks_and_lines_may_be_empty)
{
    static const char text[] = "\0\0PATCHBAY/1 abi=0 level=1 name=a version=1 license=MIT OR "
                               "Apache-2.0\0\0\0PATCHBAY/component stage/1:a\0\0";
    struct manifest manifest;
    ck_assert_int_eq(parse(text, sizeof text, &manifest), PB_OK);
    ck_assert(pb_str_is(manifest.license, "MIT OR Apache-2.0"));
    ck_assert_uint_eq(manifest.count, 1);
}
END_TEST

START_TEST(versions_that_do_not_fit_name_both_and_the_remedy)
{
    struct manifest manifest;
    ck_assert_int_eq(read_file(test_plugin("load", "abi.so"), &manifest), PB_OK);
    ck_assert_int_eq(manifest_check(&manifest), PB_UNSUPPORTED);
    assert_says("built for plugin ABI 9, this host has ABI 0: rebuild");
    manifest_fini(&manifest);
    ck_assert_int_eq(read_file(test_plugin("load", "level.so"), &manifest), PB_OK);
    ck_assert_int_eq(manifest_check(&manifest), PB_UNSUPPORTED);
    assert_says("needs API level 99, this host has level 1: update Patchbay");
    manifest_fini(&manifest);
    ck_assert_int_eq(read_file(test_plugin("load", "revision.so"), &manifest), PB_OK);
    ck_assert_int_eq(manifest_check(&manifest), PB_UNSUPPORTED);
    assert_says("component 'step' has interface stage/2, this host has stage/1: update Patchbay");
    manifest_fini(&manifest);
    ck_assert_int_eq(read_file(test_plugin("load", "kind.so"), &manifest), PB_OK);
    ck_assert_int_eq(manifest_check(&manifest), PB_UNSUPPORTED);
    assert_says("of kind 'teapot', which this host does not know");
    manifest_fini(&manifest);
}
END_TEST

START_TEST(what_is_no_plugin_is_told_apart)
{
    struct manifest manifest;
    ck_assert_int_eq(read_file("/etc/passwd", &manifest), PB_UNSUPPORTED);
    assert_says("not an ELF file");
    ck_assert_int_eq(read_file("/", &manifest), PB_UNSUPPORTED);
    assert_says("not a regular file");
    ck_assert_int_eq(read_file(test_plugin("load", "no-manifest.so"), &manifest), PB_NOT_FOUND);
    assert_says("without a Patchbay manifest");
    ck_assert_int_eq(read_file(test_plugin("load", "manifest.so"), &manifest), PB_INVALID);
    assert_says("'abi=' with a number is missing");
    ck_assert_int_eq(read_file(test_plugin("load", "format.so"), &manifest), PB_UNSUPPORTED);
}
END_TEST

/* The whole good file in memory. */
static uint8_t *load(size_t *size)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(test_plugin("load", "good.so"), "rb");
    ck_assert_ptr_nonnull(file);
    *size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    ck_assert_uint_gt(*size, 1000);
    return bytes;
}

START_TEST(a_file_of_another_machine_is_refused)
{
    size_t size;
    uint8_t *bytes = load(&size);
    struct manifest manifest;
    bytes[18] = 40; /* e_machine: 32-bit ARM */
    bytes[19] = 0;
    ck_assert_int_eq(manifest_read_bytes((pb_bytes){bytes, size}, &manifest), PB_UNSUPPORTED);
    assert_says("built for another machine");
    bytes = load(&size);
    bytes[16] = 2; /* e_type: program */
    ck_assert_int_eq(manifest_read_bytes((pb_bytes){bytes, size}, &manifest), PB_UNSUPPORTED);
    assert_says("not a shared object");
}
END_TEST

/* Each length in a block of its own, so that a sanitizer sees a read behind the end. */
START_TEST(a_file_cut_off_anywhere_is_refused)
{
    size_t size, whole = 0;
    uint8_t *bytes = load(&size);
    for (size_t cut = 0; cut < size; cut += cut < 4096 ? 1 : 61) {
        struct manifest manifest;
        uint8_t *part = malloc(cut + 1);
        memcpy(part, bytes, cut);
        uint8_t *exact = realloc(part, cut ? cut : 1);
        if (manifest_read_bytes((pb_bytes){exact, cut}, &manifest) == PB_OK) {
            whole++;
            manifest_fini(&manifest);
        }
        free(exact);
    }
    ck_assert_uint_eq(whole, 0);
}
END_TEST

/* Every byte of the header and of the section table set to extremes. */
START_TEST(a_damaged_file_never_crashes)
{
    size_t size;
    uint8_t *bytes = load(&size);
    uint64_t table;
    memcpy(&table, bytes + 40, sizeof table);
    ck_assert_uint_lt(table, size);
    for (size_t at = 0; at < size; at = at == 63 ? table : at + 1) {
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        uint8_t before = bytes[at];
        for (size_t i = 0; i < sizeof values; i++) {
            struct manifest manifest;
            bytes[at] = values[i];
            if (manifest_read_bytes((pb_bytes){bytes, size}, &manifest) == PB_OK) {
                ck_assert_str_eq(manifest.name.data, "broken");
                manifest_fini(&manifest);
            }
        }
        bytes[at] = before;
    }
}
END_TEST

int main(void)
{
    return suite_run("manifest",
                     (const TTest *const[]){
                         a_good_file_is_read, each_refusal_has_its_sentence,
                         a_licence_may_hold_blanks_and_lines_may_be_empty,
                         versions_that_do_not_fit_name_both_and_the_remedy,
                         what_is_no_plugin_is_told_apart, a_file_of_another_machine_is_refused,
                         a_file_cut_off_anywhere_is_refused, a_damaged_file_never_crashes, NULL});
}
