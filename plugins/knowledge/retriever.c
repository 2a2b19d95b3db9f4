/* retriever.c - a question to passages: embedded here, searched in every collection that who asks
 * may see, merged, and looked up in the tables once more, so that what was removed or taken away a
 * moment ago is not among them. */
#include "knowledge.h"

#include <inttypes.h>

enum { COLLECTIONS_MOST = 64 };

static struct finder *finders; /* of this worker */

pb_status finder_start(void *arg)
{
    struct finder *finder = arg;

    finder->next = finders;
    finders = finder;
    return usage_start(finder);
}

void finder_stop(void *arg)
{
    struct finder **at = &finders;

    while (*at && *at != arg)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
    usage_stop(arg);
}

struct finder *finder_over(const pb_instance *database)
{
    struct finder *at = finders;

    while (at && at->database != database)
        at = at->next;
    return at;
}

/* --- where to look ---------------------------------------------------------------------------- */

struct search {
    struct finder *finder;
    const pb_retrieve_request *request;
    struct asker asker;
    struct collection collections[COLLECTIONS_MOST];
    size_t count;
    pb_passages lists[COLLECTIONS_MOST];
    int32_t mode;
    double weight;
    float *vector;
    pb_str model;
    const pb_filter *filter;
};

static bool listed(const struct search *search, pb_str name)
{
    const struct finder *finder = search->finder;
    const pb_retrieve_request *request = search->request;
    bool in = !finder->collections.count, asked = !request->collection_count;

    for (size_t i = 0; i < finder->collections.count && !in; i++)
        in = pb_str_equal(PB_ITEM(finder->collections, pb_str, i), name);
    for (size_t i = 0; i < request->collection_count && !asked; i++)
        asked = pb_str_equal(request->collections[i], name);
    return in && asked;
}

/* A collection that is not shared with somebody may have documents that are: labels of documents
 * decide, so that all are looked into. */
static pb_status choose_collections(struct search *search)
{
    int64_t after = 0;
    pb_value values[5];
    pb_rows rows;
    pb_status status;

    do {
        asker_values(&search->asker, values);
        values[2] = pb_value_int(1);
        values[3] = pb_value_int(after);
        values[4] = pb_value_int(50);
        status = pb_db_query(search->finder->database, sql_collection_list, values, 5, &rows);
        for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
            const pb_value *cell = pb_cell(&rows, i, 0);
            after = cell[0].integer;
            if (!listed(search, cell_text(&cell[1])))
                continue;
            if (search->count == COLLECTIONS_MOST)
                return pb_fail(PB_TOO_LARGE,
                               "more than %d collections cannot be searched at once; "
                               "say which",
                               COLLECTIONS_MOST);
            status = collection_read(&rows, i, &search->collections[search->count++]);
        }
    } while (status == PB_OK && rows.count == 50);
    return status;
}

/* Only some documents: a condition before all others. */
static pb_status make_filter(struct search *search)
{
    const pb_retrieve_request *request = search->request;

    search->filter = request->filter;
    if (!request->document_count)
        return PB_OK;
    pb_json *ids = pb_json_new(PB_JSON_ARRAY, pb_str_make(NULL, 0));
    for (size_t i = 0; i < request->document_count; i++)
        (void)pb_json_add(ids, pb_str_make(NULL, 0), pb_json_string(request->documents[i]));
    pb_filter *in = pb_filter_condition(PB_FILTER_IN, pb_lit("$document"), ids);
    pb_filter *all = pb_filter_new(PB_FILTER_ALL, 2);
    if (!ids || ids->count != request->document_count || !pb_filter_add(all, in))
        return PB_NO_MEMORY;
    if (request->filter)
        (void)pb_filter_add(all, request->filter);
    search->filter = all;
    return PB_OK;
}

static pb_status embed(struct search *search)
{
    pb_instance *embedder = search->finder->embedder;
    pb_status status;

    if (search->mode == PB_SEARCH_KEYWORD)
        return PB_OK;
    search->model = pb_embed_model(embedder);
    search->vector = PB_NEW_ARRAY(float, pb_embed_dimensions(embedder));
    if (!search->vector)
        return PB_NO_MEMORY;
    status = pb_embed(embedder, PB_EMBED_QUERY, &search->request->query, 1, search->vector);
    if (status == PB_OK || search->mode == PB_SEARCH_VECTOR || status == PB_CANCELLED ||
        status == PB_NO_MEMORY)
        return status;
    pb_log(PB_WARN, "a question was not embedded, its words are looked for alone: %.*s",
           PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
    search->mode = PB_SEARCH_KEYWORD;
    return PB_OK;
}

/* --- looking ---------------------------------------------------------------------------------- */

static pb_status search_one(struct search *search, size_t index)
{
    const struct collection *collection = &search->collections[index];
    const pb_retrieve_request *request = search->request;
    bool other =
        collection->model.size && search->vector && !pb_str_equal(collection->model, search->model);
    pb_vector_query query = {.size = (uint32_t)sizeof query,
                             .mode = search->mode,
                             .collection = collection->name,
                             .top_k = request->top_k,
                             .text = request->query,
                             .filter = search->filter,
                             .access = search->asker.labels,
                             .access_count = search->asker.count,
                             .all = search->asker.all,
                             .vectors = request->vectors,
                             .vector_weight = search->weight};

    if (other && search->mode == PB_SEARCH_VECTOR)
        return pb_fail(PB_CONFLICT,
                       "the collection '%.*s' was embedded with %.*s, questions are with %.*s",
                       PB_ARG(collection->name), PB_ARG(collection->model), PB_ARG(search->model));
    if (other) /* its words can still be looked for */
        query.mode = PB_SEARCH_KEYWORD;
    if (query.mode != PB_SEARCH_KEYWORD) {
        query.vector = search->vector;
        query.dimensions = (uint32_t)pb_embed_dimensions(search->finder->embedder);
    }
    pb_status status = pb_vectors_search(search->finder->vectors, &query, &search->lists[index]);
    for (size_t i = 0; status == PB_OK && i < search->lists[index].count; i++)
        ((pb_passage *)(uintptr_t)search->lists[index].items[i])->collection = collection->name;
    return status;
}

/* --- what may be shown ------------------------------------------------------------------------ */

/* The rows of the documents that were found and may be seen now. */
static pb_status look_up(struct search *search, const pb_passages *found, pb_rows *rows)
{
    pb_str *ids = PB_NEW_ARRAY(pb_str, found->count + 1);
    pb_list list = {ids, 0};
    pb_value values[4];

    if (!ids)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < found->count; i++) {
        bool known = false;
        for (size_t j = 0; j < list.count && !known; j++)
            known = pb_str_equal(ids[j], found->items[i]->document_id);
        if (!known)
            ids[list.count++] = found->items[i]->document_id;
    }
    asker_values(&search->asker, values);
    values[3] = pb_value_text(words_text(&list));
    return pb_db_query(search->finder->database, sql_document_visible, values, 4, rows);
}

