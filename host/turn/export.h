/* export.h - hands finished spans and audit records to the instances of kind exporter.
 *
 * What ends is put into a queue of each exporter of this worker, and one task for each empties it:
 * nobody's turn waits. What may be lost and what may not is said in <patchbay/draft/exporter.h>.
 */
#ifndef HOST_TURN_EXPORT_H
#define HOST_TURN_EXPORT_H

#include "turn/trace.h"

enum {
    EXPORT_SPANS_BATCH = 512, /* OTLP collectors take that many at once by default */
    EXPORT_SPANS_MOST = 16384, /* that wait, of one exporter: some seconds of a busy worker */
    EXPORT_TURNS_MOST = 4096,
    EXPORT_BYTES_MOST = 32 << 20, /* of their traces */
    EXPORT_AUDIT_BATCH = 256,
    EXPORT_AUDIT_MOST = 1024,
};

/* After instances_build: makes the queues. Nothing is handed over before export_start. */
pb_status export_setup(void);
/* After instances_start: begins to hand over. PB_UNAVAILABLE: no task. */
pb_status export_start(void);
/* Before instances_stop: hands over what waits, within host.limits.cleanup. Parks. From then on
 * nothing is taken any more. */
void export_stop(void);
void export_fini(void);

/* Sets the gauges that are known only when asked. */
void export_refresh(void);

extern bool export_wants_spans, export_wants_audit;

/* A turn has ended: its trace is complete. Does not park. */
void export_queue_turn(struct trace *trace);
static inline void export_turn(struct trace *trace)
{
    if (export_wants_spans && trace)
        export_queue_turn(trace);
}

/* Around a call of an operation: begin makes sure that there is room for its record, for which it may
 * park; where it fails (PB_UNAVAILABLE, PB_NO_MEMORY, PB_CANCELLED, PB_TIMEOUT) nothing must be
 * changed. end, called when begin was PB_OK, says how the call ended. */
struct export_record;
bool export_is_audited(const pb_operation *operation, const pb_call *call);
pb_status export_audit_begin(const pb_operation *operation, const pb_call *call,
                             struct export_record **out);
void export_audit_end(struct export_record *record, pb_status status, const pb_content *answer);

#endif
