/* worker.h - one worker in this process: loop, plugins, turns. */
#ifndef HOST_APP_WORKER_H
#define HOST_APP_WORKER_H

#include <patchbay/turn.h>

/* What to run once everything is started. `main` runs on a task; when it returns the worker stops
 * everything again, in order, and ends. */
struct worker_plan {
    pb_status (*main)(void *arg);
    void *arg;
    bool serve;     /* a worker of a supervisor: start the transports too, and drain when told */
    const char *failed; /* why there is nothing to run: the supervisor is told; NULL: there is */
    pb_status failure;
    bool offline;   /* `patchbay migrate`: joins nobody */
    bool no_config; /* only loop, log and clients: nothing was loaded */
};

/* Runs the plan in the configuration that load_config() made. Returns what main returned, or why
 * nothing was started; says the sentence on stderr. */
pb_status worker_run(const struct worker_plan *plan);

/* Who asks in a terminal: the operator, who may do everything. */
const pb_principal *terminal_principal(void);

/* For main of a worker: it serves now. */
void worker_serves(void);

/* For main of a worker: parks until it is told to end; returns when the turns have ended (a new
 * generation serves), or begins to drain and returns (it was told to stop). */
pb_status worker_wait(void);

#endif
