/* docs.h - `patchbay docs`: the reference, made from what the program and the plugins say themselves. */
#ifndef HOST_APP_DOCS_H
#define HOST_APP_DOCS_H

#include "plugin/registry.h"

/* A configuration with every option of every plugin that loads as a comment. */
pb_status docs_full_yaml(pb_buf *out);

/* Pages in Markdown, each by its name below the folder of the reference. */
struct docs_out {
    const char *folder;
    pb_buf index; /* lines of README.md */
};
pb_status docs_write(struct docs_out *out, const char *name, pb_buf *text);

/* docs_operations.c: all operations of the host, and of services and transports that load. */
pb_status docs_operations(struct docs_out *out);

/* The plugins that load, opened; the next behind `plugin`, or the first. NULL: there is no other. */
const struct plugin *docs_next_plugin(const struct plugin *plugin);

#endif
