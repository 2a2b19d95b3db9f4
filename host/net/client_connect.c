/* client_connect.c - see client_connect.h. The race is RFC 8305's: the next address is tried when
 * the one before failed or took 250 ms; the first that connects wins.
 */
#include "net/client_connect.h"

#include "net/client.h"
#include "net/resolver.h"
#include "net/tls.h"
#include <patchbay/log.h>
#include <sys/un.h>

#define STAGGER (250 * PB_MILLISECOND)
enum { SENTENCE = 160 };

/* On the stack of the task that connects. */
struct race {
    struct waiter waiter;
    struct timer timer;
    const char *host; /* for sentences */
    struct resolver_answer answer;
    struct stream *running[RESOLVER_ADDRESSES]; /* by address */
    struct stream *winner;
    size_t next;
    int live;
    bool public_only;
    char sentence[SENTENCE]; /* why the last one lost */
};

/* --- the race, on the loop -------------------------------------------------------------------- */

static void stagger(struct timer *timer);

/* Starts the next address that can be started; wakes the task when none is left. */
static void start_next(struct race *race)
{
    bool started = false;

    while (!started && race->next < race->answer.count) {
        const struct sockaddr *address = &race->answer.addresses[race->next].any;
        struct stream *stream = NULL;
        if (!race->public_only || resolver_is_public(address))
            stream = stream_new(race, address);
        if (stream) {
            race->running[race->next] = stream;
            race->live++;
            started = true;
        } else if (!race->public_only || resolver_is_public(address)) {
            snprintf(race->sentence, sizeof race->sentence, "%.*s",
                     PB_ARG(pb_error_last()->sentence));
        }
        race->next++;
    }
    if (race->next < race->answer.count)
        timer_arm(&race->timer, STAGGER, stagger);
    if (race->live == 0)
        waiter_wake(&race->waiter);
}

static void stagger(struct timer *timer)
{
    start_next(list_entry(timer, struct race, timer));
}

static void leave(struct race *race, struct stream *stream)
{
    for (size_t i = 0; i < RESOLVER_ADDRESSES; i++)
        if (race->running[i] == stream) {
            race->running[i] = NULL;
            race->live--;
        }
    stream->race = NULL;
}

void race_ready(struct stream *stream)
{
    struct race *race = stream->race;

    leave(race, stream);
    if (race->winner) {
        stream_close(stream);
        return;
    }
    race->winner = stream;
    stream->state = STREAM_MADE;
    stream->http.host = race->host;
    timer_cancel(&race->timer);
    waiter_wake(&race->waiter);
}

void race_lost(struct stream *stream, const char *sentence)
{
    struct race *race = stream->race;

    leave(race, stream);
    stream_close(stream);
    snprintf(race->sentence, sizeof race->sentence, "%s", sentence);
    timer_cancel(&race->timer);
    if (!race->winner)
        start_next(race);
}

/* --- the task --------------------------------------------------------------------------------- */

static pb_status run_race(struct race *race, pb_duration limit)
{
    start_next(race);
    pb_duration began = loop_refresh();
    pb_status status = task_wait_for(&race->waiter, limit);

    timer_cancel(&race->timer);
    for (size_t i = 0; i < RESOLVER_ADDRESSES; i++)
        if (race->running[i])
            stream_close(race->running[i]);
    if (status == PB_OK && race->winner)
        return PB_OK;
    if (race->winner) {
        stream_close(race->winner);
        race->winner = NULL;
    }
    if (status == PB_TIMEOUT && loop_now() - began >= limit)
        return pb_fail(PB_TIMEOUT, "'%s' did not accept a connection in time", race->host);
    if (status != PB_OK)
        return status;
    if (race->public_only && !race->sentence[0])
        return pb_fail(PB_FORBIDDEN, "'%s' is not on the public internet", race->host);
    return pb_fail(PB_UNAVAILABLE, "cannot connect to '%s': %s", race->host, race->sentence);
}

/* A race of one; its stack frame is gone before the task parks. */
static void start_local(struct race *race, pb_str path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    memcpy(to.sun_path, path.data, path.size);
    race->running[0] = stream_new(race, (const struct sockaddr *)&to);
    race->live = race->running[0] != NULL;
    if (!race->live)
        snprintf(race->sentence, sizeof race->sentence, "%.*s", PB_ARG(pb_error_last()->sentence));
}

/* What `race` runs to: addresses, or a Unix socket, which is in nobody's public internet. */
static pb_status enter_race(struct race *race, const struct url *url, pb_duration limit)
{
    if (!url->local.size)
        return resolver_lookup(url, limit, &race->answer);
    if (race->public_only)
        return pb_fail(PB_FORBIDDEN, "'%s' is not on the public internet", race->host);
    start_local(race, url->local);
    return PB_OK;
}

/* The connected address decides: a name may have another address by now. */
static bool peer_is_public(struct stream *stream)
{
    struct sockaddr_storage peer;

    return conn_peer(&stream->conn, &peer) && resolver_is_public((const struct sockaddr *)&peer);
}

static pb_status shake_hands(struct stream *stream, const struct url *url,
                             const pb_http_spec *spec)
{
    const struct client_options *options = client_options_now();
    pb_duration limit = spec->connect > 0 ? spec->connect : options->tls;
    struct pb_http *http = &stream->http;
    struct tls_context *context;
    char name[URL_AUTHORITY];
    bool passed;
    pb_status status = tls_client(spec->ca_file, &context);

    if (status != PB_OK)
        return status;
    snprintf(name, sizeof name, "%.*s", PB_ARG(url->host));
    status = conn_start_tls(&stream->conn, context, name);
    while (status == PB_OK && !stream->ready && !http->failed) {
        status = exchange_wait(http, limit, &passed);
        if (passed)
            return pb_fail(PB_TIMEOUT, "'%s' did not finish the TLS handshake in time", http->host);
    }
    return status;
}

static pb_status finish(struct stream *stream, const pb_http_spec *spec, const struct url *url)
{
    const struct pb_http *http = &stream->http;
    pb_status status = PB_OK;

    stream->is_public = peer_is_public(stream);
    if (spec->public_only && !stream->is_public)
        return pb_fail(PB_FORBIDDEN, "'%s' is not on the public internet", http->host);
    if (url->secure && !http->failed)
        status = shake_hands(stream, url, spec);
    if (status == PB_OK && http->failed)
        status = pb_fail(http->failed, "%s", http->sentence ? http->sentence : "out of memory");
    return status;
}

pb_status stream_connect(const pb_http_spec *spec, const struct url *url,
                         struct pool_origin *origin, struct stream **out)
{
    const struct client_options *options = client_options_now();
    pb_duration limit = spec->connect > 0 ? spec->connect : options->connect;
    struct race race;
    pb_duration began = loop_refresh();

    memset(&race, 0, sizeof race);
    race.host = pool_host(origin);
    race.public_only = spec->public_only != 0;
    pb_status status = enter_race(&race, url, limit);
    limit -= loop_now() - began;
    if (status == PB_TIMEOUT && limit <= 0)
        return pb_fail(PB_TIMEOUT, "the name '%.*s' was not looked up in time", PB_ARG(url->host));
    if (status == PB_OK)
        status = run_race(&race, limit);
    if (status != PB_OK)
        return status;
    struct stream *stream = race.winner;
    stream_begin(stream, origin, false);
    status = finish(stream, spec, url);
    stream->state = STREAM_BUSY;
    if (status != PB_OK) {
        stream->origin = NULL; /* the caller leaves the place */
        stream->held = false;
        stream_close(stream);
        pool_release(origin);
        return status;
    }
    *out = stream;
    return PB_OK;
}
