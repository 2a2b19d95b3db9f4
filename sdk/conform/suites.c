/* suites.c - the interface suites of the testkit as cases: what any implementation must do alike. */
#include "suites.h"

#include "expect.h"
#include <stdio.h>
#include <string.h>

static const struct pb_suite_case *running;

static void ended(const pb_expect_end *end)
{
    if (end->skipped)
        case_skip("%s", end->sentence);
    case_fail(running->rule, "%s", end->sentence);
}

static void run(struct subject *subject)
{
    for (running = pb_suite_of(subject->test->kinds); running->name; running++)
        if (strcmp(running->name, subject->test->name) == 0)
            break;
    pb_expect_hook(ended);
    subject_open(subject, NULL, NULL);
    if (!subject->instance)
        case_skip("the configuration has no instance of it");
    running->run(subject->harness, subject->instance);
    subject_close(subject);
}

void suites_walk(pb_str kind, void (*each)(void *arg, const struct conform_case *test), void *arg)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%.*s", PB_ARG(kind));
    for (const struct pb_suite_case *at = pb_suite_of(name); at && at->name; at++)
        each(arg, &(struct conform_case){
                      .name = at->name, .kinds = name, .rule = at->rule, .run = run});
}
