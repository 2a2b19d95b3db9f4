/* cite.c - sends a source when the reply cites it: before the piece of text in which its number is
 * closed. A reply that finds nothing cites nothing, and has no sources.
 *
 * A citation is [1], [2, 3] or [2-4], in one piece of text or across several. In code it is an
 * index, and none.
 */
#include "retrieve.h"

enum { TEXT, OPEN, DIGITS, BETWEEN };

static pb_status send(struct cite *cite, pb_sink *below, unsigned number)
{
    pb_event event = pb_event_make(PB_EVENT_SOURCE);

    if (!number || number > cite->search->count || number > CITE_MOST || cite->sent[number - 1])
        return PB_OK;
    cite->sent[number - 1] = true;
    event.data = source_of(cite->search, number);
    event.branch = cite->branch;
    if (!event.data)
        return PB_NO_MEMORY;
    return below ? pb_sink_emit(below, &event) : pb_emit(cite->search->turn, &event);
}

/* A number is complete: it, or all since the first of its range. */
static void take(struct cite *cite)
{
    unsigned from =
        cite->range && cite->first && cite->first <= cite->number ? cite->first : cite->number;

    for (unsigned i = from; i <= cite->number && cite->pending_count < CITE_MOST; i++)
        cite->pending[cite->pending_count++] = i;
    cite->first = cite->number;
    cite->range = false;
    cite->number = 0;
}

static void give_up(struct cite *cite)
{
    cite->state = TEXT;
    cite->pending_count = 0;
}

static void begin(struct cite *cite)
{
    cite->state = OPEN;
    cite->pending_count = 0;
    cite->number = cite->first = 0;
    cite->range = false;
}

/* Inside of brackets: digits, commas, a hyphen, blanks, and the end. */
static pb_status inside(struct cite *cite, pb_sink *below, char byte)
{
    pb_status status = PB_OK;

    if (byte >= '0' && byte <= '9' && cite->number < 1000) {
        cite->number = cite->number * 10 + (unsigned)(byte - '0');
        cite->state = DIGITS;
        return PB_OK;
    }
    if (cite->state == DIGITS)
        take(cite);
    if (byte == ']' && cite->state == DIGITS) {
        for (size_t i = 0; i < cite->pending_count && status == PB_OK; i++)
            status = send(cite, below, cite->pending[i]);
        give_up(cite);
    } else if (cite->pending_count && (byte == ',' || byte == ';' || byte == '-')) {
        cite->state = BETWEEN;
        cite->range = byte == '-';
    } else if (byte == '[') {
        begin(cite);
    } else if (byte != ' ' || cite->state == OPEN) {
        give_up(cite);
    } else {
        cite->state = BETWEEN;
    }
    return status;
}

/* Runs of ` open code, and as many of them close it. */
static void code(struct cite *cite, char byte)
{
    if (byte == '`') {
        cite->ticks++;
        return;
    }
    if (!cite->ticks)
        return;
    if (!cite->fence)
        cite->fence = cite->ticks;
    else if (cite->fence == cite->ticks)
        cite->fence = 0;
    cite->ticks = 0;
}

static pb_status watch(struct cite *cite, pb_sink *below, pb_str text)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < text.size && status == PB_OK; i++) {
        char byte = text.data[i];
        code(cite, byte);
        if (cite->fence || cite->ticks)
            give_up(cite);
        else if (cite->state != TEXT)
            status = inside(cite, below, byte);
        else if (byte == '[')
            begin(cite);
    }
    return status;
}

static pb_status cite_emit(pb_sink *sink, const pb_event *event)
{
    struct cite *cite = (struct cite *)(void *)sink;
    pb_status status = PB_OK;

    if (event->type != PB_EVENT_TEXT)
        return pb_pass(sink, event);
    if (event->branch != cite->branch) { /* another speaks */
        give_up(cite);
        cite->ticks = cite->fence = 0;
        cite->branch = event->branch;
    }
    status = watch(cite, sink->below, event->text);
    return status == PB_OK ? pb_pass(sink, event) : status;
}

void cite_begin(struct cite *cite, const struct search *search)
{
    memset(cite, 0, sizeof *cite);
    cite->base.size = (uint32_t)sizeof cite->base;
    cite->base.emit = cite_emit;
    cite->search = search;
}

pb_status cite_all(struct cite *cite)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < cite->search->count && status == PB_OK; i++)
        status = send(cite, NULL, (unsigned)i + 1);
    return status;
}
