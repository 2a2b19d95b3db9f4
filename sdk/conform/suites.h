/* suites.h - the interface suites of the testkit as cases. */
#ifndef CONFORM_SUITES_H
#define CONFORM_SUITES_H

#include "conform.h"
#include "interface_suite.h"

/* Calls each for the cases of this kind's suite. */
void suites_walk(pb_str kind, void (*each)(void *arg, const struct conform_case *test), void *arg);

#endif
