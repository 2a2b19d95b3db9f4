/* stream.c - reads a stream of events to its message_stop. */
#include "anthropic.h"

pb_status stream_read(const struct anthropic *anthropic, pb_http *http, struct answer *answer,
                      pb_first_token *first)
{
    pb_sse sse = pb_sse_make(http, (size_t)anthropic->upstream.max_event);
    pb_buf text = {0};
    struct piece piece;
    pb_sse_event event;
    bool ended;

    while (!answer->ended) {
        pb_status status = pb_sse_next(&sse, &event, &ended);
        if (status != PB_OK) {
            /* A connection that broke after the reason for stopping has lost nothing. */
            bool broke = status == PB_BAD_UPSTREAM || status == PB_UNAVAILABLE;
            return broke && answer->finish ? (pb_status)PB_OK
                                           : pb_upstream_fail_read(&anthropic->upstream, status);
        }
        if (ended)
            break;
        if (event.data.size == 0)
            continue;
        status = event_read(anthropic, answer, event.data, &text, &piece);
        if (status == PB_OK && piece.type) {
            if (first && (piece.text.size || piece.id.size))
                pb_first_token_came(first);
            status = answer_emit(answer, &piece);
        }
        if (status != PB_OK)
            return status;
    }
    if (!answer->finish)
        return pb_fail(PB_BAD_UPSTREAM, "the model's answer broke off before its end");
    return PB_OK;
}
