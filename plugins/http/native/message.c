/* message.c - the message of a native turn: text, or a list of parts. */
#include "native/native.h"

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
        part->text = member_needed(exchange, json, place, "text");
        return true;
    }
    part->mime = member_text(exchange, json, place, "mime");
    part->name = member_text(exchange, json, place, "name");
    part->url = member_text(exchange, json, place, "url");
    part->content = member_text(exchange, json, place, "content");
    if ((part->url.size > 0) == (part->content.size > 0))
        fault(exchange, place, "must have either `url` or `content` (base64)");
    else if (part->content.size && !part->mime.size)
        fault(exchange, AT(place, "mime"), "is missing");
    return true;
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
        parts_read(exchange, json, place, read_native_part, message);
    else if (json->type != PB_JSON_STRING)
        fault(exchange, place, "must be a text or a list of parts");
    else if (!json->text.size)
        fault(exchange, place, "must not be empty");
    return message;
}
