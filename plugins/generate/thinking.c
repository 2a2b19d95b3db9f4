/* thinking.c - what a model thought before it called tools, for the next round's messages. Thinking that
 * no service signed is not kept: none wants it back. */
#include "generate.h"

static pb_part *add_part(struct thinking *thinking)
{
    size_t room = thinking->room ? thinking->room * 2 : 4;
    pb_part *part = PB_NEW(pb_part);

    if (thinking->count == thinking->room) {
        const pb_part **parts = (const pb_part **)pb_grow(
            thinking->parts, thinking->room * sizeof *parts, room * sizeof *parts);
        if (!parts)
            return NULL;
        thinking->parts = parts;
        thinking->room = room;
    }
    if (!part)
        return NULL;
    part->size = (uint32_t)sizeof *part;
    part->type = PB_PART_THINKING;
    thinking->parts[thinking->count++] = part;
    return part;
}

pb_status thinking_take(struct thinking *thinking, const pb_event *event)
{
    pb_str signature = pb_json_text(pb_json_get(event->data, "signature"));
    pb_str redacted = pb_json_text(pb_json_get(event->data, "redacted"));

    pb_buf_add(&thinking->text, event->text);
    if (!signature.size && !redacted.size)
        return pb_buf_status(&thinking->text);
    pb_part *part = add_part(thinking);
    if (!part)
        return PB_NO_MEMORY;
    part->content = pb_copy(signature.size ? signature : redacted);
    if (signature.size) {
        part->text = thinking->text.size ? pb_buf_str(&thinking->text) : pb_lit("");
        memset(&thinking->text, 0, sizeof thinking->text);
    }
    return part->content.data ? pb_buf_status(&thinking->text) : (pb_status)PB_NO_MEMORY;
}

pb_status thinking_give(const struct thinking *thinking, pb_message *message)
{
    const pb_part **parts = PB_NEW_ARRAY(const pb_part *, thinking->count + 1);
    pb_part *text = PB_NEW(pb_part);

    if (!parts || !text)
        return PB_NO_MEMORY;
    if (!thinking->count)
        return PB_OK;
    memcpy(parts, thinking->parts, thinking->count * sizeof *parts);
    message->parts = parts;
    message->part_count = thinking->count;
    if (!message->text.size)
        return PB_OK;
    text->size = (uint32_t)sizeof *text;
    text->type = PB_PART_TEXT;
    text->text = message->text;
    parts[message->part_count++] = text;
    return PB_OK;
}
