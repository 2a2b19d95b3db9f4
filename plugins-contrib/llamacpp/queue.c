/* queue.c - who computes in which context: turns wait in the order in which they came. */
#include "llamacpp.h"

/* On the stack of the task that waits. */
struct waiting {
    pb_signal *signal;
    struct place *place; /* handed over */
    struct waiting *next;
};

size_t queue_common(const struct place *place, const struct prompt *prompt)
{
    size_t same = 0;

    while (same < place->count && same < prompt->count &&
           place->tokens[same] == prompt->tokens[same])
        same++;
    return same;
}

static struct place *best(struct llamacpp *own, const struct prompt *prompt)
{
    struct place **chosen = &own->free;

    for (struct place **at = &own->free; *at; at = &(*at)->next)
        if (queue_common(*at, prompt) > queue_common(*chosen, prompt))
            chosen = at;
    struct place *place = *chosen;
    *chosen = place->next;
    place->next = NULL;
    return place;
}

static void leave(struct llamacpp *own, struct waiting *me)
{
    struct waiting **at = &own->first;

    while (*at && *at != me)
        at = &(*at)->next;
    if (*at)
        *at = me->next;
    for (own->last = &own->first; *own->last; own->last = &(*own->last)->next)
        ;
}

pb_status queue_take(struct llamacpp *own, const struct prompt *prompt, struct place **out)
{
    struct waiting me = {0};

    if (own->free && !own->first) {
        *out = best(own, prompt);
        return PB_OK;
    }
    if (own->waiting >= own->queue)
        return pb_fail(PB_UNAVAILABLE, "%lld turns wait for this model already",
                       (long long)own->waiting);
    me.signal = pb_signal_new();
    if (!me.signal)
        return PB_NO_MEMORY;
    *own->last = &me;
    own->last = &me.next;
    own->waiting++;
    pb_status status = pb_signal_wait(me.signal);
    own->waiting--;
    if (status != PB_OK && me.place) { /* handed over in the same moment */
        pb_signal_wait_always(me.signal);
        queue_give(own, me.place);
    } else if (status != PB_OK) {
        leave(own, &me);
    }
    *out = me.place;
    return status;
}

void queue_give(struct llamacpp *own, struct place *place)
{
    struct waiting *next = own->first;

    if (!next) {
        place->next = own->free;
        own->free = place;
        return;
    }
    own->first = next->next;
    if (!own->first)
        own->last = &own->first;
    next->place = place;
    pb_signal_raise(&next->signal, 1);
}
