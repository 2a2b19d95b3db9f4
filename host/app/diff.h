/* diff.h - the differences of two configurations, printed as they are found. */
#ifndef HOST_APP_DIFF_H
#define HOST_APP_DIFF_H

#include "config/tree.h"

/* Begin with all zero but `json`. */
struct diff {
    bool json;
    size_t count;
    pb_buf text;
};

/* Every path whose value differs, in the order of the files. Secrets: only that they changed. */
void diff_trees(struct diff *diff, const struct config_node *before,
                const struct config_node *after);

/* A plugin's file and what became of it. */
void diff_plugin(struct diff *diff, const char *path, const char *what);

/* Prints all of it. */
void diff_end(struct diff *diff);

#endif
