/* tls.h - TLS as a filter between a conn and its owner; the work is done by an engine in its own
 * .so.
 *
 * OpenSSL costs memory that a plain service need not pay, so patchbay-tls.so is opened at the first
 * use. Host code uses tls_server, tls_client, tls_context_free and conn_start_tls; the table below
 * is between host/net and engine_tls.c only.
 */
#ifndef HOST_NET_TLS_H
#define HOST_NET_TLS_H

#include <patchbay/types.h>

struct tls_context; /* a certificate, or whom to trust; shared by many connections */
struct tls_session; /* one connection */

/* For a listener (tls_pair.h): PEM files. Sets the task's error. PB_INVALID: a file cannot be read, or the key
 * does not belong to the certificate; PB_UNAVAILABLE: no engine. Does blocking file reads: at
 * start. */
pb_status tls_server(pb_str certificate, pb_str key, struct tls_context **out);

/* For the client: trust `ca_file` (PEM), or the system's authorities when absent. Sessions are
 * resumed per server name within a context, so keep one. Counted: the same ca_file gives the same
 * context. */
pb_status tls_client(pb_str ca_file, struct tls_context **out);

/* Lets go; a context that connections still use lives on until they end. */
void tls_context_free(struct tls_context *context);

/* --- between host and engine -------------------------------------------------------------------
 */

enum { TLS_ENGINE_VERSION = 2, TLS_SENTENCE_SIZE = 256, TLS_TICKET_KEYS = 80 };

/* Where a session's encrypted bytes go. */
struct tls_sink {
    bool (*send)(void *owner, const char *data, size_t size); /* false: no memory */
    void *owner;
};

enum tls_result {
    TLS_READY, /* done; for read: *size bytes */
    TLS_MORE,  /* wants more bytes from the peer */
    TLS_ENDED, /* the peer said close_notify */
    TLS_FAILED /* see sentence() */
};

struct tls_engine {
    uint32_t version;
    uint32_t size;

    /* `certificate` NULL: a client's context, `ca_file` NULL: the system's. NULL on failure with
     * the reason in why[TLS_SENTENCE_SIZE]. Any thread, once one was made. */
    struct tls_context *(*context_new)(const char *certificate, const char *key,
                                       const char *ca_file, char *why);
    void (*context_free)(struct tls_context *context);
    /* A server's: whoever has the same keys resumes its sessions. */
    void (*ticket_keys)(struct tls_context *context, const unsigned char keys[TLS_TICKET_KEYS]);

    /* `server_name` NULL: the server's side. */
    struct tls_session *(*session_new)(struct tls_context *context, const char *server_name,
                                       struct tls_sink sink);
    void (*session_free)(struct tls_session *session);

    /* Encrypted bytes from the peer, borrowed until `shake` or `read` says TLS_MORE. */
    void (*feed)(struct tls_session *session, const char *data, size_t size);
    enum tls_result (*shake)(struct tls_session *session);
    enum tls_result (*read)(struct tls_session *session, char *data, size_t *size);
    bool (*write)(struct tls_session *session, const char *data, size_t size);
    void (*end)(struct tls_session *session); /* sends close_notify */
    const char *(*sentence)(struct tls_session *session);
    bool (*resumed)(struct tls_session *session);
};

/* The table's name in the engine. */
#define TLS_ENGINE_SYMBOL "patchbay_tls_engine"

/* The engine, opened; NULL with the task's error set. */
const struct tls_engine *tls_engine(void);

#endif
