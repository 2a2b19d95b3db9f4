/* failure.c - what the service did wrong, or says that we did, as a status and a sentence. */
#include "openai.h"

/* The sentence of an error as the many servers write it: {"message": …}, "…", {"detail": …}. */
static pb_str sentence_of(const struct service *service, const pb_json *error)
{
    pb_str sentence = pb_json_text(error);

    if (!sentence.size)
        sentence = pb_json_text(pb_json_get(error, "message"));
    if (!sentence.size)
        sentence = pb_json_text(pb_json_get(error, "detail"));
    return pb_upstream_sentence(&service->upstream, sentence);
}

pb_status failure_of_status(const struct service *service, pb_http *http)
{
    int32_t code = pb_http_status(http);
    pb_duration wait = pb_upstream_retry_after(http);
    const pb_json *json = pb_upstream_error_body(http), *error = pb_json_get(json, "error");

    if (pb_cancelled())
        return pb_fail(PB_CANCELLED, "cancelled");
    pb_str sentence = sentence_of(service, error ? error : json);
    pb_detail("the model's service answered %d: %.*s", code, PB_ARG(sentence));
    return pb_upstream_fail(&service->upstream, code, wait, sentence);
}

static bool says(const pb_json *error, const char *word)
{
    static const char *const members[] = {"code", "type", "status"};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        pb_str text = pb_json_text(pb_json_get(error, members[i]));
        if (text.size && memmem(text.data, text.size, word, strlen(word)))
            return true;
    }
    return false;
}

pb_status failure_of_error(const struct service *service, const pb_json *error)
{
    pb_str sentence = sentence_of(service, error);
    int64_t code = pb_json_int(pb_json_get(error, "code"), 0);

    pb_detail("the model's service failed within its answer: %.*s", PB_ARG(sentence));
    if (code >= 400 && code < 600)
        return pb_upstream_fail(&service->upstream, code, 0, sentence);
    if (says(error, "rate_limit") || says(error, "quota"))
        return pb_upstream_fail(&service->upstream, 429, 0, sentence);
    if (says(error, "invalid_request") || says(error, "content_filter"))
        return pb_upstream_fail(&service->upstream, 400, 0, sentence);
    if (says(error, "overloaded") || says(error, "unavailable"))
        return pb_upstream_fail(&service->upstream, 503, 0, sentence);
    return pb_fail(PB_BAD_UPSTREAM, "the model's service failed in the middle of its answer");
}
