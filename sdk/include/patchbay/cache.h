/* cache.h - values by key, for a while.
 *
 * A cache may forget anything at any time; what must not be lost belongs in a database. The host
 * puts the tenant of whoever asks in front of keys and tags, so that tenants never meet.
 */
#ifndef PATCHBAY_CACHE_H
#define PATCHBAY_CACHE_H

#include <patchbay/plugin.h>

#define PB_CACHE_REVISION 1

/* How to keep a value. Borrowed until the call returns. */
typedef struct pb_cache_options {
    uint32_t size;
    uint32_t tag_count;
    pb_duration ttl;    /* forgotten after this long; 0: when there is no room */
    const pb_str *tags; /* names under which it can be removed with others; at most 8 */
} pb_cache_options;

/* The interface; all are required and may park. `options` may be NULL. Keys: 1 to 512 bytes,
 * any; with what the host puts in front an implementation sees up to 641.
 * get         *out in the running scope; PB_NOT_FOUND.
 * set         sets or replaces, with this ttl and these tags. PB_TOO_LARGE: larger than the cache
 *             keeps; what was there before is gone.
 * add         only when there is none: else PB_CONFLICT. Atomic.
 * increment   adds to a whole number and gives the sum; one that is not there is 0 and gets the
 *             options' ttl, one that is there keeps its own. What set wrote as digits is a number
 *             too, and get gives a number as digits. Atomic across all that share the cache.
 *             PB_CONFLICT: not a number, or the sum is out of range.
 * take        the token bucket `key`: takes `bucket->cost` tokens when there are as many. Atomic
 *             across all that share the cache. PB_INVALID: rate and capacity are above 0.
 * remove      by key; PB_OK also when there is none.   remove_tag   all that have the tag.
 * PB_UNAVAILABLE: it cannot be reached. */
typedef struct pb_bucket {
    uint32_t size;
    uint32_t taken;       /* out: 1: there were enough */
    double rate;          /* tokens that come back in a second */
    double capacity;      /* the most that there are; a new bucket is full */
    double cost;          /* tokens wanted; 0 only looks */
    double left;          /* out: tokens after the call */
    pb_duration wait;     /* out: until there are `cost` tokens; 0 when taken */
    uint32_t debt;        /* 1: takes them all the same, `left` may fall below 0: what was used is
                             charged when it is known */
    uint32_t reserved;
} pb_bucket;

typedef struct pb_cache {
    PB_LIFECYCLE
    pb_status (*get)(void *self, pb_str key, pb_bytes *out);
    pb_status (*set)(void *self, pb_str key, pb_bytes value, const pb_cache_options *options);
    pb_status (*add)(void *self, pb_str key, pb_bytes value, const pb_cache_options *options);
    pb_status (*increment)(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                           int64_t *out);
    pb_status (*take)(void *self, pb_str key, pb_bucket *bucket);
    pb_status (*remove)(void *self, pb_str key);
    pb_status (*remove_tag)(void *self, pb_str tag);
} pb_cache;

/* PB_CACHE("memory", struct memory, memory_options, .get = …, .set = …, …) */
#define PB_CACHE(name, owner, options, ...)                                                        \
    PB_COMPONENT(pb_cache, "cache", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `cache` is an option of kind PB_KIND_REF. All park. -------------- */

static inline pb_status pb_cache_get(pb_instance *cache, pb_str key, pb_bytes *out)
{
    return PB_CALL(cache_get)(cache, key, out);
}

static inline pb_status pb_cache_set(pb_instance *cache, pb_str key, pb_bytes value,
                                     const pb_cache_options *options)
{
    return PB_CALL(cache_set)(cache, key, value, options);
}

static inline pb_status pb_cache_add(pb_instance *cache, pb_str key, pb_bytes value,
                                     const pb_cache_options *options)
{
    return PB_CALL(cache_add)(cache, key, value, options);
}

static inline pb_status pb_cache_increment(pb_instance *cache, pb_str key, int64_t by,
                                           const pb_cache_options *options, int64_t *out)
{
    return PB_CALL(cache_increment)(cache, key, by, options, out);
}

static inline pb_status pb_cache_take(pb_instance *cache, pb_str key, pb_bucket *bucket)
{
    return PB_CALL(cache_take)(cache, key, bucket);
}

static inline pb_status pb_cache_remove(pb_instance *cache, pb_str key)
{
    return PB_CALL(cache_remove)(cache, key);
}

static inline pb_status pb_cache_remove_tag(pb_instance *cache, pb_str tag)
{
    return PB_CALL(cache_remove_tag)(cache, tag);
}

#endif
