/* messages.c - messages as OpenAI's chat completions write them, made into pb_message.
 *
 * A message keeps the JSON it came from, so that an llm of the same dialect sends it unchanged.
 */
#include "openai/openai.h"

/* A part in OpenAI's words. False: no such type. */
static bool read_openai_part(struct exchange *exchange, const pb_json *json,
                             const struct place *place, pb_part *part)
{
    pb_str type = pb_json_text(pb_json_get(json, "type"));
    const pb_json *inner = pb_json_get(json, pb_str_is(type, "image_url") ? "image_url"
                                             : pb_str_is(type, "file")    ? "file"
                                                                          : "input_audio");
    if (pb_str_is(type, "text") || pb_str_is(type, "refusal")) {
        part->type = PB_PART_TEXT;
        part->text =
            member_needed(exchange, json, place, pb_str_is(type, "text") ? "text" : "refusal");
    } else if (pb_str_is(type, "image_url")) {
        part->type = PB_PART_IMAGE;
        if (pb_json_is(inner, PB_JSON_STRING))
            part_read_url(part, inner->text);
        else
            part_read_url(part, member_needed(exchange, inner, AT(place, "image_url"), "url"));
    } else if (pb_str_is(type, "input_audio")) {
        const struct place *inside = AT(place, "input_audio");
        part->type = PB_PART_AUDIO;
        part->content = member_needed(exchange, inner, inside, "data");
        part->mime = pb_str_is(member_text(exchange, inner, inside, "format"), "mp3")
                         ? pb_lit("audio/mpeg")
                         : pb_lit("audio/wav");
    } else if (pb_str_is(type, "file")) {
        const struct place *inside = AT(place, "file");
        part->type = PB_PART_FILE;
        part->name = member_text(exchange, inner, inside, "filename");
        part_read_file(part, member_text(exchange, inner, inside, "file_data"));
        if (!part->url.size && !part->content.size && !json_given(pb_json_get(inner, "file_id")))
            fault(exchange, AT(inside, "file_data"), "is missing");
    } else {
        return false;
    }
    return true;
}

pb_str openai_signature(const pb_json *call)
{
    const pb_json *google = pb_json_get(pb_json_get(call, "extra_content"), "google");

    return pb_json_text(pb_json_get(google, "thought_signature"));
}

/* What the model thought: blocks that its service signed, as they were answered, or the text alone. */
static void read_thinking(struct exchange *exchange, const pb_json *json, const struct place *place,
                          pb_message *message)
{
    const pb_json *blocks = pb_json_get(json, "thinking_blocks");
    pb_str text = member_text(exchange, json, place, "reasoning_content");
    bool list = pb_json_is(blocks, PB_JSON_ARRAY) && blocks->count;
    size_t count = list ? blocks->count : text.size > 0, i = 0;
    pb_part *parts = count ? PB_NEW_ARRAY(pb_part, count) : NULL;
    const pb_part **at = count ? PB_NEW_ARRAY(const pb_part *, count) : NULL;

    if (json_given(blocks) && blocks->type != PB_JSON_ARRAY)
        fault(exchange, AT(place, "thinking_blocks"), "must be a list of blocks");
    if (!parts || !at)
        return;
    for (const pb_json *block = list ? blocks->child : NULL; i < count;
         i++, block = block ? block->next : NULL) {
        pb_str redacted = pb_json_text(pb_json_get(block, "data"));
        parts[i] = (pb_part){.size = (uint32_t)sizeof *parts, .type = PB_PART_THINKING};
        at[i] = &parts[i];
        parts[i].text = block ? pb_json_text(pb_json_get(block, "thinking")) : text;
        parts[i].content =
            redacted.size ? redacted : pb_json_text(pb_json_get(block, "signature"));
    }
    parts_add_front(message, at, count);
}

