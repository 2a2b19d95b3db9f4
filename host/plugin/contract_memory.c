/* contract_memory.c - rules 1 and 2: memory that is used after its time, or freed by whom it does not
 * belong to.
 *
 * While contracts are checked arenas lie in pages that become inaccessible when they end
 * (base/arena_pages.h). Who touches them is ended by SIGSEGV; the handler asks here what the address
 * was: the memory of pb_alloc that the running instance took itself (rule 2), or another's that was
 * lent to it (rule 1). Its own goes to standard error, or in a worker to its supervisor.
 */
#include "plugin/contract_internal.h"

#include "base/arena_pages.h"
#include "cluster/node.h"
#include "cluster/scoreboard.h"
#include "runtime/crash.h"

#include <stdio.h>
#include <unistd.h>

static uint32_t owner(void)
{
    const pb_instance *instance = instance_running();
    return instance ? instance->number : 0;
}

/* In the handler of a signal: the cause for the supervisor, or 0. */
static uint32_t explain(const void *address)
{
    const pb_instance *culprit = contract_culprit();
    struct arena_found found;
    char title[CONTRACT_TITLE], line[400];

    if (!culprit || !arena_pages_find(address, &found) || !found.over)
        return CAUSE_NONE;
    bool own = found.owner && found.owner == culprit->number;
    if (node_kind() != NODE_WORKER) {
        contract_title(culprit, title);
        int size = snprintf(line, sizeof line, "contract %d: %s used memory %s\n", own ? 2 : 1,
                            title, own ? CONTRACT_SCOPE_OVER : CONTRACT_LENT);
        if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
            return CAUSE_NONE;
    }
    return own ? CAUSE_SCOPE_OVER : CAUSE_LENT;
}

void contract_memory_enable(bool on)
{
    arena_pages_use(on ? owner : NULL);
    crash_explain = on ? explain : NULL;
}

bool contract_frees(const void *memory, const char *call)
{
    struct arena_found found;
    pb_instance *culprit = contract_enabled() ? contract_culprit() : NULL;
    char what[160];

    if (!culprit || !memory || !arena_pages_find(memory, &found))
        return false;
    (void)snprintf(what, sizeof what, "called %s() with memory of %s, which ends with its scope", call,
                   found.owner == culprit->number ? "pb_alloc" : "the host");
    contract_note(2, culprit, what);
    return true;
}
