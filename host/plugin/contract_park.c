/* contract_park.c - rule 5: what is bound to the thread when a task parks: a mutex, a C++ exception
 * that is being handled; errno is overwritten. Rule 8: create parks. */
#include "plugin/contract_internal.h"

#include <errno.h>
#include <stdio.h>

enum { SCRAMBLED = 9999 }; /* no errno: "Unknown error 9999" */

/* Of the C++ ABI ("Exception handling", 2.2.2); absent where nothing brought a C++ library. */
struct cxa_globals {
    void *caught;
    unsigned uncaught;
};
extern struct cxa_globals *__cxa_get_globals(void) __attribute__((weak));

static int locks;      /* that the running task took and did not give back, as far as is seen */
static bool handling;  /* an exception is, and that was said */
static pb_instance *creating;

void contract_locked(int by)
{
    if (contract_on_loop() && locks + by >= 0)
        locks += by;
}

static void look_for_exceptions(const pb_instance *instance)
{
    const struct cxa_globals *globals = __cxa_get_globals ? __cxa_get_globals() : NULL;
    bool now = globals && (globals->caught || globals->uncaught);

    if (now && !handling && instance)
        contract_note(5, instance, "parked while a C++ exception was being handled (leave the catch "
                                   "block, the destructor, before)");
    handling = now;
}

static void on_park(bool leaving)
{
    const pb_instance *instance = instance_running();

    if (!leaving) {
        errno = SCRAMBLED;
        return;
    }
    if (instance && locks)
        contract_note(5, instance, "parked while it held a mutex: who waits for it holds the loop");
    locks = 0;
    look_for_exceptions(instance);
}

/* Rule 4, seen where a helper thread would have to wait. */
static void missed(const char *call)
{
    const pb_instance *instance = contract_culprit();
    char what[160];

    (void)snprintf(what, sizeof what, "used %s on a thread of its own, where no task can park", call);
    if (instance)
        contract_note(4, instance, what);
}

void contract_park_enable(bool on)
{
    task_missed = on ? missed : NULL;
    task_on_park = on ? on_park : NULL;
    task_refuse = NULL;
    locks = 0;
    creating = NULL;
}

/* --- create ----------------------------------------------------------------------------------- */

/* Said once; then it may park: it fails anyway. */
static pb_status refuse(void)
{
    task_refuse = NULL;
    contract_note(8, creating, "called a host function that parks in create: do it in start");
    return pb_fail(PB_INTERNAL, "create must not park");
}

void contract_in_create(void)
{
    if (!creating || !task_refuse)
        return;
    task_refuse = NULL;
    contract_note(8, creating, "called another component in create: do it in start");
}

void contract_create_begin(pb_instance *instance)
{
    if (contract_enabled()) {
        creating = instance;
        task_refuse = refuse;
    }
}

pb_status contract_create_end(pb_instance *instance, pb_status status)
{
    task_refuse = NULL;
    creating = NULL;
    return contract_status(instance, status);
}
