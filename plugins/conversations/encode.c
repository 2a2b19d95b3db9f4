/* encode.c - times, titles, and what a message has beside its text, to and from what is stored. */
#define _DEFAULT_SOURCE
#include "conversations.h"

#include <time.h>

/* --- times ------------------------------------------------------------------------------------ */

pb_str time_text(pb_time moment)
{
    time_t seconds = (time_t)(moment / 1000);
    struct tm utc;

    if (moment < 0 || moment > 253402300799999 || !gmtime_r(&seconds, &utc))
        return time_text(0);
    return pb_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(moment % 1000));
}

static bool digits(pb_str text, size_t at, size_t count, int *out)
{
    for (*out = 0; count--; at++) {
        if (at >= text.size || text.data[at] < '0' || text.data[at] > '9')
            return false;
        *out = *out * 10 + (text.data[at] - '0');
    }
    return true;
}

/* Milliseconds behind the seconds: ".1", ".123", ".123456"; *at moves behind them. */
static int fraction(pb_str text, size_t *at)
{
    int value = 0, scale = 100;

    if (*at < text.size && text.data[*at] == '.')
        for (++*at; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
            value += (text.data[*at] - '0') * scale;
            scale /= 10;
        }
    return value;
}

bool time_read(pb_str text, pb_time *out)
{
    struct tm utc;
    size_t at = 19;

    memset(&utc, 0, sizeof utc);
    if (text.size < 20 || text.data[4] != '-' || text.data[7] != '-' || text.data[10] != 'T' ||
        text.data[13] != ':' || text.data[16] != ':' || !digits(text, 0, 4, &utc.tm_year) ||
        !digits(text, 5, 2, &utc.tm_mon) || !digits(text, 8, 2, &utc.tm_mday) ||
        !digits(text, 11, 2, &utc.tm_hour) || !digits(text, 14, 2, &utc.tm_min) ||
        !digits(text, 17, 2, &utc.tm_sec))
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    int rest = fraction(text, &at);
    if (at + 1 != text.size || text.data[at] != 'Z')
        return false;
    *out = (pb_time)timegm(&utc) * 1000 + rest;
    return *out >= 0;
}

/* --- titles ----------------------------------------------------------------------------------- */

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

pb_str title_of(pb_str text)
{
    size_t size = 0, space = 0, characters = 0;

    text = pb_str_trim(text);
    pb_str line = pb_str_trim(pb_str_slice(text, 0, pb_str_find(text, '\n')));
    while (size < line.size) {
        if (!is_inside_character(line.data[size]) && characters++ == TITLE_MOST)
            break;
        if (line.data[size] == ' ')
            space = size;
        size++;
    }
    if (size < line.size && line.data[size] != ' ' && space)
        size = space;
    line = pb_str_trim(pb_str_slice(line, 0, size));
    return line.size ? line : pb_str_make(NULL, 0);
}

/* --- messages --------------------------------------------------------------------------------- */

static const char *const part_types[] = {"text", "image", "file", "audio", "thinking"};
enum { PART_TYPES = sizeof part_types / sizeof *part_types };

static void write_present(pb_json_writer *writer, const char *key, pb_str text)
{
    if (!text.data)
        return;
    pb_jw_key(writer, key);
    pb_jw_str(writer, text);
}

