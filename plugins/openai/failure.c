/* failure.c - what the service did wrong, or says that we did, as a status and a sentence.
 *
 * The sentence may reach a client. The service's own words are quoted only where they concern the
 * client's request, and never when the key shows up in them.
 */
#include "openai.h"

#include <stdlib.h>
#include <time.h>

enum { QUOTED = 300, ERROR_BODY = 64 * 1024 };

static const pb_duration longest_wait = 24 * 3600 * PB_SECOND;

pb_duration retry_after(pb_str seconds_or_date, pb_str milliseconds, pb_time now)
{
    char text[64], *end;
    double wait = 0;

    if (milliseconds.size && milliseconds.size < sizeof text) {
        memcpy(text, milliseconds.data, milliseconds.size);
        text[milliseconds.size] = 0;
        wait = strtod(text, &end) / 1e3;
        if (*end || end == text)
            wait = 0;
    }
    if (wait == 0 && seconds_or_date.size && seconds_or_date.size < sizeof text) {
        struct tm date;
        memset(&date, 0, sizeof date);
        memcpy(text, seconds_or_date.data, seconds_or_date.size);
        text[seconds_or_date.size] = 0;
        wait = strtod(text, &end);
        if (*end || end == text) {
            end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
            wait = end && !*end ? (double)timegm(&date) - (double)now / 1e3 : 0;
        }
    }
    if (!(wait > 0))
        return 0;
    return wait > 86400 ? longest_wait : (pb_duration)(wait * 1e9);
}

/* The sentence of an error as the many servers write it: {"message": …}, "…", {"error": …}. */
static pb_str sentence_of(const struct service *service, const pb_json *error)
{
    pb_str sentence = pb_json_text(error);

    if (!sentence.size)
        sentence = pb_json_text(pb_json_get(error, "message"));
    if (!sentence.size)
        sentence = pb_json_text(pb_json_get(error, "detail"));
    if (service->key.size && sentence.size &&
        memmem(sentence.data, sentence.size, service->key.data, service->key.size))
        return pb_lit("(hidden: it holds the key)");
    if (sentence.size <= QUOTED)
        return sentence;
    sentence.size = QUOTED;
    while (sentence.size && ((unsigned char)sentence.data[sentence.size - 1] & 0xc0) == 0x80)
        sentence.size--; /* not in the middle of a character */
    if (sentence.size && ((unsigned char)sentence.data[sentence.size - 1] & 0xc0) == 0xc0)
        sentence.size--;
    return sentence;
}

static pb_status fail_with(pb_status status, pb_duration wait, const char *what, pb_str sentence)
{
    if (sentence.size)
        return pb_fail_retry(status, wait, "%s: %.*s", what, PB_ARG(sentence));
    return pb_fail_retry(status, wait, "%s", what);
}

static pb_status fail_for(const struct service *service, int64_t code, pb_duration wait,
                          pb_str sentence)
{
    static const char rejects[] = "the model's service rejects the request";
    const pb_str none = {NULL, 0};
    char what[256];

    switch (code) {
    case 400:
    case 415:
    case 422:
        return fail_with(PB_INVALID, 0, rejects, sentence);
    case 413:
        return fail_with(PB_TOO_LARGE, 0, rejects, sentence);
    case 401:
    case 403:
        return fail_with(PB_UNAVAILABLE, 0,
                         "the model's service does not accept the key that is configured", none);
    case 402:
        return fail_with(PB_UNAVAILABLE, 0, "the account at the model's service is exhausted",
                         none);
    case 404:
        (void)snprintf(what, sizeof what, "the model's service does not know the model '%.*s'",
                       PB_ARG(pb_str_slice(service->model, 0, 128)));
        return fail_with(PB_BAD_UPSTREAM, 0, what, none);
    case 408:
    case 504:
        return fail_with(PB_TIMEOUT, wait, "the model's service took too long", none);
    case 429:
        return fail_with(PB_RATE_LIMITED, wait, "the model's service takes no more requests now",
                         none);
    case 409:
    case 503:
    case 529:
        return fail_with(PB_UNAVAILABLE, wait, "the model's service is not available now", none);
    default:
        (void)snprintf(what, sizeof what, "the model's service failed with status %lld",
                       (long long)code);
        return fail_with(PB_BAD_UPSTREAM, wait, what, none);
    }
}

/* At most ERROR_BODY bytes; an error's body is best effort. */
static pb_str read_some(pb_http *http)
{
    pb_buf buf = {0};
    pb_str piece;

    while (buf.size < ERROR_BODY && pb_http_read(http, &piece) == PB_OK && piece.size)
        pb_buf_add(&buf, pb_str_slice(piece, 0, ERROR_BODY - buf.size));
    return pb_buf_str(&buf);
}

pb_status failure_of_status(const struct service *service, pb_http *http)
{
    const pb_json *json = NULL, *error;
    int32_t code = pb_http_status(http);
    pb_duration wait = retry_after(pb_http_header(http, pb_lit("retry-after")),
                                   pb_http_header(http, pb_lit("retry-after-ms")), pb_now());
    pb_str body = read_some(http);

    if (pb_cancelled())
        return pb_fail(PB_CANCELLED, "cancelled");
    if (body.size == 0 || pb_json_parse(body, &json) != PB_OK)
        json = NULL;
    error = pb_json_get(json, "error");
    pb_str sentence = sentence_of(service, error ? error : json);
    pb_detail("the model's service answered %d: %.*s", code, PB_ARG(sentence));
    return fail_for(service, code, wait, sentence);
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
        return fail_for(service, code, 0, sentence);
    if (says(error, "rate_limit") || says(error, "quota"))
        return fail_for(service, 429, 0, sentence);
    if (says(error, "invalid_request") || says(error, "content_filter"))
        return fail_for(service, 400, 0, sentence);
    if (says(error, "overloaded") || says(error, "unavailable"))
        return fail_for(service, 503, 0, sentence);
    return pb_fail(PB_BAD_UPSTREAM, "the model's service failed in the middle of its answer");
}

pb_status failure_of_read(const struct service *service, pb_status status)
{
    if (status == PB_TOO_LARGE)
        return pb_fail(PB_BAD_UPSTREAM, "the model's answer is longer than %lld bytes",
                       (long long)service->max_body);
    return status;
}
