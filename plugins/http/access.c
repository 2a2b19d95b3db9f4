/* access.c - who may ask: hosts, origins, credentials.
 *
 * A listener without `auth` trusts whoever can connect. A web page can connect too, by a name of
 * its own that it points to 127.0.0.1; its requests carry that name in Host, so it must be an
 * address or localhost there.
 */
#include "http.h"

static bool is_address(pb_str host)
{
    if (pb_str_same(host, pb_lit("localhost")) || pb_str_ends(host, pb_lit(".localhost")))
        return true;
    if (host.size && host.data[0] == '[')
        return true;
    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    return host.size > 0;
}

/* "[::1]:80" gives "[::1]". */
static pb_str without_port(pb_str host)
{
    size_t end = host.size;

    while (end && host.data[end - 1] >= '0' && host.data[end - 1] <= '9')
        end--;
    if (end && host.data[end - 1] == ':')
        host.size = end - 1;
    return host;
}

bool address_is_loopback(pb_str listen)
{
    pb_str host = without_port(listen);

    return pb_str_starts(listen, pb_lit("unix:")) || pb_str_is(host, "[::1]") || pb_str_is(host, "::1") ||
           pb_str_same(host, pb_lit("localhost")) ||
           (pb_str_starts(host, pb_lit("127.")) && is_address(host));
}

pb_status access_check_host(const struct exchange *exchange)
{
    const struct http *http = exchange->http;
    pb_str host;

    if (http->auth.count || http->insecure)
        return PB_OK;
    host = pb_request_header(exchange->request, "host");
    if (!host.data || is_address(without_port(host)))
        return PB_OK;
    return pb_fail(PB_FORBIDDEN, "a listener without `auth` answers only to localhost and to "
                                 "addresses, not to the name in Host");
}

pb_status access_check_page(const struct exchange *exchange)
{
    const pb_request *request = exchange->request;
    pb_str origin = pb_request_header(request, "origin");
    pb_str site = pb_request_header(request, "sec-fetch-site");
    pb_str host = pb_request_header(request, "host");
    size_t scheme = pb_str_find(origin, ':') + 3; /* "https://" */
    bool same = pb_str_same(site, pb_lit("same-origin")) || pb_str_same(site, pb_lit("none")) ||
                (!site.size &&
                 (!origin.size ||
                  (host.size && pb_str_same(pb_str_slice(origin, scheme, origin.size), host))));

    return same || exchange->origin.size
               ? (pb_status)PB_OK
               : pb_fail(PB_FORBIDDEN, "web pages may send this only from an origin in `cors`");
}

pb_status access_authenticate(struct exchange *exchange)
{
    const pb_request *request = exchange->request;
    pb_credentials credentials = {
        .size = (uint32_t)sizeof credentials,
        .loopback = request->loopback,
        .authorization = pb_request_header(request, "authorization"),
        .api_key = pb_request_header(request, "x-api-key"),
        .cookie = pb_request_header(request, "cookie"),
        .remote = request->remote,
    };

    if (exchange->http->auth.count == 0) {
        exchange->principal = (pb_principal){
            .size = (uint32_t)sizeof(pb_principal),
            .id = pb_lit("anonymous"),
            .tenant = pb_lit("default"),
            .name = pb_lit("anonymous"),
        };
        return PB_OK;
    }
    if (!credentials.api_key.data)
        credentials.api_key = pb_request_header(request, "api-key");
    return pb_authenticate(exchange->http->auth, &credentials, &exchange->principal);
}

void access_origin(struct exchange *exchange)
{
    const pb_list *origins = &exchange->http->cors.origins;
    pb_str origin;

    if (origins->count == 0)
        return;
    origin = pb_request_header(exchange->request, "origin");
    for (size_t i = 0; origin.size && i < origins->count; i++) {
        pb_str allowed = PB_ITEM(*origins, pb_str, i);
        if (pb_str_is(allowed, "*") || pb_str_same(allowed, origin)) {
            exchange->origin = pb_str_is(allowed, "*") ? allowed : origin;
            return;
        }
    }
}

/* The headers that a page asks to send, when they are a list of names and nothing else. */
static pb_str asked_headers(const pb_request *request)
{
    pb_str asked = pb_request_header(request, "access-control-request-headers");

    for (size_t i = 0; i < asked.size; i++) {
        unsigned char c = (unsigned char)asked.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("-_, ", c))
            return pb_lit("Authorization, Content-Type");
    }
    return asked.size ? asked : pb_lit("Authorization, Content-Type");
}

pb_status access_preflight(struct exchange *exchange)
{
    pb_header headers[10];
    size_t count = 0;

    headers[count++] = (pb_header){pb_lit("Allow"), exchange->allow};
    headers[count++] = (pb_header){pb_lit("X-Request-Id"), exchange->request->id};
    if (exchange->origin.size) {
        headers[count++] = (pb_header){pb_lit("Access-Control-Allow-Origin"), exchange->origin};
        headers[count++] = (pb_header){pb_lit("Access-Control-Allow-Methods"), exchange->allow};
        headers[count++] =
            (pb_header){pb_lit("Access-Control-Allow-Headers"), asked_headers(exchange->request)};
        headers[count++] = (pb_header){pb_lit("Access-Control-Max-Age"), exchange->http->max_age};
        if (exchange->http->cors.credentials)
            headers[count++] =
                (pb_header){pb_lit("Access-Control-Allow-Credentials"), pb_lit("true")};
    }
    if (exchange->http->cors.origins.count)
        headers[count++] = (pb_header){pb_lit("Vary"), pb_lit("Origin, Access-Control-Request-Headers")};
    exchange->answered = true;
    return pb_respond(exchange->request, 204, headers, count, pb_lit(""));
}
