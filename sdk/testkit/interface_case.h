/* interface_case.h - the suite of an interface as a case of Check, a test for each of its cases:
 *
 *     static void begin(void)
 *     {
 *         interface_begin(pb_harness_new("caches: {a: {use: mine}}", &patchbay_plugin_mine),
 *                         "cache", "a");
 *     }
 *     … suite_run_cases("mine", (TCase *const[]){interface_case("cache", begin), NULL});
 *
 * Include it once.
 */
#ifndef PATCHBAY_INTERFACE_CASE_H
#define PATCHBAY_INTERFACE_CASE_H

#include "expect.h"
#include "interface_suite.h"
#include "suite.h"

static pb_harness *interface_harness;
static pb_instance *interface_instance;
static const struct pb_suite_case *interface_cases;
static const char *interface_now = "";

static inline void interface_ended(const pb_expect_end *end)
{
    if (!end->skipped)
        ck_abort_msg("%s: %s (%s:%d)", interface_now, end->sentence, end->file, end->line);
}

/* What is tested; the harness is freed after each test. */
static inline void interface_begin(pb_harness *harness, const char *kind, const char *name)
{
    pb_expect_hook(interface_ended);
    interface_harness = harness;
    interface_instance = pb_harness_instance(harness, kind, name);
    interface_cases = pb_suite_of(kind);
}

static inline void interface_end(void)
{
    pb_harness_free(interface_harness);
    pb_expect_hook(NULL);
}

static inline void interface_run(int number)
{
    interface_now = interface_cases[number].name;
    tcase_fn_start("interface_run", __FILE__, __LINE__);
    interface_cases[number].run(interface_harness, interface_instance);
}

static inline TCase *interface_case(const char *kind, void (*begin)(void))
{
    static const TTest test = {"interface_run", interface_run, __FILE__, __LINE__};
    const struct pb_suite_case *cases = pb_suite_of(kind);
    TCase *group = suite_case(kind, begin, interface_end, (const TTest *const[]){NULL});
    int count = 0;

    while (cases[count].name)
        count++;
    tcase_add_loop_test(group, &test, 0, count);
    return group;
}

#endif