static void write_parts(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "parts");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        pb_jw_open(writer, '{');
        write_present(writer, "type", pb_str_of(part_types[part->type < PART_TYPES ? part->type : 0]));
        write_present(writer, "text", part->text);
        write_present(writer, "mime", part->mime);
        write_present(writer, "name", part->name);
        write_present(writer, "url", part->url);
        write_present(writer, "content", part->content);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_calls(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "tool_calls");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->tool_call_count; i++) {
        const pb_tool_call *call = message->tool_calls[i];
        pb_jw_open(writer, '{');
        write_present(writer, "id", call->id);
        write_present(writer, "name", call->name);
        write_present(writer, "arguments", call->arguments);
        write_present(writer, "signature", call->signature);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

pb_status extra_of(const pb_message *message, pb_str *out)
{
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    *out = pb_str_make(NULL, 0);
    if (!message->name.data && !message->tool_call_id.data && !message->part_count &&
        !message->tool_call_count)
        return PB_OK;
    pb_jw_open(&writer, '{');
    write_present(&writer, "name", message->name);
    write_present(&writer, "tool_call_id", message->tool_call_id);
    if (message->part_count)
        write_parts(&writer, message);
    if (message->tool_call_count)
        write_calls(&writer, message);
    pb_jw_close(&writer, '}');
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

static int32_t part_type(pb_str name)
{
    for (int32_t i = 0; i < PART_TYPES; i++)
        if (pb_str_is(name, part_types[i]))
            return i;
    return PB_PART_TEXT;
}

static pb_status parts_read(const pb_json *parts, pb_message *message)
{
    if (!pb_json_is(parts, PB_JSON_ARRAY) || !parts->count)
        return PB_OK;
    pb_part *items = PB_NEW_ARRAY(pb_part, parts->count);
    const pb_part **list = PB_NEW_ARRAY(const pb_part *, parts->count);
    if (!items || !list)
        return PB_NO_MEMORY;
    for (const pb_json *at = parts->child; at; at = at->next) {
        pb_part *part = &items[message->part_count];
        part->size = (uint32_t)sizeof *part;
        part->type = part_type(pb_json_text(pb_json_get(at, "type")));
        part->text = pb_json_text(pb_json_get(at, "text"));
        part->mime = pb_json_text(pb_json_get(at, "mime"));
        part->name = pb_json_text(pb_json_get(at, "name"));
        part->url = pb_json_text(pb_json_get(at, "url"));
        part->content = pb_json_text(pb_json_get(at, "content"));
        list[message->part_count++] = part;
    }
    message->parts = list;
    return PB_OK;
}

pb_status calls_read(const pb_json *calls, pb_message *message)
{
    if (!pb_json_is(calls, PB_JSON_ARRAY) || !calls->count)
        return PB_OK;
    pb_tool_call *items = PB_NEW_ARRAY(pb_tool_call, calls->count);
    const pb_tool_call **list = PB_NEW_ARRAY(const pb_tool_call *, calls->count);
    if (!items || !list)
        return PB_NO_MEMORY;
    for (const pb_json *at = calls->child; at; at = at->next) {
        pb_tool_call *call = &items[message->tool_call_count];
        call->size = (uint32_t)sizeof *call;
        call->index = (uint32_t)message->tool_call_count;
        call->id = pb_json_text(pb_json_get(at, "id"));
        call->name = pb_json_text(pb_json_get(at, "name"));
        call->arguments = pb_json_text(pb_json_get(at, "arguments"));
        call->signature = pb_json_text(pb_json_get(at, "signature"));
        list[message->tool_call_count++] = call;
    }
    message->tool_calls = list;
    return PB_OK;
}

/* Thinking that its model signed, in front of the text: a model that thought before a call wants both back. */
static pb_status blocks_read(const pb_json *blocks, pb_message *message)
{
    if (!pb_json_is(blocks, PB_JSON_ARRAY) || !blocks->count || message->part_count)
        return PB_OK;
    pb_part *items = PB_NEW_ARRAY(pb_part, blocks->count + 1);
    const pb_part **list = PB_NEW_ARRAY(const pb_part *, blocks->count + 1);
    if (!items || !list)
        return PB_NO_MEMORY;
    for (const pb_json *at = blocks->child; at; at = at->next) {
        pb_part *part = &items[message->part_count];
        pb_str redacted = pb_json_text(pb_json_get(at, "data"));
        part->size = (uint32_t)sizeof *part;
        part->type = PB_PART_THINKING;
        part->text = pb_json_text(pb_json_get(at, "thinking"));
        part->content =
            redacted.size ? redacted : pb_json_text(pb_json_get(at, "signature"));
        list[message->part_count++] = part;
    }
    if (message->text.size) {
        pb_part *words = &items[message->part_count];
        words->size = (uint32_t)sizeof *words;
        words->text = message->text;
        list[message->part_count++] = words;
    }
    message->parts = list;
    return PB_OK;
}

pb_status extra_read(const pb_json *extra, pb_message *message)
{
    message->name = pb_json_text(pb_json_get(extra, "name"));
    message->tool_call_id = pb_json_text(pb_json_get(extra, "tool_call_id"));
    pb_status status = parts_read(pb_json_get(extra, "parts"), message);
    if (status == PB_OK && !pb_json_get(extra, "steps")) /* with steps it is not known whose they were */
        status = blocks_read(pb_json_get(extra, "blocks"), message);
    return status == PB_OK ? calls_read(pb_json_get(extra, "tool_calls"), message) : status;
}
