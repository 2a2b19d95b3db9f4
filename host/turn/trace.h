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

enum {
    TRACE_CHUNK = 6,
    TRACE_SPANS_MOST = 1024, /* of one turn; more are counted, not kept */
    TRACE_DEPTH_MOST = 64,
    TRACE_TEXT_MOST = 64 * 1024,         /* what plugins say in one turn */
    TRACE_BYTES_MOST = 32 * 1024 * 1024, /* of all that are kept */
};

struct trace;

struct trace_note {
    struct trace_note *next;
    pb_str name, value;
};

struct pb_span {
    struct trace *trace;
    struct pb_span *parent;             /* NULL: this is the turn itself */
    struct pb_span *child, *last_child; /* in the order of beginning */
    struct pb_span *sibling;
    pb_str kind; /* "stage", "llm", "tool", or the plugin's word */
    pb_str name;
    pb_duration begin; /* monotonic */
    pb_duration total; /* -1 while it is open */
    struct trace_note *notes;
    pb_str model; /* of an llm, or absent */
    int64_t input_tokens, output_tokens, cached_tokens;
    double cost;
    pb_status status;
    int32_t branch; /* 0, or the branch that its turn's view is */
    int32_t depth;
    uint32_t reserved;
};

struct trace_text {
    struct trace_text *next;
    size_t used, size;
    char bytes[];
};

struct trace_chunk {
    struct trace_chunk *next;
    size_t used;
    struct pb_span spans[TRACE_CHUNK];
};

/* One turn's trace with what GET /v1/turns/{id} shows beside the tree. */
struct trace {
    struct list_link ring;
    struct list_link order;     /* of beginning, and so of ids; running ones too */
    struct list_link bucket;    /* by id */
    struct trace_chunk *chunks; /* the newest first; the oldest stays for the next turn */
    struct trace_text *texts;
    struct pb_span root; /* the turn */
    size_t span_count;   /* kept, without the root */
    size_t dropped;      /* begun when there were too many */
    size_t bytes;        /* of chunks and texts */
    pb_time created;
    char id[37];
    char context[56]; /* W3C traceparent */
    bool running;
    bool out;      /* of the ring, and only held */
    uint32_t held; /* by how many */
    int32_t finish;
    pb_status status;
    bool fallback;
    pb_str parent; /* the span of whoever asked over HTTP, 16 hexadecimal digits, or absent */
    pb_str pipeline, request_id, conversation, owner, tenant, llm, model;
    pb_str sentence, error_instance;
    pb_usage usage;
    pb_duration first_text;
};

/* How many finished ones are kept. */
void trace_setup(size_t count);

/* A trace for a turn that begins: findable by its id at once. NULL when memory is short. */
struct trace *trace_begin(const char *id);
/* The turn ended: the trace goes into the ring; older ones leave it at the limits. */
void trace_keep(struct trace *trace);
/* For a turn that never ran. */
void trace_drop(struct trace *trace);
/* An ended one stays as it is until it is let go as often, in the ring or not. */
void trace_hold(struct trace *trace);
void trace_let_go(struct trace *trace);

/* Copies text into the trace; absent when it is full. */
pb_str trace_copy(struct trace *trace, pb_str text);

/* Running and kept ones; NULL: unknown. */
struct trace *trace_find(pb_str id);
/* The one that began last, then trace_newest(previous): by falling ids, running ones too. */
struct trace *trace_newest(const struct trace *after);
size_t trace_kept(size_t *bytes);
/* The clock of spans: monotonic, with the loop's virtual time in tests. */
pb_duration trace_now(void);
void trace_fini(void);

/* Begins a span in `trace` under the running task's span (under the turn where it has none) and
 * makes it the task's; NULL at the limits. The names must live as long as the process. */
struct pb_span *trace_span(struct trace *trace, pb_str kind, pb_str name);
/* Ends it and makes its parent the task's span again. */
void trace_span_end(struct pb_span *span, pb_status status);

/* The turn as GET /v1/turns/{id} shows it; without `tree` as one of GET /v1/turns (explain.c). */
void trace_write(const struct trace *trace, bool tree, pb_json_writer *out);
/* Does a note read as a JSON number? Then it is one. */
bool trace_is_number(pb_str text);
/* "done", "running", "cancelled" or "failed". */
const char *trace_state(const struct trace *trace);

/* Time of the span without that of its children; children that ran side by side count once. */
pb_duration trace_self(const struct pb_span *span);

#endif
