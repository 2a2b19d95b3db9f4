/* suite.h - the main() of a test program, which needs Check only:
 *
 *     return suite_run("name", (const TTest *const[]){a, b, NULL});
 *
 * With fixtures or loops: suite_case for each group, then suite_run_cases. While it runs TMPDIR is a
 * folder of its own, which goes with all that tests left in it: one that dies cannot clean up.
 */
#ifndef PATCHBAY_SUITE_H
#define PATCHBAY_SUITE_H

#include <check.h>
#undef fail /* an old name of Check, and a member of the host's table */
#include <patchbay/types.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tests (NULL at the end) that share what is done before and after each; both may be NULL. */
static inline TCase *suite_case(const char *name, void (*before)(void), void (*after)(void),
                                const TTest *const *tests)
{
    TCase *group = tcase_create(name);

    tcase_set_timeout(group, 100);
    tcase_add_checked_fixture(group, before, after);
    for (; *tests; tests++)
        tcase_add_test(group, *tests);
    return group;
}

static inline int suite_remove_one(const char *path, const struct stat *about, int kind,
                                   struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Runs them (NULL at the end); what main returns. */
static inline int suite_run_cases(const char *name, TCase *const *groups)
{
    const char *where = getenv("TMPDIR");
    Suite *suite = suite_create(name);
    char folder[200];

    (void)snprintf(folder, sizeof folder, "%s/patchbay-XXXXXX", where ? where : "/tmp");
    /* As /tmp is: a test may become somebody else. */
    if (!mkdtemp(folder) || chmod(folder, 01777) != 0 || setenv("TMPDIR", folder, 1) != 0) {
        perror(folder);
        return 1;
    }
    for (; *groups; groups++)
        suite_add_tcase(suite, *groups);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    (void)nftw(folder, suite_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return failed != 0;
}

static inline int suite_run(const char *name, const TTest *const *tests)
{
    return suite_run_cases(name, (TCase *const[]){suite_case(name, NULL, NULL, tests), NULL});
}

/* Is the pb_str `text` what stands in the literal? Shows both when not. */
#define ck_text(text, expected)                                                                    \
    do {                                                                                           \
        pb_str ck_text_ = (text);                                                                  \
        ck_assert_msg(pb_str_is(ck_text_, expected), "'%.*s' is not '%s'", PB_ARG(ck_text_),       \
                      expected);                                                                   \
    } while (0)

#endif
