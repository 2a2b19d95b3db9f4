/* messages.c - pb_ask.messages, JSON that the test wrote, made into messages. */
#include "internal.h"

static int32_t role_of(pb_str role)
{
    static const char *const names[] = {"system", "user", "assistant", "tool"};

    for (int32_t i = 0; i < 4; i++)
        if (pb_str_is(role, names[i]))
            return i;
    harness_die("no role: '%.*s'", PB_ARG(role));
}

static void read_tool_calls(const pb_json *json, pb_message *message)
{
    if (!pb_json_is(json, PB_JSON_ARRAY))
        return;
    const pb_tool_call **calls = PB_NEW_ARRAY(const pb_tool_call *, json->count);
    for (const pb_json *at = json->child; at; at = at->next) {
        const pb_json *function = pb_json_get(at, "function");
        pb_tool_call *call = PB_NEW(pb_tool_call);
        call->size = sizeof *call;
        call->index = (uint32_t)message->tool_call_count;
        call->id = pb_json_text(pb_json_get(at, "id"));
        call->name = pb_json_text(pb_json_get(function, "name"));
        call->arguments = pb_json_text(pb_json_get(function, "arguments"));
        call->signature = pb_json_text(pb_json_get(at, "signature"));
        calls[message->tool_call_count++] = call;
    }
    message->tool_calls = calls;
}

static int32_t type_of(pb_str type)
{
    static const char *const names[] = {"text", "image", "file", "audio", "thinking"};

    for (int32_t i = 0; i < 5; i++)
        if (pb_str_is(type, names[i]))
            return i;
    harness_die("no type of part: '%.*s'", PB_ARG(type));
}

static void read_parts(const pb_json *json, pb_message *message)
{
    const pb_part **parts = PB_NEW_ARRAY(const pb_part *, json->count);

    for (const pb_json *at = json->child; at; at = at->next) {
        pb_part *part = PB_NEW(pb_part);
        part->size = sizeof *part;
        part->type = type_of(pb_json_text(pb_json_get(at, "type")));
        part->text = pb_json_text(pb_json_get(at, "text"));
        part->mime = pb_json_text(pb_json_get(at, "mime"));
        part->name = pb_json_text(pb_json_get(at, "name"));
        part->url = pb_json_text(pb_json_get(at, "url"));
        part->content = pb_json_text(pb_json_get(at, "content"));
        if (part->type == PB_PART_TEXT && !message->text.size)
            message->text = part->text;
        parts[message->part_count++] = part;
    }
    message->parts = parts;
}

static const pb_message *read_message(const pb_ask *ask, const pb_json *json)
{
    const pb_json *content = pb_json_get(json, "content");
    pb_message *message =
        pb_message_new(role_of(pb_json_text(pb_json_get(json, "role"))), pb_json_text(content));

    message->name = pb_json_text(pb_json_get(json, "name"));
    message->tool_call_id = pb_json_text(pb_json_get(json, "tool_call_id"));
    read_tool_calls(pb_json_get(json, "tool_calls"), message);
    if (ask->dialect) {
        message->dialect = pb_str_of(ask->dialect);
        message->source = pb_json_get(json, "source") ? pb_json_get(json, "source") : json;
    } else if (pb_json_is(content, PB_JSON_ARRAY)) {
        read_parts(content, message);
    }
    return message;
}

void harness_messages(pb_harness *harness, const pb_ask *ask, pb_turn_spec *spec)
{
    const pb_json *json = ask->messages ? harness_json(harness, pb_str_of(ask->messages)) : NULL;
    size_t count = json ? json->count : 1;
    const pb_message **messages = PB_NEW_ARRAY(const pb_message *, count);

    if (!json && !ask->text && ask->replaces)
        return;
    if (!json)
        messages[0] = pb_message_new(PB_ROLE_USER, pb_str_of(ask->text ? ask->text : ""));
    count = 0;
    for (const pb_json *at = json ? json->child : NULL; at; at = at->next)
        messages[count++] = read_message(ask, at);
    spec->messages = messages;
    spec->message_count = json ? count : 1;
}
