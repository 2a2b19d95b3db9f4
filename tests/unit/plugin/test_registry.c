/* Scanning folders, finding components, opening lazily, and describing plugins in a child. */
#include "plugin/registry.h"

#include "plugin_test.h"
#include "suite.h"

#include <patchbay/json.h>
#include <patchbay/secret.h>
#include <patchbay/stage.h>

static void begin(void)
{
    registry_reset();
}

static void scan(const char *folder)
{
    const char *folders[] = {folder, NULL};
    ck_assert_int_eq(registry_scan(folders), PB_OK);
}

/* A copy of a test plugin in `folder` under another file name. */
static void put(const char *from_folder, const char *file, const char *folder, const char *as)
{
    char to[PATCHBAY_TEST_PATH];
    (void)snprintf(to, sizeof to, "%s/%s", folder, as);
    test_copy(test_plugin(from_folder, file), to, SIZE_MAX);
}

static const struct plugin *row(const char *file)
{
    for (const struct plugin *at = registry_first(); at; at = at->next)
        if (pb_str_ends(pb_str_of(at->path), pb_str_of(file)))
            return at;
    ck_abort_msg("no row for %s", file);
}

static pb_status find(const char *kind, const char *name)
{
    const struct plugin *plugin = NULL;
    const pb_component *component = NULL;
    pb_status status = registry_find(pb_str_of(kind), pb_str_of(name), &plugin, &component);
    if (status == PB_OK) {
        ck_assert_str_eq(component->name, name);
        ck_assert_str_eq(component->kind, kind);
        ck_assert_ptr_eq(registry_of(plugin->descriptor), plugin);
    }
    return status;
}

START_TEST(a_scan_opens_nothing_and_says_why_not)
{
    scan(test_plugin("load", ""));
    for (const struct plugin *at = registry_first(); at; at = at->next)
        ck_assert_ptr_null(at->descriptor);
    ck_assert_ptr_nonnull(strstr(row("/abi.so")->refused, "built for plugin ABI 9"));
    ck_assert(!row("/abi.so")->hidden);
    ck_assert_ptr_nonnull(strstr(row("/level.so")->refused, "needs API level 99"));
    ck_assert_ptr_nonnull(strstr(row("/no-manifest.so")->refused, "without a Patchbay manifest"));
    ck_assert(pb_str_is(plugin_name(row("/no-manifest.so")), "no-manifest"));
    ck_assert(row("/crash.so")->hidden); /* all of them are called 'broken' */
}
END_TEST

