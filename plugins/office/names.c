/* names.c - names to values; see names.h. */
#include "names.h"

#include <stdlib.h>

void names_add(struct names *names, struct job *job, pb_str key, void *value)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 64;
        struct name *items =
            job_grow(job, names->items, names->room * sizeof *items, room * sizeof *items);
        if (!items)
            return;
        names->items = items;
        names->room = room;
    }
    key = job_copy(job, key);
    if (!key.data)
        return;
    names->items[names->count++] = (struct name){key, value};
    names->sorted = false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->key.data, ((const struct name *)b)->key.data);
}

void *names_find(struct names *names, const char *key)
{
    const struct name wanted = {.key = pb_str_of(key)};

    if (!key || !names->count)
        return NULL;
    if (!names->sorted)
        qsort(names->items, names->count, sizeof *names->items, compare);
    names->sorted = true;
    const struct name *found =
        bsearch(&wanted, names->items, names->count, sizeof *names->items, compare);
    return found ? found->value : NULL;
}

void names_fini(struct names *names, struct job *job)
{
    job_release(job, names->room * sizeof *names->items);
    free(names->items);
    memset(names, 0, sizeof *names);
}
