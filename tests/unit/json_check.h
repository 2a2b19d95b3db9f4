/* json_check.h - what must hold for any bytes given to the JSON reader; shared by the property
 * tests and the fuzz target. Returns NULL, or the sentence that is not true. */
#ifndef TESTS_UNIT_JSON_CHECK_H
#define TESTS_UNIT_JSON_CHECK_H

#include "base/json.h"
#include "base/str.h"

static inline bool json_same(const pb_json *a, const pb_json *b)
{
    if (a->type != b->type || a->count != b->count || !pb_str_equal(a->key, b->key) ||
        !pb_str_equal(a->text, b->text) || !a->child != !b->child)
        return false;
    a = a->child, b = b->child;
    for (; a && b; a = a->next, b = b->next)
        if (!json_same(a, b))
            return false;
    return !a && !b;
}

/* Counts, `last`, NULs behind texts, number syntax, no two equal names. */
static inline const char *json_check_tree(const pb_json *json)
{
    uint32_t count = 0;
    const pb_json *last = NULL;

    if (json->type == PB_JSON_NUMBER && json_number_size(json->text) != json->text.size)
        return "a number's text is a number";
    if ((json->type == PB_JSON_NUMBER || json->type == PB_JSON_STRING) &&
        (!json->text.data || json->text.data[json->text.size]))
        return "texts end with a NUL";
    if (!utf8_valid(json->text) || !utf8_valid(json->key))
        return "texts are UTF-8";
    for (const pb_json *at = json->child; at; at = at->next, count++) {
        const char *why = json_check_tree(at);
        if (why)
            return why;
        if ((json->type == PB_JSON_OBJECT) != (at->key.data != NULL))
            return "members have names, elements have none";
        if (at->key.data && at->key.data[at->key.size])
            return "names end with a NUL";
        for (const pb_json *other = json->child; at->key.data && other != at; other = other->next)
            if (pb_str_equal(other->key, at->key))
                return "names differ";
        last = at;
    }
    if (count != json->count || last != json->last)
        return "count and last are right";
    return NULL;
}

static inline const char *json_check_text(pb_str text)
{
    const pb_json *json, *again;
    pb_buf out = {0}, second = {0};
    struct json_fault fault = json_fault_find(text);
    pb_status status = pb_json_parse(text, &json);

    if (status != PB_OK) {
        if (status != PB_INVALID && status != PB_TOO_LARGE)
            return "it fails with invalid or too_large";
        if (fault.sentence)
            return (fault.too_deep == (status == PB_TOO_LARGE)) ? NULL : "depth is too_large";
        return pb_error_last()->pointer.size ? NULL : "both readers refuse it";
    }
    if (fault.sentence)
        return "both readers take it";
    const char *why = json_check_tree(json);
    if (why)
        return why;
    pb_json_write(&out, json);
    if (pb_json_parse(pb_buf_str(&out), &again) != PB_OK || !json_same(json, again))
        return "what was written reads back the same";
    pb_json_write(&second, again);
    if (!pb_str_equal(pb_buf_str(&out), pb_buf_str(&second)))
        return "writing twice gives the same";
    return NULL;
}

/* Any bytes become a string that reads back; valid UTF-8 reads back unchanged. */
static inline const char *json_check_quote(pb_str bytes)
{
    const pb_json *json;
    pb_buf out = {0};

    pb_json_quote(&out, bytes);
    if (pb_json_parse(pb_buf_str(&out), &json) != PB_OK || json->type != PB_JSON_STRING)
        return "a quoted text reads back";
    if (utf8_valid(bytes) && !pb_str_equal(json->text, bytes))
        return "a quoted text reads back unchanged";
    return NULL;
}

#endif
