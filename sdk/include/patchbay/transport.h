/* transport.h - brings turns in and carries replies out.
 *
 *     pb_turn_new(&spec, &turn);  pb_turn_run(turn, &my_sink);  pb_turn_free(turn);
 */
#ifndef PATCHBAY_TRANSPORT_H
#define PATCHBAY_TRANSPORT_H

#include <patchbay/auth.h>
#include <patchbay/http.h>
#include <patchbay/pipeline.h>

#define PB_TRANSPORT_REVISION 1

/* One conversation from a command line, as `patchbay ask` hands it to a transport that has `run`.
 * Borrowed until run returns. */
typedef struct pb_cli_call {
    uint32_t size;
    uint32_t json;  /* 1: print the native turn as one JSON document instead of streaming text */
    int32_t out;    /* descriptors: the reply, */
    int32_t err;    /* and what went wrong */
    pb_str text;    /* what was asked, or absent */
    pb_str input;   /* what came on standard input, or absent */
    pb_str pipeline;               /* instead of the configured one, or absent */
    const pb_principal *principal; /* never NULL */
} pb_cli_call;

/* The interface: start opens what it listens on and returns; stop closes it and returns when no
 * handler of it runs any more. run is optional: it asks on the running task, prints as the call
 * says, and returns the exit code of the command (pb_status_exit). Parks. */
typedef struct pb_transport {
    PB_LIFECYCLE
    int32_t (*run)(void *self, const pb_cli_call *call);
    const pb_operation *operations; /* what it serves itself (service.h), or NULL: described beside those of
                                       services, and called with the first instance of the transport */
} pb_transport;

/* PB_TRANSPORT("http", struct http, http_options, .start = …, .stop = …) */
#define PB_TRANSPORT(name, owner, options, ...)                                                    \
    PB_COMPONENT(pb_transport, "transport", 1, name, owner, options, __VA_ARGS__)

/* What a new turn is made of. Everything is borrowed and must live until pb_turn_free. */
struct pb_turn_spec {
    uint32_t size;
    uint32_t stream; /* 0: the client wants the reply whole, nobody reads along */
    pb_pipeline *pipeline;
    const pb_principal *principal;
    const pb_message *const *messages;
    size_t message_count;
    const pb_json *params;    /* an object (llm.h), or NULL */
    const pb_json *variables; /* an object, or NULL */
    const pb_json *metadata;  /* an object, or NULL */
    pb_str dialect;           /* of the parameters without a standard name, or absent */
    pb_str request_id;        /* or absent */
    pb_str transport;         /* the instance's name, for the log, or absent */
    uint32_t stream_stages;   /* 1: emit PB_EVENT_STAGE */
    uint32_t reserved;
    pb_str conversation; /* UUID, or "new" to start one; absent: nothing is stored. PB_INVALID when
                            the pipeline has no stage that keeps history */
    pb_str replaces;     /* UUID of a message: the user's is edited (`messages` has the new text), or
                            the reply (without messages) generated again */
    pb_str remote;       /* the client's address, or absent */
    pb_str key;          /* pb_turn_launch: the Idempotency-Key, or absent */
    pb_str digest;       /* pb_turn_launch: of all that the client asked for; with `key` */
    pb_document *document; /* what a pipeline for documents works on, or NULL */
};

static inline pb_turn_spec pb_turn_spec_make(void)
{
    pb_turn_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.size = (uint32_t)sizeof spec;
    return spec;
}

/* Makes a turn. PB_UNAVAILABLE while the host drains or is at host.limits.turns (with retry_after),
 * PB_NO_MEMORY. Does not park. */
static inline pb_status pb_turn_new(const pb_turn_spec *spec, pb_turn **out)
{
    return PB_CALL(turn_new)(spec, out);
}

/* Runs it through its pipeline in the running task; events go to `sink`, the last is PB_EVENT_DONE
 * with the result, also after a failure (but not when the sink itself failed). Parks. Returns the
 * turn's status. */
static inline pb_status pb_turn_run(pb_turn *turn, pb_sink *sink)
{
    return PB_CALL(turn_run)(turn, sink);
}

/* Frees a turn that ran or will not run; its trace stays for GET /v1/turns/{id}. */
static inline void pb_turn_free(pb_turn *turn)
{
    PB_CALL(turn_free)(turn);
}

/* The headers that stages set, for the answer; borrowed until the turn is freed. */
static inline const pb_header *pb_turn_headers(pb_turn *turn, size_t *count)
{
    return PB_CALL(turn_headers)(turn, count);
}

/* --- turns that outlive their connection --------------------------------------------------------
 *
 * Such a turn is kept in the database that host.journal names: its events are written there, in
 * batches, before anybody sees them. Any worker can follow it. */

/* What was launched, in the running scope. */
struct pb_launched {
    uint32_t size;
    uint32_t known; /* 1: the key was used before: this is that turn */
    pb_str id;
    pb_str conversation; /* or absent */
    pb_str reply;
    pb_str pipeline;
    pb_time created;
    pb_str request_id; /* of the request that launched it, or absent */
    const pb_header *headers; /* that its stages set before its first event; filled by pb_turn_follow */
    size_t header_count;
};

/* Makes a turn and runs it in a task of the host: `spec` is copied. PB_UNPROCESSABLE: `key` was used
 * with another digest. PB_UNSUPPORTED: no database is configured for it. PB_UNAVAILABLE as
 * pb_turn_new. Parks. */
static inline pb_status pb_turn_launch(const pb_turn_spec *spec, pb_launched *out)
{
    return PB_CALL(turn_launch)(spec, out);
}

/* Which events of which turn. Borrowed. */
struct pb_follow_spec {
    uint32_t size;
    uint32_t reserved;
    pb_str id;
    const pb_principal *principal; /* must be its owner, or admin */
    uint64_t after;                /* the number of the last event that is known; 0: all */
    pb_launched *about;            /* NULL, or filled before the first event */
};

/* Hands the events of a launched turn to `sink` as they come, in whatever worker it runs; the last is
 * PB_EVENT_DONE. Without loss or repetition. A turn whose worker died ends as interrupted. A tool call that the client is
 * to make comes whole, in one event; the number before that of PB_EVENT_DONE is nobody's. Parks. Returns what
 * the sink failed with, PB_NOT_FOUND, PB_CANCELLED, the turn's own status, or PB_DECLINED: it has ended, with no
 * event behind `after`. */
static inline pb_status pb_turn_follow(const pb_follow_spec *spec, pb_sink *sink)
{
    return PB_CALL(turn_follow)(spec, sink);
}

/* Cancels the running turn `id` of this principal, in whatever worker it runs. Parks. PB_NOT_FOUND when
 * there is none. */
static inline pb_status pb_turn_cancel(pb_str id, const pb_principal *principal)
{
    return PB_CALL(turn_cancel)(id, principal);
}

#endif
