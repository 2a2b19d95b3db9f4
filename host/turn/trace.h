/* trace.h - where a turn's time, tokens and money went: a tree of spans, kept after the turn.
 *
 * A span's address is stable, so pb_span is the span itself. Names of stages and instances are
 * borrowed (they live as long as the process), whatever a plugin says is copied into the trace.
 * Finished traces stand in a ring; the oldest is used again for the next turn, so a busy worker
 * allocates nothing here.
 */
#ifndef HOST_TURN_TRACE_H
#define HOST_TURN_TRACE_H

#include "base/list.h"
#include <patchbay/patchbay.h>

enum { TRACE_CHUNK = 16, TRACE_SPANS_MOST = 1024, TRACE_TEXT_MOST = 64 * 1024 };

struct trace;

struct trace_note {
    struct trace_note *next;
    pb_str name, value;
};

struct pb_span {
    struct trace *trace;
    struct pb_span *parent; /* NULL: directly under the turn */
    struct pb_span *next;   /* in the order of beginning */
    pb_str kind;            /* "stage", "llm", "tool", or the plugin's word */
    pb_str name;
    pb_duration begin;      /* monotonic */
    pb_duration total;      /* -1 while it is open */
    struct trace_note *notes;
    pb_str model;           /* of an llm, or absent */
    int64_t input_tokens, output_tokens, cached_tokens;
    double cost;
    pb_status status;
    int32_t branch;
};

struct trace_text {
    struct trace_text *next;
    size_t used, size;
    char bytes[];
};

struct trace_chunk {
    struct trace_chunk *next;
    struct pb_span spans[TRACE_CHUNK];
};

/* One turn's trace with what GET /v1/turns/{id} shows beside the tree. */
struct trace {
    struct list_link ring;
    struct list_link bucket; /* by id */
    struct trace_chunk *chunks, *chunk; /* all, the one being filled */
    struct trace_text *texts, *text;
    struct pb_span *first, *last;
    size_t span_count;      /* begun, kept */
    size_t dropped;         /* begun when there were too many */
    size_t bytes;           /* of chunks and texts */
    pb_duration begin;
    pb_time created;
    char id[37];
    bool running;
    int32_t finish;
    pb_status status;
    bool fallback;
    pb_str pipeline, request_id, owner, tenant, llm, model;
    pb_str sentence, error_instance;
    pb_usage usage;
    pb_duration total, first_text;
};

void trace_limits(size_t count, size_t bytes);

/* A trace for a turn that begins: findable by its id at once. NULL when memory is short. */
struct trace *trace_begin(const char *id);
/* The turn ended: the trace goes into the ring; older ones leave it at the limits. */
void trace_keep(struct trace *trace);
/* For a turn that never ran. */
void trace_drop(struct trace *trace);

/* Copies text into the trace; absent when it is full. */
pb_str trace_copy(struct trace *trace, pb_str text);

/* Running and kept ones; NULL: unknown. */
struct trace *trace_find(pb_str id);
/* Newest first: trace_newest(NULL), then trace_newest(previous). Running ones are not among them. */
struct trace *trace_newest(struct trace *after);
size_t trace_kept(size_t *bytes);
void trace_fini(void);

/* Begins a span in `trace` under the running task's span and makes it the task's; NULL at the limit
 * of spans. The names must live as long as the process. Does not park. */
struct pb_span *trace_span(struct trace *trace, pb_str kind, pb_str name);
/* Ends it and makes its parent the task's span again. */
void trace_span_end(struct pb_span *span, pb_status status);

/* The turn as GET /v1/turns/{id} shows it. */
void trace_explain(const struct trace *trace, pb_json_writer *out);
/* The same without the tree: one line of GET /v1/turns. */
void trace_summary(const struct trace *trace, pb_json_writer *out);

/* Time of the span without that of its children; children that ran side by side count once. */
pb_duration trace_self(const struct pb_span *span);

#endif