START_TEST(a_component_is_found_and_opened_when_it_is_used)
{
    scan(test_plugin("plugins", ""));
    scan(test_plugin("plugins", ""));
    ck_assert_ptr_null(row("/conform_llms.so")->descriptor);
    ck_assert_int_eq(find("llm", "well"), PB_OK);
    ck_assert_ptr_nonnull(row("/conform_llms.so")->descriptor);
    ck_assert_ptr_null(row("/conform_stages.so")->descriptor);
    size_t count = 0;
    for (const struct plugin *at = registry_first(); at; at = at->next)
        count++;
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(what_is_not_found_is_said_with_folders_and_nearest_name)
{
    scan(test_plugin("plugins", ""));
    ck_assert_int_eq(find("llm", "late-txt"), PB_NOT_FOUND);
    assert_says("no plugin offers the llm 'late-txt' (searched ");
    assert_says("/conform/plugins)");
    assert_says("did you mean 'late-text'?");
    ck_assert_int_eq(find("llm", "stubborn"), PB_NOT_FOUND);
    assert_says("'stubborn' is a stage");
    const char *folder = test_folder();
    put("load", "no-manifest.so", folder, "weather.so");
    scan(folder);
    ck_assert_int_eq(find("tool", "weather"), PB_NOT_FOUND);
    assert_says("weather.so is refused: a shared object without a Patchbay manifest");
    test_folder_end(folder);
}
END_TEST

START_TEST(a_refused_plugin_says_so_when_it_is_used)
{
    const char *folder = test_folder();
    put("load", "abi.so", folder, "broken.so");
    scan(folder);
    ck_assert_int_eq(find("stage", "step"), PB_UNSUPPORTED);
    assert_says("plugin 'broken' (");
    assert_says("built for plugin ABI 9, this host has ABI 0: rebuild");
    test_folder_end(folder);
}
END_TEST

START_TEST(a_file_that_others_may_write_is_named_and_refused)
{
    char path[PATCHBAY_TEST_PATH];
    const char *folder = test_folder();
    put("load", "good.so", folder, "good.so");
    (void)snprintf(path, sizeof path, "%s/good.so", folder);
    ck_assert_int_eq(chmod(path, 0666), 0);
    scan(folder);
    ck_assert(pb_str_is(plugin_name(row("/good.so")), "broken"));
    ck_assert_int_eq(find("stage", "step"), PB_FORBIDDEN);
    assert_says("chmod go-w");
    test_folder_end(folder);
}
END_TEST

/* Between the scan and the opening the file is looked at again. */
START_TEST(what_changes_after_the_scan_is_checked_again)
{
    char path[PATCHBAY_TEST_PATH];
    const char *folder = test_folder();
    put("load", "good.so", folder, "good.so");
    scan(folder);
    (void)snprintf(path, sizeof path, "%s/good.so", folder);
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(find("stage", "step"), PB_FORBIDDEN);
    test_folder_end(folder);
}
END_TEST

START_TEST(the_first_of_two_namesakes_counts)
{
    const char *folder = test_folder();
    put("load", "good.so", folder, "a.so");
    put("load", "good.so", folder, "b.so");
    scan(folder);
    ck_assert(!row("/a.so")->hidden);
    ck_assert(row("/b.so")->hidden);
    ck_assert_ptr_nonnull(strstr(row("/b.so")->refused, "has the same plugin name 'broken' as"));
    ck_assert_int_eq(find("stage", "step"), PB_OK);
    test_folder_end(folder);
}
END_TEST

static pb_status run_nothing(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return PB_OK;
}

static const pb_stage stage = {.size = sizeof stage, .revision = 1, .run = run_nothing};
static const pb_host *stored;
static const pb_plugin built_in = {
    .magic = PB_MAGIC,
    .abi_major = PB_ABI_MAJOR,
    .size = sizeof(pb_plugin),
    .api_level = PB_API_LEVEL,
    .name = "inside",
    .version = "2",
    .license = "MIT",
    .help = "In this program.",
    .components = (const pb_component *const[]){&(const pb_component){
                                                    .size = sizeof(pb_component),
                                                    .instance_size = 8,
                                                    .kind = "stage",
                                                    .name = "step",
                                                    .interface = (const pb_interface *)&stage},
                                                NULL},
    .host = &stored};

START_TEST(a_plugin_in_the_program_is_one_like_any_other)
{
    ck_assert_int_eq(registry_add_static(&built_in), PB_OK);
    ck_assert_int_eq(registry_add_static(&built_in), PB_OK);
    ck_assert_ptr_eq(stored, &host_table);
    ck_assert_ptr_null(registry_first()->next);
    ck_assert_int_eq(find("stage", "step"), PB_OK);
    pb_plugin wrong = built_in;
    wrong.abi_major = 3;
    ck_assert_int_eq(registry_add_static(&wrong), PB_UNSUPPORTED);
}
END_TEST

START_TEST(two_plugins_with_one_component_are_a_conflict)
{
    const char *folder = test_folder();
    put("load", "good.so", folder, "a.so");
    scan(folder);
    ck_assert_int_eq(registry_add_static(&built_in), PB_OK);
    ck_assert_int_eq(find("stage", "step"), PB_CONFLICT);
    assert_says("two plugins offer the stage 'step': broken (");
    assert_says("and inside ((built in))");
    test_folder_end(folder);
}
END_TEST

START_TEST(a_pin_refuses_any_other_file)
{
    const char *folder = test_folder();
    char pin[65];
    put("load", "good.so", folder, "good.so");
    scan(folder);
    ck_assert_int_eq(registry_pin(pb_lit("broken"), pb_lit("abc")), PB_INVALID);
    memset(pin, 'a', 64);
    pin[64] = 0;
    ck_assert_int_eq(registry_pin(pb_lit("broken"), pb_str_of(pin)), PB_OK);
    ck_assert_int_eq(find("stage", "step"), PB_FORBIDDEN);
    assert_says("is not the file that plugins.pin asks for");
    ck_assert_ptr_null(registry_first()->descriptor);
    test_folder_end(folder);
}
END_TEST

START_TEST(the_pinned_file_loads)
{
    static uint8_t bytes[1 << 20];
    uint8_t digest[32];
    char pin[65], path[PATCHBAY_TEST_PATH];
    const char *folder = test_folder();
    put("load", "good.so", folder, "good.so");
    (void)snprintf(path, sizeof path, "%s/good.so", folder);
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    pb_sha256((pb_bytes){bytes, size}, digest);
    for (int i = 0; i < 32; i++)
        (void)snprintf(pin + 2 * i, 3, "%02x", digest[i]);
    ck_assert_int_eq(registry_pin(pb_lit("broken"), pb_str_of(pin)), PB_OK);
    scan(folder);
    ck_assert_int_eq(find("stage", "step"), PB_OK);
    test_folder_end(folder);
}
END_TEST

static const struct plugin *add_file(const char *name)
{
    ck_assert_int_eq(registry_add_file(test_plugin("load", name)), PB_OK);
    return row(name);
}

START_TEST(a_plugin_describes_itself_in_a_child)
{
    pb_str text;
    const pb_json *json = NULL;
    const struct plugin *plugin = add_file("good.so");
    ck_assert_msg(registry_describe(plugin, &text) == PB_OK, "%s", test_error());
    ck_assert_ptr_null(plugin->descriptor); /* not in this process */
    ck_assert_int_eq(pb_json_parse(text, &json), PB_OK);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(json, "name")), "broken"));
    ck_assert_int_eq(pb_json_int(pb_json_get(json, "api_level"), 0), PB_API_LEVEL);
    const pb_json *component = pb_json_at(pb_json_get(json, "components"), 0);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(component, "kind")), "stage"));
    const pb_json *options = pb_json_get(pb_json_get(component, "schema"), "properties");
    ck_assert_ptr_nonnull(pb_json_get(options, "count"));
}
END_TEST

