/* config_write.c - the effective configuration as JSON, and JSON Schema of a whole configuration.
 *
 * The schema walk of host/config writes every kind of option but references and pipelines, which
 * are objects of this layer: those are written here.
 */
#include "plugin/instances_internal.h"

#include "config/schema.h"
#include "plugin/kinds.h"

static void write_instance(pb_json_writer *writer, const pb_instance *instance);
static void write_struct(pb_json_writer *writer, const pb_field *fields, const char *from);

/* --- the effective configuration -------------------------------------------------------------- */

static void write_pipeline(pb_json_writer *writer, const pb_pipeline *pipeline)
{
    pb_jw_open(writer, '[');
    for (size_t i = 0; pipeline && i < pipeline->count; i++) {
        const pb_instance *stage = pipeline->stages[i];
        pb_jw_open(writer, '{');
        pb_jw_key_str(writer, stage->name);
        write_instance(writer, stage);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_ref(pb_json_writer *writer, const pb_instance *instance)
{
    if (instance)
        pb_jw_str(writer, instance->name);
    else
        pb_jw_null(writer);
}

/* One item of a list or map, of a kind that belongs to this layer or holds such. */
static void write_item(pb_json_writer *writer, const pb_field *field, const char *item)
{
    if (field->item == PB_KIND_REF)
        write_ref(writer, *(pb_instance *const *)(const void *)item);
    else if (field->item == PB_KIND_PIPELINE)
        write_pipeline(writer, *(pb_pipeline *const *)(const void *)item);
    else
        write_struct(writer, field->fields, item);
}

static size_t item_size(const pb_field *field)
{
    return field->item == PB_KIND_STRUCT ? field->item_size : sizeof(void *);
}

static void write_list(pb_json_writer *writer, const pb_field *field, const pb_list *list)
{
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < list->count; i++)
        write_item(writer, field, (const char *)list->items + i * item_size(field));
    pb_jw_close(writer, ']');
}

static void write_map(pb_json_writer *writer, const pb_field *field, const pb_map *map)
{
    pb_jw_open(writer, '{');
    for (size_t i = 0; i < map->count; i++) {
        pb_jw_key_str(writer, map->keys[i]);
        write_item(writer, field, (const char *)map->items + i * item_size(field));
    }
    pb_jw_close(writer, '}');
}

/* A member that host/config can write: an object with it alone, without its braces. */
static void write_plain(pb_json_writer *writer, const pb_field *field, const char *from)
{
    pb_field alone[] = {{0}, PB_END};
    pb_buf text = {0};
    pb_json_writer part = pb_json_writer_make(&text);

    memcpy(alone, field, field->size < sizeof *field ? field->size : sizeof *field);
    alone[0].size = sizeof(pb_field);
    schema_write_json(alone, from, &part);
    if (text.size > 2)
        pb_jw_raw(writer, pb_str_slice(pb_buf_str(&text), 1, text.size - 2));
}

static void write_member(pb_json_writer *writer, const pb_field *field, const char *from)
{
    bool many = field->kind == PB_KIND_LIST || field->kind == PB_KIND_MAP;
    uint32_t kind = many ? field->item : field->kind;
    const char *at = from + field->offset;

    if (kind != PB_KIND_REF && kind != PB_KIND_PIPELINE && kind != PB_KIND_STRUCT) {
        write_plain(writer, field, from);
        return;
    }
    pb_jw_key(writer, pb_field_name(field));
    if (field->kind == PB_KIND_LIST)
        write_list(writer, field, (const pb_list *)(const void *)at);
    else if (field->kind == PB_KIND_MAP)
        write_map(writer, field, (const pb_map *)(const void *)at);
    else if (kind == PB_KIND_REF)
        write_ref(writer, *(pb_instance *const *)(const void *)at);
    else if (kind == PB_KIND_PIPELINE)
        write_pipeline(writer, *(pb_pipeline *const *)(const void *)at);
    else
        write_struct(writer, field->fields, at);
}

static void write_members(pb_json_writer *writer, const pb_field *fields, const char *from)
{
    for (const pb_field *at = fields; at && at->kind != PB_KIND_END; at = pb_field_next(at))
        write_member(writer, at, from);
}

static void write_struct(pb_json_writer *writer, const pb_field *fields, const char *from)
{
    pb_jw_open(writer, '{');
    write_members(writer, fields, from);
    pb_jw_close(writer, '}');
}

static void write_instance(pb_json_writer *writer, const pb_instance *instance)
{
    pb_jw_open(writer, '{');
    if (instance->component && !pb_str_is(instance->kind, "stage")) {
        pb_jw_key(writer, "use");
        pb_jw_str(writer, pb_str_of(instance->component->name));
    }
    if (instance->component)
        write_members(writer, instance->component->options, instance->self);
    pb_jw_close(writer, '}');
}

static void write_section(pb_json_writer *writer, const struct kind *kind)
{
    bool any = false;

    for (const pb_instance *at = instances.first; at; at = at->next) {
        if (!pb_str_is(at->kind, kind->name))
            continue;
        if (!any) {
            pb_jw_key(writer, kind->section);
            pb_jw_open(writer, '{');
        }
        any = true;
        pb_jw_key_str(writer, at->name);
        write_instance(writer, at);
    }
    if (any)
        pb_jw_close(writer, '}');
}

static void write_pipelines(pb_json_writer *writer)
{
    pb_jw_key(writer, "pipelines");
    pb_jw_open(writer, '{');
    for (const pb_pipeline *at = instances.pipelines; at; at = at->next) {
        pb_jw_key_str(writer, at->info.name);
        pb_jw_open(writer, '{');
        if (at->info.description.data) {
            pb_jw_key(writer, "description");
            pb_jw_str(writer, at->info.description);
        }
        pb_jw_key(writer, "stages");
        write_pipeline(writer, at);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
}

void instances_config_write(pb_buf *out)
{
    pb_json_writer writer = pb_json_writer_make(out);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "host");
    schema_write_json(host_options_fields, &instances.host, &writer);
    pb_jw_key(&writer, "plugins");
    schema_write_json(plugins_options_fields, &instances.plugins, &writer);
    for (const struct kind *kind = kinds; kind->name; kind++)
        if (kind->section)
            write_section(&writer, kind);
    write_pipelines(&writer);
    pb_jw_close(&writer, '}');
}
