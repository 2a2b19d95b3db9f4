/* create.c - POST /v1/messages: reads the request and runs the turn that it asks for.
 *
 * `model` names a pipeline. The headers anthropic-version and anthropic-beta are taken as they come: the first
 * may be absent, the second goes to a model of the same dialect.
 */
#include "anthropic/anthropic.h"

static pb_status read_model(struct exchange *exchange, const pb_json *json, struct ask *ask)
{
    ask->model = member_needed(exchange, json, NULL, "model");
    if (!ask->model.data)
        return PB_OK;
    ask->spec.pipeline = pipeline_named(exchange->http, ask->model);
    if (ask->spec.pipeline)
        return PB_OK;
    return pb_fail_at(PB_NOT_FOUND, "/model", "there is no model '%.*s' here",
                      PB_ARG(pb_str_slice(ask->model, 0, 128)));
}

/* In a thread the server holds what was said and the request has only what is new. To ignore it would be to
 * forget the rest; clients that are refused send everything. */
static pb_status refuse_thread(struct exchange *exchange, const pb_json *json)
{
    if (!json_given(pb_json_get(json, "thread")))
        return PB_OK;
    exchange->code = pb_str_of(anthropic_no_thread);
    return pb_fail_at(PB_INVALID, "/thread",
                      "is not supported: send the whole conversation in `messages`");
}

/* The conversation that the turn belongs to: the header, or the member of the metadata. */
static void read_conversation(struct exchange *exchange, struct ask *ask)
{
    pb_str header = pb_str_trim(pb_request_header(exchange->request, "patchbay-conversation"));
    const struct place *place = AT(AT(NULL, "metadata"), "conversation");
    const pb_json *member = pb_json_get(ask->spec.metadata, "conversation");

    if (json_given(member) && !pb_json_text(member).size)
        fault(exchange, place, "must be the id of a conversation, or \"new\"");
    else if (header.size && pb_json_text(member).size && !pb_str_same(header, pb_json_text(member)))
        fault(exchange, place, "must be what the header Patchbay-Conversation says");
    ask->spec.conversation = header.size ? header : pb_json_text(member);
}

static void read_metadata(struct exchange *exchange, const pb_json *json, struct ask *ask)
{
    const pb_json *metadata = pb_json_get(json, "metadata");

    if (json_given(metadata) && metadata->type != PB_JSON_OBJECT)
        fault(exchange, AT(NULL, "metadata"), "must be an object");
    if (pb_json_is(metadata, PB_JSON_OBJECT))
        ask->spec.metadata = metadata;
    (void)member_text(exchange, ask->spec.metadata, AT(NULL, "metadata"), "user_id");
    read_conversation(exchange, ask);
}

pb_status anthropic_read(struct exchange *exchange, struct ask *ask, bool counting)
{
    const pb_json *json;
    pb_status status = body_json(exchange, &json);

    if (status == PB_OK)
        status = refuse_thread(exchange, json);
    if (status != PB_OK)
        return status;
    pb_status known = read_model(exchange, json, ask);
    ask->spec.params = anthropic_params_read(exchange, json, counting);
    anthropic_messages_read(exchange, json, &ask->messages);
    if (!counting)
        ask->stream = read_bool(exchange, json, "stream", false);
    read_metadata(exchange, json, ask);
    if (!ask->spec.params || (ask->messages.count && !ask->messages.list))
        return PB_NO_MEMORY;
    status = faults_status(exchange);
    return status == PB_OK ? known : status;
}

pb_status anthropic_create(struct exchange *exchange)
{
    struct ask ask = {.spec = pb_turn_spec_make()};
    pb_status status = anthropic_read(exchange, &ask, false);

    if (status == PB_OK)
        status = kept_read_key(exchange, &ask.spec);
    if (status != PB_OK)
        return status;
    ask.spec.stream = ask.stream;
    ask.spec.principal = &exchange->principal;
    ask.spec.messages = ask.messages.list;
    ask.spec.message_count = ask.messages.count;
    ask.spec.dialect = pb_lit("anthropic");
    ask.spec.request_id = exchange->request->id;
    ask.spec.remote = exchange->request->remote;
    ask.spec.transport = pb_lit("http");
    status = source_begin(exchange, &ask.spec, false, &ask.source);
    if (status != PB_OK)
        return status;
    status = ask.stream ? anthropic_answer_stream(exchange, &ask)
                        : anthropic_answer_whole(exchange, &ask);
    return source_end(exchange, status);
}
