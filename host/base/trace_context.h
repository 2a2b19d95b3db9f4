/* trace_context.h - a W3C traceparent ("00-<trace id>-<parent id>-<flags>"): whose work a request is, in
 * the words that every tracer knows. Source: W3C Trace Context, levels 1 and 2.
 */
#ifndef HOST_BASE_TRACE_CONTEXT_H
#define HOST_BASE_TRACE_CONTEXT_H

#include <patchbay/types.h>

enum { TRACE_CONTEXT_SIZE = 55, TRACE_ID_SIZE = 32, TRACE_SPAN_SIZE = 16 };

/* May it be gone on with? A later version's is read as far as this one goes. */
bool trace_context_valid(pb_str text);

/* One that goes on with `from`, which is valid, or begins with the trace id `id`: 32 hex digits. `span`
 * are 16, not all zero. Not NUL-terminated. */
void trace_context_write(pb_str from, const char *id, const char *span,
                         char out[TRACE_CONTEXT_SIZE]);

/* The span in one that is valid. */
static inline pb_str trace_context_span(pb_str context)
{
    return pb_str_slice(context, 36, TRACE_SPAN_SIZE);
}

/* The trace's id in it, for the log; absent when there is none. */
static inline pb_str trace_context_id(pb_str context)
{
    return context.size == TRACE_CONTEXT_SIZE ? pb_str_make(context.data + 3, TRACE_ID_SIZE)
                                              : pb_str_make(NULL, 0);
}

#endif
