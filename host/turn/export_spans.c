/* export_spans.c - ended turns that wait for an exporter, and their spans as records. The traces
 * themselves wait, held; records are made when they are offered. */
#include "turn/export_internal.h"

#include "base/trace_context.h"
#include "plugin/contract.h"

static const pb_duration longest_wait = PB_SECOND; /* of a turn, until there is a batch */
static const pb_duration longest_call = 30 * PB_SECOND;

/* --- the queue -------------------------------------------------------------------------------- */

static size_t spans_of(const struct trace *trace)
{
    return trace->span_count + 1;
}

/* The oldest, no longer counted, still held. */
static struct trace *take_first(struct exporter *exporter)
{
    struct trace *trace = exporter->turns[exporter->first];

    exporter->first = (exporter->first + 1) % EXPORT_TURNS_MOST;
    exporter->turn_count--;
    exporter->span_count -= spans_of(trace);
    exporter->bytes -= trace->bytes;
    return trace;
}

static void count_in(struct exporter *exporter, const struct trace *trace)
{
    exporter->turn_count++;
    exporter->span_count += spans_of(trace);
    exporter->bytes += trace->bytes;
}

static void drop(struct exporter *exporter, struct trace *trace)
{
    exporter_count_dropped(exporter, spans_of(trace));
    trace_let_go(trace);
}

static bool has_room(const struct exporter *exporter, const struct trace *trace)
{
    return exporter->turn_count < EXPORT_TURNS_MOST &&
           exporter->span_count + spans_of(trace) <= EXPORT_SPANS_MOST &&
           exporter->bytes + trace->bytes <= EXPORT_BYTES_MOST;
}

static void queue(struct exporter *exporter, struct trace *trace)
{
    while (exporter->turn_count && !has_room(exporter, trace))
        drop(exporter, take_first(exporter));
    trace_hold(trace);
    exporter->turns[(exporter->first + exporter->turn_count) % EXPORT_TURNS_MOST] = trace;
    count_in(exporter, trace);
    if (exporter->turn_count == 1)
        exporter->since = loop_now();
    if (exporter->turn_count == 1 ||
        (exporter->span_count >= EXPORT_SPANS_BATCH && !exporter->spans.failing))
        exporter_wake(exporter);
}

void export_queue_turn(struct trace *trace)
{
    for (struct exporter *at = exporters_all(); at; at = at->next)
        if (at->interface->span && !at->closed)
            queue(at, trace);
}

void spans_drop_all(struct exporter *exporter)
{
    while (exporter->turn_count)
        drop(exporter, take_first(exporter));
}

pb_duration spans_due(const struct exporter *exporter, pb_duration now)
{
    pb_duration age = now - exporter->since;

    return exporter->span_count >= EXPORT_SPANS_BATCH || age >= longest_wait ? 0
                                                                            : longest_wait - age;
}

/* --- records ---------------------------------------------------------------------------------- */

struct batch {
    struct trace *turns[EXPORT_SPANS_BATCH]; /* each has a span at least */
    size_t turn_count, span_count;
    const pb_span_record **records;
    size_t count;
};

/* Spans have no ids of their own: the end of the turn's, which is random, and the span's number give
 * one, the same whenever it is asked for. */
static pb_str span_id(const struct trace *trace, uint64_t number)
{
    uint64_t id = number * 0x9e3779b97f4a7c15u;

    for (size_t i = 19; i < 36; i++) /* the random half of a UUIDv7 as text */
        id = (id ^ (uint8_t)trace->id[i]) * 0x100000001b3u;
    id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9u;
    id ^= id >> 27;
    return pb_printf("%016llx", (unsigned long long)(id ? id : 1));
}

static void add(pb_json *notes, const char *name, pb_json *value)
{
    pb_json_add(notes, pb_str_of(name), value);
}

static void add_count(pb_json *notes, const char *name, int64_t count)
{
    if (count)
        add(notes, name, pb_json_number((double)count));
}

static void add_text(pb_json *notes, const char *name, pb_str text)
{
    if (text.size)
        add(notes, name, pb_json_string(text));
}

static const pb_json *notes_of(const struct pb_span *span)
{
    pb_json *notes = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!notes)
        return NULL;
    add_text(notes, "model", span->model);
    add_count(notes, "input_tokens", span->input_tokens);
    add_count(notes, "output_tokens", span->output_tokens);
    add_count(notes, "cached_tokens", span->cached_tokens);
    if (span->cost > 0)
        add(notes, "cost", pb_json_number(span->cost));
    add_count(notes, "branch", span->branch);
    for (const struct trace_note *note = span->notes; note; note = note->next)
        if (note->name.data && !pb_json_member(notes, note->name)) /* the newest counts */
            pb_json_add(notes, note->name,
                        trace_is_number(note->value) ? pb_json_new(PB_JSON_NUMBER, note->value)
                                                     : pb_json_string(note->value));
    return notes->child ? notes : NULL;
}

