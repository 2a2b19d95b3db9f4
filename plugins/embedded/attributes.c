/* attributes.c - what filters and access look at, as a flat list of (field, kind, value), in bytes
 * that sort as the values do. It is made when a document is put, so that making segments needs no
 * JSON. */
#include "embedded.h"

#include <math.h>

enum { FIELD_MOST = 1024, ATTRIBUTES_MOST = 4096 };

void attribute_key(pb_buf *buf, pb_str field, int kind, pb_str value)
{
    uint16_t size = (uint16_t)(field.size < FIELD_MOST ? field.size : FIELD_MOST);
    char head[2] = {(char)(size >> 8), (char)size};

    pb_buf_add(buf, pb_str_make(head, 2));
    pb_buf_add(buf, pb_str_slice(field, 0, size));
    pb_buf_byte(buf, (char)kind);
    pb_buf_add(buf, value);
}

static pb_str number_bytes(double number, char *room)
{
    uint64_t bits;

    number = number == 0 ? 0 : number; /* no negative zero */
    memcpy(&bits, &number, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    for (int i = 0; i < 8; i++)
        room[i] = (char)(bits >> (56 - 8 * i));
    return pb_str_make(room, 8);
}

bool attribute_value(const pb_json *json, int *kind, pb_str *value, char *room)
{
    switch (json ? json->type : PB_JSON_ARRAY) {
    case PB_JSON_NUMBER:
        *kind = KIND_NUMBER;
        *value = number_bytes(pb_json_double(json, 0), room);
        return true;
    case PB_JSON_STRING:
        *kind = KIND_TEXT;
        *value = json->text;
        return true;
    case PB_JSON_TRUE:
    case PB_JSON_FALSE:
        *kind = KIND_BOOL;
        room[0] = json->type == PB_JSON_TRUE;
        *value = pb_str_make(room, 1);
        return true;
    case PB_JSON_NULL:
        *kind = KIND_EMPTY;
        *value = pb_lit("");
        return true;
    default:
        return false;
    }
}

struct making {
    pb_buf out;
    pb_buf path;
    size_t count;
};

static void add(struct making *making, pb_str field, int kind, pb_str value)
{
    uint32_t size =
        (uint32_t)((field.size < FIELD_MOST ? field.size : FIELD_MOST) + 3 + value.size);

    making->count++;
    pb_buf_add(&making->out, pb_str_make((const char *)&size, sizeof size));
    attribute_key(&making->out, field, kind, value);
}

/* An object is there by itself, and its members as "object.member"; an array is each of its
 * elements.
 */
static void add_json(struct making *making, const pb_json *json)
{
    pb_str value;
    char room[8];
    int kind;

    if (making->count > ATTRIBUTES_MOST)
        return;
    if (attribute_value(json, &kind, &value, room)) {
        add(making, pb_buf_str(&making->path), kind, value);
        return;
    }
    if (making->path.size)
        add(making, pb_buf_str(&making->path), KIND_EMPTY, pb_lit("{"));
    for (const pb_json *child = json->child; child; child = child->next) {
        size_t before = making->path.size;
        if (json->type == PB_JSON_OBJECT) {
            if (!before && pb_str_starts(child->key, pb_lit("$")))
                continue; /* the store's own */
            if (before)
                pb_buf_byte(&making->path, '.');
            pb_buf_add(&making->path, child->key);
        }
        add_json(making, child);
        making->path.size = before;
    }
}

pb_status attributes_make(const struct labels *labels, pb_str *out)
{
    struct making making = {.count = 0};

    add(&making, pb_lit("$document"), KIND_TEXT, labels->document_id);
    if (labels->name.size)
        add(&making, pb_lit("$name"), KIND_TEXT, labels->name);
    if (labels->type.size)
        add(&making, pb_lit("$type"), KIND_TEXT, labels->type);
    for (size_t i = 0; i < labels->tag_count; i++)
        add(&making, pb_lit("$tags"), KIND_TEXT, labels->tags[i]);
    for (size_t i = 0; i < labels->access_count; i++)
        add(&making, pb_lit(""), KIND_LABEL, labels->access[i]);
    if (pb_json_is(labels->metadata, PB_JSON_OBJECT))
        add_json(&making, labels->metadata);
    if (making.count > ATTRIBUTES_MOST)
        return pb_fail(PB_TOO_LARGE, "the metadata of '%.*s' has more than %d values",
                       PB_ARG(labels->document_id), (int)ATTRIBUTES_MOST);
    *out = pb_buf_str(&making.out);
    return making.out.failed || making.path.failed ? (pb_status)PB_NO_MEMORY : (pb_status)PB_OK;
}

pb_str strings_text(const pb_str *strings, size_t count)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < count; i++)
        pb_jw_str(&writer, strings[i]);
    pb_jw_close(&writer, ']');
    return buf.failed ? pb_str_make(NULL, 0) : pb_buf_str(&buf);
}
