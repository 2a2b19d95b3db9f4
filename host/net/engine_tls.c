/* engine_tls.c - patchbay-tls.so: OpenSSL behind the table of tls.h. Not part of the host library.
 *
 * A BIO of our own takes encrypted bytes straight from the bytes that were fed and hands them
 * straight to the sink, so that no memory BIO keeps a buffer per connection.
 */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAVED_MOST = 64 };

/* A session to resume, by server name; newest first. Used once, as TLS 1.3 asks. */
struct saved {
    struct saved *next;
    SSL_SESSION *session;
    char name[];
};

struct tls_context {
    SSL_CTX *ssl;
    unsigned users; /* whoever made it, and each session */
    bool server;
    struct saved *saved;
};

struct tls_session {
    SSL *ssl;
    struct tls_context *context;
    struct tls_sink sink;
    const char *in;
    size_t in_size;
    char name[]; /* of the server; empty on the server's side */
};

static BIO_METHOD *method;
static char sentence[TLS_SENTENCE_SIZE];
static const unsigned char protocols[] = "\x08http/1.1";

/* --- the BIO ---------------------------------------------------------------------------------- */

static int take(BIO *bio, char *data, int size)
{
    struct tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (session->in_size == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if ((size_t)size > session->in_size)
        size = (int)session->in_size;
    memcpy(data, session->in, (size_t)size);
    session->in += size;
    session->in_size -= (size_t)size;
    return size;
}

static int give(BIO *bio, const char *data, int size)
{
    struct tls_session *session = BIO_get_data(bio);
    return session->sink.send(session->sink.owner, data, (size_t)size) ? size : -1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static bool make_method(void)
{
    if (method)
        return true;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "patchbay");
    return method && BIO_meth_set_read(method, take) && BIO_meth_set_write(method, give) &&
           BIO_meth_set_ctrl(method, control);
}

/* --- sessions to resume ----------------------------------------------------------------------- */

static int save(SSL *ssl, SSL_SESSION *resumable)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    struct tls_context *context = session->context;
    size_t size = strlen(session->name) + 1;
    struct saved *saved = malloc(sizeof *saved + size), **at;
    int count = 0;

    if (!saved)
        return 0;
    memcpy(saved->name, session->name, size);
    saved->session = resumable;
    saved->next = context->saved;
    context->saved = saved;
    for (at = &context->saved; *at; at = &(*at)->next)
        if (++count > SAVED_MOST) {
            struct saved *oldest = *at; /* the last: one comes in, one goes out */
            *at = oldest->next;
            SSL_SESSION_free(oldest->session);
            free(oldest);
            break;
        }
    return 1; /* the reference is ours now */
}

static void resume(struct tls_session *session)
{
    for (struct saved **at = &session->context->saved; *at; at = &(*at)->next) {
        struct saved *saved = *at;
        if (strcmp(saved->name, session->name) != 0)
            continue;
        *at = saved->next;
        if (SSL_SESSION_is_resumable(saved->session))
            SSL_set_session(session->ssl, saved->session);
        SSL_SESSION_free(saved->session);
        free(saved);
        return;
    }
}

/* --- contexts --------------------------------------------------------------------------------- */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size,
                           const unsigned char *offered, unsigned int offered_size, void *arg)
{
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, size, protocols, sizeof protocols - 1, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const char *reason(void)
{
    unsigned long code = ERR_peek_error(); /* the earliest is the cause */
    const char *text = ERR_reason_error_string(code);

    if (!text && ERR_SYSTEM_ERROR(code))
        text = strerror(ERR_GET_REASON(code));
    return text ? text : "unknown error";
}

static bool set_up_server(SSL_CTX *ssl, const char *certificate, const char *key, char *why)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) {
        snprintf(why, TLS_SENTENCE_SIZE, "the certificate '%s' cannot be used: %s", certificate,
                 reason());
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        snprintf(why, TLS_SENTENCE_SIZE, "the key '%s' cannot be used with this certificate: %s",
                 key, reason());
        return false;
    }
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"patchbay", 8);
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    return true;
}

static bool set_up_client(SSL_CTX *ssl, const char *ca_file, char *why)
{
    int loaded = ca_file ? SSL_CTX_load_verify_locations(ssl, ca_file, NULL)
                         : SSL_CTX_set_default_verify_paths(ssl);
    if (loaded != 1) {
        snprintf(why, TLS_SENTENCE_SIZE, "the authorities in '%s' cannot be used: %s",
                 ca_file ? ca_file : "the system's folder", reason());
        return false;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, save);
    if (SSL_CTX_set_alpn_protos(ssl, protocols, sizeof protocols - 1) != 0) {
        snprintf(why, TLS_SENTENCE_SIZE, "out of memory");
        return false;
    }
    return true;
}

