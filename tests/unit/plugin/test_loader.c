/* Whether a file may be opened, and what is refused once it is open. */
#include "plugin/loader.h"

#include "plugin_test.h"
#include "suite.h"

#include <patchbay/draft/exporter.h>
#include <patchbay/secret.h>

/* Opens a plugin the whole way, as the registry does. */
static pb_status open_plugin(const char *path, const pb_plugin **out)
{
    struct manifest manifest;
    int fd = -1;
    pb_status status = loader_file_open(path, &fd);

    if (status != PB_OK)
        return status;
    status = manifest_read(fd, &manifest);
    if (status == PB_OK) {
        status = loader_open(fd, &manifest, out);
        manifest_fini(&manifest);
    } else
        close(fd);
    return status;
}

START_TEST(a_good_plugin_opens_and_gets_the_host)
{
    const pb_plugin *plugin = NULL, *again = NULL;
    ck_assert_msg(open_plugin(test_plugin("load", "good.so"), &plugin) == PB_OK, "%s",
                  test_error());
    ck_assert_str_eq(plugin->name, "broken");
    ck_assert_ptr_eq(*plugin->host, &host_table);
    ck_assert_uint_eq(host_table.level, PB_API_LEVEL);
    ck_assert_uint_eq(host_table.size, sizeof(pb_host));
    ck_assert_int_eq(open_plugin(test_plugin("load", "good.so"), &again), PB_OK);
    ck_assert_ptr_eq(plugin, again);
}
END_TEST

/* Two files opened one after the other are two plugins: descriptors are not used again. */
START_TEST(one_plugin_is_never_taken_for_another)
{
    const pb_plugin *first = NULL, *second = NULL;
    ck_assert_int_ne(open_plugin(test_plugin("load", "magic.so"), &first), PB_OK);
    ck_assert_int_eq(open_plugin(test_plugin("plugins", "conform_llms.so"), &first), PB_OK);
    ck_assert_int_eq(open_plugin(test_plugin("plugins", "conform_stages.so"), &second), PB_OK);
    ck_assert_str_eq(first->name, "llms");
    ck_assert_str_eq(second->name, "stages");
}
END_TEST

START_TEST(descriptors_that_do_not_fit_are_refused)
{
    static const struct {
        const char *file;
        const char *says;
    } cases[] = {
        {"magic.so", "begins with 12345678 instead of 50424159"},
        {"descriptor-abi.so", "built for plugin ABI 9, this host has ABI 0"},
        {"no-symbol.so", "does not export the symbol 'patchbay_plugin'"},
        {"version-differs.so", "differ: version is '1.0.0' and '2.0.0'"},
        {"component-differs.so", "differ: a component's name is 'step' and 'stride'"},
        {"no-run.so", "component 'step': its stage interface has no function 'run'"},
        {"short-interface.so", "its interface stage/1 of 8 bytes does not fit"},
        {"field-outside.so", "its option 'count' lies outside the instance's struct"},
        {"field-unknown.so", "its option 'count' is of a kind that this host does not know"},
        {"field-twice.so", "its option 'count' is declared twice"},
        {"unresolved.so", "undefined symbol: there_is_no_such_function"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pb_plugin *plugin = NULL;
        ck_assert_msg(open_plugin(test_plugin("load", cases[i].file), &plugin) != PB_OK, "%s opens",
                      cases[i].file);
        ck_assert_msg(strstr(test_error(), cases[i].says), "%s: %s", cases[i].file, test_error());
        ck_assert_ptr_null(plugin);
    }
}
END_TEST

static pb_status take(void *self, const pb_audit_record *const *batch, size_t count)
{
    (void)self, (void)batch, (void)count;
    return PB_OK;
}

/* One of a draft's functions is enough, but revision and size are exactly the host's. */
START_TEST(a_draft_loads_in_the_host_s_own_revision_only)
{
    static const pb_exporter fits = {
        .size = sizeof fits, .revision = PB_EXPORTER_REVISION, .audit = take};
    static const struct {
        uint32_t size, revision;
        pb_status (*audit)(void *, const pb_audit_record *const *, size_t);
        const char *says; /* NULL: it loads */
    } cases[] = {
        {sizeof(pb_exporter), PB_EXPORTER_REVISION, take, NULL},
        {sizeof(pb_exporter), PB_EXPORTER_REVISION, NULL,
         "its exporter interface has no function 'span', and no other"},
        {sizeof(pb_exporter) + 8, PB_EXPORTER_REVISION, take, "does not fit this host's exporter/"},
        {sizeof(pb_exporter), PB_EXPORTER_REVISION + 1, take, "does not fit this host's exporter/"},
    };
    static const pb_host *table;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const pb_field none[] = {PB_END};
        pb_exporter interface = fits;
        interface.size = cases[i].size;
        interface.revision = cases[i].revision;
        interface.audit = cases[i].audit;
        const pb_component component = {.size = sizeof component,
                                        .kind = "exporter",
                                        .name = "box",
                                        .options = none,
                                        .interface = (const pb_interface *)&interface};
        const pb_plugin plugin = {.magic = PB_MAGIC,
                                  .abi_major = PB_ABI_MAJOR,
                                  .size = sizeof plugin,
                                  .api_level = PB_API,
                                  .name = "boxes",
                                  .version = "1.0.0",
                                  .license = "MIT",
                                  .help = "Has a box.",
                                  .components = (const pb_component *const[]){&component, NULL},
                                  .host = &table};
        pb_status status = loader_descriptor_check(&plugin, NULL);
        ck_assert_msg((status == PB_OK) == !cases[i].says, "%zu: %s", i, test_error());
        if (cases[i].says)
            ck_assert_msg(strstr(test_error(), cases[i].says), "%zu: %s", i, test_error());
    }
}
END_TEST

