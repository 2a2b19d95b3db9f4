/* client.c - the host functions of <patchbay/http.h>, the client's limits, and redirects: those are
 * requests like others, so they are the same for every engine. */
#include "net/client.h"

#include "net/client_curl.h"
#include "net/client_exchange.h"
#include "net/client_native.h"
#include "net/client_request.h"
#include "net/pool.h"
#include "net/resolver.h"

enum { REDIRECTS_MOST = 20 };

static struct client_options options = {
    .connect = 5 * PB_SECOND,
    .tls = 5 * PB_SECOND,
    .first_byte = 60 * PB_SECOND,
    .between_bytes = 60 * PB_SECOND,
    .keep_idle = 75 * PB_SECOND,
    .queue = 30 * PB_SECOND,
    .max_body = (int64_t)64 << 20,
    .per_host = 1024,
    .total = 8192,
};

void client_setup(const struct client_options *wanted)
{
    struct client_options *now = &options;

    now->connect = wanted->connect ? wanted->connect : now->connect;
    now->tls = wanted->tls ? wanted->tls : now->tls;
    now->first_byte = wanted->first_byte ? wanted->first_byte : now->first_byte;
    now->between_bytes = wanted->between_bytes ? wanted->between_bytes : now->between_bytes;
    now->keep_idle = wanted->keep_idle ? wanted->keep_idle : now->keep_idle;
    now->queue = wanted->queue ? wanted->queue : now->queue;
    now->max_body = wanted->max_body ? wanted->max_body : now->max_body;
    now->per_host = wanted->per_host ? wanted->per_host : now->per_host;
    now->total = wanted->total ? wanted->total : now->total;
}

const struct client_options *client_options_now(void)
{
    return &options;
}

struct client_figures client_figures(void)
{
    struct pool_figures pool = pool_figures();
    struct native_figures native = native_figures();

    return (struct client_figures){.open = pool.places,
                                   .idle = pool.idle,
                                   .made = native.made,
                                   .reused = native.reused,
                                   .retried = native.retried};
}

void client_fini(void)
{
    pool_fini();
    curl_fini();
    resolver_fini();
}

/* --- redirects -------------------------------------------------------------------------------- */

static bool is_redirect(int32_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* What may be told to a stranger: anything else could be a credential. */
static const char *const harmless[] = {"accept",        "accept-language",   "user-agent", "range",
                                       "if-none-match", "if-modified-since", "cache-control"};

static pb_status only_harmless(pb_http_spec *spec)
{
    pb_header *kept = PB_NEW_ARRAY(pb_header, spec->header_count + 1);
    uint32_t count = 0;

    if (!kept)
        return PB_NO_MEMORY;
    for (uint32_t i = 0; i < spec->header_count; i++)
        for (size_t j = 0; j < sizeof harmless / sizeof harmless[0]; j++)
            if (pb_str_same(spec->headers[i].name, pb_str_of(harmless[j])))
                kept[count++] = spec->headers[i];
    spec->headers = kept;
    spec->header_count = count;
    return PB_OK;
}

/* Points spec and url to where the answer sends them. */
static pb_status redirect(const pb_http *http, pb_http_spec *spec, struct url *url)
{
    struct url from = *url;
    pb_str location = exchange_header(http, pb_lit("location"));

    if (!location.size)
        return pb_fail(PB_BAD_UPSTREAM, "'%s' redirects without saying where to", http->host);
    if (url_resolve(&from, location, &spec->url) != PB_OK || url_parse(spec->url, url) != PB_OK)
        return pb_fail(PB_BAD_UPSTREAM, "'%s' redirects to something that is no http or https URL",
                       http->host);
    if (url->local.size) /* a stranger's word must not reach what is not on the net */
        return pb_fail(PB_BAD_UPSTREAM, "'%s' redirects to a Unix socket", http->host);
    if (from.secure && !url->secure)
        return pb_fail(PB_BAD_UPSTREAM, "'%s' redirects from https to http", http->host);
    return url_same_origin(&from, url) ? PB_OK : only_harmless(spec);
}

/* --- the host functions ----------------------------------------------------------------------- */

/* Hosts that turned out to speak only HTTP/2; the oldest is forgotten. */
static struct {
    char hosts[16][URL_AUTHORITY];
    size_t next;
} http2;

static bool speaks_http2(const struct url *url, bool remember)
{
    char host[URL_AUTHORITY] = {0};
    size_t most = sizeof http2.hosts / sizeof http2.hosts[0];

    url_authority(url, host);
    for (size_t i = 0; i < most; i++)
        if (strcmp(http2.hosts[i], host) == 0)
            return true;
    if (remember)
        memcpy(http2.hosts[http2.next++ % most], host, sizeof host);
    return remember;
}

/* We offer only HTTP/1.1; a server that wants another protocol says so by this alert of TLS. */
static bool wants_other_protocol(const struct url *url, pb_status status)
{
    pb_str sentence = pb_error_last()->sentence;

    return url->secure && status == PB_BAD_UPSTREAM && sentence.size &&
           strstr(sentence.data, "no application protocol");
}

static pb_status open_once(const pb_http_spec *spec, const struct url *url, pb_http **out)
{
    if ((spec->proxy.size && !url->local.size) || (url->secure && speaks_http2(url, false)))
        return curl_open(spec, url, out);
    pb_status status = native_open(spec, url, out);
    if (wants_other_protocol(url, status)) {
        speaks_http2(url, true);
        status = curl_open(spec, url, out);
    }
    return status;
}

pb_status host_http_open(const pb_http_spec *wanted, pb_http **out)
{
    pb_http_spec spec = {0};
    struct url url;
    size_t size = wanted->size < sizeof spec ? wanted->size : sizeof spec;

    *out = NULL;
    memcpy(&spec, wanted, size); /* an older plugin's is shorter: the rest is 0 */
    bool may_follow = pb_str_is(spec.method, "GET") || request_is_head(&spec);
    uint32_t follow = may_follow && spec.follow ? spec.follow : 0;
    follow = follow > REDIRECTS_MOST ? REDIRECTS_MOST : follow;
    pb_status status = request_check(&spec);
    if (status == PB_OK)
        status = url_parse(spec.url, &url);
    for (uint32_t hops = 0; status == PB_OK; hops++) {
        status = open_once(&spec, &url, out);
        if (status != PB_OK || !follow || !is_redirect((*out)->status))
            return status;
        if (hops == follow)
            status = pb_fail(PB_BAD_UPSTREAM, "'%s' redirects more than %u times", (*out)->host,
                             follow);
        else
            status = redirect(*out, &spec, &url);
        (*out)->ops->close(*out);
        *out = NULL;
    }
    return status;
}

int32_t host_http_status(pb_http *http)
{
    return http->status;
}

pb_str host_http_header(pb_http *http, pb_str name)
{
    return exchange_header(http, name);
}

pb_status host_http_read(pb_http *http, pb_str *out)
{
    return exchange_read(http, out);
}

void host_http_close(pb_http *http)
{
    if (http)
        http->ops->close(http);
}
