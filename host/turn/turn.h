/* turn.h - a chat turn inside the host: what all its branches share, and one view per branch.
 *
 * The turn owns an arena (host.limits.turn_memory); its stages allocate there, so that what they
 * leave lives as long as the turn. A branch is a second struct pb_turn on the same core, with an
 * arena of its own because it runs in a task of its own.
 */
#ifndef HOST_TURN_TURN_H
#define HOST_TURN_TURN_H

#include "base/arena.h"
#include "base/list.h"
#include "runtime/task.h"
#include "turn/trace.h"
#include <patchbay/patchbay.h>

/* From host.limits; 0 means no limit. */
struct turn_limits {
    size_t turns;      /* that run at once */
    size_t queue;      /* that wait for one of them to end; above it PB_UNAVAILABLE */
    size_t memory;     /* of one turn, bytes */
    pb_duration total; /* of one turn, from pb_turn_run on */
    pb_duration tool;  /* of one tool call */
    size_t traces;     /* kept for GET /v1/turns/{id} */
};

/* Once in a process, before the first turn and after the loop and the log are there. */
void turn_setup(const struct turn_limits *limits);
const struct turn_limits *turn_limits_now(void);
void turn_fini(void); /* frees the kept traces; no turn may be live */

/* From now on pb_turn_new answers PB_UNAVAILABLE. `idle` (may be NULL) runs once no turn is live,
 * at once when there is none. */
void turn_drain(void (*idle)(void));
bool turn_draining(void);

size_t turn_live(void);    /* made and not freed */
size_t turn_running(void); /* inside pb_turn_run */
/* End of the drain: every running turn is cancelled with this sentence. */
void turn_cancel_all(const char *sentence);

/* The things of a turn that stages change. Trees and arrays are immutable and replaced as a
 * whole, so a pointer says which version it is. */
struct turn_state {
    const pb_message *const *messages;
    size_t message_count;
    const pb_json *params;
    const pb_json *variables;
    const pb_passages *passages;
};

enum { TURN_HEADERS = 32 };

/* What the views of one turn share. */
struct turn_core {
    struct list_link all;    /* every live turn */
    struct list_link bucket; /* by id, while it runs */
    struct list_link views;  /* branches, by pb_turn.link */
    struct list_link queue;  /* while it waits for its place */
    struct arena kept;       /* states and branches: nothing of it goes before the turn */
    pb_pipeline *pipeline;
    pb_task *task;         /* while it runs */
    struct waiter *waiter; /* while it waits for its place */
    pb_task *speaker;      /* whose event is on its way to the transport, or NULL */
    struct list_link speakers; /* tasks of branches that wait to speak */
    pb_header *headers;    /* that stages set, in `kept`; room for TURN_HEADERS, or NULL */
    size_t header_count;
    uint64_t emitted;      /* events that passed anywhere: what sinks of outer stages may keep */
    struct trace *trace;
    pb_document *document; /* of a pipeline for documents, or NULL */
    pb_sink *transport;    /* where everything ends */
    pb_status sink_status; /* the first failure of the transport's sink */
    uint32_t stream_stages;
    bool cancelled;         /* by pb_turn_cancel or the end of a drain */
    const char *stopped;    /* by the latter, with this sentence: its client may try elsewhere */
    pb_duration started;    /* monotonic; 0 until it runs */
    pb_duration first_text; /* after `started`, or 0 */
    pb_usage usage;
    int32_t finish;
    bool other_answered; /* another llm than the one that failed first */
    pb_instance *failed_llm;
    pb_instance *llm; /* that answered last */
    pb_str model;     /* as it called itself; in the turn's arena */
    pb_str stop;      /* the stop text that ended its answer, or absent; there too */
    char id[37];
    uint64_t id_words[2]; /* the same, for the scoreboard */
    char trace_text[56]; /* W3C traceparent */
    char conversation[37], reply[37], replaces[37]; /* UUIDs, or empty */
};

/* The turn as one branch sees it. */
struct pb_turn {
    pb_turn_info info;
    struct turn_core *core;
    struct pb_turn *of; /* of a branch: the view it was made of */
    struct turn_state state;
    pb_sink *sink;           /* what pb_emit uses now */
    struct pb_next *running; /* of the stage that runs, or NULL */
    struct arena arena;
    struct list_link link; /* in core->views, of a branch */
    pb_sink tag;           /* of a branch: writes its index into what passes */
};

/* The first view, with its core: one allocation. */
struct turn_whole {
    struct pb_turn view;
    struct turn_core core;
    pb_sink base; /* between the stages and the transport */
};

/* The turn that the running task works for, or NULL. */
struct pb_turn *turn_current(void);

/* --- between the files of turn/ --------------------------------------------------------------- */

pb_status turn_live_add(struct turn_core *core); /* PB_UNAVAILABLE: draining, or too many */
void turn_live_remove(struct turn_core *core);
pb_status turn_live_begin(struct turn_core *core); /* reachable by its id; parks for its place */
void turn_live_end(struct turn_core *core);

/* Rule 10, while contracts are checked: PB_INTERNAL when it is outside the branch that runs. */
pb_status turn_check_write(const struct pb_turn *turn);

pb_status turn_state_init(struct pb_turn *turn, const pb_turn_spec *spec);

/* The sink at the bottom: notes the first text, remembers that the transport failed. */
pb_status turn_base_emit(pb_sink *sink, const pb_event *event);
/* Hands an event to `sink` when no other task of the turn is in the middle of one: branches emit in
 * tasks of their own, but no sink is entered twice at a time. First come, first served. Parks. */
pb_status turn_speak(struct turn_core *core, pb_sink *sink, const pb_event *event);
/* The one PB_EVENT_DONE. Parks. */
void turn_emit_done(struct turn_whole *turn, const pb_turn_result *result);
void turn_emit_stage(struct pb_turn *turn, pb_str name, bool begin);

/* Runs a pipeline's stages from the first. Parks. */
pb_status turn_run_stages(struct pb_turn *turn, const struct pb_pipeline *pipeline);

/* Cancels it where it runs in this worker. PB_CONFLICT: it has ended; PB_NOT_FOUND. No error is set. */
pb_status turn_cancel_here(pb_str id, const pb_principal *principal);

/* May this principal see and end what `owner` started? The owner, or role "admin" of the tenant. */
bool turn_is_owner(pb_str owner, pb_str tenant, const pb_principal *principal);

/* Counts and logs a turn that ended. */
void turn_report(struct turn_whole *turn, const pb_turn_result *result);
void turn_report_llm(pb_str llm, pb_status status, const pb_usage *usage, pb_duration took);
void turn_report_setup(void);
void turn_report_refresh(void); /* sets the gauges that are known only when asked */

#endif
