/* @NAME@ - a cache in the memory of one process: a reference for caches that live somewhere else.
 *
 * Nothing here parks but remove_tag, so every call is atomic as it stands. What is kept is malloc()ed:
 * memory of pb_alloc() would be gone when the call returns.
 */
#include <errno.h>
#include <math.h>
#include <patchbay/cache.h>
#include <patchbay/task.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 1024, DIGITS = 24, TAGS = 8 };

struct entry {
    struct entry *next;
    size_t bytes;        /* of it all */
    pb_duration expires; /* pb_monotonic(); 0: when there is no room */
    bool is_bucket;
    pb_duration full;    /* a bucket is kept as the moment at which it is full again */
    pb_str key, value;   /* there is room for a number at `value`, and a 0 behind it */
    pb_str tags[TAGS];
    uint32_t tag_count;
};

struct @ID@ {
    int64_t size;
    int64_t used, entries;
    size_t hand; /* the chain that is forgotten next */
    struct entry *chains[CHAINS];
};

static const pb_field @ID@_options[] = {
    PB_SIZE(struct @ID@, size, .def = "16MiB", .min = 1024, .help = "Memory for all that is kept."),
    PB_END
};

/* --- the table -------------------------------------------------------------------------------- */

static void drop(struct @ID@ *self, struct entry **at)
{
    struct entry *gone = *at;

    *at = gone->next;
    self->used -= (int64_t)gone->bytes;
    self->entries--;
    free(gone);
}

static struct entry **chain_of(struct @ID@ *self, pb_str key)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211U;
    return &self->chains[hash % CHAINS];
}

/* Where it hangs, or NULL; one whose time is over is not there. */
static struct entry **find(struct @ID@ *self, pb_str key)
{
    struct entry **at = chain_of(self, key);

    while (*at && !pb_str_equal((*at)->key, key))
        at = &(*at)->next;
    if (*at && (*at)->expires && (*at)->expires <= pb_monotonic())
        drop(self, at);
    else if (*at)
        return at;
    return NULL;
}

static pb_str place(char **room, const void *data, size_t size)
{
    pb_str placed = pb_str_make(*room, size);

    if (size)
        memcpy(*room, data, size);
    *room += size;
    return placed;
}

/* In the place of what is there by this key. Forgets others, chain by chain, until there is room. */
static pb_status keep(struct @ID@ *self, pb_str key, pb_bytes value, const pb_cache_options *options,
                      struct entry **out)
{
    uint32_t tags = options ? options->tag_count : 0;
    size_t bytes = sizeof(struct entry) + key.size + value.size + DIGITS;
    struct entry **old = find(self, key);

