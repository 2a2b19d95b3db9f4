/* common.c - memory that the instances of a plugin share in one process: for libraries with state of
 * their own, which no instance can have for itself (pb_common). */
#include "plugin/instances.h"

#include <stdlib.h>

struct common {
    struct common *next;
    const pb_plugin *plugin;
    size_t size;
    max_align_t memory[];
};

static struct common *all;

void *host_common(size_t size)
{
    const pb_instance *instance = instance_running();
    struct common *at = all;

    if (!instance || !instance->plugin) {
        pb_fail(PB_INTERNAL, "only a plugin's own calls have something in common");
        return NULL;
    }
    while (at && at->plugin != instance->plugin)
        at = at->next;
    if (at && at->size == size)
        return at->memory;
    if (at) {
        pb_fail(PB_INTERNAL, "%zu bytes are in common, not %zu", at->size, size);
        return NULL;
    }
    if (size > SIZE_MAX / 2 || !(at = calloc(1, sizeof *at + size))) {
        pb_fail(PB_NO_MEMORY, "there is no memory for what instances have in common");
        return NULL;
    }
    *at = (struct common){.next = all, .plugin = instance->plugin, .size = size};
    all = at;
    return at->memory;
}
