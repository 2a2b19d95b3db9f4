/* client_stream.h - a connection to an upstream that carries one exchange after another.
 *
 * A stream is what pb_http is for the native engine (its first member). Life: connecting (in a race
 * with others), shaking hands, busy with an exchange, idle in the pool, gone.
 */
#ifndef HOST_NET_CLIENT_STREAM_H
#define HOST_NET_CLIENT_STREAM_H

#include "net/client_response.h"
#include "net/conn.h"
#include "net/pool.h"

enum stream_state {
    STREAM_CONNECTING, /* in a race */
    STREAM_MADE,       /* connected; shaking hands when it is to be TLS */
    STREAM_BUSY,       /* with an exchange */
    STREAM_IDLE,       /* in the pool */
    STREAM_GONE
};

struct stream {
    struct pb_http http;
    struct conn conn;
    struct response response;
    struct pool_origin *origin; /* where it counts; NULL while connecting */
    struct list_link link;      /* idle: in its origin, the newest first */
    struct list_link age;       /* idle: in the pool, the oldest first */
    struct timer timer;         /* idle: until it is closed; busy: to send more */
    struct race *race;          /* while connecting */
    pb_str unsent;              /* of the request's body, borrowed */
    uint64_t taken;             /* of conn_taken, when asked last */
    enum stream_state state;
    bool reused;   /* the exchange began on a kept connection */
    bool answered; /* a byte of the answer came */
    bool ready;    /* hands are shaken */
    bool spoiled;  /* the connection must not carry another exchange */
    bool held;     /* a task has the exchange; it then holds the origin too */
    bool closed;   /* the connection is closed: only `held` keeps the memory */
    bool is_public;
};

/* Begins to connect; race_* tells how it goes. NULL with the task's error. */
struct stream *stream_new(struct race *race, const struct sockaddr *address);

/* A task begins an exchange: until stream_close or until the stream is kept. */
void stream_begin(struct stream *stream, struct pool_origin *origin, bool reused);

/* Closes the connection now and frees the stream soon. The place in the pool is given back. */
void stream_close(struct stream *stream);

/* Writes the request: header and small body in one write; more of a large one as it drains. */
pb_status stream_send(struct stream *stream, const pb_http_spec *spec, const struct url *url);

extern const struct exchange_ops stream_exchange_ops;

#endif
