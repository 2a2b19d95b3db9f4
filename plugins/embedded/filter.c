/* filter.c - a tree of conditions, made once for a query: each leaf is ranges of attributes, so
 * that comparing needs no types. */
#include "embedded.h"

#include <math.h>

enum { DEPTH_MOST = 32, VALUES_MOST = 10000 };

static pb_str key(pb_str field, int kind, pb_str value, const char *behind)
{
    pb_buf buf = {0};

    attribute_key(&buf, field, kind, value);
    if (behind)
        pb_buf_byte(&buf, *behind);
    return buf.failed ? pb_str_make(NULL, 0) : pb_buf_str(&buf);
}

static pb_status equal(pb_str field, const pb_json *value, struct range *range)
{
    char room[8];
    pb_str bytes;
    int kind;

    if (!attribute_value(value, &kind, &bytes, room))
        return pb_fail(PB_INVALID,
                       "'%.*s' can be compared with a text, a number, true, false or null",
                       PB_ARG(field));
    range->low = key(field, kind, bytes, NULL);
    range->high = key(field, kind, bytes, "");
    return range->low.data && range->high.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status ordered(const pb_filter *filter, struct range *range)
{
    bool less = filter->type == PB_FILTER_LESS;
    char room[8];
    pb_str bytes;
    int kind;

    if (!attribute_value(filter->value, &kind, &bytes, room) ||
        (kind != KIND_NUMBER && kind != KIND_TEXT))
        return pb_fail(PB_INVALID, "'%.*s' can be less or more than a number or a text",
                       PB_ARG(filter->field));
    range->low =
        less ? key(filter->field, kind, pb_lit(""), NULL) : key(filter->field, kind, bytes, "");
    range->high = less ? key(filter->field, kind, bytes, NULL)
                       : key(filter->field, kind + 1, pb_lit(""), NULL);
    return range->low.data && range->high.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status one_of(const pb_filter *filter, struct condition *out)
{
    if (!pb_json_is(filter->value, PB_JSON_ARRAY) || filter->value->count > VALUES_MOST)
        return pb_fail(PB_INVALID, "'%.*s' can be one of a list of at most %d values",
                       PB_ARG(filter->field), (int)VALUES_MOST);
    struct range *ranges = PB_NEW_ARRAY(struct range, filter->value->count + 1);
    if (!ranges)
        return PB_NO_MEMORY;
    out->ranges = ranges;
    for (const pb_json *value = filter->value->child; value; value = value->next) {
        pb_status status = equal(filter->field, value, &ranges[out->count++]);
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

static pb_status leaf(const pb_filter *filter, struct condition *out)
{
    struct range *range = PB_NEW(struct range);

    out->type = PB_FILTER_EXISTS;
    if (!range)
        return PB_NO_MEMORY;
    if (!filter->field.size)
        return pb_fail(PB_INVALID, "a condition of a filter names no field");
    if (filter->type == PB_FILTER_IN)
        return one_of(filter, out);
    out->ranges = range;
    out->count = 1;
    if (filter->type == PB_FILTER_EQUAL)
        return equal(filter->field, filter->value, range);
    if (filter->type == PB_FILTER_LESS || filter->type == PB_FILTER_MORE)
        return ordered(filter, range);
    if (filter->type != PB_FILTER_EXISTS)
        return pb_fail(PB_UNSUPPORTED, "the embedded vector store knows no filter of type %d",
                       (int)filter->type);
    range->low = key(filter->field, KIND_EMPTY, pb_lit(""), NULL);
    range->high = key(filter->field, KIND_LABEL, pb_lit(""), NULL);
    return range->low.data && range->high.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status compile(const pb_filter *filter, struct condition *out, int depth)
{
    if (depth > DEPTH_MOST)
        return pb_fail(PB_INVALID, "the filter is deeper than %d levels", (int)DEPTH_MOST);
    if (filter->type != PB_FILTER_ALL && filter->type != PB_FILTER_ANY &&
        filter->type != PB_FILTER_NOT)
        return leaf(filter, out);
    if (filter->type == PB_FILTER_NOT && filter->child_count != 1)
        return pb_fail(PB_INVALID, "'not' in a filter has one condition, not %zu",
                       filter->child_count);
    struct condition *children = PB_NEW_ARRAY(struct condition, filter->child_count + 1);
    if (!children)
        return PB_NO_MEMORY;
    *out = (struct condition){
        .type = filter->type, .count = filter->child_count, .children = children};
    pb_status status = PB_OK;
    for (size_t i = 0; i < out->count && status == PB_OK; i++)
        status = compile(filter->children[i], &children[i], depth + 1);
    return status;
}

pb_status filter_compile(const pb_filter *filter, const struct condition **out)
{
    struct condition *condition = filter ? PB_NEW(struct condition) : NULL;

    *out = condition;
    if (!filter)
        return PB_OK;
    return condition ? compile(filter, condition, 1) : (pb_status)PB_NO_MEMORY;
}

pb_status match_make(struct match *match, const pb_filter *filter, const pb_str *access,
                     size_t access_count, bool all)
{
    struct range *ranges = PB_NEW_ARRAY(struct range, access_count + 1);

    if (!ranges)
        return PB_NO_MEMORY;
    match->all = all;
    match->access = ranges;
    match->access_count = all ? 0 : access_count;
    for (size_t i = 0; i < match->access_count; i++) {
        ranges[i].low = key(pb_lit(""), KIND_LABEL, access[i], NULL);
        ranges[i].high = key(pb_lit(""), KIND_LABEL, access[i], "");
        if (!ranges[i].low.data || !ranges[i].high.data)
            return PB_NO_MEMORY;
    }
    return filter_compile(filter, &match->filter);
}
