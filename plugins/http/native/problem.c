/* problem.c - errors as RFC 9457 documents. */
#include "native/native.h"

/* The request that a failure is about: of a kept turn the one that launched it. */
static pb_str request_of(const struct exchange *exchange)
{
    const struct source *source = exchange->source;

    return source && source->info.request_id.size ? source->info.request_id : exchange->request->id;
}

/* One whose status is not what its kind usually has. */
static void problem_write_other(pb_json_writer *writer, const struct exchange *exchange,
                                const pb_error *error, int32_t status)
{
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type", pb_printf("/problems/%s", pb_status_name(error->status)));
    pb_jw_member(writer, "title", pb_str_of(pb_status_title(error->status)));
    pb_jw_count(writer, "status", status);
    pb_jw_member(writer, "detail", error->sentence);
    pb_jw_member(writer, "instance", exchange->request->id);
    pb_jw_close(writer, '}');
}

static void write_document(pb_json_writer *writer, const struct exchange *exchange,
                          const pb_error *error, int32_t status)
{
    if (status != pb_status_http(error->status))
        problem_write_other(writer, exchange, error, status);
    else
        pb_problem_write(writer->buf, error, request_of(exchange), exchange->faults,
                         exchange->fault_count);
}

const struct dialect native_dialect = {.type = PB_PROBLEM_TYPE, .error = write_document};