    if (old)
        drop(self, old);
    for (uint32_t i = 0; i < tags; i++)
        bytes += options->tags[i].size;
    if (bytes > (uint64_t)self->size)
        return pb_fail(PB_TOO_LARGE, "the cache keeps %lld bytes in all", (long long)self->size);
    while (self->used + (int64_t)bytes > self->size) {
        while (self->chains[self->hand])
            drop(self, &self->chains[self->hand]);
        self->hand = (self->hand + 1) % CHAINS;
    }
    struct entry *kept = calloc(1, bytes), **chain = chain_of(self, key);
    if (!kept)
        return pb_fail(PB_NO_MEMORY, "there is no memory for another entry");
    char *room = (char *)(kept + 1);
    kept->key = place(&room, key.data, key.size);
    for (; kept->tag_count < tags; kept->tag_count++)
        kept->tags[kept->tag_count] = place(&room, options->tags[kept->tag_count].data,
                                            options->tags[kept->tag_count].size);
    kept->value = place(&room, value.data, value.size);
    kept->expires = options && options->ttl > 0 ? pb_monotonic() + options->ttl : 0;
    kept->bytes = bytes;
    kept->next = *chain;
    *chain = *out = kept;
    self->used += (int64_t)bytes;
    self->entries++;
    return PB_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static pb_status @ID@_get(void *self, pb_str key, pb_bytes *out)
{
    struct entry **at = find(self, key);

    if (!at || (*at)->is_bucket)
        return pb_fail(PB_NOT_FOUND, "nothing is kept by that key");
    pb_str copy = pb_copy((*at)->value); /* the entry may go while the caller looks at it */
    *out = (pb_bytes){(const uint8_t *)copy.data, copy.size};
    return copy.data ? (pb_status)PB_OK : pb_fail(PB_NO_MEMORY, "there is no memory for the value");
}

static pb_status @ID@_set(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    struct entry *kept;

    return keep(self, key, value, options, &kept);
}

static pb_status @ID@_add(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    if (find(self, key))
        return pb_fail(PB_CONFLICT, "there is something by that key already");
    return @ID@_set(self, key, value, options);
}

static pb_status @ID@_increment(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                                int64_t *out)
{
    struct entry **at = find(self, key), *kept = at ? *at : NULL;
    pb_status status = kept ? (pb_status)PB_OK
                            : keep(self, key, (pb_bytes){(const uint8_t *)"0", 1}, options, &kept);
    char *end;

    if (status != PB_OK)
        return status;
    errno = 0;
    int64_t number = strtoll(kept->value.data, &end, 10);
    if (kept->is_bucket || !kept->value.size || end != kept->value.data + kept->value.size || errno)
        return pb_fail(PB_CONFLICT, "what is kept by that key is no whole number");
    if (by > 0 ? number > INT64_MAX - by : number < INT64_MIN - by)
        return pb_fail(PB_CONFLICT, "the sum is out of range");
    char *digits = (char *)(uintptr_t)kept->value.data; /* the entry's own */
    kept->value.size = (size_t)snprintf(digits, DIGITS, "%lld", (long long)(number + by));
    *out = number + by;
    return PB_OK;
}

/* --- buckets ---------------------------------------------------------------------------------- */

static pb_status @ID@_take(void *self, pb_str key, pb_bucket *bucket)
{
    struct entry **at = find(self, key), *kept = at ? *at : NULL;
    const double second = (double)PB_SECOND;
    pb_duration now = pb_monotonic();
    pb_status status = PB_OK;

    if (!(bucket->rate > 0) || !(bucket->capacity > 0))
        return pb_fail(PB_INVALID, "a bucket has a rate and a capacity above 0");
    if (kept && !kept->is_bucket)
        return pb_fail(PB_CONFLICT, "what is kept by that key is no bucket");
    pb_duration full = kept && kept->full > now ? kept->full : now;
    bucket->left = bucket->capacity - (double)(full - now) / second * bucket->rate;
    bucket->taken = bucket->debt || bucket->left + 1e-6 >= bucket->cost;
    bucket->wait = bucket->taken ? 0
                                 : (pb_duration)ceil((bucket->cost - bucket->left) / bucket->rate *
                                                     second);
    if (!bucket->taken || !(bucket->cost > 0))
        return PB_OK;
    if (!kept)
        status = keep(self, key, (pb_bytes){0}, NULL, &kept);
    if (status != PB_OK)
        return status;
    bucket->left -= bucket->cost;
    kept->is_bucket = true;
    kept->full = full + (pb_duration)fmin(bucket->cost / bucket->rate * second, 1e18);
    return PB_OK;
}

/* --- removing --------------------------------------------------------------------------------- */

static pb_status @ID@_remove(void *self, pb_str key)
{
    struct entry **at = find(self, key);

    if (at)
        drop(self, at);
    return PB_OK;
}

static bool has_tag(const struct entry *kept, pb_str tag)
{
    for (uint32_t i = 0; i < kept->tag_count; i++)
        if (pb_str_equal(kept->tags[i], tag))
            return true;
    return false;
}

/* All are looked at: pb_step() lets other turns run when that takes long. */
static pb_status @ID@_remove_tag(void *instance, pb_str tag)
{
    struct @ID@ *self = instance;
    pb_status status = PB_OK;

    for (size_t i = 0; i < CHAINS && status == PB_OK; i++) {
        for (struct entry **at = &self->chains[i]; *at;)
            if (has_tag(*at, tag))
                drop(self, at);
            else
                at = &(*at)->next;
        status = pb_step();
    }
    return status;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void @ID@_destroy(void *instance)
{
    struct @ID@ *self = instance;

    for (size_t i = 0; i < CHAINS; i++)
        while (self->chains[i])
            drop(self, &self->chains[i]);
}

static void @ID@_stats(void *instance, pb_stats *stats)
{
    const struct @ID@ *self = instance;

    pb_stat(stats, "entries", (double)self->entries);
    pb_stat(stats, "bytes", (double)self->used);
}

PB_PLUGIN("@NAME@", "0.1.0", "Apache-2.0", "A cache in the memory of one process.",
          PB_CACHE("@NAME@", struct @ID@, @ID@_options, .destroy = @ID@_destroy, .stats = @ID@_stats,
                   .get = @ID@_get, .set = @ID@_set, .add = @ID@_add, .increment = @ID@_increment,
                   .take = @ID@_take, .remove = @ID@_remove, .remove_tag = @ID@_remove_tag));
