/* bulk.c - one change of many documents: by their ids, or of all that a filter names. `dry_run`
 * says which they would be and changes nothing. Only one's own, but for administrators. */
#include "knowledge.h"

enum { PAGE = 50, SHOWN = 100, MOST = 10000 };
enum { DELETE, REPROCESS, TAG, UNTAG };

struct bulk {
    const struct knowledge *self;
    const struct bulk_in *input;
    struct asker asker;
    pb_str tags; /* JSON */
    struct bulk_out *out;
};

static bool has(const pb_list *words, pb_str word)
{
    for (size_t i = 0; i < words->count; i++)
        if (pb_str_equal(PB_ITEM(*words, pb_str, i), word))
            return true;
    return false;
}

/* Its tags with those of the call, or without them. */
static pb_status change_tags(const struct bulk *bulk, const struct document *document)
{
    pb_list given, own, result = {0};
    pb_status status = words_list(bulk->tags, &given);

    if (status == PB_OK)
        status = words_list(document->tags_json, &own);
    result.items = PB_NEW_ARRAY(pb_str, own.count + given.count + 1);
    if (status != PB_OK || !result.items)
        return status != PB_OK ? status : (pb_status)PB_NO_MEMORY;
    for (size_t i = 0; i < own.count; i++)
        if (bulk->input->action == TAG || !has(&given, PB_ITEM(own, pb_str, i)))
            PB_ITEM(result, pb_str, result.count++) = PB_ITEM(own, pb_str, i);
    for (size_t i = 0; i < given.count && bulk->input->action == TAG; i++)
        if (!has(&own, PB_ITEM(given, pb_str, i)))
            PB_ITEM(result, pb_str, result.count++) = PB_ITEM(given, pb_str, i);
    if (result.count > LABELS_MOST)
        return pb_fail(PB_TOO_LARGE, "a document has at most %d tags", LABELS_MOST);
    return document_tag(bulk->self, document, words_text(&result));
}

static pb_status change(const struct bulk *bulk, const struct document *document)
{
    switch (bulk->input->action) {
    case DELETE:
        return document_remove(bulk->self, document);
    case REPROCESS:
        return document_again(bulk->self, document);
    default:
        return change_tags(bulk, document);
    }
}

static pb_status one(struct bulk *bulk, const struct document *document, pb_str id)
{
    struct bulk_out *out = bulk->out;

    if (out->ids.count < SHOWN)
        PB_ITEM(out->ids, pb_str, out->ids.count++) = id;
    out->matched++;
    if (bulk->input->dry_run)
        return pb_step();
    pb_status status = change(bulk, document);
    if (status == PB_CANCELLED || status == PB_NO_SPACE)
        return status;
    out->changed += status == PB_OK;
    out->failed += status != PB_OK;
    pb_error_clear();
    return PB_OK;
}

static pb_status by_ids(struct bulk *bulk, const pb_call *call)
{
    const pb_list *ids = &bulk->input->ids;
    pb_status status = PB_OK;

    for (size_t i = 0; i < ids->count && status == PB_OK; i++) {
        struct document document;
        pb_scope *scope = pb_scope_begin();
        status = document_own(bulk->self, call->principal, PB_ITEM(*ids, pb_str, i), &document);
        if (status == PB_OK) {
            status = one(bulk, &document, PB_ITEM(*ids, pb_str, i));
        } else if (status == PB_NOT_FOUND || status == PB_FORBIDDEN) {
            bulk->out->failed++;
            pb_error_clear();
            status = PB_OK;
        }
        pb_scope_end(scope);
    }
    return status;
}

/* From the newest to the oldest; what is removed meanwhile does not move what comes. The ids that
 * are shown must outlive the page's scope. */
static pb_status page(struct bulk *bulk, int64_t *before, size_t *count, char (*kept)[40])
{
    pb_rows rows;
    pb_status status =
        documents_page(bulk->self, &bulk->asker, &bulk->input->filter, *before, PAGE, &rows);

    *count = status == PB_OK ? rows.count : 0;
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        struct document document;
        size_t place = bulk->out->ids.count;
        status = document_read(&rows, i, &document);
        *before = document.key;
        if (place < SHOWN)
            (void)snprintf(kept[place], sizeof kept[place], "%.*s", PB_ARG(document.id));
        if (status == PB_OK)
            status = one(bulk, &document, pb_str_of(kept[place < SHOWN ? place : 0]));
    }
    return status;
}

static pb_status by_filter(struct bulk *bulk)
{
    char(*kept)[40] = pb_alloc(SHOWN * sizeof *kept);
    int64_t before = INT64_MAX;
    size_t count = 0;
    pb_status status;

    if (!kept)
        return PB_NO_MEMORY;
    do {
        pb_scope *scope = pb_scope_begin();
        status = page(bulk, &before, &count, kept);
        pb_scope_end(scope);
    } while (status == PB_OK && count == PAGE && bulk->out->matched < MOST);
    bulk->out->more = status == PB_OK && count == PAGE;
    return status;
}

static bool is_empty(const struct selection *filter)
{
    return !filter->collection.size && !filter->state.size && !filter->tag.size &&
           !filter->type.size && !filter->name.size && !filter->owner.size;
}

HANDLER(documents_bulk)
{
    struct bulk_in wanted = *(const struct bulk_in *)in;
    struct bulk_out *output = out;
    struct bulk bulk = {.self = self, .input = &wanted, .out = output};
    bool tagging = wanted.action == TAG || wanted.action == UNTAG;
    pb_status status = words_read(wanted.tags, "/tags", &bulk.tags);

    output->dry_run = wanted.dry_run;
    output->ids.items = PB_NEW_ARRAY(pb_str, SHOWN);
    if (!output->ids.items)
        return PB_NO_MEMORY;
    if (status == PB_OK && tagging && !bulk.tags.size)
        return pb_fail_at(PB_INVALID, "/tags", "are needed to tag and untag");
    if (status == PB_OK && !wanted.ids.count == is_empty(&wanted.filter))
        return pb_fail(PB_INVALID, "say which documents: `ids`, or a `filter` with a condition");
    if (status == PB_OK)
        status = asker_of(call->principal, &bulk.asker);
    if (status != PB_OK)
        return status;
    if (!bulk.asker.all)
        wanted.filter.owner = call->principal->id;
    status = wanted.ids.count ? by_ids(&bulk, call) : by_filter(&bulk);
    jobs_ring();
    documents_ring(call->principal->tenant);
    return status;
}
