/* hold.h - where the loop's thread is right now: asked for by another thread, or by the supervisor
 * before it ends a worker that hangs, with a signal (SIGURG, which is ignored by who does not know it).
 */
#ifndef HOST_RUNTIME_HOLD_H
#define HOST_RUNTIME_HOLD_H

#include <patchbay/types.h>
#include <signal.h>
#include <time.h>

enum { HOLD_SIGNAL = SIGURG };

/* On the loop's thread. `seen` runs in the handler, where a task runs: return addresses, innermost
 * first; some of the first are the handler's own. `outside`: another process asked. */
void hold_watch(void (*seen)(void *const *frames, int count, bool outside));

/* From another thread of this process. */
void hold_ask(void);

/* What the loop's thread did since the last call, for one thread that watches. */
struct hold_look {
    clockid_t clock; /* its processor time */
    int stat;        /* /proc/…/stat of it */
    pb_duration used, now;
};
bool hold_look_open(struct hold_look *look);
void hold_look_close(struct hold_look *look);
/* How long it was held by what ran in it: computing, or sleeping in the kernel; time in which it
 * waited for a processor does not count. */
pb_duration hold_look_at(struct hold_look *look);

#endif
