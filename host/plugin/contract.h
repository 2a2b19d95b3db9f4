/* contract.h - checks of sdk/CONTRACT.md that can be made while a plugin runs.
 *
 * On in debug builds, and with `host: {contract: true}` or --contract. A breach is logged and fails
 * the call with PB_INTERNAL and a sentence that names rule and culprit:
 *     contract 9: llm 'main' (openai 1.2.0) emitted text after finish
 * Whoever calls an interface (host/turn) does it like this, at no cost when checks are off:
 *
 *     struct contract_llm guard;
 *     sink = contract_llm_begin(&guard, llm, sink);
 *     status = contract_llm_end(&guard, interface->generate(self, request, sink));
 *
 *     struct contract_call guard;
 *     contract_begin(&guard, stage);
 *     status = contract_end(&guard, interface->run(self, turn, next));
 */
#ifndef HOST_PLUGIN_CONTRACT_H
#define HOST_PLUGIN_CONTRACT_H

#include "plugin/instances.h"
#include <patchbay/turn.h>

extern bool contract_on; /* read it by contract_enabled */

/* Also makes arenas take pages of their own, for rules 1 and 2 (contract_memory.c). Files of
 * plugins are bound to what checks rules 2, 4 and 5 (contract_bind.c). */
void contract_enable(bool on);

static inline bool contract_enabled(void)
{
    return __builtin_expect(contract_on, false);
}

/* --- calls of any interface ------------------------------------------------------------------- */

/* Rule 6: PB_CANCELLED is final: who is cancelled does not return PB_OK after a host call said so.
 * Rule 7: a failure has a sentence. And what was noted meanwhile (contract_note). */
struct contract_call {
    pb_instance *instance;
    bool was_cancelled;
    bool watched;
};

void contract_call_begin(struct contract_call *call);
pb_status contract_call_end(const struct contract_call *call, pb_status status);

static inline void contract_begin(struct contract_call *call, pb_instance *instance)
{
    call->instance = instance;
    call->watched = contract_enabled();
    if (call->watched)
        contract_call_begin(call);
}

/* The status to go on with: the plugin's, or PB_INTERNAL. */
static inline pb_status contract_end(const struct contract_call *call, pb_status status)
{
    return call->watched ? contract_call_end(call, status) : status;
}

/* Rule 7 alone, where nobody can be cancelled. PB_DECLINED needs no sentence. */
pb_status contract_status(pb_instance *instance, pb_status status);

/* --- models ----------------------------------------------------------------------------------- */

/* Rule 9: text and tool calls, at most one usage, exactly one finish (none after a failure),
 * nothing after it. Rule 6: what emit returned comes back. */
struct contract_llm {
    pb_sink base;
    struct contract_call call;
    uint32_t finishes;
    uint32_t usages;
    pb_status emitted;  /* the first failure of emit */
    pb_status breach;
};

/* The sink to hand to the model: the guard's, or `sink` itself when checks are off. */
pb_sink *contract_llm_begin(struct contract_llm *guard, pb_instance *llm, pb_sink *sink);
/* The status to go on with: the model's, or PB_INTERNAL. */
pb_status contract_llm_end(struct contract_llm *guard, pb_status status);

/* --- single rules ----------------------------------------------------------------------------- */

/* Rule 1: hands an event on as a copy that is gone when emit returns. */
pb_status contract_pass(pb_sink *below, const pb_event *event);

/* Rule 8: what would park, or calls another component, until _end is refused. */
void contract_create_begin(pb_instance *instance);
pb_status contract_create_end(pb_instance *instance, pb_status status);

/* What a process that ended by a signal used: ends sentences that begin with "used memory". */
#define CONTRACT_LENT       "that was lent to it: what is kept must be copied"
#define CONTRACT_SCOPE_OVER "of pb_alloc after its scope had ended"

/* From the loop's thread. Rules 1 and 2: what a fault was. Rule 4: a thread of its own looks whether an
 * instance holds the loop. Without checks only: a worker answers its supervisor who wants to know where
 * it hangs. */
void contract_watch(void);
void contract_unwatch(void);

/* --- saying it -------------------------------------------------------------------------------- */

/* Logs and fails: "contract 9: llm 'main' (openai 1.2.0) emitted text after finish". */
pb_status contract_breach(int rule, const pb_instance *instance, const char *what);

/* Where nothing can be returned: logs; the instance's call that runs fails when it ends. */
void contract_note(int rule, const pb_instance *instance, const char *what);

#endif
