/* count.c - what is counted where: a token bucket, or a window that slides.
 *
 * A bucket is one value of the cache, taken from atomically. The window is two numbers, of this
 * stretch of the clock and of the one before, which counts for as much of it as the window still
 * covers. Both hold across all workers that share the cache.
 */
#include "ratelimit.h"

#include <arpa/inet.h>
#include <math.h>
#include <patchbay/secret.h>

const char *const per_names[] = {"principal", "key", "address", "pipeline", "tenant", NULL};

enum { SUBJECT_MOST = 128, KEY_MOST = 512 };

/* --- keys ------------------------------------------------------------------------------------- */

/* Whoever has one address of IPv6 has its /64. */
static pb_str network_of(pb_str remote)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];

    if (!remote.size || remote.size >= sizeof text)
        return remote;
    memcpy(text, remote.data, remote.size);
    text[remote.size] = 0;
    if (inet_pton(AF_INET6, text, &address) != 1)
        return remote;
    memset(address.s6_addr + 8, 0, 8);
    if (!inet_ntop(AF_INET6, &address, text, sizeof text))
        return remote;
    return pb_printf("%s/64", text);
}

static pb_str subject_of(int per, const pb_turn_info *info)
{
    const pb_principal *who = info->principal;

    switch (per) {
    case PER_PRINCIPAL:
        return who->id;
    case PER_KEY:
        return pb_printf("%.*s/%.*s", PB_ARG(who->scheme), PB_ARG(who->id));
    case PER_ADDRESS:
        return network_of(info->remote);
    case PER_PIPELINE:
        return info->pipeline;
    default:
        return pb_lit("all"); /* the host puts the tenant in front of every key */
    }
}

/* Two limits that differ in anything count apart; those with one name count together. */
pb_str count_key(const struct ratelimit *limit, int per, const pb_turn_info *info)
{
    pb_str subject = subject_of(per, info);
    uint8_t digest[32];

    if (!subject.size)
        return (pb_str){0};
    if (subject.size > SUBJECT_MOST) {
        pb_sha256((pb_bytes){(const uint8_t *)subject.data, subject.size}, digest);
        subject = pb_hex((pb_bytes){digest, sizeof digest});
    }
    pb_str of = limit->name.size ? limit->name : info->pipeline;
    return pb_printf("limit:%s:%.*s:%.*s:%d%d:%s:%.*s", limit->name.size ? "name" : "pipeline",
                     PB_ARG(pb_str_slice(of, 0, SUBJECT_MOST)), PB_ARG(limit->rate_text),
                     limit->algorithm, limit->count, per_names[per], PB_ARG(subject));
}

/* --- bucket ----------------------------------------------------------------------------------- */

static pb_bucket bucket_of(const struct ratelimit *limit, double cost)
{
    return (pb_bucket){.size = sizeof(pb_bucket),
                       .rate = limit->rate.amount / (double)limit->rate.window * (double)PB_SECOND,
                       .capacity = limit->capacity,
                       .cost = cost};
}

static pb_duration seconds(double amount)
{
    return amount > 0 ? (pb_duration)ceil(amount * (double)PB_SECOND) : 0;
}

static pb_status bucket_take(const struct ratelimit *limit, pb_str key, double cost,
                             struct standing *out)
{
    pb_bucket bucket = bucket_of(limit, cost);
    pb_status status = pb_cache_take(limit->cache, key, &bucket);
    double need = cost > 0 ? cost : 1;

    if (status != PB_OK)
        return status;
    /* who only looks asks whether there is one at least */
    out->refused = cost > 0 ? !bucket.taken : bucket.left + 1e-6 < need;
    out->left = bucket.left;
    out->reset = seconds((limit->capacity - bucket.left) / bucket.rate);
    out->wait = out->refused ? seconds((need - bucket.left) / bucket.rate) : 0;
    return PB_OK;
}

/* --- window ----------------------------------------------------------------------------------- */

/* A stretch of the wall clock, which all workers read alike. */
struct stretch {
    int64_t number;
    double gone; /* of it, 0 to 1 */
};

static struct stretch stretch_now(const struct ratelimit *limit)
{
    int64_t length = limit->rate.window / PB_MILLISECOND;
    pb_time now = pb_now();

    return (struct stretch){.number = now / length,
                            .gone = (double)(now % length) / (double)length};
}

static pb_status add(const struct ratelimit *limit, pb_str key, int64_t stretch, int64_t by,
                     int64_t *out)
{
    pb_cache_options options = {.size = sizeof options, .ttl = 2 * limit->rate.window};
    char text[KEY_MOST];
    int size = snprintf(text, sizeof text, "%.*s:%llx", PB_ARG(key), (unsigned long long)stretch);

    if (size < 0 || (size_t)size >= sizeof text)
        return pb_fail(PB_INTERNAL, "the key of a limit is too long");
    return pb_cache_increment(limit->cache, (pb_str){text, (size_t)size}, by, &options, out);
}

/* How much of the window has to pass until there is room for one more. */
static double share_to_wait(const struct stretch *at, double before, double now, double most)
{
    if (now + 1 <= most && before > 0) /* what was before leaves the window */
        return 1 - (most - now - 1) / before - at->gone;
    return 1 - at->gone + (now > 0 ? fmax(1 - (most - 1) / now, 0) : 0);
}

static pb_status window_take(const struct ratelimit *limit, pb_str key, double cost,
                             struct standing *out)
{
    struct stretch at = stretch_now(limit);
    int64_t before, now, by = (int64_t)cost;
    pb_status status = add(limit, key, at.number - 1, 0, &before);

    if (status == PB_OK)
        status = add(limit, key, at.number, by, &now);
    if (status != PB_OK)
        return status;
    double covered = (double)before * (1 - at.gone);
    double left = limit->capacity - covered - (double)now;
    out->refused = by ? left < 0 : left < 1;
    if (out->refused && by) {
        status = add(limit, key, at.number, -by, &now);
        left += (double)by;
    }
    out->left = left;
    out->reset = (pb_duration)((1 - at.gone) * (double)limit->rate.window);
    if (out->refused)
        out->wait =
            (pb_duration)(fmax(share_to_wait(&at, (double)before, (double)now, limit->capacity),
                               0) *
                          (double)limit->rate.window);
    return status;
}

/* --- either ----------------------------------------------------------------------------------- */

pb_status count_take(const struct ratelimit *limit, pb_str key, double cost, struct standing *out)
{
    return limit->algorithm == ALGORITHM_BUCKET ? bucket_take(limit, key, cost, out)
                                                : window_take(limit, key, cost, out);
}

pb_status count_charge(const struct ratelimit *limit, pb_str key, double cost)
{
    pb_bucket bucket = bucket_of(limit, cost);
    int64_t now;

    bucket.debt = 1;
    return limit->algorithm == ALGORITHM_BUCKET
               ? pb_cache_take(limit->cache, key, &bucket)
               : add(limit, key, stretch_now(limit).number, (int64_t)cost, &now);
}

void count_give_back(const struct ratelimit *limit, pb_str key, double cost)
{
    int64_t now;

    /* a bucket was looked at first, so that this is the rare race of two; it fills by itself */
    if (limit->algorithm == ALGORITHM_WINDOW &&
        add(limit, key, stretch_now(limit).number, -(int64_t)cost, &now) != PB_OK)
        pb_error_clear();
}