static pb_status show(struct search *search, const pb_passages *found, pb_passages *out)
{
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, found->count + 1);
    pb_rows rows;
    pb_status status = items ? look_up(search, found, &rows) : (pb_status)PB_NO_MEMORY;

    if (status != PB_OK)
        return status;
    out->size = (uint32_t)sizeof *out;
    out->items = items;
    out->count = 0;
    for (size_t i = 0; i < found->count; i++) {
        pb_passage *passage = (pb_passage *)(uintptr_t)found->items[i];
        for (size_t j = 0; j < rows.count; j++) {
            const pb_value *cell = pb_cell(&rows, j, 0);
            if (!pb_str_equal(cell[0].text, passage->document_id))
                continue;
            if (!passage->url.size)
                passage->url = cell_text(&cell[2]);
            passage->title = cell_text(&cell[3]);
            items[out->count++] = passage;
            usage_note(search->finder, cell[1].integer);
            break;
        }
    }
    return PB_OK;
}

/* --- the interface ---------------------------------------------------------------------------- */

static pb_status prepare(struct search *search, struct finder *finder,
                         const pb_retrieve_request *request)
{
    search->finder = finder;
    search->request = request;
    search->mode = request->mode >= 0 ? request->mode : finder->mode;
    search->weight = request->vector_weight >= 0 ? request->vector_weight : finder->vector_weight;
    return asker_of(pb_principal_running(), &search->asker);
}

pb_status finder_retrieve(void *self, const pb_retrieve_request *request, pb_passages *out)
{
    struct search *search = PB_NEW(struct search);
    pb_passages merged = {0};
    pb_status status = search ? prepare(search, self, request) : (pb_status)PB_NO_MEMORY;

    if (status == PB_OK)
        status = choose_collections(search);
    if (status == PB_OK)
        status = make_filter(search);
    if (status == PB_OK && search->count)
        status = embed(search);
    for (size_t i = 0; status == PB_OK && i < search->count; i++)
        status = search_one(search, i);
    if (status == PB_OK)
        status = merge(search->lists, search->count, request, search->weight, &merged);
    return status == PB_OK && merged.count ? show(search, &merged, out) : status;
}

pb_status finder_surround(void *self, const pb_surround_request *request, pb_passages *out)
{
    struct finder *finder = self;
    const pb_passage *around = request->passage;
    struct asker asker;
    pb_status status = asker_of(pb_principal_running(), &asker);
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection,
                                     .collection = around->collection,
                                     .document_id = around->document_id,
                                     .first = request->first < 0 ? 0 : request->first,
                                     .last = request->last,
                                     .access = asker.labels,
                                     .access_count = asker.count,
                                     .all = asker.all};

    if (!around->collection.size)
        return pb_fail(PB_INVALID, "the passage is none that was found here");
    if (status == PB_OK)
        status = pb_vectors_get(finder->vectors, &selection, out);
    for (size_t i = 0; status == PB_OK && i < out->count; i++) {
        pb_passage *passage = (pb_passage *)(uintptr_t)out->items[i];
        passage->collection = around->collection;
        passage->title = around->title;
        if (!passage->url.size)
            passage->url = around->url;
    }
    return status;
}

/* Grows with everything that decides what is found; who asks is a part of it. */
pb_status finder_version(void *self, const pb_retrieve_request *request, pb_str *out)
{
    const struct finder *finder = self;
    struct asker asker;
    pb_rows rows;
    pb_status status = asker_of(pb_principal_running(), &asker);

    (void)request;
    if (status == PB_OK)
        status = pb_db_query(finder->database, sql_collection_version, NULL, 0, &rows);
    if (status != PB_OK)
        return status;
    const pb_value *cell = pb_cell(&rows, 0, 0);
    *out = pb_printf("%" PRId64 ".%.0f.%" PRId64 "%s%.*s", cell[0].integer, cell[1].real,
                     cell[2].integer, asker.all ? "*" : "", PB_ARG(asker.json));
    return out->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}
