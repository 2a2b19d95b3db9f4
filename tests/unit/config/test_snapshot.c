/* What a configuration was loaded from, kept and loaded again while files change. */
#include "suite.h"

#include "config/internal.h"
#include "config/snapshot.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    return pb_printf("%s/%s", folder, name).data;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void make_files(void)
{
    strcpy(folder, "/tmp/patchbay-snapshot-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    put("main.yaml", "include: more.yaml\nsecret: !file key\nsaid: !command [cat, key]\n");
    put("more.yaml", "from: more\n");
    put("key", "one");
}

static void remove_files(void)
{
    snapshot_end();
    unlink(path_of("main.yaml"));
    unlink(path_of("more.yaml"));
    unlink(path_of("key"));
    rmdir(folder);
}

static int memory_file(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static pb_str load(pb_status expected)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree = NULL;
    pb_buf out = {0};

    ck_assert_int_eq(config_tree_load(path_of("main.yaml"), &diagnostics, &tree), expected);
    if (expected == PB_OK)
        pb_json_write(&out, config_node_json(tree, false));
    else
        config_diagnostics_print(&diagnostics, &out);
    return pb_buf_str(&out);
}

static int recorded(void)
{
    int fd = memory_file();

    snapshot_record();
    load(PB_OK);
    snapshot_note("set", pb_lit("a=1"));
    snapshot_note("set", pb_lit("b=2"));
    ck_assert_int_eq(snapshot_write(fd), PB_OK);
    snapshot_end();
    return fd;
}

START_TEST(replays_what_was_read)
{
    int fd = recorded();

    remove_files();
    ck_assert_int_eq(snapshot_replay(fd), PB_OK);
    ck_text(load(PB_OK), "{\"from\":\"more\",\"secret\":\"one\",\"said\":\"one\"}");
    ck_text(snapshot_noted("set", 0), "a=1");
    ck_text(snapshot_noted("set", 1), "b=2");
    ck_assert_ptr_null(snapshot_noted("set", 2).data);
    ck_assert_ptr_null(snapshot_noted("other", 0).data);
    close(fd);
}
END_TEST

START_TEST(reads_files_again_after_the_end)
{
    int fd = recorded();

    ck_assert_int_eq(snapshot_replay(fd), PB_OK);
    put("key", "two");
    ck_text(load(PB_OK), "{\"from\":\"more\",\"secret\":\"one\",\"said\":\"one\"}");
    snapshot_end();
    ck_text(load(PB_OK), "{\"from\":\"more\",\"secret\":\"two\",\"said\":\"two\"}");
    close(fd);
}
END_TEST

START_TEST(what_was_not_read_cannot_be_read)
{
    int fd = memory_file();

    snapshot_record();
    ck_assert_int_eq(snapshot_write(fd), PB_OK);
    ck_assert_int_eq(snapshot_replay(fd), PB_OK);
    ck_assert_ptr_nonnull(strstr(load(PB_INVALID).data, "not part of the configuration"));
    close(fd);
}
END_TEST

START_TEST(tells_whether_two_are_the_same)
{
    int one = recorded(), same = recorded();
    put("key", "two");
    int other = recorded();

    ck_assert(snapshot_same(one, same));
    ck_assert(!snapshot_same(one, other));
    ck_assert(!snapshot_same(one, -1));
    close(one);
    close(same);
    close(other);
}
END_TEST

START_TEST(refuses_what_is_cut_or_something_else)
{
    int fd = recorded();
    off_t size = lseek(fd, 0, SEEK_END);

    for (off_t less = size - 1; less >= 0; less--) { /* never a crash, and never what was cut off */
        ck_assert_int_eq(ftruncate(fd, less), 0);
        if (snapshot_replay(fd) == PB_OK)
            ck_assert_ptr_null(snapshot_noted("set", 1).data);
        else
            ck_assert_int_lt(less, 24);
    }
    ck_assert_int_eq(pwrite(fd, "something else altogether, and long", 35, 0), 35);
    ck_assert_int_eq(snapshot_replay(fd), PB_INVALID);
    close(fd);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {replays_what_was_read,
                                  reads_files_again_after_the_end,
                                  what_was_not_read_cannot_be_read,
                                  tells_whether_two_are_the_same,
                                  refuses_what_is_cut_or_something_else,
                                  NULL};
    TCase *const groups[] = {suite_case("snapshot", make_files, remove_files, tests), NULL};

    return suite_run_cases("snapshot", groups);
}
