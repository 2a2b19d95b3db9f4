/* responses_get.c - GET and DELETE /v1/responses/{id}: a reply that a conversation keeps, as the response that
 * it was. What was asked beside the input is not kept, so such fields have their defaults.
 */
#include "openai/responses.h"

static pb_status note(struct output *output, const pb_event *event)
{
    size_t place;
    bool fresh;
    pb_status status = output_note(output, event, &place, &fresh);

    return status == PB_DECLINED ? (pb_status)PB_OK : status;
}

/* A stored message's content as events. */
static pb_status read_output(const pb_json *message, struct output *output)
{
    const pb_json *calls = pb_json_get(message, "tool_calls");
    const pb_json *sources = pb_json_get(message, "sources");
    pb_event event = pb_event_make(PB_EVENT_THINKING);

    event.text = pb_json_text(pb_json_get(message, "thinking"));
    pb_status status = note(output, &event);
    event = pb_event_make(PB_EVENT_TEXT);
    event.text = pb_json_text(pb_json_get(message, "text"));
    if (status == PB_OK)
        status = note(output, &event);
    for (const pb_json *at = pb_json_is(calls, PB_JSON_ARRAY) ? calls->child : NULL;
         at && status == PB_OK; at = at->next) {
        uint32_t index = event.index;
        event = pb_event_make(PB_EVENT_TOOL_CALL);
        event.index = index + 1;
        event.id = pb_json_text(pb_json_get(at, "id"));
        event.name = pb_json_text(pb_json_get(at, "name"));
        event.text = pb_json_text(pb_json_get(at, "arguments"));
        event.data = at; /* "signature", where it has one */
        status = note(output, &event);
    }
    for (const pb_json *at = pb_json_is(sources, PB_JSON_ARRAY) ? sources->child : NULL;
         at && status == PB_OK; at = at->next) {
        event = pb_event_make(PB_EVENT_SOURCE);
        event.data = at;
        status = note(output, &event);
    }
    return status;
}

static int32_t finish_of(pb_str name)
{
    for (int32_t finish = PB_FINISH_STOP; finish <= PB_FINISH_FILTER; finish++)
        if (pb_str_is(name, pb_finish_name(finish)))
            return finish;
    return PB_FINISH_STOP;
}

static int64_t tokens(const pb_json *message, const char *name)
{
    return pb_json_int(pb_json_get(pb_json_get(message, "usage"), name), 0);
}

/* How a stored reply ended. */
static const char *status_of(const pb_json *message, int32_t finish)
{
    pb_str status = pb_json_text(pb_json_get(message, "status"));

    if (pb_str_is(status, "running"))
        return "in_progress";
    if (pb_str_is(status, "cancelled"))
        return "cancelled";
    return pb_str_is(status, "done") ? response_status(finish) : "failed";
}

static pb_status answer_stored(struct exchange *exchange, const struct response *response,
                               const pb_json *message)
{
    struct output output = output_make((size_t)exchange->http->limits.reply);
    pb_turn_result result = {
        .size = (uint32_t)sizeof result,
        .finish = finish_of(pb_json_text(pb_json_get(message, "finish"))),
        .usage = {.input_tokens = tokens(message, "input_tokens"),
                  .output_tokens = tokens(message, "output_tokens"),
                  .cached_tokens = tokens(message, "cached_tokens")},
        .llm = pb_json_text(pb_json_get(message, "llm")),
        .model = pb_json_text(pb_json_get(message, "model")),
    };
    pb_error error = {.size = (uint32_t)sizeof error,
                      .status = PB_INTERNAL,
                      .sentence = pb_json_text(pb_json_get(message, "reason"))};
    struct standing standing = {.status = status_of(message, result.finish),
                                .output = &output,
                                .result = &result,
                                .turn = pb_json_text(pb_json_get(message, "turn"))};
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = read_output(message, &output);

    if (pb_str_is(pb_str_of(standing.status), "failed"))
        standing.error = &error;
    response_write(&writer, response, &standing);
    output_end(&output);
    if (status == PB_OK)
        status = pb_buf_status(&buf);
    return status == PB_OK ? answer(exchange, 200, "application/json", pb_buf_str(&buf)) : status;
}

static pb_status no_response(pb_str id)
{
    return pb_fail(PB_NOT_FOUND, "there is no response '%.*s' here", PB_ARG(pb_str_slice(id, 0, 80)));
}

pb_status stored_response(struct exchange *exchange, struct reference *reference, const pb_json **out)
{
    pb_str id = percent_decode(exchange->match.values[0]);

    if (!reference_read(id, reference) || !reference->message.size ||
        !pb_str_is(reference->prefix, "resp_"))
        return no_response(id);
    pb_status status = stored_message(exchange, reference, out);
    if (status == PB_OK && !pb_str_is(pb_json_text(pb_json_get(*out, "role")), "assistant"))
        status = PB_NOT_FOUND;
    return status == PB_NOT_FOUND ? no_response(id) : status;
}

/* The conversation's pipeline is the model that was asked. */
static pb_status read_model(struct exchange *exchange, const struct reference *reference,
                            struct response *response)
{
    const pb_json *conversation;
    pb_status status =
        stored_call(exchange, "GET",
             pb_printf("/v1/conversations/%.*s", PB_ARG(reference->conversation)), (pb_str){0},
             &conversation);

    response->model = pb_json_text(pb_json_get(conversation, "pipeline"));
    return status;
}

pb_status responses_get(struct exchange *exchange)
{
    struct reference reference;
    struct response response = {.stored = true};
    const pb_json *message;
    pb_status status = stored_response(exchange, &reference, &message);

    if (status == PB_OK)
        status = read_model(exchange, &reference, &response);
    if (status != PB_OK)
        return status;
    response.base = base_make(reference.conversation, reference.message);
    response.created = uuid_time(reference.message);
    return answer_stored(exchange, &response, message);
}

pb_status responses_delete(struct exchange *exchange)
{
    struct reference reference;
    struct said said = {0};
    const pb_json *message, *nothing;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = stored_response(exchange, &reference, &message);

    if (status == PB_OK)
        status = said_read(exchange, &reference, message, &said);
    if (status == PB_OK)
        status = stored_call(exchange, "DELETE", stored_path(&reference, true), (pb_str){0}, &nothing);
    for (size_t i = 0; i < said.count && status == PB_OK; i++) {
        struct reference each = reference;
        each.message = pb_json_text(pb_json_get(said.items[i], "id"));
        status = stored_call(exchange, "DELETE", stored_path(&each, true), (pb_str){0}, &nothing);
    }
    if (status != PB_OK)
        return status;
    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "id", percent_decode(exchange->match.values[0]));
    pb_jw_member(&writer, "object", pb_lit("response"));
    pb_jw_key(&writer, "deleted");
    pb_jw_bool(&writer, true);
    pb_jw_close(&writer, '}');
    return buf.failed ? (pb_status)PB_NO_MEMORY
                      : answer(exchange, 200, "application/json", pb_buf_str(&buf));
}
