/* client_curl.c - see client_curl.h. Watches libcurl's sockets with the loop, runs its timer, and
 * turns its events into an exchange. */
#include "net/client_curl.h"

#include "net/client.h"
#include "net/client_curl_engine.h"
#include "net/client_exchange.h"
#include "net/client_request.h"
#include "net/engine.h"
#include "net/resolver.h"
#include <stdlib.h>

struct curl_http {
    struct pb_http http;
    struct curl_transfer *transfer;
    uint64_t sent;
    char host[URL_AUTHORITY];
};

/* A descriptor of libcurl's. */
struct watch {
    struct list_link link;
    uv_poll_t poll;
    int fd;
};

static const struct curl_engine *engine;
static struct list_link watches = {&watches, &watches};
static struct timer timer;

/* --- libcurl and the loop --------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = list_entry(poll, struct watch, poll);
    int what = (events & UV_READABLE ? 1 : 0) | (events & UV_WRITABLE ? 2 : 0);

    engine->ready(watch->fd, status < 0 ? 4 : what);
}

static void free_watch(uv_handle_t *handle)
{
    free(list_entry((uv_poll_t *)(void *)handle, struct watch, poll));
}

static struct watch *find_watch(int fd)
{
    for (struct list_link *at = watches.next; at != &watches; at = at->next)
        if (list_entry(at, struct watch, link)->fd == fd)
            return list_entry(at, struct watch, link);
    return NULL;
}

static void watch_fd(int fd, int events)
{
    struct watch *watch = find_watch(fd);

    if (!events) {
        if (watch) {
            list_remove(&watch->link);
            uv_close((uv_handle_t *)&watch->poll, free_watch);
        }
        return;
    }
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        if (!watch || uv_poll_init_socket(loop_uv(), &watch->poll, fd) != 0) {
            free(watch); /* the transfer runs into its time-out */
            return;
        }
        watch->fd = fd;
        list_init(&watch->link);
        list_append(&watches, &watch->link);
    }
    uv_poll_start(&watch->poll, (events & 1 ? UV_READABLE : 0) | (events & 2 ? UV_WRITABLE : 0),
                  on_poll);
}

static void on_timer(struct timer *same)
{
    (void)same;
    engine->fired();
}

static void set_timer(long ms)
{
    if (ms < 0)
        timer_cancel(&timer);
    else
        timer_arm(&timer, ms * PB_MILLISECOND, on_timer);
}

/* --- events of a transfer --------------------------------------------------------------------- */

static bool on_header(void *arg, pb_str name, pb_str value, bool fresh)
{
    struct pb_http *http = arg;

    if (fresh) {
        http->headers.size = 0;
        http->header_count = 0;
    }
    if (++http->header_count > EXCHANGE_HEADERS) {
        exchange_fail(http, PB_BAD_UPSTREAM, "'%s' sent more than %d headers", http->host,
                      EXCHANGE_HEADERS);
        return false;
    }
    return exchange_header_piece(http, name) && exchange_header_piece(http, pb_str_make("", 1)) &&
           exchange_header_piece(http, value) && exchange_header_piece(http, pb_str_make("", 1));
}

static bool on_header_done(void *arg, int32_t status)
{
    struct pb_http *http = arg;

    http->status = status;
    return exchange_header_done(http);
}

static enum curl_verdict on_body(void *arg, pb_str bytes)
{
    struct pb_http *http = arg;

    if (http->paused)
        return CURL_LATER;
    return exchange_body(http, bytes, 0) ? CURL_TAKEN : CURL_STOP;
}

static void on_done(void *arg, pb_status status, const char *sentence)
{
    struct pb_http *http = arg;

    if (status == PB_OK && http->header_done)
        exchange_complete(http);
    else if (status == PB_FORBIDDEN)
        exchange_fail(http, status, "'%s' is not on the public internet", http->host);
    else
        exchange_fail(http, status ? status : PB_BAD_UPSTREAM, "'%s' did not answer: %s", http->host,
                      sentence);
}

static bool open_engine(void)
{
    static const struct curl_host host = {
        .watch = watch_fd,
        .timer = set_timer,
        .is_public = resolver_is_public,
        .events = {.header = on_header, .header_done = on_header_done, .body = on_body, .done = on_done},
    };
    if (engine)
        return true;
    const struct curl_engine *found = engine_open("curl", CURL_ENGINE_SYMBOL);
    if (!found)
        return false;
    if (found->version != CURL_ENGINE_VERSION || found->size < sizeof *found ||
        !found->start(&host)) {
        pb_fail(PB_UNAVAILABLE, "the engine patchbay-curl.so is not of this version");
        return false;
    }
    engine = found;
    return true;
}

void curl_fini(void)
{
    if (!engine)
        return;
    engine->stop();
    engine = NULL;
    timer_cancel(&timer);
}

