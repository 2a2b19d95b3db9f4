/* source.c - a passage as clients and templates get it. */
#include "retrieve.h"

enum { QUOTE = 300 };

static bool add_text(pb_json *object, const char *name, pb_str text)
{
    return !text.size || pb_json_add(object, pb_str_of(name), pb_json_string(text));
}

static bool add_number(pb_json *object, const char *name, double number)
{
    return pb_json_add(object, pb_str_of(name), pb_json_number(number)) != NULL;
}

/* Where it stands: what is not known is left out. */
static bool add_place(pb_json *object, const pb_passage *passage)
{
    bool added = add_text(object, "document", passage->document) &&
                 add_text(object, "document_id", passage->document_id) &&
                 add_text(object, "collection", passage->collection) &&
                 add_text(object, "title", passage->title) &&
                 add_text(object, "heading", passage->heading) &&
                 (passage->page <= 0 || add_number(object, "page", passage->page));

    if (added && passage->line > 0) {
        int64_t lines = passage->lines > 0 ? passage->lines : 1;
        pb_json *list =
            pb_json_add(object, pb_lit("lines"), pb_json_new(PB_JSON_ARRAY, (pb_str){0}));
        added = pb_json_add(list, (pb_str){0}, pb_json_number((double)passage->line)) &&
                pb_json_add(list, (pb_str){0}, pb_json_number((double)(passage->line + lines - 1)));
    }
    return added && add_text(object, "url", passage->url);
}

/* Three digits behind the point are more than a score is worth. */
static bool add_score(pb_json *object, const pb_passage *passage)
{
    return pb_json_add(object, pb_lit("score"),
                       pb_json_new(PB_JSON_NUMBER, pb_printf("%.3f", relevance_of(passage)))) !=
           NULL;
}

const pb_json *source_of(const struct search *search, size_t number)
{
    const pb_passage *passage = search->items[number - 1];
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!object || !add_number(object, "index", (double)number) || !add_place(object, passage) ||
        !add_score(object, passage) ||
        !add_text(object, "quote", quote_of(passage->text, search->query, QUOTE)) ||
        !add_text(object, "passage", passage->id))
        return NULL;
    return object;
}

static pb_json *for_template(const struct search *search, size_t number)
{
    const pb_passage *passage = search->items[number - 1];
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!object || !add_number(object, "index", (double)number) || !add_place(object, passage) ||
        !add_score(object, passage) ||
        !pb_json_add(object, pb_lit("text"), pb_json_string(passage->text)))
        return NULL;
    return object;
}

pb_status source_leave(const struct search *search)
{
    pb_passages passages = {
        .size = (uint32_t)sizeof passages, .items = search->items, .count = search->count};
    pb_json *list = pb_json_new(PB_JSON_ARRAY, (pb_str){0});

    for (size_t i = 0; list && i < search->count; i++)
        if (!pb_json_add(list, (pb_str){0}, for_template(search, i + 1)))
            return PB_NO_MEMORY;
    pb_json *found = pb_json_boolean(search->count != 0);
    if (!list || !found)
        return PB_NO_MEMORY;
    pb_status status = pb_turn_set_variable(search->turn, pb_lit("passages"), list);
    if (status == PB_OK)
        status = pb_turn_set_variable(search->turn, pb_lit("found"), found);
    return status == PB_OK ? pb_turn_set_passages(search->turn, &passages) : status;
}
