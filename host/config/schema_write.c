/* schema_write.c - a struct as JSON by its table: the output of operations. */
#include "config/schema_internal.h"

static void write_object(const pb_field *fields, const char *from, pb_json_writer *writer);

/* Is there nothing to write? */
static bool is_absent(const pb_field *field, const void *at)
{
    switch (field->kind) {
    case PB_KIND_STR:
    case PB_KIND_SECRET:
    case PB_KIND_PATH:
    case PB_KIND_DATA_PATH:
        return !((const pb_str *)at)->data;
    case PB_KIND_JSON:
        return !*(const pb_json *const *)at;
    case PB_KIND_LIST:
    case PB_KIND_MAP: {
        pb_field item = schema_item(field);
        return schema_size(item.kind, &item) == 0 || item.kind == PB_KIND_REF ||
               item.kind == PB_KIND_PIPELINE;
    }
    case PB_KIND_ENUM: {
        int32_t index = *(const int32_t *)at, count = 0;
        while (field->values && field->values[count])
            count++;
        return index < 0 || index >= count;
    }
    default:
        return field->kind == PB_KIND_REF || field->kind == PB_KIND_PIPELINE ||
               field->kind > PB_KIND_JSON;
    }
}

static void write_value(const pb_field *field, const void *at, pb_json_writer *writer);

static void write_items(const pb_field *field, const void *at, pb_json_writer *writer)
{
    bool keyed = field->kind == PB_KIND_MAP;
    const pb_map *map = at;
    const pb_list *list = at;
    const char *items = keyed ? map->items : list->items;
    size_t count = keyed ? map->count : list->count;
    pb_field item = schema_item(field);
    size_t size = schema_size(item.kind, &item);

    pb_jw_open(writer, keyed ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        bool absent = is_absent(&item, items + i * size);
        if (keyed && absent)
            continue;
        if (keyed)
            pb_jw_key_str(writer, map->keys[i]);
        if (absent)
            pb_jw_null(writer); /* the others keep their index */
        else
            write_value(&item, items + i * size, writer);
    }
    pb_jw_close(writer, keyed ? '}' : ']');
}

static void write_value(const pb_field *field, const void *at, pb_json_writer *writer)
{
    switch (field->kind) {
    case PB_KIND_STR:
    case PB_KIND_PATH:
    case PB_KIND_DATA_PATH:
        pb_jw_str(writer, *(const pb_str *)at);
        break;
    case PB_KIND_SECRET:
        pb_jw_str(writer, pb_lit("***"));
        break;
    case PB_KIND_INT:
    case PB_KIND_SIZE:
        pb_jw_int(writer, *(const int64_t *)at);
        break;
    case PB_KIND_FLOAT:
        pb_jw_double(writer, *(const double *)at);
        break;
    case PB_KIND_BOOL:
        pb_jw_bool(writer, *(const bool *)at);
        break;
    case PB_KIND_DURATION:
        pb_jw_str(writer, schema_duration_text(*(const pb_duration *)at));
        break;
    case PB_KIND_ENUM:
        pb_jw_str(writer, pb_str_of(field->values[*(const int32_t *)at]));
        break;
    case PB_KIND_JSON:
        pb_jw_json(writer, *(const pb_json *const *)at);
        break;
    case PB_KIND_STRUCT:
        write_object(field->fields, at, writer);
        break;
    default:
        write_items(field, at, writer);
        break;
    }
}

static void write_object(const pb_field *fields, const char *from, pb_json_writer *writer)
{
    pb_jw_open(writer, '{');
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        pb_field field = schema_field(at);
        if (is_absent(&field, from + field.offset))
            continue;
        pb_jw_key(writer, pb_field_name(&field));
        write_value(&field, from + field.offset, writer);
    }
    pb_jw_close(writer, '}');
}

void schema_write_json(const pb_field *fields, const void *from, pb_json_writer *writer)
{
    write_object(fields, from, writer);
}
