/* passage.h - pieces of documents and the filters that choose among them: what chunkers, vector
 * stores, retrievers, rerankers and models share.
 */
#ifndef PATCHBAY_PASSAGE_H
#define PATCHBAY_PASSAGE_H

#include <patchbay/json.h>
#include <patchbay/memory.h>

/* One piece of a document, with its place in it, so that an answer can cite it. Borrowed; whoever
 * fills a list of them allocates in the running scope. */
struct pb_passage {
    uint32_t size;
    int32_t page;       /* from 1; 0: none */
    int64_t line;       /* first line, from 1; 0: not known */
    int64_t lines;      /* how many lines */
    int64_t index;      /* its place among the passages of its document, from 0 */
    int64_t tokens;     /* how long it is, as the chunker counted; 0: not known */
    double score;       /* higher is better; comparable within one list only */
    double vector_score;  /* cosine, -1 to 1; NAN: not found by its vector */
    double keyword_score; /* BM25, higher is better; NAN: not found by its words */
    pb_str id;          /* unique in its collection */
    pb_str text;        /* as it stands in the document */
    pb_str document;    /* its name or path, for people */
    pb_str document_id; /* unique in its collection */
    pb_str heading;     /* "Install > Debian", or absent */
    pb_str url;         /* where a person can read it, or absent */
    const pb_json *metadata; /* of the document: an object, or NULL */
    const float *vector;     /* where it was asked for, or NULL */
    uint32_t dimensions;     /* of the vector */
    uint32_t reserved;
    pb_str title;      /* of the document, or absent */
    pb_str collection; /* that it was found in; a retriever sets it */
};

struct pb_passages {
    uint32_t size;
    uint32_t reserved;
    const pb_passage *const *items; /* best first */
    size_t count;
};

enum {
    PB_FILTER_ALL = 0,    /* every one of the children; none: everything matches */
    PB_FILTER_ANY = 1,    /* at least one child */
    PB_FILTER_NOT = 2,    /* not its one child */
    PB_FILTER_EQUAL = 3,  /* the metadata field has this value, or is an array that holds it */
    PB_FILTER_IN = 4,     /* … one of the values of this array */
    PB_FILTER_LESS = 5,   /* … a smaller number or an earlier text */
    PB_FILTER_MORE = 6,
    PB_FILTER_EXISTS = 7, /* the field is there */
};

/* A tree of conditions on metadata. A NULL filter matches everything. Tenant and access are never
 * part of it: they are applied below it, always. */
typedef struct pb_filter pb_filter;
struct pb_filter {
    uint32_t size;
    int32_t type;  /* PB_FILTER_… */
    pb_str field;  /* of a condition: "year", "author.name"; "$document", "$name", "$type" are the
                      document's id, name and content type, "$tags" its tags */
    const pb_json *value;
    const pb_filter *const *children;
    size_t child_count;
};

/* A zeroed passage in the running scope, with the text; NULL when memory is short. */
static inline pb_passage *pb_passage_new(pb_str text)
{
    pb_passage *passage = PB_NEW(pb_passage);
    if (passage) {
        passage->size = (uint32_t)sizeof *passage;
        passage->text = text;
        passage->vector_score = passage->keyword_score = (double)__builtin_nanf("");
    }
    return passage;
}

#endif
