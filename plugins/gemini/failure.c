/* failure.c - google.rpc.Status as a status and a sentence. Source: google/rpc/status.proto,
 * error_details.proto. */
#include "gemini.h"

/* The member `name` of the detail that has it, or NULL. */
static const pb_json *detail(const pb_json *error, const char *name)
{
    const pb_json *details = pb_json_get(error, "details");

    for (const pb_json *at = pb_json_is(details, PB_JSON_ARRAY) ? details->child : NULL; at;
         at = at->next)
        if (pb_json_get(at, name))
            return pb_json_get(at, name);
    return NULL;
}

/* RetryInfo: "34.07s" */
static pb_duration retry_delay(const pb_json *error)
{
    pb_str delay = pb_json_text(detail(error, "retryDelay"));

    if (!pb_str_ends(delay, pb_lit("s")))
        return 0;
    return pb_upstream_wait(pb_upstream_number(pb_str_slice(delay, 0, delay.size - 1)));
}

static pb_status fail(const struct gemini *gemini, int64_t code, pb_duration wait,
                      const pb_json *error)
{
    pb_str words =
        pb_upstream_sentence(&gemini->upstream, pb_json_text(pb_json_get(error, "message")));
    bool key = pb_str_starts(pb_json_text(detail(error, "reason")), pb_lit("API_KEY_"));

    pb_detail("the model's service failed with %lld: %.*s", (long long)code, PB_ARG(words));
    if (!wait)
        wait = retry_delay(error);
    return pb_upstream_fail(&gemini->upstream, key ? 401 : code, wait, words); /* of a key: 400 */
}

pb_status failure_of_status(const struct gemini *gemini, pb_http *http)
{
    int32_t code = pb_http_status(http);
    pb_duration wait = pb_upstream_retry_after(http);
    const pb_json *json = pb_upstream_error_body(http);

    if (pb_cancelled())
        return pb_fail(PB_CANCELLED, "cancelled");
    if (pb_json_is(json, PB_JSON_ARRAY)) /* of streams */
        json = json->child;
    return fail(gemini, code, wait, pb_json_get(json, "error"));
}

pb_status failure_of_error(const struct gemini *gemini, const pb_json *error)
{
    int64_t code = pb_json_int(pb_json_get(error, "code"), 0);

    if (code >= 400 && code < 600)
        return fail(gemini, code, 0, error);
    return pb_fail(PB_BAD_UPSTREAM, "the model's service failed in the middle of its answer");
}
