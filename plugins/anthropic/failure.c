/* failure.c - {"type": "error", "error": {"type", "message"}} as a status and a sentence. */
#include "anthropic.h"

pb_status failure_of_status(const struct anthropic *anthropic, pb_http *http)
{
    int32_t code = pb_http_status(http);
    pb_duration wait = pb_upstream_retry_after(http);
    const pb_json *error = pb_json_get(pb_upstream_error_body(http), "error");

    if (pb_cancelled())
        return pb_fail(PB_CANCELLED, "cancelled");
    pb_str words =
        pb_upstream_sentence(&anthropic->upstream, pb_json_text(pb_json_get(error, "message")));
    pb_detail("the model's service answered %d: %.*s", code, PB_ARG(words));
    return pb_upstream_fail(&anthropic->upstream, code, wait, words);
}

pb_status failure_of_error(const struct anthropic *anthropic, const pb_json *error)
{
    static const struct {
        const char *type;
        int32_t code;
    } types[] = {
        {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
        {"permission_error", 403},      {"not_found_error", 404},      {"request_too_large", 413},
        {"rate_limit_error", 429},      {"timeout_error", 504},        {"overloaded_error", 529},
    };
    pb_str type = pb_json_text(pb_json_get(error, "type"));
    pb_str words =
        pb_upstream_sentence(&anthropic->upstream, pb_json_text(pb_json_get(error, "message")));

    pb_detail("the model's service failed within its answer: %.*s", PB_ARG(words));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (pb_str_is(type, types[i].type))
            return pb_upstream_fail(&anthropic->upstream, types[i].code, 0, words);
    return pb_fail(PB_BAD_UPSTREAM, "the model's service failed in the middle of its answer");
}
