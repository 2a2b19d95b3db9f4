/* responses.c - POST /v1/responses: reads the request and runs the turn that it asks for.
 *
 * What a pipeline with history is asked is stored unless `store` is false: the response's id then leads to
 * the conversation. Where the pipeline keeps none, nothing is stored, and the answer says so (`store`).
 */
#include "openai/responses.h"

#include <patchbay/secret.h>

void response_ignore(struct response *response, pb_str name)
{
    pb_buf_add(&response->ignored, response->ignored.size ? pb_lit(", ") : pb_lit(""));
    for (size_t i = 0; i < name.size && response->ignored.size < 1024; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c <= ' ' || c >= 127 || c == ',' || c == '%')
            pb_buf_printf(&response->ignored, "%%%02X", c);
        else
            pb_buf_byte(&response->ignored, (char)c);
    }
}

/* "conv_" and the digits of a UUID, or the UUID. Absent: neither. */
static pb_str conversation_of(pb_str text)
{
    struct reference reference;
    uint8_t bytes[16];

    if (pb_uuid_bytes(text, bytes))
        return text;
    if (!pb_str_starts(text, pb_lit("conv_")) || text.size != 5 + 32 ||
        !reference_read(pb_printf("resp_%.*s%.*s", PB_ARG(pb_str_slice(text, 5, 32)),
                                  PB_ARG(pb_str_slice(text, 5, 32))),
                        &reference))
        return (pb_str){0};
    return reference.conversation;
}

/* The member `conversation`, a text or {"id": …}, or the header. */
static void read_conversation(struct exchange *exchange, const pb_json *json,
                              struct response *response)
{
    const pb_json *member = pb_json_get(json, "conversation");
    pb_str header = pb_str_trim(pb_request_header(exchange->request, "patchbay-conversation"));
    pb_str named = pb_json_text(pb_json_is(member, PB_JSON_OBJECT) ? pb_json_get(member, "id") : member);

    response->spec.conversation = header;
    if (!json_given(member))
        return;
    response->conversation = named;
    response->spec.conversation = conversation_of(named);
    if (!response->spec.conversation.size)
        fault(exchange, AT(NULL, "conversation"), "must be the id of a conversation");
    else if (header.size && !pb_str_same(header, response->spec.conversation))
        fault(exchange, AT(NULL, "conversation"),
              "must be what the header Patchbay-Conversation says");
    if (json_given(pb_json_get(json, "previous_response_id")))
        fault(exchange, AT(NULL, "conversation"), "cannot be told together with previous_response_id");
}

/* Where the turn is stored: nowhere, in a new conversation, or in one that goes on. */
static void read_store(struct exchange *exchange, const pb_json *json, struct response *response)
{
    bool keeps = response->spec.pipeline &&
                 pb_pipeline_info_of(response->spec.pipeline)->keeps_history;
    bool store = read_bool(exchange, json, "store", true);

    response->previous = member_text(exchange, json, NULL, "previous_response_id");
    read_conversation(exchange, json, response);
    if (response->previous.size && !keeps && response->spec.pipeline)
        fault(exchange, AT(NULL, "previous_response_id"),
              "the model '%.*s' keeps no conversations: send the whole input, or give its pipeline the "
              "stage 'history'",
              PB_ARG(response->model));
    if (!store && (response->previous.size || response->spec.conversation.size))
        fault(exchange, AT(NULL, "store"), "must be true where a conversation goes on: what is said in it is "
                                           "stored");
    if (!response->spec.conversation.size && keeps && store)
        response->spec.conversation = pb_lit("new");
}

static pb_status read_request(struct exchange *exchange, struct response *response)
{
    const pb_json *json;
    pb_status status = body_json(exchange, &json);

    if (status == PB_OK)
        status = openai_model(exchange, json, &response->model, &response->spec.pipeline);
    if (status != PB_OK)
        return status;
    response->request = json;
    response->stream = read_bool(exchange, json, "stream", false);
    if (read_bool(exchange, json, "background", false))
        fault(exchange, AT(NULL, "background"),
              "must be false; a turn that runs on its own is POST /v1/turns with \"detach\": true");
    read_store(exchange, json, response);
    if (!(response->spec.params = response_params_read(exchange, response)))
        return PB_NO_MEMORY;
    status = response_input_read(exchange, response);
    if (status == PB_OK)
        status = faults_status(exchange);
    return status == PB_OK && response->previous.size ? stored_continue(exchange, response) : status;
}

/* The ids that the answer has, and the names of what had no effect. */
static pb_status describe(struct exchange *exchange, struct response *response)
{
    const pb_turn_info *info = &exchange->source->info;

    response->created = info->created;
    response->stored = info->conversation.size > 0;
    response->base = response->stored ? base_make(info->conversation, info->reply)
                                      : base_make(info->id, (pb_str){0});
    if (!response->base.size || response->ignored.failed)
        return PB_NO_MEMORY;
    return response->ignored.size && response->source.turn
               ? pb_turn_set_header(response->source.turn, pb_lit("Patchbay-Ignored"),
                                    pb_buf_str(&response->ignored))
               : (pb_status)PB_OK;
}

pb_status responses_create(struct exchange *exchange)
{
    struct response response = {.spec = pb_turn_spec_make()};
    pb_turn_spec *spec = &response.spec;
    pb_status status = read_request(exchange, &response);

    if (status == PB_OK)
        status = kept_read_key(exchange, spec);
    if (status != PB_OK)
        return status;
    spec->stream = response.stream;
    spec->principal = &exchange->principal;
    spec->messages = response.messages.list;
    spec->message_count = response.messages.count;
    spec->dialect = pb_lit("openai");
    spec->request_id = exchange->request->id;
    spec->remote = exchange->request->remote;
    spec->transport = pb_lit("http");
    status = source_begin(exchange, spec, false, &response.source);
    if (status != PB_OK)
        return status;
    status = describe(exchange, &response);
    if (status == PB_OK)
        status = response.stream ? response_answer_stream(exchange, &response)
                                 : response_answer_whole(exchange, &response);
    return source_end(exchange, status);
}