static void read_tool_calls(struct exchange *exchange, const pb_json *list,
                            const struct place *place, pb_message *message)
{
    size_t index = 0;

    if (!json_given(list))
        return;
    if (list->type != PB_JSON_ARRAY) {
        fault(exchange, place, "must be a list of calls");
        return;
    }
    const pb_tool_call **calls = PB_NEW_ARRAY(const pb_tool_call *, list->count);
    for (const pb_json *at = list->child; at && calls; at = at->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        const pb_json *function = pb_json_get(at, "function");
        pb_tool_call *call = PB_NEW(pb_tool_call);
        if (!call)
            return;
        calls[index] = call;
        call->size = (uint32_t)sizeof *call;
        call->index = (uint32_t)index;
        call->id = member_needed(exchange, at, inside, "id");
        call->name = member_needed(exchange, function, AT(inside, "function"), "name");
        call->arguments = member_needed(exchange, function, AT(inside, "function"), "arguments");
        call->signature = openai_signature(at);
    }
    message->tool_calls = calls;
    message->tool_call_count = calls ? index : 0;
}

static int32_t read_role(struct exchange *exchange, const pb_json *json, const struct place *place)
{
    static const struct {
        pb_str name;
        int32_t role;
    } roles[] = {
        {PB_LIT("user"), PB_ROLE_USER},        {PB_LIT("assistant"), PB_ROLE_ASSISTANT},
        {PB_LIT("system"), PB_ROLE_SYSTEM},    {PB_LIT("tool"), PB_ROLE_TOOL},
        {PB_LIT("developer"), PB_ROLE_SYSTEM},
    };
    pb_str name = pb_json_text(pb_json_get(json, "role"));

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (pb_str_equal(name, roles[i].name))
            return roles[i].role;
    fault(exchange, AT(place, "role"),
          "must be \"system\", \"developer\", \"user\", \"assistant\" or \"tool\"");
    return PB_ROLE_USER;
}

static void read_message(struct exchange *exchange, const pb_json *json, const struct place *place,
                         pb_message *message)
{
    const pb_json *content = pb_json_get(json, "content");

    message->role = read_role(exchange, json, place);
    message->source = json;
    message->dialect = pb_lit("openai");
    message->name = member_text(exchange, json, place, "name");
    if (message->role == PB_ROLE_ASSISTANT)
        read_tool_calls(exchange, pb_json_get(json, "tool_calls"), AT(place, "tool_calls"),
                        message);
    if (message->role == PB_ROLE_TOOL)
        message->tool_call_id = member_needed(exchange, json, place, "tool_call_id");
    if (pb_json_is(content, PB_JSON_STRING))
        message->text = content->text;
    else if (pb_json_is(content, PB_JSON_ARRAY))
        parts_read(exchange, content, AT(place, "content"), read_openai_part, message);
    else if (json_given(content))
        fault(exchange, AT(place, "content"), "must be a text or a list of parts");
    else if (message->role != PB_ROLE_ASSISTANT)
        fault(exchange, AT(place, "content"), "is missing");
    if (message->role == PB_ROLE_ASSISTANT)
        read_thinking(exchange, json, place, message);
}

void messages_read(struct exchange *exchange, const pb_json *json, struct messages *out)
{
    const struct place *place = AT(NULL, "messages");
    size_t index = 0;

    if (!pb_json_is(json, PB_JSON_ARRAY) || json->count == 0) {
        fault(exchange, place, json ? "must be a list with at least one message" : "is missing");
        return;
    }
    pb_message *messages = PB_NEW_ARRAY(pb_message, json->count);
    out->list = PB_NEW_ARRAY(const pb_message *, json->count);
    if (!messages || !out->list)
        return;
    for (const pb_json *at = json->child; at; at = at->next, index++) {
        pb_message *message = &messages[index];
        message->size = (uint32_t)sizeof *message;
        out->list[index] = message;
        if (at->type != PB_JSON_OBJECT)
            fault(exchange, AT_INDEX(place, index), "must be an object");
        else
            read_message(exchange, at, AT_INDEX(place, index), message);
    }
    out->count = json->count;
}
