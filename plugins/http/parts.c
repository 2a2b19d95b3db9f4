/* parts.c - what the dialects share in reading messages: members, and lists of parts. */
#include "http.h"

bool json_given(const pb_json *json)
{
    return json && json->type != PB_JSON_NULL;
}

pb_str member_text(struct exchange *exchange, const pb_json *json, const struct place *place,
                        const char *name)
{
    const pb_json *value = pb_json_get(json, name);

    if (json_given(value) && value->type != PB_JSON_STRING)
        fault(exchange, AT_NAME(place, pb_str_of(name)), "must be a text");
    return pb_json_text(value);
}

pb_str member_needed(struct exchange *exchange, const pb_json *json, const struct place *place,
                          const char *name)
{
    if (!json_given(pb_json_get(json, name)))
        fault(exchange, AT_NAME(place, pb_str_of(name)), "is missing");
    return member_text(exchange, json, place, name);
}

void part_read_url(pb_part *part, pb_str url)
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

void part_read_file(pb_part *part, pb_str data)
{
    part_read_url(part, data);
    if (!part->url.size || pb_str_find(data, ':') < 12) /* a scheme is short, and base64 has no colon */
        return;
    part->content = data;
    part->url = (pb_str){0};
    part->mime = pb_lit("application/pdf"); /* what the API means where nothing is said */
}

void parts_add_front(pb_message *message, const pb_part *const *parts, size_t count)
{
    bool text = !message->part_count && message->text.size;
    const pb_part **all = PB_NEW_ARRAY(const pb_part *, count + message->part_count + 1);
    pb_part *words = text ? PB_NEW(pb_part) : NULL;

    if (!all || (text && !words) || !count)
        return;
    memcpy(all, parts, count * sizeof *all);
    if (message->part_count)
        memcpy(all + count, message->parts, message->part_count * sizeof *all);
    if (words) {
        *words = (pb_part){.size = (uint32_t)sizeof *words, .type = PB_PART_TEXT,
                           .text = message->text};
        all[count] = words;
    }
    message->part_count += count + text;
    message->parts = all;
}

void parts_read(struct exchange *exchange, const pb_json *list, const struct place *place,
                       part_reader *reader, pb_message *message)
{
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
        part->source = at;
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
