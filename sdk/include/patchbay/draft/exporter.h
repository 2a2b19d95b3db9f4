/* exporter.h - receives spans and audit records, to send them elsewhere. Draft: may change until
 * two exporters exist (sdk/VERSIONING.md). */
#ifndef PATCHBAY_DRAFT_EXPORTER_H
#define PATCHBAY_DRAFT_EXPORTER_H

#include <patchbay/json.h>
#include <patchbay/plugin.h>

/* Counts every change of this draft: a host loads exactly its own. */
#define PB_EXPORTER_REVISION 1

/* One finished span of a turn's trace. No content in any of it. */
typedef struct pb_span_record {
    uint32_t size;
    pb_status status;
    pb_str trace;  /* 32 hexadecimal digits: the turn's, or the one that its client sent */
    pb_str id;     /* 16 hexadecimal digits */
    pb_str parent; /* or absent; of the turn: the span that its client sent, or absent */
    pb_str turn;   /* the turn's id, a UUID */
    pb_str tenant;
    pb_str kind;          /* "turn" of the whole, inside it "stage", "llm", "tool", … */
    pb_str name;          /* of the turn: its pipeline */
    int64_t began;        /* nanoseconds since 1970 UTC */
    pb_duration total;
    pb_duration self;     /* without its children */
    const pb_json *notes; /* an object: tokens, cost, model, what the plugin noted; or NULL */
} pb_span_record;

/* Who did what to what: one call of an operation whose method is not GET, by a known principal or
 * open to all, also one that failed or was forbidden. Turns, searches and what else has
 * PB_OPERATION_NO_AUDIT have none. */
typedef struct pb_audit_record {
    uint32_t size;
    pb_status status;
    pb_time when; /* it ended */
    pb_str tenant;
    pb_str principal;  /* or absent: the operation is open to all */
    pb_str action;     /* an operation: "documents.delete" */
    pb_str object;     /* the path's variables, with "/" between them, or the id of what was made, or
                          absent */
    pb_str request_id; /* or absent */
    pb_str remote;     /* the peer's address, or absent */
} pb_audit_record;

/* The interface; each is optional, at least one is there. Both may park. They are called in a task
 * of their own, one call at a time in each worker, never within a turn. Every worker hands over what
 * happened in it, also to an exporter with `.single`. Records are borrowed until the call returns;
 * after 30 s its parking calls return PB_TIMEOUT.
 *
 * span   whole turns, soon after they ended: up to 512 spans, or one turn that has more. Best effort:
 *        what fails with a retryable status is offered again, later and later, in a batch that may
 *        have grown; with another status it is dropped, and so are the oldest when too many wait
 *        (patchbay_exporter_dropped_total in /metrics).
 * audit  up to 256 records, in the order in which their operations ended, at once. Whatever it fails
 *        with, the same are offered again until they are taken; a receiver may so see one twice.
 *        While 1024 wait in a worker, operations that are to be recorded wait too, for five seconds,
 *        and then fail with PB_UNAVAILABLE before they change anything. A record is lost only when
 *        its worker dies.
 *
 * A worker that stops hands over what waits first, within host.limits.cleanup; spans are then offered
 * once. Audit records that are not taken by then are written to the log, at level error. */
typedef struct pb_exporter {
    PB_LIFECYCLE
    pb_status (*span)(void *self, const pb_span_record *const *batch, size_t count);
    pb_status (*audit)(void *self, const pb_audit_record *const *batch, size_t count);
} pb_exporter;

/* PB_EXPORTER("otlp", struct otlp, otlp_options, .span = otlp_span) */
#define PB_EXPORTER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_exporter, "exporter", PB_EXPORTER_REVISION, name, owner, options, __VA_ARGS__)

#endif
