/* json.h - JSON: a tree to read, a writer to produce, both in the running scope.
 *
 * Parsing rejects what is not strictly JSON, invalid UTF-8 and duplicate keys, with a JSON pointer.
 * Numbers keep their source text. Nothing here parks. Format: RFC 8259.
 */
#ifndef PATCHBAY_JSON_H
#define PATCHBAY_JSON_H

#include <patchbay/memory.h>
#include <math.h>
#include <stdlib.h>

enum {
    PB_JSON_NULL = 0,
    PB_JSON_FALSE = 1,
    PB_JSON_TRUE = 2,
    PB_JSON_NUMBER = 3,
    PB_JSON_STRING = 4,
    PB_JSON_ARRAY = 5,
    PB_JSON_OBJECT = 6,
};

/* One value. Walk children by `next`, never as an array. A NULL pointer stands for "not there" and
 * is taken by every reader below, so that look-ups chain:
 *     pb_json_text(pb_json_get(pb_json_at(pb_json_get(root, "choices"), 0), "text")) */
typedef struct pb_json pb_json;
struct pb_json {
    uint32_t type;
    uint32_t count;       /* children of an array or object */
    pb_str key;           /* in an object: this member's name */
    pb_str text;          /* a string's value (decoded), or a number's source text */
    const pb_json *child; /* the first child */
    const pb_json *next;  /* the next sibling */
    pb_json *last;        /* the last child: for pb_json_add */
};

/* Parses `text` whole. *out lives in the running scope. PB_INVALID with sentence and pointer,
 * PB_TOO_LARGE when deeper than 64 levels, PB_NO_MEMORY. */
static inline pb_status pb_json_parse(pb_str text, const pb_json **out)
{
    return PB_CALL(json_parse)(text, out);
}

static inline bool pb_json_is(const pb_json *json, uint32_t type)
{
    return json && json->type == type;
}

/* The member `name` of an object, or NULL. */
static inline const pb_json *pb_json_member(const pb_json *json, pb_str name)
{
    const pb_json *at = pb_json_is(json, PB_JSON_OBJECT) ? json->child : NULL;
    while (at && !pb_str_equal(at->key, name))
        at = at->next;
    return at;
}

/* The same by a NUL-terminated name. */
static inline const pb_json *pb_json_get(const pb_json *json, const char *name)
{
    return pb_json_member(json, pb_str_of(name));
}

/* The i-th element of an array, or NULL. */
static inline const pb_json *pb_json_at(const pb_json *json, size_t index)
{
    const pb_json *at = pb_json_is(json, PB_JSON_ARRAY) ? json->child : NULL;
    while (at && index--)
        at = at->next;
    return at;
}

/* A string's value; the absent string for anything else. */
static inline pb_str pb_json_text(const pb_json *json)
{
    return pb_json_is(json, PB_JSON_STRING) ? json->text : pb_str_make(NULL, 0);
}

/* A number's value; `otherwise` for anything else. */
static inline double pb_json_double(const pb_json *json, double otherwise)
{
    return pb_json_is(json, PB_JSON_NUMBER) ? strtod(json->text.data, NULL) : otherwise;
}

static inline int64_t pb_json_int(const pb_json *json, int64_t otherwise)
{
    int64_t small = 0;
    size_t digits = 0;

    if (!pb_json_is(json, PB_JSON_NUMBER))
        return otherwise;
    while (digits < json->text.size && json->text.data[digits] >= '0' &&
           json->text.data[digits] <= '9' && digits < 16)
        small = small * 10 + (json->text.data[digits++] - '0');
    if (digits == json->text.size) /* most numbers: a few digits */
        return small;
    double value = strtod(json->text.data, NULL);
    if (value != floor(value) || fabs(value) > 9e15)
        return fabs(value) < 9e18 && memchr(json->text.data, '.', json->text.size) == NULL
                   ? strtoll(json->text.data, NULL, 10)
                   : otherwise;
    return (int64_t)value;
}

static inline bool pb_json_bool(const pb_json *json, bool otherwise)
{
    if (pb_json_is(json, PB_JSON_TRUE))
        return true;
    return pb_json_is(json, PB_JSON_FALSE) ? false : otherwise;
}

/* --- building a tree -------------------------------------------------------------------------- */

/* A new value in the running scope; `text` is borrowed. NULL when memory is short. */
static inline pb_json *pb_json_new(uint32_t type, pb_str text)
{
    pb_json *json = PB_NEW(pb_json);
    if (json) {
        json->type = type;
        json->text = text;
    }
    return json;
}

static inline pb_json *pb_json_string(pb_str text)
{
    return pb_json_new(PB_JSON_STRING, text);
}

