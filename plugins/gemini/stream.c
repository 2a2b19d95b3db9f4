/* stream.c - reads an answer: a stream of pieces, or one piece. */
#include "gemini.h"

pb_status stream_read(const struct gemini *gemini, pb_http *http, struct answer *answer,
                      pb_first_token *first)
{
    pb_sse sse = pb_sse_make(http, (size_t)gemini->upstream.max_event);
    struct chunk *chunk = PB_NEW(struct chunk);
    pb_sse_event event;
    bool ended;

    if (!chunk)
        return PB_NO_MEMORY;
    for (;;) {
        pb_status status = pb_sse_next(&sse, &event, &ended);
        if (status != PB_OK) {
            /* A connection that broke after the reason for stopping has lost nothing. */
            bool broke = status == PB_BAD_UPSTREAM || status == PB_UNAVAILABLE;
            return broke && answer->finish ? (pb_status)PB_OK
                                           : pb_upstream_fail_read(&gemini->upstream, status);
        }
        if (ended)
            break;
        if (event.data.size == 0)
            continue;
        status = chunk_read(gemini, answer, chunk, event.data);
        if (status == PB_OK && chunk->count && first)
            pb_first_token_came(first);
        if (status == PB_OK)
            status = chunk_emit(answer, chunk);
        if (status != PB_OK)
            return status;
    }
    if (!answer->finish)
        return pb_fail(PB_BAD_UPSTREAM, "the model's answer broke off before its end");
    return PB_OK;
}

pb_status whole_read(const struct gemini *gemini, pb_http *http, struct answer *answer)
{
    struct chunk *chunk = PB_NEW(struct chunk);
    pb_str text;
    pb_status status = pb_http_read_all(http, &text);

    if (!chunk)
        return PB_NO_MEMORY;
    if (status != PB_OK)
        return pb_upstream_fail_read(&gemini->upstream, status);
    status = chunk_read(gemini, answer, chunk, text);
    if (status == PB_OK && !answer->finish)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer without a message");
    return status == PB_OK ? chunk_emit(answer, chunk) : status;
}
