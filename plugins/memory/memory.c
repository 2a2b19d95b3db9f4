/* memory - a cache in memory that all workers share: bounded, atomic, gone when the service stops.
 *
 * What it keeps is in table.h. A call takes the lock of one of 64 shards, never parks, and never
 * waits for longer than the lock allows.
 */
#include "table.h"

#include <math.h>
#include <patchbay/cache.h>
#include <patchbay/cluster.h>
#include <patchbay/secret.h>

struct memory {
    int64_t size;
    int64_t max_value;
    pb_shared *shared;
    struct table table;
    pb_duration stuck[TABLE_SHARDS]; /* not asked before then: its holder is stopped */
    uint64_t hits, misses;           /* of this process */
};

static const pb_field memory_options[] = {
    PB_SIZE(struct memory, size, .def = "64MiB", .min = 1 << 20, .max = 1099511627776.0,
            .help = "Memory for all that is kept; the least asked for is forgotten."),
    PB_SIZE(struct memory, max_value, .min = 1,
            .help = "The largest value; at most, and without it, about a 300th of `size`."),
    PB_END,
};

/* --- locks ------------------------------------------------------------------------------------ */

static pb_status lock(struct memory *memory, const struct table_key *key)
{
    pb_duration *stuck = &memory->stuck[key->shard];

    if (!*stuck || pb_monotonic() >= *stuck) {
        *stuck = 0;
        pb_status status = pb_shared_lock(memory->shared, key->shard);
        if (status == PB_OK)
            return PB_OK;
        *stuck = pb_monotonic() + PB_SECOND;
    }
    return pb_fail(PB_UNAVAILABLE, "a part of the cache is held by a process that stands still");
}

static void unlock(struct memory *memory, const struct table_key *key)
{
    pb_shared_unlock(memory->shared, key->shard);
}

static pb_status key_of(const struct memory *memory, pb_str text, struct table_key *out)
{
    if (!text.size || text.size > TABLE_KEY)
        return pb_fail(PB_INVALID, "the key of a cache has 1 to %d bytes", TABLE_KEY);
    *out = table_key(&memory->table, text);
    return PB_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static pb_status number_text(int64_t number, pb_bytes *out)
{
    pb_str text = pb_printf("%lld", (long long)number);

    *out = (pb_bytes){(const uint8_t *)text.data, text.size};
    return text.data ? (pb_status)PB_OK : pb_fail(PB_NO_MEMORY, "no memory for a number");
}

static pb_status copy_out(struct memory *memory, const struct table_key *key, pb_bytes *out)
{
    struct entry *entry = table_find(&memory->table, key, pb_monotonic());

    if (!entry || entry->kind == ENTRY_BUCKET) {
        memory->misses++;
        return pb_fail(PB_NOT_FOUND, "nothing is kept by that key");
    }
    memory->hits++;
    table_touch(&memory->table, key, entry);
    if (entry->kind == ENTRY_NUMBER)
        return number_text(entry->number, out);
    uint8_t *data = pb_alloc((size_t)entry->value_size + 1);
    if (!data)
        return pb_fail(PB_NO_MEMORY, "no memory for a value of %u bytes", entry->value_size);
    table_copy_value(&memory->table, key, entry, data);
    data[entry->value_size] = 0;
    *out = (pb_bytes){data, entry->value_size};
    return PB_OK;
}

static pb_status memory_get(void *self, pb_str text, pb_bytes *out)
{
    struct memory *memory = self;
    struct table_key key;
    pb_status status = key_of(memory, text, &key);

    if (status == PB_OK)
        status = lock(memory, &key);
    if (status != PB_OK)
        return status;
    status = copy_out(memory, &key, out);
    unlock(memory, &key);
    return status;
}

static int64_t ending(int64_t now, const pb_cache_options *options)
{
    int64_t end;

    if (!options || options->ttl <= 0)
        return 0;
    return __builtin_add_overflow(now, options->ttl, &end) ? INT64_MAX : end;
}

static struct table_item item_of(const struct memory *memory, const struct table_key *key,
                                 const pb_cache_options *options)
{
    struct table_item item = {.key = key, .now = pb_monotonic()};

    item.expires = ending(item.now, options);
    for (uint32_t i = 0; options && i < options->tag_count && i < TABLE_TAGS; i++)
        item.tags[item.tag_count++] = table_tag(&memory->table, options->tags[i]);
    return item;
}

static pb_status store(struct memory *memory, const struct table_item *item, bool only_new)
{
    pb_status status = lock(memory, item->key);

    if (status != PB_OK)
        return status;
    if (only_new && table_find(&memory->table, item->key, item->now))
        status = pb_fail(PB_CONFLICT, "there is something by that key already");
    else if (!table_put(&memory->table, item))
        status = pb_fail(PB_TOO_LARGE, "the cache keeps no value of %zu bytes", item->value.size);
    unlock(memory, item->key);
    return status;
}

static pb_status put(struct memory *memory, pb_str text, pb_bytes value,
                     const pb_cache_options *options, bool only_new)
{
    struct table_key key;
    pb_status status = key_of(memory, text, &key);

    if (status != PB_OK)
        return status;
    if (options && options->tag_count > TABLE_TAGS)
        return pb_fail(PB_INVALID, "a value of a cache has at most %d tags", TABLE_TAGS);
    struct table_item item = item_of(memory, &key, options);
    item.value = (pb_str){(const char *)value.data, value.size};
    if (value.size <= (size_t)memory->max_value)
        return store(memory, &item, only_new);
    if (!only_new) { /* what was there is not true any more */
        status = lock(memory, &key);
        struct entry *old = status == PB_OK ? table_find(&memory->table, &key, item.now) : NULL;
        if (old)
            table_drop(&memory->table, &key, old);
        if (status == PB_OK)
            unlock(memory, &key);
    }
    return pb_fail(PB_TOO_LARGE, "the cache keeps values up to %lld bytes, this one has %zu",
                   (long long)memory->max_value, value.size);
}

static pb_status memory_set(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    return put(self, key, value, options, false);
}

static pb_status memory_add(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    return put(self, key, value, options, true);
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* "-12" as a number; a value that was set may be counted on. */
static bool read_number(pb_str text, int64_t *out)
{
    bool minus = text.size && text.data[0] == '-';
    int64_t number = 0;

    if (text.size == (size_t)minus || text.size > 20)
        return false;
    for (size_t i = minus; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number))
            return false;
    }
    *out = number; /* below 0: the smallest has no opposite */
    return minus || !__builtin_sub_overflow((int64_t)0, number, out);
}

