/* retrieve.h - the stage's instance, one search, and what the files share.
 *
 * The life of a search: rewrite.c makes the question stand alone, wish.c reads what the request
 * narrows, kept.c knows whether the same was found a moment ago, the retriever finds, choose.c
 * drops and orders, widen.c joins what stands around, source.c writes what is cited and cite.c
 * watches the reply for it.
 */
#ifndef RETRIEVE_H
#define RETRIEVE_H

#include <patchbay/cache.h>
#include <patchbay/filter.h>
#include <patchbay/llm.h>
#include <patchbay/question.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/stage.h>

enum { REWRITE_NONE, REWRITE_RULES, REWRITE_MODEL };
enum { FAILURE_FAIL, FAILURE_CONTINUE };
enum { SOURCES_CITED, SOURCES_ALL, SOURCES_NONE };
enum { MODE_CONFIGURED, MODE_VECTOR, MODE_KEYWORD, MODE_HYBRID };

struct retrieve {
    pb_instance *retriever;
    pb_instance *reranker;
    int64_t top_k;
    int64_t candidates;
    int32_t mode;
    double vector_weight;
    pb_list collections; /* of pb_str */
    const pb_json *filter;
    double min_score;
    int64_t per_document;
    int64_t neighbours;
    bool whole_document;
    int64_t max_tokens;
    int32_t rewrite;
    pb_instance *llm;
    pb_duration rewrite_timeout;
    pb_instance *cache;
    pb_duration ttl;
    int32_t on_failure;
    int32_t sources;

    /* Made by create. */
    const pb_filter *own_filter;

    pb_duration warned; /* when it was last said that the cache fails */
    uint64_t searches, empty, failures, hits;
};

/* One search. All that it points to lives as long as the turn. */
struct search {
    struct retrieve *stage;
    pb_turn *turn;
    pb_span *span;
    pb_str question; /* as it was asked */
    pb_str query;    /* as it is looked for */
    pb_retrieve_request request;
    const pb_json *wishes[2]; /* filters of the request, for the key */
    const pb_passage **items; /* what is left of it, best first */
    size_t count;
};

/* --- wish.c ------------------------------------------------------------------------------------
 */

/* Collections, documents and filter: the stage's, narrowed by the request's variables and metadata.
 */
pb_status wish_read(struct search *search);

/* --- rewrite.c ---------------------------------------------------------------------------------
 */

/* Sets question and query. Parks where a model is asked. */
pb_status rewrite_question(struct search *search);

/* --- choose.c ----------------------------------------------------------------------------------
 */

/* How relevant, 0 to 1, whatever list it came in: the cosine, or BM25 as s / (s + 10); the higher.
 */
double relevance_of(const pb_passage *passage);
/* Drops what is below min_score, orders anew, keeps per_document and top_k. Parks as the reranker.
 */
pb_status choose(struct search *search);
/* Cuts to max_tokens: whole passages, the first one in its middle if it must be. */
pb_status choose_within(struct search *search);
int64_t tokens_of(const pb_passage *passage);
pb_passage *passage_copy(const pb_passage *from);

/* --- widen.c -----------------------------------------------------------------------------------
 */

/* Joins each with its neighbours, or with its whole document; what overlaps becomes one. Parks. */
pb_status widen(struct search *search);

/* --- kept.c ------------------------------------------------------------------------------------
 */

enum { KEPT_KEY = 6 + 64 };

/* PB_NOT_FOUND: nothing is kept; `key` is where. Absent key: nothing can be kept. May park. */
pb_status kept_get(struct search *search, char key[KEPT_KEY + 1]);
pb_status kept_set(struct search *search, const char *key);

/* --- source.c ----------------------------------------------------------------------------------
 */

/* A source as clients get it; `number` from 1. NULL: no memory. */
const pb_json *source_of(const struct search *search, size_t number);
/* Leaves passages and the variables `passages` and `found` in the turn. */
pb_status source_leave(const struct search *search);

/* --- quote.c -----------------------------------------------------------------------------------
 */

/* The sentence of `text` with most of the question's words, not much more than `most` bytes. */
pb_str quote_of(pb_str text, pb_str question, size_t most);

/* --- cite.c ------------------------------------------------------------------------------------
 */

enum { CITE_MOST = 64 };

/* Watches the reply for [1], [2, 3] or [2-4] and sends the source before the text that cites it. */
struct cite {
    pb_sink base;
    const struct search *search;
    bool sent[CITE_MOST];
    int state;
    int32_t branch;
    unsigned number, first; /* being read; of a range */
    bool range;
    unsigned ticks;              /* ` one after the other */
    unsigned fence;              /* how many opened the code that we are in; 0: none */
    unsigned pending[CITE_MOST]; /* numbers of the brackets that are open */
    size_t pending_count;
};

void cite_begin(struct cite *cite, const struct search *search);
/* Sends all that was not sent. */
pb_status cite_all(struct cite *cite);

#endif
