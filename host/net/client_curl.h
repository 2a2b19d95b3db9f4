/* client_curl.h - requests by libcurl, for what the native client does not do: proxies, and hosts
 * that speak only HTTP/2. The library is in an engine of its own, opened at the first such request.
 */
#ifndef HOST_NET_CLIENT_CURL_H
#define HOST_NET_CLIENT_CURL_H

#include "net/url.h"
#include <patchbay/http.h>

/* Parks. As pb_http_open, without redirects. */
pb_status curl_open(const pb_http_spec *spec, const struct url *url, pb_http **out);

/* Closes what libcurl keeps. */
void curl_fini(void);

#endif