static bool number_in(const struct memory *memory, const struct table_key *key,
                      const struct entry *entry, int64_t *out)
{
    uint8_t digits[20];

    if (entry->kind == ENTRY_NUMBER) {
        *out = entry->number;
        return true;
    }
    if (entry->kind != ENTRY_VALUE || entry->value_size > sizeof digits)
        return false;
    table_copy_value(&memory->table, key, entry, digits);
    return read_number((pb_str){(const char *)digits, entry->value_size}, out);
}

static pb_status count(struct memory *memory, struct table_item *item, int64_t by, int64_t *out)
{
    struct entry *entry = table_find(&memory->table, item->key, item->now);
    int64_t number = 0;

    if (entry && !number_in(memory, item->key, entry, &number))
        return pb_fail(PB_CONFLICT, "what is kept by that key is no whole number");
    if (__builtin_add_overflow(number, by, &number))
        return pb_fail(PB_CONFLICT, "the sum is out of range");
    *out = number;
    if (entry && entry->kind == ENTRY_NUMBER) {
        entry->number = number; /* one store: there is no half sum */
        table_touch(&memory->table, item->key, entry);
        return PB_OK;
    }
    item->kind = ENTRY_NUMBER;
    item->number = number;
    if (entry) {
        item->expires = entry->expires;
        item->tag_count = entry->tag_count;
        memcpy(item->tags, entry->bytes, entry->tag_count * sizeof *item->tags);
    }
    return table_put(&memory->table, item)
               ? (pb_status)PB_OK
               : pb_fail(PB_UNAVAILABLE, "there is no room for another number");
}

static pb_status memory_increment(void *self, pb_str text, int64_t by,
                                  const pb_cache_options *options, int64_t *out)
{
    struct memory *memory = self;
    struct table_key key;
    pb_status status = key_of(memory, text, &key);

    if (status != PB_OK)
        return status;
    struct table_item item = item_of(memory, &key, options);
    status = lock(memory, &key);
    if (status != PB_OK)
        return status;
    status = count(memory, &item, by, out);
    unlock(memory, &key);
    return status;
}

/* --- buckets ---------------------------------------------------------------------------------- */

/* A bucket is kept as the moment at which it is full again: one number, and none when it is full.
 */
static pb_status draw(struct memory *memory, struct table_item *item, pb_bucket *bucket)
{
    struct entry *entry = table_find(&memory->table, item->key, item->now);
    const double second = (double)PB_SECOND;

    if (entry && entry->kind != ENTRY_BUCKET)
        return pb_fail(PB_CONFLICT, "what is kept by that key is no bucket");
    int64_t full = entry ? entry->number : item->now;
    double cost = bucket->cost > 0 ? bucket->cost : 0;
    double tokens = bucket->capacity - (double)(full - item->now) / second * bucket->rate;
    bucket->taken = bucket->debt || tokens + 1e-6 >= cost; /* moments are whole nanoseconds */
    bucket->left = tokens;
    bucket->wait = bucket->taken ? 0 : (pb_duration)ceil((cost - tokens) / bucket->rate * second);
    if (!bucket->taken || cost == 0)
        return PB_OK;
    bucket->left = tokens - cost;
    item->kind = ENTRY_BUCKET;
    if (__builtin_add_overflow(full, llround(cost / bucket->rate * second), &item->number))
        item->number = INT64_MAX; /* as deep in debt as it goes */
    if (entry) {
        entry->number = item->number;
        table_touch(&memory->table, item->key, entry);
        return PB_OK;
    }
    return table_put(&memory->table, item)
               ? (pb_status)PB_OK
               : pb_fail(PB_UNAVAILABLE, "there is no room for another bucket");
}

