/* instances_order.c - the order of starting: what is needed first, transports last; and the cycles
 * that make that impossible. A walk in depth; `mark` says how far it has come with an instance. */
#include "plugin/instances_internal.h"

#include "plugin/kinds.h"

enum { NOT_SEEN, ON_THE_WAY, DONE };

/* One step of the walk's way, on the stack. */
struct step {
    pb_instance *instance;
    const struct instance_need *need; /* by which the walk goes on from here */
    struct step *before;
};

struct walk {
    struct config_diagnostics *diagnostics;
    size_t placed;
};

static void report_cycle(struct walk *walk, const struct step *last, const pb_instance *again)
{
    pb_buf text = {0};

    for (const struct step *step = last; step; step = step->before) {
        const struct config_node *node = step->need->node;
        pb_buf_printf(&text, "%s%.*s refers to %.*s (%s:%u)", step == last ? "" : ", ",
                      PB_ARG(step->instance->path), PB_ARG(step->need->to->path),
                      node && node->mark.file ? node->mark.file : "?", node ? node->mark.line : 0);
        if (step->instance == again)
            break;
    }
    config_problem(walk->diagnostics, last->need->node,
                   "references go in a circle: %.*s; take one of them out",
                   PB_ARG(pb_buf_str(&text)));
}

static void visit(struct walk *walk, pb_instance *instance, struct step *before)
{
    struct step step = {.instance = instance, .before = before};

    if (instance->mark != NOT_SEEN)
        return;
    instance->mark = ON_THE_WAY;
    for (const pb_pipeline *nested = instance->nested; nested; nested = nested->next)
        for (size_t i = 0; i < nested->count; i++)
            visit(walk, nested->stages[i], NULL);
    for (const struct instance_need *need = instance->needs; need; need = need->next) {
        step.need = need;
        if (need->to->mark == ON_THE_WAY)
            report_cycle(walk, &step, need->to);
        else
            visit(walk, need->to, &step);
    }
    instance->mark = DONE;
    instances.order[walk->placed++] = instance;
}

pb_status instances_order(struct config_diagnostics *diagnostics)
{
    struct walk walk = {.diagnostics = diagnostics};

    instances.order = PB_NEW_ARRAY(pb_instance *, instances.count + 1);
    if (!instances.order)
        return PB_NO_MEMORY;
    for (int last = 0; last < 2; last++)
        for (pb_instance *at = instances.first; at; at = at->next)
            if (kind_find(at->kind)->last == (last != 0))
                visit(&walk, at, NULL);
    return PB_OK;
}
