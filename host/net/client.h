/* client.h - the HTTP client of the worker: its limits and its end. What plugins call is
 * <patchbay/http.h>; the functions of its "http_" part are defined in client.c.
 *
 * Reading order: client.c (one request, redirects), client_native.c (a request over a stream),
 * pool.h (kept streams), client_connect.c (new ones), client_response.h (parsing),
 * client_exchange.h (what the task sees), client_curl.c (the other engine).
 */
#ifndef HOST_NET_CLIENT_H
#define HOST_NET_CLIENT_H

#include <patchbay/http.h>

/* 0 in client_setup keeps what is set. */
struct client_options {
    pb_duration connect;       /* name and connection; default 5 s */
    pb_duration tls;           /* hands to shake; default 5 s */
    pb_duration first_byte;    /* default 60 s */
    pb_duration between_bytes; /* default 60 s */
    pb_duration keep_idle;     /* a connection without a request; default 75 s */
    pb_duration queue;         /* for a place below the limits; default 30 s */
    int64_t max_body;          /* of an answer; default 64 MiB */
    int64_t per_host;          /* connections to one scheme, host and port; default 1024 */
    int64_t total;             /* connections; default 8192 */
};

void client_setup(const struct client_options *options);
const struct client_options *client_options_now(void);

/* Since the start of the process. */
struct client_figures {
    size_t open, idle; /* connections now */
    size_t made;       /* connections */
    size_t reused;     /* requests on a kept one */
    size_t retried;    /* of these, sent again on a new one */
};
struct client_figures client_figures(void);

/* Closes kept connections and stops the resolver. Before loop_fini, when no request is under way. */
void client_fini(void);

#endif
