/* client_native.c - see client_native.h. A place in the pool, a stream, the request, the header. */
#include "net/client_native.h"

#include "net/client_connect.h"

static struct native_figures figures;

struct native_figures native_figures(void)
{
    return figures;
}

/* A kept stream, or a new one. */
static pb_status get_stream(const pb_http_spec *spec, const struct url *url,
                            struct pool_origin *origin, bool fresh, struct stream **out)
{
    struct pool_wish wish = {.fresh = fresh, .public_only = spec->public_only != 0};
    pb_status status = pool_enter(origin, wish, out);

    if (status != PB_OK)
        return status;
    if (*out) {
        stream_begin(*out, origin, true);
        figures.reused++;
        return PB_OK;
    }
    status = stream_connect(spec, url, origin, out);
    if (status != PB_OK)
        pool_leave(origin);
    else
        figures.made++;
    return status;
}

/* One try. *stale: a kept connection died before any byte of the answer came. */
static pb_status try_once(const pb_http_spec *spec, const struct url *url,
                          struct pool_origin *origin, bool *stale, pb_http **out)
{
    struct stream *stream = NULL;
    pb_status status = get_stream(spec, url, origin, *stale, &stream);

    *stale = false;
    if (status != PB_OK)
        return status;
    exchange_limits(&stream->http, spec);
    status = stream_send(stream, spec, url);
    if (status == PB_OK)
        status = exchange_wait_header(&stream->http);
    if (status == PB_OK) {
        *out = &stream->http;
        return PB_OK;
    }
    *stale = status == PB_UNAVAILABLE && stream->reused && !stream->answered;
    stream_close(stream);
    return status;
}

pb_status native_open(const pb_http_spec *spec, const struct url *url, pb_http **out)
{
    struct pool_origin *origin = pool_hold(url, url->secure ? spec->ca_file : pb_str_make(NULL, 0));
    bool stale = false;

    if (!origin)
        return host_error()->status;
    pb_status status = try_once(spec, url, origin, &stale, out);
    if (stale) {
        figures.retried++;
        status = try_once(spec, url, origin, &stale, out);
    }
    pool_release(origin);
    return status;
}
