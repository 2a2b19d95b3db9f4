/* tls_pair.h - a listener's certificate and key, followed as their files change, and the keys of its
 * session tickets, which all workers share.
 *
 * A new pair is taken when chain and key fit together, and only for hands that are shaken from then
 * on; until then, and for connections that are open, the one before stays.
 */
#ifndef HOST_NET_TLS_PAIR_H
#define HOST_NET_TLS_PAIR_H

#include <patchbay/types.h>

struct tls_context;
struct tls_pair;

/* PB_INVALID, PB_UNAVAILABLE as tls_server. Parks. */
pb_status tls_pair_open(pb_str certificate, pb_str key, struct tls_pair **out);

/* The newest; valid until the task or the round of the loop ends, or for as long as a session uses it. */
struct tls_context *tls_pair_context(const struct tls_pair *pair);

/* Parks while its files are being read. NULL is fine. */
void tls_pair_close(struct tls_pair *pair);

/* How often the files are looked at; 1 s. For tests. */
void tls_pair_every(pb_duration time);

#endif
