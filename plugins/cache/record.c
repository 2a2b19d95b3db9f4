/* record.c - an answer as bytes: "PBR1", when it was given, and a frame for each thing said.
 *
 *     type (1 byte)  size of the name (1)  size of the data (4, little end first)  name  data
 *
 * Pieces of text that follow each other become one frame. Tool calls and what is not known here
 * make the record unfit: they did something, or mean something, that saying it again would not.
 */
#include "cache.h"

enum { HEAD = 6, BEGINNING = 12 };

static void put_number(uint8_t *at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t number_at(const uint8_t *at, size_t size)
{
    uint64_t number = 0;

    while (size--)
        number = number << 8 | at[size];
    return number;
}

/* --- recording -------------------------------------------------------------------------------- */

static void keep(struct record *record, const void *data, size_t size)
{
    pb_str bytes = {data, size};

    if (record->unfit || pb_reply_add(&record->kept, &record->frames, bytes) == PB_OK)
        return;
    pb_error_clear();
    record->unfit = true;
}

static void add_frame(struct record *record, int type, pb_str name, pb_str data)
{
    uint8_t head[HEAD] = {(uint8_t)type, (uint8_t)name.size};

    put_number(head + 2, data.size, 4);
    record->last = record->frames.size;
    record->last_type = type;
    if (name.size > UINT8_MAX)
        record->unfit = true;
    keep(record, head, sizeof head);
    keep(record, name.data, name.size);
    keep(record, data.data, data.size);
}

static void add_text(struct record *record, int type, pb_str text)
{
    if (record->last_type != type) {
        add_frame(record, type, (pb_str){0}, text);
        return;
    }
    uint8_t *size = (uint8_t *)record->frames.data + record->last + 2;
    put_number(size, number_at(size, 4) + text.size, 4);
    keep(record, text.data, text.size);
}

static void add_json(struct record *record, int type, const pb_event *event)
{
    pb_scope *scope = pb_scope_begin();
    pb_buf buf = {0};

    if (event->data)
        pb_json_write(&buf, event->data);
    if (buf.failed)
        record->unfit = true;
    else
        add_frame(record, type, event->name, pb_buf_str(&buf));
    pb_scope_end(scope);
}

static pb_status note(pb_sink *sink, const pb_event *event)
{
    struct record *record = (struct record *)(void *)sink;

    if (event->branch)
        record->unfit = true;
    if (record->unfit) /* the last frame may be cut off */
        return pb_pass(sink, event);
    switch (event->type) {
    case PB_EVENT_TEXT:
    case PB_EVENT_THINKING:
        if (event->text.size)
            add_text(record, event->type, event->text);
        break;
    case PB_EVENT_SOURCE:
    case PB_EVENT_CUSTOM:
        add_json(record, event->type, event);
        break;
    case PB_EVENT_USAGE:
    case PB_EVENT_STAGE:
        break;
    default:
        record->unfit = true;
    }
    return pb_pass(sink, event);
}

void record_begin(struct record *record, int64_t limit)
{
    uint8_t beginning[BEGINNING] = "PBR1";

    memset(record, 0, sizeof *record);
    record->base.size = (uint32_t)sizeof record->base;
    record->base.emit = note;
    record->kept = pb_reply_make((size_t)limit + BEGINNING);
    put_number(beginning + 4, (uint64_t)pb_now(), 8);
    keep(record, beginning, sizeof beginning);
}

pb_bytes record_bytes(const struct record *record)
{
    return (pb_bytes){(const uint8_t *)record->frames.data, record->frames.size};
}

void record_end(struct record *record)
{
    free(record->frames.data);
    record->frames.data = NULL;
    pb_reply_end(&record->kept);
}

/* --- saying it again -------------------------------------------------------------------------- */

pb_status record_age(pb_bytes bytes, int64_t *age)
{
    size_t at = BEGINNING;

    if (bytes.size <= BEGINNING || memcmp(bytes.data, "PBR1", 4) != 0)
        return PB_DECLINED;
    while (bytes.size - at >= HEAD) {
        size_t size = HEAD + bytes.data[at + 1] + (size_t)number_at(bytes.data + at + 2, 4);
        if (size > bytes.size - at)
            return PB_DECLINED;
        at += size;
    }
    *age = pb_now() - (int64_t)number_at(bytes.data + 4, 8);
    return at == bytes.size ? (pb_status)PB_OK : (pb_status)PB_DECLINED;
}

static pb_status say(pb_turn *turn, const uint8_t *frame)
{
    pb_event event = pb_event_make(frame[0]);
    size_t size = (size_t)number_at(frame + 2, 4);
    pb_str data = {(const char *)frame + HEAD + frame[1], size};
    pb_status status = PB_OK;

    if (event.type == PB_EVENT_TEXT || event.type == PB_EVENT_THINKING)
        event.text = data;
    else if (size)
        status = pb_json_parse(data, &event.data);
    event.name = pb_str_make(frame[1] ? (const char *)frame + HEAD : NULL, frame[1]);
    return status == PB_OK ? pb_emit(turn, &event) : status;
}

pb_status record_replay(pb_turn *turn, pb_bytes bytes)
{
    pb_status status = PB_OK;

    for (size_t at = BEGINNING; at < bytes.size && status == PB_OK;) {
        const uint8_t *frame = bytes.data + at;
        at += HEAD + frame[1] + (size_t)number_at(frame + 2, 4);
        status = say(turn, frame);
    }
    return status;
}
