/* thunks.h - what stands between the plugin and the host's functions, so that conform counts the
 * plugin's calls, lets the N-th fail, and cancels the task in the N-th that may park.
 *
 * Calls are numbered from 1 in each of three rows: allocations, calls that can fail, calls that may
 * park. A disturbance names one number of one row.
 */
#ifndef CONFORM_THUNKS_H
#define CONFORM_THUNKS_H

#include <patchbay/plugin.h>

enum disturbance {
    UNDISTURBED,
    FAIL_ALLOCATION, /* pb_alloc and the like give NULL */
    FAIL_CALL,       /* a host call fails */
    FAIL_MALLOC,     /* malloc gives the plugin NULL (memory.c) */
    CANCEL,          /* the task is cancelled in a call that may park */
    TIME_OUT,        /* a deadline passes there */
};

/* Whether the plugin's calls can be watched on this machine. */
bool thunks_work(void);

/* Puts the watched table in the place of the host's. */
void thunks_put(const pb_plugin *plugin);

/* From now on counted from 0 again; the number-th of its row is disturbed (0: none). */
void disturb(enum disturbance how, unsigned number);
/* Ends it. True: the number was reached. `name`: of the call, static; may be NULL. */
bool disturbed(const char **name);
/* Was a deadline begun by TIME_OUT? Its number, once; 0: none. */
int64_t disturbed_deadline(void);

/* memory.c asks: is this the plugin's malloc that is to fail? */
bool disturb_malloc(void);

#endif
