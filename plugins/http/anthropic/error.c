/* error.c - errors as Anthropic's clients read them.
 *
 * The message begins with the place, as that service words it: "messages.0.content.1.text: is missing".
 */
#include "anthropic/anthropic.h"

const char anthropic_no_thread[] = "thread_unsupported_request";

static const char *type_of(int32_t status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 409:
        return "conflict_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 503:
        return "overloaded_error";
    case 504:
        return "timeout_error";
    default:
        return status < 500 ? "invalid_request_error" : "api_error";
    }
}

/* What a client's program reads: a code that it knows, and everything that is wrong with the request. */
static void write_details(pb_json_writer *writer, const struct exchange *exchange)
{
    pb_jw_key(writer, "details");
    pb_jw_open(writer, '{');
    if (exchange->code.size)
        pb_jw_member(writer, "error_code", exchange->code);
    if (pb_str_is(exchange->code, anthropic_no_thread)) {
        pb_jw_key(writer, "unsupported");
        pb_jw_raw(writer, pb_lit("[]"));
    }
    pb_jw_key(writer, "errors");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < exchange->fault_count; i++) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "field", pointer_as_dots(exchange->faults[i].pointer));
        pb_jw_member(writer, "message", exchange->faults[i].detail);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

void anthropic_error_write(pb_json_writer *writer, const struct exchange *exchange,
                           const pb_error *error, int32_t status)
{
    pb_str sentence = error->sentence;

    if (!sentence.size)
        sentence = pb_str_of(pb_status_title(error->status));
    if (error->pointer.size > 1 && !exchange->fault_count) /* faults_status has said it already */
        sentence = pb_printf("%.*s: %.*s", PB_ARG(pointer_as_dots(error->pointer)), PB_ARG(sentence));
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type", pb_str_of(type_of(status)));
    pb_jw_member(writer, "message", sentence);
    if (exchange->code.size ||
        (exchange->fault_count && exchange->faults != &exchange->no_memory))
        write_details(writer, exchange);
    pb_jw_close(writer, '}');
}

void anthropic_document_write(pb_json_writer *writer, const struct exchange *exchange,
                              const pb_error *error, int32_t status)
{
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type", pb_lit("error"));
    pb_jw_key(writer, "error");
    anthropic_error_write(writer, exchange, error, status);
    pb_jw_member(writer, "request_id", exchange->request->id);
    pb_jw_close(writer, '}');
}

const struct dialect anthropic_dialect = {
    .params = true,
    .dots = true,
    .type = "application/json",
    .id_header = PB_LIT("request-id"),
    .heartbeat = PB_LIT("event: ping\ndata: {\"type\":\"ping\"}\n\n"),
    .error = anthropic_document_write,
};
