/* log.h - log lines, debug details, and metrics.
 *
 * A line carries the turn, request, stage and instance of the running task by itself. Never log
 * content or secrets; content that helps debugging goes to pb_detail(), which is off by default.
 */
#ifndef PATCHBAY_LOG_H
#define PATCHBAY_LOG_H

#include <patchbay/memory.h>

enum { PB_DEBUG = 0, PB_INFO = 1, PB_WARN = 2, PB_ERROR = 3 };

/* Writes one line, at most 1 kB. Any thread. Does not park. */
PB_PRINTF(2, 3) static inline void pb_log(int32_t level, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (!PB_CALL(log_enabled)(level))
        return;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size < 0)
        return;
    if ((size_t)size >= sizeof line)
        size = (int)sizeof line - 1;
    PB_CALL(log)(level, pb_str_make(line, (size_t)size));
}

/* What helps a developer and must not reach a client: goes to the debug log only. */
#define pb_detail(...) pb_log(PB_DEBUG, __VA_ARGS__)

/* Metrics live in the process and appear in /metrics as patchbay_<name>. Create them in start(),
 * once; the same name gives the same metric. `label` names the one label, or NULL. */
enum { PB_COUNTER = 0, PB_GAUGE = 1, PB_HISTOGRAM = 2 };

/* NULL when the name is not [a-z_]+ or is taken by another kind. */
static inline pb_metric *pb_metric_new(int32_t kind, const char *name, const char *help,
                                       const char *label)
{
    return PB_CALL(metric_new)(kind, pb_str_of(name), pb_str_of(help), pb_str_of(label));
}

/* Adds to a counter or gauge, or records a value in a histogram (seconds, by convention). A NULL
 * metric does nothing. At most 100 label values a metric, then "other". Does not park. */
static inline void pb_metric_add(pb_metric *metric, pb_str label_value, double amount)
{
    PB_CALL(metric_add)(metric, label_value, amount);
}

#endif
