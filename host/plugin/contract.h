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
 *     struct contract_stage guard;
 *     contract_stage_begin(&guard, stage);
 *     status = contract_stage_end(&guard, interface->run(self, turn, next));
 */
#ifndef HOST_PLUGIN_CONTRACT_H
#define HOST_PLUGIN_CONTRACT_H

#include "plugin/instances.h"
#include <patchbay/turn.h>

void contract_enable(bool on);
bool contract_enabled(void);

/* Rule 9: text and tool calls, at most one usage, exactly one finish (none after a failure),
 * nothing after it. Rule 7: a failure has a sentence. Rule 6: what emit returned comes back. */
struct contract_llm {
    pb_sink base;
    pb_instance *llm;
    uint32_t finishes;
    uint32_t usages;
    pb_status emitted;  /* the first failure of emit */
    pb_status breach;
    bool watched;
};

/* The sink to hand to the model: the guard's, or `sink` itself when checks are off. */
pb_sink *contract_llm_begin(struct contract_llm *guard, pb_instance *llm, pb_sink *sink);
/* The status to go on with: the model's, or PB_INTERNAL. */
pb_status contract_llm_end(struct contract_llm *guard, pb_status status);

/* Rule 6: PB_CANCELLED is final: a cancelled stage does not return PB_OK after a host call told it
 * so. Rule 7: a failure has a sentence. */
struct contract_stage {
    pb_instance *stage;
    bool was_cancelled;
    bool watched;
};

void contract_stage_begin(struct contract_stage *guard, pb_instance *stage);
pb_status contract_stage_end(struct contract_stage *guard, pb_status status);

/* Rule 7 for every other interface: returns `status`, or PB_INTERNAL when it is a failure without
 * a sentence. PB_DECLINED needs none. */
pb_status contract_status(pb_instance *instance, pb_status status);

#endif
