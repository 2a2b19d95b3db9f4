/* names.h - names to values: filled first, then looked up. Ten thousand slides make ten thousand
 * relations, so it is sorted at the first look-up and searched by halves. */
#ifndef OFFICE_NAMES_H
#define OFFICE_NAMES_H

#include "job.h"

struct name {
    pb_str key;
    void *value;
};

struct names {
    struct name *items;
    size_t count, room;
    bool sorted;
};

/* Copies the key; the value lives in the job. */
void names_add(struct names *names, struct job *job, pb_str key, void *value);
/* The value of one of this key, or NULL. */
void *names_find(struct names *names, const char *key);
/* Call it once for every names that was added to. */
void names_fini(struct names *names, struct job *job);

#endif
