/* contract.c - see contract.h: whether checks are on, how a breach is said, calls of any interface. */
#include "plugin/contract_internal.h"

#include <patchbay/log.h>
#include <stdio.h>

#if PATCHBAY_DEBUG
bool contract_on = true;
#else
bool contract_on;
#endif

/* The last breach that nobody returned yet. */
static struct {
    const pb_instance *instance;
    char sentence[400];
} noted;

void contract_enable(bool on)
{
    contract_on = on;
    noted.instance = NULL;
    contract_memory_enable(on);
    contract_park_enable(on);
    if (on)
        contract_bind_waiting();
}

/* --- saying it -------------------------------------------------------------------------------- */

void contract_title(const pb_instance *instance, char title[CONTRACT_TITLE])
{
    (void)snprintf(title, CONTRACT_TITLE, "%.*s '%.*s' (%s %s)", PB_ARG(instance->kind),
                   PB_ARG(instance->name), instance->plugin ? instance->plugin->name : "?",
                   instance->plugin ? instance->plugin->version : "?");
}

pb_instance *contract_culprit(void)
{
    const struct task_work *work = offload_work();
    pb_instance *at = instances_all();

    if (!work)
        return instance_running();
    while (at && at->number != work->instance)
        at = at->next;
    return at;
}

pb_instance *contract_on_loop(void)
{
    return contract_enabled() && task_current() ? instance_running() : NULL;
}

static void say(char *out, size_t size, int rule, const pb_instance *instance, const char *what)
{
    char title[CONTRACT_TITLE];

    contract_title(instance, title);
    (void)snprintf(out, size, "contract %d: %s %s", rule, title, what);
}

pb_status contract_breach(int rule, const pb_instance *instance, const char *what)
{
    char sentence[sizeof noted.sentence];

    say(sentence, sizeof sentence, rule, instance, what);
    pb_log(PB_ERROR, "%s", sentence);
    return pb_fail(PB_INTERNAL, "%s", sentence);
}

void contract_note(int rule, const pb_instance *instance, const char *what)
{
    say(noted.sentence, sizeof noted.sentence, rule, instance, what);
    noted.instance = instance;
    pb_log(PB_ERROR, "%s", noted.sentence);
}

/* --- calls of any interface ------------------------------------------------------------------- */

/* Has the task an error that goes with this failure? */
static bool has_sentence(pb_status status)
{
    const pb_error *error = pb_error_last();
    return error->status == status && error->sentence.size > 0;
}

pb_status contract_status(pb_instance *instance, pb_status status)
{
    if (!contract_enabled())
        return status;
    if (noted.instance == instance) {
        noted.instance = NULL;
        return pb_fail(PB_INTERNAL, "%s", noted.sentence);
    }
    if (status == PB_OK || status == PB_DECLINED || has_sentence(status))
        return status;
    return contract_breach(7, instance, "failed without a sentence (pb_fail)");
}

void contract_call_begin(struct contract_call *call)
{
    call->was_cancelled = pb_error_last()->status == PB_CANCELLED;
    contract_in_create();
}

pb_status contract_call_end(const struct contract_call *call, pb_status status)
{
    /* a host call told it (the error is set), the task is still to end, and it says all is well */
    if (status == PB_OK && !call->was_cancelled && pb_cancelled() &&
        pb_error_last()->status == PB_CANCELLED)
        return contract_breach(6, call->instance, "returned ok after a host call was cancelled");
    return contract_status(call->instance, status);
}
