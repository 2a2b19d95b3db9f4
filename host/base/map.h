/* map.h - a hash map from strings to pointers.
 *
 * Keys are borrowed: they must live, unchanged, as long as their entry (best inside the value). The
 * hash is keyed, so keys may come from strangers. Start with all zero, end with map_fini.
 */
#ifndef HOST_BASE_MAP_H
#define HOST_BASE_MAP_H

#include <patchbay/types.h>

struct map_slot {
    pb_str key;
    uint64_t hash;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots; /* a power of two, at most three quarters are used */
    size_t count;
    size_t capacity;
};

/* The value, or NULL. */
void *map_get(const struct map *map, pb_str key);

/* Sets or replaces; `value` is not NULL. False, and nothing is changed, when memory is short. */
bool map_put(struct map *map, pb_str key, void *value);

/* Takes an entry out and returns its value, or NULL when there is none. */
void *map_remove(struct map *map, pb_str key);

/* Frees the table, not the values. */
void map_fini(struct map *map);

#endif
