/* kinds.h - every kind of component that this host knows: its section in the configuration, its
 * interface's revision and what of the interface must be there. */
#ifndef HOST_PLUGIN_KINDS_H
#define HOST_PLUGIN_KINDS_H

#include <patchbay/types.h>

enum { KIND_FUNCTIONS = 7 };

struct kind {
    const char *name;    /* "llm" */
    const char *section; /* "llms"; NULL: stages stand in pipelines */
    uint32_t revision;
    uint32_t size; /* of the interface struct, at least */
    struct {
        const char *name;
        uint32_t offset;
    } required[KIND_FUNCTIONS]; /* functions that must not be NULL; name NULL: none */
    bool any;   /* one of `required` is enough */
    bool draft; /* of patchbay/draft/: exactly this revision and size load (sdk/VERSIONING.md) */
    bool last;  /* is started after everything else */
};

/* In the order of the documentation; name NULL at the end. */
extern const struct kind kinds[];

/* By name or by section; NULL: there is none. */
const struct kind *kind_find(pb_str name);
const struct kind *kind_of_section(pb_str section);

#endif
