/* responses_stored.c - asks the service `conversations` for what was stored, by its operations and as the
 * client's principal, so what is another's is not there.
 */
#include "openai/responses.h"

pb_status stored_call(struct exchange *exchange, const char *method, pb_str path, pb_str input,
                      const pb_json **out)
{
    pb_operation_match match = {.size = (uint32_t)sizeof match};
    pb_content content = {.size = (uint32_t)sizeof content};
    const pb_operation *operation;
    pb_call asked = {.size = (uint32_t)sizeof asked,
                     .principal = &exchange->principal,
                     .match = &match,
                     .request_id = exchange->request->id,
                     .remote = exchange->request->remote};

    *out = NULL;
    exchange->unable = pb_operation_route(pb_str_of(method), path, &operation, &match) != PB_OK;
    if (exchange->unable)
        return pb_fail(PB_UNSUPPORTED, "responses are read and gone on from where the service "
                                       "'conversations' is configured; here it is not");
    if (pb_str_is(pb_str_of(method), "GET"))
        asked.query = input;
    else
        asked.body = input;
    pb_status status = pb_operation_call(operation, &asked, &content);
    return status == PB_OK && content.body.size ? pb_json_parse(content.body, out) : status;
}

pb_str stored_path(const struct reference *reference, bool message)
{
    return message ? pb_printf("/v1/conversations/%.*s/messages/%.*s",
                               PB_ARG(reference->conversation), PB_ARG(reference->message))
                   : pb_printf("/v1/conversations/%.*s/messages", PB_ARG(reference->conversation));
}

pb_status stored_message(struct exchange *exchange, const struct reference *reference,
                         const pb_json **out)
{
    pb_status status = stored_call(exchange, "GET", stored_path(reference, true), (pb_str){0}, out);

    if (status == PB_OK && pb_json_bool(pb_json_get(*out, "deleted"), false))
        return pb_fail(PB_NOT_FOUND, "the message was deleted");
    return status;
}

/* --- going on ------------------------------------------------------------------------------------- */

static pb_status no_previous(struct exchange *exchange, pb_str id)
{
    exchange->code = pb_lit("previous_response_not_found");
    return pb_fail_at(PB_INVALID, "/previous_response_id", "there is no response '%.*s' here",
                      PB_ARG(pb_str_slice(id, 0, 80)));
}

/* Is this the last that was said in its conversation? */
static pb_status is_last(struct exchange *exchange, const struct reference *reference, bool *out)
{
    const pb_json *page;
    pb_status status =
        stored_call(exchange, "GET", stored_path(reference, false), pb_lit("sort=-seq&limit=1"), &page);
    const pb_json *last = pb_json_at(pb_json_get(page, "messages"), 0);

    *out = pb_str_same(pb_json_text(pb_json_get(last, "id")), reference->message);
    return status;
}

static pb_status fork(struct exchange *exchange, const struct reference *reference, pb_str *out)
{
    const pb_json *copy;
    pb_status status =
        stored_call(exchange, "POST",
             pb_printf("/v1/conversations/%.*s/fork", PB_ARG(reference->conversation)),
             pb_printf("{\"message\":\"%.*s\"}", PB_ARG(reference->message)), &copy);

    *out = pb_json_text(pb_json_get(copy, "id"));
    return status;
}

pb_status stored_continue(struct exchange *exchange, struct response *response)
{
    struct reference reference;
    bool last = false;

    if (!reference_read(response->previous, &reference) || !reference.message.size ||
        !pb_str_is(reference.prefix, "resp_"))
        return no_previous(exchange, response->previous);
    pb_status status = is_last(exchange, &reference, &last);
    response->spec.conversation = reference.conversation;
    if (status == PB_OK && !last)
        status = fork(exchange, &reference, &response->spec.conversation);
    return status == PB_NOT_FOUND ? no_previous(exchange, response->previous) : status;
}