static inline pb_json *pb_json_number(double value)
{
    if (value == floor(value) && fabs(value) < 9e15)
        return pb_json_new(PB_JSON_NUMBER, pb_printf("%lld", (long long)value));
    return pb_json_new(PB_JSON_NUMBER, isfinite(value) ? pb_printf("%.15g", value) : pb_lit("0"));
}

static inline pb_json *pb_json_boolean(bool value)
{
    return pb_json_new(value ? PB_JSON_TRUE : PB_JSON_FALSE, pb_str_make(NULL, 0));
}

/* Appends `value` to an array (key absent) or object and returns it. `value` must not stand in
 * another tree. NULLs (memory was short) pass through. */
static inline pb_json *pb_json_add(pb_json *parent, pb_str key, pb_json *value)
{
    if (!parent || !value)
        return NULL;
    value->key = key;
    value->next = NULL;
    if (parent->last)
        parent->last->next = value;
    else
        parent->child = value;
    parent->last = value;
    parent->count++;
    return value;
}

/* The same with a copy of `value`, which may stand in another tree; what is below it is shared. */
static inline pb_json *pb_json_add_copy(pb_json *parent, pb_str key, const pb_json *value)
{
    pb_json *copy = value ? PB_NEW(pb_json) : NULL;
    if (copy)
        *copy = *value;
    return pb_json_add(parent, key, copy);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Streams JSON text into a buffer; commas are placed by the writer. Begin with PB_JSON_WRITER(&buf).
 * What is opened must be closed by the caller. Errors are the buffer's (pb_buf_status). */
typedef struct pb_json_writer {
    pb_buf *buf;
    bool comma;
} pb_json_writer;

static inline pb_json_writer pb_json_writer_make(pb_buf *buf)
{
    pb_json_writer writer;
    writer.buf = buf;
    writer.comma = false;
    return writer;
}

/* A whole value as text: numbers from their source, strings escaped. */
static inline void pb_json_write(pb_buf *buf, const pb_json *json)
{
    PB_CALL(json_write)(buf, json);
}

/* `text` as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
static inline void pb_json_quote(pb_buf *buf, pb_str text)
{
    PB_CALL(json_quote)(buf, text);
}

static inline void pb_jw_separate(pb_json_writer *writer)
{
    if (writer->comma)
        pb_buf_byte(writer->buf, ',');
    writer->comma = true;
}

/* A member's name; the next call writes its value. `name` is ASCII without quotes. */
static inline void pb_jw_key(pb_json_writer *writer, const char *name)
{
    pb_jw_separate(writer);
    pb_buf_byte(writer->buf, '"');
    pb_buf_add(writer->buf, pb_str_of(name));
    pb_buf_add(writer->buf, pb_lit("\":"));
    writer->comma = false;
}

static inline void pb_jw_key_str(pb_json_writer *writer, pb_str name)
{
    pb_jw_separate(writer);
    pb_json_quote(writer->buf, name);
    pb_buf_byte(writer->buf, ':');
    writer->comma = false;
}

static inline void pb_jw_open(pb_json_writer *writer, char bracket)
{
    pb_jw_separate(writer);
    pb_buf_byte(writer->buf, bracket);
    writer->comma = false;
}

static inline void pb_jw_close(pb_json_writer *writer, char bracket)
{
    pb_buf_byte(writer->buf, bracket);
    writer->comma = true;
}

static inline void pb_jw_str(pb_json_writer *writer, pb_str text)
{
    pb_jw_separate(writer);
    pb_json_quote(writer->buf, text);
}

/* Text that is JSON already. */
static inline void pb_jw_raw(pb_json_writer *writer, pb_str json)
{
    pb_jw_separate(writer);
    pb_buf_add(writer->buf, json);
}

static inline void pb_jw_int(pb_json_writer *writer, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    pb_jw_separate(writer);
    if (value < 0)
        pb_buf_byte(writer->buf, '-');
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    pb_buf_add(writer->buf, pb_str_make(digits + at, sizeof digits - at));
}

static inline void pb_jw_double(pb_json_writer *writer, double value)
{
    pb_jw_separate(writer);
    if (isfinite(value))
        pb_buf_printf(writer->buf, "%.15g", value);
    else
        pb_buf_add(writer->buf, pb_lit("null"));
}

static inline void pb_jw_bool(pb_json_writer *writer, bool value)
{
    pb_jw_raw(writer, value ? pb_lit("true") : pb_lit("false"));
}

static inline void pb_jw_null(pb_json_writer *writer)
{
    pb_jw_raw(writer, pb_lit("null"));
}

static inline void pb_jw_json(pb_json_writer *writer, const pb_json *json)
{
    pb_jw_separate(writer);
    pb_json_write(writer->buf, json);
}

#endif
