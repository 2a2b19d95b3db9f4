/* vector_store_kit.h - for tests of vector stores: documents to put and questions to ask, with
 * vectors of four dimensions near an axis. Include it once; set the two variables first. What does
 * not hold is said as in expect.h.
 */
#ifndef PATCHBAY_VECTOR_STORE_KIT_H
#define PATCHBAY_VECTOR_STORE_KIT_H

#include "expect.h"
#include "testkit.h"

#include <math.h>

static pb_harness *vs_harness;
static pb_instance *vs_store;

/* --- what is put ------------------------------------------------------------------------------ */

static const pb_str vs_public[] = {PB_LIT("public")};

/* A document of `count` passages with vectors near the axis `axis`. */
struct vs_document {
    const char *collection, *id, *text, *metadata, *tag, *access;
    int axis;
    size_t count;
    uint32_t dimensions; /* 0: 4 */
};

static inline const pb_json *vs_json(const char *text)
{
    const pb_json *json = NULL;

    EXPECT_OK(pb_json_parse(pb_str_of(text), &json), "reading of %s", text);
    return json;
}

static inline const float *vs_vector(int axis, size_t off, uint32_t dimensions)
{
    float *vector = pb_alloc(dimensions * sizeof(float));
    float side = 0.1F * (float)off, length = sqrtf(1 + side * side);

    vector[(uint32_t)axis % dimensions] = 1 / length;
    vector[((uint32_t)axis + 1) % dimensions] = side / length;
    return vector;
}

static inline pb_vector_put vs_put_of(const struct vs_document *document)
{
    pb_str *labels = PB_NEW_ARRAY(pb_str, 2);
    pb_vector_put put = {.size = sizeof put,
                         .collection = pb_str_of(document->collection),
                         .document_id = pb_str_of(document->id),
                         .type = PB_LIT("text/plain")};

    labels[0] = pb_str_of(document->access ? document->access : "public");
    labels[1] = pb_str_of(document->tag);
    put.access = labels;
    put.access_count = 1;
    put.tags = labels + 1;
    put.tag_count = document->tag != NULL;
    return put;
}

static inline pb_status vs_try(const struct vs_document *document)
{
    pb_vector_put put = vs_put_of(document);
    const pb_vector_item **items = PB_NEW_ARRAY(const pb_vector_item *, document->count + 1);
    uint32_t dimensions = document->dimensions ? document->dimensions : 4;

    for (size_t i = 0; i < document->count; i++) {
        pb_vector_item *item = PB_NEW(pb_vector_item);
        pb_passage *passage = pb_passage_new(pb_printf("%s part %zu", document->text, i));
        passage->id = pb_printf("%s-%zu", document->id, i);
        passage->index = (int64_t)i;
        passage->document = pb_printf("%s.txt", document->id);
        passage->document_id = pb_str_of(document->id);
        passage->heading = pb_lit("Heading > Below");
        passage->page = 7;
        passage->line = 3;
        passage->lines = 2;
        passage->tokens = 11;
        passage->metadata = document->metadata ? vs_json(document->metadata) : NULL;
        item->size = sizeof *item;
        item->dimensions = dimensions;
        item->vector = document->axis < 0 ? NULL : vs_vector(document->axis, i, dimensions);
        item->passage = passage;
        items[i] = item;
    }
    put.items = items;
    put.count = document->count;
    return pb_vectors_put(vs_store, &put);
}

