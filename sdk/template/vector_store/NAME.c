/* @NAME@ - passages in the memory of one process: a reference for vector stores that live somewhere
 * else.
 *
 * A search looks at all passages of its collection, where it is called: nothing parks, so nothing
 * changes meanwhile. A document is kept with all its passages, in the order of collection and id.
 */
#include "@NAME@.h"

#include <patchbay/words.h>
#include <stdlib.h>
#include <string.h>

static const pb_field @ID@_options[] = {
    PB_INT(struct @ID@, most, .def = "2000", .min = 1, .max = 100000,
           .help = "Passages in all: each search looks at them, and all turns wait."),
    PB_END
};

/* --- memory ----------------------------------------------------------------------------------- */

/* Zeroed; NULL when memory is short. */
static void *pool_take(struct pool **pool, size_t size)
{
    struct pool *taken = calloc(1, sizeof *taken + size);

    if (!taken)
        return NULL;
    taken->next = *pool;
    *pool = taken;
    return taken->bytes;
}

static void pool_free(struct pool *pool)
{
    while (pool) {
        struct pool *next = pool->next;
        free(pool);
        pool = next;
    }
}

/* The absent string stays absent. */
static bool pool_copy(struct pool **pool, pb_str from, pb_str *out)
{
    char *copy = from.data ? pool_take(pool, from.size + 1) : NULL;

    if (from.size && copy)
        memcpy(copy, from.data, from.size);
    *out = pb_str_make(copy, copy ? from.size : 0);
    return copy || !from.data;
}

static bool pool_copy_all(struct pool **pool, const pb_str *from, size_t count, pb_str **out)
{
    bool done = (*out = pool_take(pool, count * sizeof **out)) != NULL;

    for (size_t i = 0; i < count && done; i++)
        done = pool_copy(pool, from[i], &(*out)[i]);
    return done;
}

/* --- documents -------------------------------------------------------------------------------- */

static int order(const struct document *document, pb_str collection, pb_str id)
{
    int by_collection = filter_compare(document->collection, collection);

    return by_collection ? by_collection : filter_compare(document->id, id);
}

/* Where it hangs, or where it would. */
static struct document **find(struct @ID@ *self, pb_str collection, pb_str id)
{
    struct document **at = &self->documents;

    while (*at && order(*at, collection, id) < 0)
        at = &(*at)->next;
    return at;
}

static bool is_there(struct document *const *at, pb_str collection, pb_str id)
{
    return *at && order(*at, collection, id) == 0;
}

static void document_free(struct document *document)
{
    pool_free(document->label_memory);
    pool_free(document->memory);
    free(document);
}

void store_unhook(struct @ID@ *self, struct document **at)
{
    struct document *gone = *at;

    *at = gone->next;
    self->passages -= (int64_t)gone->count;
    document_free(gone);
}

static bool copy_words(struct pool **pool, struct kept *kept)
{
    pb_word word;
    size_t at = 0;

    while (pb_word_next(kept->passage.text, &at, &word))
        kept->word_count++;
    kept->words = pool_take(pool, kept->word_count * sizeof *kept->words);
    kept->word_count = 0;
    for (at = 0; kept->words && pb_word_next(kept->passage.text, &at, &word);)
        kept->words[kept->word_count++] = word.key;
    return kept->words;
}

static bool copy_passage(struct pool **pool, const pb_vector_item *item, struct kept *kept)
{
    const pb_passage *from = item->passage;
    pb_passage *to = &kept->passage;
    size_t bytes = item->dimensions * sizeof(float);

    memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
    to->size = (uint32_t)sizeof *to;
    to->metadata = NULL;
    to->vector = NULL;
    to->dimensions = item->vector ? item->dimensions : 0;
    if (item->vector) {
        void *vector = pool_take(pool, bytes);
        if (!vector)
            return false;
        to->vector = memcpy(vector, item->vector, bytes);
    }
    return pool_copy(pool, from->id, &to->id) && pool_copy(pool, from->text, &to->text) &&
           pool_copy(pool, from->document, &to->document) &&
           pool_copy(pool, from->document_id, &to->document_id) &&
           pool_copy(pool, from->heading, &to->heading) && pool_copy(pool, from->url, &to->url) &&
           pool_copy(pool, to->title, &to->title) &&
           pool_copy(pool, to->collection, &to->collection) && copy_words(pool, kept);
}

