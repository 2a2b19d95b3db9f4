/* turns_input.c - the body of POST /v1/turns. Everything that is wrong with it is said at once. */
#include "native/native.h"

#include <patchbay/secret.h>

static const char *const fields[] = {
    "pipeline",  "conversation", "message",       "stream",   "detach", "overrides",
    "variables", "metadata",     "stream_stages", "replaces", NULL,
};

static bool is_field(pb_str name)
{
    for (size_t i = 0; fields[i]; i++)
        if (pb_str_is(name, fields[i]))
            return true;
    return false;
}

static const pb_json *read_object(struct exchange *exchange, const pb_json *json, const char *name)
{
    const pb_json *value = pb_json_get(json, name);

    if (!value || value->type == PB_JSON_NULL)
        return NULL;
    if (value->type != PB_JSON_OBJECT)
        fault(exchange, AT_NAME(NULL, value->key), "must be an object");
    return value->type == PB_JSON_OBJECT ? value : NULL;
}

static void check_overrides(struct exchange *exchange, const pb_json *overrides)
{
    for (const pb_json *at = overrides ? overrides->child : NULL; at; at = at->next) {
        const struct place *place = AT_NAME(AT(NULL, "overrides"), at->key);
        if (!param_check(exchange, at, place))
            fault(exchange, place, "is no parameter that a client may set");
    }
}

static void read_pipeline(struct exchange *exchange, const pb_json *json, pb_turn_spec *spec)
{
    const pb_json *name = pb_json_get(json, "pipeline");

    if (!name || name->type == PB_JSON_NULL)
        spec->pipeline = exchange->http->found[0];
    else if (name->type != PB_JSON_STRING)
        fault(exchange, AT(NULL, "pipeline"), "must be a text");
    else if (!(spec->pipeline = pipeline_named(exchange->http, name->text)))
        fault(exchange, AT(NULL, "pipeline"), "there is no pipeline '%.*s' here",
              PB_ARG(pb_str_slice(name->text, 0, 128)));
}

static pb_str read_id(struct exchange *exchange, const pb_json *json, const char *name)
{
    const pb_json *value = pb_json_get(json, name);
    uint8_t uuid[16];

    if (value && value->type != PB_JSON_NULL && !pb_uuid_bytes(pb_json_text(value), uuid))
        fault(exchange, AT_NAME(NULL, value->key),
              "must be an id, as 0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44, or null");
    return pb_json_text(value);
}

/* Absent is null is a new one, where the pipeline keeps any. */
static void read_conversation(struct exchange *exchange, const pb_json *json, pb_turn_spec *spec)
{
    spec->conversation = read_id(exchange, json, "conversation");
    spec->replaces = read_id(exchange, json, "replaces");
    if (!spec->conversation.size && spec->pipeline &&
        pb_pipeline_info_of(spec->pipeline)->keeps_history)
        spec->conversation = pb_lit("new");
}

pb_status turn_input_read(struct exchange *exchange, struct turn_input *input)
{
    const pb_json *json, *message;
    pb_status status = body_json(exchange, &json);

    if (status != PB_OK)
        return status;
    input->spec = pb_turn_spec_make();
    read_pipeline(exchange, json, &input->spec);
    read_conversation(exchange, json, &input->spec);
    message = pb_json_get(json, "message");
    bool needed = !input->spec.replaces.size || (message && message->type != PB_JSON_NULL);
    if (needed && !(input->message = message_native(exchange, message)))
        return PB_NO_MEMORY;
    input->detach = read_bool(exchange, json, "detach", false);
    input->stream = read_bool(exchange, json, "stream", false);
    input->spec.stream_stages = read_bool(exchange, json, "stream_stages", false);
    input->spec.params = read_object(exchange, json, "overrides");
    check_overrides(exchange, input->spec.params);
    input->spec.variables = read_object(exchange, json, "variables");
    input->spec.metadata = read_object(exchange, json, "metadata");
    for (const pb_json *at = json->child; at; at = at->next)
        if (!is_field(at->key))
            fault(exchange, AT_NAME(NULL, at->key), "is no field of a turn");
    return faults_status(exchange);
}
