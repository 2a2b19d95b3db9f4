/* wish.c - where a request wants to have its answer from. It can only narrow what the stage allows:
 * collections of the stage's, documents by id, and a filter beside the stage's own. Variables and
 * metadata say it; both hold. */
#include "retrieve.h"

enum { NAMES_MOST = 64, NAME_LENGTH = 256 };

struct names {
    const pb_str *items;
    size_t count;
    bool given;
};

static pb_status add_name(struct names *names, pb_str *list, const pb_json *json, const char *place)
{
    pb_str name = pb_json_text(json);

    if (!name.size || name.size > NAME_LENGTH)
        return pb_fail_at(PB_INVALID, place, "must be a name or a list of names");
    list[names->count++] = name;
    return PB_OK;
}

/* A text or a list of texts. */
static pb_status read_names(const pb_json *json, const char *place, struct names *names)
{
    bool many = pb_json_is(json, PB_JSON_ARRAY);
    pb_str *list = PB_NEW_ARRAY(pb_str, many ? json->count + 1 : 1);
    pb_status status = PB_OK;

    names->given = true;
    names->count = 0;
    names->items = list;
    if (!list)
        return PB_NO_MEMORY;
    if (!many)
        return add_name(names, list, json, place);
    if (json->count > NAMES_MOST)
        return pb_fail_at(PB_TOO_LARGE, place, "has at most %d names", NAMES_MOST);
    for (const pb_json *at = json->child; at && status == PB_OK; at = at->next)
        status = add_name(names, list, at, place);
    return status;
}

static bool has(const struct names *names, pb_str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (pb_str_equal(names->items[i], name))
            return true;
    return false;
}

/* What is in both. */
static pb_status narrow(struct names *names, const struct names *more)
{
    pb_str *list = PB_NEW_ARRAY(pb_str, names->count + 1);
    size_t count = 0;

    if (!list)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < names->count; i++)
        if (has(more, names->items[i]))
            list[count++] = names->items[i];
    names->items = list;
    names->count = count;
    return PB_OK;
}

static pb_status read_both(struct search *search, const char *name, struct names *names)
{
    const pb_json *from[2] = {pb_turn_variable(search->turn, pb_str_of(name)),
                              pb_json_get(pb_turn_info_of(search->turn)->metadata, name)};
    static const char *const where[2] = {"variables", "metadata"};
    pb_status status = PB_OK;

    for (size_t i = 0; i < 2 && status == PB_OK; i++) {
        pb_str place = pb_printf("/%s/%s", where[i], name);
        struct names more = {0};
        if (!from[i] || from[i]->type == PB_JSON_NULL)
            continue;
        if (!place.data)
            return PB_NO_MEMORY;
        status = read_names(from[i], place.data, &more);
        if (status == PB_OK && names->given)
            status = narrow(names, &more);
        else if (status == PB_OK)
            *names = more;
    }
    return status;
}

static pb_status read_collections(struct search *search)
{
    const struct retrieve *stage = search->stage;
    struct names allowed = {stage->collections.items, stage->collections.count, true}, asked = {0};
    pb_status status = read_both(search, "collections", &asked);

    for (size_t i = 0; allowed.count && i < asked.count && status == PB_OK; i++)
        if (!has(&allowed, asked.items[i]))
            status = pb_fail_at(PB_INVALID, "/metadata/collections",
                                "'%.*s' is no collection of this pipeline", PB_ARG(asked.items[i]));
    if (status == PB_OK && asked.given && !asked.count)
        return pb_fail_at(PB_INVALID, "/metadata/collections", "names no collection");
    search->request.collections = asked.given ? asked.items : allowed.items;
    search->request.collection_count = asked.given ? asked.count : allowed.count;
    return status;
}

static pb_status read_documents(struct search *search)
{
    struct names asked = {0};
    pb_status status = read_both(search, "document_ids", &asked);

    if (status == PB_OK && asked.given && !asked.count)
        return pb_fail_at(PB_INVALID, "/metadata/document_ids", "names no document");
    search->request.documents = asked.items;
    search->request.document_count = asked.count;
    return status;
}

static pb_status read_filter(struct search *search)
{
    const pb_filter *parts[3] = {search->stage->own_filter, NULL, NULL};
    pb_filter *all = pb_filter_new(PB_FILTER_ALL, 3);
    pb_status status = all ? PB_OK : PB_NO_MEMORY;

    search->wishes[0] = pb_turn_variable(search->turn, pb_lit("filter"));
    search->wishes[1] = pb_json_get(pb_turn_info_of(search->turn)->metadata, "filter");
    if (status == PB_OK)
        status = pb_filter_parse(search->wishes[0], "/variables/filter", &parts[1]);
    if (status == PB_OK)
        status = pb_filter_parse(search->wishes[1], "/metadata/filter", &parts[2]);
    for (size_t i = 0; i < 3 && status == PB_OK; i++)
        if (parts[i])
            (void)pb_filter_add(all, parts[i]);
    if (status == PB_OK && all->child_count)
        search->request.filter = all->child_count == 1 ? all->children[0] : all;
    return status;
}

pb_status wish_read(struct search *search)
{
    pb_status status = read_collections(search);

    if (status == PB_OK)
        status = read_documents(search);
    return status == PB_OK ? read_filter(search) : status;
}
