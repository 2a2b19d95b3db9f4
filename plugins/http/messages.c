/* messages.c - messages as OpenAI's dialect and the native API write them, made into pb_message.
 *
 * A message keeps the JSON it came from, so that an llm of the same dialect sends it unchanged.
 */
#include "http.h"

static bool has(const pb_json *json)
{
    return json && json->type != PB_JSON_NULL;
}

/* The text member `name`; absent is fine. */
static pb_str read_text(struct exchange *exchange, const pb_json *json, const struct place *place,
                        const char *name)
{
    const pb_json *value = pb_json_get(json, name);

    if (has(value) && value->type != PB_JSON_STRING)
        fault(exchange, AT_NAME(place, pb_str_of(name)), "must be a text");
    return pb_json_text(value);
}

static pb_str read_needed(struct exchange *exchange, const pb_json *json, const struct place *place,
                          const char *name)
{
    if (!has(pb_json_get(json, name)))
        fault(exchange, AT_NAME(place, pb_str_of(name)), "is missing");
    return read_text(exchange, json, place, name);
}

/* "data:image/png;base64,…" is taken apart; any other URL stays one. */
static void read_url(pb_part *part, pb_str url)
{
    size_t comma = pb_str_find(url, ',');
    pb_str head = pb_str_slice(url, 5, comma - (comma > 5 ? 5 : comma));

    part->url = url;
    if (comma == url.size || !pb_str_starts(url, pb_lit("data:")) ||
        !pb_str_ends(head, pb_lit(";base64")))
        return;
    part->url = (pb_str){0};
    part->mime = pb_str_slice(head, 0, head.size - 7);
    part->content = pb_str_slice(url, comma + 1, url.size);
}

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
            read_needed(exchange, json, place, pb_str_is(type, "text") ? "text" : "refusal");
    } else if (pb_str_is(type, "image_url")) {
        part->type = PB_PART_IMAGE;
        if (pb_json_is(inner, PB_JSON_STRING))
            read_url(part, inner->text);
        else
            read_url(part, read_needed(exchange, inner, AT(place, "image_url"), "url"));
    } else if (pb_str_is(type, "input_audio")) {
        const struct place *inside = AT(place, "input_audio");
        part->type = PB_PART_AUDIO;
        part->content = read_needed(exchange, inner, inside, "data");
        part->mime = pb_str_is(read_text(exchange, inner, inside, "format"), "mp3")
                         ? pb_lit("audio/mpeg")
                         : pb_lit("audio/wav");
    } else if (pb_str_is(type, "file")) {
        const struct place *inside = AT(place, "file");
        part->type = PB_PART_FILE;
        part->name = read_text(exchange, inner, inside, "filename");
        read_url(part, read_text(exchange, inner, inside, "file_data"));
    } else {
        return false;
    }
    return true;
}

/* {"type": "image", "mime": "image/png", "content": base64} or {…, "url": …} */
static bool read_native_part(struct exchange *exchange, const pb_json *json,
                             const struct place *place, pb_part *part)
{
    static const char *const types[] = {"text", "image", "file", "audio"};
    pb_str type = pb_json_text(pb_json_get(json, "type"));

    for (part->type = 0; part->type <= PB_PART_AUDIO; part->type++)
        if (pb_str_is(type, types[part->type]))
            break;
    if (part->type > PB_PART_AUDIO)
        return false;
    if (part->type == PB_PART_TEXT) {
        part->text = read_needed(exchange, json, place, "text");
        return true;
    }
    part->mime = read_text(exchange, json, place, "mime");
    part->name = read_text(exchange, json, place, "name");
    part->url = read_text(exchange, json, place, "url");
    part->content = read_text(exchange, json, place, "content");
    if ((part->url.size > 0) == (part->content.size > 0))
        fault(exchange, place, "must have either `url` or `content` (base64)");
    else if (part->content.size && !part->mime.size)
        fault(exchange, AT(place, "mime"), "is missing");
    return true;
}

typedef bool part_reader(struct exchange *, const pb_json *, const struct place *, pb_part *);

/* Reads a list of parts: all text parts joined as text, and the parts when there are others. */
static void read_parts(struct exchange *exchange, const pb_json *list, const struct place *place,
                       pb_message *message)
{
    part_reader *reader = exchange->openai ? read_openai_part : read_native_part;
    const pb_part **parts = PB_NEW_ARRAY(const pb_part *, list->count);
    pb_buf text = {0};
    bool only_text = true;
    size_t count = 0;

    for (const pb_json *at = list->child; at && parts; at = at->next, count++) {
        const struct place *inside = AT_INDEX(place, count);
        pb_part *part = PB_NEW(pb_part);
        if (!part)
            return;
        part->size = (uint32_t)sizeof *part;
        parts[count] = part;
        if (!reader(exchange, at, inside, part)) {
            fault(exchange, AT(inside, "type"), "is no type of part that is known here");
            continue;
        }
        only_text = only_text && part->type == PB_PART_TEXT;
        if (part->type == PB_PART_TEXT && part->text.size) {
            pb_buf_add(&text, text.size ? pb_lit("\n\n") : pb_lit(""));
            pb_buf_add(&text, part->text);
        }
    }
    message->text = text.size ? pb_buf_str(&text) : pb_lit("");
    if (!only_text) {
        message->parts = parts;
        message->part_count = count;
    }
}

static void read_tool_calls(struct exchange *exchange, const pb_json *list,
                            const struct place *place, pb_message *message)
{
    size_t index = 0;

    if (!has(list))
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
        call->id = read_needed(exchange, at, inside, "id");
        call->name = read_needed(exchange, function, AT(inside, "function"), "name");
        call->arguments = read_needed(exchange, function, AT(inside, "function"), "arguments");
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
    message->name = read_text(exchange, json, place, "name");
    if (message->role == PB_ROLE_ASSISTANT)
        read_tool_calls(exchange, pb_json_get(json, "tool_calls"), AT(place, "tool_calls"),
                        message);
    if (message->role == PB_ROLE_TOOL)
        message->tool_call_id = read_needed(exchange, json, place, "tool_call_id");
    if (pb_json_is(content, PB_JSON_STRING))
        message->text = content->text;
    else if (pb_json_is(content, PB_JSON_ARRAY))
        read_parts(exchange, content, AT(place, "content"), message);
    else if (has(content))
        fault(exchange, AT(place, "content"), "must be a text or a list of parts");
    else if (message->role != PB_ROLE_ASSISTANT)
        fault(exchange, AT(place, "content"), "is missing");
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

const pb_message *message_native(struct exchange *exchange, const pb_json *json)
{
    const struct place *place = AT(NULL, "message");
    pb_message *message = pb_message_new(PB_ROLE_USER, pb_json_text(json));

    if (!message)
        return NULL;
    if (!json)
        fault(exchange, place, "is missing");
    else if (json->type == PB_JSON_ARRAY && json->count)
        read_parts(exchange, json, place, message);
    else if (json->type != PB_JSON_STRING)
        fault(exchange, place, "must be a text or a list of parts");
    else if (!json->text.size)
        fault(exchange, place, "must not be empty");
    return message;
}
