/* duplicates.c - keys that a map has twice. YAML would take one of them in silence; here the later
 * ones are reported and taken out. Sorted first, so that a large map costs no more than a sort. */
#include "config/internal.h"

#include <stdlib.h>

static int by_key(const void *left, const void *right)
{
    const struct config_node *a = *(const struct config_node *const *)left;
    const struct config_node *b = *(const struct config_node *const *)right;
    size_t size = a->key.size < b->key.size ? a->key.size : b->key.size;
    int order = memcmp(a->key.data, b->key.data, size);

    if (order == 0 && a->key.size != b->key.size)
        return a->key.size < b->key.size ? -1 : 1;
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

void config_check_duplicates(struct config_diagnostics *diagnostics, struct config_node *map)
{
    struct config_node **all = PB_NEW_ARRAY(struct config_node *, map->count + 1);
    size_t count = 0, first = 0, removed = 0;

    for (struct config_node *at = map->child; at && all; at = at->next)
        all[count++] = at;
    if (!all)
        return;
    qsort(all, count, sizeof *all, by_key);
    for (size_t i = 1; i < count; i++) {
        if (!pb_str_equal(all[i]->key, all[first]->key)) {
            first = i;
            continue;
        }
        config_problem_key(diagnostics, all[i],
                           "duplicate key; it is already given at line %u",
                           all[first]->key_mark.line);
        all[i]->type = UINT32_MAX; /* taken out below */
        removed++;
    }
    if (!removed)
        return;
    struct config_node *at = map->child;
    map->child = map->last = NULL;
    map->count = 0;
    while (at) {
        struct config_node *next = at->next;
        if (at->type != UINT32_MAX)
            config_node_append(map, at);
        at = next;
    }
}
