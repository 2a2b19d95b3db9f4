/* What the tests of host/plugin share: where the test plugins are, and copies of them in a folder
 * that may be changed. */
#ifndef TESTS_UNIT_PLUGIN_TEST_H
#define TESTS_UNIT_PLUGIN_TEST_H

#include "suite.h"

#include <patchbay/memory.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* "<build>/tests/conform/load/good.so"; static, until the next call but one. */
static inline const char *test_plugin(const char *folder, const char *name)
{
    static char paths[2][PATH_MAX + 256];
    static int which;
    char program[PATH_MAX / 2];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);

    ck_assert_int_gt(size, 0);
    program[size] = 0;
    *strrchr(program, '/') = 0;
    which = !which;
    (void)snprintf(paths[which], sizeof paths[which], "%s/conform/%s/%s", program, folder, name);
    return paths[which];
}

/* A folder beside the program (not in /tmp, where plugins may not lie); removed by test_folder_end. */
static inline const char *test_folder(void)
{
    static char path[PATH_MAX + 256];

    (void)snprintf(path, sizeof path, "%s", test_plugin("", "folder-XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static inline void test_folder_end(const char *folder)
{
    char *command = NULL;

    ck_assert_int_gt(asprintf(&command, "rm -r '%s'", folder), 0);
    ck_assert_int_eq(system(command), 0);
    free(command);
}

/* Copies at most `most` bytes of a file. */
static inline void test_copy(const char *from, const char *to, size_t most)
{
    static char bytes[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");

    ck_assert_msg(in && out, "%s -> %s", from, to);
    size_t size = fread(bytes, 1, most < sizeof bytes ? most : sizeof bytes, in);
    ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(chmod(to, 0644), 0);
}

/* Room for the path of a file in such a folder. */
enum { PATCHBAY_TEST_PATH = 2 * PATH_MAX };

static inline const char *test_error(void)
{
    const char *text = pb_error_last()->sentence.data;
    return text ? text : "";
}

#define assert_says(part) ck_assert_msg(strstr(test_error(), part), "said: %s", test_error())

#endif
