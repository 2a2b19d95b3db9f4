/* brood.c - a stage that starts a child process in a process group of its own and never ends it. */
#include <patchbay/pipeline.h>
#include <patchbay/stage.h>

#include <unistd.h>

struct brood {
    bool unused;
};

static const pb_field options[] = {PB_END};

static pb_status brood_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    if (fork() == 0) {
        setpgid(0, 0);
        execlp("sleep", "sleep", "86400", (char *)NULL);
        _exit(127);
    }
    return pb_run_next(next, turn);
}

PB_PLUGIN("brood", "1.0.0", "Apache-2.0", "Leaves children behind.",
          PB_STAGE("brood", struct brood, options, .run = brood_run));
