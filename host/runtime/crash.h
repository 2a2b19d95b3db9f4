/* crash.h - what the worker still writes down when a plugin kills it by a signal.
 *
 * Whose work was done stands in task_note already. Two things are known only here: that a task ran
 * into the guard below its stack, and whose work a helper thread did.
 */
#ifndef HOST_RUNTIME_CRASH_H
#define HOST_RUNTIME_CRASH_H

#include <patchbay/types.h>

/* Asked, when set, by the handler of a fault at this address: what task_note->cause shall say, or 0.
 * Must be safe there. */
extern uint32_t (*crash_explain)(const void *address);

/* Watches for the signals of a crash, on the loop's thread, once loop_init was called; may be called
 * again. The process still ends by the signal. `overflow`: what task_note->cause says after a stack overflow. Does
 * nothing under sanitizers, which have handlers of their own. */
void crash_watch(uint32_t overflow);

#endif