START_TEST(a_plugin_that_crashes_or_leaves_is_an_answer)
{
    pb_str text;
    ck_assert_int_eq(registry_describe(add_file("crash.so"), &text), PB_UNAVAILABLE);
    assert_says("plugin 'broken' (");
    assert_says("crashed while it was loaded: Aborted");
    registry_reset();
    ck_assert_int_eq(registry_describe(add_file("leave.so"), &text), PB_UNAVAILABLE);
    assert_says("ended the process while it was loaded (status 3)");
    registry_reset();
    ck_assert_int_eq(registry_describe(add_file("no-run.so"), &text), PB_UNSUPPORTED);
    assert_says("has no function 'run'");
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "registry", begin, registry_reset,
        (const TTest *const[]){
            a_scan_opens_nothing_and_says_why_not, a_component_is_found_and_opened_when_it_is_used,
            what_is_not_found_is_said_with_folders_and_nearest_name,
            a_refused_plugin_says_so_when_it_is_used,
            a_file_that_others_may_write_is_named_and_refused,
            what_changes_after_the_scan_is_checked_again, the_first_of_two_namesakes_counts,
            a_plugin_in_the_program_is_one_like_any_other,
            two_plugins_with_one_component_are_a_conflict, a_pin_refuses_any_other_file,
            the_pinned_file_loads, a_plugin_describes_itself_in_a_child,
            a_plugin_that_crashes_or_leaves_is_an_answer, NULL});

    return suite_run_cases("registry", (TCase *const[]){cases, NULL});
}
