/* exporter.h - receives spans and audit records, to send them elsewhere. Draft: may change until
 * two exporters exist. */
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
    pb_str parent; /* or absent */
    pb_str kind;   /* "stage", "llm", "tool", … */
    pb_str name;
    pb_time began;
    pb_duration total;
    pb_duration self;     /* without its children */
    const pb_json *notes; /* an object, or NULL */
} pb_span_record;

/* Who did what to what. */
typedef struct pb_audit_record {
    uint32_t size;
    pb_status status;
    pb_time when;
    pb_str tenant;
    pb_str principal;
    pb_str action; /* an operation: "documents.delete" */
    pb_str object; /* its id, or absent */
    pb_str request_id;
    pb_str remote; /* the peer's address, or absent */
} pb_audit_record;

/* The interface; each is optional, at least one is there. Both may park and are called in a task of
 * their own, never within a turn. Records are borrowed until the call returns. What fails with a
 * retryable status is offered again, spans up to a bound, audit records until they are taken. */
typedef struct pb_exporter {
    PB_LIFECYCLE
    pb_status (*span)(void *self, const pb_span_record *const *batch, size_t count);
    pb_status (*audit)(void *self, const pb_audit_record *const *batch, size_t count);
} pb_exporter;

/* PB_EXPORTER("otlp", struct otlp, otlp_options, .span = otlp_span) */
#define PB_EXPORTER(name, owner, options, ...)                                                     \
    PB_COMPONENT(pb_exporter, "exporter", PB_EXPORTER_REVISION, name, owner, options, __VA_ARGS__)

#endif
