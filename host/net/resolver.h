/* resolver.h - host names to addresses, on threads of its own, and which addresses are public.
 *
 * getaddrinfo blocks, so it runs on a few threads that start with the first name and end with
 * resolver_fini. Answers are kept for 30 s, failures for 1 s; tasks that ask for one name at once
 * share one look-up. Literal addresses touch neither threads nor cache.
 */
#ifndef HOST_NET_RESOLVER_H
#define HOST_NET_RESOLVER_H

#include "net/url.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum { RESOLVER_ADDRESSES = 8 };

union resolver_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct resolver_answer {
    union resolver_address addresses[RESOLVER_ADDRESSES]; /* in the order to try, families mixed */
    size_t count;
};

/* The addresses of the URL's host with its port. Parks when the cache has no answer. PB_OK,
 * PB_UNAVAILABLE (no such name), PB_TIMEOUT beyond `limit` without an error set, or as task_wait. */
pb_status resolver_lookup(const struct url *url, pb_duration limit, struct resolver_answer *out);

/* Is this an address of the public internet: not loopback, private, link-local, unique-local,
 * carrier-grade NAT, multicast, documentation, reserved, nor one of these inside of an IPv6
 * address (mapped, NAT64, 6to4, Teredo)? */
bool resolver_is_public(const struct sockaddr *address);

/* "127.0.0.1" or "[::1]" with ":port"; for logs. `out` takes RESOLVER_TEXT bytes. */
enum { RESOLVER_TEXT = 64 };
void resolver_text(const struct sockaddr *address, char *out);

/* What the threads call instead of getaddrinfo; NULL: getaddrinfo. For tests. */
struct addrinfo;
typedef int resolver_fn(const char *name, struct addrinfo **out);
void resolver_override(resolver_fn *resolve, void (*release)(struct addrinfo *));

/* Figures: look-ups that a thread did. */
size_t resolver_lookups(void);

/* Ends idle threads and forgets all answers. Threads inside getaddrinfo end by themselves. Before
 * loop_fini. */
void resolver_fini(void);

#endif