static inline void vs_put(const struct vs_document *document)
{
    EXPECT_OK(vs_try(document), "put of the document '%s'", document->id);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static inline pb_vector_query vs_query(const char *collection, int mode, int axis, const char *text)
{
    return (pb_vector_query){.size = sizeof(pb_vector_query),
                             .mode = mode,
                             .collection = pb_str_of(collection),
                             .vector = axis < 0 ? NULL : vs_vector(axis, 0, 4),
                             .dimensions = axis < 0 ? 0 : 4,
                             .top_k = 10,
                             .text = pb_str_of(text),
                             .access = vs_public,
                             .access_count = 1,
                             .vector_weight = 0.5};
}

/* "a-0 b-1": the ids of what is found, best first. */
static inline const char *vs_found(const pb_vector_query *query)
{
    pb_passages out = {.size = sizeof out};
    pb_buf buf = {0};

    EXPECT_OK(pb_vectors_search(vs_store, query, &out), "search");
    for (size_t i = 0; i < out.count; i++) {
        pb_buf_printf(&buf, "%s%.*s", i ? " " : "", PB_ARG(out.items[i]->id));
        EXPECT(i == 0 || out.items[i]->score <= out.items[i - 1]->score,
               "search gives place %zu a better score than place %zu", i, i - 1);
    }
    pb_buf_byte(&buf, 0);
    return buf.data;
}

static inline const char *vs_search(const char *collection, int axis)
{
    pb_vector_query query = vs_query(collection, PB_SEARCH_VECTOR, axis, NULL);

    return vs_found(&query);
}

static inline const char *vs_words(const char *collection, const char *text)
{
    pb_vector_query query = vs_query(collection, PB_SEARCH_KEYWORD, -1, text);

    return vs_found(&query);
}

static inline pb_vector_selection vs_all(const char *collection)
{
    return (pb_vector_selection){.size = sizeof(pb_vector_selection),
                                 .collection = pb_str_of(collection),
                                 .last = -1,
                                 .all = 1};
}

static inline int64_t vs_count(const pb_vector_selection *selection)
{
    int64_t count = -1;

    EXPECT_OK(pb_vectors_count(vs_store, selection, &count), "count");
    return count;
}

static inline int64_t vs_count_all(const char *collection)
{
    pb_vector_selection selection = vs_all(collection);

    return vs_count(&selection);
}

static inline pb_passages vs_get(const pb_vector_selection *selection)
{
    pb_passages out = {.size = sizeof out};

    EXPECT_OK(pb_vectors_get(vs_store, selection, &out), "get");
    return out;
}

static inline int64_t vs_remove(const pb_vector_selection *selection)
{
    int64_t removed = -1;

    EXPECT_OK(pb_vectors_remove(vs_store, selection, &removed), "remove");
    return removed;
}

/* A filter tree as JSON, for tests: {"field": …, "is"|"in"|"less"|"more": value}, {"field",
 * "there": true}, {"all"|"any": […]}, {"not": …}. */
static inline const pb_filter *vs_filter_of(const pb_json *json)
{
    static const char *const names[] = {"all", "any", "not", "is", "in", "less", "more", "there"};
    pb_filter *filter = PB_NEW(pb_filter);

    filter->size = sizeof *filter;
    for (int i = 0; i < 8; i++) {
        const pb_json *value = pb_json_get(json, names[i]);
        if (!value)
            continue;
        filter->type = i;
        filter->value = value;
        filter->field = pb_json_text(pb_json_get(json, "field"));
        if (i > PB_FILTER_NOT)
            continue;
        size_t count = i == PB_FILTER_NOT ? 1 : value->count;
        const pb_filter **children = PB_NEW_ARRAY(const pb_filter *, count + 1);
        for (size_t k = 0; k < count; k++)
            children[k] = vs_filter_of(i == PB_FILTER_NOT ? value : pb_json_at(value, k));
        filter->children = children;
        filter->child_count = count;
    }
    return filter;
}

static inline const char *vs_filtered(const char *collection, const char *filter)
{
    pb_vector_query query = vs_query(collection, PB_SEARCH_VECTOR, 0, NULL);

    query.filter = vs_filter_of(vs_json(filter));
    return vs_found(&query);
}

static inline pb_status vs_run_plain(void *arg)
{
    void (**fn)(void) = arg;

    (*fn)();
    return PB_OK;
}

static inline void vs_in_task(void (*fn)(void))
{
    EXPECT_OK(pb_harness_run(vs_harness, vs_run_plain, &fn, NULL), "a task of its own");
}

#endif
