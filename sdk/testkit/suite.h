/* suite.h - the main() of a test program, which needs Check only:
 *
 *     return suite_run("name", (const TTest *const[]){a, b, NULL});
 *
 * With fixtures or loops: suite_case for each group, then suite_run_cases.
 */
#ifndef PATCHBAY_SUITE_H
#define PATCHBAY_SUITE_H

#include <check.h>
#include <patchbay/types.h>

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

/* Runs them (NULL at the end); what main returns. */
static inline int suite_run_cases(const char *name, TCase *const *groups)
{
    Suite *suite = suite_create(name);

    for (; *groups; groups++)
        suite_add_tcase(suite, *groups);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
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
