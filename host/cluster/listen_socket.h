/* listen_socket.h - opening a listening TCP socket for an address of the configuration. */
#ifndef HOST_CLUSTER_LISTEN_SOCKET_H
#define HOST_CLUSTER_LISTEN_SOCKET_H

#include <patchbay/types.h>
#include <sys/socket.h>

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080". PB_INVALID with the sentence. */
pb_status listen_address_parse(pb_str address, struct sockaddr_storage *out, int *port);

/* The part before the last colon ("[::1]"), for a URL. */
pb_str listen_address_host(pb_str address);

/* Binds and listens. *fd is non-blocking and close-on-exec; *port is the one that it got.
 * PB_INVALID, PB_CONFLICT (in use), PB_FORBIDDEN, PB_UNAVAILABLE, each with its sentence. Does not
 * park. */
pb_status listen_socket_open(pb_str address, int *fd, int *port);

/* The port that a listening socket has; 0 when it is none. */
int listen_socket_port(int fd);

#endif
