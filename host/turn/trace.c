/* trace.c - the store of traces: begun ones and the ring of finished ones, spans, copied text.
 * See trace.h. */
#include "turn/trace.h"

#include "turn/turn.h"
#include <stdlib.h>

enum { BUCKETS = 512, TEXT_FIRST = 256, SPARE_MOST = 64 };

static struct {
    struct list_link ring;  /* finished, the oldest first */
    struct list_link order; /* all, as they began */
    struct list_link spare; /* empty ones with their memory */
    struct list_link buckets[BUCKETS];
    size_t kept, spares, bytes, limit;
} store = {.ring = {&store.ring, &store.ring},
           .order = {&store.order, &store.order},
           .spare = {&store.spare, &store.spare},
           .limit = 256};

pb_duration trace_now(void)
{
    return loop_refresh();
}

/* The end of a UUIDv7 is random, so it is a hash already. */
static struct list_link *bucket_of(const char *id)
{
    uint64_t end;
    memcpy(&end, id + 28, sizeof end);
    end *= 0x9E3779B97F4A7C15u;
    struct list_link *bucket = &store.buckets[end >> 55];
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

/* --- memory ----------------------------------------------------------------------------------- */

static void release(struct trace *trace)
{
    while (trace->chunks) {
        struct trace_chunk *next = trace->chunks->next;
        free(trace->chunks);
        trace->chunks = next;
    }
    while (trace->texts) {
        struct trace_text *next = trace->texts->next;
        free(trace->texts);
        trace->texts = next;
    }
    free(trace);
}

/* Empties a trace; its first chunk and first text stay, so that the next turn finds room. */
static void empty(struct trace *trace)
{
    while (trace->chunks && trace->chunks->next) {
        struct trace_chunk *next = trace->chunks->next;
        free(trace->chunks);
        trace->chunks = next;
    }
    while (trace->texts && trace->texts->next) {
        struct trace_text *next = trace->texts->next;
        free(trace->texts);
        trace->texts = next;
    }
    struct trace_chunk *chunk = trace->chunks;
    struct trace_text *text = trace->texts;
    memset(trace, 0, sizeof *trace);
    trace->chunks = chunk;
    trace->texts = text;
    trace->bytes = sizeof *trace;
    if (chunk) {
        chunk->used = 0;
        trace->bytes += sizeof *chunk;
    }
    if (text) {
        text->used = 0;
        trace->bytes += sizeof *text + text->size;
    }
}

static void set_aside(struct trace *trace)
{
    if (store.spares >= SPARE_MOST) {
        release(trace);
        return;
    }
    empty(trace);
    list_append(&store.spare, &trace->ring);
    store.spares++;
}

static char *text_room(struct trace *trace, size_t size)
{
    struct trace_text *text = trace->texts;

    if (!text || text->size - text->used < size) {
        size_t room = text ? text->size * 2 : TEXT_FIRST;
        while (room < size)
            room *= 2;
        if (trace->bytes + room > TRACE_TEXT_MOST + TRACE_SPANS_MOST * sizeof(struct pb_span))
            return NULL;
        text = malloc(sizeof *text + room);
        if (!text)
            return NULL;
        *text = (struct trace_text){.next = trace->texts, .size = room};
        trace->texts = text;
        trace->bytes += sizeof *text + room;
    }
    char *at = text->bytes + text->used;
    text->used += size;
    return at;
}

pb_str trace_copy(struct trace *trace, pb_str text)
{
    if (!trace || !text.data || text.size >= TRACE_TEXT_MOST)
        return (pb_str){0};
    char *copy = text_room(trace, text.size + 1);
    if (!copy)
        return (pb_str){0};
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return (pb_str){copy, text.size};
}

/* --- the store -------------------------------------------------------------------------------- */

void trace_setup(size_t count)
{
    store.limit = count;
}

struct trace *trace_begin(const char *id)
{
    struct list_link *link = list_pop(&store.spare);
    struct trace *trace;

