/* otlp.h - what the files of otlp share. */
#ifndef OTLP_H
#define OTLP_H

#include <patchbay/draft/exporter.h>

struct otlp {
    pb_str url;
    pb_map headers; /* of pb_secret */
    pb_str service;
    pb_str ca_file;
    pb_duration timeout;
};

/* encode.c: an ExportTraceServiceRequest in OTLP's JSON. Parks now and then. */
pb_status otlp_encode(const struct otlp *own, const pb_span_record *const *batch, size_t count,
                      pb_buf *out);

#endif