/* --- ops of the exchange ---------------------------------------------------------------------- */

static struct curl_http *of(struct pb_http *http)
{
    return list_entry(http, struct curl_http, http);
}

static void resume(struct pb_http *http)
{
    if (of(http)->transfer && !http->complete && !http->failed)
        engine->resume(of(http)->transfer);
}

static bool sending(struct pb_http *http)
{
    struct curl_http *mine = of(http);
    uint64_t before = mine->sent;

    mine->sent = engine->sent(mine->transfer);
    return mine->sent != before;
}

static void give_up(struct pb_http *http)
{
    struct curl_http *mine = of(http);

    if (mine->transfer)
        engine->end(mine->transfer);
    mine->transfer = NULL;
}

static void close_exchange(struct pb_http *http)
{
    give_up(http);
    exchange_fini(http);
    free(of(http));
}

static const struct exchange_ops ops = {
    .resume = resume, .sending = sending, .abort = give_up, .close = close_exchange};

/* --- opening ---------------------------------------------------------------------------------- */

/* Through a proxy the connected address is the proxy's: then every address that the name has here
 * must be public. */
static pb_status check_public(const pb_http_spec *spec, const struct url *url, pb_duration limit)
{
    struct resolver_answer answer;

    if (!spec->public_only || !spec->proxy.size)
        return PB_OK;
    pb_status status = resolver_lookup(url, limit, &answer);
    if (status == PB_TIMEOUT)
        return pb_fail(PB_TIMEOUT, "the name '%.*s' was not looked up in time", PB_ARG(url->host));
    for (size_t i = 0; status == PB_OK && i < answer.count; i++)
        if (!resolver_is_public(&answer.addresses[i].any))
            return pb_fail(PB_FORBIDDEN, "'%.*s' is not on the public internet", PB_ARG(url->host));
    return status;
}

static const char *text(pb_str from)
{
    return from.size ? pb_copy(from).data : NULL;
}

/* "Name: value" lines; a header without a value is "Name;" for libcurl. */
static const char **header_lines(const pb_http_spec *spec)
{
    const char **lines = PB_NEW_ARRAY(const char *, spec->header_count + 2);
    pb_str trace = request_trace(spec);

    for (uint32_t i = 0; lines && i < spec->header_count; i++) {
        const pb_header *header = &spec->headers[i];
        pb_str value = pb_str_trim(header->value);
        lines[i] = value.size ? pb_printf("%.*s: %.*s", PB_ARG(header->name), PB_ARG(value)).data
                              : pb_printf("%.*s;", PB_ARG(header->name)).data;
        if (!lines[i])
            return NULL;
    }
    if (lines && trace.size)
        lines[spec->header_count] = pb_printf("traceparent: %.*s", PB_ARG(trace)).data;
    return lines;
}

static pb_status begin(struct curl_http *mine, const pb_http_spec *spec, const struct url *url)
{
    const struct client_options *options = client_options_now();
    pb_duration connect = spec->connect > 0 ? 2 * spec->connect : options->connect + options->tls;
    struct curl_request request = {
        .method = text(spec->method),
        .proxy = text(spec->proxy),
        .ca_file = text(spec->ca_file),
        .headers = header_lines(spec),
        .agent = "patchbay/" PATCHBAY_VERSION,
        .body = spec->body,
        .connect_ms = (long)(connect / PB_MILLISECOND) + 1,
        .public_only = spec->public_only && !spec->proxy.size,
        .arg = &mine->http,
    };
    request.url = pb_printf("%s://%s%.*s", url->secure ? "https" : "http", mine->host,
                            PB_ARG(url->target))
                      .data;
    if (!request.method || !request.headers || !request.url)
        return PB_NO_MEMORY;
    mine->transfer = engine->begin(&request);
    return mine->transfer ? PB_OK
                          : pb_fail(PB_INVALID, "the request to '%s' cannot be made", mine->host);
}

pb_status curl_open(const pb_http_spec *spec, const struct url *url, pb_http **out)
{
    const struct client_options *options = client_options_now();
    pb_status status = check_public(spec, url, spec->connect > 0 ? spec->connect : options->connect);

    if (status != PB_OK)
        return status;
    if (!open_engine())
        return host_error()->status;
    struct curl_http *mine = calloc(1, sizeof *mine);
    if (!mine)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a request");
    url_authority(url, mine->host);
    exchange_init(&mine->http, &ops, mine->host);
    exchange_limits(&mine->http, spec);
    status = begin(mine, spec, url);
    if (status == PB_OK)
        status = exchange_wait_header(&mine->http);
    if (status != PB_OK) {
        close_exchange(&mine->http);
        return status;
    }
    *out = &mine->http;
    return PB_OK;
}
