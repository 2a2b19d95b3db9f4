/* api.c - calls of the Bot API. The token stands in the URL, so no URL is ever logged or quoted. */
#include "telegram.h"

enum { ANSWER_MOST = 8 << 20 };

/* Telegram's own words, where they help: they never have the token, but check it all the same. */
static pb_str words(const struct telegram *own, const pb_json *answer)
{
    pb_str said = pb_str_slice(pb_json_text(pb_json_get(answer, "description")), 0, 200);

    return pb_str_contains(said, own->token.value) ? pb_lit("(hidden)") : said;
}

static pb_status failure(const struct telegram *own, int32_t code, const pb_json *answer)
{
    pb_str said = words(own, answer);
    double wait = pb_json_double(pb_json_get(pb_json_get(answer, "parameters"), "retry_after"), 0);

    switch (code) {
    case 429:
        return pb_fail_retry(PB_RATE_LIMITED,
                             (pb_duration)((wait > 0 && wait < 3600 ? wait : 5) * 1e9),
                             "Telegram wants fewer requests");
    case 401:
    case 404:
        return pb_fail(PB_UNAUTHENTICATED, "Telegram does not know the token that is configured");
    case 403:
        return pb_fail(PB_FORBIDDEN, "Telegram does not let the bot write there: %.*s", PB_ARG(said));
    case 409:
        return pb_fail(PB_CONFLICT,
                       "another program polls this bot, or it has a webhook: %.*s", PB_ARG(said));
    case 413:
        return pb_fail(PB_TOO_LARGE, "the message is too long for Telegram");
    default:
        if (code >= 400 && code < 500)
            return pb_fail(PB_INVALID, "Telegram rejects the request: %.*s", PB_ARG(said));
        return pb_fail(PB_UNAVAILABLE, "Telegram answers with status %d", (int)code);
    }
}

static pb_status read_answer(const struct telegram *own, pb_http *http, const pb_json **result)
{
    const pb_json *answer = NULL;
    int32_t code = pb_http_status(http);
    pb_str text = {0};
    pb_status status = pb_http_read_all(http, &text);

    if (status != PB_OK)
        return status;
    if (pb_json_parse(text, &answer) != PB_OK) {
        pb_error_clear();
        if (code == 200)
            return pb_fail(PB_UNAVAILABLE, "Telegram's answer is no JSON");
    }
    if (code != 200 || !pb_json_bool(pb_json_get(answer, "ok"), false))
        return failure(own, code == 200 ? 500 : code, answer);
    if (result)
        *result = pb_json_get(answer, "result");
    return PB_OK;
}

pb_status api_call(const struct telegram *own, const char *method, pb_str body,
                   const pb_json **result)
{
    static const pb_header headers[] = {{PB_LIT("Content-Type"), PB_LIT("application/json")}};
    pb_http_spec spec = pb_http_spec_make("POST", pb_printf("%.*s/bot%.*s/%s", PB_ARG(own->base_url),
                                                            PB_ARG(own->token.value), method));
    pb_http *http;

    if (!spec.url.data)
        return PB_NO_MEMORY;
    spec.headers = headers;
    spec.header_count = 1;
    spec.body = body;
    spec.max_body = ANSWER_MOST;
    spec.connect = 10 * PB_SECOND;
    spec.first_byte = own->poll + 15 * PB_SECOND;
    spec.between_bytes = 15 * PB_SECOND;
    spec.proxy = own->proxy.value;
    spec.ca_file = own->ca_file;
    pb_status status = pb_http_open(&spec, &http);
    if (status != PB_OK)
        return status;
    status = read_answer(own, http, result);
    pb_http_close(http);
    return status;
}

pb_duration api_pause(int attempt)
{
    return attempt < 8 ? ((pb_duration)1 << (attempt - 1)) * (PB_SECOND / 2) : 60 * PB_SECOND;
}

pb_status api_insist(const struct telegram *own, const char *method, pb_str body,
                     const pb_json **result)
{
    pb_status status = PB_OK;

    for (int attempt = 1; attempt <= SEND_ATTEMPTS; attempt++) {
        status = api_call(own, method, body, result);
        if (status != PB_RATE_LIMITED && status != PB_UNAVAILABLE && status != PB_TIMEOUT)
            break;
        pb_duration wait = pb_error_last()->retry_after;
        pb_status slept = attempt == SEND_ATTEMPTS ? (pb_status)PB_OK
                                                   : pb_sleep(wait ? wait : api_pause(attempt));
        if (slept != PB_OK)
            return slept;
    }
    return status;
}

void api_write_place(pb_json_writer *writer, const struct job *job)
{
    pb_jw_key(writer, "chat_id");
    pb_jw_int(writer, job->chat);
    if (job->thread) {
        pb_jw_key(writer, "message_thread_id");
        pb_jw_int(writer, job->thread);
    }
}

pb_status api_say(const struct telegram *own, const struct job *job, pb_str text)
{
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    if (!text.size)
        return PB_OK;
    pb_jw_open(&writer, '{');
    api_write_place(&writer, job);
    pb_jw_key(&writer, "text");
    pb_jw_str(&writer, pb_str_slice(text, 0, cut_place(text)));
    pb_jw_close(&writer, '}');
    pb_status status = pb_buf_status(&body);
    return status == PB_OK ? api_insist(own, "sendMessage", pb_buf_str(&body), NULL) : status;
}
