/* filter.h - a filter as people write it in JSON, as the tree that vector stores apply.
 *
 *     {"year": {"gte": 2020}, "tags": ["release", "notes"], "$or": [{"lang": "de"}, {"$not": {"draft": true}}]}
 *
 * The members of an object must all hold. A field is one of the metadata ("author.name" looks inside),
 * or "$document", "$name", "$type", "$tags" ("tags" is short for the last). A value is a text, a number
 * or a truth value (equal), null (not there), a list (one of them), or an object of comparisons: eq,
 * ne, in, nin, gt, gte, lt, lte, exists. "$and" and "$or" take lists of filters, "$not" takes one.
 * Nothing here parks.
 */
#ifndef PATCHBAY_FILTER_H
#define PATCHBAY_FILTER_H

#include <patchbay/passage.h>

enum { PB_FILTER_DEPTH = 16, PB_FILTER_NODES = 256 };

/* A node in the running scope, with room for `children`; NULL when memory is short. */
static inline pb_filter *pb_filter_new(int32_t type, size_t children)
{
    pb_filter *filter = PB_NEW(pb_filter);
    const pb_filter **list = children ? PB_NEW_ARRAY(const pb_filter *, children) : NULL;

    if (!filter || (children && !list))
        return NULL;
    filter->size = (uint32_t)sizeof *filter;
    filter->type = type;
    filter->children = list;
    return filter;
}

/* Appends a child to a node that has room for it. False (the child is NULL) when memory was short. */
static inline bool pb_filter_add(pb_filter *parent, const pb_filter *child)
{
    if (!parent || !child)
        return false;
    ((const pb_filter **)(uintptr_t)parent->children)[parent->child_count++] = child;
    return true;
}

/* A condition on a field. */
static inline pb_filter *pb_filter_condition(int32_t type, pb_str field, const pb_json *value)
{
    pb_filter *filter = pb_filter_new(type, 0);

    if (filter) {
        filter->field = field;
        filter->value = value;
    }
    return filter;
}

/* What one reading has in hand. */
struct pb_filter_reading {
    int nodes; /* made so far */
    int depth;
};

static inline pb_status pb_filter_read(struct pb_filter_reading *reading, const pb_json *json,
                                       pb_str pointer, const pb_filter **out);

static inline pb_status pb_filter_count(struct pb_filter_reading *reading, pb_str pointer)
{
    return ++reading->nodes <= PB_FILTER_NODES
               ? (pb_status)PB_OK
               : pb_fail_at(PB_TOO_LARGE, pointer.data, "a filter has at most %d conditions",
                            PB_FILTER_NODES);
}

static inline bool pb_filter_is_plain(const pb_json *value)
{
    return pb_json_is(value, PB_JSON_STRING) || pb_json_is(value, PB_JSON_NUMBER) ||
           pb_json_is(value, PB_JSON_TRUE) || pb_json_is(value, PB_JSON_FALSE);
}

