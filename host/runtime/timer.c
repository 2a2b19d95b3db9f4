/* timer.c - a binary heap of timers, ordered by `heap`.
 *
 * Most timers are time-outs that are moved later again and again and never fire. Moving later only
 * writes `due`; when such a timer comes up early it is put back at its new place.
 */
#include "runtime/loop.h"

#include <stdlib.h>

static struct {
    struct timer **items; /* items[1..count] */
    size_t count, room;
} heap;

static void place(size_t at, struct timer *timer)
{
    heap.items[at] = timer;
    timer->at = at;
}

static void up(size_t at, struct timer *timer)
{
    while (at > 1 && heap.items[at / 2]->heap > timer->heap) {
        place(at, heap.items[at / 2]);
        at /= 2;
    }
    place(at, timer);
}

static void down(size_t at, struct timer *timer)
{
    for (;;) {
        size_t child = at * 2;
        if (child > heap.count)
            break;
        if (child < heap.count && heap.items[child + 1]->heap < heap.items[child]->heap)
            child++;
        if (heap.items[child]->heap >= timer->heap)
            break;
        place(at, heap.items[child]);
        at = child;
    }
    place(at, timer);
}

static void insert(struct timer *timer)
{
    if (heap.count + 1 >= heap.room) {
        size_t room = heap.room ? heap.room * 2 : 64;
        struct timer **items = realloc(heap.items, room * sizeof *items);
        if (!items)
            abort(); /* without its time-outs the process could hang for ever */
        heap.items = items;
        heap.room = room;
    }
    timer->heap = timer->due;
    up(++heap.count, timer);
}

static void take_out(struct timer *timer)
{
    size_t at = timer->at;
    struct timer *last = heap.items[heap.count--];

    timer->at = 0;
    if (last == timer)
        return;
    if (at > 1 && heap.items[at / 2]->heap > last->heap)
        up(at, last);
    else
        down(at, last);
}

void timer_arm_at(struct timer *timer, pb_duration due, void (*fire)(struct timer *timer))
{
    timer->fire = fire;
    timer->due = due > 0 ? due : 1;
    if (timer->at && timer->heap <= timer->due)
        return;
    if (timer->at)
        take_out(timer);
    insert(timer);
}

void timer_arm(struct timer *timer, pb_duration after, void (*fire)(struct timer *timer))
{
    timer_arm_at(timer, loop_now() + after, fire);
}

void timer_cancel(struct timer *timer)
{
    if (timer->at)
        take_out(timer);
    timer->due = 0;
}

bool timer_armed(const struct timer *timer)
{
    return timer->due != 0;
}

void timer_run(pb_duration now)
{
    while (heap.count && heap.items[1]->heap <= now) {
        struct timer *timer = heap.items[1];
        take_out(timer);
        if (timer->due > now) {
            insert(timer);
            continue;
        }
        timer->due = 0;
        timer->fire(timer);
    }
}

pb_duration timer_next(void)
{
    return heap.count ? heap.items[1]->heap : 0;
}

void timer_fini(void)
{
    free(heap.items);
    heap.items = NULL;
    heap.count = heap.room = 0;
}
