/* parts.h - a plugin in the test's program, whose components write down what is called on them. */
#ifndef TESTS_UNIT_PLUGIN_PARTS_H
#define TESTS_UNIT_PLUGIN_PARTS_H

#include <patchbay/plugin.h>

/* "create a; start a; …" since parts_reset. */
extern char parts_log[4096];
void parts_reset(void);

extern const pb_plugin parts_plugin;

#endif
