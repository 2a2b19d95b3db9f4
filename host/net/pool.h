/* pool.h - kept connections by origin (scheme, host, port, ca_file), and how many there may be.
 *
 * Every connection to an upstream, also one that is only being made, has a place: at most so many in
 * an origin, and in all. Who finds none waits in line. The newest idle connection is used first, so
 * that the others can time out; when all places are taken the one that was idle longest goes.
 */
#ifndef HOST_NET_POOL_H
#define HOST_NET_POOL_H

#include "net/url.h"

struct stream;
struct pool_origin;

/* The origin, made when it is not there. Held until pool_release or as long as it has places.
 * NULL: no memory. */
struct pool_origin *pool_hold(const struct url *url, pb_str ca_file);
void pool_retain(struct pool_origin *origin);
void pool_release(struct pool_origin *origin);

/* "host:port", for sentences; lives as long as the origin. */
const char *pool_host(const struct pool_origin *origin);

struct pool_wish {
    bool fresh;       /* a new connection, not a kept one */
    bool public_only; /* only one to a public address */
};

/* A place. *out is a kept connection that is usable, or NULL: make one. Parks when there is no place.
 * PB_UNAVAILABLE when none came in time, or as task_wait. */
pb_status pool_enter(struct pool_origin *origin, struct pool_wish wish, struct stream **out);

/* Gives a place back. */
void pool_leave(struct pool_origin *origin);

/* A connection of this origin has nothing to do: keeps it for `keep` at most. */
void pool_keep(struct stream *stream, pb_duration keep);

/* An idle connection ended, or is taken: forgets it. Its place stays taken. */
void pool_forget(struct stream *stream);

struct pool_figures {
    size_t places, idle;
};
struct pool_figures pool_figures(void);

/* Closes everything that is idle. */
void pool_fini(void);

#endif
