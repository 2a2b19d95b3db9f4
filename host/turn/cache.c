/* cache.c - calls of caches: each a span; the tenant of whoever asks stands in front of keys and
 * tags, so that what one tenant keeps no other can name. */
#include "plugin/contract.h"
#include "plugin/instances.h"
#include "turn/turn.h"
#include <patchbay/cache.h>

enum { KEY_MOST = 512, TENANT_MOST = 128, TAGS_MOST = 8 };

/* A key or tag with its tenant; on the caller's stack, because the hot path asks several times. */
struct scoped {
    char text[TENANT_MOST + 1 + KEY_MOST];
    pb_str str;
};

static pb_status scope_key(struct scoped *out, pb_str key)
{
    const pb_principal *principal = task_local()->principal;
    pb_str tenant = principal ? principal->tenant : (pb_str){0};

    if (key.size == 0 || key.size > KEY_MOST || tenant.size > TENANT_MOST)
        return pb_fail(PB_INVALID, "the key of a cache has 1 to %d bytes", KEY_MOST);
    if (tenant.size)
        memcpy(out->text, tenant.data, tenant.size);
    out->text[tenant.size] = '\n';
    memcpy(out->text + tenant.size + 1, key.data, key.size);
    out->str = (pb_str){out->text, tenant.size + 1 + key.size};
    return PB_OK;
}

/* Options as this host knows them, with scoped tags. */
struct options {
    pb_cache_options base;
    pb_str tags[TAGS_MOST];
    struct scoped *scoped;
};

static pb_status scope_options(struct options *out, const pb_cache_options *from)
{
    pb_status status = PB_OK;

    out->base = (pb_cache_options){.size = sizeof out->base};
    if (!from)
        return PB_OK;
    memcpy(&out->base, from, from->size < sizeof out->base ? from->size : sizeof out->base);
    out->base.size = sizeof out->base;
    out->base.tags = out->tags;
    if (from->tag_count > TAGS_MOST)
        return pb_fail(PB_INVALID, "a value of a cache has at most %d tags", TAGS_MOST);
    if (from->tag_count && !(out->scoped = PB_NEW_ARRAY(struct scoped, from->tag_count)))
        return PB_NO_MEMORY;
    for (uint32_t i = 0; i < from->tag_count && status == PB_OK; i++) {
        status = scope_key(&out->scoped[i], from->tags[i]);
        out->tags[i] = out->scoped[i].str;
    }
    return status;
}

/* --- around a call ---------------------------------------------------------------------------- */

struct call {
    struct contract_call guard;
    const struct pb_cache *interface;
    void *self, *before;
    struct pb_span *span;
};

static struct call begin(pb_instance *cache)
{
    struct pb_turn *turn = turn_current();
    struct call call = {.interface = (const pb_cache *)(const void *)cache->interface,
                        .self = cache->self};

    call.span = turn ? trace_span(turn->core->trace, pb_lit("cache"), cache->name) : NULL;
    call.before = instance_enter(cache);
    contract_begin(&call.guard, cache);
    return call;
}

/* That there is nothing, or something already, is an answer. */
static pb_status end(const struct call *call, pb_status status)
{
    bool fine = status == PB_NOT_FOUND || status == PB_CONFLICT;

    status = contract_end(&call->guard, status);
    instance_leave(call->before);
    trace_span_end(call->span, fine ? (pb_status)PB_OK : status);
    return status;
}

/* --- calls ------------------------------------------------------------------------------------ */

pb_status host_cache_get(pb_instance *cache, pb_str key, pb_bytes *out)
{
    struct scoped scoped;
    pb_status status = scope_key(&scoped, key);

    if (status != PB_OK)
        return status;
    struct call call = begin(cache);
    return end(&call, call.interface->get(call.self, scoped.str, out));
}

static pb_status put(pb_instance *cache, pb_str key, pb_bytes value,
                     const pb_cache_options *options, bool only_new)
{
    struct scoped scoped;
    struct options own;
    pb_status status = scope_key(&scoped, key);

    if (status != PB_OK || (status = scope_options(&own, options)) != PB_OK)
        return status;
    struct call call = begin(cache);
    return end(&call, (only_new ? call.interface->add : call.interface->set)(
                          call.self, scoped.str, value, &own.base));
}

pb_status host_cache_set(pb_instance *cache, pb_str key, pb_bytes value,
                         const pb_cache_options *options)
{
    return put(cache, key, value, options, false);
}

pb_status host_cache_add(pb_instance *cache, pb_str key, pb_bytes value,
                         const pb_cache_options *options)
{
    return put(cache, key, value, options, true);
}

pb_status host_cache_increment(pb_instance *cache, pb_str key, int64_t by,
                               const pb_cache_options *options, int64_t *out)
{
    struct scoped scoped;
    struct options own;
    pb_status status = scope_key(&scoped, key);

    if (status != PB_OK || (status = scope_options(&own, options)) != PB_OK)
        return status;
    struct call call = begin(cache);
    return end(&call, call.interface->increment(call.self, scoped.str, by, &own.base, out));
}

pb_status host_cache_take(pb_instance *cache, pb_str key, pb_bucket *bucket)
{
    struct scoped scoped;
    pb_status status = scope_key(&scoped, key);

    if (status != PB_OK)
        return status;
    struct call call = begin(cache);
    return end(&call, call.interface->take(call.self, scoped.str, bucket));
}

static pb_status drop(pb_instance *cache, pb_str name, bool tag)
{
    struct scoped scoped;
    pb_status status = scope_key(&scoped, name);

    if (status != PB_OK)
        return status;
    struct call call = begin(cache);
    return end(&call, (tag ? call.interface->remove_tag : call.interface->remove)(call.self,
                                                                                  scoped.str));
}

pb_status host_cache_remove(pb_instance *cache, pb_str key)
{
    return drop(cache, key, false);
}

pb_status host_cache_remove_tag(pb_instance *cache, pb_str tag)
{
    return drop(cache, tag, true);
}
