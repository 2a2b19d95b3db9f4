/* tls_upstream.h - scripted upstreams (upstream.h) that speak TLS, with certificates made here.
 * OpenSSL's own blocking server is the other side, so nothing of ours is on both ends. */
#ifndef TESTS_UNIT_NET_TLS_UPSTREAM_H
#define TESTS_UNIT_NET_TLS_UPSTREAM_H

#include "upstream.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* A certificate that is its own authority, in files of a folder of its own. */
struct certificate {
    char folder[32], pem[64], key[64];
};

static inline void certificate_write(const struct certificate *to, X509 *x509, EVP_PKEY *pair)
{
    FILE *file = fopen(to->pem, "w");
    PEM_write_X509(file, x509);
    fclose(file);
    file = fopen(to->key, "w");
    PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static inline void certificate_extend(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ck_assert_ptr_nonnull(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* `names`: "DNS:localhost,IP:127.0.0.1"; valid for `seconds` from an hour ago. */
static inline void certificate_make(struct certificate *out, const char *names, long seconds)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();

    strcpy(out->folder, "/tmp/patchbay-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(out->folder));
    snprintf(out->pem, sizeof out->pem, "%s/certificate.pem", out->folder);
    snprintf(out->key, sizeof out->key, "%s/key.pem", out->folder);
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), seconds - 3600);
    X509_set_pubkey(x509, pair);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)"patchbay test", -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    certificate_extend(x509, NID_subject_alt_name, names);
    certificate_extend(x509, NID_basic_constraints, "critical,CA:TRUE");
    ck_assert_int_gt(X509_sign(x509, pair, EVP_sha256()), 0);
    certificate_write(out, x509, pair);
    X509_free(x509);
    EVP_PKEY_free(pair);
}

static inline void certificate_remove(const struct certificate *certificate)
{
    unlink(certificate->pem);
    unlink(certificate->key);
    rmdir(certificate->folder);
}

/* What upstream.arg points to. */
struct tls_upstream {
    SSL_CTX *context;
    void (*script)(struct upstream_peer *peer, SSL *ssl);
    const void *arg;
    atomic_int resumed, shaken, failed;
};

/* The script of every TLS upstream: shakes hands, then the real one. */
static inline void tls_script(struct upstream_peer *peer)
{
    struct tls_upstream *tls = (struct tls_upstream *)(uintptr_t)peer->upstream->arg;
    SSL *ssl = SSL_new(tls->context);

    SSL_set_fd(ssl, peer->fd);
    if (SSL_accept(ssl) == 1) {
        tls->shaken++;
        tls->resumed += SSL_session_reused(ssl);
        tls->script(peer, ssl);
    } else {
        tls->failed++;
    }
    SSL_free(ssl);
}

static inline void tls_upstream_open(struct upstream *upstream, struct tls_upstream *tls,
                                     const struct certificate *certificate,
                                     void (*script)(struct upstream_peer *peer, SSL *ssl))
{
    memset(tls, 0, sizeof *tls);
    tls->context = SSL_CTX_new(TLS_server_method());
    tls->script = script;
    ck_assert_int_eq(SSL_CTX_use_certificate_file(tls->context, certificate->pem, SSL_FILETYPE_PEM), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(tls->context, certificate->key, SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    upstream_open(upstream, tls_script, tls);
}

static inline void tls_upstream_close(struct upstream *upstream, struct tls_upstream *tls)
{
    upstream_close(upstream);
    SSL_CTX_free(tls->context);
}

/* Reads one request without a body; false at the end. */
static inline bool tls_request(struct upstream_peer *peer, SSL *ssl)
{
    peer->size = 0;
    for (;;) {
        int got = SSL_read(ssl, peer->bytes + peer->size, (int)(sizeof peer->bytes - 1 - peer->size));
        if (got <= 0) {
            peer->upstream->saw_end++;
            return false;
        }
        peer->size += (size_t)got;
        peer->bytes[peer->size] = 0;
        if (strstr(peer->bytes, "\r\n\r\n"))
            break;
    }
    peer->upstream->requests++;
    return true;
}

static inline void tls_say(SSL *ssl, const char *text)
{
    SSL_write(ssl, text, (int)strlen(text));
}

#endif
