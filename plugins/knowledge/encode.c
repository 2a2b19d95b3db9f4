/* encode.c - times, names, lists and objects, to and from what is stored. */
#define _DEFAULT_SOURCE
#include "knowledge.h"

#include <time.h>

pb_str time_text(pb_time moment)
{
    time_t seconds = (time_t)(moment / 1000);
    struct tm utc;

    if (moment <= 0 || moment > 253402300799999 || !gmtime_r(&seconds, &utc))
        return pb_str_make(NULL, 0);
    return pb_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(moment % 1000));
}

pb_str cell_text(const pb_value *value)
{
    return value->type == PB_VALUE_TEXT ? value->text : pb_str_make(NULL, 0);
}

bool cell_there(const pb_value *value)
{
    return value->type != PB_VALUE_NULL;
}

pb_status json_of(pb_str text, const pb_json **out)
{
    *out = NULL;
    return text.size ? pb_json_parse(text, out) : (pb_status)PB_OK;
}

pb_str json_text_of(const pb_json *json)
{
    pb_buf buf;

    memset(&buf, 0, sizeof buf);
    if (!json)
        return pb_str_make(NULL, 0);
    pb_json_write(&buf, json);
    return pb_buf_str(&buf);
}

pb_str hex_of(const uint8_t digest[32])
{
    return pb_hex((pb_bytes){digest, 32});
}

/* --- names --------------------------------------------------------------------------------------
 */

/* How many bytes a character has that begins here; 0: none that UTF-8 knows. */
static size_t character(pb_str text, size_t at)
{
    unsigned char c = (unsigned char)text.data[at];
    size_t size = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;

    if (size > text.size - at)
        return 0;
    for (size_t i = 1; i < size; i++)
        if (((unsigned char)text.data[at + i] & 0xC0) != 0x80)
            return 0;
    unsigned char next = size > 1 ? (unsigned char)text.data[at + 1] : 0;
    bool bad = (c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F) ||
               (c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F);
    return bad ? 0 : size;
}

pb_status name_check(pb_str name, const char *pointer)
{
    if (!name.size || name.size > NAME_MOST)
        return pb_fail_at(PB_INVALID, pointer, "must have 1 to %d bytes", NAME_MOST);
    for (size_t at = 0, size; at < name.size; at += size) {
        size = character(name, at);
        if (!size || (unsigned char)name.data[at] < ' ' || name.data[at] == 0x7f)
            return pb_fail_at(PB_INVALID, pointer, "must be UTF-8 without control characters");
    }
    return PB_OK;
}

/* --- lists ---------------------------------------------------------------------------------------
 */

static bool has_before(const pb_json *list, const pb_json *until, pb_str word)
{
    for (const pb_json *at = list->child; at != until; at = at->next)
        if (pb_str_equal(pb_str_trim(at->text), word))
            return true;
    return false;
}

pb_status words_read(const pb_json *json, const char *pointer, pb_str *text)
{
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    *text = pb_str_make(NULL, 0);
    if (!json || pb_json_is(json, PB_JSON_NULL))
        return PB_OK;
    if (!pb_json_is(json, PB_JSON_ARRAY) || json->count > LABELS_MOST)
        return pb_fail_at(PB_INVALID, pointer, "must be a list of at most %d words", LABELS_MOST);
    pb_jw_open(&writer, '[');
    for (const pb_json *at = json->child; at; at = at->next) {
        pb_str word = pb_str_trim(pb_json_text(at));
        if (word.size > LABEL_MOST || name_check(word, pointer) != PB_OK)
            return pb_fail_at(PB_INVALID, pointer, "must be a list of words of 1 to %d bytes",
                              LABEL_MOST);
        if (!has_before(json, at, word))
            pb_jw_str(&writer, word);
    }
    pb_jw_close(&writer, ']');
    *text = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

pb_str words_text(const pb_list *words)
{
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < words->count; i++)
        pb_jw_str(&writer, PB_ITEM(*words, pb_str, i));
    pb_jw_close(&writer, ']');
    return pb_buf_str(&buf);
}

pb_status words_list(pb_str text, pb_list *out)
{
    const pb_json *json;
    pb_status status = json_of(text, &json);

    memset(out, 0, sizeof *out);
    if (status != PB_OK || !json || !json->count)
        return status;
    if (!(out->items = PB_NEW_ARRAY(pb_str, json->count)))
        return PB_NO_MEMORY;
    for (const pb_json *at = json->child; at; at = at->next)
        PB_ITEM(*out, pb_str, out->count++) = pb_json_text(at);
    return PB_OK;
}

pb_status metadata_read(const pb_json *json, pb_str *text)
{
    *text = pb_str_make(NULL, 0);
    if (!json || pb_json_is(json, PB_JSON_NULL))
        return PB_OK;
    if (!pb_json_is(json, PB_JSON_OBJECT))
        return pb_fail_at(PB_INVALID, "/metadata", "must be an object");
    *text = json_text_of(json);
    return text->size <= METADATA_MOST
               ? (pb_status)PB_OK
               : pb_fail_at(PB_TOO_LARGE, "/metadata", "must not be longer than %d bytes",
                            METADATA_MOST);
}
