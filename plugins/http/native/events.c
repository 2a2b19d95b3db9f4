/* events.c - GET /v1/turns/{id}/events: the events of a kept turn, from the beginning or behind one. */
#include "native/native.h"

static pb_status read_number(pb_str text, const char *name, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 18)
            return pb_fail(PB_INVALID, "%s must be the id of an event", name);
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return PB_OK;
}

/* Last-Event-ID as browsers send it, or ?after= by hand. */
static pb_status read_after(const pb_request *request, struct source *source)
{
    pb_str header = pb_request_header(request, "last-event-id"), query = request->query;

    if (header.size) {
        source->resumed = true;
        return read_number(header, "Last-Event-ID", &source->after);
    }
    while (query.size) {
        pb_str pair = pb_str_slice(query, 0, pb_str_find(query, '&'));
        query = pb_str_slice(query, pair.size + 1, query.size);
        if (!pb_str_starts(pair, pb_lit("after=")))
            continue;
        source->resumed = pair.size > 6;
        return read_number(pb_str_slice(pair, 6, pair.size), "after", &source->after);
    }
    return PB_OK;
}

/* The stream's header comes with the first event; a turn that is not there gets a 404 instead, and
 * one that has no more to tell a 204, so that browsers stop asking. */
pb_status turns_events(struct exchange *exchange)
{
    struct source source = {.kept = true};
    pb_status status = read_after(exchange->request, &source);

    source.about.size = (uint32_t)sizeof source.about;
    if (status != PB_OK)
        return status;
    source.info.size = (uint32_t)sizeof source.info;
    source.info.id = exchange->match.values[0];
    source.reread = true;
    exchange->source = &source;
    status = turns_answer_stream(exchange);
    if (status == PB_DECLINED && !exchange->begun)
        status = answer_nothing(exchange);
    if (!source.about.id.size)
        source.info.id = (pb_str){0}; /* no header names what is not there */
    return source_end(exchange, status);
}
