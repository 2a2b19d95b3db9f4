/* scope.h - the running context: the arena that pb_alloc uses and the error that pb_fail sets.
 *
 * Each task has a context; the runtime makes it current on every switch. The main thread starts
 * with one of its own, so that everything works before there is a loop. Helper threads have none:
 * there pb_alloc returns NULL and pb_fail only returns its status.
 */
#ifndef HOST_BASE_SCOPE_H
#define HOST_BASE_SCOPE_H

#include "base/arena.h"
#include <patchbay/memory.h>

struct scope_context {
    struct arena *arena;   /* of the innermost scope */
    pb_error error; /* its strings point into `text` */
    char *text;     /* malloc'd on the first failure */
};

/* NULL on a helper thread. */
struct scope_context *scope_current(void);

/* Makes `context` current on this thread and returns the one before. NULL: none. */
struct scope_context *scope_switch(struct scope_context *context);

/* Frees what the context holds by itself (not its arena). */
void scope_context_fini(struct scope_context *context);

/* Copies an error into the current context, as pb_fail would; for handing one task's to another. */
void scope_error_set(const pb_error *error);

/* Runs allocations in another arena for a while: before = scope_arena_swap(mine); … swap(before). */
struct arena *scope_arena_swap(struct arena *other);

/* Sets the name of the instance that runs (pb_error.instance of later failures). */
void scope_instance_name_set(pb_str (*name_of_running)(void));

#endif
