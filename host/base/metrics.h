/* metrics.h - the metrics of the process: host_metric_new() and host_metric_add() of
 * <patchbay/log.h>, and their text for /metrics.
 *
 * They live as long as the process and belong to the loop's thread. Names follow Prometheus: a
 * counter is written with "_total" behind its name, histograms count seconds.
 */
#ifndef HOST_BASE_METRICS_H
#define HOST_BASE_METRICS_H

#include <patchbay/log.h>

/* Label values of one metric; later ones are added up as "other". */
enum { METRIC_VALUES = 100 };

/* Sets a gauge to a value; for what is known only when it is asked. */
void metric_set(pb_metric *metric, pb_str label_value, double value);

/* A counter's or gauge's value now, a histogram's count; 0 for a label value not seen. */
double metric_value(const pb_metric *metric, pb_str label_value);

/* Forgets all label values of a gauge, before it is set again for what exists now. */
void metric_clear(pb_metric *metric);

/* Appends everything in Prometheus' text format 0.0.4, by name. */
void metrics_write(pb_buf *out);

/* A value as that format wants it. */
void metrics_number_write(pb_buf *out, double value);

/* Frees everything; for tests. */
void metrics_fini(void);

#endif
