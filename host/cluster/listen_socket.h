/* listen_socket.h - opening a listening socket for an address of the configuration: TCP, a Unix socket,
 * or one that systemd handed over.
 *
 *     127.0.0.1:8080   [::1]:8080   localhost:8080
 *     unix:/run/patchbay/web.sock   unix:@name (abstract: no file)
 *     systemd:web   systemd:0 (by name, or by place)
 */
#ifndef HOST_CLUSTER_LISTEN_SOCKET_H
#define HOST_CLUSTER_LISTEN_SOCKET_H

#include <patchbay/types.h>
#include <sys/socket.h>
#include <sys/types.h>

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_SYSTEMD };

struct listen_address {
    enum listen_kind kind;
    struct sockaddr_storage at; /* not of systemd's */
    socklen_t size;
    int port; /* the one that was asked for, 0: any; -1 where there are none */
};

/* PB_INVALID with the sentence. A path must be absolute. */
pb_status listen_address_parse(pb_str address, struct listen_address *out);

/* The part before the last colon ("[::1]"), for a URL; of TCP. */
pb_str listen_address_host(pb_str address);

/* Where to listen; mode and group are those of a Unix socket's file. */
struct listen_wish {
    pb_str address;
    uint32_t mode; /* 0: 0660 */
    int64_t group; /* -1: that of the process */
};

/* Binds and listens, or finds systemd's. *fd is non-blocking, close-on-exec, the caller's.
 * PB_INVALID, PB_CONFLICT (in use), PB_FORBIDDEN, PB_NOT_FOUND, PB_UNAVAILABLE, each with its
 * sentence. Does not park. */
pb_status listen_socket_open(const struct listen_wish *wish, int *fd);

/* The port that a listening socket has; 0 when it is none. */
int listen_socket_port(int fd);

/* "unix:/path", "unix:@name" or "127.0.0.1:8080" as the kernel names it; out takes LISTEN_TEXT bytes. */
enum { LISTEN_TEXT = 160 };
void listen_socket_text(int fd, char *out);

/* --- listen_unix.c ---------------------------------------------------------------------------- */

/* The file of a Unix socket as it was found, so that only that one is removed. 0: there is none. */
struct listen_file {
    dev_t device;
    ino_t inode;
};

/* Takes the place of a file that nobody listens on any more; PB_CONFLICT when somebody does, or when
 * it is no socket. */
pb_status listen_unix_open(const struct listen_wish *wish, const struct listen_address *address,
                           int *fd);
pb_status listen_unix_permit(const struct listen_wish *wish, const struct listen_address *address);
struct listen_file listen_unix_file(pb_str address);
void listen_unix_remove(pb_str address, struct listen_file file);

/* --- listen_inherited.c ----------------------------------------------------------------------- */

/* Takes note of the sockets that systemd started this process with (LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES) and takes them out of the environment. */
void listen_inherited_take(void);

/* Puts them back for a program that takes this one's place; `keep` false: takes them out again. */
void listen_inherited_pass(bool keep);

/* A copy of the descriptor. PB_NOT_FOUND with what there is. */
pb_status listen_inherited_open(pb_str name, int *fd);

#endif