static pb_status memory_take(void *self, pb_str text, pb_bucket *bucket)
{
    struct memory *memory = self;
    const double century = 3.2e9;
    struct table_key key;
    pb_status status = key_of(memory, text, &key);

    if (status != PB_OK)
        return status;
    if (!(bucket->rate > 0) || !(bucket->capacity > 0) ||
        !(bucket->capacity / bucket->rate < century) || !(bucket->cost / bucket->rate < century))
        return pb_fail(PB_INVALID, "a bucket has a rate and a capacity above 0, and is full again "
                                   "within a century");
    struct table_item item = {.key = &key, .now = pb_monotonic()};
    status = lock(memory, &key);
    if (status != PB_OK)
        return status;
    status = draw(memory, &item, bucket);
    unlock(memory, &key);
    return status;
}

/* --- removing --------------------------------------------------------------------------------- */

static pb_status memory_remove(void *self, pb_str text)
{
    struct memory *memory = self;
    struct table_key key;
    pb_status status = key_of(memory, text, &key);

    if (status == PB_OK)
        status = lock(memory, &key);
    if (status != PB_OK)
        return status;
    struct entry *entry = table_find(&memory->table, &key, pb_monotonic());
    if (entry)
        table_drop(&memory->table, &key, entry);
    unlock(memory, &key);
    return PB_OK;
}

static pb_status memory_remove_tag(void *self, pb_str tag)
{
    struct memory *memory = self;

    table_remove_tag(&memory->table, tag);
    return PB_OK;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void repair(void *region, uint32_t index)
{
    const struct table_head *head = region;
    struct table table;

    table_place(&table, region, atomic_load(&head->bytes));
    table_repair(&table, index);
}

static void memory_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct memory *memory = self;
    int64_t most = table_largest(memory->size);

    if (memory->max_value > most)
        pb_problem(diagnostics, "max_value",
                   "a cache of this `size` keeps values up to %lld bytes; make it larger",
                   (long long)most);
}

static pb_status memory_start(void *self)
{
    struct memory *memory = self;
    pb_str name = pb_printf("memory.%.*s", PB_ARG(pb_instance_name(NULL)));
    pb_shared_spec spec = {.size = sizeof spec,
                           .version = TABLE_VERSION,
                           .name = name,
                           .bytes = memory->size,
                           .repair = repair};
    uint64_t seed = 0, none = 0;

    if (!memory->max_value)
        memory->max_value = table_largest(memory->size);
    if (!name.data || pb_random(&seed, sizeof seed) != PB_OK)
        return pb_fail(PB_NO_MEMORY, "the cache cannot begin");
    pb_status status = pb_shared_open(&spec, &memory->shared);
    if (status != PB_OK)
        return status;
    table_place(&memory->table, pb_shared_memory(memory->shared), memory->size);
    atomic_store(&memory->table.head->bytes, memory->size);
    atomic_compare_exchange_strong(&memory->table.head->seed, &none, seed | 1);
    return PB_OK;
}

static void memory_stop(void *self)
{
    struct memory *memory = self;

    pb_shared_close(memory->shared);
    memory->shared = NULL;
}

/* Read without locks: figures for people. What is _shared_ is alike in all workers, and never added
 * up. */
static void memory_stats(void *self, pb_stats *stats)
{
    const struct memory *memory = self;
    const struct table *table = &memory->table;
    uint64_t entries = 0, blocks = 0, evictions = 0, repairs = 0;

    for (uint32_t i = 0; memory->shared && i < TABLE_SHARDS; i++) {
        const struct shard *shard = table_shard(table, i);
        entries += shard->live;
        blocks += shard->fresh - shard->free_count;
        evictions += shard->evictions;
        repairs += shard->repairs;
    }
    pb_stat(stats, "shared_entries", (double)entries);
    pb_stat(stats, "shared_bytes", (double)(blocks * BLOCK_SIZE));
    pb_stat(stats, "shared_evictions", (double)evictions);
    pb_stat(stats, "shared_repairs", (double)repairs);
    pb_stat(stats, "hits", (double)memory->hits);
    pb_stat(stats, "misses", (double)memory->misses);
}

PB_PLUGIN("memory", "0.1.0", "Apache-2.0", "A cache in memory that all workers share.",
          PB_CACHE("memory", struct memory, memory_options, .check = memory_check,
                   .start = memory_start, .stop = memory_stop, .stats = memory_stats,
                   .get = memory_get, .set = memory_set, .add = memory_add,
                   .increment = memory_increment, .take = memory_take, .remove = memory_remove,
                   .remove_tag = memory_remove_tag));
