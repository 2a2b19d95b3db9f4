/* known.c - keys that this worker has looked up: 256 sets of four, the least asked for gives way.
 *
 * Nobody can make it grow, and a stranger who tries many ids pushes out a few keys of one set,
 * which are read again.
 */
#include "api_key.h"

#include <stdlib.h>

pb_status known_init(struct known_keys *keys)
{
    keys->sets = calloc(KNOWN_SETS, sizeof *keys->sets);
    return keys->sets ? (pb_status)PB_OK : pb_fail(PB_NO_MEMORY, "no memory for keys");
}

static void clear(struct known *key)
{
    free(key->principal);
    *key = (struct known){0};
}

void known_forget_all(struct known_keys *keys)
{
    keys->changes++;
    for (size_t i = 0; keys->sets && i < KNOWN_SETS; i++)
        for (size_t j = 0; j < KNOWN_WAYS; j++)
            clear(&keys->sets[i][j]);
}

void known_fini(struct known_keys *keys)
{
    known_forget_all(keys);
    free(keys->sets);
    keys->sets = NULL;
}

/* Ids are random, so that any of their bits will do. */
static struct known *set_of(struct known_keys *keys, pb_str id)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (uint8_t)id.data[i]) * 16777619u;
    return keys->sets[(hash ^ hash >> 16) % KNOWN_SETS];
}

static struct known *find(struct known_keys *keys, pb_str id)
{
    struct known *set = set_of(keys, id);

    for (size_t i = 0; i < KNOWN_WAYS; i++)
        if (set[i].until && memcmp(set[i].id, id.data, KEY_ID) == 0)
            return &set[i];
    return NULL;
}

struct known *known_find(struct known_keys *keys, pb_str id)
{
    struct known *key = find(keys, id);

    if (!key || key->until <= pb_monotonic())
        return NULL;
    key->asked = ++keys->asks;
    return key;
}

struct known *known_put(struct known_keys *keys, const struct known *key)
{
    pb_str id = {key->id, KEY_ID};
    struct known *set = set_of(keys, id), *to = find(keys, id);

    for (size_t i = 0; !to && i < KNOWN_WAYS; i++)
        if (!set[i].until)
            to = &set[i];
    if (!to) {
        to = set;
        for (size_t i = 1; i < KNOWN_WAYS; i++)
            if (set[i].asked < to->asked)
                to = &set[i];
    }
    clear(to);
    *to = *key;
    to->asked = ++keys->asks;
    return to;
}

void known_forget(struct known_keys *keys, pb_str id)
{
    struct known *key = id.size == KEY_ID ? find(keys, id) : NULL;

    keys->changes++;
    if (key)
        clear(key);
}

/* --- principals ------------------------------------------------------------------------------- */

static pb_str put_text(char **at, pb_str text)
{
    pb_str copy = {*at, text.size};

    if (text.size)
        memcpy(*at, text.data, text.size);
    (*at)[text.size] = 0;
    *at += text.size + 1;
    return copy;
}

static size_t texts_size(const pb_str *texts, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += texts[i].size + 1;
    return size;
}

static const pb_str *put_texts(pb_str **slots, char **at, const pb_str *texts, size_t count)
{
    pb_str *first = *slots;

    for (size_t i = 0; i < count; i++)
        *(*slots)++ = put_text(at, texts[i]);
    return first;
}

pb_principal *principal_copy(const pb_principal *from, bool scoped)
{
    size_t lists = (from->role_count + from->scope_count) * sizeof(pb_str);
    size_t size = sizeof *from + lists + from->id.size + from->tenant.size + from->name.size + 3 +
                  texts_size(from->roles, from->role_count) +
                  texts_size(from->scopes, from->scope_count);
    pb_principal *copy = scoped ? pb_alloc(size) : malloc(size);

    if (!copy)
        return NULL;
    pb_str *slots = (pb_str *)(void *)(copy + 1);
    char *at = (char *)slots + lists;
    *copy = (pb_principal){.size = (uint32_t)sizeof *copy,
                           .role_count = from->role_count,
                           .scope_count = from->scope_count};
    copy->id = put_text(&at, from->id);
    copy->tenant = put_text(&at, from->tenant);
    copy->name = put_text(&at, from->name);
    copy->roles = put_texts(&slots, &at, from->roles, from->role_count);
    copy->scopes = put_texts(&slots, &at, from->scopes, from->scope_count);
    return copy;
}
