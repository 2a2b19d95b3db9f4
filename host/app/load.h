/* load.h - the configuration that a command runs with: read, checked, every problem printed. */
#ifndef HOST_APP_LOAD_H
#define HOST_APP_LOAD_H

#include "app/command.h"
#include "config/diagnostics.h"
#include "config/tree.h"

/* What was loaded; lives as long as the process. */
struct loaded {
    const struct config_node *root;
    struct config_diagnostics diagnostics;
    const char *data_dir; /* absolute */
};

/* Reads -c and --set and builds all instances; problems are collected, nothing is printed.
 * PB_INVALID when there are errors. */
pb_status load_config(const struct invocation *invocation, struct loaded *out);

/* Only finds the plugins where the configuration says, with its pins; opens none. */
void load_plugins(const struct invocation *invocation, struct loaded *out);

/* The same, and prints problems (warnings too) on stderr. */
pb_status load_config_aloud(const struct invocation *invocation, struct loaded *out);

/* The same for commands that can do without: nothing is printed. */
pb_status load_config_quietly(const struct invocation *invocation);

#endif
