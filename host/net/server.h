/* server.h - the HTTP/1.1 server behind <patchbay/http_server.h>: what the host asks of it.
 *
 * Reading order: listener_open.c opens, listener.c accepts, server.c has a connection's life, server_head.c and
 * server_body.c read, server_request.c runs the handler on its task, server_respond.c answers.
 *
 * A client that ends its stream (closes, or shuts down its sending side) after a whole request is
 * taken as gone: its handler is cancelled. HTTP/1.1 clients keep their side open until they have
 * the answer.
 */
#ifndef HOST_NET_SERVER_H
#define HOST_NET_SERVER_H

#include <patchbay/http_server.h>

/* What a pb_listen_spec that says 0 gets. Set before the first listener. */
struct server_defaults {
    int64_t max_header;      /* request line and header, bytes */
    int64_t max_body;        /* bytes */
    int64_t max_upload;
    int64_t max_connections; /* of a listener */
    int64_t max_connections_per_address;
    pb_duration header_timeout;
    pb_duration body_timeout;
    pb_duration write_timeout;
    pb_duration keepalive_timeout;
    pb_duration drain_timeout; /* of pb_listener_close */
    const char *data_dir; /* where "unix:name" lies; NULL: there is no such place */
};
extern struct server_defaults server_defaults;

/* Names whoever listens ("transports.web"), so that all workers mean the same socket; NULL, or absent:
 * the address does. Asked in pb_listen. */
extern pb_str (*server_owner)(void);

/* The port that a listener got (port 0: any). */
int listener_port(const pb_listener *listener);

/* "http://127.0.0.1:8080", "unix:/run/web.sock". Lives as long as the listener. */
pb_str listener_url(const pb_listener *listener);

/* Calls `each` with the URL of every open listener, in the order of opening. */
void listeners_each(void (*each)(void *arg, pb_str url), void *arg);

/* Begins to drain every listener: accepts no more, closes idle connections, answers what runs and
 * what has begun to arrive with "Connection: close". Does not wait; server_connections() falls to
 * 0. */
void server_drain(void);

/* Another process serves the same sockets from now on: accepts no more, and the next answer on each
 * connection says "Connection: close". Idle connections stay until they time out. */
void server_retire(void);

/* The end of patience: closes every connection now, its handlers are cancelled. */
void server_cut(void);

/* Open connections of all listeners, and requests whose handler runs. */
size_t server_connections(void);
size_t server_requests(void);

#endif