    if (link) {
        trace = list_entry(link, struct trace, ring);
        store.spares--;
    } else {
        trace = calloc(1, sizeof *trace);
        if (!trace)
            return NULL;
        trace->bytes = sizeof *trace;
        list_init(&trace->ring);
    }
    memcpy(trace->id, id, sizeof trace->id);
    trace->running = true;
    trace->root.trace = trace;
    trace->root.total = -1;
    trace->root.begin = trace_now();
    list_append(bucket_of(id), &trace->bucket);
    list_append(&store.order, &trace->order);
    return trace;
}

static void evict(void)
{
    struct trace *oldest = list_entry(store.ring.next, struct trace, ring);

    list_remove(&oldest->ring);
    list_remove(&oldest->order);
    list_remove(&oldest->bucket);
    store.kept--;
    store.bytes -= oldest->bytes;
    oldest->out = true;
    if (!oldest->held)
        set_aside(oldest);
}

void trace_keep(struct trace *trace)
{
    if (!trace)
        return;
    trace->running = false;
    list_append(&store.ring, &trace->ring);
    store.kept++;
    store.bytes += trace->bytes;
    while (store.kept && (store.kept > store.limit || store.bytes > TRACE_BYTES_MOST))
        evict();
}

void trace_drop(struct trace *trace)
{
    if (!trace)
        return;
    list_remove(&trace->order);
    list_remove(&trace->bucket);
    set_aside(trace);
}

void trace_hold(struct trace *trace)
{
    trace->held++;
}

void trace_let_go(struct trace *trace)
{
    if (--trace->held == 0 && trace->out)
        set_aside(trace);
}

struct trace *trace_find(pb_str id)
{
    if (id.size != 36)
        return NULL;
    struct list_link *bucket = bucket_of(id.data);
    for (struct list_link *at = bucket->next; at != bucket; at = at->next) {
        struct trace *trace = list_entry(at, struct trace, bucket);
        if (memcmp(trace->id, id.data, 36) == 0)
            return trace;
    }
    return NULL;
}

struct trace *trace_newest(const struct trace *after)
{
    struct list_link *link = after ? after->order.prev : store.order.prev;
    return link == &store.order ? NULL : list_entry(link, struct trace, order);
}

size_t trace_kept(size_t *bytes)
{
    if (bytes)
        *bytes = store.bytes;
    return store.kept;
}

void trace_fini(void)
{
    struct list_link *link;

    while (store.kept)
        evict();
    while ((link = list_pop(&store.spare)))
        release(list_entry(link, struct trace, ring));
    store.spares = 0;
}

/* --- spans ------------------------------------------------------------------------------------ */

static struct pb_span *span_room(struct trace *trace)
{
    struct trace_chunk *chunk = trace->chunks;

    if (trace->span_count >= TRACE_SPANS_MOST)
        return NULL;
    if (!chunk || chunk->used == TRACE_CHUNK) {
        chunk = malloc(sizeof *chunk);
        if (!chunk)
            return NULL;
        chunk->next = trace->chunks;
        chunk->used = 0;
        trace->chunks = chunk;
        trace->bytes += sizeof *chunk;
    }
    return &chunk->spans[chunk->used++];
}

struct pb_span *trace_span(struct trace *trace, pb_str kind, pb_str name)
{
    struct task_locals *locals = task_local();
    struct pb_span *parent = locals->span, *span;

    if (!trace)
        return NULL;
    if (!parent || parent->trace != trace)
        parent = &trace->root;
    span = parent->depth < TRACE_DEPTH_MOST ? span_room(trace) : NULL;
    if (!span) {
        trace->dropped++;
        return NULL;
    }
    *span = (struct pb_span){.trace = trace,
                             .parent = parent,
                             .kind = kind,
                             .name = name,
                             .begin = trace_now(),
                             .total = -1,
                             .branch = parent->branch,
                             .depth = parent->depth + 1};
    if (parent->last_child)
        parent->last_child->sibling = span;
    else
        parent->child = span;
    parent->last_child = span;
    trace->span_count++;
    locals->span = span;
    return span;
}

void trace_span_end(struct pb_span *span, pb_status status)
{
    struct task_locals *locals = task_local();

    if (!span || span->total >= 0)
        return;
    pb_duration now = trace_now();
    struct pb_span *open = locals->span;
    while (open && open != span)
        open = open->parent;
    if (open) { /* those inside it that were forgotten end with it */
        for (open = locals->span; open != span; open = open->parent)
            open->total = open->total < 0 ? now - open->begin : open->total;
        locals->span = span->parent->parent ? span->parent : NULL;
    }
    span->total = now - span->begin;
    span->status = status;
}

pb_duration trace_self(const struct pb_span *span)
{
    pb_duration now = trace_now(), inside = 0, seen = span->begin;

    for (const struct pb_span *at = span->child; at; at = at->sibling) {
        pb_duration end = at->total < 0 ? now : at->begin + at->total;
        pb_duration begin = at->begin > seen ? at->begin : seen;
        if (end > begin) {
            inside += end - begin;
            seen = end;
        }
    }
    pb_duration total = span->total < 0 ? now - span->begin : span->total;
    return total > inside ? total - inside : 0;
}

/* --- host functions --------------------------------------------------------------------------- */

static struct trace *running_trace(void)
{
    struct pb_turn *turn = turn_current();
    return turn ? turn->core->trace : NULL;
}

pb_span *host_span_begin(pb_str kind, pb_str name)
{
    struct trace *trace = running_trace();
    struct pb_span *span = trace_span(trace, (pb_str){0}, (pb_str){0});

    if (span) {
        span->kind = trace_copy(trace, kind);
        span->name = trace_copy(trace, name);
    }
    return span;
}

void host_span_note(pb_span *span, pb_str name, pb_str value)
{
    if (!span)
        return;
    char *room =
        text_room(span->trace, sizeof(struct trace_note) + 2 * _Alignof(struct trace_note));
    if (!room)
        return;
    room += -(uintptr_t)room % _Alignof(struct trace_note);
    struct trace_note *note = (struct trace_note *)(void *)room;
    *note = (struct trace_note){span->notes, trace_copy(span->trace, name),
                                trace_copy(span->trace, value)};
    span->notes = note;
}

void host_span_end(pb_span *span, pb_status status)
{
    trace_span_end(span, status);
}
