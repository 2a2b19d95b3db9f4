/* box.h - an exporter that keeps what it gets, and does as a test says; and a service whose operations
 * change something. */
#ifndef TESTS_TURN_BOX_H
#define TESTS_TURN_BOX_H

#include "probe.h"

#include <patchbay/draft/exporter.h>

enum { BOX_SPANS = 32768, BOX_CALLS = 512, BOX_RECORDS = 4096, BOX_TEXT = 48 };

/* One call of span or audit. */
struct box_call {
    pb_duration when; /* since the harness was made */
    size_t count;
    pb_status status; /* that it returned */
};

struct box_record {
    char tenant[BOX_TEXT], principal[BOX_TEXT], action[BOX_TEXT], object[BOX_TEXT];
    pb_status status;
};

struct box_span {
    char trace[33], id[17], parent[17], turn[37], kind[16], name[16], tenant[16];
    pb_status status;
    int64_t began;
    pb_duration total, self;
    char notes[160]; /* JSON */
};

extern struct box {
    /* what it is to do: the next `failures` calls fail with `status`; or it waits first */
    int failures;
    pb_status status;
    pb_duration retry_after, wait;
    /* what came; spans and records are those that were taken */
    struct box_call span_calls[BOX_CALLS], audit_calls[BOX_CALLS];
    size_t span_call_count, audit_call_count, span_count, record_count;
    struct box_span spans[BOX_SPANS];
    struct box_record records[BOX_RECORDS];
    size_t handled; /* operations of the service that ran */
    pb_duration begun;
} box;

void box_reset(void);

/* Exporters box (both), box-spans and box-audit (one of them); service jobs: POST /v1/jobs makes
 * job-1, DELETE /v1/jobs/{id} needs the scope jobs.write, POST /v1/jobs/search, POST /v1/jobs/open for
 * all, GET /v1/jobs. */
extern const pb_plugin patchbay_plugin_box;

#endif
