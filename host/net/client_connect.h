/* client_connect.h - a new connection: the name, a race between its addresses, TLS. */
#ifndef HOST_NET_CLIENT_CONNECT_H
#define HOST_NET_CLIENT_CONNECT_H

#include "net/client_stream.h"

/* Parks. The stream belongs to the origin of `origin`, whose place the caller has entered (and
 * leaves again on failure). PB_UNAVAILABLE, PB_TIMEOUT, PB_FORBIDDEN, PB_BAD_UPSTREAM (TLS), or as
 * task_wait. */
pb_status stream_connect(const pb_http_spec *spec, const struct url *url,
                         struct pool_origin *origin, struct stream **out);

/* From the stream's ops, while it is connecting. */
void race_ready(struct stream *stream);
void race_lost(struct stream *stream, const char *sentence);

#endif