static void context_free(struct tls_context *context)
{
    if (--context->users)
        return;
    while (context->saved) {
        struct saved *saved = context->saved;
        context->saved = saved->next;
        SSL_SESSION_free(saved->session);
        free(saved);
    }
    SSL_CTX_free(context->ssl);
    free(context);
}

static struct tls_context *context_new(const char *certificate, const char *key,
                                       const char *ca_file, char *why)
{
    struct tls_context *context = calloc(1, sizeof *context);
    SSL_CTX *ssl = NULL;

    ERR_clear_error();
    snprintf(why, TLS_SENTENCE_SIZE, "out of memory");
    if (!context || !make_method())
        goto failed;
    context->server = certificate != NULL;
    ssl = SSL_CTX_new(context->server ? TLS_server_method() : TLS_client_method());
    if (!ssl || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1)
        goto failed;
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (!(context->server ? set_up_server(ssl, certificate, key, why)
                          : set_up_client(ssl, ca_file, why)))
        goto failed;
    context->ssl = ssl;
    context->users = 1;
    return context;
failed:
    SSL_CTX_free(ssl);
    free(context);
    return NULL;
}

static void ticket_keys(struct tls_context *context, const unsigned char keys[TLS_TICKET_KEYS])
{
    (void)SSL_CTX_set_tlsext_ticket_keys(context->ssl, (void *)(uintptr_t)keys, TLS_TICKET_KEYS);
}

/* --- sessions --------------------------------------------------------------------------------- */

static bool expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return true;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static struct tls_session *session_new(struct tls_context *context, const char *server_name,
                                       struct tls_sink sink)
{
    size_t name = server_name ? strlen(server_name) : 0;
    struct tls_session *session = calloc(1, sizeof *session + name + 1);
    BIO *bio = NULL;

    ERR_clear_error();
    if (!session)
        return NULL;
    session->ssl = SSL_new(context->ssl);
    bio = BIO_new(method);
    if (!session->ssl || !bio ||
        (!context->server && (!server_name || !expect_name(session->ssl, server_name)))) {
        BIO_free(bio);
        SSL_free(session->ssl);
        free(session);
        return NULL;
    }
    session->sink = sink;
    session->context = context;
    context->users++;
    memcpy(session->name, server_name ? server_name : "", name + 1);
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_app_data(session->ssl, session);
    if (context->server) {
        SSL_set_accept_state(session->ssl);
    } else {
        SSL_set_connect_state(session->ssl);
        resume(session);
    }
    return session;
}

static void session_free(struct tls_session *session)
{
    SSL_free(session->ssl);
    context_free(session->context);
    free(session);
}

static void feed(struct tls_session *session, const char *data, size_t size)
{
    session->in = data;
    session->in_size = size;
}

static enum tls_result judge(struct tls_session *session, int result)
{
    long verified;

    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        verified = SSL_get_verify_result(session->ssl);
        if (!session->context->server && verified != X509_V_OK)
            snprintf(sentence, sizeof sentence, "the certificate is not accepted: %s",
                     X509_verify_cert_error_string(verified));
        else
            snprintf(sentence, sizeof sentence, "%s", reason());
        return TLS_FAILED;
    }
}

static enum tls_result shake(struct tls_session *session)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    return result == 1 ? TLS_READY : judge(session, result);
}

static enum tls_result read_plain(struct tls_session *session, char *data, size_t *size)
{
    ERR_clear_error();
    int result = SSL_read_ex(session->ssl, data, *size, size);
    return result == 1 ? TLS_READY : judge(session, result);
}

static bool write_plain(struct tls_session *session, const char *data, size_t size)
{
    size_t written = 0;

    ERR_clear_error();
    return SSL_write_ex(session->ssl, data, size, &written) == 1 && written == size;
}

static void end(struct tls_session *session)
{
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl);
}

static const char *last_sentence(struct tls_session *session)
{
    (void)session;
    return sentence;
}

static bool resumed(struct tls_session *session)
{
    return SSL_session_reused(session->ssl) == 1;
}

extern const struct tls_engine patchbay_tls_engine;
__attribute__((visibility("default"))) const struct tls_engine patchbay_tls_engine = {
    .version = TLS_ENGINE_VERSION,
    .size = sizeof(struct tls_engine),
    .context_new = context_new,
    .context_free = context_free,
    .ticket_keys = ticket_keys,
    .session_new = session_new,
    .session_free = session_free,
    .feed = feed,
    .shake = shake,
    .read = read_plain,
    .write = write_plain,
    .end = end,
    .sentence = last_sentence,
    .resumed = resumed,
};
