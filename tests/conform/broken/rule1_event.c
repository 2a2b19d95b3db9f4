/* Rule 1: a sink keeps the text of an event, which is lent until emit returns. */
#include "broken.h"

struct keep {
    pb_sink base;
    pb_str text;
};

static pb_status keep_emit(pb_sink *sink, const pb_event *event)
{
    struct keep *keep = (struct keep *)(void *)sink;

    if (event->type == PB_EVENT_TEXT)
        keep->text = event->text;
    return pb_pass(sink, event);
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    struct keep keep = {.base = {.size = sizeof keep.base, .emit = keep_emit}};
    pb_status status = pb_run_next_with(next, turn, &keep.base);

    (void)self;
    if (status == PB_OK && keep.text.size && keep.text.data[0] != '.')
        status = pb_emit_text(turn, pb_lit("."));
    return status;
}

BROKEN_STAGE(struct nothing, .run = run);
