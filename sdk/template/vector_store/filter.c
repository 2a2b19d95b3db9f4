/* filter.c - a tree of conditions, tried on what is known of a passage. */
#include "@NAME@.h"

#include <string.h>

int filter_compare(pb_str a, pb_str b)
{
    size_t both = a.size < b.size ? a.size : b.size;
    int order = both ? memcmp(a.data, b.data, both) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

pb_status filter_check(const pb_filter *filter)
{
    pb_status status = PB_OK;

    if (filter && (filter->type < PB_FILTER_ALL || filter->type > PB_FILTER_EXISTS))
        return pb_fail(PB_UNSUPPORTED, "there is no filter of type %d", (int)filter->type);
    for (size_t i = 0; filter && i < filter->child_count && status == PB_OK; i++)
        status = filter_check(filter->children[i]);
    return status;
}

/* --- values ----------------------------------------------------------------------------------- */

/* "author.name" looks inside. */
static const pb_json *member(const pb_json *json, pb_str path)
{
    while (json && path.size) {
        pb_str name = pb_str_slice(path, 0, pb_str_find(path, '.'));
        const pb_json *at = pb_json_is(json, PB_JSON_OBJECT) ? json->child : NULL;
        while (at && !pb_str_equal(at->key, name))
            at = at->next;
        json = at;
        path = pb_str_slice(path, name.size + 1, path.size);
    }
    return json;
}

static bool is_equal(const pb_json *a, const pb_json *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == PB_JSON_NUMBER)
        return !(pb_json_double(a, 0) < pb_json_double(b, 0)) &&
               !(pb_json_double(a, 0) > pb_json_double(b, 0));
    return pb_str_equal(a->text, b->text);
}

static bool is_in(const pb_json *value, const pb_json *list)
{
    for (const pb_json *at = list->child; at; at = at->next)
        if (is_equal(value, at))
            return true;
    return false;
}

static bool is_on_side(const pb_json *value, const pb_json *than, bool less)
{
    if (value->type != than->type)
        return false;
    if (value->type == PB_JSON_NUMBER)
        return less ? pb_json_double(value, 0) < pb_json_double(than, 0)
                    : pb_json_double(value, 0) > pb_json_double(than, 0);
    int order = filter_compare(value->text, than->text);
    return value->type == PB_JSON_STRING && (less ? order < 0 : order > 0);
}

static bool holds(const pb_filter *filter, const pb_json *value)
{
    switch (filter->type) {
    case PB_FILTER_EQUAL:
        return is_equal(value, filter->value);
    case PB_FILTER_IN:
        return is_in(value, filter->value);
    default:
        return is_on_side(value, filter->value, filter->type == PB_FILTER_LESS);
    }
}

/* --- fields ----------------------------------------------------------------------------------- */

static bool holds_text(const pb_filter *filter, pb_str text)
{
    pb_json value = {.type = PB_JSON_STRING, .text = text};

    return text.data && (filter->type == PB_FILTER_EXISTS || holds(filter, &value));
}

/* What a condition looks at. */
struct facts {
    const struct document *document;
    const pb_passage *passage;
    const pb_json *metadata;
};

static bool any_tag(const pb_filter *filter, const struct document *document)
{
    for (size_t i = 0; i < document->tag_count; i++)
        if (holds_text(filter, document->tags[i]))
            return true;
    return false;
}

static bool holds_field(const pb_filter *filter, const struct facts *facts)
{
    if (pb_str_is(filter->field, "$tags"))
        return any_tag(filter, facts->document);
    if (pb_str_is(filter->field, "$document"))
        return holds_text(filter, facts->document->id);
    if (pb_str_is(filter->field, "$name"))
        return holds_text(filter, facts->passage->document);
    if (pb_str_is(filter->field, "$type"))
        return holds_text(filter, facts->document->type);
    const pb_json *value = member(facts->metadata, filter->field);
    if (!value || filter->type == PB_FILTER_EXISTS)
        return value;
    if (!pb_json_is(value, PB_JSON_ARRAY))
        return holds(filter, value);
    for (const pb_json *at = value->child; at; at = at->next) /* one that holds is enough */
        if (holds(filter, at))
            return true;
    return false;
}

static bool matches(const pb_filter *filter, const struct facts *facts)
{
    bool all = filter->type == PB_FILTER_ALL;

    if (filter->type == PB_FILTER_NOT)
        return !matches(filter->children[0], facts);
    if (filter->type > PB_FILTER_NOT)
        return holds_field(filter, facts);
    for (size_t i = 0; i < filter->child_count; i++)
        if (matches(filter->children[i], facts) != all)
            return !all;
    return all;
}

bool filter_matches(const pb_filter *filter, const struct document *document,
                    const pb_passage *passage, const pb_json *metadata)
{
    return !filter || matches(filter, &(struct facts){document, passage, metadata});
}