static const pb_json *notes_of_turn(const struct trace *trace)
{
    static const char *const finishes[] = {NULL, "stop", "length", "tool_calls", "filter"};
    pb_json *notes = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!notes)
        return NULL;
    add_text(notes, "request_id", trace->request_id);
    add_text(notes, "conversation", trace->conversation);
    if (trace->finish > 0 && trace->finish < (int32_t)(sizeof finishes / sizeof *finishes))
        add_text(notes, "finish", pb_str_of(finishes[trace->finish]));
    add_text(notes, "llm", trace->llm);
    add_text(notes, "model", trace->model);
    if (trace->fallback)
        add(notes, "fallback", pb_json_boolean(true));
    add_count(notes, "llm_calls", trace->usage.calls);
    add_count(notes, "input_tokens", trace->usage.input_tokens);
    add_count(notes, "output_tokens", trace->usage.output_tokens);
    add_count(notes, "cached_tokens", trace->usage.cached_tokens);
    if (trace->usage.cost > 0)
        add(notes, "cost", pb_json_number(trace->usage.cost));
    if (trace->first_text)
        add(notes, "first_text_ms", pb_json_number((double)(trace->first_text / 1000) / 1e3));
    add_count(notes, "dropped_spans", (int64_t)trace->dropped);
    return notes;
}

static pb_span_record *add_record(struct batch *batch, const struct pb_span *span, pb_str parent)
{
    const struct trace *trace = span->trace;
    const struct pb_span *root = &trace->root;
    pb_duration after = span->begin - root->begin;
    pb_span_record *record = batch->count < batch->span_count ? PB_NEW(pb_span_record) : NULL;

    if (!record)
        return NULL;
    *record = (pb_span_record){
        .size = (uint32_t)sizeof *record,
        .status = span->status,
        .trace = trace_context_id(pb_str_make(trace->context, TRACE_CONTEXT_SIZE)),
        .parent = parent,
        .turn = pb_str_of(trace->id),
        .tenant = trace->tenant,
        .kind = span->kind,
        .name = span->name,
        .began = trace->created * PB_MILLISECOND + after,
        .total = span->total < 0 ? root->total - after : span->total, /* forgotten: with the turn */
        .self = trace_self(span)};
    batch->records[batch->count++] = record;
    return record;
}

/* Depth first, each behind its parent. The trees are at most TRACE_DEPTH_MOST deep. */
static bool add_inside(struct batch *batch, const struct pb_span *parent, pb_str id,
                       uint64_t *number)
{
    for (const struct pb_span *at = parent->child; at; at = at->sibling) {
        pb_span_record *record = add_record(batch, at, id);
        if (!record)
            return false;
        record->id = span_id(at->trace, ++*number);
        record->notes = notes_of(at);
        if (!record->id.data || !add_inside(batch, at, record->id, number))
            return false;
    }
    return true;
}

/* The turn's own id is the one that went with what it asked of others. */
static bool add_turn(struct batch *batch, const struct trace *trace)
{
    uint64_t number = 0;
    pb_span_record *record = add_record(batch, &trace->root, trace->parent);

    if (!record)
        return false;
    record->id = trace_context_span(pb_str_make(trace->context, TRACE_CONTEXT_SIZE));
    record->kind = pb_lit("turn");
    record->name = trace->pipeline;
    record->notes = notes_of_turn(trace);
    return add_inside(batch, &trace->root, record->id, &number);
}

/* --- offering --------------------------------------------------------------------------------- */

static void take_batch(struct exporter *exporter, struct batch *batch)
{
    while (exporter->turn_count && batch->turn_count < EXPORT_SPANS_BATCH) {
        size_t more = spans_of(exporter->turns[exporter->first]);
        if (batch->turn_count && batch->span_count + more > EXPORT_SPANS_BATCH)
            break;
        batch->turns[batch->turn_count++] = take_first(exporter);
        batch->span_count += more;
    }
    exporter->since = loop_now();
}

/* In front of those that came meanwhile, the oldest of the batch as far as there is room. */
static void put_back(struct exporter *exporter, struct batch *batch)
{
    for (size_t i = batch->turn_count; i-- > 0;) {
        struct trace *trace = batch->turns[i];
        if (!has_room(exporter, trace)) {
            drop(exporter, trace);
            continue;
        }
        exporter->first = (exporter->first + EXPORT_TURNS_MOST - 1) % EXPORT_TURNS_MOST;
        exporter->turns[exporter->first] = trace;
        count_in(exporter, trace);
    }
}

static pb_status call(struct exporter *exporter, const struct batch *batch)
{
    int64_t deadline = pb_deadline_begin(longest_call);
    void *before = instance_enter(exporter->instance);
    pb_status status = exporter->interface->span(exporter->instance->self, batch->records,
                                                 batch->count);

    status = contract_status(exporter->instance, status);
    instance_leave(before);
    pb_deadline_end(deadline);
    return status;
}

static pb_status make_records(struct batch *batch)
{
    pb_status status = PB_OK;

    batch->records = PB_NEW_ARRAY(const pb_span_record *, batch->span_count);
    for (size_t i = 0; i < batch->turn_count && status == PB_OK; i++) {
        if (!batch->records || !add_turn(batch, batch->turns[i]))
            return pb_fail(PB_NO_MEMORY, "there is no memory for %zu spans", batch->span_count);
        status = pb_step();
    }
    return status;
}

pb_status spans_offer(struct exporter *exporter)
{
    struct batch *batch = PB_NEW(struct batch);

    if (!batch)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a batch of spans");
    take_batch(exporter, batch);
    pb_status status = make_records(batch);
    if (status == PB_OK)
        status = call(exporter, batch);
    if (pb_status_retryable(status) && !export_is_stopping()) {
        put_back(exporter, batch);
        return status;
    }
    for (size_t i = 0; i < batch->turn_count; i++) {
        if (status != PB_OK)
            exporter_count_dropped(exporter, spans_of(batch->turns[i]));
        trace_let_go(batch->turns[i]);
    }
    return status;
}