static void refused(const char *path, const char *says)
{
    int fd = -1;
    ck_assert_int_ne(loader_file_open(path, &fd), PB_OK);
    ck_assert_int_eq(fd, -1);
    ck_assert_msg(strstr(test_error(), says), "%s: %s", path, test_error());
}

START_TEST(what_others_may_write_is_refused)
{
    char path[PATH_MAX + 512];
    int fd = -1;
    const char *folder = test_folder();
    (void)snprintf(path, sizeof path, "%s/good.so", folder);
    refused(path, "No such file");
    test_copy(test_plugin("load", "good.so"), path, SIZE_MAX);
    ck_assert_msg(loader_file_open(path, &fd) == PB_OK, "%s", test_error());
    close(fd);
    ck_assert_int_eq(chmod(path, 0666), 0);
    refused(path, "(mode 0666): chmod go-w");
    ck_assert_int_eq(chmod(path, 0664), 0);
    refused(path, "others may write to the file");
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    refused(path, "(mode 0777): chmod go-w");
    ck_assert_int_eq(chmod(folder, 01777), 0);
    refused(path, "anybody may add files");
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(loader_file_open(path, &fd), PB_OK);
    close(fd);
    test_folder_end(folder);
}
END_TEST

/* Only root can give a file away, so only root can see this refused. */
START_TEST(what_belongs_to_somebody_else_is_refused)
{
    char path[PATH_MAX + 512];
    if (geteuid() != 0)
        return;
    const char *folder = test_folder();
    (void)snprintf(path, sizeof path, "%s/good.so", folder);
    test_copy(test_plugin("load", "good.so"), path, SIZE_MAX);
    ck_assert_int_eq(chown(path, 12345, 12345), 0);
    refused(path, "belongs to user 12345");
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(chown(folder, 12345, 12345), 0);
    refused(path, "belongs to user 12345");
    ck_assert_int_eq(chown(folder, 0, 0), 0);
    test_folder_end(folder);
}
END_TEST

