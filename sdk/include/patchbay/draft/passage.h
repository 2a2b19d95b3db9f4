/* passage.h - pieces of documents and the filters that choose among them: what retriever, reranker
 * and vector_store share. Draft: may change until each has two implementations.
 */
#ifndef PATCHBAY_DRAFT_PASSAGE_H
#define PATCHBAY_DRAFT_PASSAGE_H

#include <patchbay/json.h>

/* One piece of a document, with its place in it, so that an answer can cite it. Borrowed; whoever
 * fills a list of them allocates in the running scope. */
typedef struct pb_passage {
    uint32_t size;
    int32_t page;    /* from 1; 0: none */
    int64_t line;    /* first line, from 1; 0: not known */
    int64_t lines;   /* how many lines */
    double score;    /* higher is better; comparable within one list only */
    pb_str id;       /* unique in its collection */
    pb_str text;
    pb_str document; /* its name or path */
    pb_str heading;  /* "Install > Debian", or absent */
    pb_str url;      /* where a person can read it, or absent */
    const pb_json *metadata; /* an object, or NULL */
} pb_passage;

typedef struct pb_passages {
    uint32_t size;
    uint32_t reserved;
    const pb_passage *const *items; /* best first */
    size_t count;
} pb_passages;

enum {
    PB_FILTER_ALL = 0,    /* every one of the children; none: everything matches */
    PB_FILTER_ANY = 1,    /* at least one child */
    PB_FILTER_NOT = 2,    /* not its one child */
    PB_FILTER_EQUAL = 3,  /* the metadata field has this value */
    PB_FILTER_IN = 4,     /* … one of the values of this array */
    PB_FILTER_LESS = 5,   /* … a smaller number or an earlier text */
    PB_FILTER_MORE = 6,
    PB_FILTER_EXISTS = 7, /* the field is there */
};

/* A tree of conditions on metadata. A NULL filter matches everything. The tenant is never part of
 * it: the host adds that below. */
typedef struct pb_filter pb_filter;
struct pb_filter {
    uint32_t size;
    int32_t type;  /* PB_FILTER_… */
    pb_str field;  /* of a condition: "year", "author.name" */
    const pb_json *value;
    const pb_filter *const *children;
    size_t child_count;
};

#endif
