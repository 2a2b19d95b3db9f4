/* conn.h - a byte stream over TCP or a Unix socket, plain or TLS, accepted or connected; what server and client
 * share.
 *
 * Embed `struct conn` in your own struct. Everything happens on the loop and nothing parks: ops are
 * called from there, never from inside a conn_ function (but on_block). An open connection that
 * waits holds no buffer: bytes are read into one buffer of the worker, and the out buffer is freed
 * as soon as the kernel has taken everything.
 *
 * Life: conn_init, then conn_open_fd or conn_connect; [conn_start_tls]; write and read; on_end at
 * most once; conn_close; closed(): now the memory is yours again.
 */
#ifndef HOST_NET_CONN_H
#define HOST_NET_CONN_H

#include "runtime/loop.h"
#include <patchbay/types.h>
#include <sys/socket.h>

struct conn;
struct tls_context;
struct tls_session;
struct conn_flight;

struct conn_ops {
    /* Connected; and once more when TLS that was started has shaken hands. Not called for a plain
     * accepted connection. May be NULL. */
    void (*on_ready)(struct conn *conn);

    /* Bytes, decrypted; borrowed for the call. May call anything here, conn_close too. */
    void (*on_data)(struct conn *conn, const char *data, size_t size);

    /* Nothing more will come; writing is over too, but for PB_OK. Once. The conn is still to be
     * closed. PB_OK            the other side ended its stream ("closed the connection")
     *     PB_UNAVAILABLE   refused, unreachable, reset, broken
     *     PB_BAD_UPSTREAM  TLS failed: the sentence says how
     * `sentence` is borrowed for the call. */
    void (*on_end)(struct conn *conn, pb_status why, const char *sentence);

    /* The kernel takes no more for now: something is left after a flush. May be NULL, and may be
     * called from inside conn_write and conn_flush. */
    void (*on_block)(struct conn *conn);

    /* The kernel has taken everything that was written, after on_block. May be NULL. */
    void (*on_drain)(struct conn *conn);
};

struct conn_bytes {
    char *data;
    size_t size, capacity;
};

struct conn {
    uv_tcp_t tcp;
    const struct conn_ops *ops;
    struct loop_work flush;
    struct conn_bytes plain;    /* with TLS: written, not yet encrypted */
    struct conn_bytes out;      /* for the wire, not yet given to the kernel */
    struct conn_flight *flight; /* what uv_write has, or NULL */
    struct tls_session *tls;
    void (*closed)(struct conn *conn);
    uint64_t taken; /* bytes on the wire before `flight`; see conn_taken */
    int error;      /* of uv: writing failed; on_end tells at the end of the round */
    bool connected; /* and not merely connecting */
    bool announce;  /* on_ready is due at the end of the round: a Unix socket connects at once */
    bool shaking;   /* TLS hands */
    bool paused;    /* by conn_pause */
    bool ended;     /* on_end was called */
    bool closing;   /* conn_close was called */
    bool finishing; /* conn_finish was called … */
    bool finished;  /* … and done */
    bool blocked;   /* between on_block and on_drain */
};

/* Zeroes `conn`. Nothing is open yet. */
void conn_init(struct conn *conn, const struct conn_ops *ops);

/* Takes an accepted, non-blocking socket (also when it fails: then it is closed; conn_close all the
 * same) and begins to read. */
pb_status conn_open_fd(struct conn *conn, int fd);

/* Begins to connect; on_ready or on_end tells. PB_UNAVAILABLE when it cannot even begin. */
pb_status conn_connect(struct conn *conn, const struct sockaddr *address);

/* Puts TLS over a connected conn before anything was read or written; on_ready tells when hands are
 * shaken. `server_name`: who the certificate must be for (a name or an address), NULL on the
 * server's side. `context` must outlive the conn. */
pb_status conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name);

/* Appends to the out buffer. All that is written in one round of the loop goes out in one write at
 * its end, at once beyond 32 kB. PB_CANCELLED when the conn has ended, PB_NO_MEMORY. */
pb_status conn_write(struct conn *conn, const char *data, size_t size);

/* The same without a copy: room for `size` bytes, NULL as for conn_write's failures; then
 * conn_wrote with what was filled, before anything else is called. */
char *conn_room(struct conn *conn, size_t size);
void conn_wrote(struct conn *conn, size_t size);

/* Writes what is buffered now. */
void conn_flush(struct conn *conn);

/* Bytes written and not yet taken by the kernel. Owners stop writing above a limit of theirs and go
 * on at on_drain. */
size_t conn_pending(const struct conn *conn);

/* Bytes that the kernel took since the beginning: when it moves there is progress. */
uint64_t conn_taken(const struct conn *conn);

/* Stops and starts reading. After conn_pause up to 64 kB that were read already may still come
 * (TLS). While paused the end of the other side is not seen. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

/* No more writing: when all is out the stream is ended (TLS close_notify, FIN). Reading goes on. */
void conn_finish(struct conn *conn);

/* Closes now; what the kernel has not taken is lost (call after on_drain or conn_pending() == 0 to
 * lose nothing). No op is called any more; `closed` (NULL: none) is, later, from the loop. */
void conn_close(struct conn *conn, void (*closed)(struct conn *conn));

/* Is it open, with nothing ended: may a kept connection be used again? */
bool conn_usable(const struct conn *conn);

/* The address connected to or accepted from, of what the kernel says; for address checks. */
bool conn_peer(const struct conn *conn, struct sockaddr_storage *out);

#endif
