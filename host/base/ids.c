/* ids.c - see ids.h. */
#include "base/ids.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

enum { POOL_SIZE = 512, POOL_MOST = 64 };

struct pool {
    uint8_t bytes[POOL_SIZE];
    size_t left; /* unused bytes, at the end */
};

static _Thread_local struct pool pool;
static _Thread_local uint64_t last_ms, last_counter; /* of uuid_make */

/* In a forked child: only the thread that forked lives on there. */
static void forget(void)
{
    explicit_bzero(&pool, sizeof pool);
    last_ms = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget);
}

static pb_status fill(void *out, size_t size)
{
    uint8_t *at = out;

    while (size) {
        ssize_t got = getrandom(at, size < 256 ? size : 256, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return host_fail(PB_INTERNAL, pb_lit("the system has no random numbers"),
                             (pb_str){0}, 0);
        at += got;
        size -= (size_t)got;
    }
    return PB_OK;
}

pb_status host_random(void *out, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (size > POOL_MOST)
        return fill(out, size);
    if (pool.left < size) {
        pthread_once(&once, watch_forks);
        pool.left = 0;
        pb_status status = fill(pool.bytes, POOL_SIZE);
        if (status != PB_OK)
            return status;
        pool.left = POOL_SIZE;
    }
    uint8_t *from = pool.bytes + POOL_SIZE - pool.left;
    memcpy(out, from, size);
    explicit_bzero(from, size);
    pool.left -= size;
    return PB_OK;
}

/* The 12 bits behind the version are the counter: it starts at random below its half and counts up
 * within a millisecond; when it is used up, the time runs ahead of the clock (RFC 9562, 6.2). */
pb_status uuid_make(uint8_t out[UUID_SIZE])
{
    uint8_t random[10];
    pb_status status = host_random(random, sizeof random);
    if (status != PB_OK)
        return status;

    uint64_t ms = (uint64_t)host_now();
    if (ms > last_ms) {
        last_ms = ms;
        last_counter = (uint64_t)(random[8] << 8 | random[9]) & 0x7FF;
    } else if (++last_counter > 0xFFF) {
        last_ms++;
        last_counter = (uint64_t)(random[8] << 8 | random[9]) & 0x7FF;
    }
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(last_ms >> (40 - 8 * i));
    out[6] = (uint8_t)(0x70 | last_counter >> 8);
    out[7] = (uint8_t)last_counter;
    memcpy(out + 8, random, 8);
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3F));
    return PB_OK;
}

void uuid_text(const uint8_t uuid[UUID_SIZE], char out[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[uuid[i] >> 4];
        *out++ = hex[uuid[i] & 15];
    }
    *out = 0;
}

pb_str host_uuid(void)
{
    uint8_t uuid[UUID_SIZE];
    char *text = uuid_make(uuid) == PB_OK ? host_alloc(UUID_TEXT_SIZE) : NULL;

    if (!text)
        return (pb_str){0};
    uuid_text(uuid, text);
    return (pb_str){text, UUID_TEXT_SIZE - 1};
}
