/* plan.c - which cases a file and a component have. */
#include "conform.h"

#include "suites.h"

#include <string.h>

static bool fits(const struct conform_case *test, const struct manifest_component *component)
{
    char word[80];

    if (!test->kinds)
        return true;
    (void)snprintf(word, sizeof word, " %.*s ", PB_ARG(component->kind));
    return strstr(test->kinds, word) != NULL;
}

void plan_walk(const struct target *target, const struct manifest_component *component,
               void (*each)(void *arg, const struct conform_case *test), void *arg)
{
    static const struct conform_case *const lists[] = {life_cases, fuzz_cases, global_cases,
                                                       use_cases,  turn_cases, NULL};

    (void)target;
    for (const struct conform_case *test = component ? NULL : file_cases; test && test->name;
         test++)
        each(arg, test);
    for (size_t i = 0; component && lists[i]; i++)
        for (const struct conform_case *test = lists[i]; test->name; test++)
            if (fits(test, component))
                each(arg, test);
    if (component)
        suites_walk(component->kind, each, arg);
}
