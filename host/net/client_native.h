/* client_native.h - a request over a stream of our own: the hot path. */
#ifndef HOST_NET_CLIENT_NATIVE_H
#define HOST_NET_CLIENT_NATIVE_H

#include "net/url.h"
#include <patchbay/http.h>

/* Parks until the header of the answer is there. As pb_http_open. */
pb_status native_open(const pb_http_spec *spec, const struct url *url, pb_http **out);

struct native_figures {
    size_t made, reused, retried;
};
struct native_figures native_figures(void);

#endif
