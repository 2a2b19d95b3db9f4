/* sample.c - a JSON value that fits a JSON Schema: the smallest that says something. */
#include "drive.h"

#include <stdio.h>

static bool is_required(const pb_json *schema, pb_str name)
{
    const pb_json *required = pb_json_get(schema, "required");

    for (const pb_json *at = required ? required->child : NULL; at; at = at->next)
        if (pb_str_equal(pb_json_text(at), name))
            return true;
    return false;
}

static const pb_json *sample_object(const pb_json *schema, unsigned number)
{
    const pb_json *properties = pb_json_get(schema, "properties");
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    for (const pb_json *at = properties ? properties->child : NULL; at; at = at->next)
        if (is_required(schema, at->key))
            (void)pb_json_add_copy(object, at->key, sample_json(at, number));
    return object;
}

static const pb_json *sample_array(const pb_json *schema, unsigned number)
{
    pb_json *array = pb_json_new(PB_JSON_ARRAY, (pb_str){0});

    (void)pb_json_add_copy(array, (pb_str){0}, sample_json(pb_json_get(schema, "items"), number));
    return array;
}

static const pb_json *sample_text(const pb_json *schema, unsigned number)
{
    pb_str format = pb_json_text(pb_json_get(schema, "format"));
    int64_t longest = pb_json_int(pb_json_get(schema, "maxLength"), 1000);

    if (pb_str_is(format, "uuid"))
        return pb_json_string(pb_printf("00000000-0000-7000-8000-%012u", number));
    if (pb_str_is(format, "date-time"))
        return pb_json_string(pb_lit("2020-01-01T00:00:00.000Z"));
    if (pb_str_is(format, "date"))
        return pb_json_string(pb_lit("2020-01-01"));
    return pb_json_string(
        pb_str_slice(pb_printf("conform-%u", number), 0, longest < 0 ? 0 : (size_t)longest));
}

const pb_json *sample_json(const pb_json *schema, unsigned number)
{
    const pb_json *choices = pb_json_get(schema, "enum"), *type = pb_json_get(schema, "type");
    const pb_json *any = pb_json_get(schema, "anyOf");

    any = any ? any : pb_json_get(schema, "oneOf");
    if (pb_json_get(schema, "default"))
        return pb_json_get(schema, "default");
    if (choices && choices->child)
        return choices->child;
    if (any && any->child)
        return sample_json(any->child, number);
    if (type && type->type == PB_JSON_ARRAY)
        type = type->child;
    pb_str name = pb_json_text(type);
    if (pb_str_is(name, "string"))
        return sample_text(schema, number);
    if (pb_str_is(name, "integer") || pb_str_is(name, "number")) {
        double least = pb_json_double(pb_json_get(schema, "minimum"), 1);
        return pb_json_number(least > 1 ? least : 1);
    }
    if (pb_str_is(name, "boolean"))
        return pb_json_boolean(true);
    if (pb_str_is(name, "array"))
        return sample_array(schema, number);
    return sample_object(schema, number);
}