/* A folder far above is looked at as the nearest is; a link does not hide where the file lies. */
START_TEST(every_folder_above_counts)
{
    char deep[PATH_MAX + 512], path[PATH_MAX + 512], other[PATH_MAX + 512];
    int fd = -1;
    const char *folder = test_folder();
    (void)snprintf(deep, sizeof deep, "%s/a", folder);
    ck_assert_int_eq(mkdir(deep, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/a/good.so", folder);
    test_copy(test_plugin("load", "good.so"), path, SIZE_MAX);
    (void)snprintf(other, sizeof other, "%s/link.so", folder);
    ck_assert_int_eq(symlink(path, other), 0);
    ck_assert_int_eq(loader_file_open(other, &fd), PB_OK);
    close(fd);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    refused(path, "others may write to the folder");
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(chmod(deep, 0777), 0);
    refused(other, "others may write to the folder");
    ck_assert_int_eq(chmod(deep, 0755), 0);
    ck_assert_int_eq(chmod(folder, 01777), 0); /* as /tmp: nobody can replace what is below */
    if (geteuid() == 0) {
        ck_assert_int_eq(loader_file_open(path, &fd), PB_OK);
        close(fd);
    } else {
        refused(path, "anybody may add files");
    }
    test_folder_end(folder);
}
END_TEST

START_TEST(a_pin_lets_one_file_through)
{
    uint8_t digest[32];
    static uint8_t bytes[1 << 20];
    char pin[65];
    int fd = -1;
    ck_assert_int_eq(loader_file_open(test_plugin("load", "good.so"), &fd), PB_OK);
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    pb_sha256((pb_bytes){bytes, (size_t)size}, digest);
    for (int i = 0; i < 32; i++)
        (void)snprintf(pin + 2 * i, 3, "%02X", digest[i]);
    ck_assert_int_eq(loader_pin_check(fd, pb_str_of(pin)), PB_OK);
    pin[0] = pin[0] == '0' ? '1' : '0';
    ck_assert_int_eq(loader_pin_check(fd, pb_str_of(pin)), PB_FORBIDDEN);
    assert_says("is not the file that plugins.pin asks for: its sha256 is ");
    close(fd);
}
END_TEST

/* Another file is put in its place after the check: what was checked is what opens. */
START_TEST(the_file_that_was_checked_is_the_one_that_opens)
{
    char path[PATH_MAX + 512], other[PATH_MAX + 512];
    struct manifest manifest;
    const pb_plugin *plugin = NULL;
    int fd = -1;
    const char *folder = test_folder();
    (void)snprintf(path, sizeof path, "%s/it.so", folder);
    (void)snprintf(other, sizeof other, "%s/other.so", folder);
    test_copy(test_plugin("plugins", "conform_llms.so"), path, SIZE_MAX);
    test_copy(test_plugin("load", "crash.so"), other, SIZE_MAX);
    ck_assert_int_eq(loader_file_open(path, &fd), PB_OK);
    ck_assert_int_eq(manifest_read(fd, &manifest), PB_OK);
    ck_assert_int_eq(rename(other, path), 0);
    ck_assert_msg(loader_open(fd, &manifest, &plugin) == PB_OK, "%s", test_error());
    ck_assert_str_eq(plugin->name, "llms");
    manifest_fini(&manifest);
    test_folder_end(folder);
}
END_TEST

START_TEST(the_default_folders_stand_beside_the_program)
{
    const char *const *folders = loader_default_folders();
    char expected[PATH_MAX + 256];
    (void)snprintf(expected, sizeof expected, "%s", test_plugin("x", "x"));
    *strstr(expected, "/conform/x/x") = 0;
    ck_assert(pb_str_starts(pb_str_of(folders[0]), pb_str_of(expected)));
    ck_assert(pb_str_ends(pb_str_of(folders[0]), pb_lit("/plugins")));
    ck_assert(pb_str_ends(pb_str_of(folders[1]), pb_lit("/lib/patchbay/plugins")));
    ck_assert_ptr_null(folders[2]);
}
END_TEST

int main(void)
{
    return suite_run(
        "loader",
        (const TTest *const[]){
            a_good_plugin_opens_and_gets_the_host, one_plugin_is_never_taken_for_another,
            descriptors_that_do_not_fit_are_refused,
            a_draft_loads_in_the_host_s_own_revision_only,
            what_others_may_write_is_refused,
            what_belongs_to_somebody_else_is_refused, every_folder_above_counts,
            a_pin_lets_one_file_through,
            the_file_that_was_checked_is_the_one_that_opens, the_default_folders_stand_beside_the_program, NULL});
}