static inline pb_status pb_filter_take(const pb_filter *made, const pb_filter **out)
{
    *out = made;
    return made ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

/* Not what `inner` says. */
static inline pb_filter *pb_filter_not(const pb_filter *inner)
{
    pb_filter *filter = pb_filter_new(PB_FILTER_NOT, 1);

    return pb_filter_add(filter, inner) ? filter : NULL;
}

static inline pb_filter *pb_filter_one_or_other(const pb_filter *one, const pb_filter *other)
{
    pb_filter *filter = pb_filter_new(PB_FILTER_ANY, 2);

    return pb_filter_add(filter, one) && pb_filter_add(filter, other) ? filter : NULL;
}

/* A list of plain values. */
static inline pb_status pb_filter_read_list(pb_str field, const pb_json *list, pb_str pointer,
                                            const pb_filter **out)
{
    size_t index = 0;

    if (list->count > PB_FILTER_NODES)
        return pb_fail_at(PB_TOO_LARGE, pointer.data, "a list has at most %d values",
                          PB_FILTER_NODES);
    for (const pb_json *at = list->child; at; at = at->next, index++)
        if (!pb_filter_is_plain(at))
            return pb_fail_at(PB_INVALID, pb_printf("%.*s/%zu", PB_ARG(pointer), index).data,
                              "must be a text, a number, true or false");
    return pb_filter_take(pb_filter_condition(PB_FILTER_IN, field, list), out);
}

/* One comparison: {"gt": 2020}. */
static inline pb_status pb_filter_compare(pb_str field, const pb_json *value, pb_str pointer,
                                          const pb_filter **out)
{
    pb_str name = pb_str_starts(value->key, pb_lit("$")) ? pb_str_slice(value->key, 1, SIZE_MAX)
                                                         : value->key;
    bool in = pb_str_is(name, "in"), nin = pb_str_is(name, "nin");
    bool ordered = pb_json_is(value, PB_JSON_NUMBER) || pb_json_is(value, PB_JSON_STRING);
    bool less = pb_str_is(name, "lt") || pb_str_is(name, "lte");
    bool more = pb_str_is(name, "gt") || pb_str_is(name, "gte");

    if (in || nin) {
        if (!pb_json_is(value, PB_JSON_ARRAY))
            return pb_fail_at(PB_INVALID, pointer.data, "must be a list of values");
        pb_status status = pb_filter_read_list(field, value, pointer, out);
        return status == PB_OK && nin ? pb_filter_take(pb_filter_not(*out), out) : status;
    }
    if (pb_str_is(name, "exists")) {
        if (!pb_json_is(value, PB_JSON_TRUE) && !pb_json_is(value, PB_JSON_FALSE))
            return pb_fail_at(PB_INVALID, pointer.data, "must be true or false");
        pb_filter *exists = pb_filter_condition(PB_FILTER_EXISTS, field, NULL);
        return pb_filter_take(pb_json_bool(value, true) ? exists : pb_filter_not(exists), out);
    }
    if (less || more) {
        if (!ordered)
            return pb_fail_at(PB_INVALID, pointer.data, "must be a number or a text");
        pb_filter *made = pb_filter_condition(less ? PB_FILTER_LESS : PB_FILTER_MORE, field, value);
        if (name.size == 3) /* not "not more": a field that is absent would be that too */
            made = pb_filter_one_or_other(made,
                                          pb_filter_condition(PB_FILTER_EQUAL, field, value));
        return pb_filter_take(made, out);
    }
    if (!pb_str_is(name, "eq") && !pb_str_is(name, "ne"))
        return pb_fail_at(PB_INVALID, pointer.data,
                          "is no comparison: eq, ne, in, nin, gt, gte, lt, lte and exists are");
    if (!pb_filter_is_plain(value))
        return pb_fail_at(PB_INVALID, pointer.data, "must be a text, a number, true or false");
    pb_filter *equal = pb_filter_condition(PB_FILTER_EQUAL, field, value);
    return pb_filter_take(pb_str_is(name, "ne") ? pb_filter_not(equal) : equal, out);
}

static inline pb_status pb_filter_read_field(struct pb_filter_reading *reading,
                                             const pb_json *value, pb_str pointer,
                                             const pb_filter **out)
{
    pb_str field = pb_str_is(value->key, "tags") ? pb_lit("$tags") : value->key;
    pb_status status = pb_filter_count(reading, pointer);

    if (status != PB_OK)
        return status;
    if (pb_filter_is_plain(value))
        return pb_filter_take(pb_filter_condition(PB_FILTER_EQUAL, field, value), out);
    if (pb_json_is(value, PB_JSON_NULL))
        return pb_filter_take(pb_filter_not(pb_filter_condition(PB_FILTER_EXISTS, field, NULL)),
                              out);
    if (pb_json_is(value, PB_JSON_ARRAY))
        return pb_filter_read_list(field, value, pointer, out);
    pb_filter *all = pb_filter_new(PB_FILTER_ALL, value->count);
    if (!all)
        return PB_NO_MEMORY;
    for (const pb_json *at = value->child; at && status == PB_OK; at = at->next) {
        pb_str place = pb_printf("%.*s/%.*s", PB_ARG(pointer), PB_ARG(at->key));
        const pb_filter *one = NULL;
        status = pb_filter_count(reading, place);
        if (status == PB_OK)
            status = pb_filter_compare(field, at, place, &one);
        if (status == PB_OK)
            (void)pb_filter_add(all, one);
    }
    if (status == PB_OK && !value->count)
        return pb_fail_at(PB_INVALID, pointer.data, "must have a comparison, as {\"gt\": 2020}");
    return status == PB_OK ? pb_filter_take(all, out) : status;
}

/* "$and", "$or": a list of filters. */
static inline pb_status pb_filter_read_many(struct pb_filter_reading *reading, const pb_json *list,
                                            pb_str pointer, const pb_filter **out)
{
    bool any = pb_str_is(list->key, "$or");
    pb_status status = PB_OK;
    size_t index = 0;

    if (!pb_json_is(list, PB_JSON_ARRAY) || !list->count)
        return pb_fail_at(PB_INVALID, pointer.data, "must be a list of filters");
    pb_filter *filter = pb_filter_new(any ? PB_FILTER_ANY : PB_FILTER_ALL, list->count);
    if (!filter)
        return PB_NO_MEMORY;
    for (const pb_json *at = list->child; at && status == PB_OK; at = at->next, index++) {
        const pb_filter *one = NULL;
        status = pb_filter_read(reading, at, pb_printf("%.*s/%zu", PB_ARG(pointer), index), &one);
        if (status == PB_OK)
            (void)pb_filter_add(filter, one);
    }
    return status == PB_OK ? pb_filter_take(filter, out) : status;
}

static inline bool pb_filter_is_own(pb_str name)
{
    return pb_str_is(name, "$document") || pb_str_is(name, "$name") || pb_str_is(name, "$type") ||
           pb_str_is(name, "$tags");
}

static inline pb_status pb_filter_read_member(struct pb_filter_reading *reading,
                                              const pb_json *member, pb_str pointer,
                                              const pb_filter **out)
{
    pb_str place = pb_printf("%.*s/%.*s", PB_ARG(pointer), PB_ARG(member->key));

    if (pb_str_is(member->key, "$and") || pb_str_is(member->key, "$or"))
        return pb_filter_read_many(reading, member, place, out);
    if (pb_str_is(member->key, "$not")) {
        pb_status status = pb_filter_read(reading, member, place, out);
        return status == PB_OK ? pb_filter_take(pb_filter_not(*out), out) : status;
    }
    if (!member->key.size ||
        (pb_str_starts(member->key, pb_lit("$")) && !pb_filter_is_own(member->key)))
        return pb_fail_at(PB_INVALID, place.data,
                          "is no field: beside those of the metadata there are $document, $name, "
                          "$type and $tags, and $and, $or and $not combine filters");
    return pb_filter_read_field(reading, member, place, out);
}

static inline pb_status pb_filter_read(struct pb_filter_reading *reading, const pb_json *json,
                                       pb_str pointer, const pb_filter **out)
{
    pb_status status = pb_filter_count(reading, pointer);

    if (status == PB_OK && !pb_json_is(json, PB_JSON_OBJECT))
        status = pb_fail_at(PB_INVALID, pointer.data, "must be an object of conditions");
    if (status == PB_OK && reading->depth == PB_FILTER_DEPTH)
        status = pb_fail_at(PB_TOO_LARGE, pointer.data, "is nested deeper than %d levels",
                            PB_FILTER_DEPTH);
    if (status != PB_OK)
        return status;
    pb_filter *all = pb_filter_new(PB_FILTER_ALL, json->count);
    if (!all)
        return PB_NO_MEMORY;
    reading->depth++;
    for (const pb_json *at = json->child; at && status == PB_OK; at = at->next) {
        const pb_filter *one = NULL;
        status = pb_filter_read_member(reading, at, pointer, &one);
        if (status == PB_OK)
            (void)pb_filter_add(all, one);
    }
    reading->depth--;
    if (status == PB_OK)
        *out = all->child_count == 1 ? all->children[0] : all;
    return status;
}

/* Reads a filter into the running scope; strings stay those of `json`. No JSON, or null: *out is
 * NULL, which matches everything. `pointer` says where `json` stands ("/filter"). PB_INVALID or
 * PB_TOO_LARGE with sentence and pointer, PB_NO_MEMORY. */
static inline pb_status pb_filter_parse(const pb_json *json, const char *pointer,
                                        const pb_filter **out)
{
    struct pb_filter_reading reading = {0, 0};

    *out = NULL;
    if (!json || pb_json_is(json, PB_JSON_NULL))
        return PB_OK;
    return pb_filter_read(&reading, json, pb_str_of(pointer), out);
}

#endif
