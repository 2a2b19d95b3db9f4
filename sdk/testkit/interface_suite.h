/* interface_suite.h - what every implementation of an interface must do, as cases: the sentences of
 * the interface's header that can be looked at. `patchbay conform` runs them on a plugin, and a
 * plugin's own test with interface_case.h.
 */
#ifndef PATCHBAY_INTERFACE_SUITE_H
#define PATCHBAY_INTERFACE_SUITE_H

#include "testkit.h"

#pragma GCC visibility push(default)

/* One case. It is called outside of tasks, uses names of its own in the instance, and ends early
 * where something does not hold (expect.h). Any order; a harness for each or one for all. */
struct pb_suite_case {
    const char *name; /* "64 tasks increment at once" */
    int rule;         /* of sdk/CONTRACT.md that a failure breaks; 0: of the interface only */
    void (*run)(pb_harness *harness, pb_instance *instance);
};

/* The cases of a kind ("cache"), up to one without a name; only that one where there is no suite.
 */
const struct pb_suite_case *pb_suite_of(const char *kind);

#pragma GCC visibility pop

#endif
