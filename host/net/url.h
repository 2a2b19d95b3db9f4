/* url.h - http and https URLs: a strict parser, and relative resolution for redirects. Also
 * "http+unix://%2Frun%2Fweb.sock/v1/turns": http over a Unix socket, its path percent-encoded.
 *
 * What is not plainly right is refused with a sentence that does not repeat the URL (it may hold a
 * secret). Nothing here parks.
 */
#ifndef HOST_NET_URL_H
#define HOST_NET_URL_H

#include <patchbay/memory.h>

/* Strings point into the parsed text where they can, else into the running scope. */
struct url {
    pb_str host;   /* lower case, without brackets and without a dot at the end */
    pb_str target; /* path and query as they are sent: begins with '/', no fragment */
    pb_str local;  /* the path of a Unix socket ("@name": abstract), or absent; then the host is localhost */
    uint16_t port;
    bool secure; /* https */
    bool v6;     /* the host is an IPv6 literal */
    bool v4;     /* the host is an IPv4 literal */
};

/* PB_OK or PB_INVALID with a sentence. Refuses: other schemes, user names, white space and control
 * characters, bytes beyond ASCII, a broken %XX, a percent in the host, ports out of 1..65535. */
pb_status url_parse(pb_str text, struct url *out);

/* The absolute URL that `reference` means when it stands in an answer to `base`, in the running
 * scope; dot segments removed, the fragment dropped. PB_INVALID as url_parse. */
pb_status url_resolve(const struct url *base, pb_str reference, pb_str *out);

/* "host", "host:8080" or "[::1]:8080": as in the Host header, the port only where it is not the
 * scheme's own. Returns the size; `out` takes URL_AUTHORITY bytes. */
enum { URL_AUTHORITY = 272 };
size_t url_authority(const struct url *url, char *out);

/* The same scheme, host and port? */
bool url_same_origin(const struct url *a, const struct url *b);

#endif
