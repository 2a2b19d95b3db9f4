/* Rule 5: a mutex is held across a call that parks. Each run has its own, so that nothing hangs. */
#include "broken.h"

#include <pthread.h>

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    (void)self;
    pthread_mutex_lock(&mutex);
    pb_status status = pb_sleep(0);
    pthread_mutex_unlock(&mutex);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

BROKEN_STAGE(struct nothing, .run = run);
