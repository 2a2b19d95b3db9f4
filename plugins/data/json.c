/* json.c - JSON, one value or many (JSON lines), to lines of "path: value".
 *
 * A member of the outermost object that holds more is a heading; an element of the outermost array,
 * of such a member's, or of JSON lines is a record of its own. Read in one pass, without a tree.
 */
#include "data.h"

struct json {
    struct reading *reading;
    struct flat flat;
    pb_str rest;
    int64_t line;
    int depth;
    bool lines; /* many values, each a record */
    char *text; /* of the string that was read last */
    size_t size;
};

static bool read_value(struct json *json);

static bool fail(struct json *json, const char *what)
{
    if (json->reading->writer->status == PB_OK)
        reading_fail(json->reading, json->line, "%s", what);
    return false;
}

static void skip(struct json *json, size_t size)
{
    json->rest = pb_str_slice(json->rest, size, json->rest.size);
}

/* The next character that is no white space, 0 at the end. */
static char next(struct json *json)
{
    size_t i = 0;

    while (i < json->rest.size && strchr(" \t\r\n", json->rest.data[i]) && json->rest.data[i])
        json->line += json->rest.data[i++] == '\n';
    skip(json, i);
    return json->rest.size ? json->rest.data[0] : 0;
}

static bool take(struct json *json, char c)
{
    if (next(json) != c)
        return false;
    skip(json, 1);
    return true;
}

static bool read_string(struct json *json, pb_str *out)
{
    size_t taken = json_string(json->rest, json->text, &json->size);

    if (taken == 0)
        return fail(json, "a string is not closed or has a wrong escape");
    for (size_t i = 0; i < taken; i++) /* not allowed in it, but seen */
        json->line += json->rest.data[i] == '\n';
    skip(json, taken);
    *out = pb_str_make(json->text, json->size);
    return true;
}

/* Numbers, true, false and null, as they are written. */
static bool read_word(struct json *json, pb_str *out)
{
    size_t size = 0;

    while (size < json->rest.size && !strchr(" \t\r\n,:]}[{\"", json->rest.data[size]))
        size++;
    *out = pb_str_slice(json->rest, 0, size);
    if (!size || !(pb_str_is(*out, "true") || pb_str_is(*out, "false") || pb_str_is(*out, "null") ||
                   strchr("-0123456789", out->data[0])))
        return fail(json, "a value is expected");
    skip(json, size);
    return true;
}

/* A string, number or word; `list`: it goes on in the line that has begun. */
static bool read_scalar(struct json *json, bool list)
{
    int64_t line = json->line;
    pb_str text;
    bool string = next(json) == '"';

    if (!(string ? read_string(json, &text) : read_word(json, &text)))
        return false;
    if (!text.size || (!string && pb_str_is(text, "null")))
        return true;
    if (list && json->flat.line)
        pb_bw_add(json->flat.writer, pb_lit(", "));
    else
        flat_line(&json->flat, line);
    flat_value(&json->flat, text);
    if (!list)
        flat_end_line(&json->flat, json->line);
    return true;
}

static bool is_nested(struct json *json)
{
    char c = next(json);

    return c == '{' || c == '[';
}

static bool read_array(struct json *json, bool records)
{
    uint64_t index = 0;

    if (take(json, ']'))
        return true;
    do {
        bool nested = is_nested(json);
        if (nested)
            flat_end_line(&json->flat, json->line);
        size_t before = nested && !records ? flat_down_index(&json->flat, index) : json->flat.size;
        if (!(nested ? read_value(json) : read_scalar(json, true)))
            return false;
        flat_up(&json->flat, before);
        if (nested && records)
            flat_end_record(&json->flat);
        index++;
    } while (take(json, ','));
    flat_end_line(&json->flat, json->line);
    return take(json, ']') || fail(json, "',' or ']' is expected");
}

/* A member of the outermost object that holds more: a heading and what is below it. */
static bool read_part(struct json *json, pb_str key)
{
    flat_heading(&json->flat, 1, key, json->line);
    bool array = take(json, '[');
    json->depth++;
    bool ok = array ? read_array(json, true) : read_value(json);
    json->depth--;
    flat_end_record(&json->flat);
    return ok;
}

static bool read_member(struct json *json, bool outermost)
{
    pb_str key;

    if (next(json) != '"')
        return fail(json, "the name of a member is expected");
    if (!read_string(json, &key))
        return false;
    bool titled = outermost && (pb_str_is(key, "title") || pb_str_is(key, "name"));
    size_t before = json->flat.size;
    char name[256];
    size_t size = key.size < sizeof name ? key.size : sizeof name;
    memcpy(name, key.data, size);
    if (!take(json, ':'))
        return fail(json, "':' is expected");
    if (outermost && is_nested(json))
        return read_part(json, pb_str_make(name, size));
    flat_down(&json->flat, pb_str_make(name, size));
    bool string = next(json) == '"';
    bool ok = is_nested(json) ? read_value(json) : read_scalar(json, false);
    flat_up(&json->flat, before);
    if (ok && titled && string)
        flat_title(&json->flat, pb_str_make(json->text, json->size));
    return ok;
}

static bool read_object(struct json *json, bool outermost)
{
    if (take(json, '}'))
        return true;
    do
        if (!read_member(json, outermost))
            return false;
    while (take(json, ','));
    return take(json, '}') || fail(json, "',' or '}' is expected");
}

static bool read_value(struct json *json)
{
    bool ok;

    if (pb_bw_status(json->reading->writer) != PB_OK)
        return false;
    if (json->depth >= json->reading->options->depth) {
        pb_bw_fail(json->reading->writer, PB_TOO_LARGE,
                   "its values are nested deeper than option 'depth' allows");
        return false;
    }
    json->depth++;
    if (take(json, '{'))
        ok = read_object(json, json->depth == 1 && !json->lines);
    else if (take(json, '['))
        ok = read_array(json, json->depth == 1);
    else
        ok = read_scalar(json, false);
    json->depth--;
    return ok;
}

void json_read(struct reading *reading)
{
    struct json json = {.reading = reading,
                        .flat = {.writer = reading->writer},
                        .rest = reading->text,
                        .line = 1,
                        .lines = pb_media_is_json_lines(pb_str_trim(reading->text)),
                        .text = malloc(reading->text.size + 1)};

    if (!json.text) {
        pb_bw_fail(reading->writer, PB_NO_MEMORY, "out of memory");
        return;
    }
    while (next(&json) && read_value(&json))
        flat_end_record(&json.flat);
    flat_finish(&json.flat);
    free(json.text);
}