/* The labels are all new, or as they were. */
static bool label(struct document *document, const pb_vector_put *put, const pb_json *metadata)
{
    struct document new = *document;
    pb_buf json = {0};

    if (metadata)
        pb_json_write(&json, metadata);
    new.label_memory = NULL;
    new.tag_count = put->tag_count;
    new.access_count = put->access_count;
    if (json.failed || !pool_copy_all(&new.label_memory, put->tags, put->tag_count, &new.tags) ||
        !pool_copy_all(&new.label_memory, put->access, put->access_count, &new.access) ||
        !pool_copy(&new.label_memory, pb_buf_str(&json), &new.metadata)) {
        pool_free(new.label_memory);
        return false;
    }
    pool_free(document->label_memory);
    *document = new;
    return true;
}

static struct document *document_new(const pb_vector_put *put)
{
    struct document *new = calloc(1, sizeof *new);
    bool done = new && pool_copy(&new->memory, put->collection, &new->collection) &&
                pool_copy(&new->memory, put->document_id, &new->id) &&
                pool_copy(&new->memory, put->type, &new->type) &&
                (new->passages = pool_take(&new->memory, put->count * sizeof *new->passages)) &&
                label(new, put, put->items[0]->passage->metadata);

    for (; done && new->count < put->count; new->count++)
        done = copy_passage(&new->memory, put->items[new->count], &new->passages[new->count]);
    if (!done && new)
        document_free(new);
    return done ? new : NULL;
}

uint32_t store_dimensions(const struct @ID@ *self, pb_str collection)
{
    for (const struct document *at = self->documents; at; at = at->next)
        for (size_t i = 0; i < at->count && pb_str_equal(at->collection, collection); i++)
            if (at->passages[i].passage.vector)
                return at->passages[i].passage.dimensions;
    return 0;
}

static pb_status check_put(const struct @ID@ *self, const pb_vector_put *put, size_t before)
{
    uint32_t dimensions = store_dimensions(self, put->collection);

    for (size_t i = 0; i < put->count; i++) {
        const pb_vector_item *item = put->items[i];
        dimensions = dimensions ? dimensions : item->vector ? item->dimensions : 0;
        if (item->vector && item->dimensions != dimensions)
            return pb_fail(PB_INVALID, "the collection has vectors of %u dimensions, not %u",
                           dimensions, item->dimensions);
    }
    if (self->passages + (int64_t)put->count - (int64_t)before > self->most)
        return pb_fail(PB_NO_SPACE, "the store keeps %lld passages", (long long)self->most);
    return PB_OK;
}

static pb_status @ID@_put(void *instance, const pb_vector_put *put)
{
    struct @ID@ *self = instance;
    struct document **at = find(self, put->collection, put->document_id), *new = NULL;
    bool replaces = is_there(at, put->collection, put->document_id);
    pb_status status = check_put(self, put, replaces ? (*at)->count : 0);

    if (status == PB_OK && put->count && !(new = document_new(put)))
        return pb_fail(PB_NO_MEMORY, "there is no memory for the document");
    if (status == PB_OK && replaces)
        store_unhook(self, at);
    if (new) {
        new->next = *at;
        *at = new;
        self->passages += (int64_t)new->count;
    }
    return status;
}

static pb_status @ID@_relabel(void *self, const pb_vector_put *labels, const pb_json *metadata)
{
    struct document **at = find(self, labels->collection, labels->document_id);

    if (!is_there(at, labels->collection, labels->document_id))
        return pb_fail(PB_NOT_FOUND, "there is no such document");
    return label(*at, labels, metadata)
               ? (pb_status)PB_OK
               : pb_fail(PB_NO_MEMORY, "there is no memory for other labels");
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void @ID@_destroy(void *instance)
{
    struct @ID@ *self = instance;

    while (self->documents)
        store_unhook(self, &self->documents);
}

static void @ID@_stats(void *instance, pb_stats *stats)
{
    const struct @ID@ *self = instance;

    pb_stat(stats, "passages", (double)self->passages);
}

PB_PLUGIN("@NAME@", "0.1.0", "Apache-2.0", "Keeps passages in the memory of one process.",
          PB_VECTOR_STORE("@NAME@", struct @ID@, @ID@_options, .destroy = @ID@_destroy,
                          .stats = @ID@_stats, .put = @ID@_put, .search = store_search,
                          .get = store_get, .relabel = @ID@_relabel, .remove = store_remove,
                          .count = store_count));
