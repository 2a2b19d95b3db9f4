/* embedded.h - what the files of the plugin share.
 *
 * The tables are the truth (schema.c). What is searched are segments (segment.h), made from them:
 * a chain that covers the versions of a collection without a gap, the old and large ones in files
 * that all workers map, the newest in the worker's own memory. A view is a chain with what is gone
 * from it; it never changes, so that threads read it while the loop makes the next.
 */
#ifndef PLUGIN_EMBEDDED_H
#define PLUGIN_EMBEDDED_H

#include "segment.h"
#include "sql.h"

#include <patchbay/database.h>
#include <patchbay/vector_store.h>

enum { CHAIN_MOST = 64, FILES_MOST = 36 };

/* One segment in a view. */
struct shown {
    struct segment *segment;
    uint64_t *dead; /* a bit for each document, or NULL: none is */
    uint32_t dead_documents, dead_rows;
};

struct view {
    int64_t references; /* the loop's thread only */
    int64_t version, stamp;
    size_t count;
    struct shown all[CHAIN_MOST];
};

struct waiting {
    struct waiting *next;
    pb_signal *signal;
};

/* A collection as this worker has it indexed. */
struct index {
    struct index *next;
    int64_t id;
    struct view *view; /* or NULL */
    bool busy;         /* a task makes the next view */
    struct waiting *waiting;
    int64_t unseen; /* passages that were put here since */
    int64_t last_from, last_weight; /* of the segment made last: see is_whole in refresh.c */
};

struct figures {
    double searches, puts, built_rows, built_bytes, files, rebuilds;
};

struct store {
    pb_instance *database;
    pb_str path;
    int64_t lists_above;
    int64_t probes;
    int64_t rescore;
    int64_t fusion;
    int64_t tail;
    int64_t segment;
    double k1, b;
    double common;
    bool stem;

    pb_str folder; /* of this instance */
    struct index *indexes;
    struct figures figures;
};

/* What the table says of a collection now. */
struct place {
    pb_str name, tenant;
    int64_t id; /* 0: it is not there */
    int64_t version, stamp;
    uint32_t dimensions;
};

pb_status schema_open(pb_instance *database);

/* --- collection.c: statements of one collection -------------------------------------------------
 */

struct place place_of(pb_str collection);
/* Parks, as all that follows. id 0: nothing was ever put there. */
pb_status place_find(struct store *self, struct place *place);
/* A statement of a batch; values are the caller's. */
pb_statement about(const struct place *place, pb_str sql, const pb_value *values, size_t count);
pb_status ask(struct store *self, pb_str sql, const pb_value *values, size_t count, pb_rows *out);
/* "[1,2]"; absent: no memory. */
pb_str ids_text(const int64_t *ids, size_t count);

/* --- attributes.c: what filters and access look at, flat
 * ------------------------------------------ */

enum { KIND_EMPTY = 0, KIND_NUMBER = 1, KIND_TEXT = 2, KIND_BOOL = 3, KIND_LABEL = 4 };

/* field, kind and value as bytes that sort: numbers by value, texts by their bytes. */
void attribute_key(pb_buf *buf, pb_str field, int kind, pb_str value);
/* The kind of a scalar and its value as bytes; false: no scalar. `room` has 8 bytes. */
bool attribute_value(const pb_json *json, int *kind, pb_str *value, char *room);
/* All of a document, each with its size in front. */
struct labels {
    pb_str document_id, name, type;
    const pb_str *tags, *access;
    size_t tag_count, access_count;
    const pb_json *metadata;
};
pb_status attributes_make(const struct labels *labels, pb_str *out);
/* ["a","b"] */
pb_str strings_text(const pb_str *strings, size_t count);

/* --- filter.c, match.c: conditions as ranges of attributes
 * ------------------------------------------ */

struct range {
    pb_str low, high; /* from low to below high */
};

struct condition {
    int32_t type; /* PB_FILTER_ALL, _ANY or _NOT; or a leaf: PB_FILTER_EXISTS */
    size_t count;
    const struct condition *children;
    const struct range *ranges;
};

/* Who may see what, compiled. */
struct match {
    bool all;
    size_t access_count;
    const struct range *access;
    const struct condition *filter; /* or NULL */
    const struct condition *also;   /* or NULL: one more */
};

pb_status filter_compile(const pb_filter *filter, const struct condition **out);
pb_status match_make(struct match *match, const pb_filter *filter, const pb_str *access,
                     size_t access_count, bool all);

/* The documents of a segment that match. Any thread. */
struct matched {
    uint64_t *bits; /* NULL: all */
    uint64_t rows;  /* how many passages they have */
};
bool match_segment(const struct match *match, const struct shown *shown, struct matched *out);

static inline bool bit_is_set(const uint64_t *bits, uint32_t at)
{
    return !bits || (bits[at / 64] >> (at % 64) & 1);
}

/* --- view.c
 * ------------------------------------------------------------------------------------------ */

/* Takes over one reference of each segment; `old` (may be NULL) tells what is gone from those that
 * it has. NULL: no memory, and nothing is taken. */
