/* Stages that break rules 4, 6 and 7 of the contract, and one that breaks none. */
#include <patchbay/stage.h>

static pb_status well(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return pb_sleep(0);
}

/* Takes no notice of having been cancelled. */
static pb_status stubborn(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    (void)pb_sleep(PB_SECOND * 3600);
    return PB_OK;
}

static pb_status mute(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return PB_UNPROCESSABLE;
}

static pb_status sleep_on_a_thread(void *arg)
{
    (void)arg;
    return pb_sleep(PB_MILLISECOND);
}

/* Rule 4: on a helper thread nothing may park. */
static pb_status threaded(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self, (void)turn, (void)next;
    return pb_offload(sleep_on_a_thread, NULL);
}

static pb_status unwell(void *self)
{
    (void)self;
    return PB_UNAVAILABLE;
}

struct nothing {
    int64_t unused;
};

static const pb_field none[] = {PB_END};

PB_PLUGIN("stages", "1.0.0", "MIT", "Stages that break the contract.",
          PB_STAGE("well", struct nothing, none, .run = well),
          PB_STAGE("stubborn", struct nothing, none, .run = stubborn),
          PB_STAGE("threaded", struct nothing, none, .run = threaded),
          PB_STAGE("mute", struct nothing, none, .run = mute, .health = unwell));
