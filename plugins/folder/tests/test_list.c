/* Which files a folder has, page by page, and that none outside of it can be had. */
#include "tree.h"

static void list(void)
{
    pb_str sentence;
    pb_status status = pb_harness_run(harness, list_all, NULL, &sentence);

    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(sentence));
}

/* The ids, one behind the other. */
static const char *names(void)
{
    static char all[1024];

    list();
    all[0] = 0;
    for (size_t i = 0; i < listed.count; i++) {
        strcat(all, i ? " " : "");
        strcat(all, listed.ids[i]);
    }
    return all;
}

static void small_tree(void)
{
    file(at("b.md"), "b");
    file(at("a.txt"), "aaa");
    folder(at("a"));
    file(at("a/x.md"), "x");
    folder(at("a/deep"));
    file(at("a/deep/y.md"), "y");
    file(at("a/notes.txt"), "n");
    folder(at(".git"));
    file(at(".git/c.md"), "c");
    file(at(".hidden.md"), "h");
    file(at("empty.md"), "");
    file(out("secret.md"), "secret");
    ck_assert_int_eq(symlink(out("secret.md"), at("outside.md")), 0);
    ck_assert_int_eq(symlink(out(""), at("away")), 0);
    ck_assert_int_eq(symlink("a/x.md", at("inside.md")), 0);
}

START_TEST(all_that_is_plainly_there)
{
    small_tree();
    open_source("");
    ck_assert_str_eq(names(), "a/deep/y.md a/notes.txt a/x.md a.txt b.md");
    ck_assert_int_eq(listed.bytes[3], 3);
    forget_listed();
}
END_TEST

START_TEST(patterns)
{
    static const char *const cases[][2] = {
        {"include: ['**/*.md']", "a/deep/y.md a/x.md b.md"},
        {"include: ['*.md']", "b.md"},
        {"include: ['*']", "a.txt b.md"},
        {"include: ['a/**']", "a/deep/y.md a/notes.txt a/x.md"},
        {"include: ['a/*.{md,txt}']", "a/notes.txt a/x.md"},
        {"include: ['{a/x,b}.md']", "a/x.md b.md"},
        {"include: ['**/deep/**']", "a/deep/y.md"},
        {"include: ['?.md', '**/[xy].md']", "a/deep/y.md a/x.md b.md"},
        {"include: ['[!b]*']", "a.txt"},
        {"include: ['a/**/y.md']", "a/deep/y.md"},
        {"include: ['**/a/**/**/*.md']", "a/deep/y.md a/x.md"},
        {"include: ['nothing']", ""},
        {"exclude: ['a']", "a.txt b.md"},
        {"exclude: ['a/**']", "a.txt b.md"},
        {"exclude: ['**/deep', '*.txt']", "a/notes.txt a/x.md b.md"},
        {"max_size: 2", "a/deep/y.md a/notes.txt a/x.md b.md"},
        {"include: ['*.md'], hidden: true", ".hidden.md b.md"},
        {"include: ['*.md'], follow: true", "b.md inside.md"},
    };
    char options[128];

    small_tree();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (harness)
            close_source();
        (void)snprintf(options, sizeof options, ", %s", cases[i][0]);
        open_source(options);
        const char *found = names();
        ck_assert_msg(strcmp(found, cases[i][1]) == 0, "%s: %s", cases[i][0], found);
    }
    forget_listed();
}
END_TEST

START_TEST(ten_thousand_files_in_pages)
{
    char path[64];

    for (int i = 0; i < 10; i++) {
        (void)snprintf(path, sizeof path, "%d", i);
        folder(at(path));
        for (int k = 0; k < 1000; k++) {
            (void)snprintf(path, sizeof path, "%d/%d.md", i, k);
            file(at(path), path);
        }
    }
    open_source("");
    list();
    ck_assert_uint_eq(listed.count, 10000);
    ck_assert_uint_eq(listed.pages, 20);
    ck_assert_uint_eq(listed.largest, 500);
    char **before = malloc(listed.count * sizeof *before),
         **same = malloc(listed.count * sizeof *same);
    for (size_t i = 0; i < listed.count; i++) {
        before[i] = strdup(listed.digests[i]);
        same[i] = strdup(listed.ids[i]);
        ck_assert(i == 0 || strcmp(listed.ids[i - 1], listed.ids[i]) < 0);
    }
    file(at("5/500.md"), "another content");
    list();
    for (size_t i = 0; i < listed.count; i++) {
        bool changed = strcmp(listed.ids[i], "5/500.md") == 0;
        ck_assert_str_eq(same[i], listed.ids[i]);
        ck_assert_int_eq(strcmp(before[i], listed.digests[i]) != 0, changed);
        free(before[i]);
        free(same[i]);
    }
    free(before);
    free(same);
    forget_listed();
}
END_TEST

/* --- fetching ----------------------------------------------------------------------------------
 */

struct taking {
    pb_writer base;
    const char *id;
    char *bytes;
    size_t size;
    pb_status refuse;
};

