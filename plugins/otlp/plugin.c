/* plugin.c - an exporter that sends spans to a collector of OpenTelemetry, over OTLP/HTTP as JSON. */
#include "otlp.h"

#include <patchbay/upstream.h>

static const pb_field otlp_options[] = {
    PB_STR(struct otlp, url, .def = "http://127.0.0.1:4318/v1/traces", .pattern = "https?://.+",
           .max_length = 2048, .help = "Where the collector takes traces."),
    PB_MAP(struct otlp, headers, PB_KIND_SECRET, .max_length = 32,
           .help = "More headers; shown masked, because they often carry keys."),
    PB_STR(struct otlp, service, .def = "patchbay", .max_length = 256,
           .help = "The name under which the collector shows this server (service.name)."),
    PB_PATH(struct otlp, ca_file, .help = "PEM of authorities to trust instead of the system's."),
    PB_DURATION(struct otlp, timeout, .def = "10s", .min = 0.001, .max = 25,
                .help = "For the collector's answer."),
    PB_END};

static void otlp_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct otlp *own = self;

    if (pb_upstream_has_user(own->url))
        pb_problem(diagnostics, "url", "must not have a user name or password; use `headers`");
    for (size_t i = 0; i < own->headers.count; i++) {
        char field[128];
        pb_str name = own->headers.keys[i];
        (void)snprintf(field, sizeof field, "headers.%.*s", PB_ARG(name));
        if (!pb_upstream_is_token(name))
            pb_problem(diagnostics, field, "is no name of a header");
        else if (!pb_upstream_one_line(((const pb_secret *)own->headers.items)[i].value))
            pb_problem(diagnostics, field, "holds a line break or a control character");
    }
}

static const pb_header *make_headers(const struct otlp *own, uint32_t *count)
{
    pb_header *headers = PB_NEW_ARRAY(pb_header, own->headers.count + 1);

    if (!headers)
        return NULL;
    headers[0] = (pb_header){pb_lit("Content-Type"), pb_lit("application/json")};
    for (size_t i = 0; i < own->headers.count; i++)
        headers[i + 1] = (pb_header){own->headers.keys[i],
                                     ((const pb_secret *)own->headers.items)[i].value};
    *count = (uint32_t)own->headers.count + 1;
    return headers;
}

/* 429, 502, 503 and 504 may be sent again, says OTLP; the same batch would fail again with others. */
static pb_status refused(pb_http *http)
{
    int32_t code = pb_http_status(http);
    pb_duration wait = pb_upstream_retry_after(http);
    pb_status status = code == 429                                ? PB_RATE_LIMITED
                       : code == 502 || code == 503 || code == 504 ? PB_UNAVAILABLE
                                                                   : PB_INVALID;

    return pb_fail_retry(status, wait, "the collector answered with status %d", code);
}

/* It may take a part and say so: the rest is lost, and the log tells. */
static pb_status read_answer(pb_http *http)
{
    pb_str body = {0};
    const pb_json *json = NULL;
    pb_status status = pb_http_read_all(http, &body);

    if (status != PB_OK)
        return status;
    if (!body.size || pb_json_parse(body, &json) != PB_OK) {
        pb_error_clear();
        return PB_OK;
    }
    const pb_json *rejected = pb_json_get(pb_json_get(json, "partialSuccess"), "rejectedSpans");
    int64_t count = pb_json_is(rejected, PB_JSON_STRING) /* 64-bit numbers come as text */
                        ? (int64_t)pb_upstream_number(rejected->text)
                        : pb_json_int(rejected, 0);
    if (count > 0)
        pb_log(PB_WARN, "the collector rejected %lld spans of a batch", (long long)count);
    return PB_OK;
}

static pb_status otlp_span(void *self, const pb_span_record *const *batch, size_t count)
{
    const struct otlp *own = self;
    pb_http_spec spec = pb_http_spec_make("POST", own->url);
    pb_buf body = {0};
    pb_http *http;
    pb_status status = otlp_encode(own, batch, count, &body);

    if (status != PB_OK)
        return status;
    spec.body = pb_buf_str(&body);
    spec.headers = make_headers(own, &spec.header_count);
    spec.connect = spec.first_byte = spec.between_bytes = own->timeout;
    spec.max_body = 64 * 1024;
    spec.ca_file = own->ca_file;
    if (!spec.headers)
        return PB_NO_MEMORY;
    status = pb_http_open(&spec, &http);
    if (status != PB_OK)
        return status;
    int32_t code = pb_http_status(http);
    status = code >= 200 && code < 300 ? read_answer(http) : refused(http);
    pb_http_close(http);
    return status;
}

PB_PLUGIN("otlp", "0.1.0", "Apache-2.0", "Sends spans to a collector of OpenTelemetry.",
          PB_EXPORTER("otlp", struct otlp, otlp_options, .check = otlp_check, .span = otlp_span));
