/* suite.h - runs the tests of one file: return suite_run("name", (const TTest *[]){a, b, NULL}); */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H

#include <check.h>
#include <patchbay/types.h>

static inline int suite_run(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);

    tcase_set_timeout(cases, 100);
    for (; *tests; tests++)
        tcase_add_test(cases, *tests);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

/* Is the pb_str `text` what stands in the literal? Shows both when not. */
#define ck_text(text, expected)                                                                    \
    do {                                                                                           \
        pb_str ck_text_ = (text);                                                                  \
        ck_assert_msg(pb_str_is(ck_text_, expected), "'%.*s' is not '%s'", PB_ARG(ck_text_),       \
                      expected);                                                                   \
    } while (0)

#endif
