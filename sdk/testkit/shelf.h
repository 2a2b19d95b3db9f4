/* shelf.h - a retriever for tests: gives the passages of its option in their order, remembers how it
 * was asked. Define pb_host_table and PB_PLUGIN_SYMBOL before including it, as for any plugin in a test.
 */
#ifndef SHELF_H
#define SHELF_H

#include <patchbay/filter.h>
#include <patchbay/retriever.h>

struct shelf {
    const pb_json *passages;
    int64_t fail;
    bool around;
    bool tells;
};

static struct shelf_seen {
    int asked, surrounded;
    char query[512];
    uint32_t top_k, vectors;
    int32_t mode;
    size_t collections, documents;
    double vector_weight;
    bool filtered;
    int version;
} shelf_seen;

static const pb_field shelf_options[] = {
    PB_JSON(struct shelf, passages, .help = "What it finds."),
    PB_INT(struct shelf, fail, .help = "It fails with this status."),
    PB_BOOL(struct shelf, around, .help = "It knows what stands around."),
    PB_BOOL(struct shelf, tells, .help = "It tells its version."),
    PB_END,
};

static const float *shelf_vector(const pb_json *json, uint32_t *dimensions)
{
    float *vector = json ? PB_NEW_ARRAY(float, json->count) : NULL;

    *dimensions = 0;
    for (const pb_json *at = json ? json->child : NULL; at; at = at->next)
        vector[(*dimensions)++] = (float)pb_json_double(at, 0);
    return vector;
}

static pb_passage *shelf_passage(const pb_json *json, int64_t number)
{
    pb_passage *passage = pb_passage_new(pb_json_text(pb_json_get(json, "text")));

    passage->index = pb_json_int(pb_json_get(json, "index"), number);
    passage->line = pb_json_int(pb_json_get(json, "line"), 0);
    passage->lines = pb_json_int(pb_json_get(json, "lines"), 0);
    passage->tokens = pb_json_int(pb_json_get(json, "tokens"), 0);
    passage->score = pb_json_double(pb_json_get(json, "score"), 1.0 / (double)(number + 1));
    passage->vector_score = pb_json_double(pb_json_get(json, "vector"), passage->vector_score);
    passage->keyword_score = pb_json_double(pb_json_get(json, "keyword"), passage->keyword_score);
    passage->id = pb_printf("p%lld", (long long)number);
    passage->document = pb_json_text(pb_json_get(json, "document"));
    passage->document_id = passage->document;
    passage->heading = pb_json_text(pb_json_get(json, "heading"));
    passage->collection = pb_lit("manuals");
    passage->vector = shelf_vector(pb_json_get(json, "embedding"), &passage->dimensions);
    return passage;
}

static pb_status shelf_give(const struct shelf *shelf, pb_passages *out, const pb_surround_request *of)
{
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, shelf->passages->count + 1);
    int64_t number = 0;

    out->items = items;
    for (const pb_json *at = shelf->passages->child; at; at = at->next) {
        const pb_passage *one = shelf_passage(at, number++);
        if (of && (!pb_str_equal(one->document, of->passage->document) || one->index < of->first ||
                   (of->last >= 0 && one->index > of->last)))
            continue;
        if (!of && pb_json_get(at, "hidden"))
            continue;
        items[out->count++] = one;
    }
    return PB_OK;
}

static pb_status shelf_retrieve(void *self, const pb_retrieve_request *request, pb_passages *out)
{
    const struct shelf *shelf = self;

    shelf_seen.asked++;
    (void)snprintf(shelf_seen.query, sizeof shelf_seen.query, "%.*s", PB_ARG(request->query));
    shelf_seen.top_k = request->top_k;
    shelf_seen.vectors = request->vectors;
    shelf_seen.mode = request->mode;
    shelf_seen.vector_weight = request->vector_weight;
    shelf_seen.collections = request->collection_count;
    shelf_seen.documents = request->document_count;
    shelf_seen.filtered = request->filter != NULL;
    if (shelf->fail)
        return pb_fail((pb_status)shelf->fail, "the shelf is empty");
    pb_status status = shelf->passages ? shelf_give(shelf, out, NULL) : (pb_status)PB_OK;
    if (out->count > request->top_k)
        out->count = request->top_k;
    return status;
}

static pb_status shelf_surround(void *self, const pb_surround_request *request, pb_passages *out)
{
    const struct shelf *shelf = self;

    if (!shelf->around)
        return pb_fail(PB_UNSUPPORTED, "nothing is known");
    shelf_seen.surrounded++;
    return shelf_give(shelf, out, request);
}

static pb_status shelf_version(void *self, const pb_retrieve_request *request, pb_str *out)
{
    const struct shelf *shelf = self;

    (void)request;
    if (!shelf->tells)
        return pb_fail(PB_UNSUPPORTED, "it cannot tell");
    *out = pb_printf("%d", shelf_seen.version);
    return PB_OK;
}

PB_PLUGIN("shelf", "0.1.0", "Apache-2.0", "Passages from an option.",
          PB_RETRIEVER("shelf", struct shelf, shelf_options, .retrieve = shelf_retrieve,
                       .surround = shelf_surround, .version = shelf_version));

#endif
