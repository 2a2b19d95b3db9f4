/* export_internal.h - one exporter of this worker, for the files of export only. */
#ifndef HOST_TURN_EXPORT_INTERNAL_H
#define HOST_TURN_EXPORT_INTERNAL_H

#include "plugin/instances.h"
#include "turn/export.h"
#include <patchbay/draft/exporter.h>

/* One of the two functions, and how it goes. */
struct lane {
    const char *what; /* "spans", for the log */
    pb_duration due;  /* not before, after a failure */
    pb_duration pause;
    bool failing;
};

struct exporter {
    struct exporter *next;
    pb_instance *instance;
    const pb_exporter *interface;
    struct lane spans, audit;

    struct trace *turns[EXPORT_TURNS_MOST]; /* a ring, held; the oldest at `first` */
    size_t first, turn_count;
    size_t span_count, bytes; /* of those */
    pb_duration since;        /* the oldest that waits came */

    struct list_link records; /* that wait, the oldest first */
    size_t record_count;
    size_t reserved;          /* for operations that run */
    struct list_link waiting; /* for room: struct room_wait */

    pb_task *task;
    struct waiter *idle; /* while the task waits */
    struct waiter *stopper;
    bool closed; /* takes nothing any more */
};

/* The first; go on by next. */
struct exporter *exporters_all(void);
/* Ends the task's wait, because there is something for it to do. */
void exporter_wake(struct exporter *exporter);
/* Is this worker's last chance to hand something over? */
bool export_is_stopping(void);
void exporter_count_dropped(struct exporter *exporter, size_t spans);

/* export_spans.c: how long until those that wait are a batch; 0: they are one. */
pb_duration spans_due(const struct exporter *exporter, pb_duration now);
/* Offers a batch, which leaves the queue unless it is to be offered again. Parks. */
pb_status spans_offer(struct exporter *exporter);
void spans_drop_all(struct exporter *exporter);

/* export_audit.c: the same for records, which leave the queue only when they are taken. */
pb_status audit_offer(struct exporter *exporter);
/* Does no operation keep room in it, or wait for some? */
bool audit_is_unused(const struct exporter *exporter);
/* Writes to the log what nobody took. */
void audit_give_up(struct exporter *exporter);

#endif
