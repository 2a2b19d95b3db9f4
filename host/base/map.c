/* map.c - see map.h. Open addressing, linear probing; removal moves later entries back, so that no
 * tombstones are needed. */
#include "base/map.h"

#include "base/str.h"
#include <stdlib.h>

enum { FIRST = 8 };

/* The entry's slot, or the free one where it would be. The table is never full. */
static struct map_slot *find(const struct map *map, pb_str key, uint64_t hash)
{
    size_t mask = map->capacity - 1;

    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = map->slots + i;
        if (!slot->value || (slot->hash == hash && pb_str_equal(slot->key, key)))
            return slot;
    }
}

void *map_get(const struct map *map, pb_str key)
{
    return map->count ? find(map, key, str_hash(key))->value : NULL;
}

static bool grow(struct map *map)
{
    struct map larger = {.capacity = map->capacity ? map->capacity * 2 : FIRST};

    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    larger.count = map->count;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value)
            *find(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = larger;
    return true;
}

bool map_put(struct map *map, pb_str key, void *value)
{
    uint64_t hash = str_hash(key);

    if (map->count + 1 > map->capacity / 4 * 3 && !grow(map))
        return false;
    struct map_slot *slot = find(map, key, hash);
    map->count += !slot->value;
    *slot = (struct map_slot){key, hash, value};
    return true;
}

void *map_remove(struct map *map, pb_str key)
{
    struct map_slot *slot = map->count ? find(map, key, str_hash(key)) : NULL;
    void *value = slot ? slot->value : NULL;
    size_t mask = map->capacity - 1;

    if (!value)
        return NULL;
    map->count--;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        size_t home = (size_t)map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home is not behind the hole */
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct map_slot){0};
    return value;
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}
