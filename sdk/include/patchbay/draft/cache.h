/* cache.h - values by key, for a while. Draft: may change until two caches exist.
 *
 * A cache may forget anything at any time; what must not be lost belongs in a database. The host
 * puts the tenant in front of keys and tags.
 */
#ifndef PATCHBAY_DRAFT_CACHE_H
#define PATCHBAY_DRAFT_CACHE_H

#include <patchbay/plugin.h>

/* How to keep a value. Borrowed until the call returns. */
typedef struct pb_cache_options {
    uint32_t size;
    uint32_t tag_count;
    pb_duration ttl;    /* forgotten after this long; 0: when there is no room */
    const pb_str *tags; /* names under which it can be removed with others */
} pb_cache_options;

/* The interface; all are required and may park. `options` may be NULL.
 * get         *out in the running scope; PB_NOT_FOUND.
 * set         sets or replaces.
 * add         only when there is none: else PB_CONFLICT. Atomic.
 * increment   adds to a whole number and gives the sum; one that is not there is 0 and gets the
 *             options' ttl. Atomic across all that share the cache. PB_CONFLICT: not a number.
 * remove      by key; PB_OK also when there is none.   remove_tag   all that have the tag. */
typedef struct pb_cache {
    PB_LIFECYCLE
    pb_status (*get)(void *self, pb_str key, pb_bytes *out);
    pb_status (*set)(void *self, pb_str key, pb_bytes value, const pb_cache_options *options);
    pb_status (*add)(void *self, pb_str key, pb_bytes value, const pb_cache_options *options);
    pb_status (*increment)(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                           int64_t *out);
    pb_status (*remove)(void *self, pb_str key);
    pb_status (*remove_tag)(void *self, pb_str tag);
} pb_cache;

/* PB_CACHE("memory", struct memory, memory_options, .get = …, .set = …, …) */
#define PB_CACHE(name, owner, options, ...)                                                        \
    PB_COMPONENT(pb_cache, "cache", 0, name, owner, options, __VA_ARGS__)

#endif