static pb_status take(pb_writer *writer, pb_bytes bytes)
{
    struct taking *taking = (struct taking *)(void *)writer;

    if (taking->refuse != PB_OK)
        return pb_fail(taking->refuse, "no more");
    taking->bytes = realloc(taking->bytes, taking->size + bytes.size);
    memcpy(taking->bytes + taking->size, bytes.data, bytes.size);
    taking->size += bytes.size;
    return PB_OK;
}

static pb_status fetch_one(void *arg)
{
    struct taking *taking = arg;

    taking->base = (pb_writer){.size = sizeof(pb_writer), .write = take};
    return pb_source_fetch(source, pb_str_of(taking->id), &taking->base);
}

static pb_status fetch(struct taking *taking)
{
    return pb_harness_run(harness, fetch_one, taking, NULL);
}

START_TEST(bytes_come_as_they_are)
{
    size_t size = 3 << 20;
    char *large = malloc(size + 1);
    struct taking taking = {.id = "large"}, refusing = {.id = "large", .refuse = PB_NO_SPACE};

    for (size_t i = 0; i < size; i++)
        large[i] = (char)('a' + i % 23);
    large[size] = 0;
    file(at("large"), large);
    open_source("");
    ck_assert_int_eq(fetch(&taking), PB_OK);
    ck_assert_uint_eq(taking.size, size);
    ck_assert_mem_eq(taking.bytes, large, size);
    ck_assert_int_eq(fetch(&refusing), PB_NO_SPACE);
    free(taking.bytes);
    free(large);
}
END_TEST

START_TEST(nothing_outside_can_be_had)
{
    static const char *const ids[] = {
        "",        "..",         "../x",       "/etc/passwd",    "a/../b.md",
        "a//x.md", "a/./x.md",   "outside.md", "away/secret.md", "a",
        "nothing", ".hidden.md", ".git/c.md"};

    small_tree();
    for (int follow = 0; follow < 2; follow++) {
        open_source(follow ? ", follow: true" : "");
        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
            struct taking taking = {.id = ids[i]};
            pb_status status = fetch(&taking);
            ck_assert_msg(status == PB_NOT_FOUND, "'%s': %s", ids[i], pb_status_name(status));
            ck_assert_uint_eq(taking.size, 0);
        }
        struct taking inside = {.id = "inside.md"};
        ck_assert_int_eq(fetch(&inside), follow ? PB_OK : PB_NOT_FOUND);
        free(inside.bytes);
        if (!follow)
            close_source();
    }
}
END_TEST

START_TEST(a_file_that_grew_too_large)
{
    struct taking taking = {.id = "b.md"};

    small_tree();
    open_source(", max_size: 4");
    file(at("b.md"), "12345");
    ck_assert_int_eq(fetch(&taking), PB_TOO_LARGE);
}
END_TEST

START_TEST(a_folder_that_is_away_is_not_an_empty_one)
{
    pb_str sentence;
    char moved[80];

    open_source("");
    (void)snprintf(moved, sizeof moved, "%s.out/moved", root);
    ck_assert_int_eq(rename(root, moved), 0);
    ck_assert_int_eq(pb_harness_run(harness, list_all, NULL, &sentence), PB_UNAVAILABLE);
    ck_assert(pb_str_contains(sentence, pb_lit("cannot be read")));
    ck_assert_int_eq(rename(moved, root), 0);
    list();
}
END_TEST

/* --- where it is -------------------------------------------------------------------------------
 */

START_TEST(one_of_the_configuration_must_be_there)
{
    pb_harness_refuse("sources:\n  docs: {use: folder, path: /nowhere/at/all}\n", plugins,
                      (const char *const[]){"test.yaml:2:29: sources.docs.path: there is no folder "
                                            "'/nowhere/at/all': No such file or directory",
                                            NULL});
    pb_harness_refuse("sources:\n  docs: {use: folder, path: /etc/passwd}\n", plugins,
                      (const char *const[]){"sources.docs.path: '/etc/passwd' is no folder", NULL});
    pb_harness_refuse("sources:\n  docs: {use: folder, path: /tmp, include: ['{a,b']}\n", plugins,
                      (const char *const[]){"a '{' without its '}' in '{a,b'", NULL});
}
END_TEST

START_TEST(one_of_the_data_folder_is_made)
{
    char path[128];

    harness = pb_harness_open("sources: {docs: {use: folder, base: data, path: in/box}}\n", plugins,
                              NULL);
    source = pb_harness_instance(harness, "source", "docs");
    pb_harness_virtual_time(harness, false);
    (void)snprintf(path, sizeof path, "%s/in/box/a.md", pb_harness_data_dir(harness));
    file(path, "a");
    ck_assert_str_eq(names(), "a.md");
    forget_listed();
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {all_that_is_plainly_there,
                                  patterns,
                                  ten_thousand_files_in_pages,
                                  bytes_come_as_they_are,
                                  nothing_outside_can_be_had,
                                  a_file_that_grew_too_large,
                                  a_folder_that_is_away_is_not_an_empty_one,
                                  one_of_the_data_folder_is_made,
                                  NULL};
    const TTest *const refused[] = {one_of_the_configuration_must_be_there, NULL};

    return suite_run_cases("list",
                           (TCase *const[]){suite_case("cases", begin, end, cases),
                                            suite_case("refused", NULL, NULL, refused), NULL});
}
