/* pool.c - see pool.h. A woken waiter owns the right to look first: newcomers queue behind it. */
#include "net/pool.h"

#include "base/map.h"
#include "net/client.h"
#include "net/client_stream.h"
#include "runtime/task.h"
#include <stdlib.h>

struct pool_origin {
    struct list_link idle;  /* streams, the newest first */
    struct list_link queue; /* struct place of the tasks that wait for this origin */
    size_t places;
    unsigned holds;
    char host[URL_AUTHORITY];
    size_t key_size;
    char key[];
};

struct place {
    struct list_link link;
    struct waiter waiter;
};

static struct map origins;
static struct list_link ages = {&ages, &ages};     /* idle streams, the oldest first */
static struct list_link crowd = {&crowd, &crowd};  /* struct place: for any place at all */
static struct pool_figures figures;

/* --- origins ---------------------------------------------------------------------------------- */

struct pool_origin *pool_hold(const struct url *url, pb_str ca_file)
{
    /* "s[host]:port ca_file", "plocalhost /path"; not on the stack of a task that will wait */
    pb_str more = url->local.size ? url->local : ca_file;
    char *key = pb_alloc(url->host.size + 16 + more.size);

    if (!key)
        return NULL;
    size_t size = 1 + url_authority(url, key + 1);
    size_t host_size = size - 1;

    key[0] = url->secure ? 's' : 'p';
    key[size++] = ' ';
    if (more.size)
        memcpy(key + size, more.data, more.size);
    size += more.size;
    struct pool_origin *origin = map_get(&origins, pb_str_make(key, size));
    if (!origin) {
        origin = calloc(1, sizeof *origin + size + 1);
        if (!origin) {
            pb_fail(PB_NO_MEMORY, "there is no memory for a connection");
            return NULL;
        }
        list_init(&origin->idle);
        list_init(&origin->queue);
        memcpy(origin->key, key, size);
        origin->key_size = size;
        if (url->local.size)
            snprintf(origin->host, sizeof origin->host, "unix:%.*s", PB_ARG(url->local));
        else
            memcpy(origin->host, key + 1, host_size);
        if (!map_put(&origins, pb_str_make(origin->key, origin->key_size), origin)) {
            free(origin);
            pb_fail(PB_NO_MEMORY, "there is no memory for a connection");
            return NULL;
        }
    }
    origin->holds++;
    return origin;
}

static void free_unused(struct pool_origin *origin)
{
    if (origin->holds || origin->places)
        return;
    map_remove(&origins, pb_str_make(origin->key, origin->key_size));
    free(origin);
}

void pool_retain(struct pool_origin *origin)
{
    origin->holds++;
}

void pool_release(struct pool_origin *origin)
{
    origin->holds--;
    free_unused(origin);
}

const char *pool_host(const struct pool_origin *origin)
{
    return origin->host;
}

/* --- places ----------------------------------------------------------------------------------- */

static void wake_first(struct list_link *queue)
{
    if (!list_empty(queue))
        waiter_wake(&list_entry(queue->next, struct place, link)->waiter);
}

/* There is room, or an idle stream: for who waits here first. */
static void wake_next(struct pool_origin *origin)
{
    if (!list_empty(&origin->queue))
        wake_first(&origin->queue);
    else
        wake_first(&crowd);
}

void pool_leave(struct pool_origin *origin)
{
    origin->places--;
    figures.places--;
    wake_next(origin);
    free_unused(origin);
}

static struct stream *find_idle(struct pool_origin *origin, struct pool_wish wish)
{
    struct list_link *at, *next;

    for (at = origin->idle.next; at != &origin->idle; at = next) {
        struct stream *stream = list_entry(at, struct stream, link);
        next = at->next;
        if (!conn_usable(&stream->conn)) {
            stream_close(stream);
        } else if (!wish.public_only || stream->is_public) {
            pool_forget(stream);
            return stream;
        }
    }
    return NULL;
}

/* Below the limits? Makes room by closing what was idle longest: in this origin, else anywhere. */
static bool room(struct pool_origin *origin, struct list_link **queue)
{
    const struct client_options *options = client_options_now();

    *queue = &origin->queue;
    if ((int64_t)origin->places >= options->per_host) {
        if (list_empty(&origin->idle))
            return false;
        stream_close(list_entry(origin->idle.prev, struct stream, link));
    }
    *queue = &crowd;
    if ((int64_t)figures.places >= options->total) {
        if (list_empty(&ages))
            return false;
        stream_close(list_entry(ages.next, struct stream, age));
    }
    return true;
}

static bool take(struct pool_origin *origin, struct pool_wish wish, struct stream **out,
                 struct list_link **queue)
{
    *out = wish.fresh ? NULL : find_idle(origin, wish);
    if (*out)
        return true;
    if (!room(origin, queue))
        return false;
    origin->places++;
    figures.places++;
    return true;
}

static pb_status stand_in_line(struct pool_origin *origin, struct list_link *queue,
                               pb_duration until, bool first)
{
    struct place place = {0};
    pb_status status;

    list_init(&place.link);
    if (first) /* it was its turn, but the place was not of the kind it needs */
        list_append(queue->next, &place.link);
    else
        list_append(queue, &place.link);
    pb_duration now = loop_refresh();
    status = until > now ? task_wait_for(&place.waiter, until - now) : PB_TIMEOUT;
    list_remove(&place.link);
    if (status == PB_TIMEOUT && loop_now() >= until)
        status = pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                               "too many requests to '%s' are under way at once", origin->host);
    if (status != PB_OK && place.waiter.woken)
        wake_next(origin); /* this turn was not used */
    return status;
}

pb_status pool_enter(struct pool_origin *origin, struct pool_wish wish, struct stream **out)
{
    struct list_link *queue = &origin->queue;
    pb_duration until = loop_now() + client_options_now()->queue;
    pb_status status;
    bool turn = false;

    while ((!turn && !list_empty(&origin->queue)) || !take(origin, wish, out, &queue)) {
        if (turn && queue == &origin->queue)
            wake_first(&crowd); /* what is free is not for this origin */
        status = stand_in_line(origin, queue, until, turn);
        if (status != PB_OK)
            return status;
        turn = true;
    }
    if (turn)
        wake_next(origin); /* one wake-up may have stood for two places */
    return PB_OK;
}

/* --- idle streams ----------------------------------------------------------------------------- */

static void idle_too_long(struct timer *timer)
{
    stream_close(list_entry(timer, struct stream, timer));
}

void pool_keep(struct stream *stream, pb_duration keep)
{
    struct pool_origin *origin = stream->origin;

    stream->state = STREAM_IDLE;
    list_append(origin->idle.next, &stream->link);
    list_append(&ages, &stream->age);
    figures.idle++;
    timer_arm(&stream->timer, keep, idle_too_long);
    wake_next(origin);
}

void pool_forget(struct stream *stream)
{
    if (stream->state != STREAM_IDLE)
        return;
    stream->state = STREAM_BUSY;
    list_remove(&stream->link);
    list_remove(&stream->age);
    timer_cancel(&stream->timer);
    figures.idle--;
}

struct pool_figures pool_figures(void)
{
    return figures;
}

void pool_fini(void)
{
    while (!list_empty(&ages))
        stream_close(list_entry(ages.next, struct stream, age));
    map_fini(&origins);
}