struct view *view_new(const struct view *old, struct segment *const *chain, size_t count,
                      int64_t version, int64_t stamp);
void view_release(struct view *view);
uint64_t view_rows(const struct view *view);

/* --- chain.c: files
 * ------------------------------------------------------------------------------------ */

struct chain {
    struct segment *all[CHAIN_MOST]; /* one reference each */
    size_t count;
};

void chain_clear(struct chain *chain, size_t from);
/* Maps the longest chain that lies in the folder. On a helper thread; chain is empty before. */
pb_status chain_load(struct store *self, int64_t collection, struct chain *chain);
/* Writes a block and gives it its name; what it replaces is removed. Any thread. */
pb_status chain_publish(const char *folder, const void *block, size_t bytes);
/* One process at a time makes files of a collection. Parks. */
pb_status chain_lock(struct store *self, int64_t collection, int *lock);
void chain_unlock(int lock);
uint32_t chain_variant(const struct store *self);

/* --- fill.c: documents of some versions for a builder. Both park.
 * ------------------------------------- */

/* May lower `to` of build: a piece has at most so many passages. */
pb_status fill_documents(struct store *self, struct builder *builder, struct build *build);
/* What has changed in those versions, and older segments must not show. */
pb_status fill_gone(struct store *self, struct builder *builder, const struct build *build);

/* --- refresh.c
 * ------------------------------------------------------------------------------------------- */

/* A view that shows all that was there when this was called, with a reference. */
pb_status index_show(struct store *self, struct place *place, struct view **out);
/* Has so much been put here that it is time? */
void index_note(struct store *self, struct place *place, int64_t passages);
void index_free_all(struct store *self);

/* --- searching
 * ------------------------------------------------------------------------------------------- */

struct found {
    float score;
    uint32_t segment, row;
};

/* The best so far, the worst of them first. */
struct best {
    struct found *all;
    size_t count, most;
};

void best_add(struct best *best, float score, uint32_t segment, uint32_t row);
void best_sort(struct best *best); /* best first */

/* One search on a helper thread. */
struct job {
    const struct store *self;
    const struct view *view;
    const struct match *match;
    const struct coded *query; /* NULL: not by vector */
    const pb_str *words;       /* without duplicates */
    size_t word_count;
    struct matched *matched; /* one for each segment */
    bool is_matched;
    struct best vector, keyword;
};

pb_status search_scan(struct job *job);     /* scan.c */
pb_status search_keywords(struct job *job); /* keyword.c */

/* --- rows.c
 * ------------------------------------------------------------------------------------------------
 */

pb_status passage_of_row(const pb_rows *rows, size_t row, pb_passage **out);
pb_status passages_collect(pb_passages *out, pb_passage *const *all, size_t count);

/* --- the interface
 * ------------------------------------------------------------------------------------------ */

pb_status store_put(void *self, const pb_vector_put *put);
pb_status store_search(void *self, const pb_vector_query *query, pb_passages *out);
pb_status store_get(void *self, const pb_vector_selection *selection, pb_passages *out);
pb_status store_relabel(void *self, const pb_vector_put *labels, const pb_json *metadata);
pb_status store_remove(void *self, const pb_vector_selection *selection, int64_t *removed);
pb_status store_count(void *self, const pb_vector_selection *selection, int64_t *out);

/* Deletes rows of documents that are gone, a bounded number at a time, until there are none. */
pb_status store_sweep(struct store *self, const struct place *place);
/* Adds the statements of one step to a batch: three. */
void sweep_statements(const struct place *place, pb_statement *statements);

/* --- select.c: what a selection leaves
 * ------------------------------------------------------------------------ */

struct choice {
    struct place place;
    bool everybody; /* no condition: all documents */
    struct match match;
    struct view *view; /* else with a reference */
    struct matched matched[CHAIN_MOST];
    uint64_t rows;
};

/* choice_close in any case. */
pb_status choice_open(struct store *self, const pb_vector_selection *selection,
                      struct choice *choice);
void choice_close(struct choice *choice);
bool choice_has(const struct choice *choice, int64_t document);

/* One chosen document or passage. */
struct chosen {
    int64_t document, passages;
    pb_passage *passage; /* NULL: the document as a whole */
    int64_t id;          /* the passage's number */
};

/* Calls fn for each passage that is chosen, in the order of document and index, up to `limit`; its
 * memory is the running scope's. */
pb_status chosen_passages(struct store *self, const pb_vector_selection *selection,
                          const struct choice *choice, int64_t limit,
                          pb_status (*fn)(void *arg, const struct chosen *one), void *arg);
/* The same for whole documents; of a selection without ids and indexes. */
pb_status chosen_documents(struct store *self, const pb_vector_selection *selection,
                           const struct choice *choice,
                           pb_status (*fn)(void *arg, const struct chosen *one), void *arg);
/* Is it a part of documents that is chosen? */
bool selects_parts(const pb_vector_selection *selection);

#endif
