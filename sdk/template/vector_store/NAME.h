/* @NAME@.h - what is kept, and what the files of this plugin do for each other. */
#ifndef @ID@_H
#define @ID@_H

#include <patchbay/vector_store.h>
#include <stddef.h>

/* Memory that goes at once. */
struct pool {
    struct pool *next;
    max_align_t bytes[];
};

struct kept {
    pb_passage passage;
    uint64_t *words; /* their keys */
    size_t word_count;
};

struct document {
    struct document *next;
    struct pool *memory, *label_memory;
    pb_str collection, id, type, metadata; /* JSON */
    pb_str *tags, *access;
    size_t tag_count, access_count;
    struct kept *passages;
    size_t count;
};

struct @ID@ {
    int64_t most;
    int64_t passages;
    struct document *documents;
};

/* --- @NAME@.c: what is kept -------------------------------------------------------------------- */

/* Takes a document out of the list and frees it. */
void store_unhook(struct @ID@ *self, struct document **at);
/* Of a collection: those of its first vector; 0: it has none. */
uint32_t store_dimensions(const struct @ID@ *self, pb_str collection);

/* --- search.c: what is given out ---------------------------------------------------------------- */

pb_status store_search(void *self, const pb_vector_query *query, pb_passages *out);
pb_status store_get(void *self, const pb_vector_selection *selection, pb_passages *out);
pb_status store_remove(void *self, const pb_vector_selection *selection, int64_t *removed);
pb_status store_count(void *self, const pb_vector_selection *selection, int64_t *out);

/* --- filter.c: which passages match ------------------------------------------------------------- */

/* PB_UNSUPPORTED for a filter with anything that filter_matches does not know: none is ignored. */
pb_status filter_check(const pb_filter *filter);
/* `metadata` is the document's as JSON; NULL: it has none. */
bool filter_matches(const pb_filter *filter, const struct document *document,
                    const pb_passage *passage, const pb_json *metadata);
/* Byte by byte: less than 0, 0, more than 0. */
int filter_compare(pb_str a, pb_str b);

#endif
