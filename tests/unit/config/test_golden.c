/* The wording of every diagnostic: each tests/golden/config/NAME.yaml is loaded and read by the
 * broad table; what is reported must be NAME.expected to the letter. Files that begin with _ are
 * included by others. A line "# set: path=value" is an assignment of the command line.
 *
 * GOLDEN_WRITE=1 writes the .expected files instead: look at the difference before you keep it. */
#include "broad.h"
#include "suite.h"

#include "config/internal.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

static void overlay(struct config_node *tree, pb_str text, struct config_diagnostics *diagnostics)
{
    uint32_t number = 0;

    while (text.size) {
        pb_str line = pb_str_slice(text, 0, pb_str_find(text, '\n'));
        text = pb_str_slice(text, line.size + 1, text.size);
        if (pb_str_starts(line, pb_lit("# set: "))) {
            pb_str assignment = pb_copy(pb_str_slice(line, 7, line.size));
            (void)config_tree_set(tree, assignment.data, ++number, diagnostics);
        }
    }
}

static pb_str reported(const char *path)
{
    struct config_diagnostics diagnostics = {0};
    struct schema_context context = {
        .diagnostics = &diagnostics, .data_dir = "/data", .hooks = &broad_hooks};
    struct config_node *tree = NULL;
    struct broad broad = {0};
    pb_buf out = {0};
    pb_str text;

    pb_status status = config_tree_load(path, &diagnostics, &tree);
    if (tree && config_file_read(path, CONFIG_FILE_SIZE, &text) == PB_OK) {
        overlay(tree, text, &diagnostics);
        if (schema_read(broad_fields, &broad, tree, &context) != PB_OK)
            status = PB_INVALID;
    }
    config_diagnostics_print(&diagnostics, &out);
    if (!strstr(path, "set-"))
        ck_assert_int_eq(status != PB_OK, diagnostics.errors > 0);
    return out.size ? pb_buf_str(&out) : pb_lit("");
}

static void check(const char *path)
{
    pb_str expected = {0}, found = reported(path);
    pb_str name = pb_printf("%.*sexpected", (int)strlen(path) - 4, path);

    if (getenv("GOLDEN_WRITE")) {
        FILE *file = fopen(name.data, "w");
        ck_assert_ptr_nonnull(file);
        fwrite(found.data, 1, found.size, file);
        fclose(file);
        return;
    }
    ck_assert_int_eq(config_file_read(name.data, CONFIG_FILE_SIZE, &expected), PB_OK);
    ck_assert_msg(pb_str_equal(expected, found), "%s\n--- expected\n%.*s--- found\n%.*s", path,
                  PB_ARG(expected), PB_ARG(found));
}

START_TEST(every_sentence_is_as_agreed)
{
    glob_t files;
    pb_str folder = config_folder(__FILE__);

    setenv("PB_SET", "planted-secret", 1);
    setenv("PB_EMPTY", "", 1);
    unsetenv("PB_UNSET");
    ck_assert_int_eq(chdir(pb_printf("%s/../../golden/config", folder.data).data), 0);
    ck_assert_int_eq(glob("[a-z]*.yaml", 0, NULL, &files), 0);
    ck_assert_uint_gt(files.gl_pathc, 20);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        pb_scope *scope = pb_scope_begin();
        check(files.gl_pathv[i]);
        pb_scope_end(scope);
    }
    globfree(&files);
}
END_TEST

int main(void)
{
    return suite_run("golden", (const TTest *[]){every_sentence_is_as_agreed, NULL});
}
